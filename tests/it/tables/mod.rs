//! What the tables of the metadata store must be, and what its user must be allowed to: told before
//! anything is done.

mod grants;
mod halves;
mod inserts;
mod released;

use crate::harness::world::World;
use crate::harness::{Dsctl, Output};

/// Every command that reads the metadata store.
const EVERY: [&str; 11] = [
    "masters",
    "instances",
    "commands",
    "lock status",
    "lock acquire 10.0.0.2:5678 --for 1s",
    "failover --all-dead --yes --grace 0s",
    "failover 10.0.0.2:5678 --dry-run",
    "clear-hosts 10.0.0.2:5678 --yes",
    "recover --orphans --yes",
    "watch --once --yes",
    "watch --once --dry-run",
];

/// Those that write, and their dry runs.
const WRITING: [&str; 6] = [
    "failover --all-dead --yes --grace 0s",
    "failover 10.0.0.2:5678 --yes",
    "failover 10.0.0.2:5678 --dry-run",
    "clear-hosts 10.0.0.2:5678 --dry-run",
    "recover --orphans --yes",
    "recover --orphans --dry-run",
];

fn run(world: &World, line: &str) -> Output {
    let program = Dsctl::new(&world.env).args(line.split_whitespace());
    if line.starts_with("watch") {
        let state = world.env.home().join("watch.json");
        return program
            .args(["--grace", "0s", "--state-file", state.to_str().unwrap()])
            .run();
    }
    program.run()
}

/// Refused with this text, and nothing was written.
#[track_caller]
fn refused(world: &World, line: &str, seen: &str) -> Output {
    refused_each(world, [line], seen).remove(0)
}

/// The same for several lines, one after the other.
#[track_caller]
fn refused_each<'a>(
    world: &World,
    lines: impl IntoIterator<Item = &'a str>,
    seen: &str,
) -> Vec<Output> {
    let (database, registry) = (world.env.dump(), world.env.registry_dump());
    let mut outputs = Vec::new();
    for line in lines {
        let output = run(world, line).exit(4).tells(seen);
        database.assert_same(&world.env.dump());
        assert_eq!(registry, world.env.registry_dump(), "{output:?}");
        outputs.push(output);
    }
    outputs
}
