//! The address of a ZooKeeper registry: the ensemble, its chroot, and DolphinScheduler's namespace
//! in it.
//!
//! One grammar for the command line, the environment and files.

use std::fmt;
use std::str::FromStr;

/// The port of a server without an explicit one.
const DEFAULT_PORT: u16 = 2181;

/// A text that is not a ZooKeeper address or namespace. It never quotes the text: a password may be
/// in it by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EnsembleError(&'static str);

/// A server of the ensemble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnsembleServer {
    /// Name or IP address; an IPv6 address without brackets.
    pub host: String,
    /// From 1 to 65535.
    pub port: u16,
}

/// The servers of a ZooKeeper registry, and the path below which its client sees everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ensemble {
    /// At least one.
    pub servers: Vec<EnsembleServer>,
    /// Empty, or a path with a leading and no trailing slash.
    pub chroot: String,
}

impl Ensemble {
    /// The servers without the chroot, as a connect string.
    #[must_use]
    pub fn servers(&self) -> String {
        let servers: Vec<String> = self.servers.iter().map(ToString::to_string).collect();
        servers.join(",")
    }
}

impl fmt::Display for Ensemble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.servers(), self.chroot)
    }
}

impl fmt::Display for EnsembleServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Ensemble {
    type Err = EnsembleError;

    /// Takes `host[:port]`, several separated by commas, and a chroot: the form of ZooKeeper's
    /// `ConnectStringParser`.
    ///
    /// # Errors
    /// Anything else.
    fn from_str(text: &str) -> Result<Self, EnsembleError> {
        if text.contains('@') || text.contains("://") {
            return Err(EnsembleError(
                "expected only hosts, as in zk1:2181,zk2:2181/chroot; user and password belong in \
                 --zk-digest-file",
            ));
        }
        let text = text.trim();
        let (servers, chroot) = text
            .find('/')
            .map_or((text, ""), |slash| text.split_at(slash));
        let servers = servers
            .split(',')
            .map(|server| parse_server(server.trim()))
            .collect::<Option<Vec<_>>>()
            .ok_or(EnsembleError(
                "expected hosts separated by commas, as in zk1:2181,zk2:2181/chroot",
            ))?;
        let chroot = chroot.strip_suffix('/').unwrap_or(chroot);
        if !chroot.is_empty() && !chroot.split('/').skip(1).all(is_node_name) {
            return Err(EnsembleError(
                "the chroot is not a path, as in zk1:2181,zk2:2181/chroot",
            ));
        }
        Ok(Self {
            servers,
            chroot: chroot.to_owned(),
        })
    }
}

fn parse_server(text: &str) -> Option<EnsembleServer> {
    let (host, port) = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        // The last colon of a bare IPv6 address does not start a port.
        None => text
            .find(':')
            .map_or((text, ""), |colon| text.split_at(colon)),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None if port.is_empty() => DEFAULT_PORT,
        None => return None,
    };
    let is_strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '[' | ']');
    (!host.is_empty() && !host.contains(is_strange)).then(|| EnsembleServer {
        host: host.to_owned(),
        port,
    })
}

/// The path below which DolphinScheduler keeps everything: one or more names separated by slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace(String);

impl Default for Namespace {
    /// `registry.namespace` of every release, and `zookeeper.dolphinscheduler.root` of 1.x.
    fn default() -> Self {
        Self("dolphinscheduler".to_owned())
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Namespace {
    type Err = EnsembleError;

    /// Drops a leading slash, as 1.x writes it.
    ///
    /// # Errors
    /// Empty parts, `.` and `..`, white space and control characters, which ZooKeeper paths cannot
    /// or should not have.
    fn from_str(text: &str) -> Result<Self, EnsembleError> {
        let name = text.strip_prefix('/').unwrap_or(text);
        if name.split('/').all(is_node_name) {
            Ok(Self(name.to_owned()))
        } else {
            Err(EnsembleError(
                "expected a name such as dolphinscheduler, or several separated by single slashes",
            ))
        }
    }
}

fn is_node_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.chars().any(|c| c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Ensemble>().unwrap().to_string()
    }

    #[test]
    fn connect_strings() {
        for text in ["zk1:2181", "zk1:2181,zk2:2182/ds/prod", "[::1]:2181"] {
            assert_eq!(shown(text), text);
        }
        assert_eq!(shown("zk1"), "zk1:2181");
        assert_eq!(shown("[::1]"), "[::1]:2181");
        assert_eq!(shown("zk1:2181/"), "zk1:2181");
        assert_eq!(
            shown(" zk1:2181, zk2 ,[::1]:2183/a/b/"),
            "zk1:2181,zk2:2181,[::1]:2183/a/b"
        );
        for text in [
            "",
            ",",
            "zk1,",
            "zk1,,zk2",
            "zk1:",
            "zk1:0",
            "zk1:99999",
            "zk1:x",
            "::1",
            "[::1]x",
            "zk1//a",
            "zk1/a//",
            "zk1/../a",
            "zk://zk1",
            "u:p@zk1",
            ":2181",
            "/a",
            "z k",
        ] {
            assert!(text.parse::<Ensemble>().is_err(), "{text}");
        }
    }

    #[test]
    fn namespaces() {
        for (text, name) in [
            ("/dolphinscheduler", "dolphinscheduler"),
            ("prod/ds", "prod/ds"),
        ] {
            assert_eq!(text.parse::<Namespace>().unwrap().to_string(), name);
        }
        for text in ["", "/", "//a", "a/", "a//b", "../a", ".", "a b", "a\nb"] {
            assert!(text.parse::<Namespace>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(text in any::<String>()) {
            if let Ok(ensemble) = text.parse::<Ensemble>() {
                prop_assert_eq!(ensemble.to_string().parse::<Ensemble>(), Ok(ensemble));
            }
            if let Ok(namespace) = text.parse::<Namespace>() {
                prop_assert_eq!(namespace.to_string().parse::<Namespace>(), Ok(namespace));
            }
        }
    }
}
