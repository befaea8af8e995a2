//! Moments of a run, as a proxy before the database can tell them.

use crate::harness::world::{DEAD, World};
use crate::harness::{At, MYSQL_COMMIT, Proxy, Running, Store};

/// What the program is about to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The start of a batch's transaction.
    Begin,
    /// The rows of the batch are read and locked.
    Lock,
    /// The claim.
    Claim,
    /// The commands.
    Command,
    /// The end.
    Commit,
}

impl Moment {
    pub const ALL: [Self; 5] = [
        Self::Begin,
        Self::Lock,
        Self::Claim,
        Self::Command,
        Self::Commit,
    ];

    /// Bytes that are sent at this moment of the first batch and at no other.
    pub fn bytes(self, store: Store) -> &'static [u8] {
        match (self, store) {
            (Self::Begin, Store::Postgres) => b"BEGIN ISOLATION LEVEL READ COMMITTED",
            (Self::Begin, _) => b"START TRANSACTION",
            (Self::Lock, _) => b"FOR UPDATE",
            (Self::Claim, _) => b"UPDATE t_ds_",
            (Self::Command, _) => b"INSERT INTO t_ds_command",
            (Self::Commit, Store::Postgres) => b"COMMIT\0",
            (Self::Commit, _) => MYSQL_COMMIT,
        }
    }
}

impl Moment {
    /// As [`Moment::bytes`], in a later batch: statements with parameters are prepared only once,
    /// and are known by their parameters then. The world on PostgreSQL is of a release with typed
    /// commands.
    pub fn bytes_again(self, store: Store) -> &'static [u8] {
        match (self, store) {
            (Self::Claim, _) => DEAD.as_bytes(),
            (Self::Command, Store::Postgres) => b"RECOVER_TOLERANCE_FAULT",
            (Self::Command, _) => b"{\"ProcessInstanceId\":",
            _ => self.bytes(store),
        }
    }
}

/// Both servers; a file has no connection that could break.
pub const SERVERS: [Store; 2] = [Store::MariaDb, Store::Postgres];

/// Starts a failover in batches of five and stops it where the second batch is about to begin.
pub fn at_second_batch(world: &World, proxy: &Proxy, more: &str) -> Running {
    let begin = Moment::Begin.bytes(world.env.store);
    let sprung = proxy.sprung();
    proxy.trap(begin, At::Hold);
    let running = world.failover(&format!("--batch 5 {more}")).spawn();
    proxy.await_sprung_times(sprung + 1);
    proxy.trap(begin, At::Hold);
    proxy.go_on();
    proxy.await_sprung_times(sprung + 2);
    running
}
