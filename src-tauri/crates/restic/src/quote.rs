//! How restic spells names inside JSON: quoted as Go source text, so that
//! bytes that are no UTF-8 survive as `\xNN`.

use crate::Error;
use crate::json::push_hex;

const BAD: Error = Error::malformed("a quoted name", "an escape is unknown or cut off");

/// The bytes that a quoted name (without its surrounding quotes) stands for.
///
/// # Errors
/// [`Error::Malformed`] where an escape is unknown or cut off, or a character
/// is not escaped that must be.
pub fn unquote(text: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&c, tail)) = rest.split_first() {
        rest = tail;
        match c {
            b'"' | b'\n' => {
                return Err(Error::malformed("a quoted name", "a quote or line break stands bare"));
            }
            b'\\' => rest = unescape(rest, &mut out)?,
            _ => out.push(c),
        }
    }
    Ok(out)
}

fn unescape<'a>(text: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Error> {
    let (&kind, rest) = text.split_first().ok_or(BAD)?;
    let plain = match kind {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' | b'"' => kind,
        b'x' => {
            let (value, rest) = number(rest, 2, 16)?;
            out.push(u8::try_from(value).map_err(|_| BAD)?);
            return Ok(rest);
        }
        b'0'..=b'7' => {
            let (value, rest) = number(text, 3, 8)?;
            out.push(u8::try_from(value).map_err(|_| BAD)?);
            return Ok(rest);
        }
        b'u' | b'U' => {
            let (value, rest) = number(rest, if kind == b'u' { 4 } else { 8 }, 16)?;
            let c = char::from_u32(value).ok_or(BAD)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(rest);
        }
        _ => return Err(BAD),
    };
    out.push(plain);
    Ok(rest)
}

fn number(text: &[u8], digits: usize, radix: u32) -> Result<(u32, &[u8]), Error> {
    let (text, rest) = text.split_at_checked(digits).ok_or(BAD)?;
    let value = text.iter().try_fold(0_u32, |sum, &c| {
        let digit = char::from(c).to_digit(radix).ok_or(BAD)?;
        sum.checked_mul(radix).and_then(|sum| sum.checked_add(digit)).ok_or(BAD)
    })?;
    Ok((value, rest))
}

/// Quotes a name, without surrounding quotes. What is printable is left as it
/// is; which characters are depends on the Unicode version a program was built
/// with, so that very new ones may be spelled differently by some restic.
#[must_use]
pub fn quote(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_quoted(&mut out, c);
        }
        for &byte in chunk.invalid() {
            push_byte(&mut out, byte);
        }
    }
    out
}

fn push_quoted(out: &mut String, c: char) {
    let short = match c {
        '\x07' => 'a',
        '\x08' => 'b',
        '\x0c' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\x0b' => 'v',
        '\\' | '"' => c,
        c if is_printable(c) => return out.push(c),
        c if c < ' ' || c == '\x7f' => return push_byte(out, c as u8),
        c => {
            let value = u32::from(c);
            let (prefix, digits) = if value < 0x1_0000 {
                ("\\u", format!("{value:04x}"))
            } else {
                ("\\U", format!("{value:08x}"))
            };
            out.push_str(prefix);
            return out.push_str(&digits);
        }
    };
    out.push('\\');
    out.push(short);
}

fn push_byte(out: &mut String, byte: u8) {
    let mut digits = Vec::with_capacity(2);
    push_hex(&mut digits, byte);
    out.push_str("\\x");
    out.extend(digits.into_iter().map(char::from));
}

/// Letters, marks, numbers, punctuation, symbols and the ASCII space. The
/// standard library knows them for `Debug`: a character after the first of a
/// string is escaped there exactly when it is not printable.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    let mut buffer = [0; 5];
    buffer[0] = b'a';
    let len = 1 + c.encode_utf8(&mut buffer[1..]).len();
    std::str::from_utf8(&buffer[..len]).is_ok_and(|text| text.escape_debug().nth(1) == Some(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_quoted_as_go_does() {
        for (name, quoted) in [
            (&b"plain.txt"[..], "plain.txt"),
            (b"a\"b\\c'd", r#"a\"b\\c'd"#),
            (b"\x07\x08\x0c\n\r\t\x0b", r"\a\b\f\n\r\t\v"),
            (b"\x00\x1f\x7f", r"\x00\x1f\x7f"),
            (b"\xff\xe2\x82x", r"\xff\xe2\x82x"),
            ("\u{e9}\u{4e16}\u{1f600}".as_bytes(), "\u{e9}\u{4e16}\u{1f600}"),
            ("\u{a0}\u{ad}\u{200b}\u{2028}\u{feff}".as_bytes(), r"\u00a0\u00ad\u200b\u2028\ufeff"),
            ("\u{e0001}\u{10ffff}".as_bytes(), r"\U000e0001\U0010ffff"),
            ("a\u{301}\u{fffd}".as_bytes(), "a\u{301}\u{fffd}"),
            ("\u{301}".as_bytes(), "\u{301}"),
        ] {
            assert_eq!(quote(name), quoted);
            assert_eq!(unquote(quoted).unwrap(), name);
        }
        assert_eq!(unquote(r"\101\x41\u0041\U00000041").unwrap(), b"AAAA");
    }

    #[test]
    fn what_go_would_not_read_is_refused() {
        for text in [
            "\"",
            "\n",
            "\\",
            r"\x",
            r"\x4",
            r"\xg0",
            r"\u12",
            r"\ud800",
            r"\U00110000",
            r"\400",
            r"\'",
            r"\z",
            r"\1",
            r"\x+1",
            "\\u+123",
        ] {
            assert!(unquote(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_name_is_read_back(name in any::<Vec<u8>>()) {
            prop_assert_eq!(unquote(&quote(&name)).unwrap(), name);
        }

        #[test]
        fn unquoting_never_panics(text in any::<String>()) {
            let _ = unquote(&text);
        }

        #[test]
        fn unquoting_escapes_never_panics(text in "(\\\\[abfnrtvxuU0-7\"'\\\\]?[0-9a-fA-F]{0,9}){0,8}") {
            let _ = unquote(&text);
        }
    }
}
