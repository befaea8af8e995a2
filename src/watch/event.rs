//! The events of a watcher, each kind with its data. [`text`] renders them for people.

mod text;

use std::time::Duration;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use strum::{EnumDiscriminants, IntoStaticStr, VariantArray};

use crate::config::TypedOptions;
use crate::diagnosis::{Severity, Subject};
use crate::exit_code::ExitCode;
use crate::failover::FailoverError;
use crate::model::Address;

impl Kind {
    /// Every kind, in the order of the JSON contract.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Its name in the JSON contract.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        self.into()
    }
}

/// A source of data.
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

    /// Its name in the JSON contract (key `source`) and in the metrics' label.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Database => "database",
        }
    }

    /// The source that did not answer, if that is what the error says.
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
    /// When it happened, by this process's clock.
    pub time: Timestamp,
    /// What happened.
    pub what: What,
    /// What the next commands in its text need.
    pub typed: TypedOptions,
}

/// What happened: a variant for each kind of event. Its fields are the keys of an ndjson line,
/// after those that every line has (`time`, `event`, `master`, `text`). Fields that serde skips are
/// only for the text; `master` is one of the common keys.
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
    /// The loop has started: registry and database have both answered once.
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
        /// How many of its unfinished instances are older than its start; `null` if that is
        /// unknown.
        older_instances: Option<usize>,
        /// What is new about it.
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
        /// How much of it is left, as text.
        #[serde(skip)]
        guard: String,
        /// Why it starts again, if it does.
        #[serde(skip)]
        restarted_because: Option<&'static str>,
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
    /// A failover has ended.
    FailoverFinished {
        /// The master.
        #[serde(skip)]
        #[schemars(!skip)]
        master: Address,
        /// Its outcome.
        #[serde(flatten)]
        summary: Summary,
    },
    /// A guard or a safety check prevented a failover.
    FailoverRefused(Refused),
    /// Another client holds the lock.
    Standby {
        /// The master.
        #[serde(skip)]
        #[schemars(!skip)]
        master: Address,
        /// The outcome of the failover.
        #[serde(flatten)]
        summary: Summary,
        /// That the lock is held.
        #[serde(skip)]
        why: String,
        /// What is known about its holder.
        #[serde(skip)]
        holder: Vec<String>,
    },
    /// There are instances that hang and that no failover takes, or there are none any more.
    LeftAlone {
        /// How many.
        #[serde(flatten)]
        left: LeftAlone,
        /// The hosts that cannot be a master's address.
        #[serde(skip)]
        hosts: Vec<String>,
    },
    /// Something hangs that the diagnosis before did not find.
    FindingAppeared {
        /// What.
        #[serde(flatten)]
        finding: FindingBrief,
        /// The first facts that it rests on.
        #[serde(skip)]
        facts: Vec<String>,
        /// What to do.
        #[serde(skip)]
        next: String,
    },
    /// What was told to hang is found no more.
    FindingCleared {
        /// What was told.
        #[serde(flatten)]
        finding: FindingBrief,
    },
    /// An operator paused or resumed the loop.
    Paused(Switch),
    /// Registry or database failed; the loop goes on.
    Error(Fault),
    /// The loop has ended.
    Stopped {
        /// What the process ends with.
        #[schemars(schema_with = "exit_code")]
        exit_code: ExitCode,
        /// Whether only one round was requested (`--once`).
        #[serde(skip)]
        once: bool,
    },
}

/// What is new about a registration.
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
    /// Instances that were handed over, or, in a dry run, would be.
    pub recovered: usize,
    /// Instances that were left alone.
    pub skipped: usize,
    /// How many of these need an operator.
    pub need_help: usize,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// The exit code that `dsctl failover` would have.
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
    /// Handed over, but without a recovery command.
    pub orphans: u64,
    /// Their host cannot be a master's address.
    pub odd_hosts: u64,
    /// Their host is SQL NULL.
    pub no_host: u64,
    /// Handed over, and made failed ones as a master could not take them up.
    pub recovery_failed: u64,
}

/// What hangs, as `doctor` finds it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FindingBrief {
    /// Its code, which never changes its meaning.
    #[schemars(regex(pattern = "^DS-[0-9]{3}$"))]
    pub code: &'static str,
    /// How urgent it is.
    pub severity: Severity,
    /// Its code in words.
    pub title: &'static str,
    /// What it is about: its instances are those of the moment in which it was told.
    pub subject: Box<Subject>,
}

/// How a failover ended.
#[derive(Clone, Copy, Debug)]
pub enum FailoverEnd<'a> {
    /// It ran to its end; the exit code says whether something was left over.
    Finished(&'a Summary),
    /// It failed midway.
    Failed(&'a Summary),
    /// It was not started.
    Refused(&'a Refused),
}

/// What prevented a failover.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Refused {
    /// With `--once`: no master is registered at all.
    Nobody {
        /// What that means for the registry, and what to do.
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
        /// Which guard, as text.
        #[serde(skip)]
        guard: String,
    },
    /// A hook.
    Veto {
        /// The master.
        #[serde(skip)]
        #[schemars(!skip)]
        master: Address,
        /// Which one, and its outcome.
        #[serde(skip)]
        why: String,
    },
    /// A safety check, under the lock.
    Check {
        /// The master.
        #[serde(skip)]
        #[schemars(!skip)]
        master: Address,
        /// The outcome of the failover.
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

/// What an operator switched.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Switch {
    /// Paused or resumed the loop.
    Pause {
        /// Whether it is paused. In the text: by whom, and why.
        #[serde(rename = "paused", serialize_with = "whether")]
        #[schemars(with = "bool")]
        by: Option<(String, String)>,
    },
    /// Released the storm brake.
    Brake {
        /// Whether it is on, which is always `false`. In the text: why.
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
    /// The cluster cannot be opened, and retrying would not help: the loop does not start.
    Unusable {
        /// The source that did not answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(required)]
        source: Option<Source>,
        /// What is wrong.
        #[serde(skip)]
        why: String,
    },
    /// A round.
    Round {
        /// The source that did not answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(required)]
        source: Option<Source>,
        /// When the next attempt is made.
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
        /// The source that did not answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(required)]
        source: Option<Source>,
        /// Its outcome.
        #[serde(flatten)]
        summary: Summary,
        /// What is wrong.
        #[serde(skip)]
        why: String,
    },
    /// Events were not read in time and were dropped.
    Untold {
        /// How many were dropped.
        untold: u64,
    },
    /// The state cannot be saved.
    Unsaved {
        /// Why not.
        #[serde(skip)]
        why: String,
        /// Whether only one round was requested (`--once`).
        #[serde(skip)]
        once: bool,
    },
    /// A file for other programs cannot be written.
    Unwritable {
        /// Which one, and why.
        #[serde(skip)]
        why: String,
    },
    /// What hangs could not be found out.
    Diagnosis {
        /// The source that did not answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(required)]
        source: Option<Source>,
        /// What is wrong.
        #[serde(skip)]
        why: String,
    },
    /// The settings cannot be reloaded.
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
    /// An event that happens now.
    fn from(what: What) -> Self {
        Self {
            time: Timestamp::now(),
            what,
            typed: TypedOptions::default(),
        }
    }
}

impl Event {
    /// The line for people, with its time.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("{:.0} {}", self.time, self.to_text())
    }

    /// The same without the time.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.typed.complete(&self.what.to_text())
    }

    /// What happened, as text: without the kind and the master.
    #[must_use]
    pub fn text(&self) -> String {
        self.typed.complete(&self.what.to_string())
    }
}

impl What {
    /// How a failover ended, if the event is about that.
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
                | Fault::Unsaved { .. }
                | Fault::Unwritable { .. }
                | Fault::Diagnosis { .. }
                | Fault::Settings { .. },
            )
            | Self::Started { .. }
            | Self::MasterRegistered { .. }
            | Self::MasterLost { .. }
            | Self::GraceStarted { .. }
            | Self::FailoverStarted { .. }
            | Self::Standby { .. }
            | Self::LeftAlone { .. }
            | Self::FindingAppeared { .. }
            | Self::FindingCleared { .. }
            | Self::Paused(_)
            | Self::Stopped { .. } => None,
        }
    }

    /// Its kind.
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
            | Self::FindingAppeared { .. }
            | Self::FindingCleared { .. }
            | Self::Paused(_)
            | Self::Error(
                Fault::Unusable { .. }
                | Fault::Round { .. }
                | Fault::Untold { .. }
                | Fault::Unsaved { .. }
                | Fault::Unwritable { .. }
                | Fault::Diagnosis { .. }
                | Fault::Settings { .. },
            )
            | Self::Stopped { .. } => None,
        }
    }

    /// The line for readers that add the time themselves, such as the journal.
    #[must_use]
    pub fn to_text(&self) -> String {
        let master = self
            .master()
            .map(|master| format!(" {master}"))
            .unwrap_or_default();
        format!("{}{master}: {self}", self.kind().keyword())
    }
}
