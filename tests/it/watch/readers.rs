//! Nobody reads what it tells, and it goes on; and how often it asks what.

use std::time::Duration;

use super::{Rounds, await_commands, end, let_pass, of};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World, registered};
use crate::harness::{Dsctl, Store};

/// With both streams in a pipe that is full already and that nobody reads.
#[test]
fn a_pipe_that_nobody_reads_holds_nothing() {
    for format in ["ndjson", "table"] {
        let world = World::new(Store::MariaDb, BY_HOST, 5);
        let (state, fifo) = (
            world.env.home().join("watch.json"),
            world.env.home().join("fifo"),
        );
        let script = format!(
            "mkfifo {0} && exec 3<>{0} && head -c 65536 /dev/zero >&3 && exec \"$@\" >&3 2>&3",
            fifo.display()
        );
        let words = format!(
            "watch -o {format} --yes --grace 0s --interval 1s --on pre=/bin/true --state-file {}",
            state.display()
        );
        let shell = Dsctl::new(&world.env).through("/bin/sh", &["-c", &script, "sh"]);
        let watcher = shell.args(words.split_whitespace()).spawn();
        await_commands(&world, 5);
        watcher.signal("TERM");
        world.end(watcher).exit(143);
        world.check_complete();
    }
}

/// The tables notify nobody, so they are looked at every few seconds; the store is scanned when its
/// time has come.
#[test]
fn with_the_registry_in_tables_the_store_is_not_scanned_at_every_look() {
    let world = World::with_registry_inside(Store::Postgres, BY_STATE, 5);
    let (rounds, state) = (Rounds::of(&world), world.env.home().join("watch.json"));
    let words = format!(
        "watch -o ndjson --yes --interval 1h --grace 1h --state-file {} {}",
        state.display(),
        rounds.arguments()
    );
    let mut watcher = world.dsctl(&words).spawn();
    watcher.await_stdout(&of("grace_started", DEAD));
    let first = rounds.first();
    let_pass(Duration::from_secs(8));
    assert_eq!(rounds.last_success(), Some(first));
    // Whoever comes is seen all the same.
    let other = dsctl::demo::Registered {
        client: 9,
        ..registered("10.0.0.9:5678")
    };
    world.env.register_in_database(BY_STATE, &other);
    watcher.await_stdout(&of("master_registered", "10.0.0.9:5678"));
    end(&world, watcher);
    world.check_untouched();
}

/// A world with so many dead masters that one round tells more than a pipe holds.
fn talkative() -> World {
    let world = World::new(Store::MariaDb, BY_HOST, 2);
    for number in 0..600 {
        world.add_later(
            &format!("10.0.{}.{}:5678", 3 + number / 250, number % 250),
            super::long_ago(),
            1,
        );
    }
    world
}

/// One round, whose events go through `reader`; there is a file `ended` when it is over.
fn read_by(world: &World, reader: &str) -> crate::harness::Output {
    let home = world.env.home();
    let (state, folder) = (home.join("watch.json"), home.display());
    let script = format!(
        "set -o pipefail; {{ \"$@\"; code=$?; : >{folder}/ended; exit $code; }} | (cd {folder}; {reader})"
    );
    let words = format!(
        "watch -o ndjson --yes --once --grace 1h --state-file {}",
        state.display()
    );
    let shell = Dsctl::new(&world.env).through("/bin/bash", &["-c", &script, "sh"]);
    shell.args(words.split_whitespace()).run()
}

#[test]
fn a_reader_that_begins_late_has_everything() {
    let world = talkative();
    let output = read_by(&world, "(sleep 3; cat)").exit(0);
    assert!(
        output.stdout.len() > 65_536 && output.stdout.contains("\"event\":\"stopped\""),
        "{}",
        output.stdout.len()
    );
    assert_eq!(super::told(&output, "grace_started").len(), 601);
}

#[test]
fn what_nobody_reads_at_the_end_is_told() {
    let world = talkative();
    let output = read_by(&world, "until test -e ended; do sleep 0.1; done").exit(1);
    let lost = output
        .stderr
        .split(" bytes of it are lost")
        .next()
        .unwrap()
        .rsplit(' ')
        .next()
        .unwrap();
    assert!(
        lost.parse::<u64>().is_ok_and(|lost| lost > 1024),
        "{output:?}"
    );
}
