//! A second pair of eyes on ZooKeeper, and masters that are only registrations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use zookeeper_client::{
    Acl, Acls, AuthId, Client, Connector, CreateMode, Error, Permission, SaslOptions,
};

use super::wait::{eventually, wait};

/// A client of the tests. It is ZooKeeper's super user: no access list stops it.
#[derive(Debug)]
pub struct Zk {
    client: Client,
    connect: String,
}

/// Everything that ZooKeeper knows of a node, as text. Two dumps are equal only if nobody wrote in
/// between.
pub type Tree = BTreeMap<String, String>;

impl Zk {
    /// A session on the server at `host:port`.
    pub fn connect(connect: &str) -> Self {
        // As long as servers allow: some of them are away for a while.
        let connector =
            connector(connect, Duration::from_mins(2)).with_auth("digest", b"super:super");
        let client = wait(connector.connect(connect)).unwrap();
        Self {
            client,
            connect: connect.to_owned(),
        }
    }

    /// Makes a persistent node, open to all, and its parents where they are missing.
    pub fn create(&self, path: &str, data: &[u8]) {
        self.create_parents(path);
        let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
        wait(self.client.create(path, data, &options))
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Makes the parents of a node where they are missing.
    pub fn create_parents(&self, path: &str) {
        if let Some((parent, _)) = path
            .rsplit_once('/')
            .filter(|(parent, _)| !parent.is_empty())
        {
            let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
            wait(self.client.mkdir(parent, &options))
                .unwrap_or_else(|error| panic!("{parent}: {error}"));
        }
    }

    /// Lets everybody do this with a node, and no more.
    pub fn grant(&self, path: &str, permission: Permission) {
        let acls = [Acl::new(permission, AuthId::anyone())];
        wait(self.client.set_acl(path, &acls, None))
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Leaves a node to whoever has logged in with SASL as this.
    pub fn give_to(&self, path: &str, user: &str) {
        let acls = [Acl::new(Permission::ALL, AuthId::new("sasl", user))];
        wait(self.client.set_acl(path, &acls, None))
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Deletes a node.
    pub fn delete(&self, path: &str) {
        wait(self.client.delete(path, None)).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// The data of a node; `None` where there is none.
    pub fn data(&self, path: &str) -> Option<Vec<u8>> {
        match wait(self.client.get_data(path)) {
            Ok((data, _)) => Some(data),
            Err(Error::NoNode) => None,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// Whether the node is there.
    pub fn exists(&self, path: &str) -> bool {
        wait(self.client.check_stat(path)).unwrap().is_some()
    }

    /// The children's names, sorted; none where the node is missing.
    pub fn children(&self, path: &str) -> Vec<String> {
        let mut children = match wait(self.client.list_children(path)) {
            Ok(children) => children,
            Err(Error::NoNode) => Vec::new(),
            Err(error) => panic!("{path}: {error}"),
        };
        children.sort();
        children
    }

    /// The lock nodes below a path, in the order of the queue: the first one holds the lock.
    pub fn lock_queue(&self, path: &str) -> Vec<String> {
        let mut nodes = self.children(path);
        nodes.retain(|node| node.contains("-lock-"));
        nodes.sort_by_key(|node| node.rsplit('-').next().unwrap().to_owned());
        nodes
    }

    /// Waits until a path has exactly so many lock nodes.
    ///
    /// It looks again and again: the client library takes back watches that have not fired, to
    /// which a server of 3.4 answers by closing the connection.
    pub fn await_queue(&self, path: &str, length: usize) -> Vec<String> {
        eventually(
            Duration::from_mins(2),
            &format!("{length} lock nodes at {path}"),
            || {
                let queue = self.lock_queue(path);
                if queue.len() == length {
                    Ok(queue)
                } else {
                    Err(queue)
                }
            },
        )
    }

    /// Waits until a path has so many lock nodes at least: a master may stand there twice, since it
    /// looks for the dead both when one goes and from time to time.
    pub fn await_queue_from(&self, path: &str, least: usize) -> Vec<String> {
        eventually(
            Duration::from_mins(2),
            &format!("{least} lock nodes and more at {path}"),
            || {
                let queue = self.lock_queue(path);
                if queue.len() >= least {
                    Ok(queue)
                } else {
                    Err(queue)
                }
            },
        )
    }

    /// Waits until a node is gone.
    pub fn await_absence(&self, path: &str) {
        eventually(
            Duration::from_mins(1),
            &format!("the end of {path}"),
            || {
                if self.exists(path) {
                    Err("is there")
                } else {
                    Ok(())
                }
            },
        );
    }

    /// The session that owns a node, as ZooKeeper's own tools write it; `None` for persistent and
    /// missing nodes.
    pub fn owner(&self, path: &str) -> Option<String> {
        let stat = wait(self.client.check_stat(path)).unwrap()?;
        (stat.ephemeral_owner > 0).then(|| format!("{:#x}", stat.ephemeral_owner))
    }

    /// A node and everything below it, or nothing where it is missing.
    pub fn dump(&self, path: &str) -> Tree {
        let mut tree = Tree::new();
        let mut left = vec![path.to_owned()];
        while let Some(path) = left.pop() {
            if let Some(text) = wait(self.describe(&path)) {
                let base = path.trim_end_matches('/');
                left.extend(
                    self.children(&path)
                        .iter()
                        .map(|child| format!("{base}/{child}")),
                );
                tree.insert(path, text);
            }
        }
        tree
    }

    async fn describe(&self, path: &str) -> Option<String> {
        let (data, stat) = self.client.get_data(path).await.ok()?;
        let (acl, _) = self.client.get_acl(path).await.ok()?;
        Some(format!(
            "{} {stat:?} {acl:?}",
            String::from_utf8_lossy(&data)
        ))
    }

    /// The session in which the node is written, to make one's own nodes in it.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// As whom the tests' own clients log in where a server demands it.
pub(super) const SASL: (&str, &str) = ("tests", "mark3r-of-tests");

/// The servers that demand it.
static WITH_LOGIN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// From now on the tests' own clients log in at this server.
pub(super) fn log_in_at(connect: &str) {
    let mut servers = WITH_LOGIN.lock().unwrap_or_else(PoisonError::into_inner);
    servers.insert(connect.to_owned());
}

/// It speaks as a client of 3.4, which every server understands.
fn connector(connect: &str, session: Duration) -> Connector {
    let connector = Client::connector()
        .with_session_timeout(session)
        .with_server_version(3, 4, 14);
    let servers = WITH_LOGIN.lock().unwrap_or_else(PoisonError::into_inner);
    if servers.contains(connect) {
        connector.with_sasl(SaslOptions::digest_md5(SASL.0, SASL.1))
    } else {
        connector
    }
}

/// A registration without a server behind it: an ephemeral node in a session of its own.
#[derive(Debug)]
pub struct FakeRegistration {
    client: Option<Client>,
    observer: Zk,
    path: String,
}

impl FakeRegistration {
    /// Registers at `path`; `digest` (`user:password`) closes the node to everybody else.
    pub fn new(connect: &str, path: &str, payload: &[u8], digest: Option<&str>) -> Self {
        Self::with_session(connect, path, payload, digest, Duration::from_secs(30))
    }

    /// As [`FakeRegistration::new`], with a session of this length.
    pub fn with_session(
        connect: &str,
        path: &str,
        payload: &[u8],
        digest: Option<&str>,
        session: Duration,
    ) -> Self {
        let observer = Zk::connect(connect);
        observer.create_parents(path);
        let mut connector = connector(connect, session);
        if let Some(digest) = digest {
            connector = connector.with_auth("digest", digest.as_bytes());
        }
        let client = wait(connector.connect(connect)).unwrap();
        let acls = if digest.is_some() {
            Acls::creator_all()
        } else {
            Acls::anyone_all()
        };
        wait(client.create(path, payload, &CreateMode::Ephemeral.with_acls(acls))).unwrap();
        Self {
            client: Some(client),
            observer,
            path: path.to_owned(),
        }
    }

    /// Makes a persistent node that only the owner of this digest may touch, and keeps that owner's
    /// session. A node that is there is closed to all others.
    pub fn closed_parent(connect: &str, path: &str, digest: &str) -> Self {
        let observer = Zk::connect(connect);
        observer.create_parents(&format!("{path}/child"));
        let connector =
            connector(connect, Duration::from_secs(30)).with_auth("digest", digest.as_bytes());
        let client = wait(connector.connect(connect)).unwrap();
        // `CREATOR_ALL` is told in terms of whoever sets it.
        wait(client.set_acl(path, Acls::creator_all().as_ref(), None)).unwrap();
        Self {
            client: Some(client),
            observer,
            path: path.to_owned(),
        }
    }

    /// Makes another ephemeral node in the same session.
    pub fn create(&self, path: &str, data: &[u8]) {
        let options = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
        wait(self.client.as_ref().unwrap().create(path, data, &options)).unwrap();
    }

    /// The node.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The session, as ZooKeeper's own tools write it.
    pub fn session_id(&self) -> String {
        self.observer.owner(&self.path).expect("a registration")
    }

    /// A heartbeat: replaces the payload.
    pub fn beat(&self, payload: &[u8]) {
        wait(
            self.client
                .as_ref()
                .unwrap()
                .set_data(&self.path, payload, None),
        )
        .unwrap();
    }

    /// The master's end: closes the session and waits until the node is gone.
    pub fn close(mut self) {
        drop(self.client.take());
        self.observer.await_absence(&self.path);
    }
}
