//! Why a failover was refused, or stopped. Each refusal names what was seen and the next command.

use std::time::Duration;

use crate::exit_code::ExitCode;
use crate::metadata::database::DatabaseError;
use crate::metadata::{NO_TLS, Obstacle, Sign, StoreError, login_hint};
use crate::model::{Address, InstanceId, LockNode, VersionRange, shell_word};
use crate::registry::RegistryError;
use crate::stop::{Stop, Stopped};

/// A failed safety check. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The masters' parent node does not exist: every master would look dead.
    #[error("the registry {endpoint} has no node {parent}")]
    NoMastersNode {
        /// The registry.
        endpoint: String,
        /// Full path that was looked for.
        parent: String,
    },
    /// No master at all.
    #[error("no master is registered below {parent}: no master would take up the commands")]
    NoMasters {
        /// Full path that was looked at.
        parent: String,
        /// Whether the registry is in the database itself.
        jdbc: bool,
    },
    /// The registry looks like that of another cluster or release.
    #[error("registry and metadata database contradict each other: {0}")]
    Contradiction(String),
    /// The registered masters may be another cluster's.
    #[error(
        "no instance in this database names any of the registered masters ({masters}): they may be another cluster's"
    )]
    StrangeMasters {
        /// Their addresses.
        masters: String,
        /// Whether the registry is in the database itself.
        jdbc: bool,
    },
    /// 3.3.0 leaves the dead master's address, and the old state, in an instance that a master has taken up (F§9.2).
    #[error(
        "masters of 3.3.0 leave the dead master's address in an instance that they have taken up: if {0} was failed over \
         before, its instances may run elsewhere, and would run twice"
    )]
    RecoveredLooksHanging(Address),
    /// The master is alive.
    #[error("{address} is registered ({node}, session {session}): it is alive")]
    MasterRegistered {
        /// The master.
        address: Address,
        /// Its node.
        node: String,
        /// Its session.
        session: String,
        /// How many of its instances are older than its registration, if that is known.
        older: Option<usize>,
    },
    /// It is not registered, but has started something since its registration was lost.
    #[error("{address} is not registered, but it lives: {sign}")]
    ShowsLife {
        /// The master.
        address: Address,
        /// What it has started.
        sign: Sign,
    },
    /// Its absence is no longer proven.
    #[error(
        "masters came or went while the failover of {0} was prepared, or the registry was not \
         read for too long: it may have been registered meanwhile"
    )]
    CameAndWent(Address),
    /// An operator paused the watchers during a failover.
    #[error("paused by {by}: {reason}")]
    Paused {
        /// By whom.
        by: String,
        /// Why.
        reason: String,
    },
    /// One more would be too many at once.
    #[error("storm brake: {0}")]
    Storm(String),
    /// It would be too many at once if others finish what they have started.
    #[error(
        "the failover locks of {0} are held: with these it would be more than the storm brake allows"
    )]
    OthersAtWork(String),
    /// A node without a session does not show whether the master is alive.
    #[error(
        "{address} may be alive or not: its registration {node} is a persistent node, which \
         belongs to no session and is never removed"
    )]
    PersistentRegistration {
        /// The master.
        address: Address,
        /// Its node.
        node: String,
    },
    /// A registration in a JDBC registry that only the clocks show to be dead.
    #[error(
        "the heartbeat of {0} is old by the clocks, but was not observed for long enough without \
         a change"
    )]
    InDoubt(Address),
    /// `--allow-restarted` without a zone.
    #[error(
        "{0} is registered, and without the cluster's time zone its instances cannot be \
         distinguished from earlier ones"
    )]
    NoTimeZone(Address),
    /// The rows show that the masters use another zone.
    #[error("the rows contradict --time-zone {zone}: {seen}")]
    ZoneDisproved {
        /// The zone that was given.
        zone: String,
        /// What was seen.
        seen: String,
    },
    /// More than `--max-instances`.
    #[error("{found} instances would be handed over, more than the {limit} allowed")]
    TooMany {
        /// Found.
        found: usize,
        /// Allowed.
        limit: usize,
    },
    /// Tables whose engine has no transactions, or which another server commits by itself.
    #[error("{0} has no transactions: half a hand-over could not be undone")]
    NoTransactions(String),
    /// A lock of so short a session may be another client's before the database has ended our
    /// transaction.
    #[error(
        "the registry {endpoint} keeps a session that is silent for {granted:?} alone: its locks could pass to somebody \
         else while a transaction of this process is still open"
    )]
    ShortSession {
        /// The registry.
        endpoint: String,
        /// How long it keeps the session.
        granted: Duration,
    },
    /// What is to be written would be refused by the tables, or this user lacks a privilege.
    #[error(transparent)]
    CannotWrite(#[from] Obstacle),
    /// Neither confirmed on a terminal nor with `--yes`.
    #[error("not confirmed")]
    NotConfirmed,
    /// `watch` without `--yes` and without `--dry-run`.
    #[error("watch fails masters over without asking")]
    WatchWithoutConsent,
    /// No terminal to ask on, and no `--yes`.
    #[error("this writes to the metadata database, and there is no terminal for a confirmation")]
    CannotAsk,
    /// Several releases are possible, and a written value depends on which it is.
    #[error("the release is only known to be one of {releases}, and {fact} differs between them")]
    ReleaseUndecided {
        /// What is known.
        releases: VersionRange,
        /// What depends on it.
        fact: &'static str,
    },
}

impl Refusal {
    /// The next command, or what to look at.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoMastersNode { .. } => {
                "check --zk (with its chroot) and --namespace (the masters' registry.namespace, in 1.x \
                 zookeeper.dolphinscheduler.root); 'ls /' in zkCli.sh shows what is there"
                    .to_owned()
            }
            Self::NoMasters { jdbc, .. } => {
                let place = if *jdbc {
                    "check which registry the masters are configured with (registry.type): every \
                     database of 3.3 and newer \
                     has these tables, and if it is zookeeper, omit --registry jdbc and use --zk"
                } else {
                    "check --registry, --zk (with its chroot) and --namespace first: an old ensemble, the wrong namespace or a \
                     registry that is not in use looks the same, while the masters run elsewhere"
                };
                format!(
                    "{place}; if none runs, start one. Only if that is certain: \
                     --allow-no-masters takes every master for dead, and what is handed over \
                     waits for the first one that starts; if a master is alive, its workflows run \
                     twice"
                )
            }
            Self::Contradiction(_) => "check that --db and the registry (--registry, --zk, --namespace) belong to one cluster, \
                                       and that all its masters are of one release"
                .to_owned(),
            Self::MasterRegistered { address, older: Some(older), .. } if *older > 0 => format!(
                "{older} instances are older than its registration; 'dsctl instances {}' shows which. If the master was \
                 restarted, and its log shows that it does not work on these, --allow-restarted fails them over",
                shell_word(address.as_str())
            ),
            Self::MasterRegistered { .. } => "if its process is gone, its registration ends with its session; \
                                              'dsctl masters' shows it; if it was restarted, see --allow-restarted \
                                              and --time-zone"
                .to_owned(),
            Self::ShowsLife { address, .. } => format!(
                "it is left alone: make sure that its process has ended; when nothing new names it any more, \
                 'dsctl failover {}' does the rest",
                shell_word(address.as_str())
            ),
            Self::Paused { .. } => "the rest follows after dsctl watch --resume".to_owned(),
            Self::Storm(_) => "resume with dsctl watch --resume".to_owned(),
            Self::OthersAtWork(_) => "it is tried again when these locks are released".to_owned(),
            Self::CameAndWent(_) => "nothing of it was touched; run the same command again".to_owned(),
            Self::InDoubt(_) => "the clocks of this machine and of the masters may differ; if the master's process is gone, \
                                 wait until living masters have removed its registration"
                .to_owned(),
            Self::PersistentRegistration { node, .. } => format!(
                "real masters register with ephemeral nodes: this one was copied or made by hand. \
                 Make sure on its machine that the master does not run, then remove it with \
                 zkCli.sh: delete {node}"
            ),
            Self::NoTimeZone(_) => {
                "repeat with --time-zone ZONE (the masters' zone, for example UTC or Asia/Shanghai)".to_owned()
            }
            Self::ZoneDisproved { .. } => "repeat with the zone that the masters write times in, as a name or as an offset \
                                           (--time-zone=-05:00); masters of 3.2 and newer have \
                                           their host's, unless configured otherwise"
                .to_owned(),
            Self::TooMany { found, .. } => {
                format!("look at them with 'dsctl instances', then raise --max-instances {found}")
            }
            Self::NoTransactions(_) => {
                "where its rows are on another server (a foreign or FEDERATED table), --db must lead to that one; otherwise ALTER \
                 TABLE … ENGINE = InnoDB, as DolphinScheduler makes them; where it is a view, GRANT SHOW VIEW on it, so that \
                 the tables behind it are seen"
                    .to_owned()
            }
            Self::ShortSession { .. } => {
                "repeat with a longer --session-timeout; where that is longer, maxSessionTimeout of ZooKeeper's servers limits it"
                    .to_owned()
            }
            Self::CannotWrite(obstacle) => obstacle.hint(),
            Self::NotConfirmed => "nothing was written".to_owned(),
            Self::StrangeMasters { jdbc, .. } => {
                let place = if *jdbc {
                    "check that --db is this cluster's database and not a copy, and that these \
                     masters run"
                } else {
                    "check that --zk, --namespace and --db belong to one cluster"
                };
                format!("{place}; if all its masters have new addresses, repeat with --allow-new-masters")
            }
            Self::RecoveredLooksHanging(_) => {
                "check whether the instances run; if this master was never failed over, repeat \
                 with --allow-recovered"
                    .to_owned()
            }
            Self::WatchWithoutConsent => "see with --dry-run what it would do, then run it with \
                --yes".to_owned(),
            Self::CannotAsk => "repeat with --yes, or with --dry-run to see what would be done".to_owned(),
            Self::ReleaseUndecided { .. } => "repeat with --ds-version X.Y.Z".to_owned(),
        }
    }
}

/// Why a run ended early.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FailoverError {
    /// A safety check.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The registry, or the lock.
    #[error(transparent)]
    Registry(RegistryError),
    /// The database.
    #[error(transparent)]
    Database(DatabaseError),
    /// The schema.
    #[error(transparent)]
    Store(StoreError),
    /// The answer to COMMIT is lost, and the database could not be queried whether it happened.
    #[error("it is unknown whether the last batch was written: {cause}")]
    OutcomeUnknown {
        /// Why it could not be queried.
        cause: String,
        /// The batch.
        instances: Vec<InstanceId>,
    },
    /// SIGINT or SIGTERM; nothing is half written.
    #[error("ended by {0}")]
    Stopped(Stop),
}

// A signal interrupts calls in the layers below: from here on only the signal counts, whichever
// call it interrupted.

impl From<Stopped> for FailoverError {
    fn from(Stopped(stop): Stopped) -> Self {
        Self::Stopped(stop)
    }
}

impl From<RegistryError> for FailoverError {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Stopped(stopped) => stopped.into(),
            error => Self::Registry(error),
        }
    }
}

impl From<DatabaseError> for FailoverError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Stopped(stopped) => stopped.into(),
            error => Self::Database(error),
        }
    }
}

impl From<StoreError> for FailoverError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) => error.into(),
            error => Self::Store(error),
        }
    }
}

impl FailoverError {
    /// The exit code; `wrote` says whether anything was written before.
    #[must_use]
    pub fn exit_code(&self, wrote: bool) -> ExitCode {
        let written = |code| if wrote { ExitCode::Partial } else { code };
        match self {
            Self::Refused(_) | Self::Store(StoreError::Schema(_)) => written(ExitCode::Refused),
            Self::Registry(error) => registry_code(error, wrote),
            Self::Database(error) | Self::Store(StoreError::Database(error)) => {
                written(database_code(error))
            }
            Self::OutcomeUnknown { .. } => ExitCode::Unknown,
            Self::Stopped(Stop::Interrupt) => ExitCode::Interrupted,
            Self::Stopped(Stop::Terminate) => ExitCode::Terminated,
        }
    }

    /// Its name for scripts.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_)
            | Self::Registry(RegistryError::Doubtful { .. } | RegistryError::CounterSpent(_))
            | Self::Database(DatabaseError::Doubtful { .. })
            | Self::Store(StoreError::Database(DatabaseError::Doubtful { .. })) => "refused",
            Self::Registry(RegistryError::Held { .. }) => "lock_held",
            Self::Registry(RegistryError::LockLost { .. }) => "lock_lost",
            Self::Registry(RegistryError::Refused { .. })
            | Self::Database(_)
            | Self::Store(StoreError::Database(_)) => "database",
            Self::Registry(_) => "registry",
            Self::Store(StoreError::Schema(_)) => "schema",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::Stopped(_) => "stopped",
        }
    }

    /// What to do next; `wrote` says whether anything was written before.
    #[must_use]
    pub fn hint(&self, wrote: bool) -> Option<String> {
        match self {
            Self::Refused(refusal) => Some(refusal.hint()),
            Self::Registry(RegistryError::Held { path, holder: Some(holder), .. }) if holder.is_persistent() => {
                Some(about_persistent_lock(path, holder))
            }
            Self::Registry(RegistryError::NotAdmitted { barrier, .. }) => Some(barrier.hint()),
            Self::Registry(RegistryError::Held { holder: None, .. }) => Some(
                "its holder may have released it by now: run the same command again. In the JDBC \
                 registry a database transaction that does not end blocks it, too, which 'dsctl \
                 lock status' cannot show"
                    .to_owned(),
            ),
            Self::Registry(RegistryError::Held { .. }) => {
                Some("'dsctl lock status' shows holder and waiters; wait longer with --lock-timeout".to_owned())
            }
            Self::Registry(RegistryError::NotReleased { .. }) => Some(
                "it is removed with this session, when the registry is notified of its end or the \
                 session times out; 'dsctl lock \
                 status' shows it"
                    .to_owned(),
            ),
            Self::Registry(RegistryError::Interrupted { .. }) if !wrote => {
                Some("nothing was written; run the same command again".to_owned())
            }
            // A program that was run under the lock may have written.
            Self::Registry(RegistryError::LockLost { .. }) if !wrote => {
                Some("dsctl has written nothing; run the same command again".to_owned())
            }
            Self::Registry(RegistryError::LockLost { .. } | RegistryError::Interrupted { .. }) => {
                Some("what was written is valid; run the same command again for the \
                    rest".to_owned())
            }
            Self::Registry(RegistryError::Doubtful { .. }) => Some(about_doubt()),
            Self::Registry(RegistryError::Unreachable { .. }) => Some("check --zk and the network".to_owned()),
            Self::Registry(RegistryError::Refused { .. }) => Some(
                "the user of --db must be able to read the registry's tables \
                 (t_ds_jdbc_registry_*); for a lock it must also be able to write its row and a \
                 client's row there"
                    .to_owned(),
            ),
            Self::Registry(RegistryError::CounterSpent(path)) => Some(format!(
                "make sure that it is empty ('dsctl lock status'), and remove it with zkCli.sh: \
                 delete {path}; it is created again, and counts from 0"
            )),
            Self::Registry(RegistryError::Rejected { path, .. }) => Some(format!(
                "masters are refused there too: check 'stat {path}' and 'listquota' of it and of \
                 its parents in zkCli.sh"
            )),
            Self::Registry(RegistryError::Denied { .. }) => {
                Some("use the masters' own digest with --zk-digest-file".to_owned())
            }
            Self::Database(error) | Self::Store(StoreError::Database(error)) => database_hint(error),
            Self::Store(StoreError::Schema(error)) => Some(error.hint()),
            Self::OutcomeUnknown { .. } => Some(
                "when the database answers again, 'dsctl instances' shows it; running the same command again is safe"
                    .to_owned(),
            ),
            Self::Registry(_) => None,
            Self::Stopped(_) => Some("run the same command again for the rest".to_owned()),
        }
    }
}

/// What to do about a lock node that belongs to no session.
#[must_use]
pub fn about_persistent_lock(path: &str, node: &LockNode) -> String {
    let name = &node.node;
    format!(
        "{path}/{name} is a persistent node: it belongs to no session, so waiting longer is \
         useless. Masters wait for it too. If no program holds the lock with it, remove it with \
         zkCli.sh: delete {path}/{name}"
    )
}

/// The cause of an error that names only what failed.
#[must_use]
pub fn cause_of(error: &FailoverError) -> Option<String> {
    match error {
        FailoverError::Registry(RegistryError::Unreachable { cause, .. })
        | FailoverError::Database(
            DatabaseError::Unreachable { cause, .. }
            | DatabaseError::Lost { cause, .. }
            | DatabaseError::Exhausted { cause, .. },
        )
        | FailoverError::Store(StoreError::Database(
            DatabaseError::Unreachable { cause, .. }
            | DatabaseError::Lost { cause, .. }
            | DatabaseError::Exhausted { cause, .. },
        )) => Some(cause.clone()),
        _ => None,
    }
}

fn about_doubt() -> String {
    "use the address of the server that accepts writes in --db, not of one that answers in its \
     place; after a failover of the database run the same command again"
        .to_owned()
}

/// What MySQL's and MariaDB's limits of an account end with, in whatever language one is told of.
const PER_HOUR: &str = "_per_hour'";

fn about_limits() -> String {
    "the account in --db has a limit, which SHOW CREATE USER shows: raise it (ALTER USER ... WITH \
     MAX_QUERIES_PER_HOUR 0), or set its count back (FLUSH USER_RESOURCES), and run the same command \
     again; nothing is half written"
        .to_owned()
}

/// Of several servers each is named before its own cause.
fn is_of_tls(cause: &str) -> bool {
    cause.starts_with(NO_TLS) || cause.contains(&format!(": {NO_TLS}"))
}

fn database_hint(error: &DatabaseError) -> Option<String> {
    match error {
        DatabaseError::Unreachable { endpoint, .. } if endpoint.starts_with("sqlite:") => {
            Some("check the file's name in --db".to_owned())
        }
        // PgBouncer's words.
        DatabaseError::Unreachable { cause, .. } | DatabaseError::Lost { cause, .. }
            if cause.contains("statement pooling mode") =>
        {
            Some(
                "everything is read and written in transactions: use a PgBouncer pool with pool_mode=transaction or \
                 session, or the server itself"
                    .to_owned(),
            )
        }
        DatabaseError::Unreachable { cause, .. } if is_of_tls(cause) => Some(
            "change the server's certificate or settings; or connect without encryption, with \
             ssl-mode=disabled (MySQL, MariaDB) \
             or sslmode=disable (PostgreSQL) in --db"
                .to_owned(),
        ),
        DatabaseError::Exhausted { .. } => Some(about_limits()),
        DatabaseError::Unreachable { cause, .. } if cause.contains(PER_HOUR) => {
            Some(about_limits())
        }
        DatabaseError::Unreachable { cause, .. } => Some(
            login_hint(cause)
                .unwrap_or("check --db and the password's file; --db-password-file - asks for the password")
                .to_owned(),
        ),
        DatabaseError::UniqueViolation { .. } => Some(
            "an id was generated twice, as after an import: set the sequence (or AUTO_INCREMENT) \
             of t_ds_command above its highest id"
                .to_owned(),
        ),
        DatabaseError::Doubtful { .. } => Some(about_doubt()),
        // MySQL's 1153: the server closes the connection, and would do so again.
        DatabaseError::Lost { cause, .. } if cause.contains("max_allowed_packet") => Some(
            "nothing is half written; repeat with a smaller --batch, or raise the server's \
                max_allowed_packet"
                .to_owned(),
        ),
        DatabaseError::Lost { .. } => Some(
            "nothing is half written; run the same command \
            again"
                .to_owned(),
        ),
        DatabaseError::Refused { busy: true, .. } => Some(
            "another transaction is in conflict: run the same command again, or wait longer with \
             --timeout"
                .to_owned(),
        ),
        _ => None,
    }
}

fn registry_code(error: &RegistryError, wrote: bool) -> ExitCode {
    match error {
        RegistryError::Held { .. } if !wrote => ExitCode::LockHeld,
        RegistryError::Unreachable { .. }
        | RegistryError::NotAdmitted { .. }
        | RegistryError::Denied { .. }
        | RegistryError::Interrupted { .. }
        | RegistryError::NotReleased { .. }
            if !wrote =>
        {
            ExitCode::Unreachable
        }
        RegistryError::LockLost { .. }
        | RegistryError::Interrupted { .. }
        | RegistryError::NotReleased { .. } => ExitCode::Stopped,
        RegistryError::Doubtful { .. } | RegistryError::CounterSpent(_) if !wrote => {
            ExitCode::Refused
        }
        RegistryError::Unsupported(_) if !wrote => ExitCode::Usage,
        RegistryError::Refused { .. } | RegistryError::Rejected { .. } if !wrote => {
            ExitCode::Failure
        }
        _ => ExitCode::Partial,
    }
}

fn database_code(error: &DatabaseError) -> ExitCode {
    match error {
        DatabaseError::Unreachable { .. }
        | DatabaseError::Lost { .. }
        | DatabaseError::Exhausted { .. }
        | DatabaseError::Refused { busy: true, .. } => ExitCode::Unreachable,
        DatabaseError::Doubtful { .. } => ExitCode::Refused,
        _ => ExitCode::Failure,
    }
}
