//! What is remembered between rounds, what an operator may stop, and what needs consent.

use std::time::Duration;

use super::{one_is_done, watch, words};
use crate::harness::Store;
use crate::harness::world::{BY_HOST, BY_STATE, World};

#[test]
fn rounds_of_cron_remember_what_was_missing() {
    let world = World::new(Store::Postgres, BY_HOST, 5);
    let first = world.run(watch(&world, "--once --grace 1s")).exit(0);
    assert_eq!(
        words(&first),
        ["started", "master_registered", "grace_started", "stopped"]
    );
    world.check_untouched();
    crate::harness::eventually(Duration::from_secs(20), "the grace time is over", || {
        let round = world.run(watch(&world, "--once --grace 1s")).exit(0);
        if words(&round).iter().any(|word| word == "failover_finished") {
            Ok(())
        } else {
            Err(round)
        }
    });
    world.check_complete();
    // It is over, and stays so.
    let last = world.run(watch(&world, "--once --grace 0s")).exit(0);
    assert_eq!(words(&last), ["started", "master_registered", "stopped"]);
}

#[test]
fn a_pause_and_the_storm_brake_hold_until_somebody_resumes() {
    let world = World::new(Store::MariaDb, BY_HOST, 5);
    let state = world.env.home().join("watch.json");
    let aside = |more: &str| {
        let words = ["watch", "--state-file", state.to_str().unwrap(), more];
        world
            .dsctl("")
            .args(words)
            .args((more == "--pause").then_some("maintenance"))
            .run()
            .exit(0)
    };
    aside("--pause");
    let paused = world.run(watch(&world, "--once --grace 0s")).exit(0);
    assert!(paused.stdout.contains("maintenance"), "{paused:?}");
    // With the file that was typed: another one would resume nobody.
    let next = format!("dsctl watch --resume --state-file {}", state.display());
    assert!(
        paused.stdout.contains(&next) && aside("--pause").stdout.contains(&next),
        "{paused:?}"
    );
    world.check_untouched();
    aside("--resume");
    one_is_done(&world);
    let braked = world
        .run(watch(&world, "--once --grace 0s --max-masters 1"))
        .exit(4);
    assert!(braked.stdout.contains("storm brake"), "{braked:?}");
    // A greater limit alone does not release it.
    let still = world.run(watch(&world, "--once --grace 0s")).exit(4);
    assert!(still.stdout.contains("storm brake"), "{still:?}");
    world.check_untouched();
    aside("--resume");
    world.run(watch(&world, "--once --grace 0s")).exit(0);
    world.check_complete();
}

#[test]
fn a_dry_run_writes_nothing_anywhere() {
    let world = World::new(Store::Postgres, BY_STATE, 5);
    let (store, registry) = (world.env.dump(), world.env.registry_dump());
    let state = world.env.home().join("watch.json");
    let words = format!(
        "watch --dry-run --once --grace 0s -o ndjson --state-file {}",
        state.display()
    );
    let output = world.run(world.dsctl(&words)).exit(0);
    assert!(
        output.stdout.contains("5 would be handed over"),
        "{output:?}"
    );
    store.assert_same(&world.env.dump());
    assert_eq!(registry, world.env.registry_dump());
    assert!(!state.exists());
}

#[test]
fn consent_is_needed_and_one_format_is_for_programs() {
    let world = World::new(Store::MariaDb, BY_HOST, 1);
    world
        .run(world.dsctl("watch --once"))
        .exit(4)
        .err("--dry-run");
    world
        .run(world.dsctl("watch --once --yes -o json"))
        .exit(2)
        .err("ndjson");
    world.run(world.dsctl("watch --once --yes --live")).exit(2);
    world.check_untouched();
}
