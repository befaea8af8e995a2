//! What is told at the end of a run, whatever befalls it then.

use std::path::Path;

use dsctl::demo::seed;
use jiff::{Timestamp, ToSpan};
use serde_json::json;

use crate::harness::world::{DEAD, LIVING, World, registered_since};
use crate::harness::{At, Dsctl, Output, Proxy, Store, ZooKeeper};

/// The look for orphans comes when all is committed.
#[test]
fn a_look_afterwards_that_fails_takes_nothing_back() {
    for store in [Store::MariaDb, Store::Postgres] {
        let mut world = World::idle(store, "3.4.1");
        let proxy = world.env.through_proxy();
        world.instances([1, 2]);
        // Claimed instances are looked for at the end alone.
        proxy.trap(b"state IN (18)", At::Cut);
        let output = world.run("failover --all-dead --yes --grace 0s --allow-new-masters");
        assert!(proxy.has_sprung(), "{output:?}");
        let document = output.exit(0).json();
        assert_eq!(document["recovered"], 2, "{document}");
        assert_eq!(document["masters"][0]["address"], DEAD, "{document}");
        assert!(
            document["warnings"]
                .to_string()
                .contains("other stuck instances could not"),
            "{document}"
        );
        world.env.set("DSCTL_DB", &world.env.url());
        assert_eq!(world.command_count(), 2);
    }
}

/// Masters write addresses as they please, and people type them otherwise.
#[test]
fn hosts_that_are_nearly_the_one_typed_are_named() {
    for version in ["3.1.9", "3.4.1"] {
        let world = World::idle(Store::Sqlite, version);
        let upper = "Ds-Master:5678";
        world.env.insert([
            world.instance(1).host("10.0.0.7:5678 "),
            world.instance(2).host(upper),
            world.instance(3).host("[fd00::1]:5678"),
        ]);
        for (typed, near) in [
            ("10.0.0.7:5678", "10.0.0.7:5678 "),
            ("ds-master:5678", upper),
            ("[FD00::1]:5678", "[fd00::1]:5678"),
        ] {
            for command in ["failover", "clear-hosts"] {
                let output = world.run(&format!("{command} {typed} --yes")).exit(0);
                let warnings = output.json()["warnings"].to_string();
                assert!(
                    warnings.contains(&format!("{near:?}").replace('"', "\\\"")),
                    "{command} {typed}: {warnings}"
                );
            }
        }
    }
}

/// What a plan would do is not done, and was never asked about, where the plan itself ends the run.
#[test]
fn a_plan_that_ends_early_has_handed_nothing_over() {
    let mut world = World::idle(Store::Postgres, "3.2.2");
    let proxy = world.env.through_proxy();
    world.instances([1, 2]);
    // Of the rows that are to be handed over, alone.
    let rows = b"i.command_param, i.executor_id";
    for format in ["table", "json"] {
        let sprung = proxy.sprung();
        proxy.trap(rows, At::Hold);
        let run = Dsctl::new(&world.env)
            .args(["failover", DEAD, "--batch", "1", "-o", format])
            .on_terminal()
            .stdin("y\n")
            .spawn();
        proxy.await_sprung_times(sprung + 1);
        // The first one passes.
        proxy.trap(rows, At::Cut);
        proxy.go_on();
        let output = run.finish().exit(6);
        assert!(!output.stdout.contains("[y/N]"), "{output:?}");
        if format == "table" {
            output
                .out("would be handed over")
                .out("1 would be handed over before; nothing was written");
        } else {
            output.out(r#""dry_run": true"#);
        }
        assert_eq!(world.command_count(), 0);
    }
}

/// All is handed over when the masters are waited for: the same command would find nothing to do.
#[test]
fn a_wait_for_masters_that_is_ended_leaves_nothing_to_repeat() {
    for cause in ["signal", "database", "registry"] {
        let mut world = World::idle(Store::Postgres, "3.2.2");
        let mut proxy = if cause == "registry" {
            let proxy = Proxy::to(ZooKeeper::shared().port());
            world.env.set("DSCTL_ZK", &proxy.address());
            proxy
        } else {
            world.env.through_proxy()
        };
        world.instances([1, 2]);
        let by_signal = cause == "signal";
        let mut run = world
            .dsctl("failover --all-dead --yes --wait 5m --timeout 2s --session-timeout 5s")
            .spawn();
        run.await_stderr("waiting for the masters");
        if by_signal {
            run.signal("TERM");
        } else {
            proxy.refuse();
        }
        let output = run.finish();
        let output = if by_signal { output } else { output.exit(7) };
        let document = output.json();
        let error = &document["error"];
        let said = |key: &str| error[key].as_str().unwrap().to_owned();
        assert!(
            said("message").starts_with("whether the masters take them up was not seen: "),
            "{document}"
        );
        assert!(
            said("hint").contains("what was handed over stands"),
            "{document}"
        );
        assert!(!said("hint").contains("again"), "{document}");
        assert_eq!(error["exit_code"], if by_signal { 143 } else { 7 });
        assert_eq!(
            (&document["recovered"], world.command_count()),
            (&2.into(), 2)
        );
    }
}

/// Runs what was told to be the next command, in a shell that is as strict with patterns as zsh.
fn paste(world: &World, line: &str) -> Output {
    let folder = Path::new(env!("CARGO_BIN_EXE_dsctl")).parent().unwrap();
    let script = format!("PATH={}:$PATH; {line}", folder.display());
    let words = ["-O", "failglob", "-c", &script];
    let mut shell = Dsctl::of_program("/bin/bash").args(words);
    for (name, value) in world.env.variables() {
        shell = shell.env(name, value);
    }
    shell.run()
}

/// Hosts and files may mean something to a shell.
#[test]
fn next_commands_can_be_pasted() {
    for host in ["[fd00::1]:5678", "$(exit):5678", "ds&:5678", "a*b:5678"] {
        let world = World::idle(Store::Sqlite, "3.2.2");
        world.env.insert([world.instance(1).host(host)]);
        let masters = Dsctl::new(&world.env).args(["masters"]).run().exit(0);
        let next = masters.stdout.lines().last().unwrap();
        let next = next.strip_prefix("next: ").unwrap();
        paste(&world, next).exit(0).out("1 would be handed over");
    }
    let world = World::idle(Store::Sqlite, "3.2.2");
    for name in ["my demo.db", "it's $(exit).db"] {
        let file = world.env.home().join(name);
        let demo = Dsctl::alone().args(["demo", "--file", file.to_str().unwrap()]);
        let demo = demo.run().exit(0);
        let next = demo
            .stdout
            .lines()
            .filter_map(|line| line.strip_prefix("  dsctl "));
        assert_eq!(next.clone().count(), 2, "{demo:?}");
        for line in next {
            paste(&world, &format!("unset ${{!DSCTL@}}; dsctl {line}")).exit(0);
        }
    }
}

/// Without the options that were typed the next command may meet another cluster.
#[test]
fn next_commands_name_the_options_that_they_need() {
    let world = World::idle(Store::MariaDb, "3.2.2");
    world.instances([1, 2]);
    let masters = Dsctl::new(&world.env).args(["masters"]).run().exit(0);
    let next = masters.stdout.lines().last().unwrap().to_owned();
    assert!(next.starts_with("next: dsctl failover "), "{masters:?}");
    let typed = Dsctl::new(&world.env)
        .env_remove("DSCTL_ZK")
        .env_remove("DSCTL_NAMESPACE")
        .args([
            "masters",
            "--zk",
            &world.env.connect,
            "--namespace",
            &world.env.namespace,
        ])
        .run()
        .exit(0);
    let last = typed.stdout.lines().rev().take(2).collect::<Vec<_>>();
    assert_eq!(last, ["(with the same --zk, --namespace as here)", &next]);
    // A file decides just as much, and so does what is taken for the release.
    let file = world.env.home().join("other.toml");
    std::fs::write(&file, format!("namespace = \"{}\"\n", world.env.namespace)).unwrap();
    let typed = Dsctl::new(&world.env)
        .args(["masters", "--ds-version", "3.2.2", "--config"])
        .args([file.to_str().unwrap()])
        .run()
        .exit(0);
    let last = typed.stdout.lines().last().unwrap();
    assert_eq!(last, "(with the same --ds-version, --config as here)");
    // An error's next command needs them as much.
    let refused = Dsctl::new(&world.env)
        .env_remove("DSCTL_ZK")
        .args([
            "instances",
            "nonsense",
            "-o",
            "json",
            "--zk",
            &world.env.connect,
        ])
        .run()
        .exit(2);
    let hint = refused.json()["error"]["hint"].to_string();
    assert!(
        hint.contains("'dsctl masters'") && hint.contains("(with the same --zk as here)"),
        "{hint}"
    );
    // Where nothing is to be done next, there is nothing to say.
    let commands = Dsctl::new(&world.env)
        .args(["commands", "--zk", &world.env.connect])
        .run()
        .exit(0);
    assert!(!commands.stdout.contains("as here"), "{commands:?}");
}

/// What is to be done next does not depend on how many are shown.
#[test]
fn a_short_list_of_instances_tells_the_same_next_commands() {
    for version in ["3.1.9", "3.4.1"] {
        let world = World::idle(Store::Sqlite, version);
        let claimed = |id: i64| {
            if version == "3.4.1" {
                world.instance(id).state(18)
            } else {
                world.instance(id).host("NULL")
            }
        };
        world.env.insert([
            world.instance(1).host(LIVING),
            claimed(2),
            claimed(3),
            claimed(4),
        ]);
        world.instances([5]);
        world
            .env
            .insert([seed::recovery_command(world.version, 3).id(100)]);
        for limit in 1..=5 {
            let limit = limit.to_string();
            let listed = Dsctl::new(&world.env).args(["instances", "--limit", &limit]);
            listed
                .run()
                .exit(0)
                .out("2 claimed without a command")
                .out("some masters are dead; next: dsctl failover --all-dead --dry-run");
        }
    }
}

/// From 3.3 on nothing but the answer of `clear-hosts` has the states that it overwrites.
#[test]
fn states_that_are_written_nowhere_else_are_told_though_stdout_takes_nothing() {
    let lines = [
        "dsctl recover --instance 1,3 --original-state running",
        "dsctl recover --instance 2 --original-state ready_stop",
    ];
    for format in ["table", "json", "ndjson", "tsv"] {
        for (stdout, code) in [("/dev/full", 1), ("a closed pipe", 0)] {
            let world = World::idle(Store::Sqlite, "3.4.1");
            world.instances([1, 3]);
            world.env.insert([world.instance(2).state(4)]);
            let to = match stdout {
                "/dev/full" => "> /dev/full".to_owned(),
                _ => format!("> >(exec true); wait $!; exit {code}"),
            };
            let line = format!("dsctl -o {format} clear-hosts {DEAD} --yes -q {to}");
            let output = paste(&world, &line).exit(code);
            for line in lines {
                assert!(output.stderr.contains(line), "{stdout}: {output:?}");
            }
            assert_eq!(world.state(2), 18);
        }
    }
}

/// A process that is killed behind COMMIT says nothing more.
#[test]
fn states_are_told_before_they_are_overwritten() {
    let mut world = World::idle(Store::Postgres, "3.4.1");
    world.instances([1]);
    world.env.insert([world.instance(2).state(4)]);
    let proxy = world.env.through_proxy();
    proxy.trap(b"COMMIT\0", At::Hold);
    let run = world
        .dsctl(&format!("clear-hosts {DEAD} --yes -q -o json"))
        .spawn();
    proxy.await_sprung();
    run.signal("KILL");
    let output = run.finish();
    let line = "dsctl recover --instance 2 --original-state ready_stop";
    assert!(output.stderr.contains(line), "{output:?}");
    assert!(!output.stderr.contains("running"), "{output:?}");
}

/// A signal that ends a process in mid-report would come behind COMMIT.
#[test]
fn a_limit_on_the_size_of_files_is_a_full_disk() {
    let world = World::idle(Store::Postgres, "3.1.9");
    world.instances([1, 2]);
    let file = |name: &str| world.env.home().join(name).display().to_string();
    let [state, report] = ["state", "report"].map(file);
    let limited = |words: &str| paste(&world, &format!("ulimit -f 0; dsctl {words}"));
    let round = limited(&format!(
        "watch --once --yes --grace 0s --state-file {state}"
    ))
    .exit(1);
    assert!(round.stdout.contains("cannot be written"), "{round:?}");
    assert_eq!(world.command_count(), 0);
    let output = limited(&format!("failover {DEAD} --yes -o json > {report}")).exit(1);
    assert!(output.stderr.contains("cannot be written"), "{output:?}");
    assert_eq!(world.command_count(), 2);
    // The runtime cannot even listen to signals then.
    for files in [8, 11, 12, 16] {
        let output = paste(&world, &format!("ulimit -n {files}; dsctl masters"));
        output.exit(1).err("cannot start").err("(ulimit -n)");
    }
}

/// Scripts decide by the code what to do next.
#[test]
fn the_code_of_a_failure_is_kept_though_stdout_takes_nothing() {
    let world = World::idle(Store::Sqlite, "3.4.1");
    for format in ["json", "ndjson"] {
        let line = format!("dsctl -o {format} failover {LIVING} --yes > /dev/full");
        let output = paste(&world, &line).exit(4);
        assert!(output.stderr.contains("cannot be written"), "{output:?}");
    }
}

/// What a shell takes for one argument is limited, and so is what `recover` does unasked.
#[test]
fn many_instances_are_several_next_commands() {
    let world = World::idle(Store::Sqlite, "3.4.1");
    let first = 1_000_000_000_000_000_000;
    world.instances(first..first + 10_001);
    let claimed = world.run(&format!(
        "clear-hosts {DEAD} --yes --max-instances 20000 --batch 20000"
    ));
    let claimed = claimed.exit(0).json();
    let next = claimed["next"].as_array().unwrap();
    assert_eq!(next.len(), 3);
    for line in next {
        let line = line.as_str().unwrap();
        paste(&world, &format!("{line} --yes -o json")).exit(0);
    }
    assert_eq!(world.command_count(), 10_001);
}

/// The database is gone when COMMIT is to be answered.
#[test]
fn states_are_told_where_it_is_not_known_whether_they_were_overwritten() {
    let mut world = World::idle(Store::Postgres, "3.4.1");
    world.instances([1]);
    world.env.insert([world.instance(2).state(4)]);
    let mut proxy = world.env.through_proxy();
    proxy.trap(b"BEGIN ISOLATION LEVEL READ COMMITTED", At::Hold);
    let run = world
        .dsctl(&format!("clear-hosts {DEAD} --yes --timeout 2s"))
        .spawn();
    proxy.await_sprung();
    proxy.refuse_new();
    proxy.trap(b"COMMIT\0", At::SwallowAnswer);
    proxy.go_on();
    let document = run.finish().exit(9).json();
    assert_eq!(proxy.sprung(), 2, "{document}");
    assert_eq!(
        document["next"],
        json!([
            "dsctl recover --instance 2 --original-state ready_stop",
            "dsctl recover --instance 1 --original-state running",
        ])
    );
}

/// "Nothing was written" is what code 4 says.
#[test]
fn an_upgrade_between_two_masters_is_partial() {
    let world = World::idle(Store::Postgres, "3.1.6");
    let second = "10.0.0.3:5678";
    world
        .env
        .insert([world.instance(1), world.instance(2).host(second)]);
    let mut holder = world.dsctl(&format!("lock acquire {second}")).spawn();
    holder.await_stderr("holding");
    let mut run = world
        .dsctl(&format!(
            "failover {DEAD} {second} --yes --lock-timeout 60s"
        ))
        .spawn();
    run.await_stderr("held by session");
    world.env.sql("UPDATE t_ds_version SET version = '3.1.9'");
    holder.signal("TERM");
    holder.finish().exit(0);
    let document = run.finish().exit(7).json();
    assert_eq!(
        (&document["recovered"], world.command_count()),
        (&1.into(), 1),
        "{document}"
    );
    assert_eq!(document["error"]["exit_code"], 7, "{document}");
}

/// From 3.3 on they keep its name.
#[test]
fn instances_of_a_master_that_were_handed_over_before_are_told() {
    let world = World::idle(Store::Sqlite, "3.4.1");
    world
        .env
        .insert([world.instance(1).state(18), world.instance(2).state(18)]);
    world.env.insert([
        seed::recovery_command(world.version, 1).id(100),
        seed::recovery_command(world.version, 2).id(101),
    ]);
    for command in ["failover", "clear-hosts"] {
        let output = Dsctl::new(&world.env).args([command, DEAD, "--yes"]).run();
        output
            .exit(0)
            .out("nothing to do")
            .err("handed over before: 2; 'dsctl instances 10.0.0.2:5678' shows");
        let quiet = Dsctl::new(&world.env).args([command, DEAD, "--yes", "-q"]);
        let quiet = quiet.run().exit(0);
        assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    }
}

/// The row of a lock stays behind a client that is gone, until somebody wants it.
#[test]
fn a_lock_whose_client_is_gone_is_told_as_that() {
    let mut world = World::idle(Store::Postgres, "3.4.1");
    world.env.unset("DSCTL_ZK");
    world.env.set("DSCTL_REGISTRY", "jdbc");
    let master = registered_since(LIVING, Timestamp::now() - 3.hours());
    world.env.register_in_database(world.version, &master);
    for (client, is_told) in [(99, true), (master.client, false)] {
        world.env.sql(&format!(
            "DELETE FROM t_ds_jdbc_registry_lock; \
             INSERT INTO t_ds_jdbc_registry_lock (lock_key, lock_owner, client_id, create_time) \
             VALUES ('/lock/master-failover/{DEAD}', 'h_1_t', {client}, CURRENT_TIMESTAMP)"
        ));
        for line in ["lock status".to_owned(), format!("lock status {DEAD}")] {
            let status = world.run(&line).exit(0).json();
            assert_eq!(status["locks"][0]["holder"]["data"], "h_1_t", "{status}");
            let warnings = status["warnings"].to_string();
            assert_eq!(warnings.contains("dead by the clocks"), is_told, "{status}");
        }
    }
}

/// A slip is seen among others as well.
#[test]
fn a_master_that_nothing_names_is_told_beside_others() {
    let world = World::idle(Store::Sqlite, "3.2.2");
    world.instances([1]);
    for words in ["--dry-run", "--yes"] {
        let run = Dsctl::new(&world.env).args(["failover", DEAD, "10.0.0.22:5678", words]);
        let output = run.run().exit(0);
        let line = output
            .stdout
            .lines()
            .find(|line| line.starts_with("10.0.0.22:5678 "));
        assert!(
            line.is_some_and(|line| line.ends_with("no unfinished instance names it")),
            "{output:?}"
        );
    }
}
