//! What a next command that is told needs of the options that were typed: without them it would
//! fail, or work on another cluster, or on another watcher.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::Settings;
use crate::model::shell_word;
use crate::options::GlobalArgs;

/// The command that ends a pause and releases a storm brake. It needs the state file alone.
const RESUME: &str = "dsctl watch --resume";

/// The commands that need the cluster, as texts name them.
const OF_CLUSTER: [&str; 8] = [
    "masters",
    "instances",
    "commands",
    "lock status",
    "lock acquire",
    "clear-hosts",
    "recover",
    "failover",
];

/// The options that were typed and that decide what the next command meets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypedOptions {
    /// Those that say which cluster is meant, and how it is reached. Only their names: the
    /// database's URL may hold a password.
    of_cluster: Vec<&'static str>,
    state_file: Option<PathBuf>,
}

impl TypedOptions {
    /// Those of this command line.
    #[must_use]
    pub fn of(settings: &Settings, arguments: &GlobalArgs) -> Self {
        let mut of_cluster = settings.typed();
        of_cluster.extend(arguments.connection.config.is_some().then_some("config"));
        Self {
            of_cluster,
            state_file: None,
        }
    }

    /// With a watcher's state file, if one was typed.
    #[must_use]
    pub fn with_state_file(self, file: Option<&Path>) -> Self {
        Self {
            state_file: file.map(Path::to_owned),
            ..self
        }
    }

    /// The command that ends a pause and releases a storm brake. The file is named from the root:
    /// the next command may be given in another folder.
    #[must_use]
    pub fn resume(&self) -> Cow<'static, str> {
        let Some(file) = &self.state_file else {
            return Cow::Borrowed(RESUME);
        };
        let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        let file = file.to_string_lossy();
        Cow::Owned(format!("{RESUME} --state-file {}", shell_word(&file)))
    }

    /// A remark for people that names the options, if one of these texts names a command that needs
    /// them.
    #[must_use]
    pub fn remark<'a>(&self, mut texts: impl Iterator<Item = &'a str>) -> Option<String> {
        if self.of_cluster.is_empty() || !texts.any(needs_cluster) {
            return None;
        }
        let options: Vec<String> = self
            .of_cluster
            .iter()
            .map(|name| format!("--{name}"))
            .collect();
        Some(format!("(with the same {} as here)", options.join(", ")))
    }

    /// A text with what the commands in it need.
    #[must_use]
    pub fn complete(&self, text: &str) -> String {
        let whole = text.replace(RESUME, &self.resume());
        match self.remark(std::iter::once(text)) {
            Some(remark) => format!("{whole} {remark}"),
            None => whole,
        }
    }
}

/// Whether a text names a command that works on the cluster.
fn needs_cluster(text: &str) -> bool {
    text.match_indices("dsctl ").any(|(at, before)| {
        let behind = &text[at + before.len()..];
        OF_CLUSTER.iter().any(|command| {
            behind
                .strip_prefix(command)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(of_cluster: &[&'static str], state_file: Option<&str>) -> TypedOptions {
        TypedOptions {
            of_cluster: of_cluster.to_vec(),
            state_file: state_file.map(PathBuf::from),
        }
    }

    #[test]
    fn each_command_gets_what_it_needs_and_no_more() {
        let resume = "storm brake: x; resume with dsctl watch --resume";
        let failover = "'dsctl failover a:1 --allow-restarted' does";
        let both = typed(&["zk", "db"], Some("/var/lib/my watch.json"));
        assert_eq!(
            both.complete(resume),
            format!("{resume} --state-file '/var/lib/my watch.json'")
        );
        assert_eq!(
            both.complete(failover),
            format!("{failover} (with the same --zk, --db as here)")
        );
        let none = TypedOptions::default();
        assert_eq!(none.complete(resume), resume);
        assert_eq!(none.complete(failover), failover);
        for text in [
            "give dsctl an account of its own",
            "masters and dsctl do not wait",
            "see `dsctl help environment`",
            "dsctl mastersx",
        ] {
            assert_eq!(both.complete(text), text);
        }
    }

    #[test]
    fn a_file_is_named_from_the_root() {
        let resume = typed(&[], Some("w.json")).resume();
        assert!(resume.contains("--state-file /") && resume.ends_with("/w.json"));
    }
}
