//! Text from databases and registries may contain anything; a terminal must not interpret it.

use std::borrow::Cow;
use std::fmt::Write;

/// Writes control characters, escape sequences and marks that change the direction of text as
/// escapes.
#[must_use]
pub fn sanitized(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if is_dangerous(c) => {
                // Writing to a string cannot fail.
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// Control characters (C0, DEL, C1), line separators, and everything that reorders or hides what
/// follows.
pub(super) fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// Like [`sanitized`], with backslashes doubled, so that a script can undo it.
pub(super) fn escaped(text: &str) -> String {
    sanitized(&text.replace('\\', "\\\\")).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(sanitized("a\nb\tc\rd"), "a\\nb\\tc\\rd");
        assert_eq!(
            sanitized("\u{1b}[2J\u{7f}\u{9b}31m"),
            "\\u{1b}[2J\\u{7f}\\u{9b}31m"
        );
        assert_eq!(sanitized("\u{202e}live\u{200b}"), "\\u{202e}live\\u{200b}");
        assert_eq!(sanitized("每日报表 C:\\é"), "每日报表 C:\\é");
        assert_eq!(escaped("a\\n\n"), "a\\\\n\\n");
    }

    proptest! {
        #[test]
        fn nothing_dangerous_is_left(text in any::<String>()) {
            prop_assert!(!sanitized(&text).chars().any(is_dangerous));
        }
    }
}
