//! A database server's socket in the file system, from the parameters of a URL.

use super::parameter_names::{is_factory, is_path};
use super::parameters::Parameters;

/// How PostgreSQL names a socket in its folder, before the port.
const POSTGRES_FILE: &str = "/.s.PGSQL.";

/// A socket, as [`ServerTarget`](crate::metadata::target::ServerTarget) has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Socket {
    /// For MySQL its file, for PostgreSQL its folder.
    pub(super) path: String,
    /// PostgreSQL's alone.
    pub(super) port: Option<u16>,
}

/// What MySQL's clients, MariaDB's driver and the factory of junixsocket call it.
pub(super) fn mysql(parameters: &Parameters) -> Option<Socket> {
    let names = ["socket", "localSocket", "junixsocket.file"];
    let path = names.iter().find_map(|name| path(parameters, name))?;
    Some(Socket {
        path: path.to_owned(),
        port: None,
    })
}

/// Whether the parameters name the class of junixsocket.
pub(super) fn has_factory(parameters: &Parameters) -> bool {
    parameters.get("socketFactory").is_some_and(is_factory)
}

/// A folder as the host, as libpq has it; or the file itself, for the factory of junixsocket.
pub(super) fn postgres(parameters: &Parameters) -> Option<Socket> {
    if let Some(folder) = path(parameters, "host").or_else(|| path(parameters, "PGHOST")) {
        let port = parameters.get("port").or_else(|| parameters.get("PGPORT"));
        return Some(Socket {
            path: folder.trim_end_matches('/').to_owned(),
            port: port.and_then(|port| port.parse().ok()),
        });
    }
    let (folder, port) = path(parameters, "socketFactoryArg")?.rsplit_once(POSTGRES_FILE)?;
    Some(Socket {
        path: folder.to_owned(),
        port: Some(port.parse().ok()?),
    })
}

fn path<'p>(parameters: &'p Parameters, name: &str) -> Option<&'p str> {
    parameters.get(name).filter(|value| is_path(value))
}

#[cfg(test)]
mod tests {
    use super::super::parameters::Spelling;
    use super::*;

    fn of(query: &str) -> Parameters {
        Parameters::parse(query, Spelling::Jdbc)
    }

    #[test]
    fn each_driver_has_its_own_word() {
        for query in [
            "socket=/run/mysqld/mysqld.sock",
            "localSocket=/run/mysqld/mysqld.sock",
            "socketFactory=org.newsclub.net.mysql.AFUNIXDatabaseSocketFactory&junixsocket.file=/run/mysqld/mysqld.sock",
        ] {
            let socket = mysql(&of(query)).unwrap();
            assert_eq!(socket.path, "/run/mysqld/mysqld.sock", "{query}");
        }
        for query in ["", "socket=name", "pipe=/x"] {
            assert_eq!(mysql(&of(query)), None, "{query}");
        }
        let folder = "/var/run/postgresql";
        for (query, port) in [
            ("host=/var/run/postgresql", None),
            ("host=/var/run/postgresql/&port=5433", Some(5433)),
            ("PGHOST=/var/run/postgresql&PGPORT=5433", Some(5433)),
            (
                "socketFactory=org.newsclub.net.unix.AFUNIXSocketFactory$FactoryArg\
                 &socketFactoryArg=/var/run/postgresql/.s.PGSQL.5433",
                Some(5433),
            ),
        ] {
            let socket = postgres(&of(query)).unwrap();
            assert_eq!(
                (socket.path.as_str(), socket.port),
                (folder, port),
                "{query}"
            );
        }
        for query in ["host=db", "socketFactoryArg=/x/.s.PGSQL.y", "port=1"] {
            assert_eq!(postgres(&of(query)), None, "{query}");
        }
    }
}
