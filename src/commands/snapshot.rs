//! `dsctl snapshot`: what every command reads, in a file.

use std::path::PathBuf;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::failure::CommandError;
use super::handover::confirm::doubtful;
use super::shell::{Answer, Shell, Skeleton};
use super::times::Instant;
use crate::cluster::Cluster;
use crate::exit_code::ExitCode;
use crate::failover::{FailoverError, Refusal, registered_elsewhere, without_doubt};
use crate::metadata::snapshot::{CopiedTable, SnapshotError, SnapshotRequest};
use crate::model::shell_word;
use crate::options::value::zone_text;
use crate::output::{Body, Cell, Keys, Records, Table};
use crate::registry::recorded::RegistryRecord;

/// Arguments of `snapshot`.
#[derive(Args, Clone, Debug)]
pub(super) struct SnapshotArgs {
    /// The new file; none is replaced
    #[arg(value_name = "FILE.db")]
    pub file: PathBuf,

    /// Keep the values of parameters; without this only their keys are in the file
    #[arg(long)]
    pub with_values: bool,
}

/// The document of `snapshot`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct SnapshotDocument {
    file: Option<String>,
    taken_at: Option<Instant>,
    with_values: bool,
    registered_masters: Option<usize>,
    tables: Vec<TableEntry>,
}

impl SnapshotDocument {
    /// With the values from the command line alone.
    pub(super) fn empty(arguments: &SnapshotArgs) -> Self {
        Self {
            with_values: arguments.with_values,
            ..Self::default()
        }
    }
}

impl Keys for SnapshotDocument {
    fn records(&mut self) -> Vec<Records<'_>> {
        vec![Records {
            key: "tables",
            record: "table",
            rows: &mut self.tables,
        }]
    }
}

impl Skeleton for SnapshotDocument {
    const COMMAND: &'static str = "snapshot";
}

/// A table of which rows were copied.
#[derive(Debug, Serialize, JsonSchema)]
struct TableEntry {
    table: String,
    rows: u64,
}

impl From<CopiedTable> for TableEntry {
    fn from(CopiedTable { table, rows }: CopiedTable) -> Self {
        Self { table, rows }
    }
}

/// The tables first, in the transaction that is open; the registry right after them.
pub(super) async fn run(
    shell: &mut Shell<'_, '_>,
    cluster: &mut Cluster,
    arguments: &SnapshotArgs,
) -> Result<Answer<SnapshotDocument>, CommandError> {
    // Clocks prove nobody dead: it is looked until that is known, as a failover does.
    if doubtful(shell, cluster).await?.is_some() {
        cluster.store.end_reading().await;
        without_doubt(&mut *cluster.registry).await?;
        shell.printer.settled();
        cluster.store.begin_reading_anew().await?;
    }
    let masters = cluster.registry.masters().await?;
    let elsewhere = elsewhere(cluster).await?;
    let masters: Vec<&str> = masters
        .servers
        .iter()
        .map(|server| server.address.as_str())
        .collect();
    let (release, given) = (
        cluster.store.release().clone(),
        shell.settings.ds_version.map(|given| given.to_string()),
    );
    let zone = cluster.zone.as_ref().and_then(zone_text);
    let request = SnapshotRequest {
        file: &arguments.file,
        with_values: arguments.with_values,
        registry: cluster.registry.kind(),
        masters: &masters,
        ds_version: given.as_deref(),
        time_zone: zone.as_deref(),
        elsewhere: elsewhere.as_deref(),
    };
    let copied = cluster.store.copy_tables(request).await?;
    let record = RegistryRecord::of(&mut *cluster.registry, &release).await?;
    let taken_at = cluster.registry.now();
    let tables = copied.publish(taken_at, record.to_text())?;
    Ok(Answer::new(body(arguments, taken_at, &record, tables)))
}

/// Why ZooKeeper may not be the masters' registry, by what the database has.
async fn elsewhere(cluster: &mut Cluster) -> Result<Option<String>, FailoverError> {
    let refusal = registered_elsewhere(cluster).await?;
    Ok(refusal.map(|refusal| match refusal {
        Refusal::Contradiction(text) => text,
        other => other.to_string(),
    }))
}

impl From<SnapshotError> for CommandError {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Database(error) => error.into(),
            SnapshotError::Again(_) => Self::Other {
                error: anyhow::Error::new(error),
                hint: "copy its file".to_owned(),
                exit: ExitCode::Refused,
            },
            SnapshotError::File { .. } => Self::Other {
                error: anyhow::Error::new(error),
                hint: "name a new file, in a folder that this user may write to and that has room for it"
                    .to_owned(),
                exit: ExitCode::Failure,
            },
        }
    }
}

fn body(
    arguments: &SnapshotArgs,
    taken_at: jiff::Timestamp,
    record: &RegistryRecord,
    tables: Vec<CopiedTable>,
) -> Body<SnapshotDocument> {
    let mut table = Table::new(&["TABLE", "ROWS"]);
    for CopiedTable { table: name, rows } in &tables {
        table.row(vec![
            Cell::from(name.clone()),
            Cell::from(i64::try_from(*rows).unwrap_or(i64::MAX)),
        ]);
    }
    let file = arguments.file.to_string_lossy().into_owned();
    let url = format!("sqlite:{file}");
    let url = shell_word(&url);
    let values = if arguments.with_values {
        "the values of parameters are in it: whoever gets the file can read them"
    } else {
        "values of parameters are masked; names of workflows and tasks, addresses and error messages are in it"
    };
    let document = SnapshotDocument {
        file: Some(file.clone()),
        taken_at: Some(taken_at.into()),
        with_values: arguments.with_values,
        registered_masters: Some(record.masters()),
        tables: tables.into_iter().map(TableEntry::from).collect(),
    };
    Body::new(document)
        .table(table)
        .closing(format!(
            "{file} has these rows, and the registry with {} masters: {values}",
            record.masters()
        ))
        .closing(
            "all commands but lock acquire and watch work on it, without the cluster; what they write stays in the file:",
        )
        .closing(format!("  dsctl --db {url} doctor"))
        .closing(format!("  dsctl --db {url} failover --all-dead --dry-run"))
}
