//! What a watcher tells: the kinds of events, each with its data. The text that people read is made
//! of it in [`text`].

mod text;

use std::time::Duration;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use strum::{EnumDiscriminants, IntoStaticStr, VariantArray};

use crate::exit_code::ExitCode;
use crate::failover::FailoverError;
use crate::model::Address;

impl Kind {
    /// Every kind, in the order of the contract.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The word of the contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// Where facts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The registry.
    Registry,
    /// The metadata database.
    Database,
}

impl Source {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Registry, Self::Database];

    /// The word of the contract: of the key `source`, and of the metrics' label.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Database => "database",
        }
    }

    /// Who did not answer, where that is what an error says.
    #[must_use]
    pub fn of(error: &FailoverError) -> Option<Self> {
        match error {
            FailoverError::Registry(_) => Some(Self::Registry),
            FailoverError::Database(_)
            | FailoverError::Store(_)
            | FailoverError::OutcomeUnknown { .. } => Some(Self::Database),
            FailoverError::Refused(_) | FailoverError::Stopped(_) => None,
        }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it happened, by our clock.
    pub time: Timestamp,
    /// What happened.
    pub what: What,
}

/// What happened: a variant for each kind of event. Its fields are the keys of a line for programs,
/// behind those that every line has (`time`, `event`, `master`, `text`). What serde skips is there
/// for the text alone; a `master` stands among the common keys.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, EnumDiscriminants)]
#[serde(untagged)]
#[schemars(!untagged, tag = "event", rename_all = "snake_case")]
#[strum_discriminants(
    doc = "The kinds of events, as the JSON contract and the metrics' label have them.",
    name(Kind),
    derive(PartialOrd, Ord, IntoStaticStr, VariantArray),
    strum(serialize_all = "snake_case")
)]
pub enum What {
    /// The loop has begun: both stores answered once.
    Started {
        /// Where the registry is.
        registry: String,
        /// Where the metadata database is.
        database: String,
        /// Whether nothing is written.
        dry_run: bool,
        /// How many masters are registered.
        #[serde(skip)]
        masters: usize,
        /// How long a master must be gone.
        #[serde(skip)]
        grace: Duration,
    },
    /// A master has a registration that was not there before: another address, session or start-up
    /// time.
    MasterRegistered {
        /// The master.
        #[serde(skip)]
        #[schemars(!skip)]
        master: Address,
        /// The session that made its registration.
        session_id: Option<String>,
        /// How many of its unfinished instances are older than its start; `null` where that cannot
        /// be told.
        older_instances: Option<usize>,
        /// What of it is new.
        #[serde(skip)]
        news: News,
    },
    /// A registration is gone.
    MasterLost {
        /// The master.
        #[serde(skip)]
        #[schemars(!skip)]
        master: Address,
        /// The session that had made its registration.
        session_id: Option<String>,
    },
    /// A master with unfinished instances is missing, and its grace time runs.
    GraceStarted {
        /// The master.
        #[serde(skip)]
        #[schemars(!skip)]
        master: Address,
        /// Its unfinished instances.
        unfinished_instances: i64,
        /// How long it runs still, in words.
        #[serde(skip)]
        guard: String,
        /// Why it begins anew, if it does.
        #[serde(skip)]
        anew: Option<&'static str>,
    },
    /// A failover begins.
    FailoverStarted {
        /// The master.
        #[serde(skip)]
        #[schemars(!skip)]
        master: Address,
        /// Whether nothing is written.
        dry_run: bool,
        /// Its unfinished instances.
        #[serde(skip)]
        unfinished: i64,
    },
    /// A failover is done.
    FailoverFinished {
        /// The master.
        #[serde(skip)]
        #[schemars(!skip)]
        master: Address,
        /// What it came to.
        #[serde(flatten)]
        summary: Summary,
    },
    /// A guard or a safety check held a failover back.
    FailoverRefused(Refused),
    /// Somebody else holds the lock.
    Standby {
        /// The master.
        #[serde(skip)]
        #[schemars(!skip)]
        master: Address,
        /// What the failover came to.
        #[serde(flatten)]
        summary: Summary,
        /// That the lock is held.
        #[serde(skip)]
        why: String,
        /// What is known of who holds it.
        #[serde(skip)]
        holder: Vec<String>,
    },
    /// There are instances that hang and that no failover takes, or there are none any more.
    LeftAlone {
        /// How many.
        #[serde(flatten)]
        left: LeftAlone,
        /// The hosts that can be no master's.
        #[serde(skip)]
        hosts: Vec<String>,
    },
    /// An operator paused the loop, or let it go on.
    Paused(Switch),
    /// Registry or database failed; the loop goes on.
    Error(Fault),
    /// The loop has ended.
    Stopped {
        /// What the process ends with.
        #[schemars(schema_with = "exit_code")]
        exit_code: ExitCode,
        /// Whether one round was all that it was to do.
        #[serde(skip)]
        once: bool,
    },
}

/// What is new of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// All of it.
    Master,
    /// The session.
    Session,
    /// The start-up time.
    Start,
}

/// What a failover came to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Summary {
    /// Instances that were handed over; in a dry run, that would be.
    pub recovered: usize,
    /// Instances that were left alone.
    pub skipped: usize,
    /// How many of these need somebody.
    pub need_help: usize,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// What `dsctl failover` would have ended with.
    #[schemars(schema_with = "exit_code")]
    pub exit_code: ExitCode,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// The paths of the locks that were taken, in order.
    pub locks: Vec<String>,
}

/// How many instances nobody fails over, by what is the matter with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftAlone {
    /// Handed over, and without a command.
    pub orphans: u64,
    /// Their host can be no master's address.
    pub odd_hosts: u64,
    /// Their host is SQL NULL.
    pub no_host: u64,
    /// Handed over, and made failed ones as a master could not take them up.
    pub recovery_failed: u64,
}

/// How a failover ended.
#[derive(Clone, Copy, Debug)]
pub enum FailoverEnd<'a> {
    /// It came to its end; its exit code says whether something was left over.
    Finished(&'a Summary),
    /// It broke off.
    Failed(&'a Summary),
    /// It was held back.
    Refused(&'a Refused),
}

/// What held a failover back.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Refused {
    /// In a single round: no master is registered at all.
    Nobody {
        /// What that says of the registry, and what to do.
        #[serde(skip)]
        why: String,
    },
    /// A guard.
    Guard {
        /// The master.
        #[serde(skip)]
        #[schemars(!skip)]
        master: Address,
        /// Its unfinished instances.
        unfinished_instances: i64,
        /// Which guard, in words.
        #[serde(skip)]
        guard: String,
    },
    /// A hook.
    Veto {
        /// The master.
        #[serde(skip)]
        #[schemars(!skip)]
        master: Address,
        /// Which one, and what it came to.
        #[serde(skip)]
        why: String,
    },
    /// A safety check, under the lock.
    Check {
        /// The master.
        #[serde(skip)]
        #[schemars(!skip)]
        master: Address,
        /// What the failover came to.
        #[serde(flatten)]
        summary: Summary,
        /// Which check, and what to do.
        #[serde(skip)]
        why: String,
        /// Whether anything was committed before.
        #[serde(skip)]
        wrote: bool,
    },
}

/// What an operator did.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Switch {
    /// Paused the loop, or let it go on.
    Pause {
        /// Whether it is paused. To people: by whom, and why.
        #[serde(rename = "paused", serialize_with = "whether")]
        #[schemars(with = "bool")]
        by: Option<(String, String)>,
    },
    /// Released the storm brake.
    Brake {
        /// Whether it is on, which it is no longer. To people: why.
        #[serde(rename = "storm_brake")]
        #[schemars(with = "bool")]
        why: Released,
    },
}

/// Why the storm brake is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// An operator has resumed.
    Resumed,
    /// It was another cluster's.
    Another,
}

/// What failed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Fault {
    /// The cluster, in a way that does not mend itself: the loop does not begin.
    Unusable {
        /// Who did not answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(required)]
        source: Option<Source>,
        /// What is wrong.
        #[serde(skip)]
        why: String,
    },
    /// A round.
    Round {
        /// Who did not answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(required)]
        source: Option<Source>,
        /// When it is tried again.
        retry_after_seconds: f64,
        /// What is wrong.
        #[serde(skip)]
        why: String,
    },
    /// A failover.
    Failover {
        /// The master.
        #[serde(skip)]
        #[schemars(!skip)]
        master: Address,
        /// Who did not answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(required)]
        source: Option<Source>,
        /// What it came to.
        #[serde(flatten)]
        summary: Summary,
        /// What is wrong.
        #[serde(skip)]
        why: String,
    },
    /// Nobody read events in time.
    Untold {
        /// How many were left out.
        untold: u64,
    },
    /// The memory cannot be kept.
    Unkept {
        /// Why not.
        #[serde(skip)]
        why: String,
        /// Whether one round was all that the loop was to do.
        #[serde(skip)]
        once: bool,
    },
    /// A file for others cannot be written.
    Unwritable {
        /// Which one, and why.
        #[serde(skip)]
        why: String,
    },
    /// The settings cannot be read again.
    Settings {
        /// Why not.
        #[serde(skip)]
        why: String,
    },
}

fn exit_code(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ExitCode::ALL.iter().map(|code| code.number()).collect::<Vec<_>>() })
}

#[allow(clippy::ref_option, reason = "serde hands a field over as it is")]
fn whether<T, S: Serializer>(field: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(field.is_some())
}

impl Serialize for Released {
    /// Whether the brake is on.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(false)
    }
}

impl From<What> for Event {
    /// An event of now.
    fn from(what: What) -> Self {
        Self {
            time: Timestamp::now(),
            what,
        }
    }
}

impl Event {
    /// The line for people.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("{:.0} {}", self.time, self.what.to_words())
    }
}

impl What {
    /// How a failover ended, where that is what is told.
    #[must_use]
    pub fn failover_end(&self) -> Option<FailoverEnd<'_>> {
        match self {
            Self::FailoverFinished { summary, .. } => Some(FailoverEnd::Finished(summary)),
            Self::Error(Fault::Failover { summary, .. }) => Some(FailoverEnd::Failed(summary)),
            Self::FailoverRefused(refused) => Some(FailoverEnd::Refused(refused)),
            Self::Error(
                Fault::Unusable { .. }
                | Fault::Round { .. }
                | Fault::Untold { .. }
                | Fault::Unkept { .. }
                | Fault::Unwritable { .. }
                | Fault::Settings { .. },
            )
            | Self::Started { .. }
            | Self::MasterRegistered { .. }
            | Self::MasterLost { .. }
            | Self::GraceStarted { .. }
            | Self::FailoverStarted { .. }
            | Self::Standby { .. }
            | Self::LeftAlone { .. }
            | Self::Paused(_)
            | Self::Stopped { .. } => None,
        }
    }

    /// The kind that it is of.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.into()
    }

    /// The master that it is about.
    #[must_use]
    pub fn master(&self) -> Option<&Address> {
        match self {
            Self::MasterRegistered { master, .. }
            | Self::MasterLost { master, .. }
            | Self::GraceStarted { master, .. }
            | Self::FailoverStarted { master, .. }
            | Self::FailoverFinished { master, .. }
            | Self::FailoverRefused(
                Refused::Guard { master, .. }
                | Refused::Veto { master, .. }
                | Refused::Check { master, .. },
            )
            | Self::Standby { master, .. }
            | Self::Error(Fault::Failover { master, .. }) => Some(master),
            Self::Started { .. }
            | Self::FailoverRefused(Refused::Nobody { .. })
            | Self::LeftAlone { .. }
            | Self::Paused(_)
            | Self::Error(
                Fault::Unusable { .. }
                | Fault::Round { .. }
                | Fault::Untold { .. }
                | Fault::Unkept { .. }
                | Fault::Unwritable { .. }
                | Fault::Settings { .. },
            )
            | Self::Stopped { .. } => None,
        }
    }

    /// The line where somebody else keeps the time.
    #[must_use]
    pub fn to_words(&self) -> String {
        let master = self
            .master()
            .map(|master| format!(" {master}"))
            .unwrap_or_default();
        format!("{}{master}: {self}", self.kind().word())
    }
}
