//! The registry in the metadata database: what masters write there is read, and its lock shuts out
//! whoever comes second.

use std::time::Duration;

use dsctl::exit_code::ExitCode;

use super::release::{Claim, Release};
use super::seed::{self, Task};
use super::server::{Kind, Server};
use super::tables;
use super::world::{LONG, SHORT, World};
use crate::harness::{Dsctl, eventually};

const SOON: Duration = Duration::from_mins(5);
/// How many instances run when their master dies.
const INSTANCES: i64 = 3;

/// A master dies while the program holds its lock. A second master starts, which looks for such
/// work, and waits for the lock; so does the program's failover. One of the two does it.
pub(super) fn shuts_out(test: &str, release: &'static Release) {
    let Some(mut world) = World::new(test, release) else {
        return;
    };
    world.env.unset("DSCTL_ZK");
    world.env.set("DSCTL_REGISTRY", "jdbc");
    tables::audit(&world.env, release);
    seed::workflow(
        &world.env,
        100,
        &[
            Task::shell(101, &world.waiting_script("a")),
            Task::shell(102, "true"),
        ],
    );
    let (dead, worker) = (
        world.start(Kind::Master, SHORT),
        world.start(Kind::Worker, LONG),
    );
    let (mut dead, worker) = (dead.registered(&world.env), worker.registered(&world.env));
    is_read(&world, &dead);
    for _ in 0..INSTANCES {
        seed::start(&world.env, 100, "{}");
    }
    world.await_runs("a", usize::try_from(INSTANCES).unwrap(), &[&dead, &worker]);
    let running = "SELECT count(*) FROM t_ds_task_instance WHERE state = 1";
    world.await_number(SOON, running, INSTANCES, &[&dead, &worker]);

    let mut holder = Dsctl::new(&world.env)
        .args(["lock", "acquire", &dead.address])
        .limit(SOON)
        .spawn();
    let key = (release.lock)(&dead.address);
    let held = format!("SELECT count(*) FROM t_ds_jdbc_registry_lock WHERE lock_key = '/{key}'");
    world.await_number(SOON, &held, 1, &[&dead]);
    assert!(holder.is_running());
    dead.kill();
    eventually(SOON, "the end of the master", || {
        let report = world.dsctl(&["masters", "-o", "json"]).exit(0).json();
        if report["masters"][0]["verdict"] == "dead" {
            Ok(())
        } else {
            Err(report)
        }
    });
    let living = world.start(Kind::Master, LONG).registered(&world.env);
    World::await_log(&[&living], "failover starting");
    let arguments = [
        "failover",
        &dead.address,
        "--yes",
        "--lock-timeout",
        "1m",
        "--allow-new-masters",
        "-o",
        "json",
    ];
    let failover = Dsctl::new(&world.env)
        .args(arguments)
        .args(release.consent)
        .limit(SOON)
        .spawn();
    let claimed = "SELECT count(*) FROM audit WHERE operation = 'INSERT' AND later::jsonb->>'command_type' = '2'";
    assert_eq!(world.env.number(claimed), 0, "nobody has done anything yet");
    holder.signal("TERM");
    let output = failover.finish();
    holder.finish();
    if output.code == Some(i32::from(ExitCode::LockHeld.number())) {
        assert!(release.leaks_lock, "{output:?}");
    } else {
        let ours = output.exit(0).json()["recovered"].as_i64().unwrap();
        assert!(ours == 0 || ours == INSTANCES, "{ours}");
    }
    ends_well(&world, &[&living, &worker], claimed);
    if release.leaks_lock {
        // The master has kept it, or takes it once more, and we come second.
        world.await_number(SOON, &held, 1, &[&living]);
        let arguments = [
            "lock",
            "acquire",
            &dead.address,
            "--lock-timeout",
            "2s",
            "--",
            "true",
        ];
        world
            .dsctl(&arguments)
            .exit(ExitCode::LockHeld.number().into());
    }
}

fn is_read(world: &World, master: &Server) {
    let report = eventually(Duration::from_mins(1), "a heartbeat", || {
        let report = world.dsctl(&["masters", "-o", "json"]).exit(0).json();
        if report["masters"][0]["last_heartbeat_at"].is_null() {
            Err(report)
        } else {
            Ok(report)
        }
    });
    assert_eq!(report["family"], world.release.family);
    let shown = &report["masters"][0];
    assert_eq!(shown["address"], master.address.as_str());
    assert_eq!(shown["verdict"], "alive");
    assert_eq!(shown["node"], master.node.as_str());
    assert!(shown["started_at"].is_string(), "{shown}");
}

/// Everything was handed over once, and runs to its end.
fn ends_well(world: &World, servers: &[&Server], claimed: &str) {
    assert_eq!(world.release.claim, Claim::State);
    let taken_up = "SELECT count(*) FROM audit WHERE earlier::jsonb->>'state' = '18' AND later::jsonb->>'state' = '1'";
    world.await_number(SOON, taken_up, INSTANCES, servers);
    if world.release.repeats {
        world.await_runs("a", usize::try_from(2 * INSTANCES).unwrap(), servers);
    }
    world.let_go();
    let ended = "SELECT count(*) FROM t_ds_process_instance WHERE state = 7";
    world.await_number(SOON, ended, INSTANCES, servers);
    assert_eq!(world.env.number(claimed), INSTANCES);
    assert_eq!(
        world.env.number("SELECT count(*) FROM t_ds_error_command"),
        0
    );
    let again = if world.release.repeats { INSTANCES } else { 0 };
    assert_eq!(world.runs("a"), usize::try_from(INSTANCES + again).unwrap());
}
