//! Spring's YAML files: several documents, each with a condition of its own.

use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::assignment::Assignment;
use crate::config::Origin;

/// A document: its scalars, each by the path of its keys with dots between.
pub(super) type YamlDocument = Vec<Assignment>;

/// Deeper nesting is not a configuration.
const DEEPEST: usize = 64;

/// Where the parser is in a document.
enum Nesting {
    /// In a mapping, behind this key or before the next one.
    Mapping(Option<String>),
    /// In a sequence, at this element.
    Sequence(usize),
}

/// All documents of a file in their order. What is null or empty is left out, as Spring takes it for
/// not set.
///
/// # Errors
/// The line that is not YAML.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<YamlDocument>, usize> {
    let mut documents = Vec::new();
    let mut places: Vec<Nesting> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| error.marker().line())?;
        let line = span.start.line();
        if places.len() > DEEPEST {
            return Err(line);
        }
        match event {
            Event::DocumentStart(_) => documents.push(YamlDocument::new()),
            Event::MappingStart(..) => places.push(Nesting::Mapping(None)),
            Event::SequenceStart(..) => places.push(Nesting::Sequence(0)),
            Event::MappingEnd | Event::SequenceEnd => {
                places.pop();
                step(&mut places);
            }
            Event::Scalar(text, style, ..) => {
                if let Some(Nesting::Mapping(key @ None)) = places.last_mut() {
                    *key = Some(text.into_owned());
                    continue;
                }
                let plain = style == ScalarStyle::Plain;
                let is_null = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                if !is_null {
                    note(&mut documents, &places, path, line, Some(text.into_owned()));
                }
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

/// A value has ended: the next one has another key or number.
fn step(places: &mut [Nesting]) {
    match places.last_mut() {
        Some(Nesting::Mapping(key)) => *key = None,
        Some(Nesting::Sequence(number)) => *number += 1,
        None => {}
    }
}

fn note(
    documents: &mut [YamlDocument],
    places: &[Nesting],
    path: &Path,
    line: usize,
    text: Option<String>,
) {
    let mut name = String::new();
    for place in places {
        match place {
            Nesting::Mapping(Some(key)) => {
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(key);
            }
            Nesting::Mapping(None) => {}
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
                entry("spring.datasource.password", "007", 4),
                entry("spring.list[0]", "a", 6),
                entry("spring.list[1]", "b", 7),
                entry("dotted.key", "x: y", 9),
            ]
        );
        assert_eq!(
            documents[1],
            [entry("spring.config.activate.on-profile", "mysql", 11)]
        );
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
            3
        );
        let deep = "[".repeat(5_000);
        assert!(parse(Path::new("/f"), &deep).is_err());
    }
}
