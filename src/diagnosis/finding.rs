//! A finding: something that hangs or is about to, with evidence and remedy.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantNames};

use crate::model::InstanceId;

/// How urgent a finding is.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    EnumString,
    IntoStaticStr,
    VariantNames,
    Serialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Severity {
    /// Something hangs: if it goes on, somebody has to do something.
    Act,
    /// It may be normal: look at it.
    Look,
    /// Good to know.
    Note,
}

impl Severity {
    /// Its name in the JSON contract.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        self.into()
    }
}

/// A kind of finding, as `dsctl doctor --explain` shows it.
#[derive(Debug)]
pub struct FindingKind {
    /// It never changes its meaning, for example `DS-001`.
    pub code: &'static str,
    /// One line.
    pub title: &'static str,
    /// How urgent a finding of this kind is.
    pub severity: Severity,
    /// What it means for the workflows.
    pub meaning: &'static str,
    /// Why it happens.
    pub causes: &'static [&'static str],
    /// Numbers of issues and pull requests of `apache/dolphinscheduler` about it.
    pub upstream: &'static [u32],
    /// What to do.
    pub remedy: &'static str,
}

/// A fact that a finding rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Evidence {
    /// Where it was read: `registry` or `database`, and the path or table.
    pub source: String,
    /// What was read there.
    pub fact: String,
}

impl Evidence {
    /// A fact.
    pub fn new(source: impl Into<String>, fact: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            fact: fact.into(),
        }
    }
}

/// What to do about a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Remedy {
    /// In words.
    pub text: String,
    /// The next command, which writes nothing.
    pub command: Option<String>,
}

/// What a finding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Subject {
    /// The address of a master, or the text in its place.
    pub master: Option<String>,
    /// Ids of process instances: the first ones.
    pub instance_ids: Vec<InstanceId>,
    /// How many instances there are.
    pub instances: usize,
    /// Ids of waiting commands: the first ones.
    pub command_ids: Vec<i64>,
    /// The name of a worker group.
    pub worker_group: Option<String>,
    /// The path of a lock.
    pub lock: Option<String>,
    /// The path of a node, or the key of an entry in the registry.
    pub node: Option<String>,
}

/// How many ids of a kind are named.
const NAMED: usize = 20;

impl Subject {
    /// A master.
    pub fn master(address: impl Into<String>) -> Self {
        Self {
            master: Some(address.into()),
            ..Self::default()
        }
    }

    /// The same, with instances.
    #[must_use]
    pub fn of_instances(self, ids: &[InstanceId]) -> Self {
        Self {
            instance_ids: ids.iter().take(NAMED).copied().collect(),
            instances: ids.len(),
            ..self
        }
    }

    /// The shortest text that says what is meant.
    #[must_use]
    pub fn shown(&self) -> Option<String> {
        let Self {
            master,
            instance_ids,
            instances,
            command_ids: _,
            worker_group,
            lock,
            node,
        } = self;
        let of_instances = || match instance_ids.as_slice() {
            [] => None,
            [one] => Some(format!("instance {one}")),
            _ => Some(format!("{instances} instances")),
        };
        let group = worker_group
            .as_ref()
            .map(|name| format!("worker group {name}"));
        master
            .clone()
            .or(group)
            .or_else(of_instances)
            .or_else(|| lock.clone())
            .or_else(|| node.clone())
    }

    /// The same, with commands.
    #[must_use]
    pub fn of_commands(self, ids: &[i64]) -> Self {
        Self {
            command_ids: ids.iter().take(NAMED).copied().collect(),
            ..self
        }
    }
}

/// Until when a finding is no alarm, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Muted {
    /// From this moment on it is one.
    pub until: Timestamp,
    /// As the configuration file says.
    pub reason: String,
}

/// Something that hangs or is about to.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its kind.
    pub kind: &'static FindingKind,
    /// What it is about.
    pub subject: Subject,
    /// Whether it may pass by itself in a moment.
    pub is_unproven: bool,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// What DolphinScheduler does about it by itself, and when; `None` if nothing.
    pub by_itself: Option<&'static str>,
    /// What to do.
    pub remedy: Remedy,
    /// Whether it is muted; no check says so.
    pub muted: Option<Muted>,
}

impl Finding {
    /// How urgent it is: what is not proven is to be looked at.
    #[must_use]
    pub fn severity(&self) -> Severity {
        if self.is_unproven {
            self.kind.severity.max(Severity::Look)
        } else {
            self.kind.severity
        }
    }

    /// A finding that nothing mends by itself, with its kind's remedy and no command yet.
    pub(super) fn new(kind: &'static FindingKind, subject: Subject) -> Self {
        Self {
            kind,
            subject,
            is_unproven: false,
            evidence: Vec::new(),
            by_itself: None,
            remedy: Remedy {
                text: kind.remedy.to_owned(),
                command: None,
            },
            muted: None,
        }
    }

    /// The same, with one more fact.
    pub(super) fn fact(mut self, source: impl Into<String>, fact: impl Into<String>) -> Self {
        self.evidence.push(Evidence::new(source, fact));
        self
    }

    /// The same, with the next command.
    pub(super) fn next(mut self, command: impl Into<String>) -> Self {
        self.remedy.command = Some(command.into());
        self
    }
}

/// What the command table says of instances that nobody starts.
pub(super) const UNNAMED: &str = "no waiting command names them";

/// One finding about all of these instances, if there are any: a run that failed has many.
pub(super) fn about_all(
    kind: &'static FindingKind,
    ids: &[InstanceId],
    commands: &[i64],
    with_facts: impl FnOnce(Finding) -> Finding,
) -> Vec<Finding> {
    let subject = Subject::default().of_instances(ids).of_commands(commands);
    let finding = (!ids.is_empty()).then(|| with_facts(Finding::new(kind, subject)));
    finding.into_iter().collect()
}

/// `2 instances (11, 12)`; of many the first ones.
pub(super) fn counted(ids: &[i64], what: &str) -> String {
    let names: Vec<String> = ids.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if ids.len() > NAMED { ", …" } else { "" };
    let plural = if ids.len() == 1 { "" } else { "s" };
    format!("{} {what}{plural} ({}{more})", ids.len(), names.join(", "))
}
