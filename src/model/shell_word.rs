//! A text as one word of a command line that is to be pasted into a shell.

use std::borrow::Cow;

/// As it is where no shell reads anything into it, else in single quotes. Hosts and files come from
/// others: `[fd00::1]:5678` is a pattern to a shell, and `$(…)` a command.
#[must_use]
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@+%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_reads_something_into_is_quoted() {
        for plain in ["10.0.0.1:5678", "fd00::1", "/tmp/dsctl-demo-1.db", "ds_1.x"] {
            assert_eq!(shell_word(plain), plain);
        }
        for (text, keyword) in [
            ("[fd00::1]:5678", "'[fd00::1]:5678'"),
            ("/tmp/my demo.db", "'/tmp/my demo.db'"),
            ("$(id):1", "'$(id):1'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(text), keyword);
        }
    }
}
