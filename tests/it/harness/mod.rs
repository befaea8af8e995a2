//! Real servers, a second opinion on what they hold, and the program under test.

#![allow(
    dead_code,
    unused_imports,
    reason = "a tool box: not every tool is in use at every time"
)]

mod between;
mod chance;
mod crowd;
mod curator;
mod database;
pub mod ddl;
mod dsctl;
mod dump;
mod env;
mod golden;
pub mod guard;
pub mod java;
mod numbers;
pub mod ports;
mod process;
mod proxy;
pub mod schema;
pub mod servers;
mod skip;
mod wait;
pub mod world;
mod zk;

pub use between::{Between, Kind};
pub use chance::Chance;
pub use crowd::Crowd;
pub use curator::{Curator, CuratorRelease, CuratorSettings};
pub use database::Limits;
pub use dsctl::{Dsctl, Output, Running};
pub use dump::Dump;
pub use env::{Env, Store};
pub use golden::{golden, golden_all, redact};
pub use guard::signal;
pub use numbers::names_number;
pub use ports::free_port;
pub use process::child_of;
pub use proxy::{At, Proxy};
pub use servers::{
    Certificates, Kdc, MariaDb, MySql, MySqlRelease, Postgres, PostgresRelease, Release, ZooKeeper,
};
pub use skip::{left_out, skipped};
pub use wait::{assert_in_time, eventually, runtime, wait, wait_at_most};
pub use zk::{FakeRegistration, Zk};

/// Part of every password in the tests. It must never be seen in any output.
pub const MARKER: &str = "mark3r";

/// The password of every test user. It has characters that a URL must escape.
pub const PASSWORD: &str = "mark3r@pa55/w:rd";

/// [`PASSWORD`] as it stands in a URL.
pub const PASSWORD_IN_URL: &str = "mark3r%40pa55%2Fw%3Ard";

/// The test user of every database.
pub const USER: &str = "dsctl";

/// A user of MariaDB's without a password, as whom [`Between`] logs on.
pub const BETWEEN: &str = "somebody_between";

/// COMMIT as MySQL's protocol has it: the head of the packet, and the text. The name of an
/// isolation level has the word, too.
pub const MYSQL_COMMIT: &[u8] = b"\x07\0\0\0\x03COMMIT";

/// What makes that user.
fn mariadb_user() -> &'static str {
    "CREATE USER IF NOT EXISTS somebody_between@'127.0.0.1' IDENTIFIED BY ''; GRANT ALL ON *.* TO somebody_between@'127.0.0.1'"
}
