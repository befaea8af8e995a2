//! HAProxy before a database, Debian's: it ends connections on which nothing is said for a while.

use std::time::Duration;

use super::super::wait::eventually;
use super::super::{Env, Store};
use super::{Server, mariadb, postgres};

/// One of a test's own.
#[derive(Debug)]
pub struct Balancer {
    server: Server,
}

impl Balancer {
    /// One before this environment's database, which ends connections that are idle for so long.
    pub fn before(env: &Env, idle: Duration) -> Self {
        let probe = match env.store {
            Store::MariaDb => mariadb::probe,
            Store::Postgres => postgres::probe,
            Store::Sqlite => panic!("a file has no connections"),
        };
        let mut server = Server::new("haproxy", "TERM", probe);
        let (port, behind, idle) = (server.port, env.server_port(), idle.as_millis());
        let settings = format!(
            "global\n  log stdout format raw local0\n  maxconn 100\n\
             defaults\n  mode tcp\n  log global\n  option tcplog\n  timeout connect 1m\n  \
             timeout client {idle}ms\n  timeout server {idle}ms\n\
             listen database\n  bind 127.0.0.1:{port}\n  server only 127.0.0.1:{behind}\n"
        );
        let file = server.folder.join("haproxy.cfg");
        std::fs::write(&file, settings).unwrap();
        server.command = ["/usr/sbin/haproxy", "-db", "-f", &file]
            .map(str::to_owned)
            .into();
        server.start().unwrap_or_else(|error| panic!("{error}"));
        Self { server }
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.server.port)
    }

    /// How many connections it has ended because nothing was said on them.
    pub fn ended(&self) -> usize {
        let log = std::fs::read_to_string(self.server.folder.join("log")).unwrap_or_default();
        let idle = |line: &&str| line.contains(" cD ") || line.contains(" sD ");
        log.lines().filter(idle).count()
    }

    /// Waits until so many are ended.
    pub fn await_ended(&self, count: usize) {
        eventually(
            Duration::from_mins(2),
            &format!("{count} idle connections ended"),
            || match self.ended() {
                ended if ended >= count => Ok(()),
                ended => Err(ended),
            },
        );
    }
}
