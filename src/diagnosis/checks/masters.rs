//! Masters: dead, restarted, silent, or none at all.

use crate::diagnosis::beats;
use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, Subject, counted};
use crate::diagnosis::snapshot::Snapshot;
use crate::failover::Refusal;
use crate::family::Claim;
use crate::model::{Registration, Verdict, shell_word};
use crate::output::ago;

/// DS-001.
pub(super) const DEAD: Check = Check {
    kind: &FindingKind {
        code: "DS-001",
        title: "unfinished instances of a dead master",
        severity: Severity::Act,
        meaning: "A master that has ended does not work on its instances: they hang until somebody \
            fails them over. One that has only lost its registration may still work on them.",
        causes: &[
            "the master has just ended, and another one is about to fail it over",
            "its end was not noticed: all masters were down, or the failover ended half-way",
            "the address of the host has changed, and the master runs under another one",
            "3.3.0 and its alpha: an instance that was recovered keeps the dead master's address",
        ],
        upstream: &[],
        remedy: "make sure that its process has ended; if it goes on, fail the master over",
    },
    find: dead,
};

/// DS-002.
pub(super) const EARLIER_RUN: Check = Check {
    kind: &FindingKind {
        code: "DS-002",
        title: "unfinished instances of an earlier run of a master",
        severity: Severity::Act,
        meaning: "The master was restarted, and the instances are from before: it has them no \
            longer in memory. Its address is registered, so nobody takes it for dead.",
        causes: &["the master was restarted before anybody noticed its end"],
        upstream: &[],
        remedy: "check in the plan that they began before the start-up, then hand them over",
    },
    find: earlier_run,
};

/// DS-009.
pub(super) const NONE: Check = Check {
    kind: &FindingKind {
        code: "DS-009",
        title: "no registered master that is surely of this cluster",
        severity: Severity::Act,
        meaning: "Nothing runs, or this is not the registry of these masters, or all of them have got \
            new addresses. As long as that is open, nothing is judged by registrations.",
        causes: &[
            "--zk, its chroot, --namespace or --registry name another registry",
            "no master runs, or none reaches the registry",
            "every master has got a new address, so that no row names any of them",
        ],
        upstream: &[],
        remedy: "check --zk, --namespace and --registry first; then start a master, or, if they have \
            new addresses, let a dry run with --allow-new-masters show what is dead",
    },
    find: none,
};

/// DS-010.
pub(super) const PERSISTENT: Check = Check {
    kind: &FindingKind {
        code: "DS-010",
        title: "a registration that no session keeps",
        severity: Severity::Look,
        meaning: "The node stays when the master ends: its end is never noticed, and its instances \
            are never failed over.",
        causes: &["nodes were copied from another registry with a tool"],
        upstream: &[],
        remedy: "if the master runs, stop it first: masters fail over whose node is deleted. Then \
            delete the node, and start the master again",
    },
    find: persistent,
};

/// DS-011.
pub(super) const SILENT: Check = Check {
    kind: &FindingKind {
        code: "DS-011",
        title: "a registered master whose heartbeat has stopped",
        severity: Severity::Look,
        meaning: "Its session lives, but it has not written its heartbeat for long, while others \
            have: it may hang.",
        causes: &[
            "the process is stopped, out of memory, or in a long garbage collection",
            "the thread of the heartbeat has ended",
        ],
        upstream: &[],
        remedy: "look at the master's log and process; restart it if it hangs",
    },
    find: silent,
};

/// DS-012.
pub(super) const CLOCK: Check = Check {
    kind: &FindingKind {
        code: "DS-012",
        title: "a master's clock differs from the registry's",
        severity: Severity::Look,
        meaning: "What is judged by times is wrong by that much: slots, delays, the proof that an \
            instance is from before a restart.",
        causes: &["the clock of the host, or that of the registry, is wrong"],
        upstream: &[],
        remedy: "set the clocks",
    },
    find: clock,
};

/// DS-013.
pub(super) const DOUBTED: Check = Check {
    kind: &FindingKind {
        code: "DS-013",
        title: "a master that may be dead: its heartbeat is old by the clocks",
        severity: Severity::Look,
        meaning: "In the JDBC registry a master is dead once its heartbeat is seen not to change. \
            This one look cannot show that.",
        causes: &[
            "the master has ended, and nobody has deleted its rows yet",
            "the clocks of the machines differ",
        ],
        upstream: &[],
        remedy: "let a dry run of its failover watch the heartbeat",
    },
    find: doubted,
};

/// DS-015.
pub(super) const OVERLOADED: Check = Check {
    kind: &FindingKind {
        code: "DS-015",
        title: "every registered master says that it is overloaded",
        severity: Severity::Look,
        meaning: "A master takes no commands while its load, its memory or (from 3.2.1 on) its disk \
            is above its limit: as long as all of them are, no workflow starts, and nothing that \
            was handed over is taken up. Masters of 1.2 and 3.1 do not say it.",
        causes: &[
            "the machines are too small for what runs, or the limits too low (server-load-protection)",
            "a disk is full: 3.2.1 and newer stop at 70 or 80 %, as they are configured",
            "3.4: more workflows run than max-concurrent-workflow-instances",
            "3.4.2: a master may stay busy until it is restarted",
        ],
        upstream: &[18570],
        remedy: "lower the load, free the disk or raise the limits; restart a master that stays \
            busy without a reason",
    },
    find: overloaded,
};

/// DS-034.
pub(super) const MARKED: Check = Check {
    kind: &FindingKind {
        code: "DS-034",
        title: "a registered master that is marked dead",
        severity: Severity::Look,
        meaning: "Up to 3.0 servers mark a master dead when its registration ends, and a master that finds \
            itself marked stops at its next heartbeat, within seconds. One that starts deletes the mark.",
        causes: &[
            "the master was restarted quickly, and its old registration ended after it had come back",
            "an earlier mark was not deleted",
        ],
        upstream: &[6880, 7686],
        remedy: "if the master stops, start it again once its registration is gone; a mark that stays then is \
            to be deleted before",
    },
    find: marked,
};

fn marked(snapshot: &Snapshot) -> Vec<Finding> {
    of_each(snapshot, |server| {
        let address = server.address.as_str();
        let is_marked = snapshot.marked_dead.iter().any(|marked| marked == address);
        is_marked.then(|| {
            let finding = about(MARKED.kind, server).fact(
                "registry dead-servers",
                format!("a node is there for {address}, which is registered"),
            );
            Finding {
                by_itself: Some("the master stops itself at its next heartbeat"),
                ..finding
            }
        })
    })
}

fn dead(snapshot: &Snapshot) -> Vec<Finding> {
    let again = if snapshot.release.looks_again() {
        "living masters look again every ten minutes (master.failover-interval)"
    } else {
        "a living master fails it over when its registration ends (3.3 and newer: 30 s later); after \
         that at most a master that starts looks again"
    };
    let hosts = snapshot.by_host(Verdict::Dead).into_iter();
    let found = hosts.filter_map(|(host, ids)| {
        let host = host?;
        let finding = Finding::new(DEAD.kind, Subject::master(host).of_instances(&ids))
            .fact(
                format!("registry {}", snapshot.masters.parent),
                format!("{host} is not registered"),
            )
            .fact(
                snapshot.table(),
                format!("{} name it", counted(&ids, "unfinished instance")),
            )
            .next(format!("dsctl failover {} --dry-run", shell_word(host)));
        Some(Finding {
            by_itself: (!snapshot.masters.servers.is_empty()).then_some(again),
            ..finding
        })
    });
    found.collect()
}

fn earlier_run(snapshot: &Snapshot) -> Vec<Finding> {
    let by_itself = if snapshot.release.looks_again() {
        Some(
            "masters look every ten minutes (master.failover-interval), also for their own earlier run",
        )
    } else if matches!(snapshot.release.family.claim, Claim::State(_)) {
        Some("a master that starts hands over what is from before its start")
    } else {
        None
    };
    let hosts = snapshot.by_host(Verdict::Restarted).into_iter();
    let found = hosts.filter_map(|(host, ids)| {
        let host = host?;
        let finding = Finding::new(EARLIER_RUN.kind, Subject::master(host).of_instances(&ids))
            .fact(
                snapshot.table(),
                format!(
                    "{} began before the start-up of the registered master {host}",
                    counted(&ids, "unfinished instance")
                ),
            )
            .next(format!(
                "dsctl failover {} --allow-restarted --dry-run",
                shell_word(host)
            ));
        Some(Finding {
            by_itself,
            ..finding
        })
    });
    found.collect()
}

fn none(snapshot: &Snapshot) -> Vec<Finding> {
    let Some(doubt) = &snapshot.doubt else {
        return Vec::new();
    };
    let source = format!("registry {}", snapshot.masters.parent);
    let mut finding = Finding::new(NONE.kind, Subject::default()).fact(source, doubt.to_string());
    if matches!(doubt, Refusal::StrangeMasters { .. }) {
        // The option that the doubt's own hint names is the failover's.
        return vec![finding.next("dsctl failover --all-dead --allow-new-masters --dry-run")];
    }
    finding.remedy.text = doubt.hint();
    vec![finding]
}

fn of_each(snapshot: &Snapshot, find: impl Fn(&Registration) -> Option<Finding>) -> Vec<Finding> {
    snapshot.masters.servers.iter().filter_map(find).collect()
}

fn about(kind: &'static FindingKind, server: &Registration) -> Finding {
    let subject = Subject {
        node: Some(server.node.clone()),
        ..Subject::master(server.address.as_str())
    };
    Finding::new(kind, subject)
}

fn persistent(snapshot: &Snapshot) -> Vec<Finding> {
    of_each(snapshot, |server| {
        server.is_persistent().then(|| {
            about(PERSISTENT.kind, server).fact(
                format!("registry {}", server.node),
                "the node is not ephemeral",
            )
        })
    })
}

fn silent(snapshot: &Snapshot) -> Vec<Finding> {
    let newest = beats::newest(&snapshot.masters);
    of_each(snapshot, |server| {
        if server.is_persistent() {
            return None;
        }
        let fact = format!(
            "last written {} before the newest heartbeat of another master",
            ago(beats::silence(server, newest?)?)
        );
        Some(about(SILENT.kind, server).fact(format!("registry {}", server.node), fact))
    })
}

fn doubted(snapshot: &Snapshot) -> Vec<Finding> {
    of_each(snapshot, |server| {
        server.heartbeat.in_doubt.then(|| {
            about(DOUBTED.kind, server)
                .fact(
                    format!("registry {}", server.node),
                    "its heartbeat is old by the clocks",
                )
                .next(format!(
                    "dsctl failover {} --dry-run",
                    shell_word(server.address.as_str())
                ))
        })
    })
}

/// What a master says of its load, if it says that it takes no commands.
pub(super) fn overload(server: &Registration) -> Option<String> {
    let beat = &server.heartbeat;
    let status = beat
        .server_status
        .as_deref()
        .filter(|_| !server.takes_commands())?;
    let shares = [
        ("cpu", beat.cpu_usage),
        ("memory", beat.memory_usage),
        ("disk", beat.disk_usage),
        ("load average", beat.load_average),
    ];
    let shares = shares
        .iter()
        .filter_map(|(name, share)| Some(format!(", {name} {:.2}", (*share)?)));
    Some(format!("status {status}{}", shares.collect::<String>()))
}

fn overloaded(snapshot: &Snapshot) -> Vec<Finding> {
    let masters = snapshot.masters.servers.iter();
    let overloaded = masters.map(|server| Some((server, overload(server)?)));
    let Some(overloaded) = overloaded.collect::<Option<Vec<(&Registration, String)>>>() else {
        return Vec::new();
    };
    if snapshot.doubt.is_some() || overloaded.is_empty() {
        return Vec::new();
    }
    let mut finding = Finding::new(OVERLOADED.kind, Subject::default());
    for (server, status) in overloaded {
        finding = finding.fact(format!("registry {}", server.node), status);
    }
    let waiting: Vec<i64> = snapshot.recoveries.values().flatten().copied().collect();
    if !waiting.is_empty() {
        finding = finding
            .fact(
                snapshot.command_table(),
                format!(
                    "{} that nobody takes now",
                    counted(&waiting, "recovery command")
                ),
            )
            .next("dsctl commands");
    }
    vec![finding]
}

fn clock(snapshot: &Snapshot) -> Vec<Finding> {
    of_each(snapshot, |server| {
        // A time without a zone shows the zone, and not the clock.
        let behind = beats::clock_error(server, None)?;
        let which = if behind > 0 { "before" } else { "after" };
        let fact = format!(
            "the heartbeat says that it was written {} {which} the registry wrote it",
            ago(behind.abs())
        );
        Some(about(CLOCK.kind, server).fact(format!("registry {}", server.node), fact))
    })
}
