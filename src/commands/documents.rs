//! The documents of all commands: their empty form, and their schemas.

use serde_json::Value;

use super::cli::definition;
use super::command_list::CommandsDocument;
use super::config::ConfigDocument;
use super::demo::DemoDocument;
use super::doctor::DoctorDocument;
use super::handover::clear_hosts::ClearHostsDocument;
use super::handover::failover::FailoverDocument;
use super::handover::recover::RecoverDocument;
use super::instances::InstancesDocument;
use super::lock::acquire::LockAcquireDocument;
use super::lock::status::LockStatusDocument;
use super::masters::MastersDocument;
use super::shell::Skeleton;
use super::snapshot::SnapshotDocument;
use super::watch::WatchDocument;
use crate::output::{Document, NoKeys, schema};
use crate::watch::line::{EventLine, PreLine};

/// One kind of document.
struct DocumentKind {
    command: &'static str,
    empty: fn() -> Document,
    /// The schema of the document, and of its lines.
    schemas: fn() -> [Value; 2],
}

impl DocumentKind {
    const fn of<K: Skeleton>() -> Self {
        Self {
            command: K::COMMAND,
            empty: || Document::new(K::COMMAND, K::default()),
            schemas: || {
                let (title, commands) = (format!("dsctl {}", K::COMMAND), [K::COMMAND.to_owned()]);
                [
                    schema::document::<K>(&title, &commands),
                    schema::line::<K>(&title, &commands),
                ]
            },
        }
    }
}

const KINDS: [DocumentKind; 13] = [
    DocumentKind::of::<MastersDocument>(),
    DocumentKind::of::<LockStatusDocument>(),
    DocumentKind::of::<LockAcquireDocument>(),
    DocumentKind::of::<InstancesDocument>(),
    DocumentKind::of::<ClearHostsDocument>(),
    DocumentKind::of::<RecoverDocument>(),
    DocumentKind::of::<FailoverDocument>(),
    DocumentKind::of::<WatchDocument>(),
    DocumentKind::of::<SnapshotDocument>(),
    DocumentKind::of::<CommandsDocument>(),
    DocumentKind::of::<DoctorDocument>(),
    DocumentKind::of::<ConfigDocument>(),
    DocumentKind::of::<DemoDocument>(),
];

/// The empty document of a command; `""` means no command.
pub(super) fn empty(command: String) -> Document {
    match KINDS.iter().find(|kind| kind.command == command) {
        Some(kind) => (kind.empty)(),
        None => Document::new(command, NoKeys {}),
    }
}

/// The commands without a document of their own, and `""`: their failures have only the head.
fn without_keys() -> Vec<String> {
    let definition = definition();
    let below = definition.get_subcommands().flat_map(|command| {
        let name = command.get_name();
        let whole = command
            .get_subcommands()
            .map(move |below| format!("{name} {}", below.get_name()));
        std::iter::once(name.to_owned()).chain(whole)
    });
    let is_without = |command: &String| KINDS.iter().all(|kind| kind.command != command);
    std::iter::once(String::new())
        .chain(below)
        .filter(is_without)
        .collect()
}

/// The schemas of all output for programs, each with the name of its file without the extension.
#[must_use]
pub fn schemas() -> Vec<(String, Value)> {
    let mut schemas = Vec::new();
    for kind in &KINDS {
        let (name, [document, line]) = (kind.command.replace(' ', "-"), (kind.schemas)());
        schemas.extend([(name.clone(), document), (format!("{name}-line"), line)]);
    }
    let (title, commands) = ("dsctl, a failure without keys of its own", without_keys());
    schemas.push((
        "failure".to_owned(),
        schema::document::<NoKeys>(title, &commands),
    ));
    schemas.push((
        "failure-line".to_owned(),
        schema::line::<NoKeys>(title, &commands),
    ));
    schemas.push((
        "watch-event".to_owned(),
        schema::of::<EventLine<'static>>("dsctl watch: an event"),
    ));
    let title = "dsctl watch: what the hook pre reads";
    schemas.push((
        "watch-hook-pre".to_owned(),
        schema::of::<PreLine<'static>>(title),
    ));
    schemas
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Format, OutputSettings, Printer, Terminals};

    #[test]
    fn every_command_that_answers_has_a_document_and_each_is_one_of_the_command_line() {
        assert_eq!(without_keys(), ["", "lock", "completions", "man", "help"]);
        let known = |name: &str| {
            let definition = definition();
            let mut command = Some(&definition);
            name.split(' ').for_each(|keyword| {
                command = command.and_then(|command| command.find_subcommand(keyword));
            });
            command.is_some()
        };
        assert!(KINDS.iter().all(|kind| known(kind.command)));
    }
    #[test]
    fn no_document_says_a_key_twice() {
        for document in KINDS.iter().map(|kind| (kind.empty)()) {
            let mut out = Vec::new();
            let settings = OutputSettings {
                format: Format::Json,
                ..OutputSettings::default()
            };
            Printer::new(
                &mut out,
                &mut std::io::sink(),
                settings,
                Terminals::default(),
            )
            .document(document)
            .unwrap();
            let text = String::from_utf8(out).unwrap();
            let keys = text.lines().filter(|line| line.starts_with("  \"")).count();
            let read: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
            assert!(keys == read.len() && keys >= 7, "{text}");
        }
    }
}
