//! Failover of every family in every database: the right rows change as the facts say, and no other
//! row changes.
//!
//! What is expected is written out here, release by release; nothing of it comes from the program's
//! own tables.

mod away;
mod demo;
mod expected;
mod halves;
mod limits;
mod matrix;
mod named;
mod releases;
mod restarted;
mod shared_scan;
mod tasks;
mod troubles;
mod world;
