//! Java's properties files.

use std::path::Path;

use java_properties::{LineContent, PropertiesIter};

use super::assignment::{Assignment, Layer};
use crate::config::Origin;

/// What a file says, in its order.
///
/// # Errors
/// The line that cannot be read.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Layer, usize> {
    let mut entries = Vec::new();
    for line in PropertiesIter::new(bytes) {
        let line = line.map_err(|error| error.line_number().unwrap_or(0))?;
        let number = line.line_number();
        if let LineContent::KVPair(name, text) = line.consume_content() {
            entries.push(Assignment {
                name,
                text: Some(text),
                origin: Origin::File {
                    path: path.to_owned(),
                    line: number,
                },
            });
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_escapes_and_lines() {
        let text = b"# no\n! no\na.b=c\nspring.url : jdbc:x?a=b&c=d\npassword=p\\u00e4\\=\\#\nlong=1,\\\n   2\nempty=\n";
        let entries = parse(Path::new("/f"), text).unwrap();
        let read: Vec<(&str, &str)> = entries
            .iter()
            .map(|entry| (entry.name.as_str(), entry.text.as_deref().unwrap()))
            .collect();
        assert_eq!(
            read,
            [
                ("a.b", "c"),
                ("spring.url", "jdbc:x?a=b&c=d"),
                ("password", "p\u{e4}=#"),
                ("long", "1,2"),
                ("empty", "")
            ]
        );
        let Origin::File { line, .. } = entries[1].origin else {
            panic!()
        };
        assert_eq!(line, 4);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        assert_eq!(parse(Path::new("/f"), b"a=b\nc=\\u12").unwrap_err(), 2);
    }
}
