//! The registry's data about servers: registrations, heartbeats, locks.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Address;

/// A point in time as a server wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moment {
    /// Epoch milliseconds (2.0 and newer).
    Instant(Timestamp),
    /// Text in the server's own zone, which is not recorded (1.2, 1.3; every database column).
    Local(DateTime),
}

impl Moment {
    /// The instant, if it is one or the zone is known.
    #[must_use]
    pub fn instant(&self, zone: Option<&TimeZone>) -> Option<Timestamp> {
        match self {
            Self::Instant(instant) => Some(*instant),
            Self::Local(local) => zone?.to_timestamp(*local).ok(),
        }
    }
}

/// Why a payload has no heartbeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PayloadProblem {
    /// No bytes: a 1.3 master before its first heartbeat, or a node re-created after a reconnect
    /// (F§1.3). Not a sign of death.
    Empty,
    /// Bytes of no known format; the text says what is wrong with them.
    Unreadable(String),
}

/// The form of a payload, which distinguishes groups of releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PayloadForm {
    /// This many comma-separated fields (1.2 to 3.0).
    Fields(usize),
    /// A JSON object with a load average and without a status (3.1).
    JsonWithLoad,
    /// A JSON object with a status (3.2 and newer).
    JsonWithStatus,
    /// Another JSON object (3.1 and newer).
    Json,
}

/// A server's last heartbeat. A field is `None` if the format lacks it or its value could not be
/// read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Start-up time; after a registry loss with strategy `waiting`, the time of recovery (F§1.4).
    pub started_at: Option<Moment>,
    /// When the payload was written.
    pub reported_at: Option<Moment>,
    /// `normal`, `abnormal` or `busy`; anything else as written, in lower case.
    pub server_status: Option<String>,
    /// Share of the processors in use, 0 to 1 as written.
    pub cpu_usage: Option<f64>,
    /// Share of the memory in use, 0 to 1 as written.
    pub memory_usage: Option<f64>,
    /// Share of the disk in use, 0 to 1 as written (3.2.1 and newer).
    pub disk_usage: Option<f64>,
    /// Load average of the machine.
    pub load_average: Option<f64>,
    /// Process id.
    pub process_id: Option<i64>,
    /// The group that a worker of 3.3 and newer says it belongs to by its own configuration.
    pub worker_group: Option<String>,
    /// The form in which it was written; `None` if it could not be read.
    pub form: Option<PayloadForm>,
    /// Why all of the above is unknown.
    pub problem: Option<PayloadProblem>,
    /// JDBC registries: too old by the clocks, which may be wrong, but not yet observed for long
    /// enough without a change. Such a server is neither proven alive nor proven dead.
    pub in_doubt: bool,
}

/// A running server's entry in the registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// Its address, as in the metadata database.
    pub address: Address,
    /// Full path of the node (ZooKeeper) or key (JDBC).
    pub node: String,
    /// ZooKeeper: the session in hexadecimal with `0x`; JDBC: the client id.
    pub session_id: Option<String>,
    /// When the entry was created.
    pub created_at: Option<Timestamp>,
    /// When the entry was last written.
    pub modified_at: Option<Timestamp>,
    /// Its heartbeat, from the payload.
    pub heartbeat: Heartbeat,
}

/// What a master says that takes commands.
const NORMAL: &str = "normal";

impl Registration {
    /// Whether it belongs to no session, so that it stays until it is deleted: a node of ZooKeeper
    /// that is not ephemeral.
    #[must_use]
    pub fn is_persistent(&self) -> bool {
        self.session_id.is_none()
    }

    /// Whether it says that it takes commands, or does not say.
    #[must_use]
    pub fn takes_commands(&self) -> bool {
        let status = self.heartbeat.server_status.as_deref();
        status.is_none_or(|status| status == NORMAL)
    }

    /// The latest moment at which it may have started, as far as that is proven: what began before
    /// that is not its own. A clock that was set back, or a zone that is not the masters', puts the
    /// start-up time of its heartbeat into the future: it is never later than the entry itself, and
    /// one that is later than the heartbeat's own time proves nothing.
    #[must_use]
    pub fn started(&self, zone: Option<&TimeZone>) -> Option<Timestamp> {
        let started = self.heartbeat.started_at?.instant(zone)?;
        let reported = self.heartbeat.reported_at.and_then(|at| at.instant(zone));
        let contradicts = reported.is_some_and(|reported| started > reported);
        let started = self.created_at.map_or(started, |made| started.min(made));
        (!contradicts).then_some(started)
    }
}

/// All registrations of one kind of server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Registrations {
    /// Whether the parent of the registrations exists. If it does not, the namespace is most likely
    /// wrong, and every master would look dead. JDBC registries have no parent: always `true`.
    pub parent_exists: bool,
    /// Full path of that parent, for messages.
    pub parent: String,
    /// In order of address.
    pub servers: Vec<Registration>,
    /// How often a registration came or went; `None` if the registry does not count, or the servers
    /// above were not read at the moment of the count.
    pub changes: Option<Changes>,
}

/// ZooKeeper's count of the children that came and went. It misses none, however briefly it
/// existed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// The transaction that created the parent: another parent has another count.
    pub parent: i64,
    /// When that was, by the registry's clock: transaction ids of different ensembles may be equal.
    #[serde(default)]
    pub made_at_ms: i64,
    /// Children created and deleted since; it may overflow.
    pub count: i32,
}

/// `t_ds_process_instance.host` is `varchar(45)` up to 1.3.4, and longer later.
const SHORTEST_COLUMN: usize = 45;

impl Registrations {
    /// The entry of exactly this address; or, for a text as long as the shortest column for hosts,
    /// one whose address begins with it: a database that is not strict has cut it off.
    #[must_use]
    pub fn find(&self, address: &Address) -> Option<&Registration> {
        let is_cut_off = |server: &&Registration| {
            address.as_str().chars().count() >= SHORTEST_COLUMN
                && server.address.as_str().starts_with(address.as_str())
        };
        let exactly = |server: &&Registration| server.address == *address;
        let servers = || self.servers.iter();
        servers()
            .find(exactly)
            .or_else(|| servers().find(is_cut_off))
    }

    /// The group that a worker is registered in, by its path: up to 3.1.0 they are below the parent.
    #[must_use]
    pub fn group_of<'a>(&self, server: &'a Registration) -> Option<&'a str> {
        let below = server
            .node
            .strip_prefix(self.parent.trim_end_matches('/'))?;
        let (group, _) = below.strip_prefix('/')?.rsplit_once('/')?;
        Some(group)
    }

    /// Whether it is unknown for some servers whether they are alive.
    #[must_use]
    pub fn any_in_doubt(&self) -> bool {
        self.servers.iter().any(|server| server.heartbeat.in_doubt)
    }

    /// Whether an absence here proves nothing: the parent does not exist, or no server at all is
    /// registered, as in another cluster's, an old, or an unused registry.
    #[must_use]
    pub fn prove_nothing(&self) -> bool {
        !self.parent_exists || self.servers.is_empty()
    }
}

/// A child of a lock path: the first one holds the lock, the others wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockNode {
    /// Its name (ZooKeeper) or row id (JDBC).
    pub node: String,
    /// The session that created it, as in [`Registration::session_id`].
    pub session_id: Option<String>,
    /// When it was created, by the registry's clock.
    pub created_at: Option<Timestamp>,
    /// Its data; Curator writes the holder's IP address.
    pub data: String,
    /// Whether its session is over by the clocks (JDBC), which may be wrong: it holds the lock until
    /// somebody who wants it has seen that.
    pub in_doubt: bool,
}

impl LockNode {
    /// Whether it belongs to no session: it stays until it is deleted, so waiting is useless.
    #[must_use]
    pub fn is_persistent(&self) -> bool {
        self.session_id.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn registration(address: &str) -> Registration {
        Registration {
            address: Address::seen(address),
            node: String::new(),
            session_id: None,
            created_at: None,
            modified_at: None,
            heartbeat: Heartbeat::default(),
        }
    }

    #[test]
    fn a_start_in_the_future_is_not_believed() {
        let (two, three, eight) = (
            at("2024-06-01T02:00:00Z"),
            at("2024-06-01T03:00:00Z"),
            at("2024-06-01T08:00:00Z"),
        );
        let started = |started, reported: Option<Timestamp>, created_at| {
            let mut registration = registration("a:1");
            registration.created_at = created_at;
            registration.heartbeat.started_at = Some(Moment::Instant(started));
            registration.heartbeat.reported_at = reported.map(Moment::Instant);
            registration.started(None)
        };
        assert_eq!(started(two, Some(three), Some(three)), Some(two));
        assert_eq!(started(two, None, None), Some(two));
        // The clock was set back behind the start, or is ahead of the registry's.
        assert_eq!(started(eight, Some(three), None), None);
        assert_eq!(started(eight, None, Some(two)), Some(two));
    }

    #[test]
    fn a_text_that_a_column_has_cut_off_is_that_masters() {
        let long = format!("{}:5678", "m".repeat(60));
        let masters = Registrations {
            servers: vec![registration("a:5678"), registration(&long)],
            ..Registrations::default()
        };
        let found = |text: &str| masters.find(&Address::seen(text)).is_some();
        assert!(found("a:5678") && found(&long) && found(&long[..45]));
        assert!(!found("a:567") && !found(&long[..44]) && !found(&format!("{long}9")));
    }
}
