//! Numbers: integers of 64 bits that wrap, floats, and how each is read and written.
//!
//! The two are subtypes of one type of the language. An operation on two integers gives an integer, except for division and
//! power; everything else is done in floats. What is equal as a number is equal: `1 == 1.0`, also as a key of a table.

/// A number as it is written in a script.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Integer(i64),
    Float(f64),
}

impl Number {
    pub(super) fn to_float(self) -> f64 {
        match self {
            Number::Integer(integer) => integer as f64,
            Number::Float(float) => float,
        }
    }
}

/// The integer that is equal to a float, if there is one.
#[inline]
pub(super) fn float_to_integer(float: f64) -> Option<i64> {
    // Every float of this range is an integer when it has no fraction, and 2^63 is out of it.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&float);
    (fits && float.floor() == float).then_some(float as i64)
}

/// Division that rounds towards minus infinity. The divisor is not zero.
#[inline]
pub(super) fn integer_floor_divide(left: i64, right: i64) -> i64 {
    let remainder = left.wrapping_rem(right);
    left.wrapping_div(right) - i64::from(remainder != 0 && (remainder ^ right) < 0)
}

/// The remainder of that division: it has the sign of the divisor, which is not zero.
#[inline]
pub(super) fn integer_modulo(left: i64, right: i64) -> i64 {
    let remainder = left.wrapping_rem(right);
    if remainder != 0 && (remainder ^ right) < 0 { remainder + right } else { remainder }
}

/// As [`integer_modulo`], for floats.
#[inline]
pub(super) fn float_modulo(left: f64, right: f64) -> f64 {
    let remainder = left % right;
    if remainder != 0.0 && (remainder < 0.0) != (right < 0.0) { remainder + right } else { remainder }
}

/// A shift to the left, or for a negative distance to the right; zeros come in.
pub(super) fn shift_left(value: i64, distance: i64) -> i64 {
    let bits = value as u64;
    let shifted = match distance {
        0..=63 => bits << distance,
        -63..=-1 => bits >> -distance,
        _ => 0,
    };
    shifted as i64
}

/// Reads a number as a script writes it, with blanks around it and a sign in front. `None` for anything else.
pub(super) fn parse_number(text: &[u8]) -> Option<Number> {
    let text = std::str::from_utf8(text).ok()?.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0B');
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(digits) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return parse_hexadecimal(digits, negative);
    }
    // What Rust reads and the language does not: `inf`, `nan`, a second sign.
    if !digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
        || digits.starts_with(['+', '-'])
    {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit())
        && let Ok(integer) = text.parse::<i64>()
    {
        return Some(Number::Integer(integer));
    }
    let float: f64 = digits.parse().ok()?;
    Some(Number::Float(if negative { -float } else { float }))
}

fn parse_hexadecimal(digits: &str, negative: bool) -> Option<Number> {
    let (mantissa, exponent) = match digits.split_once(['p', 'P']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.parse::<i32>().ok()?)),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() == 0 || !mantissa.bytes().all(|b| b.is_ascii_hexdigit() || b == b'.') {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(0);
    if exponent.is_none() && !mantissa.contains('.') {
        // Integers wrap.
        let value = whole.bytes().fold(0i64, |value, byte| value.wrapping_mul(16).wrapping_add(i64::from(digit(byte))));
        return Some(Number::Integer(if negative { value.wrapping_neg() } else { value }));
    }
    let value = (whole.bytes().chain(fraction.bytes())).fold(0.0, |value, byte| value * 16.0 + f64::from(digit(byte)));
    let exponent = exponent.unwrap_or(0).saturating_sub(i32::try_from(4 * fraction.len()).ok()?);
    let float = value * 2f64.powi(exponent);
    Some(Number::Float(if negative { -float } else { float }))
}

/// A float as `print` shows it: with 14 digits, and so that it is read as a float again.
pub(super) fn float_to_text(float: f64) -> String {
    let text = format_general(float, 14, false);
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'-') { text + ".0" } else { text }
}

/// C's `%g`: `precision` digits, the shorter of the two notations, no zeros at the end unless `keep_zeros`.
pub(super) fn format_general(float: f64, precision: usize, keep_zeros: bool) -> String {
    if !float.is_finite() {
        return format_special(float);
    }
    let precision = precision.max(1);
    let scientific = format!("{float:.*e}", precision - 1);
    let exponent: i32 = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let strip = |text: &str| -> String {
        if keep_zeros || !text.contains('.') {
            return text.to_owned();
        }
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if exponent < -4 || exponent >= precision as i32 {
        let mantissa = scientific.split_once('e').map_or("", |(mantissa, _)| mantissa);
        return format!("{}e{}{:02}", strip(mantissa), if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    strip(&format!("{float:.*}", (precision as i32 - 1 - exponent).max(0) as usize))
}

/// C's `%e`.
pub(super) fn format_scientific(float: f64, precision: usize) -> String {
    if !float.is_finite() {
        return format_special(float);
    }
    let text = format!("{float:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// C's `%f`.
pub(super) fn format_fixed(float: f64, precision: usize) -> String {
    if float.is_finite() { format!("{float:.precision$}") } else { format_special(float) }
}

fn format_special(float: f64) -> String {
    let sign = if float.is_sign_negative() { "-" } else { "" };
    format!("{sign}{}", if float.is_nan() { "nan" } else { "inf" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read() {
        for (text, expected) in [
            ("0", Some(Number::Integer(0))),
            (" -12\n", Some(Number::Integer(-12))),
            ("9223372036854775807", Some(Number::Integer(i64::MAX))),
            ("-9223372036854775808", Some(Number::Integer(i64::MIN))),
            ("9223372036854775808", Some(Number::Float(9_223_372_036_854_775_808.0))),
            ("1e2", Some(Number::Float(100.0))),
            (".5", Some(Number::Float(0.5))),
            ("5.", Some(Number::Float(5.0))),
            ("0xff", Some(Number::Integer(255))),
            ("0xffffffffffffffff", Some(Number::Integer(-1))),
            ("0x.8p1", Some(Number::Float(1.0))),
            ("", None),
            ("inf", None),
            ("nan", None),
            ("1e", None),
            ("--1", None),
            ("0x", None),
            ("1 2", None),
        ] {
            assert_eq!(parse_number(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn floats_are_written_as_c_does() {
        for (float, expected) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e15, "1e+15"),
            (123456789012345.0, "1.2345678901234e+14"),
            (std::f64::consts::PI, "3.1415926535898"),
            (1e100, "1e+100"),
            (1e-5, "1e-05"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(float_to_text(float), expected);
        }
        assert_eq!(format_general(0.5, 6, true), "0.500000");
        assert_eq!(format_scientific(12345.678, 2), "1.23e+04");
    }

    #[test]
    fn division_rounds_down() {
        for (left, right, quotient, remainder) in
            [(7, 2, 3, 1), (-7, 2, -4, 1), (7, -2, -4, -1), (-7, -2, 3, -1), (6, 3, 2, 0), (-6, 3, -2, 0)]
        {
            assert_eq!((integer_floor_divide(left, right), integer_modulo(left, right)), (quotient, remainder));
            assert_eq!(float_modulo(left as f64, right as f64), remainder as f64);
        }
        assert_eq!((integer_floor_divide(i64::MIN, -1), integer_modulo(i64::MIN, -1)), (i64::MIN, 0));
        assert_eq!((shift_left(1, 63), shift_left(-1, -63), shift_left(1, 64)), (i64::MIN, 1, 0));
        assert_eq!((float_to_integer(2.0), float_to_integer(2.5), float_to_integer(1e300)), (Some(2), None, None));
    }
}
