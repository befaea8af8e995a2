//! JSON with every character that a terminal would obey written as JSON's own escape: the value stays the same.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::sanitize::is_dangerous;

/// Writes a value over several lines, for people and programs.
pub(super) fn write_pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    Ok(value.serialize(&mut Serializer::with_formatter(out, Escaped(PrettyFormatter::new())))?)
}

/// Writes a value in one line.
pub(super) fn write_compact(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    Ok(value.serialize(&mut Serializer::with_formatter(out, Escaped(CompactFormatter)))?)
}

/// Another format, with such characters escaped. Texts hold all of them: nothing else in JSON comes from outside.
struct Escaped<F>(F);

impl<F: Formatter> Formatter for Escaped<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((start, c)) = rest.char_indices().find(|(_, c)| is_dangerous(*c)) {
            self.0.write_string_fragment(out, &rest[..start])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[start + c.len_utf8()..];
        }
        self.0.write_string_fragment(out, rest)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
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
        assert_eq!(both(&value), [serde_json::to_string_pretty(&value).unwrap(), value.to_string()]);
    }

    #[test]
    fn characters_beyond_the_first_plane_become_two_escapes() {
        assert_eq!(both(&json!("a\u{7f}b\u{202e}\u{e0001}")), ["\"a\\u007fb\\u202e\\udb40\\udc01\""; 2]);
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
