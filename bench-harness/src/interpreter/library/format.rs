//! `string.format`: C's, without what only C needs.

use crate::interpreter::machine::{Arguments, Error, Event, Machine, Outcome};
use crate::interpreter::number::{format_fixed, format_general, format_scientific};
use crate::interpreter::value::Value;

/// `%` and what stands between it and the letter.
#[derive(Default)]
struct Form {
    left: bool,
    plus: bool,
    space: bool,
    zeros: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

impl Form {
    /// Reads it; says how long it is.
    fn read(text: &[u8]) -> Option<(Form, usize)> {
        let mut form = Form::default();
        let mut at = 0;
        while let Some(flag) = text.get(at) {
            match flag {
                b'-' => form.left = true,
                b'+' => form.plus = true,
                b' ' => form.space = true,
                b'0' => form.zeros = true,
                b'#' => form.alternate = true,
                _ => break,
            }
            at += 1;
        }
        let number = |at: &mut usize| {
            let start = *at;
            let mut value = 0;
            while let Some(digit) = text.get(*at).filter(|digit| digit.is_ascii_digit()) {
                value = value * 10 + usize::from(digit - b'0');
                *at += 1;
                if *at - start > 2 {
                    return None;
                }
            }
            Some(value)
        };
        form.width = number(&mut at)?;
        if text.get(at) == Some(&b'.') {
            at += 1;
            form.precision = Some(number(&mut at)?);
        }
        Some((form, at))
    }

    /// Puts a sign in front, and fills up to the width.
    fn pad(&self, into: &mut Vec<u8>, digits: &[u8], numeric: bool) {
        let (sign, digits) = match digits.strip_prefix(b"-") {
            Some(digits) if numeric => (&b"-"[..], digits),
            _ if numeric && self.plus => (&b"+"[..], digits),
            _ if numeric && self.space => (&b" "[..], digits),
            _ => (&b""[..], digits),
        };
        let missing = self.width.saturating_sub(sign.len() + digits.len());
        let zeros = numeric && self.zeros && !self.left;
        if !self.left && !zeros {
            into.extend(std::iter::repeat_n(b' ', missing));
        }
        into.extend_from_slice(sign);
        if zeros {
            into.extend(std::iter::repeat_n(b'0', missing));
        }
        into.extend_from_slice(digits);
        if self.left {
            into.extend(std::iter::repeat_n(b' ', missing));
        }
    }
}

pub(super) fn format<'gc>(machine: &mut Machine<'_, 'gc>, arguments: Arguments) -> Outcome<'gc> {
    let text = machine.text_argument(arguments, 0)?.bytes();
    let mut made = Vec::new();
    let (mut at, mut argument) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let plain = rest.iter().position(|&byte| byte == b'%').unwrap_or(rest.len());
        made.extend_from_slice(&rest[..plain]);
        at += plain + 1;
        if at > text.len() {
            break;
        }
        if text.get(at) == Some(&b'%') {
            made.push(b'%');
            at += 1;
            continue;
        }
        let Some((form, len)) = Form::read(&text[at..]) else {
            return Err(Error::text("invalid conversion in format string (width or precision too long)"));
        };
        let letter = text.get(at + len).copied().unwrap_or(0);
        at += len + 1;
        argument += 1;
        one(machine, arguments, argument, &form, letter, &mut made)?;
    }
    let answer = machine.text(&made)?;
    machine.answer(arguments, answer)
}

fn one<'gc>(
    machine: &Machine<'_, 'gc>,
    arguments: Arguments,
    index: usize,
    form: &Form,
    letter: u8,
    into: &mut Vec<u8>,
) -> Result<(), Error<'gc>> {
    let digits = match letter {
        b'd' | b'i' => {
            let integer = machine.integer_argument(arguments, index)?;
            let digits = format!("{:0>1$}", integer.unsigned_abs(), form.precision.unwrap_or(1));
            if integer < 0 { format!("-{digits}") } else { digits }
        }
        b'u' => (machine.integer_argument(arguments, index)? as u64).to_string(),
        b'x' | b'X' | b'o' => {
            let integer = machine.integer_argument(arguments, index)?;
            let digits = match letter {
                b'x' => format!("{integer:x}"),
                b'X' => format!("{integer:X}"),
                _ => format!("{integer:o}"),
            };
            let prefix = if form.alternate && integer != 0 {
                ["0x", "0X", "0"][usize::from(letter == b'X') + 2 * usize::from(letter == b'o')]
            } else {
                ""
            };
            format!("{prefix}{digits:0>0$}", form.precision.unwrap_or(1))
        }
        b'c' => {
            form.pad(into, &[machine.integer_argument(arguments, index)? as u8], false);
            return Ok(());
        }
        b'e' | b'E' | b'f' | b'F' | b'g' | b'G' => {
            let float = machine.number_argument(arguments, index)?.to_float();
            let precision = form.precision.unwrap_or(6);
            let digits = match letter.to_ascii_lowercase() {
                b'e' => format_scientific(float, precision),
                b'f' => format_fixed(float, precision),
                _ => format_general(float, precision, form.alternate),
            };
            if letter.is_ascii_uppercase() { digits.to_uppercase() } else { digits }
        }
        b's' | b'q' => {
            let value = machine.any_argument(arguments, index)?;
            let bytes = shown(machine, value)?;
            if letter == b'q' && matches!(value, Value::Text(_)) {
                into.push(b'"');
                for byte in bytes {
                    match byte {
                        b'"' | b'\\' | b'\n' => into.extend([b'\\', byte]),
                        b'\r' => into.extend(b"\\r"),
                        0 => into.extend(b"\\0"),
                        byte => into.push(byte),
                    }
                }
                into.push(b'"');
                return Ok(());
            }
            let cut = form.precision.unwrap_or(bytes.len()).min(bytes.len());
            form.pad(into, &bytes[..cut], false);
            return Ok(());
        }
        other => return Err(Error::text(format!("invalid conversion '%{}' to 'format'", other.escape_ascii()))),
    };
    form.pad(into, digits.as_bytes(), true);
    Ok(())
}

/// What `tostring` would say, where it calls no function.
fn shown<'gc>(machine: &Machine<'_, 'gc>, value: Value<'gc>) -> Result<Vec<u8>, Error<'gc>> {
    if !machine.metamethod(value, Event::ToString).is_nil() {
        return Err(Error::text("'%s' of a value with '__tostring' is not part of this subset: use tostring"));
    }
    Ok(match value {
        Value::Text(text) => text.bytes().to_vec(),
        Value::Nil => b"nil".to_vec(),
        Value::Boolean(value) => value.to_string().into_bytes(),
        Value::Integer(integer) => integer.to_string().into_bytes(),
        Value::Float(_) => machine.number_text(value).unwrap_or_default(),
        _ => format!("{}: {:#014x}", machine.type_of(value), value.address()).into_bytes(),
    })
}
