//! Releases that somebody has downloaded: unpacked binary distributions below
//! `DSCTL_TEST_DISTRIBUTIONS`. An entry and a few tests for each.

use std::path::Path;

use super::comparison;
use super::release::{Claim, Installed, Marks, Place, Registry, Release, V3_1_1, common_settings};
use super::{handover, healthy, jdbc, race};
use crate::harness::{PASSWORD, Store, USER};

/// 3.2.2: the living master takes over what still runs.
static V3_2_2: Release = Release {
    number: "3.2.2",
    schema: "3.2.2",
    told: Some("3.2.2"),
    installed: distribution,
    family: "3.2",
    hidden: [&[], &[]],
    lock: |master| format!("lock/master-failover/{master}"),
    settings,
    repeats: false,
    marks: Marks::Nothing,
    shared: Some("totalSlot: 2,"),
    taken_over: Some("Received UpdateWorkflowHostRequest"),
    ..V3_1_1
};

/// The development head of early 2025, from which 3.3.0-alpha came.
static HEAD_3_3: Release = Release {
    number: "dev-SNAPSHOT",
    schema: "3.3.0-alpha",
    told: None,
    family: "3.3+",
    workflow: "workflow",
    definition: "workflow_definition_code",
    claim: Claim::State,
    shared: Some("/2] Fetch"),
    // Workers refuse to have a task taken over that has nothing left to say until it ends.
    repeats: true,
    taken_over: None,
    leaks_lock: true,
    consent: &["--allow-recovered"],
    ..V3_2_2
};

/// The same with the registry in the metadata database.
static HEAD_3_3_JDBC: Release = Release {
    registry: Registry::Database,
    settings: settings_of_database,
    ..HEAD_3_3
};

/// An unpacked distribution. A missing one is no reason to skip: whoever asks for these tests has
/// it.
#[expect(clippy::unnecessary_wraps, reason = "Maven's may be missing")]
fn distribution(number: &str) -> Result<Installed, String> {
    let parent = std::env::var("DSCTL_TEST_DISTRIBUTIONS").unwrap_or_default();
    assert!(
        !parent.is_empty(),
        "DSCTL_TEST_DISTRIBUTIONS does not name the folder with the unpacked distributions"
    );
    let folder = format!("{parent}/apache-dolphinscheduler-{number}-bin");
    assert!(
        Path::new(&folder).is_dir(),
        "there is no {folder}: unpack the binary distribution of {number} there"
    );
    let of = |below: &str| {
        ["master-server", "worker-server"].map(|server| format!("{folder}/{server}/{below}"))
    };
    // Since 3.3 plug-ins are installed beside the servers.
    let plugins = ["task-plugins", "storage-plugins", "datasource-plugins"]
        .map(|kind| format!("{folder}/plugins/{kind}"));
    let plugins = plugins
        .into_iter()
        .filter(|folder| Path::new(folder).is_dir())
        .collect();
    let scripts = Some(format!("{folder}/tools/sql/sql"));
    Ok(Installed {
        jars: of("libs"),
        plugins,
        settings: of("conf").map(Some),
        scripts,
    })
}

/// What the distribution's own settings have otherwise.
fn settings(place: &Place<'_>) -> Vec<(&'static str, String)> {
    let Place { session, env, .. } = place;
    let registry = format!(
        "registry.type=zookeeper
registry.zookeeper.namespace={namespace}
registry.zookeeper.connect-string={connect}
registry.zookeeper.session-timeout={session}s
registry.zookeeper.connection-timeout=9s
registry.zookeeper.block-until-connected=10s
",
        namespace = env.namespace,
        connect = env.connect,
    );
    with_registry(place, &registry)
}

/// The same with the registry in the metadata database, which workers are told, too.
fn settings_of_database(place: &Place<'_>) -> Vec<(&'static str, String)> {
    let registry = format!(
        "registry.type=jdbc
registry.heartbeat-refresh-interval=1s
registry.session-timeout={session}s
registry.hikari-config.jdbc-url={jdbc}
registry.hikari-config.username={USER}
registry.hikari-config.password={PASSWORD}
",
        session = place.session,
        jdbc = place.jdbc(),
    );
    with_registry(place, &registry)
}

fn with_registry(place: &Place<'_>, registry: &str) -> Vec<(&'static str, String)> {
    let Place { port, folder, .. } = place;
    let application = format!(
        "{registry}spring.main.banner-mode=off
logging.level.org.apache.dolphinscheduler.server.master.engine.command.IdSlotBasedCommandFetcher=debug
spring.datasource.url={jdbc}
spring.datasource.username={USER}
spring.datasource.password={PASSWORD}
spring.datasource.hikari.maximum-pool-size=12
spring.cloud.kubernetes.enabled=false
spring.cloud.bootstrap.enabled=false
server.port=0
master.listen-port={port}
master.max-heartbeat-interval=2s
master.state-wheel-interval=1s
master.server-load-protection.enabled=false
master.registry-disconnect-strategy.strategy=stop
worker.listen-port={port}
worker.max-heartbeat-interval=2s
worker.server-load-protection.enabled=false
worker.registry-disconnect-strategy.strategy=stop
worker.tenant-config.auto-create-tenant-enabled=false
worker.tenant-config.default-tenant-enabled=true
",
        jdbc = place.jdbc(),
    );
    vec![
        ("application.properties", application),
        (
            "common.properties",
            common_settings(folder).replace("=NONE", "=LOCAL"),
        ),
    ]
}

/// What a master hands over and we do not: the last instance, whose definition is gone. It hangs
/// afterwards, for the command fails.
const WITHOUT_DEFINITION: [&str; 2] = ["command 9", "instance 9"];

/// Tasks that run on a worker, but for the one of that instance.
const TAKEN_OVER: usize = 7;

#[test]
fn what_we_hand_over_runs_to_its_end_on_3_2_2() {
    handover::compare(
        "what_we_hand_over_runs_to_its_end_on_3_2_2",
        &V3_2_2,
        Store::Postgres,
    );
}

#[test]
fn nothing_hangs_under_load_on_3_2_2() {
    healthy::at_work(
        "nothing_hangs_under_load_on_3_2_2",
        &V3_2_2,
        Store::Postgres,
    );
}

#[test]
fn a_master_of_3_2_2_and_we_race() {
    race::race("a_master_of_3_2_2_and_we_race", &V3_2_2);
}

#[test]
fn we_write_what_a_master_of_3_2_2_writes() {
    let Some(rows) = comparison::rows(
        "we_write_what_a_master_of_3_2_2_writes",
        &V3_2_2,
        1,
        Some(TAKEN_OVER),
    ) else {
        return;
    };
    assert_eq!(rows.differing, WITHOUT_DEFINITION);
    // The task that stands for the child is not taken over but made anew, and so is the child,
    // beside the one that was handed over. Whoever was to stop or to pause goes on.
    let ended = [
        "100 7", "200 7", "300 7", "310 7", "310 7", "400 7", "500 7", "600 7", "610 7", "900 1",
    ];
    assert_eq!(comparison::workflows(&rows.ends), ended);
}

#[test]
fn what_we_hand_over_runs_to_its_end_on_3_3() {
    handover::compare(
        "what_we_hand_over_runs_to_its_end_on_3_3",
        &HEAD_3_3,
        Store::Postgres,
    );
}

#[test]
fn nothing_hangs_under_load_on_3_3() {
    healthy::at_work(
        "nothing_hangs_under_load_on_3_3",
        &HEAD_3_3,
        Store::Postgres,
    );
}

#[test]
fn a_master_of_3_3_and_we_race() {
    race::race("a_master_of_3_3_and_we_race", &HEAD_3_3);
}

#[test]
fn we_write_what_a_master_of_3_3_writes() {
    let Some(rows) = comparison::rows(
        "we_write_what_a_master_of_3_3_writes",
        &HEAD_3_3,
        1,
        Some(TAKEN_OVER),
    ) else {
        return;
    };
    assert_eq!(rows.differing, WITHOUT_DEFINITION);
    // Here, too, the child is started once more, and every task runs twice. Whoever was to stop or
    // to pause does.
    let ended = [
        "100 7", "200 7", "300 7", "310 7", "310 7", "400 7", "500 7", "600 5", "610 3", "900 18",
    ];
    assert_eq!(comparison::workflows(&rows.ends), ended);
}

#[test]
fn the_registry_in_the_database_of_3_3_shuts_out() {
    jdbc::shuts_out(
        "the_registry_in_the_database_of_3_3_shuts_out",
        &HEAD_3_3_JDBC,
    );
}
