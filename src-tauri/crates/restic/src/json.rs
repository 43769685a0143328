//! JSON as Go's `encoding/json` writes it, so that trees hash to the ids
//! restic gives them, and JSON read without quoting it in errors.

use serde::Deserialize;

use crate::Error;

/// Reads one JSON document. The error tells the place, never the contents:
/// what is read may be a key.
pub(crate) fn parse<'de, T: Deserialize<'de>>(
    what: &'static str,
    json: &'de [u8],
) -> Result<T, Error> {
    serde_json::from_slice(json).map_err(|error| Error::Json {
        what,
        line: error.line(),
        column: error.column(),
    })
}

/// Serialises what cannot fail to serialise: our own structs of plain fields.
pub(crate) fn to_vec<T: serde::Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|_| Error::malformed(what, "it cannot be written as JSON"))
}

/// `null` where Go had a nil slice.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Appends `bytes` as a JSON string. Each byte that is no UTF-8 becomes
/// `\ufffd`, as Go does it.
pub(crate) fn push_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        push_escaped(out, chunk.valid());
        for _ in chunk.invalid() {
            out.extend_from_slice(br"\ufffd");
        }
    }
    out.push(b'"');
}

fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut clean_from = 0;
    let mut at = 0;
    while at < bytes.len() {
        let (escape, len): (&[u8], usize) = match bytes[at] {
            b'"' => (br#"\""#, 1),
            b'\\' => (br"\\", 1),
            b'\n' => (br"\n", 1),
            b'\r' => (br"\r", 1),
            b'\t' => (br"\t", 1),
            0x08 => (br"\b", 1),
            0x0c => (br"\f", 1),
            b'<' => (br"\u003c", 1),
            b'>' => (br"\u003e", 1),
            b'&' => (br"\u0026", 1),
            0xe2 if bytes[at..].starts_with("\u{2028}".as_bytes()) => (br"\u2028", 3),
            0xe2 if bytes[at..].starts_with("\u{2029}".as_bytes()) => (br"\u2029", 3),
            0x00..=0x1f => (b"", 1),
            _ => {
                at += 1;
                continue;
            }
        };
        out.extend_from_slice(&bytes[clean_from..at]);
        if escape.is_empty() {
            out.extend_from_slice(br"\u00");
            push_hex(out, bytes[at]);
        } else {
            out.extend_from_slice(escape);
        }
        at += len;
        clean_from = at;
    }
    out.extend_from_slice(&bytes[clean_from..]);
}

/// Appends two lower-case hexadecimal digits.
pub(crate) fn push_hex(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(DIGITS[usize::from(byte >> 4)]);
    out.push(DIGITS[usize::from(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        push_string(&mut out, bytes);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_escaped_as_go_does() {
        assert_eq!(written(b"a\"b\\c"), r#""a\"b\\c""#);
        assert_eq!(written(b"<&>\x7f"), "\"\\u003c\\u0026\\u003e\x7f\"");
        assert_eq!(written(b"\x00\x08\x0c\x1f"), r#""\u0000\b\f\u001f""#);
        assert_eq!(written("\u{2028}\u{2029}\u{fffd}".as_bytes()), "\"\\u2028\\u2029\u{fffd}\"");
        assert_eq!(written(b"\xe2\x82x\xff"), r#""\ufffd\ufffdx\ufffd""#);
    }

    #[test]
    fn an_error_never_quotes_the_data() {
        let error = parse::<u32>("a key", b"\"topsecret\"").unwrap_err();
        assert!(!error.to_string().contains("topsecret"), "{error}");
    }

    proptest! {
        #[test]
        fn a_written_string_is_read_back(text in any::<String>()) {
            prop_assert_eq!(serde_json::from_str::<String>(&written(text.as_bytes())).unwrap(), text);
        }
    }
}
