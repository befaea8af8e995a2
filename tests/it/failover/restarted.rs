//! A master that is registered again: only what began before that belongs to its earlier life.

use dsctl::metadata::database::Value;
use jiff::Timestamp;

use super::expected::{Command, assert_changes, claim_line, settled, task_line};
use super::releases::release;
use super::world::{BEGUN_LATER, World, recovered, skipped, time};
use crate::harness::Store;

/// The second in which it was registered again, in its own zone.
const THAT_SECOND: &str = "2024-06-01 08:00:00";

/// 1 began before, 2 after, 3 in that very second; 4 was taken up again since; of 5 nothing is
/// known.
fn only_older_ones(number: &str, store: Store) {
    let release = release(number);
    let mut world = World::new(store, release);
    let knows_restarts = !matches!(release.number, "1.2.1" | "1.3.9" | "2.0.1");
    // From 3.3 on the history alone says when a master took an instance up.
    let taken_up = r#"[{"time":"2024-06-01 07:59:59","state":"RUNNING_EXECUTION","desc":"x"}]"#;
    world.env.insert([
        world.instance(1).maybe("state_history", taken_up),
        world.instance(2).started(time(BEGUN_LATER)),
        world.instance(3).started(time(THAT_SECOND)),
        world
            .instance(4)
            .maybe_time("restart_time", time(BEGUN_LATER)),
        world.instance(5).set("start_time", Value::Null),
    ]);
    let dead = world.dead();
    // A task that runs inside the master ended with it.
    world
        .env
        .insert([world.task(11, 1).set("task_type", "DEPENDENT").host(&dead)]);
    let registration = world.register_master(&dead);
    world.run_idly(&format!("failover {dead} --dry-run --allow-restarted"), 0);
    world
        .run_idly(&format!("failover {dead} --yes"), 4)
        .out("--allow-restarted");
    world.run_in_vain("failover --all-dead --yes --grace 0s", 0);
    // `recover` is for what was handed over: 1 still needs somebody, 2 has its master.
    world
        .run_in_vain("recover --instance 1 --yes", 7)
        .out("\"not_claimed\"");
    world
        .run_in_vain("recover --instance 2 --yes", 0)
        .out("\"not_claimed\"");
    world.env.unset("DSCTL_TIME_ZONE");
    world
        .run_in_vain(&format!("failover {dead} --yes --allow-restarted"), 4)
        .out("--time-zone");
    // With the wrong zone none of them is older.
    world.env.set("DSCTL_TIME_ZONE", "UTC");
    if world.release.ports && !number.starts_with("1.") {
        world.run_in_vain(&format!("failover {dead} --yes --allow-restarted"), 0);
    }
    world.env.set("DSCTL_TIME_ZONE", super::world::ZONE);
    let began = Timestamp::now();
    let (report, _, changes) =
        world.changes_of(&format!("failover {dead} --yes --allow-restarted"), 0);
    let older: &[i64] = if knows_restarts { &[1] } else { &[1, 4] };
    let mut expected = Vec::new();
    for id in older {
        expected.extend([
            claim_line(store, release, *id, &dead, 1),
            Command::plain(release, *id, 1).line(release),
        ]);
    }
    expected.extend(
        release
            .task_states
            .contains(&1)
            .then(|| task_line(release, 11, 1)),
    );
    assert_changes(number, &expected, &settled(&changes, began));
    assert_eq!(
        (recovered(&report), &report["masters"][0]["verdict"]),
        (older.to_vec(), &"restarted".into())
    );
    let living = (2..=5)
        .filter(|id| !older.contains(id))
        .map(|id| (id, "living_master".to_owned()));
    assert_eq!(skipped(&report), living.collect::<Vec<_>>());
    world.run_in_vain(&format!("failover {dead} --yes --allow-restarted"), 0);
    registration.close();
}

const ONE_OF_EACH: [&str; 8] = [
    "1.2.1", "1.3.9", "2.0.1", "2.0.9", "3.0.6", "3.1.9", "3.2.2", "3.3.2",
];

#[test]
fn only_older_ones_are_taken_in_sqlite() {
    for number in ONE_OF_EACH {
        only_older_ones(number, Store::Sqlite);
    }
}

#[test]
fn only_older_ones_are_taken_in_mariadb() {
    for number in ONE_OF_EACH {
        only_older_ones(number, Store::MariaDb);
    }
}

#[test]
fn only_older_ones_are_taken_in_postgres() {
    for number in ONE_OF_EACH {
        only_older_ones(number, Store::Postgres);
    }
}
