//! What is refused: exit 4, a word on what to do, and nothing written to database or registry.

use dsctl::demo::seed;
use dsctl::model::Version;

use super::{
    DEAD, HANGING, LIVING, V3_2, V3_4, changed_instances, living, master, refused, rehearsal, run,
    unchanged, with_zookeeper,
};
use crate::harness::{Dsctl, Env, Store};

const ALL: &str = "failover --all-dead --yes --grace 0s";

/// A line goes through and hands the six over.
#[track_caller]
fn goes_through(env: &Env, line: &str) {
    let before = env.dump();
    run(env, line).exit(0);
    assert_eq!(changed_instances(&before, &env.dump()), HANGING);
}

#[test]
fn the_wrong_namespace() {
    let mut env = with_zookeeper(Store::Sqlite, V3_2);
    let _living = living(&env, V3_2);
    let right = env.namespace.clone();
    env.set("DSCTL_NAMESPACE", "elsewhere");
    for line in [
        ALL,
        "failover 10.0.0.2:5678 --yes",
        "clear-hosts 10.0.0.2:5678 --yes",
        "recover --orphans --yes",
    ] {
        refused(
            &env,
            line,
            "has no node /elsewhere/nodes/master",
            "--namespace",
        );
        refused(
            &env,
            &format!("{line} --allow-no-masters"),
            "has no node /elsewhere/nodes/master",
            "--namespace",
        );
    }
    refused(
        &env,
        "lock acquire 10.0.0.2:5678 --for 1s",
        "has no node /elsewhere/nodes/master",
        "--namespace",
    );
    run(&env, "lock status 10.0.0.2:5678")
        .exit(0)
        .err("it is unknown whether a lock is free")
        .err("has no node /elsewhere/nodes/master");
    assert!(!env.zk().exists("/elsewhere"));
    // And nobody is called dead for not being there.
    for command in ["masters", "instances"] {
        let shown = run(&env, command)
            .exit(0)
            .err("has no node /elsewhere/nodes/master")
            .out("unknown");
        assert!(!shown.stdout.contains("dead"), "{shown:?}");
    }
    env.set("DSCTL_NAMESPACE", &right);
    goes_through(&env, ALL);
}

#[test]
fn no_master_at_all() {
    let env = with_zookeeper(Store::Sqlite, V3_4);
    living(&env, V3_4).close();
    let one = format!("failover {DEAD} --yes");
    for line in [
        ALL,
        &one,
        "clear-hosts 10.0.0.2:5678 --yes",
        "recover --orphans --yes",
    ] {
        refused(
            &env,
            line,
            "no master is registered below",
            "--allow-no-masters",
        );
    }
    goes_through(&env, &format!("{one} --allow-no-masters"));
}

#[test]
fn masters_that_are_registered_elsewhere() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    living(&env, V3_2).close();
    env.register_in_database(V3_2, &master(LIVING, 60));
    refused(
        &env,
        "lock acquire 10.0.0.2:5678 --for 1s",
        "--registry jdbc",
        "belong to one cluster",
    );
    run(&env, "lock status 10.0.0.2:5678")
        .exit(0)
        .err("--registry jdbc")
        .err("belong to one cluster");
    for line in [
        ALL,
        "failover --all-dead --yes --grace 0s --allow-no-masters",
        "recover --orphans --yes",
    ] {
        refused(&env, line, "--registry jdbc", "belong to one cluster");
    }
}

#[test]
fn a_living_master() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let registration = living(&env, V3_2);
    let session = registration.session_id();
    for line in [
        format!("failover {LIVING} --yes"),
        format!("clear-hosts {LIVING} --yes"),
        format!("failover {LIVING} --yes --allow-no-masters --allow-duplicate-tasks"),
        format!("failover {LIVING} --dry-run"),
    ] {
        refused(&env, &line, "it is alive", "dsctl masters");
        run(&env, &line).err(&session).err(registration.path());
    }
    let before = env.dump();
    let all_newer = run(&env, &format!("failover {LIVING} --yes --allow-restarted"));
    assert_eq!(
        changed_instances(&before, &env.dump()),
        [0_i64; 0],
        "{all_newer:?}"
    );
}

#[test]
fn a_restarted_master() {
    let mut env = with_zookeeper(Store::Sqlite, V3_2);
    let _living = living(&env, V3_2);
    let _restarted = env.register(V3_2, &master(DEAD, 5));
    let line = format!("failover {DEAD} --yes");
    refused(
        &env,
        &line,
        "it is alive",
        "6 instances are older than its registration; 'dsctl instances",
    );
    run(&env, &line)
        .exit(4)
        .err("does not work on these, --allow-restarted");
    unchanged(&env, Dsctl::new(&env).args(ALL.split(' '))).exit(0);
    env.unset("DSCTL_TIME_ZONE");
    refused(
        &env,
        &format!("{line} --allow-restarted"),
        "without the cluster's time zone",
        "--time-zone",
    );
    goes_through(&env, &format!("{line} --allow-restarted --time-zone UTC"));
}

#[test]
fn an_instance_begun_since_the_restart_is_left_alone() {
    let env = with_zookeeper(Store::Sqlite, V3_2);
    let _living = living(&env, V3_2);
    let _restarted = env.register(V3_2, &master(DEAD, 50));
    // 115 and 116 began 47 and 45 minutes ago.
    let before = env.dump();
    run(&env, &format!("failover {DEAD} --yes --allow-restarted"))
        .exit(0)
        .out("started after the registered master");
    assert_eq!(
        changed_instances(&before, &env.dump()),
        [111, 112, 113, 114]
    );
}

#[test]
fn texts_that_name_no_master() {
    let odd = [
        ("NULL", 4),
        ("null", 4),
        ("Null", 4),
        ("", 2),
        ("10.0.0.2", 2),
        ("10.0.0.2:", 2),
        ("10.0.0.2:0", 2),
        ("10.0.0.2:567890", 2),
        (":5678", 2),
        ("10.0.0.2:5678 ", 2),
        (" 10.0.0.2:5678", 2),
        ("10.0.0.2:5678\n", 2),
        ("10.0.0.2\n:5678", 2),
        ("10.0.0.2'; DROP TABLE t_ds_command; --:5678", 2),
        ("'10.0.0.2:5678'", 2),
        ("\"10.0.0.2:5678\"", 2),
        ("10.0.0.2\u{1b}[2J:5678", 2),
        ("../10.0.0.2:5678", 2),
        ("10.0.0.2\\:5678", 2),
    ];
    let env = rehearsal(V3_2);
    for (text, code) in odd {
        for words in [
            vec!["failover", text, "--yes"],
            vec!["clear-hosts", text, "--yes"],
        ] {
            let output = unchanged(&env, Dsctl::new(&env).args(&words))
                .exit(code)
                .err("hint: ");
            assert!(
                output.stdout.is_empty() && !output.stderr.contains('\u{1b}'),
                "{output:?}"
            );
        }
        for words in [
            vec!["lock", "acquire", text, "--for", "1s"],
            vec!["lock", "status", text],
            vec!["instances", text],
        ] {
            unchanged(&env, Dsctl::new(&env).args(&words))
                .exit(code)
                .err("hint: ");
        }
    }
}

#[test]
fn addresses_are_taken_whole() {
    let env = rehearsal(V3_2);
    let others = [
        "10.0.0.2:567",
        "0.0.0.2:5678",
        "10.0.0.22:5678",
        "10.0.0.2:56780",
        "10.0.0._:5678",
        "%:5678",
    ];
    for other in others {
        let output = unchanged(&env, Dsctl::new(&env).args(["failover", other, "--yes"]));
        output.exit(0).out(&format!(
            "nothing to do: no unfinished instance names {other}"
        ));
    }
}

#[test]
fn release_1_2_writes_no_port() {
    let env = rehearsal(Version::new(1, 2, 1));
    unchanged(&env, Dsctl::new(&env).args(["failover", DEAD, "--yes"]))
        .exit(2)
        .err("has a port")
        .err("hint: ");
    unchanged(&env, Dsctl::new(&env).args(["failover", "null", "--yes"]))
        .exit(4)
        .err("hint: ");
    goes_through(&env, "failover 10.0.0.2 --yes");
}

#[test]
fn nobody_to_ask() {
    let env = rehearsal(V3_2);
    for line in [
        "failover --all-dead",
        "clear-hosts 10.0.0.2:5678",
        "recover --orphans",
        "recover --instance 118",
    ] {
        refused(
            &env,
            line,
            "there is no terminal for a confirmation",
            "--yes",
        );
    }
    // What is no terminal cannot consent, whatever it says.
    unchanged(
        &env,
        Dsctl::new(&env)
            .args(["failover", "--all-dead"])
            .stdin("y\n"),
    )
    .exit(4);
}

#[test]
fn an_answer_on_a_terminal() {
    let env = rehearsal(V3_2);
    let asked = |answer: &str| {
        Dsctl::new(&env)
            .args(["failover", "--all-dead"])
            .on_terminal()
            .stdin(answer)
    };
    for answer in ["n\n", "\n", "no\n", "nyes\n", "yy\n", "\u{4}"] {
        let output = unchanged(&env, asked(answer)).exit(4);
        output
            .out("6 would be handed over: 111,112,113,114,115,116")
            .out("[y/N]")
            .out("not confirmed");
    }
    let before = env.dump();
    asked("y\n").run().exit(0).out("[y/N]").out("6 handed over");
    assert_eq!(changed_instances(&before, &env.dump()), HANGING);
    // Nothing is left, so nothing is asked.
    let output = unchanged(&env, asked("y\n")).exit(0).out("nothing to do");
    assert!(!output.stdout.contains("[y/N]"), "{output:?}");
}

#[test]
fn too_many() {
    let env = rehearsal(V3_2);
    for line in [
        "failover --all-dead --yes --grace 0s",
        "clear-hosts 10.0.0.2:5678 --yes",
        "failover --all-dead --dry-run",
    ] {
        let line = format!("{line} --max-instances 5");
        let output = unchanged(&env, Dsctl::new(&env).args(line.split(' '))).exit(4);
        output
            .err("6 instances would be handed over, more than the 5 allowed")
            .err("raise --max-instances 6");
    }
    goes_through(
        &env,
        "failover --all-dead --yes --grace 0s --max-instances 6",
    );
}

#[test]
fn heartbeats_of_another_release() {
    let env = with_zookeeper(Store::Sqlite, Version::new(3, 1, 9));
    let _foreign = env.master(LIVING, &master(LIVING, 60).payload(Version::new(1, 3, 9)));
    for line in [
        ALL,
        "failover 10.0.0.2:5678 --yes --allow-no-masters",
        "recover --orphans --yes",
    ] {
        refused(&env, line, "is not of family 3.1", "belong to one cluster");
    }
    run(&env, "masters").exit(0).err("is not of family 3.1");
}

#[test]
fn a_database_of_something_else() {
    for store in Store::ALL {
        let mut env = Env::new(store);
        env.sql("CREATE TABLE customers (id INT); CREATE TABLE invoices (id INT)");
        refused(&env, ALL, "seen: customers, invoices", "--db");
        refused(&env, "masters", "seen: customers, invoices", "--db");
        env.sql("DROP TABLE customers; DROP TABLE invoices");
        refused(&env, "instances", "no tables", "--db");
        env.sql("CREATE TABLE t_ds_command (id INT)");
        refused(&env, "instances", "t_ds_command", "upgrade");
        env.set("DSCTL_DS_VERSION", "3.2.2");
        refused(&env, ALL, "t_ds_command", "upgrade");
    }
}

#[test]
fn a_release_of_another_family() {
    let env = rehearsal(V3_2);
    for version in ["3.1.9", "3.4.1", "1.3.9"] {
        refused(
            &env,
            &format!("{ALL} --ds-version {version}"),
            "contradicts the schema, which is that of family 3.2",
            "--ds-version",
        );
    }
}

#[test]
fn a_release_that_cannot_be_told() {
    let env = rehearsal(Version::new(3, 1, 9));
    env.sql("DELETE FROM t_ds_version");
    for line in [
        ALL,
        "recover --orphans --yes",
        "failover --all-dead --dry-run",
    ] {
        refused(
            &env,
            line,
            "the release is only known to be one of 3.1.0 to 3.1.9",
            "--ds-version X.Y.Z",
        );
    }
    let before = env.dump();
    run(
        &env,
        "failover --all-dead --yes --grace 0s --ds-version 3.1.9 --allow-duplicate-tasks",
    )
    .exit(0);
    assert_eq!(
        env.dump().count("t_ds_command"),
        before.count("t_ds_command") + HANGING.len()
    );
}

#[test]
fn hosts_that_name_nobody_are_never_touched() {
    for version in [V3_2, V3_4] {
        let env = rehearsal(version);
        let of = |id: i64| seed::instance(version).id(id).name("odd");
        env.insert([
            of(201).host("NULL"),
            of(202).host("null"),
            of(203).host(""),
            of(204),
            of(205).host("10.0.0.2"),
            of(206).host(" 10.0.0.2:5678"),
            of(207).host("'; DELETE FROM t_ds_command; --:1"),
        ]);
        let listed = run(&env, "instances -o json").exit(0).json();
        let verdict = |id: i64| {
            let all = listed["instances"].as_array().unwrap();
            all.iter()
                .find(|row| row["id"] == id)
                .unwrap_or_else(|| panic!("{id}: {listed:#}"))["verdict"]
                .clone()
        };
        let null = if version == V3_2 {
            "claimed"
        } else {
            "unknown"
        };
        assert_eq!(verdict(201), null);
        for id in 202..=207 {
            assert_eq!(verdict(id), "unknown", "{id}");
        }
        let masters = run(&env, "masters")
            .exit(0)
            .out("host is SQL NULL: left alone");
        assert!(
            masters.stdout.contains("host names no master: left alone"),
            "{masters:?}"
        );
        let before = env.dump();
        let output = run(&env, ALL).exit(0).err("left alone");
        assert_eq!(
            changed_instances(&before, &env.dump()),
            HANGING,
            "{output:?}"
        );
        assert_eq!(
            env.dump().count("t_ds_command"),
            before.count("t_ds_command") + HANGING.len()
        );
    }
}
