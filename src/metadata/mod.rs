//! The metadata store: instances, commands, tasks and definitions in DolphinScheduler's database.

pub mod database;
pub mod ddl;
pub mod mysql;
mod placeholders;
pub mod postgres;
mod rows;
mod server;
pub mod sqlite;
mod statements;
mod store;
pub mod target;
mod transaction;
mod writes;

pub use store::{DatabaseClock, Definitions, HostCount, MetadataStore, StoreError};
pub use writes::NewCommand;
