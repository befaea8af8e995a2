//! Statements about the instance table.

use jiff::Timestamp;

use super::{Statements, list, of_instance};
use crate::family::{Claim, SERIAL_WAIT, SUBMITTED};
use crate::metadata::database::Dialect;
use crate::metadata::query::Query;

/// Which rows a statement locks until the end of its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowLock {
    /// None.
    None,
    /// All that it reads; locked rows are waited for.
    All,
    /// Those that no other client has locked; the others are not read.
    Free,
}

/// Which part of the instance table is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdRange {
    /// All of it.
    Whole,
    /// Ids up to this one.
    To(i64),
    /// Ids greater than this one.
    After(i64),
}

/// SQL for SQLite's present second, or for that of a snapshot.
fn sqlite_second(taken_at: Option<Timestamp>) -> String {
    taken_at.map_or_else(
        || "CAST(strftime('%s', 'now') AS INTEGER)".to_owned(),
        |taken_at| taken_at.as_second().to_string(),
    )
}

impl Statements<'_> {
    /// The columns of the instance `i` that judging needs, in the order that `rows::instance`
    /// reads.
    fn judged_columns(&self) -> String {
        let columns = &self.family.columns;
        format!(
            "i.id, i.{}, {}, i.state, {}, {}, {}, i.{}, i.command_type, {}",
            columns.definition,
            of_instance(columns.definition_version),
            self.text("i.host"),
            self.time("i.start_time"),
            self.optional_time(
                self.optional
                    .restart_time
                    .map(|column| format!("i.{column}"))
                    .as_deref()
            ),
            columns.sub_process,
            self.text(&of_instance(
                self.optional
                    .state_history
                    .filter(|_| self.family.starts_at_trigger)
            )),
        )
    }

    /// All columns of the instance `i` that a hand-over needs, in the order that
    /// `rows::instance_row` reads.
    fn all_columns(&self) -> String {
        format!(
            "{}, i.command_param, i.executor_id, i.{}, {}",
            self.judged_columns(),
            self.family.columns.priority,
            of_instance(self.optional.test_flag),
        )
    }

    /// Unfinished instances of one host. The database's collation may match more than the exact
    /// text.
    pub(crate) fn unfinished_of_host(&self, host: &str, part: IdRange) -> Query {
        self.scan(
            &self.judged_columns(),
            self.family.unfinished,
            Some(host),
            part,
        )
    }

    /// The least and the greatest id of the instance table.
    pub(crate) fn ends(&self) -> Query {
        format!(
            "SELECT MIN(id), MAX(id) FROM {}",
            self.family.tables.instance
        )
        .into()
    }

    /// Every instance that is unfinished or claimed; with a host, only that one's. In the order
    /// that `rows::listed` reads.
    pub(crate) fn listed(&self, host: Option<&str>) -> Query {
        let columns = format!("{}, {}", self.judged_columns(), self.text("i.name"));
        self.scan(&columns, &self.states_of_interest(), host, IdRange::Whole)
    }

    /// The same of every host, in other states.
    pub(super) fn listed_in(&self, states: &[i64]) -> Query {
        let columns = format!("{}, {}", self.judged_columns(), self.text("i.name"));
        self.scan(&columns, states, None, IdRange::Whole)
    }

    /// The instances that were triggered, and that no master has taken up yet: id, state.
    pub(crate) fn triggered(&self) -> Query {
        let states = [SUBMITTED, SERIAL_WAIT];
        self.scan("i.id, i.state", &states, None, IdRange::Whole)
    }

    /// Claimed instances that no master runs.
    pub(crate) fn claimed(&self) -> Query {
        match self.family.claim {
            Claim::Host(text) => self.unfinished_of_host(text, IdRange::Whole),
            Claim::State(code) => self.scan(&self.judged_columns(), &[code], None, IdRange::Whole),
        }
    }

    /// Columns of the instances `i` in one of these states, and of one host: a scan of this part of
    /// the table, ids ascending. The state comes first, since most instances have ended and
    /// comparing text is expensive.
    ///
    /// MySQL's storage engine returns every row with all the columns that are read from its table,
    /// before the condition is checked. So the table is joined with itself: `s` is scanned only for
    /// the condition, and `i` is read by key if it holds. STRAIGHT_JOIN keeps this order. Both see
    /// one state of the table: it is one statement, and it sees only committed rows.
    fn scan(&self, columns: &str, states: &[i64], host: Option<&str>, part: IdRange) -> Query {
        let table = self.family.tables.instance;
        let (row, from) = match self.dialect {
            Dialect::MySql => (
                "s",
                format!(
                    "SELECT STRAIGHT_JOIN {columns} FROM {table} s JOIN {table} i ON i.id = s.id"
                ),
            ),
            Dialect::Postgres | Dialect::Sqlite => {
                ("i", format!("SELECT {columns} FROM {table} i"))
            }
        };
        let mut query = self
            .builder()
            .push(&format!("{from} WHERE {row}.state IN ({})", list(states)));
        if let Some(host) = host {
            let own = self.text(&format!("{row}.host"));
            query = query.push(&format!(" AND {own} = ")).bind(host);
        }
        query = match part {
            IdRange::Whole => query,
            IdRange::To(id) => query.push(&format!(" AND {row}.id <= ")).bind(id),
            IdRange::After(id) => query.push(&format!(" AND {row}.id > ")).bind(id),
        };
        query.push(&format!(" ORDER BY {row}.id")).build()
    }

    /// One instance that names one of these hosts, whatever its state.
    pub(crate) fn naming_any(&self, hosts: &[&str]) -> Query {
        self.builder()
            .push(&format!(
                "SELECT id FROM {} WHERE host IN (",
                self.family.tables.instance
            ))
            .bind_each(hosts.iter().copied(), ", ")
            .push(") LIMIT 1")
            .build()
    }

    /// How many instances of interest each host has: host, state, count. Collations of older MySQL
    /// schemas treat different hosts as equal; each of them is counted separately.
    pub(crate) fn host_counts(&self) -> Query {
        let host = self.text("host");
        // A site may use such a collation in other databases, too.
        let very_text = match self.dialect {
            Dialect::MySql => "CAST(host AS BINARY)".to_owned(),
            Dialect::Postgres => format!("{host} COLLATE \"C\""),
            Dialect::Sqlite => format!("{host} COLLATE BINARY"),
        };
        format!(
            "SELECT {host}, state, COUNT(*) FROM {} WHERE state IN ({}) GROUP BY {host}, state, {very_text}",
            self.family.tables.instance,
            list(self.states_of_interest()),
        )
        .into()
    }

    fn states_of_interest(&self) -> Vec<i64> {
        let mut states = self.family.unfinished.to_vec();
        if let Claim::State(code) = self.family.claim {
            states.push(code);
        }
        states
    }

    /// Instances by id.
    pub(crate) fn by_ids(&self, ids: &[i64]) -> Query {
        let table = self.family.tables.instance;
        format!(
            "SELECT {} FROM {table} i WHERE i.id IN ({}) ORDER BY i.id",
            self.judged_columns(),
            list(ids)
        )
        .into()
    }

    /// Instances by id: as `rows::listed` reads, and the end time.
    pub(crate) fn listed_by_ids(&self, ids: &[i64]) -> Query {
        let before = format!(
            "SELECT {}, {}, {} FROM {} i WHERE i.id",
            self.judged_columns(),
            self.text("i.name"),
            self.time("i.end_time"),
            self.family.tables.instance,
        );
        self.among(&before, ids, " ORDER BY i.id")
    }

    /// Those of these instances that are in this state without an end time: a master that ends one
    /// by itself writes both at once. As `rows::listed` reads.
    pub(crate) fn ended_without_time(&self, ids: &[i64], state: i64) -> Query {
        format!(
            "SELECT {}, i.name FROM {} i WHERE i.id IN ({}) AND i.state = {state} AND i.end_time IS NULL ORDER BY i.id",
            self.judged_columns(),
            self.family.tables.instance,
            list(ids)
        )
        .into()
    }

    /// Whole rows by id; locked until the end of the transaction as `lock` says.
    pub(crate) fn rows_by_ids(&self, ids: &[i64], lock: RowLock) -> Query {
        let lock = match lock {
            // SQLite has no row locks: BEGIN IMMEDIATE excludes every other writer.
            _ if self.dialect == Dialect::Sqlite => "",
            RowLock::None => "",
            RowLock::All => " FOR UPDATE",
            RowLock::Free => " FOR UPDATE SKIP LOCKED",
        };
        format!(
            "SELECT {} FROM {} i WHERE i.id IN ({}) ORDER BY i.id{lock}",
            self.all_columns(),
            self.family.tables.instance,
            list(ids)
        )
        .into()
    }

    /// For the newest instances the times that masters wrote, the second in which the database
    /// wrote the row (if it records that by itself), and its present second: id, start, restart,
    /// end, written, now.
    pub(crate) fn newest_times(&self, count: usize) -> Query {
        let now = match self.dialect {
            Dialect::MySql => "CAST(UNIX_TIMESTAMP() AS SIGNED)".to_owned(),
            Dialect::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)".to_owned(),
            Dialect::Sqlite => sqlite_second(self.taken_at),
        };
        format!(
            "SELECT id, {}, {}, {}, {}, {now}, {} FROM {} ORDER BY id DESC LIMIT {count}",
            self.time("start_time"),
            self.optional_time(self.optional.restart_time),
            self.time("end_time"),
            self.written(),
            self.text("host"),
            self.family.tables.instance,
        )
        .into()
    }

    /// The second in which the database wrote an instance's row, if it records that by itself.
    fn written(&self) -> &'static str {
        if self.dialect == Dialect::MySql {
            "CAST(UNIX_TIMESTAMP(update_time) AS SIGNED)"
        } else {
            self.optional.written.unwrap_or("NULL")
        }
    }

    /// The state of instances, found by their key: id, host, state, end, start, restart, the second
    /// in which the database wrote the row (if it records that by itself), the length of the
    /// history, and which instance of a serial definition waits for it.
    pub(crate) fn row_states(&self, ids: &[i64]) -> Query {
        let whole = if self.dialect == Dialect::MySql {
            "SIGNED"
        } else {
            "BIGINT"
        };
        let length = |column| format!("CAST(LENGTH({column}) AS {whole})");
        format!(
            "SELECT id, {}, state, {}, {}, {}, {}, {}, {} FROM {} WHERE id IN ({}) ORDER BY id",
            self.text("host"),
            self.time("end_time"),
            self.time("start_time"),
            self.optional_time(self.optional.restart_time),
            self.written(),
            self.optional
                .state_history
                .map_or_else(|| "NULL".to_owned(), length),
            self.optional.next_instance.unwrap_or("NULL"),
            self.family.tables.instance,
            list(ids)
        )
        .into()
    }

    /// Claims instances that still have the state and host that were read.
    pub(crate) fn claim(&self, ids: &[i64], host: &str, state: i64) -> Query {
        let query = self
            .builder()
            .push(&format!("UPDATE {} SET ", self.family.tables.instance));
        let query = match self.family.claim {
            Claim::Host(text) => query.push("host = ").bind(text),
            Claim::State(code) => query.push(&format!("state = {code}")),
        };
        query
            .push(" WHERE id IN (")
            .bind_each(ids.iter().copied(), ",")
            .push(&format!(") AND {} = ", self.text("host")))
            .bind(host)
            .push(&format!(" AND state = {state}"))
            .build()
    }
}
