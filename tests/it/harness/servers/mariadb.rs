//! MariaDB, in place of every database that speaks MySQL's protocol.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, Connection};

use super::super::guard::run;
use super::super::wait::wait;
use super::super::{PASSWORD, PASSWORD_IN_URL, USER};
use super::certificates::Certificates;
use super::{MEMORY, Server, is_root, private_server, template};

/// A MariaDB server.
#[derive(Debug)]
pub struct MariaDb {
    server: Server,
}

private_server!(MariaDb);

impl MariaDb {
    fn start_new() -> Result<Self, String> {
        let mut server = Server::new("mariadb", "TERM", probe);
        let version = run(Command::new("mariadbd").arg("--version"));
        template::copy(&version, &server.folder.join("data"), |folder| {
            let data = folder.join("data");
            let mut install = Command::new("mariadb-install-db");
            install.args([
                "--no-defaults",
                "--skip-test-db",
                "--skip-name-resolve",
                "--auth-root-authentication-method=normal",
            ]);
            install
                .args(user_option())
                .arg("--innodb-log-file-size=16M")
                .arg(format!("--datadir={data}"));
            run(&mut install);
            data
        });
        // Runs at every start; the statements can be repeated.
        let sql = format!(
            "CREATE OR REPLACE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO '{USER}'@'127.0.0.1' WITH GRANT OPTION;\n"
        );
        std::fs::write(server.folder.join("init.sql"), sql).map_err(|error| error.to_string())?;
        server.command = command(&server);
        if is_root() {
            run(Command::new("chown")
                .arg("mysql:")
                .arg(server.folder.path()));
        }
        server.start()?;
        Ok(Self { server })
    }

    /// Stops it and starts it again with these options besides.
    pub fn restart_with(&mut self, options: &[&str]) {
        self.stop();
        self.server
            .command
            .extend(options.iter().map(|option| (*option).to_owned()));
        self.start();
    }

    /// A file of its data folder, which it can read.
    pub fn write_file(&self, name: &str, content: &str) {
        let path = self.server.folder.join("data") + "/" + name;
        std::fs::write(&path, content).unwrap();
        if is_root() {
            run(Command::new("chown").args(["mysql:", &path]));
        }
    }

    /// The socket through which this machine's own clients reach it.
    pub fn socket(&self) -> String {
        self.server.folder.join("socket")
    }

    /// Certificates for it, which it can read.
    pub fn certificates(&self) -> Certificates {
        Certificates::new(self.server.folder.path(), "mysql:")
    }

    /// A key and a certificate of the old version 1 for it, which it can read.
    pub fn old_certificate(&self) -> (String, String) {
        super::old_certificate(self.server.folder.path(), "mysql:")
    }

    /// Makes a database and says its name.
    pub fn create_database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("dsctl_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.sql(
            "",
            &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"),
        );
        name
    }

    /// Makes a copy of a database, triggers included, and says its name.
    pub fn copy_database(&self, original: &str) -> String {
        let copy = self.create_database();
        let connection = format!("--no-defaults -h 127.0.0.1 -P {} -u {USER}", self.port());
        let pipe = format!(
            "set -e; mariadb-dump {connection} --single-transaction {original} >\"$1\"; mariadb {connection} {copy} <\"$1\""
        );
        let file = self.server.folder.join(&format!("{copy}.sql"));
        run(Command::new("sh")
            .args(["-c", &pipe, "copy", &file])
            .env("MYSQL_PWD", PASSWORD));
        std::fs::remove_file(file).unwrap();
        copy
    }

    /// Gives another server a copy of a database, under the same name: what a replica has that is
    /// behind.
    pub fn give_copy(&self, database: &str, other: &Self) {
        let connection =
            |server: &Self| format!("--no-defaults -h 127.0.0.1 -P {} -u {USER}", server.port());
        let pipe = format!(
            "set -e; mariadb-dump {} --single-transaction --databases {database} >\"$1\"; mariadb {} <\"$1\"",
            connection(self),
            connection(other)
        );
        let file = self.server.folder.join(&format!("{database}-copy.sql"));
        run(Command::new("sh")
            .args(["-c", &pipe, "copy", &file])
            .env("MYSQL_PWD", PASSWORD));
        std::fs::remove_file(file).unwrap();
    }

    /// The URL that leads to a database, password included.
    pub fn url(&self, database: &str) -> String {
        url(self.port(), database)
    }

    /// Runs statements, separated by semicolons.
    pub fn sql(&self, database: &str, text: &str) {
        sql(self.port(), database, text);
    }
}

/// Runs statements, separated by semicolons, on the server at this port.
pub fn sql(port: u16, database: &str, sql: &str) {
    wait(async {
        let mut connection = MySqlConnection::connect_with(&options(port, database))
            .await
            .unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| {
                panic!("{error}\n{sql}");
            });
        connection.close().await.unwrap();
    });
}

/// The texts that a query gives, in a session in which nothing is set before.
pub fn texts(port: u16, database: &str, sql: &str) -> Vec<String> {
    let options = options(port, database)
        .timezone(None)
        .pipes_as_concat(false)
        .no_engine_substitution(false);
    wait(async {
        let mut connection = MySqlConnection::connect_with(&options.set_names(false))
            .await
            .unwrap();
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        rows.iter()
            .map(|row| sqlx::Row::get::<String, _>(row, 0))
            .collect()
    })
}

/// The URL of a server, or of a proxy before it.
pub fn url(port: u16, database: &str) -> String {
    format!("mysql://{USER}:{PASSWORD_IN_URL}@127.0.0.1:{port}/{database}")
}

fn user_option() -> Option<&'static str> {
    is_root().then_some("--user=mysql")
}

fn command(server: &Server) -> Vec<String> {
    let folder = &server.folder;
    let mut command = vec!["mariadbd".to_owned(), "--no-defaults".to_owned()];
    command.extend(user_option().map(str::to_owned));
    command.push(format!("--datadir={}", folder.join("data")));
    command.push(format!("--socket={}", folder.join("socket")));
    // A server that starts deletes what it takes for leftovers there, so two of them must not share
    // the system's folder.
    command.push(format!("--tmpdir={}", folder.path().display()));
    command.push(format!("--pid-file={}", folder.join("pid")));
    command.push(format!("--init-file={}", folder.join("init.sql")));
    command.push(format!("--port={}", server.port));
    let (pool, log) = MEMORY.get().map_or((64, 16), |memory| (*memory, 96));
    command.push(format!("--innodb-buffer-pool-size={pool}M"));
    command.push(format!("--innodb-log-file-size={log}M"));
    let rest = "--skip-networking=0 --bind-address=127.0.0.1 --skip-name-resolve --skip-log-bin \
                --innodb-flush-log-at-trx-commit=2 --performance-schema=OFF --max-connections=200";
    command.extend(rest.split_whitespace().map(str::to_owned));
    command
}

fn options(port: u16, database: &str) -> MySqlConnectOptions {
    let options = MySqlConnectOptions::new()
        .host("127.0.0.1")
        .port(port)
        .ssl_mode(MySqlSslMode::Disabled);
    let options = options.username(USER).password(PASSWORD);
    if database.is_empty() {
        options
    } else {
        options.database(database)
    }
}

pub(super) fn probe(port: u16) -> Result<(), String> {
    wait(async {
        let connection = MySqlConnection::connect_with(&options(port, ""))
            .await
            .map_err(|error| error.to_string())?;
        connection.close().await.map_err(|error| error.to_string())
    })
}
