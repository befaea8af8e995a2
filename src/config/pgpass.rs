//! PostgreSQL's password file: lines of `host:port:database:user:password`, read as libpq reads them.

use crate::metadata::target::ServerTarget;

/// The host that stands for the server's own socket.
const LOCAL: &str = "localhost";

/// Where libpq looks for that socket: as the project, and as Debian, builds it.
const SOCKET_FOLDERS: [&str; 2] = ["/tmp", "/var/run/postgresql"];

/// The password of the first line that is about this server, database and user; and the line, counted
/// from one.
pub(super) fn password(text: &str, target: &ServerTarget) -> Option<(String, usize)> {
    let host = target.bare_host();
    let host = if SOCKET_FOLDERS.contains(&host) {
        LOCAL
    } else {
        host
    };
    let port = target.port.to_string();
    let wanted = [host, &port, &target.database, &target.user];
    text.lines().enumerate().find_map(|(number, line)| {
        let line = line.trim_end_matches('\r');
        let start = (!line.starts_with('#')).then_some(line)?;
        let rest = wanted
            .iter()
            .try_fold(start, |rest, word| after_field(rest, word))?;
        Some((first_field(rest), number + 1))
    })
}

/// What follows the first field, if that is this word, or a star.
fn after_field<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    if let Some(rest) = line.strip_prefix("*:") {
        return Some(rest);
    }
    let mut wanted = word.chars();
    let mut found = line.chars();
    loop {
        match found.next()? {
            ':' if wanted.as_str().is_empty() => return Some(found.as_str()),
            '\\' if found.next()? == wanted.next()? => {}
            character if character != '\\' && Some(character) == wanted.next() => {}
            _ => return None,
        }
    }
}

/// The first field, without its escapes.
fn first_field(line: &str) -> String {
    let mut field = String::new();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ':' => break,
            '\\' => field.push(characters.next().unwrap_or('\\')),
            other => field.push(other),
        }
    }
    field
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::DbTarget;

    fn target(url: &str) -> ServerTarget {
        match DbTarget::parse(url).unwrap() {
            DbTarget::Postgres(target) => target,
            other => panic!("{other:?}"),
        }
    }

    fn found(text: &str) -> Option<(String, usize)> {
        password(text, &target("postgres://ds@db1:5433/meta"))
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        for (text, expected) in [
            ("db1:5433:meta:ds:pw", Some(("pw", 1))),
            ("db1:5433:meta:ds:pw\r\n", Some(("pw", 1))),
            ("*:*:*:*:pw", Some(("pw", 1))),
            (
                "#db1:5433:meta:ds:no\n\nx:*:*:ds:no\ndb1:*:meta:ds:one\n*:*:*:*:two",
                Some(("one", 4)),
            ),
            ("db1:5433:meta:ds:p\\:w\\\\d:more", Some(("p:w\\d", 1))),
            ("d\\b1:5433:meta:ds:pw", Some(("pw", 1))),
            ("db1:5433:meta:ds:", Some(("", 1))),
            ("db1:5433:meta:ds:p w ", Some(("p w ", 1))),
            ("db1:5433:meta:ds", None),
            ("db1:5432:meta:ds:pw", None),
            ("db11:5433:meta:ds:pw", None),
            ("db:5433:meta:ds:pw", None),
            ("DB1:5433:meta:ds:pw", None),
            ("db1:5433:other:ds:pw\ndb1:5433:meta:root:pw", None),
            ("**:5433:meta:ds:pw", None),
            (" db1:5433:meta:ds:pw", None),
            ("", None),
        ] {
            let expected = expected.map(|(password, line)| (password.to_owned(), line));
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn colons_in_names_are_escaped() {
        let text = "\\:\\:1:5432:a\\:b:c\\\\d:pw";
        let target = ServerTarget {
            database: "a:b".to_owned(),
            user: "c\\d".to_owned(),
            ..target("postgres://u@[::1]/d")
        };
        assert_eq!(password(text, &target), Some(("pw".to_owned(), 1)));
    }

    #[test]
    fn a_socket_is_on_the_local_host() {
        let of = |url| password("localhost:5432:d:u:pw", &target(url)).is_some();
        assert!(of("postgres://u@%2Fvar%2Frun%2Fpostgresql/d"));
        assert!(of("postgres://u@localhost/d"));
        assert!(!of("postgres://u@%2Fsrv/d"));
        assert!(!of("postgres://u@127.0.0.1/d"));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in any::<String>(), password in "[^\\r\\n]{0,12}") {
            let _ = found(&text);
            let escaped = password.replace('\\', "\\\\").replace(':', "\\:");
            let line = format!("db1:5433:meta:ds:{escaped}");
            prop_assert_eq!(found(&line), Some((password, 1)));
        }
    }
}
