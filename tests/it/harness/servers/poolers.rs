//! What stands between the program and PostgreSQL: PgBouncer and pgpool, Debian's.

use std::path::Path;

use super::super::ports::free_port;
use super::super::{PASSWORD, USER};
use super::postgres::{as_postgres, give_to_postgres};
use super::{Postgres, Server};

/// A pooler of a test's own.
#[derive(Debug)]
pub struct Pooler {
    server: Server,
}

impl Pooler {
    /// PgBouncer, which leads each transaction to whichever of so many connections is free.
    pub fn pgbouncer(database: &Postgres, connections: u16) -> Self {
        Self::pgbouncer_by("transaction", database, connections)
    }

    /// PgBouncer, which gives its connections away by session, transaction or statement.
    pub fn pgbouncer_by(mode: &str, database: &Postgres, connections: u16) -> Self {
        let behind = database.port();
        Self::start("pgbouncer", |server| {
            let users = server.folder.join("users");
            std::fs::write(&users, format!("\"{USER}\" \"{PASSWORD}\"\n")).unwrap();
            let settings = format!(
                "[databases]\n* = host=127.0.0.1 port={behind}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
                 unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {users}\npool_mode = {mode}\n\
                 default_pool_size = {connections}\n\
                 ignore_startup_parameters = extra_float_digits\n",
                server.port
            );
            let file = server.folder.join("pgbouncer.ini");
            std::fs::write(&file, settings).unwrap();
            [as_postgres(Path::new("/usr/sbin/pgbouncer")), vec![file]].concat()
        })
    }

    /// pgpool, which asks the standby whatever it takes for a read outside of a transaction that
    /// has written, and remembers answers.
    pub fn pgpool(primary: &Postgres, standby: &Postgres) -> Self {
        Self::start("pgpool", |server| {
            let folder = server.folder.path().display().to_string();
            let backend = |number: u8, port: u16, weight: u8| {
                format!(
                    "backend_hostname{number} = '127.0.0.1'\nbackend_port{number} = {port}\nbackend_weight{number} = {weight}\n\
                     backend_flag{number} = 'DISALLOW_TO_FAILOVER'\n"
                )
            };
            let settings = format!(
                "backend_clustering_mode = 'streaming_replication'\nlisten_addresses = '127.0.0.1'\nport = {port}\n\
                 socket_dir = '{folder}'\npcp_socket_dir = '{folder}'\npcp_listen_addresses = ''\npcp_port = {pcp}\n\
                 pid_file_name = '{folder}/pid'\nlogdir = '{folder}'\nnum_init_children = 4\n{}{}\
                 load_balance_mode = on\ndisable_load_balance_on_write = 'off'\nstatement_level_load_balance = on\n\
                 memory_cache_enabled = on\nmemqcache_method = 'shmem'\nmemqcache_oiddir = '{folder}'\n\
                 sr_check_period = 1\nsr_check_user = '{USER}'\nsr_check_password = '{PASSWORD}'\n\
                 sr_check_database = 'postgres'\nallow_clear_text_frontend_auth = on\nuse_watchdog = off\n",
                backend(0, primary.port(), 0),
                backend(1, standby.port(), 1),
                port = server.port,
                pcp = free_port(),
            );
            let file = server.folder.join("pgpool.conf");
            std::fs::write(&file, settings).unwrap();
            std::fs::write(server.folder.join("pool_hba.conf"), "").unwrap();
            std::fs::write(server.folder.join("pcp.conf"), "").unwrap();
            let mut command = as_postgres(Path::new("/usr/sbin/pgpool"));
            command.extend(
                [
                    "-n",
                    "-f",
                    &file,
                    "-a",
                    &server.folder.join("pool_hba.conf"),
                ]
                .map(str::to_owned),
            );
            command.extend(["-F", &server.folder.join("pcp.conf")].map(str::to_owned));
            command
        })
    }

    fn start(name: &'static str, command: impl FnOnce(&Server) -> Vec<String>) -> Self {
        let mut server = Server::new(name, "INT", super::postgres::probe);
        server.command = command(&server);
        give_to_postgres(server.folder.path());
        server.start().unwrap_or_else(|error| panic!("{error}"));
        Self { server }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.server.port
    }
}
