//! Masters and workers at work, under load: the doctor finds nothing, as often as it looks.

use std::time::Duration;

use super::release::{Release, V1_3_6, V2_0_3, V3_1_1};
use super::seed::{self, Task};
use super::server::Kind;
use super::world::{LONG, World};
use crate::harness::{Dsctl, Store};

/// How long anything may take that a master does.
const SOON: Duration = Duration::from_mins(5);

/// How many workflows are under way at a time.
const UNDER_WAY: i64 = 8;

/// Those that have ended, without those inside others.
const ENDED: &str =
    "SELECT count(*) FROM t_ds_process_instance WHERE is_sub_process = 0 AND state IN (6, 7)";

/// How many of them run; the doctor looks again and again meanwhile.
fn workflows() -> i64 {
    let given = std::env::var("DSCTL_TEST_WORKFLOWS").ok();
    given.map_or(24, |text| text.parse().unwrap())
}

#[test]
fn nothing_hangs_under_load_on_3_1_1() {
    at_work("nothing_hangs_under_load_on_3_1_1", &V3_1_1, Store::MariaDb);
}

#[test]
fn nothing_hangs_under_load_on_2_0_3() {
    at_work(
        "nothing_hangs_under_load_on_2_0_3",
        &V2_0_3,
        Store::Postgres,
    );
}

#[test]
fn nothing_hangs_under_load_on_1_3_6() {
    at_work(
        "nothing_hangs_under_load_on_1_3_6",
        &V1_3_6,
        Store::Postgres,
    );
}

/// Workflows of two tasks, with a workflow inside, and such that fail.
pub(super) fn at_work(test: &str, release: &'static Release, store: Store) {
    let Some(world) = World::on(test, release, store) else {
        return;
    };
    let env = &world.env;
    let inside = Task::sub_process(env, 202, 100);
    seed::workflow(
        env,
        100,
        &[Task::shell(101, "true"), Task::shell(102, "sleep 1")],
    );
    seed::workflow(env, 200, &[Task::shell(201, "true"), inside]);
    seed::workflow(env, 300, &[Task::shell(301, "false")]);
    let mut masters = vec![world.start(Kind::Master, LONG).registered(env)];
    if release.shares {
        masters.push(world.start(Kind::Master, LONG).registered(env));
    }
    let _worker = world.start(Kind::Worker, LONG).registered(env);
    if let Some(text) = release.shared.filter(|_| release.shares) {
        World::await_log(&masters.iter().collect::<Vec<_>>(), text);
    }
    let (wanted, mut started, mut looks) = (workflows(), 0, 0);
    // A busy machine may hold a master up for longer than the usual time.
    let look = || Dsctl::new(env).args(["doctor", "--fail-on", "note", "--settle", "1m"]);
    let mut doctor = look().limit(SOON).spawn();
    loop {
        let ended = world.number(ENDED);
        if started < wanted && started - ended < UNDER_WAY {
            seed::start(env, 100 * (1 + started % 3), "{}");
            started += 1;
        }
        if !doctor.is_running() {
            doctor.finish().exit(0).out("nothing was found");
            looks += 1;
            if ended == wanted {
                break;
            }
            doctor = look().limit(SOON).spawn();
        }
    }
    eprintln!("{test}: nothing was found in {looks} looks at {wanted} workflows");
    let errors = world.env.number("SELECT count(*) FROM t_ds_error_command");
    assert_eq!(errors, 0);
}
