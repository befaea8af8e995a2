//! Strange data: a terminal does not obey it, JSON keeps it to the letter, and no database takes it
//! for SQL.

use dsctl::demo::seed;
use dsctl::model::Version;
use serde_json::Value;

use super::{DEAD, HANGING, V3_2, V3_4, living, rehearsal, run, with_zookeeper};
use crate::harness::{Dsctl, Env, Store};

/// A workflow of the demonstration.
const WORKFLOW: i64 = 13_841_792_583_681;

/// Names as somebody may have typed or pasted them.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "it's \"quoted\"; and -- so on",
        "'; DROP TABLE t_ds_command; --",
        "Robert'); DELETE FROM t_ds_process_instance WHERE ('1'='1",
        "line\nbreak\r\nand\ttab",
        "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m",
        "\u{202e}txt.exe\u{2066}\u{200b}\u{feff}",
        "每日报表 🚀 naïve \u{301}",
        "back\\slash \\n %s %d {} $HOME `id`",
        " leading and trailing ",
        "NULL",
        "-",
    ]
    .map(ToOwned::to_owned)
    .into();
    names.extend(["x".repeat(255), "é".repeat(255)]);
    names
}

fn dangerous(text: &str) -> bool {
    let allowed = |c: char| c == '\n' || !c.is_control();
    !text.chars().all(allowed) || text.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}'])
}

fn named(document: &Value, id: i64) -> &Value {
    let all = document["instances"].as_array().unwrap();
    &all.iter()
        .find(|row| row["id"] == id)
        .unwrap_or_else(|| panic!("{id}"))["name"]
}

fn shows_and_keeps(env: &Env, version: Version, names: &[String]) {
    let ids: Vec<i64> = (500..).take(names.len()).collect();
    let row = |(id, name): (&i64, &String)| {
        seed::instance(version)
            .id(*id)
            .name(name)
            .host(DEAD)
            .definition(1, 1)
    };
    env.insert(ids.iter().zip(names).map(row));
    let document = run(env, "instances -o json").exit(0);
    assert!(!dangerous(&document.stdout), "{document:?}");
    let document = document.json();
    for (id, name) in ids.iter().zip(names) {
        assert_eq!(named(&document, *id), name.as_str(), "{id}");
    }
    for format in ["table", "ndjson", "tsv"] {
        let output = run(env, &format!("instances -o {format}")).exit(0);
        let visible = output.stdout.replace('\t', " ");
        assert!(!dangerous(&visible), "{output:?}");
        let is_of = |line: &str, id: &i64| {
            line.starts_with(&format!("{id} "))
                || line.starts_with(&format!("{{\"record\":\"instance\",\"id\":{id},"))
        };
        let lines = visible
            .lines()
            .filter(|line| ids.iter().any(|id| is_of(line, id)))
            .count();
        assert_eq!(lines, ids.len(), "one line for each: {output:?}");
    }
}

#[test]
fn names_in_sqlite() {
    let env = rehearsal(V3_2);
    let names: Vec<String> = names()
        .into_iter()
        .chain(["nul\0inside".to_owned(), String::new()])
        .collect();
    shows_and_keeps(&env, V3_2, &names);
}

#[test]
fn names_on_servers() {
    for store in [Store::MariaDb, Store::Postgres] {
        let env = with_zookeeper(store, V3_4);
        let _living = living(&env, V3_4);
        let mut names = names();
        if store == Store::MariaDb {
            // Its tables have characters of three bytes at most, and take a NUL, which PostgreSQL
            // does not.
            for name in &mut names {
                *name = name.replace('🚀', "✈");
            }
            names.push("nul\0inside".to_owned());
        }
        shows_and_keeps(&env, V3_4, &names);
    }
}

#[test]
fn hosts_stay_data() {
    let hosts = [
        "'; DROP TABLE t_ds_command; --:1",
        "x' OR '1'='1",
        "10.0.0.2:5678' --",
        "10.0.0.2:5678\n",
        "10.0.0.2:5678\u{1b}[0m",
        "10.0.0.2 :5678",
        "%",
        "10.0.0._:5678",
    ];
    for store in Store::ALL {
        let env = with_zookeeper(store, V3_4);
        let _living = living(&env, V3_4);
        let row = |(id, host): (i64, &&str)| {
            seed::instance(V3_4)
                .id(id)
                .name("odd")
                .host(host)
                .definition(WORKFLOW, 1)
        };
        env.insert((500..).zip(&hosts).map(row));
        let before = env.dump();
        let table = run(&env, "masters").exit(0);
        assert!(!dangerous(&table.stdout), "{table:?}");
        let output = run(&env, "failover --all-dead --yes --grace 0s").exit(0);
        // The last one alone is written as an address, so a master of that very name is dead; it is
        // no pattern.
        let expected = [&HANGING[..], &[507]].concat();
        assert_eq!(
            super::changed_instances(&before, &env.dump()),
            expected,
            "{output:?}"
        );
        for id in 500..507 {
            assert_eq!(
                env.dump().cell("t_ds_workflow_instance", &id, "state"),
                Some("1"),
                "{store:?} {id}"
            );
        }
    }
}

#[test]
fn instances_without_a_state_that_is_known() {
    for version in [V3_2, V3_4] {
        let env = rehearsal(version);
        env.insert([
            seed::instance(version)
                .id(501)
                .name("none")
                .host(DEAD)
                .without("state"),
            seed::instance(version)
                .id(502)
                .name("later")
                .host(DEAD)
                .state(99),
            seed::instance(version)
                .id(503)
                .name("negative")
                .host(DEAD)
                .state(-1),
        ]);
        let before = env.dump();
        run(&env, "masters").exit(0);
        run(&env, "instances").exit(0);
        let named = run(&env, "recover --instance 501,502,503 --yes -o json")
            .exit(0)
            .json();
        assert_eq!(named["skipped"], 3, "{named:#}");
        before.assert_same(&env.dump());
        run(&env, "failover --all-dead --yes --grace 0s").exit(0);
        assert_eq!(super::changed_instances(&before, &env.dump()), HANGING);
    }
}

#[test]
fn the_same_on_a_terminal_with_colours() {
    let env = rehearsal(V3_2);
    env.insert([seed::instance(V3_2)
        .id(501)
        .name("\u{1b}[2J\u{1b}]0;x\u{7}")
        .host("\u{1b}[2J")
        .definition(1, 1)]);
    let output = Dsctl::new(&env)
        .args(["instances", "--color", "always"])
        .on_terminal()
        .run()
        .exit(0);
    // Its own colours, and nothing else.
    let own = regex_lite::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    let rest = own.replace_all(&output.stdout, "").replace('\r', "");
    assert!(
        own.is_match(&output.stdout) && !dangerous(&rest),
        "{output:?}"
    );
}

/// Longer than clocks that count milliseconds in 31 bits can tell.
#[test]
fn every_duration_that_is_taken_can_be_waited_for() {
    for store in Store::ALL {
        let mut env = Env::new(store);
        env.create_schema(V3_4);
        for registry in ["zookeeper", "jdbc"] {
            if registry == "jdbc" {
                env.unset("DSCTL_ZK");
            }
            for time in ["600h", "8760h"] {
                let times =
                    format!("--timeout {time} --session-timeout {time} --statement-timeout {time}");
                run(
                    &env,
                    &format!("masters -o json --registry {registry} {times}"),
                )
                .exit(0);
            }
        }
    }
}
