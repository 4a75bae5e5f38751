//! Figures as people read them: few digits, one unit per column, nothing wider than it must be.

/// Nanoseconds as milliseconds with about three digits: `1234`, `98.7`, `9.87`, `0.012`; `0` only for nothing at all.
#[must_use]
pub fn ms(nanoseconds: f64) -> String {
    let ms = nanoseconds / 1e6;
    let decimals = match ms {
        v if v >= 99.95 || v == 0.0 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        _ => 3,
    };
    format!("{ms:.decimals$}")
}

/// A ratio: `1.00`, `12.3`, `456`.
#[must_use]
pub fn ratio(ratio: f64) -> String {
    let decimals = match ratio {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    format!("{ratio:.decimals$}")
}

/// A share from 0 to 1 in percent, in at most three characters up to 999: `0.4`, `12`.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 9.95 || percent == 0.0 { format!("{percent:.0}") } else { format!("{percent:.1}") }
}

/// Bytes as MiB: `12345`, `12.3`.
#[must_use]
pub fn mib(bytes: u64) -> String {
    let mib = bytes as f64 / (1u64 << 20) as f64;
    if mib >= 99.95 { format!("{mib:.0}") } else { format!("{mib:.1}") }
}

/// Bytes with the unit that fits: `12 bytes`, `512 KiB`, `1.50 GiB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    let scaled = |shift: u32| bytes as f64 / (1u64 << shift) as f64;
    let (value, unit) = match bytes {
        0..1024 => return format!("{bytes} bytes"),
        b if b < 1 << 20 => (scaled(10), "KiB"),
        b if b < 1 << 30 => (scaled(20), "MiB"),
        b if b < 1 << 40 => (scaled(30), "GiB"),
        _ => (scaled(40), "TiB"),
    };
    if value.fract() == 0.0 { format!("{value} {unit}") } else { format!("{} {unit}", ratio(value)) }
}

/// A count in groups of three digits: `67,108,864`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number with its noun: `1 run`, `48 runs`, `10,000 runs`.
#[must_use]
pub fn plural(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{} {noun}s", count(number as u64)) }
}

/// What somebody else wrote, without what a terminal would obey: control characters, and those that change the
/// direction of a line or are not seen.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if is_obeyed(c) { ' ' } else { c }).collect()
}

/// The same for several lines.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    text.chars().map(|c| if is_obeyed(c) && c != '\n' { ' ' } else { c }).collect()
}

fn is_obeyed(c: char) -> bool {
    let is_unseen =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    c.is_control() || is_unseen
}

/// The columns that a text takes on a terminal: a Chinese character takes two, an accent that is combined none.
#[must_use]
pub fn width(text: &str) -> usize {
    textwrap::core::display_width(&printable(text))
}

/// Breaks a text into lines of at most `width` columns, between words; a longer word is broken too.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

    // A name with a hyphen stays whole: it is copied from the table into a command line.
    let options = Options::new(width.max(1))
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    let text = printable(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() {
        return Vec::new();
    }
    textwrap::wrap(&words.join(" "), options).into_iter().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_three_digits_and_stay_narrow() {
        for (nanoseconds, expected) in [
            (0.0, "0"),
            (123.0, "0.000"),
            (12_345.0, "0.012"),
            (999_900.0, "1.00"),
            (1_234_000.0, "1.23"),
            (9_996_000.0, "10.0"),
            (98_760_000.0, "98.8"),
            (99_960_000.0, "100"),
            (12_345_678_900.0, "12346"),
        ] {
            assert_eq!(ms(nanoseconds), expected);
        }
    }

    #[test]
    fn ratios_and_sizes() {
        assert_eq!([ratio(1.0), ratio(12.34), ratio(456.7)], ["1.00", "12.3", "457"]);
        assert_eq!([percent(0.0), percent(0.0994), percent(0.0996), percent(1.2)], ["0", "9.9", "10", "120"]);
        assert_eq!([mib(1 << 20), mib(150 << 20), mib(0)], ["1.0", "150", "0.0"]);
        assert_eq!(bytes(12), "12 bytes");
        assert_eq!(bytes(64 << 20), "64 MiB");
        assert_eq!(bytes(3 << 29), "1.50 GiB");
        assert_eq!([count(0), count(999), count(1000), count(67_108_864)], ["0", "999", "1,000", "67,108,864"]);
        assert_eq!([plural(1, "run"), plural(2, "run")], ["1 run", "2 runs"]);
    }

    #[test]
    fn a_terminal_is_told_nothing() {
        assert_eq!(printable("a\u{1b}[31mb\nc\u{7f}\u{9b}\u{202e}"), "a [31mb c   ");
        assert_eq!(printable_lines("a\u{1b}\nb"), "a \nb");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("an incomprehensible word", 8), ["an", "incompre", "hensible", "word"]);
        assert!(wrap("  ", 4).is_empty());
    }
}
