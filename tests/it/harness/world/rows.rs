//! Many instances at once.

use std::collections::BTreeSet;

use dsctl::demo::schema;
use dsctl::model::Version;

use super::{DEAD, ENDED, LIVING, instance_table};
use crate::harness::{Env, Store};

/// Instances, written by the database itself: many of them in no time.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    /// So many in all.
    pub total: i64,
    /// Every so-manieth is an unfinished one of the dead master.
    pub one_in: i64,
    /// So many bytes of text in each row.
    pub padding: usize,
}

impl Rows {
    /// The ids of those that hang.
    pub fn dead(self) -> BTreeSet<i64> {
        (1..=self.total)
            .filter(|n| n % self.one_in == 0)
            .map(|n| ENDED + n)
            .collect()
    }

    /// The row after each of the dead master's is one that the living master runs; all others are
    /// finished.
    pub fn insert(self, env: &Env, version: Version) {
        let name = instance_table(version);
        let table = schema::tables(version)
            .into_iter()
            .find(|table| table.name == name)
            .unwrap();
        let quote = if env.store == Store::MariaDb {
            '`'
        } else {
            '"'
        };
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| format!("{quote}{}{quote}", column.name))
            .collect();
        let values: Vec<String> = table
            .columns
            .iter()
            .zip(&columns)
            .map(|(column, quoted)| self.value(column.name, quoted))
            .collect();
        let (columns, values) = (columns.join(", "), values.join(", "));
        env.sql(&format!(
            "CREATE TEMPORARY TABLE pattern AS SELECT * FROM {name} WHERE id = {ENDED};\n\
             INSERT INTO {name} ({columns}) SELECT {values} FROM {}, pattern",
            numbers(env.store, self.total)
        ));
    }

    fn value(self, column: &str, quoted: &str) -> String {
        let Self {
            one_in, padding, ..
        } = self;
        match column {
            "id" => format!("{ENDED} + n"),
            "state" => format!("CASE WHEN n % {one_in} IN (0, 1) THEN 1 ELSE 7 END"),
            "host" => format!("CASE WHEN n % {one_in} = 1 THEN '{LIVING}' ELSE '{DEAD}' END"),
            "global_params" if padding > 0 => format!("'[{}]'", " ".repeat(padding)),
            _ => format!("pattern.{quoted}"),
        }
    }
}

/// A table of the numbers from one on.
pub fn numbers(store: Store, count: i64) -> String {
    match store {
        Store::MariaDb => format!("(SELECT seq AS n FROM seq_1_to_{count}) AS numbers"),
        Store::Postgres => format!("generate_series(1, {count}) AS numbers(n)"),
        Store::Sqlite => format!(
            "(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) \
             SELECT n FROM numbers) AS numbers"
        ),
    }
}
