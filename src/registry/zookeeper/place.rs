//! Where a ZooKeeper registry is: the connect string, the namespace, and what follows from them.

use crate::registry::RegistryError;

/// The port of a host that is written without one.
const DEFAULT_PORT: u16 = 2181;

const FORM: &str = "write host:port,host:port, and a chroot behind the last one";

/// A server of the ensemble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) port: u16,
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

/// The servers, and the path below which DolphinScheduler keeps everything.
///
/// The chroot is part of the root here, and the client library does not learn of it: so every path
/// that is shown is the true one, and missing parents can be made wherever they are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) hosts: Vec<Host>,
    /// Empty, or with a slash in front and none behind.
    pub(super) root: String,
}

impl Place {
    /// Takes `host:port,host:port/chroot` and a namespace with or without slashes.
    pub(super) fn new(connect: &str, namespace: &str) -> Result<Self, RegistryError> {
        // The text itself is not repeated: somebody may have put a password into it.
        let wrong = |why: &str| {
            RegistryError::Unsupported(format!(
                "the ZooKeeper connect string cannot be read: {why}"
            ))
        };
        let connect_trimmed = connect.trim();
        if connect_trimmed.contains("://") {
            return Err(wrong(FORM));
        }
        let (hosts, chroot) = match connect_trimmed.find('/') {
            Some(slash) => connect_trimmed.split_at(slash),
            None => (connect_trimmed, ""),
        };
        let hosts = hosts
            .split(',')
            .map(|host| parse_host(host.trim()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(wrong)?;
        let root = join(chroot) + &join(namespace);
        if root.chars().any(|c| c.is_whitespace() || c.is_control())
            || root.split('/').any(|part| part == "." || part == "..")
        {
            return Err(RegistryError::Unsupported(format!(
                "{root:?} is no path that ZooKeeper could have"
            )));
        }
        Ok(Self { hosts, root })
    }

    /// The hosts alone, as a connect string.
    pub(super) fn connect(&self) -> String {
        self.hosts
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(",")
    }

    /// Hosts and root, to be shown.
    pub(super) fn endpoint(&self) -> String {
        self.connect() + &self.root
    }

    /// A path below the root.
    pub(super) fn path(&self, below: &str) -> String {
        let path = self.root.clone() + &join(below);
        if path.is_empty() {
            "/".to_owned()
        } else {
            path
        }
    }
}

/// Each part with one slash in front; empty parts are dropped.
fn join(path: &str) -> String {
    path.trim()
        .split('/')
        .filter(|part| !part.is_empty())
        .flat_map(|part| ["/", part])
        .collect()
}

fn parse_host(text: &str) -> Result<Host, &'static str> {
    let (name, port) =
        if let Some((name, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
            (name, rest.strip_prefix(':').unwrap_or(rest))
        } else {
            text.rsplit_once(':').unwrap_or((text, ""))
        };
    if name.is_empty() {
        return Err("a host is empty");
    }
    if name
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '@' | '[' | ']'))
    {
        return Err(FORM);
    }
    let port = if port.is_empty() {
        DEFAULT_PORT
    } else {
        port.parse()
            .map_err(|_| "a port is no number from 1 to 65535")?
    };
    if port == 0 {
        return Err("a port is no number from 1 to 65535");
    }
    Ok(Host {
        name: name.to_owned(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(connect: &str, namespace: &str) -> Place {
        Place::new(connect, namespace).unwrap()
    }

    #[test]
    fn hosts_ports_and_chroot() {
        let place = place(" zk1:2181, zk2 ,[::1]:2183/a/b/ ", "dolphinscheduler");
        assert_eq!(place.connect(), "zk1:2181,zk2:2181,[::1]:2183");
        assert_eq!(
            place.hosts[2],
            Host {
                name: "::1".to_owned(),
                port: 2183
            }
        );
        assert_eq!(
            place.path("nodes/master"),
            "/a/b/dolphinscheduler/nodes/master"
        );
        assert_eq!(
            place.endpoint(),
            "zk1:2181,zk2:2181,[::1]:2183/a/b/dolphinscheduler"
        );
    }

    #[test]
    fn namespaces_with_and_without_slashes() {
        for namespace in ["ds/prod", "/ds/prod", "/ds/prod/", "//ds//prod"] {
            assert_eq!(
                place("zk", namespace).path("/lock/x"),
                "/ds/prod/lock/x",
                "{namespace}"
            );
        }
        assert_eq!(place("zk", "").path("lock"), "/lock");
        assert_eq!(place("zk/", "/").path(""), "/");
    }

    #[test]
    fn connect_strings_that_are_none() {
        for connect in [
            "",
            ",",
            "zk1,,zk2",
            ":2181",
            "zk:0",
            "zk:99999",
            "zk:port",
            "zookeeper://zk:2181",
            "user@zk:1",
            "z k:1",
        ] {
            let error = Place::new(connect, "ds").unwrap_err();
            assert!(
                matches!(&error, RegistryError::Unsupported(text) if text.contains("connect string")),
                "{connect}: {error}"
            );
        }
    }

    #[test]
    fn roots_that_zookeeper_cannot_have() {
        for namespace in ["a/../b", "a b", "a\nb", "."] {
            assert!(Place::new("zk", namespace).is_err(), "{namespace:?}");
        }
    }
}
