//! A cluster in a file: what `dsctl demo` creates, and rows for tests.

use std::time::Duration;

use jiff::Timestamp;

use crate::metadata::database::{Access, Database, DatabaseError};
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
pub use scenes::rows;
pub use story::{Scene, Story};

/// The idle timeout for the unfinished file; creating it takes a fraction of a second.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// Fills an empty SQLite file with a small cluster of a release: one master is alive, one has died
/// with unfinished work. All times are written in UTC.
///
/// # Errors
/// Those of [`Database::execute`]; a file that already has such tables is
/// [`DatabaseError::Refused`]. It is then unchanged.
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
    for statement in schema::ddl::create_statements(story.version) {
        database.execute(&statement.into()).await?;
    }
    let version = schema::fresh_version_row(story.version);
    seed::version_row(story.version, &version)
        .insert(database)
        .await?;
    for row in scenes::rows(story) {
        row.insert(database).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
