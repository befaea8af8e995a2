//! The test's own connection to the metadata database, through the program's own seam.

use std::path::Path;
use std::time::Duration;

use dsctl::demo::seed::Seed;
use dsctl::metadata::database::{Database, DatabaseError, Row};
use dsctl::metadata::mysql::MySqlDatabase;
use dsctl::metadata::postgres::PostgresDatabase;
use dsctl::metadata::sqlite::{OpenMode, SqliteDatabase};
use dsctl::metadata::target::{ServerTarget, Tls};
use dsctl::model::Version;
use dsctl::secret::Secret;

use super::ddl;
use super::dump::Dump;
use super::env::{Env, Store};
use super::wait::{patient, wait};
use super::{PASSWORD, USER};

/// Limits of a test's connection.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of a connection, and of waiting for another one's lock.
    pub timeout: Duration,
    /// Of a statement.
    pub statement: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        // Many tables are made at one time, on a machine that may be busy.
        Self {
            timeout: patient(Duration::from_secs(10)),
            statement: patient(Duration::from_secs(20)),
        }
    }
}

impl Env {
    /// A connection of one's own; a missing SQLite file is created.
    pub fn database(&self) -> Box<dyn Database> {
        self.database_with(Limits::default())
    }

    /// As [`Env::database`], with these limits.
    pub fn database_with(&self, limits: Limits) -> Box<dyn Database> {
        wait(self.connect_to(self.server_port(), PASSWORD, limits)).unwrap()
    }

    /// Connects at this port (of a proxy, for example) with this password.
    pub async fn connect_to(
        &self,
        port: u16,
        password: &str,
        limits: Limits,
    ) -> Result<Box<dyn Database>, DatabaseError> {
        let target = ServerTarget {
            host: "127.0.0.1".to_owned(),
            port,
            user: USER.to_owned(),
            password: Some(Secret::new(password)),
            database: self.database.clone(),
            tls: Tls::Prefer,
            schema: None,
            asks_public_key: true,
            primary_only: false,
            others: Vec::new(),
            client_certificate: None,
        };
        let Limits { timeout, statement } = limits;
        Ok(match self.store {
            Store::Sqlite => Box::new(SqliteDatabase::open(
                Path::new(&self.database),
                OpenMode::Create,
                timeout,
                statement,
            )?),
            Store::MariaDb => Box::new(MySqlDatabase::connect(&target, timeout, statement).await?),
            Store::Postgres => {
                Box::new(PostgresDatabase::connect(&target, timeout, statement, None).await?)
            }
        })
    }

    /// Creates the tables of a release and its `t_ds_version` row.
    pub fn create_schema(&self, version: Version) {
        let mut database = self.database();
        wait(ddl::create_schema(&mut *database, version))
            .unwrap_or_else(|error| panic!("{version}: {error}"));
        wait(database.close());
    }

    /// Inserts rows.
    pub fn insert(&self, rows: impl IntoIterator<Item = Seed>) {
        let mut database = self.database();
        for row in rows {
            wait(ddl::insert(&mut *database, row)).unwrap_or_else(|error| panic!("{error}"));
        }
        wait(database.close());
    }

    /// What a query gives.
    pub fn rows(&self, sql: &str) -> Vec<Row> {
        let mut database = self.database();
        let mut rows = Vec::new();
        wait(database.query(&sql.into(), &mut |row| rows.push(row)))
            .unwrap_or_else(|error| panic!("{error}\n{sql}"));
        wait(database.close());
        rows
    }

    /// The first number that a query gives.
    pub fn number(&self, sql: &str) -> i64 {
        self.rows(sql)[0].int(0).expect("a number")
    }

    /// All tables.
    pub fn dump(&self) -> Dump {
        let mut database = self.database();
        let dump = Dump::all(&mut *database);
        wait(database.close());
        dump
    }
}
