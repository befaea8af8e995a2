//! Spring's YAML files: several documents, each with a condition of its own.

use std::collections::HashSet;
use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::assignment::{Assignment, Layer};
use crate::config::Origin;

/// Deeper nesting is not a configuration.
const DEEPEST: usize = 64;

/// Where the parser is in a document.
enum Nesting {
    /// In a mapping, behind this key or before the next one; and all keys of it so far.
    Mapping(Option<String>, HashSet<String>),
    /// In a sequence, at this element.
    Sequence(usize),
}

/// Why a file cannot be used, and at which line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct YamlError {
    /// Counted from one.
    pub(super) line: usize,
    /// What is wrong, without any of the text.
    pub(super) problem: &'static str,
}

impl YamlError {
    fn not_yaml(line: usize) -> Self {
        Self {
            line,
            problem: "this is not YAML",
        }
    }

    /// SnakeYAML refuses it, as Spring Boot sets it: which of the two is meant is not known.
    fn twice(line: usize) -> Self {
        Self {
            line,
            problem: "this key stands twice in one mapping",
        }
    }
}

/// How several mappings are merged into one: not a key as others.
const MERGE: &str = "<<";

/// All documents of a file in their order. What is null is empty, as Spring takes it: it goes before
/// what other documents say. What stands behind an alias is not known, with all that is below it.
///
/// # Errors
/// The line that is not YAML, or has a key for the second time.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Layer>, YamlError> {
    let mut documents = Vec::new();
    let mut places: Vec<Nesting> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| YamlError::not_yaml(error.marker().line()))?;
        let line = span.start.line();
        if places.len() > DEEPEST {
            return Err(YamlError::not_yaml(line));
        }
        let is_key = matches!(places.last(), Some(Nesting::Mapping(None, _)));
        match event {
            // A key that is no text has no name among Spring's properties.
            Event::MappingStart(..) | Event::SequenceStart(..) | Event::Alias(_) if is_key => {
                return Err(YamlError::not_yaml(line));
            }
            Event::DocumentStart(_) => documents.push(Layer::new()),
            Event::MappingStart(..) => {
                places.push(Nesting::Mapping(None, HashSet::new()));
            }
            Event::SequenceStart(..) => places.push(Nesting::Sequence(0)),
            Event::MappingEnd | Event::SequenceEnd => {
                places.pop();
                step(&mut places);
            }
            Event::Scalar(text, style, ..) => {
                if let Some(Nesting::Mapping(key @ None, keys)) = places.last_mut() {
                    let name = key.insert(text.into_owned());
                    if name != MERGE && !keys.insert(name.clone()) {
                        return Err(YamlError::twice(line));
                    }
                    continue;
                }
                let plain = style == ScalarStyle::Plain;
                let text = if plain {
                    as_java_writes_it(&text)
                } else {
                    Some(text.into_owned())
                };
                note(&mut documents, &places, path, line, text);
                step(&mut places);
            }
            Event::Alias(_) => {
                note(&mut documents, &places, path, line, None);
                step(&mut places);
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }
    Ok(documents)
}

/// A value without quotes as Spring has it: YAML 1.1 takes `007` for the number 7 and `on` for true.
/// `None` for numbers that Java may write in another way.
fn as_java_writes_it(text: &str) -> Option<String> {
    match text.to_ascii_lowercase().as_str() {
        "" | "~" | "null" => return Some(String::new()),
        "yes" | "on" | "true" => return Some("true".to_owned()),
        "no" | "off" | "false" => return Some("false".to_owned()),
        _ => {}
    }
    let unsigned = text.trim_start_matches(['-', '+']);
    let is_plain = unsigned == text && (text == "0" || !text.starts_with('0'));
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Some(text.to_owned());
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        let is_octal = unsigned.starts_with('0') && unsigned.len() > 1;
        return match (is_plain, is_octal) {
            (true, _) => Some(text.to_owned()),
            (false, true) if unsigned == text => i64::from_str_radix(text, 8)
                .ok()
                .map(|number| number.to_string()),
            _ => None,
        };
    }
    // Hexadecimal and binary numbers, fractions, exponents, underscores and base 60. An address has
    // more than one dot, a time or a size has letters.
    let exponent = unsigned.to_ascii_lowercase();
    let mantissa = exponent.replace("e-", "e").replace("e+", "e");
    let is_number = exponent.starts_with("0x")
        || exponent.starts_with("0b")
        || exponent == ".inf"
        || mantissa.matches('.').count() < 2
            && mantissa
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b':' | b'e'));
    (!is_number).then(|| text.to_owned())
}

/// A value has ended: the next one has another key or number.
fn step(places: &mut [Nesting]) {
    match places.last_mut() {
        Some(Nesting::Mapping(key, _)) => *key = None,
        Some(Nesting::Sequence(number)) => *number += 1,
        None => {}
    }
}

fn note(
    documents: &mut [Layer],
    places: &[Nesting],
    path: &Path,
    line: usize,
    text: Option<String>,
) {
    let mut name = String::new();
    for place in places {
        match place {
            Nesting::Mapping(Some(key), _) => {
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(key);
            }
            Nesting::Mapping(None, _) => {}
            Nesting::Sequence(number) => {
                name.push('[');
                name.push_str(&number.to_string());
                name.push(']');
            }
        }
    }
    let origin = Origin::File {
        path: path.to_owned(),
        line,
    };
    if let Some(document) = documents.last_mut() {
        document.push(Assignment { name, text, origin });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Vec<(String, Option<String>, usize)>> {
        let line = |entry: &Assignment| match entry.origin {
            Origin::File { line, .. } => line,
            _ => panic!("{entry:?}"),
        };
        parse(Path::new("/f"), text)
            .unwrap()
            .iter()
            .map(|document| {
                document
                    .iter()
                    .map(|entry| (entry.name.clone(), entry.text.clone(), line(entry)))
                    .collect()
            })
            .collect()
    }

    fn entry(name: &str, text: &str, line: usize) -> (String, Option<String>, usize) {
        (name.to_owned(), Some(text.to_owned()), line)
    }

    #[test]
    fn keys_lists_and_documents() {
        let documents = read(
            "spring:\n  datasource:\n    url: jdbc:postgresql://h/d # here\n    password: 007\n  list:\n    - a\n    - b\ndigest: ~\n\
             dotted.key: 'x: y'\n---\nspring.config.activate.on-profile: mysql\n",
        );
        assert_eq!(
            documents[0],
            [
                entry("spring.datasource.url", "jdbc:postgresql://h/d", 3),
                entry("spring.datasource.password", "7", 4),
                entry("spring.list[0]", "a", 6),
                entry("spring.list[1]", "b", 7),
                entry("digest", "", 8),
                entry("dotted.key", "x: y", 9),
            ]
        );
        assert_eq!(
            documents[1],
            [entry("spring.config.activate.on-profile", "mysql", 11)]
        );
    }

    #[test]
    fn values_as_java_writes_them() {
        for (text, value) in [
            ("root", Some("root")),
            ("007", Some("7")),
            ("\"007\"", Some("007")),
            ("0", Some("0")),
            ("089", None),
            ("12345678901234567890", Some("12345678901234567890")),
            ("on", Some("true")),
            ("NO", Some("false")),
            ("null", Some("")),
            ("'~'", Some("~")),
            ("1_000", None),
            ("0x1f", None),
            ("1.50", None),
            ("1e5", None),
            ("1e+5", None),
            ("123-456", Some("123-456")),
            ("190:20:30", None),
            ("+1", None),
            ("127.0.0.1:2181", Some("127.0.0.1:2181")),
            ("192.168.0.1", Some("192.168.0.1")),
            ("30s", Some("30s")),
            ("2zk:2181,3zk:2181", Some("2zk:2181,3zk:2181")),
        ] {
            let documents = read(&format!("a: {text}\n"));
            assert_eq!(documents[0][0].1.as_deref(), value, "{text}");
        }
    }

    /// SnakeYAML refuses them as Spring Boot sets it; a merge key may stand twice.
    #[test]
    fn a_key_stands_once_in_a_mapping() {
        for text in [
            "a: b\nc: d\na: e\n",
            "x:\n  - a: b\n    a: c\n",
            "\"a\": b\na: {a: c}\n",
        ] {
            assert!(parse(Path::new("/f"), text).is_err(), "{text}");
        }
        for text in [
            "a: {b: c}\nd: {b: c}\n",
            "- a: b\n- a: b\n",
            "a: b\n---\na: b\n",
            "<<: *x\n<<: *y\n",
        ] {
            let text = format!("k: &x {{}}\nl: &y {{}}\n---\n{text}");
            let text = if text.contains("*x") {
                text.replacen("---\n", "", 1)
            } else {
                text
            };
            assert!(parse(Path::new("/f"), &text).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_alias_is_not_guessed() {
        let documents = read("a: &x secret\nb: *x\n");
        assert_eq!(documents[0][1], ("b".to_owned(), None, 2));
    }

    #[test]
    fn a_line_that_is_not_yaml_is_named() {
        assert_eq!(
            parse(Path::new("/f"), "a: b\nc: [1\nd: e\n").unwrap_err(),
            YamlError::not_yaml(3)
        );
        for key in [
            "? [a, b]\n: c\nd: e\n",
            "? {a: b}\n: c\n",
            "a: &x b\n*x : c\n",
        ] {
            assert!(parse(Path::new("/f"), key).is_err(), "{key}");
        }
        let deep = "[".repeat(5_000);
        assert!(parse(Path::new("/f"), &deep).is_err());
    }
}
