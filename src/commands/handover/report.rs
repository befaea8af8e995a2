//! The report of a writing command.

use super::reasons::{NOT_BEGUN, sentence};
use super::record::RunReport;
use crate::commands::times;
use crate::failover::{MasterOutcome, Run, Unfinished};
use crate::model::InstanceId;
use crate::output::{Body, Cell, Table};

const HEADERS: [&str; 5] = ["MASTER", "VERDICT", "INSTANCE", "COMMAND", "RESULT"];

/// How many rows of one kind each master has in a table for people; programs get all.
const SHOWN: usize = 50;

/// The texts for an instance that was not left alone.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct Phrases {
    /// Done.
    pub(in crate::commands) done: &'static str,
    /// In a dry run.
    pub(in crate::commands) would: &'static str,
    /// Why there is nothing to do.
    pub(in crate::commands) empty: &'static str,
}

/// The answer's body for a run.
pub(in crate::commands) fn body(run: &Run, dry_run: bool, phrases: Phrases) -> Body<RunReport> {
    let body = Body::new(RunReport::of(run, dry_run));
    let masters = &run.masters;
    let says_more =
        masters.iter().any(MasterOutcome::has_rows) || masters.len() > 1 && !run.ended_early();
    if run.failure.is_some() && !says_more {
        // The error is enough; an empty table would look like good news.
        return body;
    }
    let body = body.table(table(run, dry_run, phrases));
    let tasks: usize = run
        .masters
        .iter()
        .map(|master| master.marked_tasks.len())
        .sum();
    let body = match (tasks, dry_run) {
        (0, _) => body,
        (tasks, true) => body.closing(format!(
            "{tasks} of their tasks would be marked to run again"
        )),
        (tasks, false) => body.closing(format!("{tasks} of their tasks were marked to run again")),
    };
    body.closing(summary(run, dry_run, phrases))
}

/// Whether there was nothing to do, and nothing to report.
pub(super) fn is_nothing(run: &Run) -> bool {
    run.failure.is_none() && run.recovered() == 0 && run.skipped() == 0
}

fn summary(run: &Run, dry_run: bool, phrases: Phrases) -> String {
    let (recovered, skipped) = (run.recovered(), run.skipped());
    let elapsed = times::short(run.elapsed);
    match (recovered, skipped, dry_run) {
        (_, _, true) if run.ended_early() => {
            format!(
                "stopped early: {recovered} {} before; nothing was written",
                phrases.would
            )
        }
        _ if run.ended_early() => format!(
            "stopped early: {recovered} {} before, {skipped} left alone",
            phrases.done
        ),
        _ if is_nothing(run) => format!("nothing to do: {}", why_nothing(run, phrases)),
        (_, _, true) => format!(
            "dry run: {recovered} {}, {skipped} would be left alone; nothing was written, and no lock was taken",
            phrases.would
        ),
        _ => format!(
            "{recovered} {}, {skipped} left alone, in {elapsed}",
            phrases.done
        ),
    }
}

/// Names the masters as typed: one of them may be a typing error.
fn why_nothing(run: &Run, phrases: Phrases) -> String {
    let masters: Vec<&str> = run
        .masters
        .iter()
        .map(|master| master.address.as_str())
        .collect();
    if masters.is_empty() {
        return phrases.empty.to_owned();
    }
    format!("no unfinished instance names {}", masters.join(" or "))
}

fn table(run: &Run, dry_run: bool, phrases: Phrases) -> Table {
    let mut table = Table::new(&HEADERS);
    for master in &run.masters {
        let head = || {
            vec![
                Cell::from(master.address.to_string()),
                Cell::from(master.verdict.keyword()),
            ]
        };
        let result = if dry_run { phrases.would } else { phrases.done };
        for (instance, command) in master.recovered.iter().take(SHOWN) {
            let cells = [
                Cell::from(*instance),
                Cell::from(*command),
                Cell::from(result),
            ];
            table.row(head().into_iter().chain(cells).collect());
        }
        for (instance, reason) in master.skipped.iter().take(SHOWN) {
            let cells = [
                Cell::from(*instance),
                Cell::None,
                Cell::from(format!("left alone: {}", sentence(reason))),
            ];
            let cells = head().into_iter().chain(cells).collect();
            if reason.is_trouble() {
                table.alarm(cells);
            } else {
                table.row(cells);
            }
        }
        if let Some(trouble) = &master.trouble {
            let text = match trouble {
                Unfinished::Failed(error) => format!("failed: {error}"),
                Unfinished::NotBegun => NOT_BEGUN.to_owned(),
            };
            table.alarm(
                head()
                    .into_iter()
                    .chain([Cell::None, Cell::None, Cell::from(text)])
                    .collect(),
            );
        }
        if run.recovered() > 0 && !master.has_rows() && master.trouble.is_none() {
            // Among others a slip would not be seen.
            let text = Cell::from("no unfinished instance names it");
            table.row(
                head()
                    .into_iter()
                    .chain([Cell::None, Cell::None, text])
                    .collect(),
            );
        }
        let more = master.recovered.len().saturating_sub(SHOWN)
            + master.skipped.len().saturating_sub(SHOWN);
        if more > 0 {
            let text = format!("and {more} more: all with -o json");
            table.row(
                head()
                    .into_iter()
                    .chain([Cell::None, Cell::None, Cell::from(text)])
                    .collect(),
            );
        }
    }
    table
}

/// Ids in one line, as `--instance` takes them.
pub(super) fn id_list(ids: &[InstanceId]) -> String {
    ids.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}
