//! `dsctl commands`: waiting commands and error commands.

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use super::failure::CommandError;
use super::shell::{Answer, Skeleton};
use super::times::{self, Instant, Local};
use crate::cluster::Cluster;
use crate::family::command_name;
use crate::model::{CommandRow, InstanceId};
use crate::output::{Body, Cell, Keys, Records, Table, WORD};

/// More of each kind are left out, with a notice.
const LIMIT: usize = 10_000;

/// The limit on the bytes of text of each kind: an error command may have a whole stack trace.
const BYTES: usize = 8 * 1024 * 1024;

/// The document of `commands`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct CommandsDocument {
    commands: Vec<CommandEntry>,
    error_commands: Vec<CommandEntry>,
}

impl Keys for CommandsDocument {
    fn records(&mut self) -> Vec<Records<'_>> {
        let Self {
            commands,
            error_commands,
        } = self;
        vec![
            Records {
                key: "commands",
                record: "command",
                rows: commands,
            },
            Records {
                key: "error_commands",
                record: "error_command",
                rows: error_commands,
            },
        ]
    }
}

impl Skeleton for CommandsDocument {
    const COMMAND: &'static str = "commands";
}

/// A waiting command, or one that ended in the error table.
#[derive(Debug, Serialize, JsonSchema)]
struct CommandEntry {
    id: i64,
    #[schemars(regex(pattern = WORD))]
    command_type: String,
    command_type_code: Option<i64>,
    instance_id: Option<InstanceId>,
    command_param: Option<String>,
    start_time: Option<Instant>,
    update_time: Option<Instant>,
    update_time_local: Option<Local>,
    message: Option<String>,
}

impl CommandEntry {
    fn of(command: CommandRow, zone: Option<&TimeZone>) -> Self {
        let keyword = type_name(&command).map_or_else(|| "unknown".to_owned(), str::to_lowercase);
        let CommandRow {
            id,
            command_type,
            instance_id,
            command_param,
            start_time,
            update_time,
            message,
        } = command;
        Self {
            id,
            command_type: keyword,
            command_type_code: command_type,
            instance_id,
            command_param,
            start_time: times::in_utc(start_time, zone),
            update_time: times::in_utc(update_time, zone),
            update_time_local: update_time.map(Local::from),
            message,
        }
    }
}

pub(super) async fn run(cluster: &mut Cluster) -> Result<Answer<CommandsDocument>, CommandError> {
    let mut waiting = Kept::default();
    cluster
        .store
        .each_command(|command| waiting.keep(command))
        .await?;
    let mut errors = Kept::default();
    cluster
        .store
        .each_error_command(|command| errors.keep(command))
        .await?;
    let mut warnings = Vec::new();
    for (kept, what) in [(&waiting, "waiting commands"), (&errors, "error commands")] {
        if kept.total > kept.rows.len() {
            warnings.push(format!(
                "{} of {} {what} are shown",
                kept.rows.len(),
                kept.total
            ));
        }
    }
    let tables = vec![
        table(&waiting.rows)
            .record("command")
            .title("waiting commands"),
        table(&errors.rows)
            .record("error_command")
            .title("error commands (never retried by DolphinScheduler)"),
    ];
    let entries = |kept: Kept| {
        kept.rows
            .into_iter()
            .map(|command| CommandEntry::of(command, cluster.zone.as_ref()))
            .collect()
    };
    let keys = CommandsDocument {
        commands: entries(waiting),
        error_commands: entries(errors),
    };
    Ok(Answer {
        warnings,
        ..Answer::new(Body {
            tables,
            ..Body::new(keys)
        })
    })
}

#[derive(Default)]
struct Kept {
    rows: Vec<CommandRow>,
    bytes: usize,
    is_full: bool,
    total: usize,
}

impl Kept {
    fn keep(&mut self, command: CommandRow) {
        self.total += 1;
        let texts = [&command.command_param, &command.message];
        let bytes: usize = texts.into_iter().flatten().map(String::len).sum();
        // The list has no gaps: the first one beyond the limit ends it.
        self.is_full |= self.rows.len() == LIMIT || self.bytes + bytes > BYTES;
        if !self.is_full {
            self.bytes += bytes;
            self.rows.push(command);
        }
    }
}

fn type_name(command: &CommandRow) -> Option<&'static str> {
    command_name(command.command_type?)
}

fn table(commands: &[CommandRow]) -> Table {
    let mut table = Table::new(&["ID", "TYPE", "INSTANCE", "UPDATED", "MESSAGE"]);
    for command in commands {
        // The first line is the message; the rest is a stack trace.
        let message = command
            .message
            .as_deref()
            .and_then(|message| message.lines().next());
        table.row(vec![
            Cell::from(command.id),
            Cell::or_unknown(type_name(command)),
            Cell::from(command.instance_id),
            Cell::from(times::local(command.update_time)),
            message.map_or(Cell::None, Cell::long),
        ]);
    }
    table
}
