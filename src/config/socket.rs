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

/// Whether a text can be a socket's file, or the folder that it is in.
pub(super) fn is_name(text: &str) -> bool {
    let is_in_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | ':');
    is_path(text) && text.chars().all(is_in_name)
}

/// Whether a host, or a socket in its place, is certainly this machine.
pub(super) fn is_this_machine(host: &str) -> bool {
    is_path(host) || host.eq_ignore_ascii_case("localhost") || matches!(host, "127.0.0.1" | "::1")
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

/// A folder as the host, as libpq has it; or the file itself, for the factory of junixsocket. The path
/// is empty for the root of the file system, where no socket is.
///
/// # Errors
/// A port that is none, by the name of its parameter.
pub(super) fn postgres(parameters: &Parameters) -> Result<Option<Socket>, String> {
    if let Some(folder) = path(parameters, "host").or_else(|| path(parameters, "PGHOST")) {
        return Ok(Some(Socket {
            path: folder.trim_end_matches('/').to_owned(),
            port: port(parameters)?,
        }));
    }
    let file = path(parameters, "socketFactoryArg");
    let file = file.and_then(|file| file.rsplit_once(POSTGRES_FILE));
    Ok(file.and_then(|(folder, port)| {
        Some(Socket {
            path: folder.to_owned(),
            port: Some(port.parse().ok()?),
        })
    }))
}

/// An empty one is none, as in libpq.
fn port(parameters: &Parameters) -> Result<Option<u16>, String> {
    let value = |name| parameters.get(name).filter(|value| !value.is_empty());
    for name in ["port", "PGPORT"] {
        if let Some(text) = value(name) {
            return match text.parse() {
                Ok(port) if port > 0 => Ok(Some(port)),
                _ => Err(format!("{name} must be one number from 1 to 65535")),
            };
        }
    }
    Ok(None)
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
            let socket = postgres(&of(query)).unwrap().unwrap();
            assert_eq!(
                (socket.path.as_str(), socket.port),
                (folder, port),
                "{query}"
            );
        }
        for query in ["host=db", "socketFactoryArg=/x/.s.PGSQL.y", "port=1"] {
            assert_eq!(postgres(&of(query)), Ok(None), "{query}");
        }
    }

    #[test]
    fn a_port_that_is_none_is_named() {
        for (query, name) in [
            ("host=/x&port=abc", "port"),
            ("host=/x&port=65536", "port"),
            ("host=/x&port=0", "port"),
            ("host=/x&port=1,2", "port"),
            ("PGHOST=/x&PGPORT=abc", "PGPORT"),
        ] {
            let expected = format!("{name} must be one number from 1 to 65535");
            assert_eq!(postgres(&of(query)), Err(expected), "{query}");
        }
        let socket = postgres(&of("host=/x&port=")).unwrap().unwrap();
        assert_eq!(socket.port, None);
    }

    #[test]
    fn a_name_may_have_colons_and_is_an_absolute_path() {
        assert!(is_name("/cloudsql/project:region:instance"));
        for text in ["", "name", "a:b", "/a b", "/a@b", "/a;b", "/a?b"] {
            assert!(!is_name(text), "{text}");
        }
    }
}
