//! Text from machines and clouds is hostile (rules.md T7).

/// Strips control and bidirectional characters, and keeps at most
/// `max_chars`. Line breaks and tabs become single spaces.
///
/// Whatever a cloud or a machine says passes through here before it reaches a
/// fact, a log, a terminal, a notification or an SSH configuration.
#[must_use]
pub fn clean(text: &str, max_chars: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max_chars * 4));
    let mut kept = 0;
    let mut space = false;
    for c in text.chars() {
        if matches!(c, '\n' | '\r' | '\t' | ' ') {
            space = kept > 0;
            continue;
        }
        if c.is_control() || is_bidi_or_invisible(c) {
            continue;
        }
        if kept >= max_chars {
            out.push('…');
            break;
        }
        if std::mem::take(&mut space) {
            out.push(' ');
            kept += 1;
        }
        out.push(c);
        kept += 1;
    }
    out
}

const fn is_bidi_or_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{061C}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}'
    )
}

/// A path as text that shows every byte and can be read back: what is not
/// plain text, a control character or a backslash is written `\\xHH`.
#[must_use]
pub fn path_text(path: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || c == '\\' || is_bidi_or_invisible(c) {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(out, "\\x{byte:02x}");
                }
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// The path that [`path_text`] wrote; a backslash that begins no `\\xHH` stands
/// for itself.
#[must_use]
pub fn path_bytes(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut out = Vec::with_capacity(rest.len());
    while let Some((first, after)) = rest.split_first() {
        let digits = after.strip_prefix(b"x").and_then(|digits| digits.get(..2));
        let byte = digits
            .filter(|_| *first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[3..] } else { after };
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_and_direction_marks_are_gone() {
        assert_eq!(clean("\x1b[31mred\u{202e}der\x07", 80), "[31mredder");
        assert_eq!(clean("  a\r\n\tb ", 80), "a b");
        assert_eq!(clean("abcdef", 3), "abc…");
    }

    #[test]
    fn a_path_shows_every_byte() {
        assert_eq!(path_text(b"/w/caf\xc3\xa9"), "/w/café");
        assert_eq!(path_text(b"/w/a\nb\\\xff"), "/w/a\\x0ab\\x5c\\xff");
        assert_eq!(path_bytes("/w/\\xZZ\\x"), b"/w/\\xZZ\\x");
    }

    proptest! {
        #[test]
        fn a_path_is_read_back(path in prop::collection::vec(any::<u8>(), 0..60)) {
            let text = path_text(&path);
            prop_assert_eq!(path_bytes(&text), path);
            prop_assert!(!text.chars().any(char::is_control));
        }

        #[test]
        fn nothing_dangerous_survives(text in any::<String>(), max in 1usize..200) {
            let out = clean(&text, max);
            prop_assert!(out.chars().count() <= max + 2);
            prop_assert!(!out.chars().any(|c| c.is_control() || is_bidi_or_invisible(c)));
        }
    }
}
