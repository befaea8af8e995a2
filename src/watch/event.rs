//! What a watcher tells: one line each, for people or as ndjson.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::exit_code::ExitCode;
use crate::failover::FailoverError;
use crate::model::Address;

/// The kinds of events, as the JSON contract has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The loop has begun: both stores answered once.
    Started,
    /// A master has a registration that was not there before: another address, session or start-up time.
    MasterRegistered,
    /// A registration is gone.
    MasterLost,
    /// A master with unfinished instances is missing, and its grace time runs.
    GraceStarted,
    /// A failover begins.
    FailoverStarted,
    /// A failover is done.
    FailoverFinished,
    /// A guard or a safety check held a failover back.
    FailoverRefused,
    /// Somebody else holds the lock.
    Standby,
    /// There are unfinished instances that no failover takes, or there are none any more.
    LeftAlone,
    /// An operator paused the loop, or let it go on.
    Paused,
    /// Registry or database failed; the loop goes on.
    Error,
    /// The loop has ended.
    Stopped,
}

impl Kind {
    /// Every kind, in the order of the contract.
    pub const ALL: [Self; 12] = [
        Self::Started,
        Self::MasterRegistered,
        Self::MasterLost,
        Self::GraceStarted,
        Self::FailoverStarted,
        Self::FailoverFinished,
        Self::FailoverRefused,
        Self::Standby,
        Self::LeftAlone,
        Self::Paused,
        Self::Error,
        Self::Stopped,
    ];

    /// The word of the contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::MasterRegistered => "master_registered",
            Self::MasterLost => "master_lost",
            Self::GraceStarted => "grace_started",
            Self::FailoverStarted => "failover_started",
            Self::FailoverFinished => "failover_finished",
            Self::FailoverRefused => "failover_refused",
            Self::Standby => "standby",
            Self::LeftAlone => "left_alone",
            Self::Paused => "paused",
            Self::Error => "error",
            Self::Stopped => "stopped",
        }
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
            FailoverError::Database(_) | FailoverError::Store(_) | FailoverError::OutcomeUnknown { .. } => {
                Some(Self::Database)
            }
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
    pub kind: Kind,
    /// The master that it is about.
    pub master: Option<Address>,
    /// In words, for people.
    pub text: String,
    /// Of an error: who did not answer.
    pub source: Option<Source>,
    /// Further keys, for programs.
    pub details: Map<String, Value>,
}

impl Event {
    /// An event of now.
    #[must_use]
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { time: Timestamp::now(), kind, master: None, text: text.into(), source: None, details: Map::new() }
    }

    /// About a master.
    #[must_use]
    pub fn about(mut self, master: &Address) -> Self {
        self.master = Some(master.clone());
        self
    }

    /// Of an error: who did not answer.
    #[must_use]
    pub fn from(mut self, source: Option<Source>) -> Self {
        self.source = source;
        self
    }

    /// With a further key.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// Whether a failover that it tells of has left nothing that needs somebody.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let code = self.details.get("exit_code").and_then(Value::as_u64);
        code.is_none_or(|code| code == u64::from(ExitCode::Done.number()))
    }

    /// The line for people.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("{:.0} {}", self.time, self.to_words())
    }

    /// The line where somebody else keeps the time.
    #[must_use]
    pub fn to_words(&self) -> String {
        let master = self.master.as_ref().map(|master| format!(" {master}")).unwrap_or_default();
        format!("{}{master}: {}", self.kind.word(), self.text)
    }
}
