//! A master comes back on the same address: it is alive, and what it has begun since is its own.

use jiff::Timestamp;

use super::{Rounds, await_commands, end, event, of, told, watch};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World, registered};
use crate::harness::{Store, eventually};

/// The instances that a master has begun after its return.
fn of_the_new_life(world: &World) -> std::collections::BTreeSet<i64> {
    let soon = Timestamp::now() + jiff::SignedDuration::from_secs(2);
    world.add_later(DEAD, soon, 3)
}

fn untouched(world: &World, ids: &std::collections::BTreeSet<i64>) {
    assert_eq!(
        world.hosts_and_states(ids),
        [(Some(DEAD.to_owned()), Some(1))].into()
    );
    assert!(
        world.commands().keys().all(|id| !ids.contains(id)),
        "{:?}",
        world.commands()
    );
}

#[test]
fn within_the_grace_time_nothing_is_touched_and_what_is_old_is_told() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let rounds = Rounds::of(&world);
    let dying = world.env.register(BY_HOST, &registered(DEAD));
    let mut watcher = watch(&world, &format!("--grace 10s {}", rounds.arguments())).spawn();
    watcher.await_stdout(&of("master_registered", DEAD));
    dying.close();
    watcher.await_stdout(&of("grace_started", DEAD));
    let back = world.env.register(BY_HOST, &registered(DEAD));
    let new = of_the_new_life(&world);
    watcher.await_stdout(&format!("\"session_id\":\"{}\"", back.session_id()));
    rounds.pass(12);
    let output = end(&world, watcher);
    assert!(told(&output, "failover_started").is_empty(), "{output:?}");
    let last = told(&output, "master_registered").pop().unwrap();
    assert_eq!(
        (&last["master"], &last["older_instances"]),
        (&DEAD.into(), &5.into()),
        "{output:?}"
    );
    assert!(
        last["text"].as_str().unwrap().contains("--allow-restarted"),
        "{last}"
    );
    untouched(&world, &new);
    assert_eq!(
        world.hosts_and_states(&world.ids),
        [(Some(DEAD.to_owned()), Some(1))].into()
    );
    assert_eq!(world.command_count(), 0);
}

#[test]
fn after_the_failover_its_new_work_is_its_own() {
    let world = World::new(Store::Postgres, BY_HOST, 5);
    let rounds = Rounds::of(&world);
    let dying = world.env.register(BY_HOST, &registered(DEAD));
    let more = format!("--grace 1s --cool-down 0s {}", rounds.arguments());
    let mut watcher = watch(&world, &more).spawn();
    watcher.await_stdout(&of("master_registered", DEAD));
    dying.close();
    watcher.await_stdout(&of("failover_finished", DEAD));
    world.check_complete();
    let back = world.env.register(BY_HOST, &registered(DEAD));
    let new = of_the_new_life(&world);
    watcher.await_stdout(&back.session_id());
    rounds.pass(4);
    untouched(&world, &new);
    let output = end(&world, watcher);
    assert_eq!(told(&output, "failover_started").len(), 1, "{output:?}");
    // Nothing of its old life is left, so there is nothing to tell.
    let last = told(&output, "master_registered").pop().unwrap();
    assert_eq!(last["older_instances"], 0, "{last}");
    assert_eq!(world.command_count(), 5);
}

#[test]
fn in_the_middle_of_a_failover_the_rest_is_left_and_told() {
    let world = World::new(Store::MariaDb, BY_STATE, 40);
    let rounds = Rounds::of(&world);
    let more = format!(
        "--grace 0s --cool-down 0s --batch 1 --rate 1/s {}",
        rounds.arguments()
    );
    let mut watcher = watch(&world, &more).spawn();
    await_commands(&world, 2);
    let back = world.env.register(BY_STATE, &registered(DEAD));
    watcher.await_stdout(&event("failover_refused"));
    let done = world.check();
    assert!(done.len() < world.ids.len(), "{done:?}");
    watcher.await_stdout(&back.session_id());
    rounds.pass(3);
    let output = end(&world, watcher);
    let refused = told(&output, "failover_refused").remove(0);
    assert_eq!(refused["recovered"], done.len(), "{refused}");
    let handed_over = format!("{} were handed over before", done.len());
    assert!(
        refused["text"].as_str().unwrap().contains(&handed_over),
        "{refused}"
    );
    let last = told(&output, "master_registered").pop().unwrap();
    assert_eq!(
        last["older_instances"],
        world.ids.len() - done.len(),
        "{output:?}"
    );
    assert_eq!(world.check(), done, "{output:?}");
    // It dies once more: the rest follows.
    back.close();
    let mut watcher = watch(&world, "--grace 0s --cool-down 0s").spawn();
    watcher.await_stdout(&event("failover_finished"));
    eventually(super::SOON, "the rest", || {
        if world.command_count() == 40 {
            Ok(())
        } else {
            Err(world.command_count())
        }
    });
    end(&world, watcher);
    world.check_complete();
}
