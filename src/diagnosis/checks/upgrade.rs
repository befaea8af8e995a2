//! What must be empty before an upgrade, and what one has left behind.

use std::collections::BTreeMap;

use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, Subject, about_all, counted};
use crate::diagnosis::snapshot::Snapshot;
use crate::failover::Refusal;
use crate::metadata::UpgradeFacts;
use crate::model::{InstanceId, Registrations};

/// Those that make no sense but before or after an upgrade.
pub(super) const ALL: [&Check; 7] = [
    &UNENDED,
    &COMMANDS,
    &QUEUES,
    &SERVERS,
    &UNKNOWN_STATES,
    &OLD_PARAMETERS,
    &SCHEDULES,
];

/// DS-040.
pub(super) const UNENDED: Check = Check {
    kind: &FindingKind {
        code: "DS-040",
        title: "workflows that have not ended",
        severity: Severity::Act,
        meaning: "No script of an upgrade looks at instances: what runs across one is read by masters of \
            another release, which know other states, other parameters and other tables. From 3.3 on its recovery \
            fails, and from 3.4 on that ends it.",
        causes: &[
            "workflows run, or wait",
            "they have hung since long: see dsctl doctor without a profile",
            "after an upgrade: they were not ended before it",
        ],
        upstream: &[16878],
        remedy: "before an upgrade let them end, or stop them in DolphinScheduler, and take the schedules \
            offline. After one, see that their tasks have ended, and start the workflows anew",
    },
    find: unended,
};

/// DS-041.
pub(super) const COMMANDS: Check = Check {
    kind: &FindingKind {
        code: "DS-041",
        title: "commands that wait for a master",
        severity: Severity::Act,
        meaning: "Masters of another release read them by their own rules.",
        causes: &["schedules are online, or workflows were started, and no master has taken them"],
        upstream: &[16878],
        remedy: "let the masters take them, with all schedules offline, before they are stopped",
    },
    find: commands,
};

/// DS-042.
pub(super) const QUEUES: Check = Check {
    kind: &FindingKind {
        code: "DS-042",
        title: "queues that are not empty",
        severity: Severity::Act,
        meaning: "Serial queues and task groups keep who waits for them across an upgrade: what is not there \
            any more after it holds up the others.",
        causes: &["workflows run, or wait", "slots were not given back"],
        upstream: &[],
        remedy: "let all workflows end; what is left in t_ds_serial_command or t_ds_task_group_queue then \
            belongs to none",
    },
    find: queues,
};

/// DS-043.
pub(super) const SERVERS: Check = Check {
    kind: &FindingKind {
        code: "DS-043",
        title: "servers that still run, or may do so",
        severity: Severity::Act,
        meaning: "Upstream's guide says to stop all services before an upgrade: what runs writes into tables \
            that the script changes.",
        causes: &["masters, workers or somebody with a failover lock are still there"],
        upstream: &[],
        remedy: "stop masters, workers, API and alert servers once nothing runs or waits any more",
    },
    find: servers,
};

/// DS-044.
pub(super) const UNKNOWN_STATES: Check = Check {
    kind: &FindingKind {
        code: "DS-044",
        title: "instances in states that masters of this release do not know",
        severity: Severity::Act,
        meaning: "They are of a release that had more states: this one's servers cannot read them, and nothing \
            goes on with them.",
        causes: &["they had not ended when the cluster was upgraded"],
        upstream: &[],
        remedy: "see that their tasks have ended, and set the instances to their end by hand",
    },
    find: unknown_states,
};

/// DS-045.
pub(super) const OLD_PARAMETERS: Check = Check {
    kind: &FindingKind {
        code: "DS-045",
        title: "unfinished instances with the parameter of an older release",
        severity: Severity::Act,
        meaning: "Masters of 3.3 and newer look for a command type in the parameter of an instance: without \
            one every recovery of it fails, and from 3.4 on a failed recovery ends it.",
        causes: &["they were started before an upgrade to 3.3 or newer"],
        upstream: &[16878],
        remedy: "hand them over to nobody: see that their tasks have ended, and start the workflows anew",
    },
    find: old_parameters,
};

/// DS-046.
pub(super) const SCHEDULES: Check = Check {
    kind: &FindingKind {
        code: "DS-046",
        title: "workflows with several schedules",
        severity: Severity::Look,
        meaning: "The upgrade to 3.3.2 and newer makes the workflow's code unique among the schedules: its \
            script fails at the first workflow that has two.",
        causes: &["rows of t_ds_schedules that no page shows"],
        upstream: &[],
        remedy: "delete all schedules but one of each in DolphinScheduler before an upgrade",
    },
    find: schedules,
};

fn facts(snapshot: &Snapshot) -> Option<&UpgradeFacts> {
    snapshot.upgrade.as_ref()
}

fn unended(snapshot: &Snapshot) -> Vec<Finding> {
    let Some(facts) = facts(snapshot) else {
        return Vec::new();
    };
    let ids: Vec<InstanceId> = facts.unended.iter().map(|(id, _)| *id).collect();
    about_all(UNENDED.kind, &ids, &[], |finding| {
        let mut states: BTreeMap<Option<i64>, usize> = BTreeMap::new();
        for (_, state) in &facts.unended {
            *states.entry(*state).or_default() += 1;
        }
        let each = states.into_iter().map(|(state, count)| {
            let name = snapshot.release.family.state_keyword(state);
            match state {
                Some(code) => format!("{count} {name} ({code})"),
                None => format!("{count} without a state"),
            }
        });
        finding
            .fact(snapshot.table(), counted(&ids, "instance"))
            .fact(snapshot.table(), each.collect::<Vec<String>>().join(", "))
            .next("dsctl instances")
    })
}

fn commands(snapshot: &Snapshot) -> Vec<Finding> {
    let Some(ids) = facts(snapshot).map(|facts| &facts.commands) else {
        return Vec::new();
    };
    if ids.is_empty() {
        return Vec::new();
    }
    let finding = Finding::new(COMMANDS.kind, Subject::default().of_commands(ids))
        .fact(snapshot.command_table(), counted(ids, "waiting command"));
    vec![finding.next("dsctl commands")]
}

fn queues(snapshot: &Snapshot) -> Vec<Finding> {
    let Some(facts) = facts(snapshot) else {
        return Vec::new();
    };
    let queues = [
        (facts.serial_rows, "t_ds_serial_command"),
        (facts.queued_tasks, "t_ds_task_group_queue"),
    ];
    let mut finding = Finding::new(QUEUES.kind, Subject::default());
    for (count, table) in queues {
        if let Some(count) = count.filter(|count| *count > 0) {
            finding = finding.fact(
                format!("database {table}"),
                format!("rows that have or wait for a turn: {count}"),
            );
        }
    }
    let found = (!finding.evidence.is_empty()).then_some(finding);
    found.into_iter().collect()
}

fn servers(snapshot: &Snapshot) -> Vec<Finding> {
    if facts(snapshot).is_none() {
        return Vec::new();
    }
    let mut finding = Finding::new(SERVERS.kind, Subject::default());
    for (servers, what) in [
        (&snapshot.masters, "masters"),
        (&snapshot.workers, "workers"),
    ] {
        let Registrations {
            parent, servers, ..
        } = servers;
        if !servers.is_empty() {
            let addresses: Vec<&str> = servers.iter().map(|one| one.address.as_str()).collect();
            finding = finding.fact(
                format!("registry {parent}"),
                format!("{what}: {}", addresses.join(", ")),
            );
        }
    }
    if let Some(doubt) = snapshot.doubt.as_ref().filter(|doubt| !is_empty(doubt)) {
        finding = finding.fact(
            format!("registry {}", snapshot.masters.parent),
            format!("whether any runs is not known: {doubt}"),
        );
        let text = doubt.hint();
        finding.remedy.text = format!("{}; {text}", finding.remedy.text);
    }
    for lock in snapshot.locks.iter().filter(|lock| !lock.nodes.is_empty()) {
        finding = finding.fact(
            format!("registry {}", lock.path),
            "somebody holds this lock",
        );
    }
    let found = (!finding.evidence.is_empty()).then_some(finding);
    found.into_iter().collect()
}

/// Whether it is only that no master runs.
fn is_empty(doubt: &Refusal) -> bool {
    matches!(doubt, Refusal::NoMasters { .. })
}

fn unknown_states(snapshot: &Snapshot) -> Vec<Finding> {
    let Some(facts) = facts(snapshot) else {
        return Vec::new();
    };
    let family = snapshot.release.family;
    let is_unknown = |state: i64| family.state_name(state).is_none();
    let unknown = facts
        .unended
        .iter()
        .filter(|(_, state)| state.is_none_or(is_unknown));
    let ids: Vec<InstanceId> = unknown.map(|(id, _)| *id).collect();
    about_all(UNKNOWN_STATES.kind, &ids, &[], |finding| {
        finding.fact(
            snapshot.table(),
            format!(
                "{} without a state of {}",
                counted(&ids, "instance"),
                family.label
            ),
        )
    })
}

fn old_parameters(snapshot: &Snapshot) -> Vec<Finding> {
    let ids = facts(snapshot).map_or(&[][..], |facts| &facts.old_parameters);
    about_all(OLD_PARAMETERS.kind, ids, &[], |finding| {
        finding.fact(
            snapshot.table(),
            format!(
                "command_param without a commandType: {}",
                counted(ids, "instance")
            ),
        )
    })
}

fn schedules(snapshot: &Snapshot) -> Vec<Finding> {
    let codes = facts(snapshot).map_or(&[][..], |facts| &facts.several_schedules);
    if codes.is_empty() {
        return Vec::new();
    }
    let source = format!("database {}", snapshot.release.family.tables.schedule);
    vec![
        Finding::new(SCHEDULES.kind, Subject::default())
            .fact(source, counted(codes, "workflow code")),
    ]
}
