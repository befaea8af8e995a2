//! `dsctl commands`: waiting commands and error commands.

use serde_json::{Value, json};

use super::failure::CommandError;
use super::shell::{Answer, NONE};
use super::times;
use crate::cluster::Cluster;
use crate::family::command_name;
use crate::model::CommandRow;
use crate::output::{Body, Cell, Document, Table};

/// More of each kind are cut, and that is said.
const LIMIT: usize = 10_000;

/// So many bytes of text of each kind are enough, too: an error command may hold a whole stack trace.
const BYTES: usize = 8 * 1024 * 1024;

/// What it answers when it comes to nothing.
pub(super) fn empty() -> Document {
    Document {
        body: Body::default().records("commands", "command", NONE).records("error_commands", "error_command", NONE),
        ..Document::new("commands")
    }
}

pub(super) async fn run(cluster: &mut Cluster) -> Result<Answer, CommandError> {
    let mut waiting = Kept::default();
    cluster.store.each_command(|command| waiting.keep(command)).await?;
    let mut errors = Kept::default();
    cluster.store.each_error_command(|command| errors.keep(command)).await?;
    let zone = cluster.zone.as_ref();
    let body = Body::default()
        .records("commands", "command", waiting.rows.iter().map(|command| value(command, zone)))
        .records("error_commands", "error_command", errors.rows.iter().map(|command| value(command, zone)))
        .table(table(&waiting.rows).title("waiting commands"))
        .table(table(&errors.rows).title("error commands (never retried by DolphinScheduler)"));
    let mut answer = Answer::new(body);
    for (kept, what) in [(&waiting, "waiting commands"), (&errors, "error commands")] {
        if kept.total > kept.rows.len() {
            answer.warnings.push(format!("{} of {} {what} are shown", kept.rows.len(), kept.total));
        }
    }
    Ok(answer)
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
        // What is listed has no gaps: one that would be too much ends the list.
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
        // The first line says what happened; the rest is a stack trace.
        let message = command.message.as_deref().and_then(|message| message.lines().next());
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

fn value(command: &CommandRow, zone: Option<&jiff::tz::TimeZone>) -> Value {
    json!({
        "id": command.id,
        "command_type": type_name(command).map_or_else(|| "unknown".to_owned(), str::to_lowercase),
        "command_type_code": command.command_type,
        "instance_id": command.instance_id,
        "command_param": command.command_param,
        "start_time": times::in_utc(command.start_time, zone),
        "update_time": times::in_utc(command.update_time, zone),
        "update_time_local": times::local(command.update_time),
        "message": command.message,
    })
}
