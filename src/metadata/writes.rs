//! The writes of a failover. They happen inside one transaction per batch and nowhere else.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::database::{DatabaseError, Dialect};
use super::guarded::{OpenTransaction, WriteBatch};
use super::rows;
use super::statements::{RowLock, catalogue};
use super::store::{LOOK_UP, MetadataStore};
use crate::model::{Confirmed, InstanceId, InstanceRow, Permit};

/// The capacity of MySQL's type TEXT, in bytes. The columns of the other databases have no such
/// limit.
const MYSQL_TEXT: usize = 65_535;

impl MetadataStore {
    /// Whether a command's parameter fits into its column. If the instance's own is longer than the
    /// column's type allows, the types were changed, and the database decides.
    #[must_use]
    pub fn can_hold(&self, row: &InstanceRow, parameter: &str) -> bool {
        let own = row.command_param.as_ref().map_or(0, String::len);
        self.database.dialect() != Dialect::MySql
            || parameter.len() <= MYSQL_TEXT
            || own > MYSQL_TEXT
    }

    /// Starts a batch's transaction, with consent, and a lock that was confirmed right before.
    /// `idle_limit`: see [`super::database::Database::begin`].
    ///
    /// # Errors
    /// [`DatabaseError`]; nothing is open then.
    pub async fn begin_batch(
        &mut self,
        _consent: &Permit,
        _lock: Confirmed,
        idle_limit: Duration,
    ) -> Result<WriteBatch, DatabaseError> {
        self.begin_locking(idle_limit).await.map(WriteBatch)
    }

    /// Starts a transaction in which rows can be locked, and nothing written.
    ///
    /// # Errors
    /// [`DatabaseError`]; nothing is open then.
    pub async fn begin_locking(
        &mut self,
        idle_limit: Duration,
    ) -> Result<OpenTransaction, DatabaseError> {
        self.server.begin();
        self.database.begin(idle_limit).await
    }

    /// Those of the tables written to whose engine knows no transactions (`MySQL`'s alone have
    /// engines), and views behind which such a one stands, or may; and `PostgreSQL`'s foreign
    /// tables, whose writes another server commits by itself.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn tables_without_transactions(&mut self) -> Result<Vec<String>, DatabaseError> {
        let dialect = self.database.dialect();
        let tables = &self.release.family.tables;
        let written = [tables.instance, tables.task, tables.command];
        match dialect {
            Dialect::MySql => {}
            Dialect::Postgres => {
                let foreign = catalogue::foreign_tables(&written);
                return self
                    .collect(&foreign, |row| {
                        Some(format!("{}, which is a foreign table,", row.text(0)?))
                    })
                    .await;
            }
            Dialect::Sqlite => return Ok(Vec::new()),
        }
        let query = catalogue::without_transactions(dialect, &written);
        let found = self
            .collect(&query, |row| Some((row.text(0)?, row.int(1) == Some(1))))
            .await?;
        let (views, found): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, is_view)| *is_view);
        let [views, mut found] =
            [views, found].map(|some| some.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
        if !views.is_empty() {
            let query = catalogue::views_with_transactions(dialect, &views);
            let good = self.collect(&query, |row| row.text(0)).await?;
            let doubtful = views.into_iter().filter(|view| !good.contains(view));
            found.extend(doubtful.map(|view| format!("what the view {view} shows, or may show,")));
        }
        Ok(found)
    }

    /// Commits the batch. The server has testified in its transaction that it is the one that was
    /// read, and accepts writes.
    ///
    /// # Errors
    /// [`DatabaseError::Refused`], [`DatabaseError::Doubtful`]: nothing was written, and it is
    /// rolled back. [`DatabaseError::Lost`]: it may or may not have.
    pub async fn commit(&mut self, batch: WriteBatch) -> Result<(), DatabaseError> {
        let asked = if self.server.has_testified() {
            Ok(())
        } else {
            self.query_identity().await
        };
        let committed = match asked {
            Ok(()) => self.database.ready().await.commit().await,
            Err(error) => Err(error),
        };
        match committed {
            Ok(()) | Err(DatabaseError::Lost { .. }) => self.database.forget(batch.0),
            Err(_) => self.roll_back(batch).await,
        }
        committed
    }

    /// Rolls a transaction back, and releases its locks, at once.
    pub async fn roll_back(&mut self, transaction: impl Into<OpenTransaction>) {
        drop(transaction.into());
        self.database.ready().await;
    }

    /// Opens a new connection to replace a lost one. It may lead to another server: see
    /// [`MetadataStore::server`].
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`].
    pub async fn reconnect(&mut self) -> Result<(), DatabaseError> {
        self.server.forget();
        self.database.reconnect().await
    }

    /// Reads rows by id and locks them until the end of the batch; waits for locked ones. Whole
    /// rows, ids ascending; ids without a row are omitted.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn lock_instances(
        &mut self,
        _within: &OpenTransaction,
        ids: &[InstanceId],
    ) -> Result<Vec<InstanceRow>, DatabaseError> {
        self.locked(ids, RowLock::All).await
    }

    /// Like [`MetadataStore::lock_instances`], except that rows which another client has locked are
    /// omitted. A server that cannot skip them waits for the shortest time that it can, and then
    /// refuses.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn lock_free_instances(
        &mut self,
        _within: &OpenTransaction,
        ids: &[InstanceId],
    ) -> Result<Vec<InstanceRow>, DatabaseError> {
        let skips = self.database.skips_locked();
        if !skips && self.database.dialect() == Dialect::MySql {
            // The next transaction starts with the usual timeout.
            self.database
                .ready()
                .await
                .execute(&"SET SESSION innodb_lock_wait_timeout = 1".into())
                .await?;
        }
        self.locked(ids, if skips { RowLock::Free } else { RowLock::All })
            .await
    }

    /// Whether [`MetadataStore::lock_free_instances`] never waits.
    #[must_use]
    pub fn skips_locked_rows(&self) -> bool {
        self.database.skips_locked()
    }

    async fn locked(
        &mut self,
        ids: &[InstanceId],
        lock: RowLock,
    ) -> Result<Vec<InstanceRow>, DatabaseError> {
        let query = self.statements().rows_by_ids(ids, lock);
        let mut found = Vec::new();
        self.signed(&query, &mut |row| found.extend(rows::instance_row(&row)))
            .await?;
        // The writes come later, and so must the testimony that they are committed with.
        self.server.begin();
        Ok(found)
    }

    /// Marks tasks that are still unfinished; gives those whose mark stands.
    ///
    /// # Errors
    /// [`DatabaseError`]; [`DatabaseError::Refused`] where a mark does not stand. The batch must not be
    /// committed then.
    pub async fn mark_tasks(
        &mut self,
        _within: &WriteBatch,
        tasks: &[i64],
    ) -> Result<HashSet<i64>, DatabaseError> {
        let clear_flag = self.release.mark_clears_flag();
        let mut marks = Vec::with_capacity(tasks.len());
        for some in tasks.chunks(LOOK_UP) {
            let query = self.statements().mark_tasks(some, clear_flag);
            self.database.ready().await.execute(&query).await?;
            let query = self.statements().marks_of(some, clear_flag);
            marks.extend(
                self.collect(&query, |row| row.int(0).zip(row.int(1)))
                    .await?,
            );
        }
        match marks.iter().find(|(_, stands)| *stands == 0) {
            Some((task, _)) => {
                let table = self.release.family.tables.task;
                Err(self.taken_back(&format!("mark of task {task}"), table))
            }
            // Others have ended meanwhile.
            None => Ok(marks.into_iter().map(|(task, _)| task).collect()),
        }
    }

    /// What a trigger or a rule has done to what was written.
    fn taken_back(&self, written: &str, table: &str) -> DatabaseError {
        DatabaseError::Refused {
            endpoint: self.database.endpoint().to_owned(),
            cause: format!(
                "the {written} did not stay as it was written: a trigger or a rule of {table} changes it; nothing of this batch \
                 was written"
            ),
            busy: false,
        }
    }

    /// Checks that the rows of these instances, which are locked, have the claim: a trigger or a
    /// rule may have changed what was written, and the database counts such a row as written all
    /// the same.
    ///
    /// # Errors
    /// [`DatabaseError`]; [`DatabaseError::Refused`] if one does not. The batch must not be
    /// committed then.
    pub async fn ensure_claimed(
        &mut self,
        _within: &WriteBatch,
        instances: &[InstanceId],
    ) -> Result<(), DatabaseError> {
        let claim = self.release.family.claim;
        let found = self.by_ids(instances).await?;
        let claimed: HashSet<InstanceId> = found
            .iter()
            .filter(|row| claim.is_on(row))
            .map(|row| row.id)
            .collect();
        // A deleted row is not claimed, either.
        let Some(id) = instances.iter().find(|id| !claimed.contains(id)) else {
            return Ok(());
        };
        Err(self.taken_back(
            &format!("claim of instance {id}"),
            self.release.family.tables.instance,
        ))
    }

    /// Claims instances that still have the given host and state; returns how many were claimed.
    /// One statement for each state, so a constant number for each batch.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn claim(
        &mut self,
        _within: &WriteBatch,
        rows: &[InstanceRow],
    ) -> Result<u64, DatabaseError> {
        let mut groups: HashMap<(i64, &str), Vec<InstanceId>> = HashMap::new();
        for InstanceRow { instance, .. } in rows {
            if let (Some(state), Some(host)) = (instance.state, instance.host.as_deref()) {
                groups.entry((state, host)).or_default().push(instance.id);
            }
        }
        let mut claimed = 0;
        for ((state, host), ids) in groups {
            let query = self.statements().claim(&padded(&ids), host, state);
            claimed += self.database.ready().await.execute(&query).await?.rows;
        }
        Ok(claimed)
    }
}

/// Ids, with the last one repeated up to the next power of two: a statement for them is one of few
/// texts.
fn padded(ids: &[InstanceId]) -> Vec<InstanceId> {
    let mut padded = ids.to_vec();
    if let Some(last) = ids.last() {
        padded.resize(ids.len().next_power_of_two(), *last);
    }
    padded
}

#[cfg(test)]
mod tests {
    use super::padded;

    #[test]
    fn few_numbers_of_ids_are_asked_for() {
        assert_eq!(padded(&[]), [0_i64; 0]);
        assert_eq!(padded(&[7]), [7]);
        assert_eq!(padded(&[1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 5, 5, 5]);
    }
}
