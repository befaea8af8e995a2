//! Several watchers at one moment: the storm brake counts what is done, whoever does it.

use std::collections::BTreeSet;
use std::time::Duration;

use dsctl::model::Version;

use super::{end, of, program, told, watch};
use crate::faults::moments::Moment;
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, LIVING, World};
use crate::harness::{At, Running, Store, eventually};

fn dead() -> Vec<String> {
    (2..8)
        .map(|number| format!("10.0.0.{number}:5678"))
        .collect()
}

/// Six dead masters.
fn world(store: Store) -> (World, BTreeSet<i64>) {
    let mut world = World::new(store, BY_STATE, 4);
    let mut all = world.ids.clone();
    for master in dead().iter().filter(|master| *master != DEAD) {
        all.extend(world.add(master, super::long_ago(), 4));
    }
    (world, all)
}

/// How many masters something was taken from.
fn handed_over(world: &World) -> usize {
    world
        .env
        .rows("SELECT DISTINCT host FROM t_ds_workflow_instance WHERE state = 18")
        .len()
}

/// Watchers that have seen everything, and now stand before their first failover until there is the
/// file `go`. Each has masters of its own, as the hooks object to all others: so none of them
/// queues behind another.
fn at_the_barrier(world: &World, round: usize, limit: usize, more: [&str; 2]) -> Vec<Running> {
    let folder = world.env.home().join(format!("round{round}"));
    std::fs::create_dir(&folder).unwrap();
    let go = folder.join("go");
    let start = |(number, more): (usize, &str)| {
        let (hook, ready) = (
            folder.join(format!("pre{number}")),
            folder.join(format!("ready{number}")),
        );
        let mine = if number == 0 {
            "10.0.0.[234]:*"
        } else {
            "10.0.0.[567]:*"
        };
        let wait = format!(
            ": > {}; until [ -e {} ]; do sleep 0.02; done",
            ready.display(),
            go.display()
        );
        program(
            &hook,
            &format!("case $DSCTL_MASTER in {mine}) {wait};; *) exit 1;; esac"),
        );
        let state = folder.join(format!("watch{number}.json"));
        let words = format!(
            "watch -o ndjson --yes --interval 1s --grace 0s --max-masters {limit} --state-file {} --on pre={} {more}",
            state.display(),
            hook.display()
        );
        let mut running = world.dsctl(&words).spawn();
        running.await_stdout(&of("master_registered", LIVING));
        eventually(super::SOON, "a watcher at the barrier", || {
            if ready.exists() { Ok(()) } else { Err(()) }
        });
        running
    };
    let watchers = more.into_iter().enumerate().map(start).collect();
    std::fs::write(go, "").unwrap();
    watchers
}

/// Released at the same moment again and again: together they do as many as one may, and no more;
/// and none of them waits for another for ever.
fn together(store: Store, rounds: usize, limit: usize, more: [&str; 2]) {
    let (world, all) = world(store);
    for round in 0..rounds {
        let mut watchers = at_the_barrier(&world, round, limit, more);
        for watcher in &mut watchers {
            watcher.await_stdout("storm brake: ");
        }
        let outputs: Vec<_> = watchers
            .into_iter()
            .map(|watcher| end(&world, watcher))
            .collect();
        assert_eq!(handed_over(&world), limit, "round {round}: {outputs:?}");
        let commands = world.commands();
        assert!(
            commands.len() == 4 * limit && commands.values().all(|count| *count == 1),
            "{commands:?}"
        );
        // Later rounds find rows that were claimed once and put back, which their times show.
        assert!(round > 0 || world.check().is_subset(&all));
        world.reset();
    }
}

#[test]
fn two_that_begin_together_do_no_more_than_one_may() {
    together(Store::MariaDb, 6, 1, ["", ""]);
}

#[test]
fn two_that_go_on_together_do_no_more_than_one_may() {
    together(
        Store::Postgres,
        5,
        2,
        ["--batch 1 --rate 20/s", "--batch 1 --rate 10/s"],
    );
}

/// An operator holds the lock of a greater address, and may do its failover or not: nothing is done
/// while that is not known, the brake stays off, and afterwards it goes on.
#[test]
fn what_somebody_may_be_doing_is_waited_for() {
    let (world, _) = world(Store::MariaDb);
    let holders: Vec<Running> = ["10.0.0.6:5678", "10.0.0.7:5678"]
        .map(|master| hold(&world, master))
        .into();
    let mut watcher = watch(&world, "--grace 0s --max-masters 2 --lock-timeout 0s").spawn();
    watcher.await_stdout(&of("failover_refused", DEAD));
    assert_eq!(handed_over(&world), 0);
    for holder in holders {
        holder.signal("TERM");
        holder.finish();
    }
    watcher.await_stdout("storm brake: 2 masters were failed over");
    let output = end(&world, watcher);
    assert_eq!(handed_over(&world), 2, "{output:?}");
    let refused = told(&output, "failover_refused");
    assert!(
        refused[0]["text"]
            .as_str()
            .unwrap()
            .contains("10.0.0.6:5678, 10.0.0.7:5678"),
        "{output:?}"
    );
}

/// Masters of 3.3.0 to 3.4.1 keep the lock of a failover until they are restarted; by then that
/// master may be back, and have work of its own, which nobody takes.
#[test]
fn the_work_of_a_master_that_is_registered_is_nobodys_to_hand_over() {
    let mut world = World::new(Store::MariaDb, BY_STATE, 4);
    world.add(LIVING, super::long_ago(), 3);
    let holder = hold(&world, LIVING);
    let mut watcher = watch(&world, "--grace 0s --max-masters 1").spawn();
    watcher.await_stdout(&of("failover_finished", DEAD));
    let output = end(&world, watcher);
    assert!(told(&output, "failover_refused").is_empty(), "{output:?}");
    assert_eq!(handed_over(&world), 1);
    holder.signal("TERM");
    holder.finish();
}

/// Of the masters whose lock is kept one died again: that somebody once failed it over is no work
/// of now.
#[test]
fn a_lock_that_is_kept_for_longer_than_the_window_is_nobodys_work() {
    let mut world = World::new(Store::MariaDb, Version::new(3, 3, 1), 4);
    world.add("10.0.0.3:5678", super::long_ago(), 3);
    let lock = world.env.path("lock/master-failover/10.0.0.3:5678");
    let node = format!("{lock}/_c_01234567-89ab-cdef-0123-456789abcdef-lock-0000000000");
    world.zk().create_parents(&node);
    world.living().create(&node, b"10.0.0.1");
    let mut watcher = watch(
        &world,
        "--grace 0s --max-masters 1 --window 15s --lock-timeout 0s",
    )
    .spawn();
    // While it may be a failover that has just begun, it is waited for.
    watcher.await_stdout("10.0.0.3:5678");
    watcher.await_stdout(&of("failover_refused", DEAD));
    watcher.await_stdout(&of("failover_finished", DEAD));
    let output = end(&world, watcher);
    assert_eq!(handed_over(&world), 1, "{output:?}");
    let standby = told(&output, "standby");
    assert!(
        standby.len() == 1 && standby[0]["text"].to_string().contains("18197"),
        "{output:?}"
    );
    assert!(world.zk().exists(&node));
}

/// One that is above the limit by itself would hold the others for as long as it is dead: a resume
/// changes nothing.
#[test]
fn a_master_above_the_limit_holds_up_no_other() {
    let mut world = World::new(Store::MariaDb, BY_STATE, 5);
    let second = world.add("10.0.0.3:5678", super::long_ago(), 2);
    let connect = &world.env.connect;
    let more = format!("--once --grace 0s --max-instances 4 --zk {connect}");
    let round = world.run(watch(&world, &more)).exit(4);
    let refused = told(&round, "failover_refused");
    assert!(
        refused.len() == 1
            && refused[0]["text"]
                .to_string()
                .contains("--max-instances 5' does")
            && refused[0]["text"]
                .to_string()
                .contains("(with the same --zk as here)")
            && refused[0]["master"] == DEAD,
        "{round:?}"
    );
    assert_eq!(world.check(), second, "{round:?}");
    // Nothing is left on that an operator would have to release.
    world.run(watch(&world, "--once --grace 0s")).exit(0);
    assert_eq!(world.check(), &world.ids | &second);
}

fn hold(world: &World, master: &str) -> Running {
    let holder = world.dsctl(&format!("lock acquire {master}")).spawn();
    world.zk().await_queue(
        &world.env.path(&format!("lock/master-failover/{master}")),
        1,
    );
    holder
}

/// It is killed when its COMMIT has been done, before it could note that: whoever comes after it
/// counts what is not there any more.
#[test]
fn what_a_killed_watcher_has_done_counts_for_the_next_one() {
    for store in [Store::MariaDb, Store::Postgres] {
        let mut world = World::new(store, BY_HOST, 5);
        let second = world.add("10.0.0.3:5678", super::long_ago(), 2);
        let proxy = world.env.through_proxy();
        proxy.trap(Moment::Commit.bytes(store), At::SwallowAnswer);
        let more = "--grace 0s --max-masters 1";
        let watcher = super::watch(&world, more).spawn();
        super::await_commands(&world, 5);
        watcher.signal("KILL");
        watcher.finish();
        let next = super::watch(&world, &format!("{more} --once --lock-timeout 60s"));
        let output = next.limit(Duration::from_mins(2)).run();
        assert!(output.stdout.contains("storm brake"), "{output:?}");
        assert_eq!(world.check().intersection(&second).count(), 0, "{output:?}");
        output.exit(4);
    }
}
