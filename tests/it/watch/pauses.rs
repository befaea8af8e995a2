//! "Watchers are paused" is true from the next batch on, whatever goes on at that moment.

use super::{Rounds, aside, await_commands, await_file, end, of, program, told, watch};
use crate::harness::Store;
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World};

#[test]
fn a_pause_ends_a_failover_after_its_batch_and_it_goes_on_afterwards() {
    for (store, version) in [(Store::MariaDb, BY_HOST), (Store::Postgres, BY_STATE)] {
        let world = World::new(store, version, 20);
        let rounds = Rounds::of(&world);
        let more = format!("--grace 0s --batch 2 --rate 2/s {}", rounds.arguments());
        let mut watcher = watch(&world, &more).spawn();
        await_commands(&world, 4);
        aside(&world, &["--pause", "moving the racks"]);
        watcher.await_stdout(&of("failover_refused", DEAD));
        let done = world.check();
        assert!((4..20).contains(&done.len()), "{done:?}");
        rounds.pass(3);
        assert_eq!(world.check(), done);
        // The usual cool-down is ten minutes: there is none.
        aside(&world, &["--resume"]);
        watcher.await_stdout(&of("failover_finished", DEAD));
        let output = end(&world, watcher);
        world.check_complete();
        let refused = told(&output, "failover_refused").remove(0);
        let text = refused["text"].as_str().unwrap();
        assert!(
            text.contains("moving the racks") && text.contains("were handed over before"),
            "{refused}"
        );
        assert_eq!(refused["recovered"], done.len(), "{refused}");
    }
}

#[test]
fn a_pause_while_a_hook_is_asked_holds() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let rounds = Rounds::of(&world);
    let (pre, asked, go) = (
        world.env.home().join("pre"),
        world.env.home().join("asked"),
        world.env.home().join("go"),
    );
    let script = format!(
        "echo > {}; while ! test -e {}; do sleep 0.05; done",
        asked.display(),
        go.display()
    );
    program(&pre, &script);
    let more = format!(
        "--grace 0s --hook-timeout 30s --on pre={} {}",
        pre.display(),
        rounds.arguments()
    );
    let mut watcher = watch(&world, &more).spawn();
    await_file(&asked);
    aside(&world, &["--pause", "moving the racks"]);
    std::fs::write(go, "").unwrap();
    watcher.await_stdout(&of("failover_refused", DEAD));
    rounds.pass(2);
    world.check_untouched();
    aside(&world, &["--resume"]);
    watcher.await_stdout(&of("failover_finished", DEAD));
    let output = end(&world, watcher);
    assert_eq!(told(&output, "failover_started").len(), 1, "{output:?}");
    world.check_complete();
}

#[test]
fn a_pause_while_the_lock_is_waited_for_holds() {
    let world = World::new(Store::Postgres, BY_HOST, 5);
    let holder = world.holder();
    let mut watcher = watch(&world, "--grace 0s --lock-timeout 30s").spawn();
    world.zk().await_queue(&world.lock(), 2);
    aside(&world, &["--pause", "moving the racks"]);
    holder.signal("TERM");
    holder.finish();
    watcher.await_stdout(&of("failover_refused", DEAD));
    world.check_untouched();
    aside(&world, &["--resume"]);
    watcher.await_stdout(&of("failover_finished", DEAD));
    end(&world, watcher);
    world.check_complete();
}
