//! What no failover takes is told and counted, and so is what fails.

use dsctl::demo::seed;

use super::{Rounds, end, event, told, watch};
use crate::faults::moments::Moment;
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World};
use crate::harness::{At, Store, eventually};

pub fn awaits(rounds: &Rounds, lines: &[&str]) {
    eventually(super::SOON, "metrics", || {
        let text = rounds.text();
        if lines
            .iter()
            .all(|line| text.lines().any(|found| found == *line))
        {
            Ok(())
        } else {
            Err(text)
        }
    });
}

#[test]
fn orphans_odd_hosts_and_no_host_are_told_when_they_change() {
    for (store, version) in [(Store::MariaDb, BY_HOST), (Store::Postgres, BY_STATE)] {
        let world = World::new(store, version, 5);
        let table = if version == BY_HOST {
            "t_ds_process_instance"
        } else {
            "t_ds_workflow_instance"
        };
        let claim = if version == BY_HOST {
            "host = 'NULL'"
        } else {
            "state = 18"
        };
        let ids: Vec<i64> = world.ids.iter().copied().collect();
        world.env.sql(&format!(
            "UPDATE {table} SET {claim} WHERE id = {}; UPDATE {table} SET host = 'some where' WHERE id = {}; \
             UPDATE {table} SET host = NULL WHERE id = {}",
            ids[0], ids[1], ids[2]
        ));
        let rounds = Rounds::of(&world);
        let mut watcher = watch(&world, &format!("--grace 1h {}", rounds.arguments())).spawn();
        watcher.await_stdout(&event("left_alone"));
        let lines = [
            "dsctl_left_alone_instances{reason=\"orphan\"} 1",
            "dsctl_left_alone_instances{reason=\"odd_host\"} 1",
            "dsctl_left_alone_instances{reason=\"no_host\"} 1",
            "dsctl_masters{verdict=\"alive\"} 1",
            "dsctl_masters{verdict=\"dead\"} 1",
            "dsctl_unfinished_instances{verdict=\"dead\"} 2",
            "dsctl_unfinished_instances{verdict=\"claimed\"} 1",
        ];
        awaits(&rounds, &lines);
        rounds.pass(3);
        let state = if version == BY_HOST {
            ""
        } else {
            " --original-state running"
        };
        world
            .run(world.dsctl(&format!("recover --orphans --yes{state}")))
            .exit(0);
        watcher.await_stdout_times(&event("left_alone"), 2);
        let output = end(&world, watcher);
        let told = told(&output, "left_alone");
        assert_eq!(told.len(), 2, "{output:?}");
        assert_eq!(
            (&told[0]["orphans"], &told[1]["orphans"]),
            (&1.into(), &0.into()),
            "{output:?}"
        );
        let text = told[0]["text"].as_str().unwrap();
        for part in ["dsctl recover --orphans", "\"some where\"", "SQL NULL"] {
            assert!(text.contains(part), "{text}");
        }
    }
}

/// Where nobody is registered nobody is known to be dead.
#[test]
fn without_any_registration_nobody_is_counted_as_dead() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    let rounds = Rounds::of(&world);
    let watcher = watch(&world, &format!("--grace 1h {}", rounds.arguments())).spawn();
    awaits(
        &rounds,
        &[
            "dsctl_masters{verdict=\"dead\"} 1",
            "dsctl_masters{verdict=\"unknown\"} 0",
        ],
    );
    world.close_living();
    let unknown = [
        "dsctl_masters{verdict=\"dead\"} 0",
        "dsctl_masters{verdict=\"unknown\"} 2",
        "dsctl_unfinished_instances{verdict=\"dead\"} 0",
        "dsctl_unfinished_instances{verdict=\"unknown\"} 10",
    ];
    awaits(&rounds, &unknown);
    end(&world, watcher);
    world.check_untouched();
}

/// A pause and the storm brake hold while nothing answers, too, and from the start on.
#[test]
fn a_pause_and_the_brake_are_counted_while_nothing_answers() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    let mut proxy = world.env.through_proxy();
    let rounds = Rounds::of(&world);
    super::one_is_done(&world);
    world
        .run(watch(&world, "--once --grace 0s --max-masters 1"))
        .exit(4);
    let state = world.env.home().join("watch.json");
    world
        .dsctl(&format!(
            "watch --state-file {} --pause work",
            state.display()
        ))
        .run()
        .exit(0);
    proxy.refuse();
    let mut watcher = watch(&world, &format!("--timeout 2s {}", rounds.arguments())).spawn();
    watcher.await_stdout(&event("error"));
    awaits(
        &rounds,
        &[
            "dsctl_paused 1",
            "dsctl_storm_brake 1",
            "dsctl_up{source=\"database\"} 0",
        ],
    );
    end(&world, watcher);
    world.check_untouched();
}

#[test]
fn claimed_instances_are_no_dead_masters() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    world.complete();
    let rounds = Rounds::of(&world);
    let watcher = watch(&world, rounds.arguments().as_str()).spawn();
    awaits(
        &rounds,
        &[
            "dsctl_masters{verdict=\"dead\"} 0",
            "dsctl_unfinished_instances{verdict=\"dead\"} 0",
        ],
    );
    end(&world, watcher);
}

#[test]
fn a_source_that_does_not_answer_is_down_and_a_failed_failover_is_counted() {
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    let mut proxy = world.env.through_proxy();
    let rounds = Rounds::of(&world);
    proxy.trap(Moment::Commit.bytes(Store::MariaDb), At::Cut);
    let mut watcher = watch(
        &world,
        &format!("--grace 0s --timeout 2s {}", rounds.arguments()),
    )
    .spawn();
    watcher.await_stdout(&event("failover_finished"));
    awaits(
        &rounds,
        &[
            "dsctl_failovers_total{outcome=\"failed\"} 1",
            "dsctl_failovers_total{outcome=\"done\"} 1",
        ],
    );
    awaits(
        &rounds,
        &[
            "dsctl_up{source=\"registry\"} 1",
            "dsctl_up{source=\"database\"} 1",
        ],
    );
    proxy.refuse();
    awaits(
        &rounds,
        &[
            "dsctl_up{source=\"registry\"} 1",
            "dsctl_up{source=\"database\"} 0",
        ],
    );
    proxy.listen();
    awaits(
        &rounds,
        &[
            "dsctl_up{source=\"registry\"} 1",
            "dsctl_up{source=\"database\"} 1",
        ],
    );
    let output = end(&world, watcher);
    assert!(
        told(&output, "error")
            .iter()
            .any(|line| line["source"] == "database"),
        "{output:?}"
    );
    assert!(
        told(&output, "error")
            .iter()
            .any(|line| line["master"] == DEAD),
        "{output:?}"
    );
    world.check_complete();
}

/// What a master could not take up is a failed instance from 3.4.0 on: it hangs no more, and nobody
/// runs it. A master that fails an instance itself writes its end at once.
#[test]
fn what_a_master_could_not_take_up_is_told_until_somebody_has_run_it_again() {
    for store in [Store::MariaDb, Store::Postgres] {
        let world = World::new(store, BY_STATE, 5);
        world.complete();
        let ids: Vec<i64> = world.ids.iter().copied().collect();
        let rounds = Rounds::of(&world);
        let mut watcher = watch(&world, &rounds.arguments()).spawn();
        rounds.first();
        let parameter = seed::recovery_parameter(BY_STATE, ids[0]);
        for (number, id) in (900..).zip([ids[0], ids[1]]) {
            let row =
                seed::error_command(BY_STATE, number, 2, "no such node").parameter(&parameter);
            world.env.insert([row.of_instance(id)]);
        }
        world.env.sql(&format!(
            "DELETE FROM t_ds_command WHERE workflow_instance_id IN ({0}, {1}); \
             UPDATE t_ds_workflow_instance SET state = 6 WHERE id = {0}; \
             UPDATE t_ds_workflow_instance SET state = 6, end_time = '2026-01-01 00:00:00' WHERE id = {1}",
            ids[0], ids[1]
        ));
        watcher.await_stdout(&event("left_alone"));
        awaits(
            &rounds,
            &["dsctl_left_alone_instances{reason=\"recovery_failed\"} 1"],
        );
        rounds.pass(2);
        world.env.sql(&format!(
            "UPDATE t_ds_workflow_instance SET state = 1 WHERE id = {}",
            ids[0]
        ));
        watcher.await_stdout_times(&event("left_alone"), 2);
        let output = end(&world, watcher);
        let told = told(&output, "left_alone");
        let counts: Vec<_> = told
            .iter()
            .map(|line| line["recovery_failed"].as_i64())
            .collect();
        assert_eq!(counts, [Some(1), Some(0)], "{output:?}");
        assert!(
            told[0]["text"]
                .as_str()
                .unwrap()
                .contains("dsctl instances"),
            "{output:?}"
        );
    }
}
