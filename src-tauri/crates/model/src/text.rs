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

    proptest! {
        #[test]
        fn nothing_dangerous_survives(text in any::<String>(), max in 1usize..200) {
            let out = clean(&text, max);
            prop_assert!(out.chars().count() <= max + 2);
            prop_assert!(!out.chars().any(|c| c.is_control() || is_bidi_or_invisible(c)));
        }
    }
}
