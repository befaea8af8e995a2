//! `lock acquire`: what holding means, and how it ends.
//!
//! Ctrl-C is one of the ways to end it that the command offers, so it ends with 0 and gives the
//! lock back; so does SIGTERM. With a program, the program's own end counts.

use std::time::Duration;

use super::{DEAD, LIVING, V3_2, cluster, rehearsal, run};
use crate::harness::world::World;
use crate::harness::{Curator, Dsctl, Running};

const MOMENT: Duration = Duration::from_millis(300);
const SOON: Duration = Duration::from_secs(20);

impl World {
    fn held(&self, words: &[&str]) -> Running {
        let running = self.acquire(words).spawn();
        self.zk().await_queue(&self.lock(), 1);
        running
    }

    /// A program in a shell, started and ready.
    fn program(&self, script: &str) -> Running {
        let mut running = self.acquire(&["--", "sh", "-c", script]).spawn();
        running.await_stdout("ready");
        running
    }

    fn assert_free(&self) {
        assert!(self.zk().lock_queue(&self.lock()).is_empty());
    }
}

#[test]
fn curator_waits_for_it() {
    let world = cluster();
    let mut curator = Curator::connect(&world.env.connect, &world.lock());
    let mut running = world.held(&[]);
    running.await_stderr("holding");
    assert!(!curator.acquire(MOMENT));
    curator.ask_to_acquire(SOON);
    world.zk().await_queue(&world.lock(), 2);
    assert!(curator.is_silent() && running.is_running());
    running.signal("INT");
    curator.expect("acquired");
    running.finish().exit(0).out("released").out("after");
    let refused = world.acquire(&["--lock-timeout", "50ms"]).run().exit(5);
    refused
        .err("is held by another client")
        .err("held by session")
        .err("dsctl lock status");
    assert_eq!(world.zk().lock_queue(&world.lock()).len(), 1);
    curator.release();
    curator.close();
}

#[test]
fn every_end_gives_it_back() {
    let world = cluster();
    for signal in ["INT", "TERM"] {
        let mut running = world.held(&[]);
        running.await_stderr("until Ctrl-C");
        running.signal(signal);
        running.finish().exit(0).out("released");
        world.assert_free();
    }
    world
        .acquire(&["--for", "100ms"])
        .run()
        .exit(0)
        .err("for 100ms")
        .out("released");
    world.assert_free();
}

#[test]
fn signals_while_it_waits_leave_nothing() {
    let world = cluster();
    let holder = world.held(&[]);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut waiting = world.acquire(&[]).spawn();
        waiting.await_stderr("held by session");
        waiting.signal(signal);
        waiting.finish().exit(code);
        world.zk().await_queue(&world.lock(), 1);
    }
    holder.signal("INT");
    holder.finish().exit(0);
}

#[test]
fn the_programs_status_is_passed_on() {
    let world = cluster();
    for (script, code) in [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 255", 255),
        ("kill -KILL $$", 137),
        ("kill -SEGV $$", 139),
    ] {
        let output = world.acquire(&["--", "sh", "-c", script]).run().exit(code);
        assert!(
            output.stdout.is_empty() && output.stderr.is_empty(),
            "{output:?}"
        );
        world.assert_free();
    }
}

#[test]
fn a_program_that_cannot_be_run() {
    let world = cluster();
    for (program, code) in [
        ("/nonexistent/program", 127),
        ("no-such-program", 127),
        ("/etc/passwd", 126),
        ("/", 126),
    ] {
        let output = world.acquire(&["--", program]).run().exit(code);
        output
            .err(&format!("cannot run {program:?}"))
            .err("the lock was released");
        world.assert_free();
    }
}

#[test]
fn the_lock_is_held_while_the_program_runs_and_its_streams_are_its_own() {
    let world = cluster();
    let status = format!(
        "cat; echo complaint >&2; '{}' lock status -o tsv",
        env!("CARGO_BIN_EXE_dsctl")
    );
    let output = world
        .acquire(&["-o", "json", "--", "sh", "-c", &status])
        .stdin("typed\n")
        .run()
        .exit(0);
    let output = output
        .out("typed\n")
        .out(&world.lock())
        .out("\tholder\t")
        .err("complaint");
    assert!(!output.stdout.contains("schema_version"), "{output:?}");
    let words = world
        .acquire(&["--", "printf", "%s|", "a b", "", "$HOME", "--for"])
        .run()
        .exit(0);
    assert_eq!(words.stdout, "a b||$HOME|--for|");
}

#[test]
fn signals_are_passed_on() {
    let world = cluster();
    for (name, status) in [("INT", 9), ("TERM", 9)] {
        let trap = format!(
            "trap 'echo got {name}; exit 9' {name}; echo ready; while :; do sleep 0.05; done"
        );
        let running = world.program(&trap);
        running.signal(name);
        running.finish().exit(status).out(&format!("got {name}"));
        world.assert_free();
    }
    let running = world.program("echo ready; exec sleep 60");
    running.signal("TERM");
    running.finish().exit(143);
    world.assert_free();
}

#[test]
fn the_time_ends_the_program_too() {
    let world = cluster();
    let output = world
        .acquire(&["--for", "200ms", "--", "sleep", "60"])
        .run();
    output.exit(143);
    world.assert_free();
}

#[test]
fn a_lost_lock_ends_the_program() {
    let world = cluster();
    let trap = "trap 'echo ended; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    let running = world.program(trap);
    let node = world.zk().await_queue(&world.lock(), 1).remove(0);
    world.zk().delete(&format!("{}/{node}", world.lock()));
    running
        .finish()
        .exit(8)
        .out("ended")
        .err("is lost")
        .err("hint: ");
    world.assert_free();
}

#[test]
fn a_program_that_does_not_listen_is_killed_with_its_children() {
    let mut world = cluster();
    world.env.set("DSCTL_SESSION_TIMEOUT", "4s");
    let running = world
        .program("trap '' TERM; sh -c 'trap \"\" TERM; echo ready; exec sleep 60' & wait; wait");
    let node = world.zk().await_queue(&world.lock(), 1).remove(0);
    world.zk().delete(&format!("{}/{node}", world.lock()));
    // Had a child lived on, the pipes would still be open and this would wait for it.
    running.finish().exit(8).err("is lost");
}

#[test]
fn a_lost_lock_without_a_program() {
    let world = cluster();
    let mut running = world.acquire(&["-o", "json"]).spawn();
    running.await_stderr("holding");
    let node = world.zk().await_queue(&world.lock(), 1).remove(0);
    world.zk().delete(&format!("{}/{node}", world.lock()));
    let output = running.finish().exit(8).err("is lost");
    let document = super::contract::check(&output, "lock acquire");
    assert_eq!(document["error"]["kind"], "lock_lost");
}

#[test]
fn in_a_file_too() {
    let env = rehearsal(V3_2);
    let mut holder = Dsctl::new(&env).args(["lock", "acquire", DEAD]).spawn();
    holder.await_stderr("holding");
    run(&env, &format!("lock status {DEAD}"))
        .exit(0)
        .out("holder");
    let before = env.dump().count("t_ds_command");
    run(
        &env,
        "failover --all-dead --yes --grace 0s --lock-timeout 100ms",
    )
    .exit(5)
    .err("is held by another client");
    assert_eq!(env.dump().count("t_ds_command"), before);
    // Another master's lock is another lock.
    run(&env, "lock acquire 10.0.0.7:5678 --for 1ms").exit(0);
    run(&env, &format!("lock acquire {LIVING} --for 1ms")).exit(0);
    holder.signal("INT");
    holder.finish().exit(0);
    run(&env, "failover --all-dead --yes --grace 0s").exit(0);
    run(&env, "lock status")
        .exit(0)
        .out("no failover lock is held");
}
