//! The demonstration's cluster of every release: a SQLite file that is its own registry, without
//! any ZooKeeper.

use dsctl::demo;
use dsctl::model::Version;
use jiff::Timestamp;

use super::expected::{Command, assert_changes, claim_line, settled_in, task_line};
use super::releases::{ALL, Form, Mark, Release};
use crate::harness::{Dsctl, Env, Output, Store, wait};

/// A cluster in a file, with ZooKeeper nowhere in sight.
fn world(release: &Release) -> Env {
    let mut env = Env::new(Store::Sqlite);
    env.unset("DSCTL_ZK");
    if release.undecided {
        env.set("DSCTL_DS_VERSION", release.number);
    }
    let version: Version = release.number.parse().unwrap();
    let mut database = env.database();
    wait(demo::create(&mut *database, version, Timestamp::now())).unwrap();
    wait(database.close());
    env
}

fn run(env: &Env, words: &str, exit: i32) -> Output {
    // 3.3.0 cannot be failed over without it, and to the others it means nothing.
    let consent = words.starts_with("failover").then_some("--allow-recovered");
    Dsctl::new(env)
        .args(words.split_whitespace())
        .args(consent)
        .args(["-o", "json"])
        .run()
        .exit(exit)
}

/// The six instances that hang, by definition: 112 was being stopped, 115 has start parameters, 116
/// a schedule.
fn commands(release: &Release) -> [(i64, Command); 6] {
    let first = if release.mark == Mark::Host("null") || release.family == "1.3" {
        0
    } else {
        13_841_792_583_680
    };
    let command = |id: i64, state: i64, definition: i64| {
        (
            state,
            Command {
                definition: (first + definition, 1),
                ..Command::plain(release, id, state)
            },
        )
    };
    let (form, started) = (release.form, command(115, 1, 5).1);
    let started = started.texts(
        form,
        r#"{"ProcessInstanceId":115}"#,
        r#"{"ProcessInstanceId":115}"#,
        r#"{"StartParams":"{\"region\":\"emea\"}","ProcessInstanceId":115}"#,
    );
    let zoned = r#"{"ProcessInstanceId":"116","schedule_timezone":"Asia/Shanghai"}"#;
    let scheduled = command(116, 1, 6)
        .1
        .texts(form, r#"{"ProcessInstanceId":116}"#, zoned, zoned);
    [
        command(111, 1, 1),
        command(112, 4, 2),
        command(113, 1, 3),
        command(114, 1, 4),
        (1, started),
        (1, scheduled),
    ]
}

/// Tasks that are marked, with the state that they had: none of 113, whose task is the sub-process
/// 114.
fn tasks(release: &Release) -> &'static [(i64, i64)] {
    match (release.task_states, release.by_host, release.form) {
        ([], ..) => &[],
        (_, true, Form::Id) => &[(1112, 1)],
        _ => &[
            (1112, 1),
            (1113, 0),
            (1122, 1),
            (1142, 1),
            (1152, 1),
            (1162, 17),
        ],
    }
}

#[test]
fn the_story_ends_well_in_every_release() {
    for release in &ALL {
        let env = world(release);
        let dead = if release.ports {
            "10.0.0.2:5678"
        } else {
            "10.0.0.2"
        };
        let before = env.dump();
        for command in ["masters", "instances", "commands"] {
            run(&env, command, 0);
        }
        run(&env, &format!("lock status {dead}"), 0);
        run(&env, "failover --all-dead --dry-run", 0);
        before.assert_same(&env.dump());
        let began = Timestamp::now();
        let report = run(&env, &format!("failover {dead} --yes"), 0).json();
        let after = env.dump();
        let mut expected = Vec::new();
        for (state, command) in commands(release) {
            expected.push(claim_line(
                Store::Sqlite,
                release,
                command.instance,
                dead,
                state,
            ));
            expected.push(command.line(release));
        }
        expected.extend(
            tasks(release)
                .iter()
                .map(|(id, state)| task_line(release, *id, *state)),
        );
        assert_changes(
            release.number,
            &expected,
            &settled_in("UTC", &before.changes(&after), began),
        );
        assert_eq!(
            super::world::recovered(&report),
            [111, 112, 113, 114, 115, 116]
        );
        run(&env, "failover --all-dead --yes --grace 0s", 0);
        after.assert_same(&env.dump());
    }
}
