//! The root of a cluster's nodes in ZooKeeper, and the paths below it.

use crate::model::{Ensemble, Namespace};

/// The servers, and the path below which DolphinScheduler keeps everything.
///
/// The chroot is part of the root here, and is not passed to the client library: so every path that
/// is shown is the full one, and missing parents can be created at any level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) ensemble: Ensemble,
    /// With a slash in front and none at the end.
    root: String,
}

impl Place {
    pub(super) fn new(ensemble: &Ensemble, namespace: &Namespace) -> Self {
        Self {
            root: format!("{}/{namespace}", ensemble.chroot),
            ensemble: ensemble.clone(),
        }
    }

    /// Servers and root, to be shown.
    pub(super) fn endpoint(&self) -> String {
        self.ensemble.servers() + &self.root
    }

    /// A path below the root.
    pub(super) fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chroot_and_namespace_go_in_front() {
        let place = |ensemble: &str, namespace: &str| {
            Place::new(&ensemble.parse().unwrap(), &namespace.parse().unwrap())
        };
        let deep = place("zk1,zk2:2182/a/b", "ds/prod");
        assert_eq!(deep.path("nodes/master"), "/a/b/ds/prod/nodes/master");
        assert_eq!(deep.endpoint(), "zk1:2181,zk2:2182/a/b/ds/prod");
        assert_eq!(place("zk1", "/ds").path("lock/x"), "/ds/lock/x");
    }
}
