//! The metadata store: instances, commands, tasks and definitions in DolphinScheduler's database.

pub mod database;
pub mod ddl;
pub mod mysql;
mod placeholders;
pub mod postgres;
pub mod server;
pub mod sqlite;
pub mod target;
mod transaction;
