//! The scan of the instance table for one host. MySQL and MariaDB run a statement on one processor,
//! and this one takes most of a failover's time: on a large table two connections share it, each
//! with one half of the ids. (PostgreSQL parallelises a scan by itself.)

use std::sync::Arc;

use futures::future::join;

use super::database::{Database, DatabaseError, Dialect, Row};
use super::query::Query;
use super::rows;
use super::statements::IdRange;
use super::store::{MetadataStore, hear};
use super::witness::WitnessReader;
use crate::model::Instance;

/// A range with fewer ids is scanned before a second connection is open.
const WORTH_SHARING: i64 = 50_000;

impl MetadataStore {
    /// Unfinished instances of exactly this host, ids ascending. One scan; its halves may see the
    /// table at two moments.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn unfinished_of(&mut self, host: &str) -> Result<Vec<Instance>, DatabaseError> {
        let Some((mut second_connection, middle)) = self.helper().await? else {
            let whole = self.statements().unfinished_of_host(host, IdRange::Whole);
            let whole = of_host(self.database.ready().await, &whole, host).await;
            return self.believed(whole);
        };
        let statements = self.statements();
        let [first, second] = [IdRange::To(middle), IdRange::After(middle)]
            .map(|part| statements.unfinished_of_host(host, part));
        let halves = join(
            of_host(self.database.ready().await, &first, host),
            of_host(&mut *second_connection, &second, host),
        );
        // Neither is dropped when the other one fails: a connection is lost if its answer is not
        // read completely.
        let (first, other) = halves.await;
        second_connection.close().await;
        let mut found = self.believed(first)?;
        // One address may lead to several servers, and one of them may not have the other's rows
        // yet.
        let is_this_server = |(_, reader): &Scan| {
            reader
                .as_ref()
                .is_some_and(|heard| heard.server().as_deref() == self.server.known())
        };
        found.extend(match other {
            Ok(other) if is_this_server(&other) => self.believed(Ok(other))?,
            other => {
                tracing::debug!(
                    "the second connection failed, or leads to another server: {:?}",
                    other.err()
                );
                let second = of_host(self.database.ready().await, &second, host).await;
                self.believed(second)?
            }
        });
        Ok(found)
    }

    fn believed(
        &mut self,
        scan: Result<Scan, DatabaseError>,
    ) -> Result<Vec<Instance>, DatabaseError> {
        let (found, reader) = scan?;
        self.server.verify(reader, self.database.endpoint())?;
        Ok(found)
    }

    /// A second connection and the id at which the table is split, if that is worth it. A server
    /// without a spare connection is no reason to fail.
    async fn helper(&mut self) -> Result<Option<(Box<dyn Database>, i64)>, DatabaseError> {
        if self.database.dialect() != Dialect::MySql {
            return Ok(None);
        }
        let ends = self
            .collect(&self.statements().ends(), |row| row.int(0).zip(row.int(1)))
            .await?;
        let Some((least, greatest)) = ends
            .first()
            .filter(|(least, greatest)| greatest.saturating_sub(*least) >= WORTH_SHARING)
        else {
            return Ok(None);
        };
        let middle = least.midpoint(*greatest);
        match self.database.ready().await.second_connection().await {
            Ok(second_connection) => {
                Ok(second_connection.map(|second_connection| (second_connection, middle)))
            }
            Err(error) => {
                tracing::debug!("one connection scans alone: {error}");
                Ok(None)
            }
        }
    }
}

/// The instances found, and the witness.
type Scan = (Vec<Instance>, Option<WitnessReader>);

/// Collations of older MySQL schemas match other cases, and trailing blanks, too.
async fn of_host(
    database: &mut dyn Database,
    query: &Query,
    host: &str,
) -> Result<Scan, DatabaseError> {
    let shared: Arc<str> = host.into();
    let mut found = Vec::new();
    let mut on_row = |row: Row| {
        let instance =
            rows::instance(&row).filter(|instance| instance.host.as_deref() == Some(host));
        found.extend(instance.map(|instance| Instance {
            host: Some(Arc::clone(&shared)),
            ..instance
        }));
    };
    let reader = hear(database, query, &mut on_row).await?;
    Ok((found, reader))
}
