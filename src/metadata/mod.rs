//! The metadata store: instances, commands, tasks and definitions in DolphinScheduler's database.

pub mod database;
pub mod ddl;
pub mod mysql;
pub mod postgres;
pub mod sqlite;
pub mod target;
mod transaction;
