//! A login with Kerberos: for which service, and how the masters come to their ticket.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A login with a ticket that this machine's Kerberos has, or gets from a keytab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KerberosLogin {
    /// Whom the ticket is for.
    pub service: KerberosService,
    /// How the masters come to theirs, as far as their `jaas.conf` says.
    pub masters: MastersTicket,
}

/// What Java's login module is told of the masters' ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MastersTicket {
    /// Their own principal.
    pub principal: Option<String>,
    /// The file with its key.
    pub keytab: Option<PathBuf>,
}

impl KerberosLogin {
    /// What it is called.
    pub const NAME: &'static str = "Kerberos";

    /// Whether this program can do it.
    pub const IS_BUILT_IN: bool = cfg!(feature = "kerberos");

    /// How a program that can is made.
    pub const BUILD: &'static str = "cargo build --release --features kerberos";
}

impl MastersTicket {
    /// The command that gets a ticket with the masters' own key, or one for whoever calls it.
    #[must_use]
    pub fn command(&self) -> String {
        let principal = self.principal.as_deref().map(quoted);
        let keytab = self.keytab.as_ref();
        let keytab = keytab.map(|path| format!("-k -t {}", quoted(&path.display().to_string())));
        let words = [Some("kinit".to_owned()), keytab, principal];
        words.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// A word of a shell's.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The servers' principal without its realm: the first part, and the host where it is not the one in
/// the server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KerberosService {
    /// As in `zookeeper.sasl.client.username`.
    pub name: String,
    /// The same one for every server.
    pub host: Option<String>,
}

impl Default for KerberosService {
    /// What the servers are called unless somebody says otherwise.
    fn default() -> Self {
        Self {
            name: "zookeeper".to_owned(),
            host: None,
        }
    }
}

impl KerberosService {
    /// Its name at this server.
    #[must_use]
    pub fn at(&self, host: &str) -> String {
        format!("{}@{}", self.name, self.host.as_deref().unwrap_or(host))
    }
}

impl fmt::Display for KerberosService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.host
            .as_ref()
            .map_or(Ok(()), |host| write!(f, "/{host}"))
    }
}

impl FromStr for KerberosService {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, host) = match text.split_once('/') {
            Some((name, host)) => (name, Some(host)),
            None => (text, None),
        };
        let is_part = |part: &str| {
            !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "/@\0".contains(c))
        };
        if is_part(name) && host.is_none_or(is_part) {
            Ok(Self {
                name: name.to_owned(),
                host: host.map(str::to_owned),
            })
        } else {
            Err(
                "expected the servers' principal without its realm: zookeeper, or zookeeper/HOST if the host is not the one in --zk",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_a_name_and_perhaps_a_host() {
        for (text, at) in [
            ("zookeeper", "zookeeper@h"),
            ("zk/zk1.example.org", "zk@zk1.example.org"),
        ] {
            let service: KerberosService = text.parse().unwrap();
            assert_eq!(
                (service.at("h").as_str(), service.to_string().as_str()),
                (at, text)
            );
        }
        for text in [
            "",
            "/",
            "zk/",
            "/h",
            "zk/h@REALM",
            "zk@REALM",
            "z k",
            "a/b/c",
        ] {
            assert!(text.parse::<KerberosService>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_command_can_be_pasted() {
        let ticket = |principal: Option<&str>, keytab: Option<&str>| MastersTicket {
            principal: principal.map(str::to_owned),
            keytab: keytab.map(PathBuf::from),
        };
        assert_eq!(ticket(None, None).command(), "kinit");
        assert_eq!(
            ticket(Some("ds/h@R"), Some("/a b/ds.keytab")).command(),
            "kinit -k -t '/a b/ds.keytab' ds/h@R"
        );
        assert_eq!(ticket(Some("a'b"), None).command(), r"kinit 'a'\''b'");
    }
}
