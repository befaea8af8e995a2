//! The metadata database: instances, commands, tasks and definitions in DolphinScheduler's
//! database.

mod addresses;
mod commands;
pub mod database;
mod definitions;
mod driver;
mod guarded;
mod inserts;
pub mod interruptible;
mod life;
pub mod mysql;
mod of_host;
pub mod postgres;
mod preconditions;
mod proxies;
pub mod query;
mod rows;
mod server;
pub mod snapshot;
pub mod sqlite;
mod statements;
mod store;
pub mod target;
mod tasks;
mod times;
mod tls;
mod transaction;
mod value;
mod witness;
mod workers;
mod writes;

pub use commands::{BEFORE_EVERY_ID, Waiting};
pub use definitions::Definitions;
pub use guarded::{OpenTransaction, WriteBatch};
pub use life::{Mark, Sign};
pub(crate) use mysql::hint as login_hint;
pub use preconditions::{Obstacle, Writing};
pub use query::Query;
pub use statements::NewCommand;
pub use store::{HostCount, MetadataStore, StoreError};
pub(crate) use store::{ask, each_of};
pub use tasks::TaskIds;
pub use times::WrittenTimes;
pub(crate) use tls::NO_TLS;
pub(crate) use witness::Witnesses;
pub use workers::WorkerGroup;
