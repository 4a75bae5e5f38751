//! From bytes to tokens.
//!
//! A script is a sequence of bytes and need not be UTF-8: strings hold whatever stands between their quotes. Names and texts
//! are shared (`Rc<[u8]>`), because the compiler reads each script twice and looks at a token more than once.
//!
//! The lexer never recurses and holds one token, so no input makes it use more memory than the input has bytes.

use std::rc::Rc;

use super::SyntaxError;
use crate::interpreter::number::{Number, parse_number};

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(Rc<[u8]>),
    Text(Rc<[u8]>),
    Number(Number),
    /// A reserved word or a symbol: its spelling.
    Fixed(&'static str),
    End,
}

const RESERVED: [&str; 22] = [
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
    "not", "or", "repeat", "return", "then", "true", "until", "while",
];

/// Symbols, so that of two with the same beginning the longer comes first.
const SYMBOLS: [&str; 33] = [
    "...", "..", "==", "~=", "<=", ">=", "<<", ">>", "//", "::", "+", "-", "*", "/", "%", "^", "#", "&", "~", "|", "<",
    ">", "=", "(", ")", "{", "}", "[", "]", ";", ":", ",", ".",
];

pub(super) struct Lexer<'s> {
    source: &'s [u8],
    at: usize,
    pub(super) line: u32,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(source: &'s [u8]) -> Self {
        // A first line that names an interpreter is for the system.
        let at =
            if source.starts_with(b"#") { source.iter().position(|&b| b == b'\n').unwrap_or(source.len()) } else { 0 };
        Lexer { source, at, line: 1 }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.source.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn error<T>(&self, sentence: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError { line: self.line, sentence: sentence.into() })
    }

    pub(super) fn next(&mut self) -> Result<Token, SyntaxError> {
        self.skip_blanks()?;
        let Some(&byte) = self.source.get(self.at) else { return Ok(Token::End) };
        if byte.is_ascii_alphabetic() || byte == b'_' {
            return Ok(self.name());
        }
        if byte.is_ascii_digit() || byte == b'.' && self.peek(1).is_ascii_digit() {
            return self.number();
        }
        if byte == b'"' || byte == b'\'' {
            return self.quoted(byte);
        }
        if byte == b'['
            && let Some(level) = self.long_bracket()
        {
            return Ok(Token::Text(self.long_text(level)?.into()));
        }
        let rest = &self.source[self.at..];
        match SYMBOLS.iter().find(|symbol| rest.starts_with(symbol.as_bytes())) {
            Some(symbol) => {
                self.at += symbol.len();
                Ok(Token::Fixed(symbol))
            }
            None => self.error(format!("unexpected symbol near '{}'", byte.escape_ascii())),
        }
    }

    fn skip_blanks(&mut self) -> Result<(), SyntaxError> {
        loop {
            match self.peek(0) {
                b'\n' => {
                    self.line += 1;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' | 0x0B | 0x0C => self.at += 1,
                b'-' if self.peek(1) == b'-' => {
                    self.at += 2;
                    match if self.peek(0) == b'[' { self.long_bracket() } else { None } {
                        Some(level) => drop(self.long_text(level)?),
                        None => {
                            while self.at < self.source.len() && self.peek(0) != b'\n' {
                                self.at += 1;
                            }
                        }
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn name(&mut self) -> Token {
        let rest = &self.source[self.at..];
        let len = rest.iter().position(|&b| !(b.is_ascii_alphanumeric() || b == b'_')).unwrap_or(rest.len());
        self.at += len;
        match RESERVED.iter().find(|word| word.as_bytes() == &rest[..len]) {
            Some(word) => Token::Fixed(word),
            None => Token::Name(rest[..len].into()),
        }
    }

    fn number(&mut self) -> Result<Token, SyntaxError> {
        let start = self.at;
        let exponent: &[u8] = if self.peek(0) == b'0' && matches!(self.peek(1), b'x' | b'X') { b"pP" } else { b"eE" };
        loop {
            let byte = self.peek(0);
            if exponent.contains(&byte) && matches!(self.peek(1), b'+' | b'-') {
                self.at += 2;
            } else if byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_' {
                self.at += 1;
            } else {
                break;
            }
        }
        let text = &self.source[start..self.at];
        match parse_number(text) {
            Some(number) => Ok(Token::Number(number)),
            None => self.error(format!("malformed number near '{}'", text.escape_ascii())),
        }
    }

    fn quoted(&mut self, quote: u8) -> Result<Token, SyntaxError> {
        let mut text = Vec::new();
        self.at += 1;
        loop {
            let Some(&byte) = self.source.get(self.at) else { return self.error("unfinished string near <eof>") };
            self.at += 1;
            match byte {
                b'\n' => return self.error(format!("unfinished string near '{}'", text.escape_ascii())),
                b'\\' => self.escape(&mut text)?,
                byte if byte == quote => return Ok(Token::Text(text.into())),
                byte => text.push(byte),
            }
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), SyntaxError> {
        let byte = self.peek(0);
        self.at += 1;
        text.push(match byte {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'v' => 11,
            b'\\' | b'"' | b'\'' => byte,
            b'\n' => {
                self.line += 1;
                b'\n'
            }
            b'x' => {
                let digits = std::str::from_utf8(self.source.get(self.at..self.at + 2).unwrap_or(b"")).unwrap_or("");
                let Ok(value) = u8::from_str_radix(digits, 16) else { return self.error("hexadecimal digit expected") };
                self.at += 2;
                value
            }
            b'0'..=b'9' => {
                let mut value = u32::from(byte - b'0');
                for _ in 0..2 {
                    if self.peek(0).is_ascii_digit() {
                        value = value * 10 + u32::from(self.peek(0) - b'0');
                        self.at += 1;
                    }
                }
                let Ok(value) = u8::try_from(value) else { return self.error("decimal escape too large") };
                value
            }
            b'z' => {
                while self.peek(0).is_ascii_whitespace() {
                    self.line += u32::from(self.peek(0) == b'\n');
                    self.at += 1;
                }
                return Ok(());
            }
            b'u' => {
                let rest = &self.source[self.at..];
                let end = rest.iter().position(|&b| b == b'}').unwrap_or(0);
                let digits = rest.get(1..end).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or("");
                let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                let Some(char) = code.filter(|_| rest.starts_with(b"{")) else {
                    return self.error("invalid UTF-8 escape sequence");
                };
                self.at += end + 1;
                text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return self.error(format!("invalid escape sequence '\\{}'", byte.escape_ascii())),
        });
        Ok(())
    }

    /// The level of the long bracket that begins here, if one does: the number of `=` in `[==[`.
    fn long_bracket(&self) -> Option<usize> {
        let rest = &self.source[self.at + 1..];
        let level = rest.iter().position(|&b| b != b'=')?;
        (rest[level] == b'[').then_some(level)
    }

    fn long_text(&mut self, level: usize) -> Result<Vec<u8>, SyntaxError> {
        let first_line = self.line;
        self.at += level + 2;
        if self.peek(0) == b'\n' {
            self.line += 1;
            self.at += 1;
        }
        let mut text = Vec::new();
        loop {
            let Some(&byte) = self.source.get(self.at) else {
                return self.error(format!("unfinished long string (starting at line {first_line}) near '<eof>'"));
            };
            self.at += 1;
            if byte == b']' {
                let rest = &self.source[self.at..];
                if rest.len() > level && rest[..level].iter().all(|&b| b == b'=') && rest[level] == b']' {
                    self.at += level + 1;
                    return Ok(text);
                }
            }
            self.line += u32::from(byte == b'\n');
            text.push(byte);
        }
    }
}
