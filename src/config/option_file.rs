//! Option files of MySQL's and MariaDB's own clients: what the group `[client]` of one says.

use super::socket::is_this_machine;
use crate::metadata::target::ServerTarget;

/// What `[client]` says of a connection; of several values the last.
#[derive(Default)]
pub(super) struct ClientGroup {
    user: Option<String>,
    host: Option<String>,
    port: Option<String>,
    has_socket: bool,
    /// And its line, counted from one.
    pub(super) password: Option<(String, usize)>,
}

impl ClientGroup {
    /// Reads a file as the clients do, but follows no `!include`.
    pub(super) fn parse(text: &str) -> Self {
        let mut group = Self::default();
        let mut is_client = false;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if let Some(rest) = line.strip_prefix('[') {
                is_client = rest.split(']').next().map(str::trim) == Some("client");
            } else if is_client && !line.starts_with(['#', ';', '!']) {
                group.take(line, number + 1);
            }
        }
        group
    }

    fn take(&mut self, line: &str, number: usize) {
        let Some((name, value)) = without_comment(line).split_once('=') else {
            return;
        };
        let value = unquoted(value.trim());
        match name.trim().replace('_', "-").as_str() {
            "user" => self.user = Some(value),
            "host" => self.host = Some(value),
            "port" => self.port = Some(value),
            "socket" => self.has_socket = true,
            "password" => self.password = Some((value, number)),
            _ => {}
        }
    }

    /// Whether it is about this server and this user. It must name the user: a password belongs to
    /// one. Where it names no server it is for all, as for the clients; with a socket alone, for this
    /// machine.
    pub(super) fn is_about(&self, target: &ServerTarget) -> bool {
        let host = target.bare_host();
        let same_host = |own: &String| {
            own.eq_ignore_ascii_case(host) || (is_this_machine(own) && is_this_machine(host))
        };
        self.user.as_ref() == Some(&target.user)
            && self
                .host
                .as_ref()
                .map_or(!self.has_socket || is_this_machine(host), same_host)
            && self
                .port
                .as_ref()
                .is_none_or(|port| target.socket().is_some() || port.parse() == Ok(target.port))
    }
}

/// A `#` begins a comment outside of quotes.
fn without_comment(line: &str) -> &str {
    let (mut quote, mut is_escaped) = (None, false);
    for (place, character) in line.char_indices() {
        match (character, quote) {
            ('"' | '\'', None) if !is_escaped => quote = Some(character),
            ('"' | '\'', Some(open)) if !is_escaped && open == character => quote = None,
            ('#', None) => return &line[..place],
            _ => {}
        }
        is_escaped = quote.is_some() && character == '\\' && !is_escaped;
    }
    line
}

/// The value without quotes around it and its escapes.
fn unquoted(value: &str) -> String {
    let inner = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let mut text = String::new();
    let mut characters = inner.unwrap_or(value).chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('b') => text.push('\u{8}'),
            Some('s') => text.push(' '),
            Some(same @ ('"' | '\'' | '\\')) => text.push(same),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::DbTarget;

    fn password(lines: &str) -> Option<(String, usize)> {
        ClientGroup::parse(lines).password
    }

    #[test]
    fn values_are_read_as_the_clients_read_them() {
        for (value, expected) in [
            ("pw", "pw"),
            ("  p w  ", "p w"),
            ("\"p#w\" # no", "p#w"),
            ("'p\"w'", "p\"w"),
            ("pw# no", "pw"),
            ("\"a\\\"#b\"", "a\"#b"),
            ("a\\sb\\tc\\\\d\\xe", "a b\tc\\d\\xe"),
            ("a=b", "a=b"),
            ("\"", "\""),
            ("p\\", "p\\"),
            ("", ""),
        ] {
            let text = format!("[client]\npassword={value}\n");
            assert_eq!(password(&text), Some((expected.to_owned(), 2)), "{value}");
        }
    }

    #[test]
    fn only_the_group_of_all_clients_counts() {
        let text = "password=a\n[mysqld]\npassword=b\n [ client ]# x\n# password=c\n;password=d\n!include /x\n\
                    password = e\nskip-ssl\n[mysql]\npassword=f\n";
        assert_eq!(password(text), Some(("e".to_owned(), 8)));
        assert_eq!(password("[client]\npassword\n"), None);
        assert_eq!(
            password("[client]\npassword=a\n[x]\n[client]\npassword=b"),
            Some(("b".to_owned(), 5))
        );
    }

    #[test]
    fn a_login_is_for_the_server_and_the_user_that_it_names() {
        let is_about = |lines: &str, url: &str| {
            let DbTarget::MySql(target) = DbTarget::parse(url).unwrap() else {
                panic!("{url}")
            };
            ClientGroup::parse(&format!("[client]\n{lines}")).is_about(&target)
        };
        assert!(is_about("user=ds", "mysql://ds@db1/d"));
        assert!(is_about(
            "user=ds\nhost=DB1\nport=3307",
            "mysql://ds@db1:3307/d"
        ));
        assert!(is_about(
            "user=ds\nhost=localhost",
            "mysql://ds@127.0.0.1/d"
        ));
        assert!(!is_about("", "mysql://ds@db1/d"));
        assert!(is_about("user=ds\nsocket=/s", "mysql://ds@127.0.0.1/d"));
        assert!(!is_about("user=ds\nsocket=/s", "mysql://ds@db1/d"));
        let through_socket = "mysql://ds@localhost/d?socket=/s";
        assert!(is_about("user=ds\nport=3307\nsocket=/s", through_socket));
        assert!(is_about("user=ds\nhost=localhost", through_socket));
        assert!(!is_about("user=ds\nhost=db1", through_socket));
        assert!(!is_about("user=root", "mysql://ds@db1/d"));
        assert!(!is_about("user=ds\nhost=db2", "mysql://ds@db1/d"));
        assert!(!is_about("user=ds\nport=3307", "mysql://ds@db1/d"));
        assert!(!is_about("user=ds\nhost=localhost", "mysql://ds@db1/d"));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in any::<String>(), value in "[ -~é]{0,12}") {
            let _ = password(&text);
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!("[client]\npassword=\"{quoted}\"");
            prop_assert_eq!(password(&text), Some((value, 2)));
        }
    }
}
