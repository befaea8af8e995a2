//! Answers that are cut off: whatever they are about, nothing rests on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dsctl::demo::seed;
use dsctl::metadata::database::{Access, Database, DatabaseError, Dialect, OnRow, Row, Written};
use dsctl::metadata::{MetadataStore, Query};

use crate::harness::world::{DEAD, World};
use crate::harness::{Store, wait};

/// A connection whose answers lose their last row, as soon as that is wanted.
#[derive(Debug)]
struct Cutting {
    inner: Box<dyn Database>,
    cuts: Arc<AtomicBool>,
}

#[async_trait]
impl Database for Cutting {
    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }

    fn endpoint(&self) -> &str {
        self.inner.endpoint()
    }

    fn skips_locked(&self) -> bool {
        self.inner.skips_locked()
    }

    fn witness(&self) -> Option<String> {
        self.inner.witness()
    }

    async fn query(&mut self, query: &Query, on_row: OnRow<'_>) -> Result<(), DatabaseError> {
        if !self.cuts.load(Ordering::SeqCst) {
            return self.inner.query(query, on_row).await;
        }
        let mut rows: Vec<Row> = Vec::new();
        self.inner.query(query, &mut |row| rows.push(row)).await?;
        rows.pop();
        rows.into_iter().for_each(on_row);
        Ok(())
    }

    async fn execute(&mut self, query: &Query) -> Result<Written, DatabaseError> {
        self.inner.execute(query).await
    }

    async fn begin(&mut self, access: Access, idle_limit: Duration) -> Result<(), DatabaseError> {
        self.inner.begin(access, idle_limit).await
    }

    async fn commit(&mut self) -> Result<(), DatabaseError> {
        self.inner.commit().await
    }

    async fn rollback(&mut self) {
        self.inner.rollback().await;
    }

    async fn reconnect(&mut self) -> Result<(), DatabaseError> {
        self.inner.reconnect().await
    }

    async fn close(self: Box<Self>) {
        self.inner.close().await;
    }
}

#[test]
fn no_read_believes_an_answer_that_is_cut_off() {
    for kind in [Store::MariaDb, Store::Postgres] {
        let world = World::idle(kind, "3.4.1");
        world.instances(1..=2);
        // One that waits for what the insert does not look at.
        world
            .env
            .insert([seed::command(world.version, 3).of_instance(2)]);
        let cuts = Arc::new(AtomicBool::new(false));
        wait(async {
            let database = Cutting {
                inner: world.env.database(),
                cuts: Arc::clone(&cuts),
            };
            let mut store = MetadataStore::open(Box::new(database), Some(world.version))
                .await
                .unwrap();
            store.identify_server(true).await.unwrap();
            assert!(
                store
                    .recovery_commands_for([1, 2])
                    .await
                    .unwrap()
                    .contains_key(&2)
            );
            cuts.store(true, Ordering::SeqCst);
            let heard: [(&str, Option<DatabaseError>); 9] = [
                (
                    "waiting commands",
                    store.recovery_commands_for([1, 2]).await.err(),
                ),
                (
                    "recovery commands",
                    store.failover_commands_for([1, 2]).await.err(),
                ),
                ("error commands", store.failed_recoveries().await.err()),
                ("claimed", store.claimed().await.err()),
                ("unfinished", store.unfinished_of(DEAD).await.err()),
                ("hosts", store.host_counts().await.err()),
                ("by id", store.by_ids(&[1, 2]).await.err()),
                ("known masters", store.names_any(&[DEAD]).await.err()),
                ("ids", store.mark(&[]).await.err()),
            ];
            for (what, error) in heard {
                assert!(
                    matches!(error, Some(DatabaseError::Doubtful { .. })),
                    "{kind:?} {what}: {error:?}"
                );
            }
            store.close().await;
        });
    }
}
