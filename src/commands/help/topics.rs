//! `dsctl help`: commands, and topics that belong to no single command.

use std::fmt::Write;

use crate::config::Key;
use crate::exit_code::ExitCode;

/// Names of the topics besides the commands.
pub(super) const TOPICS: [&str; 2] = ["exit-codes", "environment"];

/// There is no help with that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no help about {0:?}")]
pub(super) struct UnknownTopic(pub String);

/// The list of all topics.
pub(super) fn known(definition: &clap::Command) -> String {
    let commands = definition.get_subcommands().map(clap::Command::get_name);
    format!(
        "topics: {}",
        TOPICS
            .into_iter()
            .chain(commands)
            .collect::<Vec<_>>()
            .join(", ")
    )
}

/// The text of `dsctl help TOPIC...`; without a topic that of `dsctl --help`.
///
/// # Errors
/// [`UnknownTopic`].
pub(super) fn help(topic: &[String], definition: &clap::Command) -> Result<String, UnknownTopic> {
    match topic
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["exit-codes"] => Ok(exit_codes()),
        ["environment"] => Ok(environment()),
        names => command_help(names, definition),
    }
}

fn command_help(names: &[&str], definition: &clap::Command) -> Result<String, UnknownTopic> {
    let mut definition = definition.clone();
    // Building adds global options and the full names of nested commands.
    definition.build();
    let mut command = &mut definition;
    for name in names {
        command = command
            .find_subcommand_mut(name)
            .ok_or_else(|| UnknownTopic(names.join(" ")))?;
    }
    Ok(command.render_long_help().to_string())
}

/// Every exit code, from the only list.
pub(super) fn exit_codes() -> String {
    let mut text = "Exit codes:\n\n".to_owned();
    let width = ExitCode::ALL
        .iter()
        .map(|code| code.meaning().0.len())
        .max()
        .unwrap_or(0);
    let _ = writeln!(text, "CODE  {:width$}  RETRY", "MEANING");
    for code in ExitCode::ALL {
        let (meaning, retry) = code.meaning();
        let _ = writeln!(text, "{:>4}  {meaning:width$}  {retry}", code.number());
    }
    text.push_str(
        "\nWith `dsctl lock acquire MASTER -- CMD` the exit status of CMD is passed on.\n",
    );
    text
}

/// Variables without a flag, and their purpose.
pub(super) const OTHER_VARIABLES: [(&str, &str); 12] = [
    (
        "DSCTL_CONFIG",
        "--config; this file replaces the two default ones",
    ),
    (
        "DSCTL_DB_PASSWORD",
        "the database's password; a file is better, because processes pass on their environment",
    ),
    (
        "DSCTL_ZK_DIGEST",
        "user:password for ZooKeeper; a file is better",
    ),
    (
        "DSCTL_ZK_SASL",
        "user:password for ZooKeeper's SASL login; a file is better",
    ),
    (
        "DOLPHINSCHEDULER_HOME",
        "as --ds-home, where nothing else says which cluster is meant",
    ),
    (
        "SPRING_DATASOURCE_*, REGISTRY_*",
        "as in DolphinScheduler's containers, where no file says which cluster is meant",
    ),
    (
        "CREDENTIALS_DIRECTORY",
        "systemd's credentials: dsctl-db-password, dsctl-zk-digest and dsctl-zk-sasl are read from there",
    ),
    (
        "PGPASSFILE",
        "PostgreSQL's password file; ~/.pgpass if not set",
    ),
    (
        "XDG_CONFIG_HOME",
        "folder of dsctl/config.toml; ~/.config if not set",
    ),
    ("NO_COLOR", "no colours, unless --color says otherwise"),
    (
        "CLICOLOR_FORCE, FORCE_COLOR",
        "colours even without a terminal",
    ),
    ("CLICOLOR=0, TERM=dumb", "no colours"),
];

/// The order of precedence, as text.
pub(super) const PRECEDENCE: [&str; 6] = [
    "the command line",
    "the environment",
    "$XDG_CONFIG_HOME/dsctl/config.toml (or only the file of --config or DSCTL_CONFIG)",
    "/etc/dsctl/config.toml (not read with --config or DSCTL_CONFIG)",
    "DolphinScheduler's own files, of --ds-home; without --zk, --db and --registry also of $DOLPHINSCHEDULER_HOME or /opt/dolphinscheduler",
    "the built-in default",
];

fn environment() -> String {
    let mut text =
        "Each global option can be given in several ways; the first one that is set wins:\n\n"
            .to_owned();
    for (index, place) in PRECEDENCE.iter().enumerate() {
        let _ = writeln!(text, "  {}. {place}", index + 1);
    }
    text.push_str("\ndsctl's files are TOML; the keys are the names of the options, as in: zk = \"zk1:2181,zk2:2181\"\n\
        A table [[mute]] with code, until and reason, and with subject if you like, makes what doctor finds no alarm until then.\n");
    text.push_str(
        "An empty variable counts as not set. A file with a secret must be readable \
        only by its owner.\n",
    );
    text.push_str(
        "Where none of these has the database's password, it is looked up for that server and user in PostgreSQL's \
        password file, or in [client] of ~/.my.cnf.\n",
    );
    text.push_str("\nEnvironment variables:\n\n");
    for (name, purpose) in variables() {
        let _ = writeln!(text, "  {name:27}  {purpose}");
    }
    text
}

/// Every variable with its purpose.
pub(super) fn variables() -> Vec<(String, String)> {
    let keys = Key::ALL
        .iter()
        .map(|key| (key.variable(), format!("--{}", key.name())));
    keys.chain(OTHER_VARIABLES.map(|(name, purpose)| (name.to_owned(), purpose.to_owned())))
        .collect()
}
