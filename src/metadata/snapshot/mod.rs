//! A snapshot: a SQLite file with DolphinScheduler's own tables as they were at one moment, only the
//! rows that a command of ours reads, and beside them what the registry had.

mod copy;
mod file;
mod masks;
mod parts;

pub use copy::{CopiedTable, CopiedTables, SnapshotRequest};
pub(super) use parts::TABLE;
pub use parts::{SnapshotError, SnapshotHead, SnapshotParts, is_snapshot, read_parts};
