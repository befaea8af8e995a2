//! What a snapshot says of itself, and how one is known.

use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::metadata::database::{Database, DatabaseError};
use crate::metadata::statements::snapshot::PARTS;

/// The table beside DolphinScheduler's.
pub(in crate::metadata) const TABLE: &str = "dsctl_snapshot";

/// SQLite's `application_id` of these files: `dsct`.
pub(super) const APPLICATION_ID: i32 = 0x6473_6374;

/// Where the file format has it.
const APPLICATION_ID_AT: usize = 68;

/// The format of what is beside DolphinScheduler's tables. A reader knows only its own.
pub(super) const FORMAT: u32 = 1;

/// Why there is no snapshot. None is left then.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Its file cannot be written.
    #[error("cannot write the snapshot {}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system or SQLite says.
        cause: String,
    },
    /// A snapshot of a snapshot would claim to be of another cluster, or of another time.
    #[error("this is a snapshot of {0} already")]
    Again(String),
    /// The metadata database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// What a snapshot says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotHead {
    pub(super) format: u32,
    /// The moment that it shows, by the clock of the machine where it was taken.
    pub taken_at: Timestamp,
    /// The address of the metadata database.
    pub database: String,
    /// `zookeeper` or `jdbc`.
    pub registry: String,
    /// The release, if the operator specified it.
    pub ds_version: Option<String>,
    /// The masters' zone, if it was known.
    pub time_zone: Option<String>,
    /// Whether values of parameters are in it.
    pub with_values: bool,
    /// Why the registry may not be the masters', by what the database had.
    pub elsewhere: Option<String>,
    /// The database's present, if it told it.
    pub(in crate::metadata) database_time: Option<Timestamp>,
    /// What made the database's answers doubtful.
    pub(in crate::metadata) doubt: Option<String>,
    /// Tables of which row level security may have hidden rows.
    pub(in crate::metadata) hidden: Vec<String>,
    /// Columns that the user might not read: empty here.
    pub(in crate::metadata) unreadable: Vec<(String, String)>,
}

impl SnapshotHead {
    /// Whether its registry was in the database.
    #[must_use]
    pub fn is_in_database(&self) -> bool {
        self.registry == "jdbc"
    }

    /// A warning that what is seen is the past.
    #[must_use]
    pub fn warning(&self) -> String {
        format!(
            "this is a snapshot of {} and its registry ({}), taken at {}: nothing here is the cluster itself, and \
             what is written goes into this file alone",
            self.database,
            self.registry,
            self.taken_at.strftime("%Y-%m-%d %H:%M:%SZ")
        )
    }
}

/// What a snapshot has beside DolphinScheduler's tables.
#[derive(Clone, Debug)]
pub struct SnapshotParts {
    /// About it.
    pub head: SnapshotHead,
    /// The registry, in its own words.
    pub registry: String,
}

/// Whether a file is a snapshot, by its header. What cannot be read is none.
#[must_use]
pub fn is_snapshot(path: &Path) -> bool {
    let mut header = [0; APPLICATION_ID_AT + 4];
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let mut read = || std::fs::File::open(path)?.read_exact(&mut header);
    is_file && read().is_ok() && header[APPLICATION_ID_AT..] == APPLICATION_ID.to_be_bytes()
}

/// Reads what a snapshot has beside DolphinScheduler's tables.
///
/// # Errors
/// [`DatabaseError`]; [`DatabaseError::Unreachable`] if another program, or another release of this
/// one, has written it.
pub async fn read_parts(database: &mut dyn Database) -> Result<SnapshotParts, DatabaseError> {
    let (mut head, mut registry) = (None, None);
    database
        .query(&PARTS.into(), &mut |row| match row.text(0).as_deref() {
            Some("head") => head = row.text(1),
            Some("registry") => registry = row.text(1),
            _ => {}
        })
        .await?;
    let refused = |cause: String| DatabaseError::Unreachable {
        endpoint: database.endpoint().to_owned(),
        cause,
    };
    let (Some(head), Some(registry)) = (head, registry) else {
        return Err(refused(format!("{TABLE} lacks a part of the snapshot")));
    };
    let head: SnapshotHead = serde_json::from_str(&head)
        .map_err(|error| refused(format!("{TABLE} cannot be read: {error}")))?;
    if head.format != FORMAT {
        return Err(refused(format!(
            "the snapshot has format {}, and this program knows {FORMAT}: use the dsctl that took it",
            head.format
        )));
    }
    Ok(SnapshotParts { head, registry })
}
