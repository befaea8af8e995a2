//! JSON with every character that a terminal would interpret written as a JSON escape: the value
//! stays the same.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use super::sanitize::is_dangerous;

/// Writes a value over several lines, for people and programs.
pub(super) fn write_pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    Ok(serde_json::to_writer_pretty(Escaped(out), value)?)
}

/// Writes a value in one line.
pub(super) fn write_compact(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    Ok(serde_json::to_writer(Escaped(out), value)?)
}

/// A value in one line that no terminal interprets.
#[must_use]
pub fn in_one_line(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail, and all keys are texts.
    let _ = write_compact(value, &mut bytes);
    String::from_utf8(bytes).unwrap_or_default()
}

/// Escapes such characters while writing. They occur only in texts: JSON itself has none but line
/// breaks, which texts do not have. A text is written in whole characters.
struct Escaped<'w>(&'w mut dyn Write);

impl Write for Escaped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest =
            str::from_utf8(bytes).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        while let Some((start, c)) = rest
            .char_indices()
            .find(|(_, c)| *c != '\n' && is_dangerous(*c))
        {
            self.0.write_all(&rest.as_bytes()[..start])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(self.0, "\\u{unit:04x}")?;
            }
            rest = &rest[start + c.len_utf8()..];
        }
        self.0.write_all(rest.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn both(value: &Value) -> [String; 2] {
        let (mut pretty, mut compact) = (Vec::new(), Vec::new());
        write_pretty(value, &mut pretty).unwrap();
        write_compact(value, &mut compact).unwrap();
        [pretty, compact].map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn nothing_else_is_written_otherwise_than_usual() {
        let value = json!({ "a": [1, -2.5, true, null, "ü \" \\ \n"], "empty": [[], {}], "b": { "c": "d" } });
        assert_eq!(
            both(&value),
            [
                serde_json::to_string_pretty(&value).unwrap(),
                value.to_string()
            ]
        );
    }

    #[test]
    fn characters_beyond_the_first_plane_become_two_escapes() {
        assert_eq!(
            both(&json!("a\u{7f}b\u{202e}\u{e0001}")),
            ["\"a\\u007fb\\u202e\\udb40\\udc01\""; 2]
        );
    }

    proptest! {
        #[test]
        fn every_text_comes_back_and_no_terminal_obeys_it(key in ".*", text in ".*") {
            let value = json!({ key: text });
            for written in both(&value) {
                prop_assert_eq!(&serde_json::from_str::<Value>(&written).unwrap(), &value);
                prop_assert!(!written.chars().any(|c| c != '\n' && is_dangerous(c)));
            }
        }
    }
}
