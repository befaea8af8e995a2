//! What the database is fit for, and what its rows say about settings.

use crate::diagnosis::check::Check;
use crate::diagnosis::finding::{Finding, FindingKind, Severity, Subject};
use crate::diagnosis::snapshot::Snapshot;
use crate::metadata::Obstacle;

/// DS-030.
pub(super) const ZONE: Check = Check {
    kind: &FindingKind {
        code: "DS-030",
        title: "the rows contradict the masters' zone that was given",
        severity: Severity::Look,
        meaning: "Times of the tables are those of another zone: as long as that is open, nothing \
            is judged by them, and no instance of an earlier run is found.",
        causes: &[
            "--time-zone is wrong",
            "masters run in different zones, or one clock is wrong",
        ],
        upstream: &[],
        remedy: "give the zone of the masters' JVM with --time-zone",
    },
    find: zone,
};

/// DS-031.
pub(super) const RIGHTS: Check = Check {
    kind: &FindingKind {
        code: "DS-031",
        title: "this database user could not write a failover",
        severity: Severity::Note,
        meaning: "What is found can be read, but a failover with this user would be refused before its \
            first write.",
        causes: &["a user that is for reading alone, as monitoring has it"],
        upstream: &[],
        remedy: "use another user for failovers, or GRANT what is missing: the README lists what each \
            command needs",
    },
    find: rights,
};

/// DS-032.
pub(super) const REPLICA: Check = Check {
    kind: &FindingKind {
        code: "DS-032",
        title: "the database that answers may not be the one that masters write to",
        severity: Severity::Look,
        meaning: "A replica lags behind the server that masters write to, and one that is read-only takes \
            no failover. If masters use this address, too, nothing of theirs can be written.",
        causes: &[
            "the address of a replica, or of a proxy that reads from one",
            "the database was failed over, and its address still leads to the old server",
            "somebody has set the server read-only, or its disk is full",
            "the server was started again, or another one took its address over, while it was looked at",
        ],
        upstream: &[],
        remedy: "look again; then give --db the address of the server that accepts writes. If it is the masters' own, make it \
            accept writes again",
    },
    find: replica,
};

/// DS-033.
pub(super) const SCHEMA: Check = Check {
    kind: &FindingKind {
        code: "DS-033",
        title: "tables that do not fit their release",
        severity: Severity::Look,
        meaning: "Masters of this release cannot write what they have to write, or only half of it: \
            failovers fail, also the masters' own, or serial workflows do not start.",
        causes: &[
            "an upgrade of the schema that was not finished, or one that changed more than upstream's",
            "tables were restored with another engine, or without what generates ids",
            "3.4.0 on MySQL: its script makes t_ds_serial_command.workflow_definition_code an int",
        ],
        upstream: &[17979],
        remedy: "finish the upgrade of the schema with upstream's own script",
    },
    find: schema,
};

fn rights(snapshot: &Snapshot) -> Vec<Finding> {
    let obstacle = snapshot.database.obstacle.as_ref();
    let of_user =
        obstacle.filter(|obstacle| matches!(obstacle, Obstacle::NoRight(_) | Obstacle::Hidden(_)));
    let finding = of_user.map(|obstacle| {
        Finding::new(RIGHTS.kind, Subject::default()).fact("database", obstacle.to_string())
    });
    finding.into_iter().collect()
}

fn replica(snapshot: &Snapshot) -> Vec<Finding> {
    let finding = snapshot.database.doubt.as_ref().map(|doubt| {
        Finding::new(REPLICA.kind, Subject::default()).fact("database", doubt.clone())
    });
    finding.into_iter().collect()
}

fn schema(snapshot: &Snapshot) -> Vec<Finding> {
    let database = &snapshot.database;
    let mut finding = Finding::new(SCHEMA.kind, Subject::default());
    if let Some(
        obstacle @ (Obstacle::NoColumn { .. } | Obstacle::NotFilled { .. } | Obstacle::NoIds(_)),
    ) = &database.obstacle
    {
        finding = finding.fact("database", obstacle.to_string());
        add(&mut finding, &obstacle.hint());
    }
    if !database.without_transactions.is_empty() {
        let fact = format!(
            "without transactions: {}",
            database.without_transactions.join(", ")
        );
        finding = finding.fact("database", fact);
    }
    if database.cuts_codes {
        finding = finding.fact(
            "database t_ds_serial_command",
            "workflow_definition_code is no bigint: no code of a workflow fits into it",
        );
        let text = "make workflow_definition_code a bigint, as upstream's script of 3.4.1 does, while no master runs";
        add(&mut finding, text);
    }
    let found = (!finding.evidence.is_empty()).then_some(finding);
    found.into_iter().collect()
}

fn add(finding: &mut Finding, remedy: &str) {
    let before = std::mem::take(&mut finding.remedy.text);
    finding.remedy.text = format!("{before}; {remedy}");
}

fn zone(snapshot: &Snapshot) -> Vec<Finding> {
    let found = snapshot.zone.iter().map(|disproof| {
        Finding::new(ZONE.kind, Subject::default())
            .fact(snapshot.table(), disproof.seen.clone())
            .fact("--time-zone", disproof.zone.clone())
    });
    found.collect()
}
