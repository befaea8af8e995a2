//! The world of one test: a registry namespace and a metadata database that nobody else uses.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dsctl::demo::Registered;
use dsctl::model::Version;
use tempfile::TempDir;

use super::dsctl::{Dsctl, Running};
use super::proxy::Proxy;
use super::servers::{MariaDb, Postgres, ZooKeeper, mariadb, postgres};
use super::wait::wait;
use super::zk::{FakeRegistration, Tree, Zk};

/// Which database holds the metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// A file.
    Sqlite,
    /// The shared MariaDB server.
    MariaDb,
    /// The shared PostgreSQL server.
    Postgres,
}

impl Store {
    /// All of them, for tests that every database must pass.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::MariaDb, Self::Postgres];
}

/// Where things are, for the program (through its environment) and for the test.
#[derive(Debug)]
pub struct Env {
    /// The database's kind.
    pub store: Store,
    /// Its name on the server; for SQLite its file.
    pub database: String,
    /// `host:port` of ZooKeeper.
    pub connect: String,
    /// The root of this test's nodes, without a slash.
    pub namespace: String,
    variables: BTreeMap<String, String>,
    folder: TempDir,
    port: u16,
}

impl Env {
    /// An empty database of this kind, and an empty namespace in the shared ZooKeeper.
    pub fn new(store: Store) -> Self {
        Self::at(store, &ZooKeeper::shared().connect_string())
    }

    /// As [`Env::new`], with another ZooKeeper (or a proxy before it).
    pub fn at(store: Store, connect: &str) -> Self {
        let (port, database) = match store {
            Store::Sqlite => (0, String::new()),
            Store::MariaDb => (
                MariaDb::shared().port(),
                MariaDb::shared().create_database(),
            ),
            Store::Postgres => (
                Postgres::shared().port(),
                Postgres::shared().create_database(),
            ),
        };
        Self::on(store, connect, port, database)
    }

    /// As [`Env::new`], on a MariaDB of the test's own.
    pub fn on_mariadb(server: &MariaDb) -> Self {
        let connect = ZooKeeper::shared().connect_string();
        Self::on(
            Store::MariaDb,
            &connect,
            server.port(),
            server.create_database(),
        )
    }

    /// As [`Env::new`], on a PostgreSQL of the test's own.
    pub fn on_postgres(server: &Postgres) -> Self {
        let connect = ZooKeeper::shared().connect_string();
        Self::on(
            Store::Postgres,
            &connect,
            server.port(),
            server.create_database(),
        )
    }

    /// In a ZooKeeper, and in a database on the server at a port.
    pub fn on(store: Store, connect: &str, port: u16, database: String) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let folder = tempfile::Builder::new()
            .prefix("dsctl-env-")
            .tempdir()
            .unwrap();
        let file = || {
            folder
                .path()
                .join("metadata.db")
                .to_str()
                .unwrap()
                .to_owned()
        };
        let database = if store == Store::Sqlite {
            file()
        } else {
            database
        };
        let namespace = format!("dsctl{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut env = Self {
            store,
            database,
            connect: connect.to_owned(),
            namespace,
            variables: BTreeMap::new(),
            folder,
            port,
        };
        env.set("DSCTL_ZK", connect);
        env.set("DSCTL_NAMESPACE", &env.namespace.clone());
        env.set("DSCTL_DB", &env.url());
        env.set("DSCTL_TIME_ZONE", "UTC");
        env
    }

    /// A world with a copy of this one's database on a shared server, and an empty namespace of its
    /// own.
    pub fn copy(&self) -> Self {
        let mut copy = Self::at(self.store, &self.connect);
        copy.database = match self.store {
            Store::MariaDb => MariaDb::shared().copy_database(&self.database),
            Store::Postgres => Postgres::shared().copy_database(&self.database),
            Store::Sqlite => panic!("nobody wants a file's copy"),
        };
        copy.set("DSCTL_DB", &copy.url());
        copy
    }

    /// An empty database of the same name on another MariaDB.
    pub fn namesake_on(&self, server: &MariaDb) -> Self {
        server.sql("", &format!("CREATE DATABASE {}", self.database));
        Self::on(
            Store::MariaDb,
            &self.connect,
            server.port(),
            self.database.clone(),
        )
    }

    /// Sets a variable for every run of the program in this world.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Takes a variable away, for example `DSCTL_ZK` for the registry inside the database.
    pub fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// Leads the program (not the test) to the database through a proxy.
    pub fn through_proxy(&mut self) -> Proxy {
        assert!(self.store != Store::Sqlite, "a file has no proxy");
        let proxy = Proxy::to(self.port);
        let url = self.url_at(&proxy.address());
        self.set("DSCTL_DB", &url);
        proxy
    }

    /// The environment of the program.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// A folder that goes with this world; the program's home.
    pub fn home(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Writes a file into [`Env::home`] that nobody else can read, and says its path.
    pub fn file(&self, name: &str, content: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The port of the database's server; 0 for a file.
    pub fn server_port(&self) -> u16 {
        self.port
    }

    /// The database's URL, password included.
    pub fn url(&self) -> String {
        match self.store {
            Store::Sqlite => format!("sqlite:{}", self.database),
            Store::MariaDb => mariadb::url(self.port, &self.database),
            Store::Postgres => postgres::url(self.port, &self.database),
        }
    }

    /// The same with another address of its server, of a proxy for example.
    pub fn url_at(&self, address: &str) -> String {
        let own = format!("127.0.0.1:{}", self.port);
        self.url().replacen(&own, address, 1)
    }

    /// Runs statements in the database, separated by semicolons.
    pub fn sql(&self, sql: &str) {
        match self.store {
            Store::Sqlite => {
                let database = rusqlite::Connection::open(&self.database).unwrap();
                database
                    .execute_batch(sql)
                    .unwrap_or_else(|error| panic!("{error}\n{sql}"));
            }
            Store::MariaDb => mariadb::sql(self.port, &self.database, sql),
            Store::Postgres => postgres::sql(self.port, &self.database, sql),
        }
    }

    /// The test's own look at ZooKeeper.
    pub fn zk(&self) -> Zk {
        Zk::connect(&self.connect)
    }

    /// A path below this test's root.
    pub fn path(&self, below: &str) -> String {
        format!("/{}/{below}", self.namespace)
    }

    /// Registers a master where 1.3 and newer do.
    pub fn master(&self, address: &str, payload: &str) -> FakeRegistration {
        let path = self.path(&format!("nodes/master/{address}"));
        FakeRegistration::new(&self.connect, &path, payload.as_bytes(), None)
    }

    /// Registers a server of a release: where that release does, with the heartbeat that it writes.
    pub fn register(&self, version: Version, server: &Registered<'_>) -> FakeRegistration {
        self.register_through(&self.connect, version, server, Duration::from_secs(30))
    }

    /// The same through this address, with a session of this length.
    pub fn register_through(
        &self,
        connect: &str,
        version: Version,
        server: &Registered<'_>,
        session: Duration,
    ) -> FakeRegistration {
        let path = self.path(server.key(version).trim_start_matches('/'));
        let payload = server.payload(version);
        FakeRegistration::with_session(connect, &path, payload.as_bytes(), None, session)
    }

    /// Registers a server in the JDBC registry inside the database. It lives as long as its
    /// heartbeat.
    pub fn register_in_database(&self, version: Version, server: &Registered<'_>) {
        self.insert(server.rows(version));
    }

    /// Somebody who holds a master's lock until he is asked to end.
    pub fn holder(&self, master: &str) -> Running {
        let acquire = ["lock", "acquire", master];
        let mut holder = Dsctl::new(self).args(acquire).spawn();
        holder.await_stderr("holding");
        holder
    }

    /// Everything below this test's root.
    pub fn registry_dump(&self) -> Tree {
        self.zk().dump(&format!("/{}", self.namespace))
    }
}
