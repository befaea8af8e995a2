//! What others do counts for the brake, and what was only refused cools nothing down.

use super::{Rounds, end, long_ago, of, program, told, watch};
use crate::harness::Store;
use crate::harness::world::{BY_HOST, DEAD, World};

/// Somebody else does two of them before this one may: the third is a storm.
#[test]
fn what_is_handed_over_by_hand_counts() {
    const SECOND: &str = "10.0.0.3:5678";
    const THIRD: &str = "10.0.0.4:5678";
    let mut world = World::new(Store::MariaDb, BY_HOST, 5);
    let second = world.add(SECOND, long_ago(), 4);
    let third = world.add(THIRD, long_ago(), 3);
    let rounds = Rounds::of(&world);
    let mut watcher = watch(&world, &format!("--grace 12s {}", rounds.arguments())).spawn();
    watcher.await_stdout(&of("grace_started", THIRD));
    world
        .run(world.dsctl(&format!("failover {DEAD} {SECOND} --yes")))
        .exit(0);
    watcher.await_stdout("storm brake");
    rounds.pass(2);
    let output = end(&world, watcher);
    assert!(told(&output, "failover_started").is_empty(), "{output:?}");
    assert_eq!(world.check(), &world.ids | &second);
    assert_eq!(
        world.hosts_and_states(&third),
        [(Some(THIRD.to_owned()), Some(1))].into()
    );
}

/// Tried again in every round, without asking or telling anybody anew.
#[test]
fn what_is_refused_is_told_once_and_done_when_it_can_be() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let rounds = Rounds::of(&world);
    let (pre, count) = (world.env.home().join("pre"), world.env.home().join("count"));
    program(&pre, &format!("echo asked >> {}", count.display()));
    world.env.sql("ALTER TABLE t_ds_command ENGINE = MyISAM");
    let mut watcher = watch(
        &world,
        &format!(
            "--grace 0s --on pre={} {}",
            pre.display(),
            rounds.arguments()
        ),
    )
    .spawn();
    watcher.await_stdout(&of("failover_refused", DEAD));
    rounds.pass(4);
    assert_eq!(std::fs::read_to_string(&count).unwrap().lines().count(), 1);
    world.env.sql("ALTER TABLE t_ds_command ENGINE = InnoDB");
    // The usual cool-down is ten minutes.
    watcher.await_stdout(&of("failover_finished", DEAD));
    let output = end(&world, watcher);
    assert_eq!(told(&output, "failover_refused").len(), 1, "{output:?}");
    world.check_complete();
}
