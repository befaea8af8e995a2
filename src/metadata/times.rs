//! Times as masters wrote them, compared with the database's own clock.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::database::{DatabaseError, Row};
use super::rows;
use super::store::MetadataStore;
use crate::model::InstanceId;

/// The times in one row of the instance table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenTimes {
    /// The instance.
    pub instance: InstanceId,
    /// The master that it names, whose writing the times are.
    pub host: Option<String>,
    /// The times that masters wrote, in their zone: start, restart, end; from 3.3 on the end alone,
    /// since whoever triggers a start writes the others.
    pub by_masters: Vec<DateTime>,
    /// Those of them that the database shows with an offset: they are points in time, whatever zone
    /// the masters write in.
    pub moments: Vec<(DateTime, Offset)>,
    /// The end among them.
    pub end: Option<DateTime>,
    /// When the database wrote the row last, by its own clock (MySQL and MariaDB).
    pub by_database: Option<Timestamp>,
    /// The database's present time.
    pub now: Option<Timestamp>,
}

/// How many of the newest rows are enough to show a zone.
const ROWS: usize = 100;

impl MetadataStore {
    /// The times of the newest instances, newest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn newest_times(&mut self) -> Result<Vec<WrittenTimes>, DatabaseError> {
        let query = self.statements().newest_times(ROWS);
        let mut rows = self.collect(&query, written_times).await?;
        if self.release.family.starts_at_trigger {
            for row in &mut rows {
                row.by_masters = row.end.into_iter().collect();
            }
        }
        Ok(rows)
    }
}

fn written_times(row: &Row) -> Option<WrittenTimes> {
    let instant = |column| {
        row.int(column)
            .and_then(|second| Timestamp::from_second(second).ok())
    };
    let moment = |column| {
        let text = row.text(column)?;
        let offset = rows::offset(&text)?;
        Some((rows::time(Some(text))?, offset))
    };
    Some(WrittenTimes {
        instance: row.int(0)?,
        host: row.text(6),
        by_masters: (1..=3)
            .filter_map(|column| rows::time(row.text(column)))
            .collect(),
        moments: (1..=3).filter_map(moment).collect(),
        end: rows::time(row.text(3)),
        by_database: instant(4),
        now: instant(5),
    })
}
