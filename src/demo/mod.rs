//! A cluster in a file: what `dsctl demo` creates, and rows for tests.

use std::time::Duration;

use jiff::Timestamp;

use crate::metadata::database::{Access, Database, DatabaseError, Dialect};
use crate::model::Version;

mod cast;
pub mod payload;
mod registration;
mod scenes;
pub mod schema;
pub mod seed;
mod story;

pub use cast::Situation;
pub use registration::{Registered, Server};
pub use story::{Scene, Story};

/// How long the database lets the unfinished file be; creating it takes a fraction of a second.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// Creates the tables of a release in an empty database, and the row of `t_ds_version` that a fresh
/// installation has.
///
/// # Errors
/// As [`Database::execute`]. Outside a transaction, and in MySQL always, tables made before the
/// error stay.
pub async fn create_schema(
    database: &mut dyn Database,
    version: Version,
) -> Result<(), DatabaseError> {
    let dialect = database.dialect();
    for statement in schema::ddl::create_statements(version, dialect) {
        database.execute(&statement.into()).await?;
    }
    let text = match dialect {
        Dialect::Postgres => schema::postgres_version_row(version),
        Dialect::MySql | Dialect::Sqlite => schema::fresh_version_row(version),
    };
    seed::version_row(version, &text).insert(database).await
}

/// Fills an empty SQLite file with a small cluster of a release: one master lives, one has died
/// with work in its hands. All times are written in UTC.
///
/// # Errors
/// As [`Database::execute`]; a file that already has such tables is [`DatabaseError::Refused`]. It
/// is then unchanged.
pub async fn create(
    database: &mut dyn Database,
    version: Version,
    now: Timestamp,
) -> Result<Story, DatabaseError> {
    database.begin(Access::Write, IDLE_LIMIT).await?;
    let story = Story::new(version, now);
    match fill(database, &story).await {
        Ok(()) => database.commit().await.map(|()| story),
        Err(error) => {
            database.rollback().await;
            Err(error)
        }
    }
}

async fn fill(database: &mut dyn Database, story: &Story) -> Result<(), DatabaseError> {
    create_schema(database, story.version).await?;
    scenes::write(database, story).await
}

#[cfg(test)]
mod tests;
