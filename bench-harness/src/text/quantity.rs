//! Numbers as people write them on a command line: bytes with a suffix, seconds, how often.
//!
//! Each parser refuses zero, nonsense and what no machine can do with a sentence that shows the right form. Byte
//! suffixes are powers of 1024, as heap limits are everywhere else (`-Xmx64m`, `--max-old-space-size`).

use std::time::Duration;

/// Above this no process has address space (47 bits on the machines we know).
const MOST_BYTES: u64 = 1 << 46;

/// More invocations than this are a typing error: at one second each they take three hours.
const MOST_INVOCATIONS: u32 = 10_000;

/// A million take minutes without another program to compare with, and an hour with one.
const MOST_SEQUENCES: u32 = 10_000_000;

/// A day.
const LONGEST_TIMEOUT_S: f64 = 86_400.0;

/// Parses a number of bytes: `67108864`, `65536K`, `64M`, `1.5G`, with an optional `B` or `iB`.
///
/// # Errors
/// A sentence for the user.
pub fn bytes(text: &str) -> Result<u64, String> {
    const FORM: &str = "write a number of bytes such as 67108864, 512K, 64M or 1.5G";
    let text = text.trim();
    let digits_end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (digits, suffix) = text.split_at(digits_end);
    let unit: u64 = match suffix.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return Err(format!("`{text}` is not a size: {FORM}")),
    };
    // Whole numbers are exact; only a fraction goes through floating point, where 53 bits are plenty.
    let bytes = if let Ok(whole) = digits.parse::<u64>() {
        whole.saturating_mul(unit)
    } else if digits.is_empty() || digits.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only digits and yet not a u64: too many of them, or none.
        if digits.is_empty() {
            return Err(format!("`{text}` is not a size: {FORM}"));
        }
        u64::MAX
    } else {
        let number: f64 = digits.parse().map_err(|_| format!("`{text}` is not a size: {FORM}"))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked against the bounds below")]
        let bytes = (number * unit as f64) as u64;
        bytes
    };
    if bytes == 0 {
        return Err(format!("a heap of 0 bytes holds nothing: {FORM}"));
    }
    if bytes > MOST_BYTES {
        return Err(format!("`{text}` is more than the address space of a process (64 T): {FORM}"));
    }
    Ok(bytes)
}

/// Parses a number of invocations, at least 1.
///
/// # Errors
/// A sentence for the user.
pub fn invocations(text: &str) -> Result<u32, String> {
    how_often(text, "invocations", MOST_INVOCATIONS)
}

/// Parses a number of random sequences, at least 1.
///
/// # Errors
/// A sentence for the user.
pub fn sequences(text: &str) -> Result<u32, String> {
    how_often(text, "sequences", MOST_SEQUENCES)
}

fn how_often(text: &str, what: &str, most: u32) -> Result<u32, String> {
    let is_number = !text.trim().is_empty() && text.trim().bytes().all(|byte| byte.is_ascii_digit());
    match text.trim().parse::<u32>() {
        Ok(0) => Err(format!("0 {what} tell nothing: ask for at least 1")),
        Ok(number) if number <= most => Ok(number),
        _ if is_number => Err(format!("`{text}` {what} would take hours: ask for at most {most}")),
        _ => Err(format!("`{text}` is not a number of {what}: write a whole number such as 5")),
    }
}

/// Parses a time limit in seconds: `90`, `0.5`, `90s`, `5m`, `1h`.
///
/// # Errors
/// A sentence for the user.
pub fn timeout(text: &str) -> Result<Duration, String> {
    const FORM: &str = "write seconds such as 90, or 90s, 5m, 1h";
    let text = text.trim();
    let (digits, unit) = match text.as_bytes().last() {
        Some(b's') => (&text[..text.len() - 1], 1.0),
        Some(b'm') => (&text[..text.len() - 1], 60.0),
        Some(b'h') => (&text[..text.len() - 1], 3600.0),
        _ => (text, 1.0),
    };
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = match digits.parse::<f64>() {
        Ok(number) if plain => number * unit,
        _ => return Err(format!("`{text}` is not a time: {FORM}")),
    };
    if seconds <= 0.0 {
        return Err(format!("nothing finishes in 0 seconds: {FORM}"));
    }
    if seconds > LONGEST_TIMEOUT_S {
        return Err(format!("`{text}` is more than a day: {FORM}"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Parses a percentage above 0 and below 100, as a share: `2%`, `0.5 %`.
///
/// # Errors
/// A sentence for the user.
pub fn percentage(text: &str) -> Result<f64, String> {
    const FORM: &str = "write a percentage such as 2%";
    let digits = text.trim().strip_suffix('%').map(str::trim_end);
    let plain = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    match plain.and_then(|digits| digits.parse::<f64>().ok()) {
        Some(percent) if percent > 0.0 && percent < 100.0 => Ok(percent / 100.0),
        Some(_) => Err(format!("`{text}` is not between 0% and 100%: {FORM}")),
        None => Err(format!("`{text}` is not a percentage: {FORM}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("1", 1),
            ("67108864", 64 << 20),
            ("512K", 512 << 10),
            ("512k", 512 << 10),
            ("64M", 64 << 20),
            ("64MB", 64 << 20),
            ("64MiB", 64 << 20),
            ("64 m", 64 << 20),
            ("1G", 1 << 30),
            ("1.5G", 3 << 29),
            (".5K", 512),
            ("64T", 64 << 40),
            (" 7 ", 7),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_size_gets_a_sentence() {
        for text in [
            "",
            "K",
            "-1",
            "0",
            "0M",
            "0.0001",
            "1X",
            "1.2.3M",
            "0x10",
            "64 M M",
            "65T",
            "99999999999999999999999",
            "1e9",
            "inf",
            "NaN",
            "１M",
        ] {
            let sentence = bytes(text).expect_err(text);
            assert!(sentence.contains("1.5G"), "{text}: {sentence}");
        }
        assert!(bytes("18446744073709551615G").unwrap_err().contains("address space"));
    }

    #[test]
    fn counts() {
        assert_eq!(invocations("1"), Ok(1));
        assert_eq!(invocations("20"), Ok(20));
        assert_eq!(sequences("1000000"), Ok(1_000_000));
        assert!(sequences("18446744073709551616").unwrap_err().contains("at most 10000000"));
        for text in ["0", "-1", "", "1.5", "many", "10001", "4294967296", "99999999999999999999"] {
            assert!(invocations(text).is_err(), "{text}");
        }
    }

    #[test]
    fn percentages() {
        for (text, share) in [("2%", 0.02), ("0.5 %", 0.005), (" 99%", 0.99)] {
            assert_eq!(percentage(text), Ok(share), "{text}");
        }
        for text in ["2", "0%", "100%", "-1%", "%", "", "inf%", "1e0%", "2%%"] {
            assert!(percentage(text).unwrap_err().ends_with("write a percentage such as 2%"), "{text}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(timeout("90"), Ok(Duration::from_secs(90)));
        assert_eq!(timeout("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(timeout("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(timeout("0.25"), Ok(Duration::from_millis(250)));
        for text in ["", "0", "0s", "-5", "25h", "s", "1d", "inf", "NaN", "1e3", "é"] {
            assert!(timeout(text).is_err(), "{text}");
        }
    }
}
