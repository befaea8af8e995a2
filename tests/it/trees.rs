//! Parents and children: `instances --tree` shows them, and `doctor` finds those that are apart.

use dsctl::demo::seed;
use dsctl::model::Version;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::doctor::{assert_unproven, codes, found, looked, one};
use crate::harness::world::{Cluster, DEAD, LIVING, World, claims_by_state};
use crate::harness::{Dsctl, Store};

const RELEASES: [&str; 7] = [
    "1.3.9", "2.0.3", "3.0.6", "3.1.9", "3.2.2", "3.3.1", "3.4.1",
];

/// The tasks of the first parent and of the second one.
const TASK: i64 = 9101;
const OTHER_TASK: i64 = 9301;

/// A living master's parent with a child, and another parent whose child is still to be made.
struct Family {
    world: World,
    parent: i64,
    child: i64,
    other: i64,
    /// It has ended, for an attempt of the parent's task that has ended, too.
    earlier: i64,
}

impl Family {
    fn of(store: Store, release: &str) -> Self {
        let version: Version = release.parse().unwrap();
        let world = Cluster::of(version).long_living().on(store);
        let an_hour_ago = Timestamp::now() - 1.hours();
        let ids: Vec<i64> = world
            .add_later(LIVING, an_hour_ago, 4)
            .into_iter()
            .collect();
        let [parent, child, other, earlier] = ids[..] else {
            panic!("{ids:?}")
        };
        let family = Self {
            world,
            parent,
            child,
            other,
            earlier,
        };
        let kind = if claims_by_state(version) {
            "SUB_WORKFLOW"
        } else {
            "SUB_PROCESS"
        };
        let task = |of, id| {
            seed::task(version, of)
                .id(id)
                .set("task_type", kind)
                .host(LIVING)
        };
        let link = format!("{{\"subWorkflowInstanceId\":{child}}}");
        let rows = [
            task(parent, TASK).set("app_link", link.as_str()),
            task(parent, TASK + 1).state(8).set("flag", 0),
            task(other, OTHER_TASK),
            seed::task(version, child).id(9201).host("10.0.1.1:1234"),
            seed::task(version, child)
                .id(9202)
                .state(7)
                .host("10.0.1.1:1234"),
            seed::relation(version, parent, TASK, child),
            seed::relation(version, parent, TASK + 1, earlier),
            seed::relation(version, other, OTHER_TASK, 0),
        ];
        family.world.env.insert(rows);
        let parameter = json!({
            "parentProcessInstanceId": other.to_string(),
            "parentTaskInstanceId": OTHER_TASK.to_string(),
            "processInstanceId": "0",
        });
        let command = seed::command(version, 0).parameter(&parameter.to_string());
        family.world.env.insert([command]);
        let sub = if claims_by_state(version) {
            "is_sub_workflow"
        } else {
            "is_sub_process"
        };
        for id in [child, earlier] {
            family.set(id, &format!("{sub} = 1"));
        }
        family.set(earlier, "state = 7");
        family
    }

    fn set(&self, id: i64, what: &str) {
        let table = self.world.table();
        self.world
            .env
            .sql(&format!("UPDATE {table} SET {what} WHERE id = {id}"));
    }

    fn of_tasks(&self, what: &str) {
        self.world.env.sql(&format!(
            "UPDATE t_ds_task_instance SET {what} WHERE id = {TASK}"
        ));
    }

    #[track_caller]
    fn finds(&self, expected: &[&str]) -> Vec<Value> {
        let findings = found(&self.world, 0);
        assert_eq!(codes(&findings), expected, "{}", self.world.version);
        findings
    }
}

#[track_caller]
fn assert_about(findings: &[Value], code: &str, ids: &[i64]) {
    let finding = one(findings, code);
    assert_eq!(finding["subject"]["instance_ids"], json!(ids));
    assert_unproven(finding);
}

fn those_that_are_apart_are_found(store: Store, releases: &[&str]) {
    for release in releases {
        let family = Family::of(store, release);
        let is_new = claims_by_state(family.world.version);
        family.finds(&[]);
        a_child_alone(&family);
        family.finds(&[]);
        // A parent whose child nobody makes: from 3.3 on the child is there before the row is.
        family.world.env.sql("DELETE FROM t_ds_command");
        if is_new {
            family.finds(&[]);
        } else {
            assert_about(&family.finds(&["DS-026"]), "DS-026", &[family.other]);
        }
        family
            .world
            .env
            .sql("UPDATE t_ds_task_instance SET flag = 0 WHERE id = 9301");
        family.finds(&[]);
        a_parent_that_waits(&family, is_new);
    }
}

/// The parent has ended, or is gone.
fn a_child_alone(family: &Family) {
    let Family { parent, child, .. } = *family;
    family.set(parent, "state = 7, end_time = '2099-01-01 00:00:00'");
    // Its task has ended with it.
    family.of_tasks("state = 7");
    let findings = family.finds(&["DS-026"]);
    assert_about(&findings, "DS-026", &[child]);
    let fact = findings[0]["evidence"][1]["fact"].as_str().unwrap();
    assert!(
        fact.ends_with(&format!(
            "child of instance {parent}, which has ended (success)"
        )),
        "{fact}"
    );
    // A user has run the child again: it belongs to nobody else.
    family.set(child, "command_type = 7");
    family.finds(&[]);
    family.set(child, "command_type = 0");
    family.set(parent, "end_time = '2001-01-01 00:00:00'");
    family.finds(&[]);
    family.set(parent, "end_time = NULL");
    family.finds(&["DS-026"]);
    // A command is about to start the parent again.
    let command = seed::recovery_command(family.world.version, parent);
    family.world.env.insert([command.set("command_type", 7)]);
    family.finds(&[]);
    family.world.env.sql(&format!(
        "DELETE FROM t_ds_command WHERE command_type = 7; UPDATE {} SET id = -{parent} WHERE id = {parent}",
        family.world.table()
    ));
    let findings = family.finds(&["DS-026"]);
    let fact = findings[0]["evidence"][1]["fact"].as_str().unwrap();
    assert!(fact.ends_with("which is gone"), "{fact}");
    family.world.env.sql(&format!(
        "UPDATE {} SET id = {parent} WHERE id = -{parent}",
        family.world.table()
    ));
    family.set(parent, "state = 1");
    family.of_tasks("state = 1");
}

/// The child has ended, and the task of its parent has not.
fn a_parent_that_waits(family: &Family, is_new: bool) {
    let Family { parent, child, .. } = *family;
    family.set(child, "state = 5");
    let findings = family.finds(&["DS-027"]);
    assert_about(&findings, "DS-027", &[parent]);
    let fact = findings[0]["evidence"][0]["fact"].as_str().unwrap();
    let expected = format!(
        "task {TASK} of instance {parent} waits for instance {child}, which has ended (stop)"
    );
    assert_eq!(fact, expected);
    // An earlier attempt of the task waits for nothing, whatever its row says.
    family.of_tasks("flag = 0");
    family.finds(&[]);
    family.of_tasks("flag = 1, state = 8");
    family.finds(&[]);
    family.of_tasks("state = 1, app_link = NULL");
    // From 3.3 on a task follows the child that it names itself.
    family.finds(if is_new { &[] } else { &["DS-027"] });
    family.of_tasks(&format!(
        "app_link = '{{\"subWorkflowInstanceId\":{child}}}'"
    ));
    // Of a dead master the failover comes first.
    family.set(parent, &format!("host = '{DEAD}'"));
    assert_eq!(codes(&found(&family.world, 3)), ["DS-001"]);
    family.set(parent, &format!("host = '{LIVING}'"));
    family.set(child, "state = 1");
    family.finds(&[]);
}

#[test]
fn those_that_are_apart_are_found_in_sqlite() {
    those_that_are_apart_are_found(Store::Sqlite, &RELEASES);
}

#[test]
fn those_that_are_apart_are_found_in_mariadb() {
    those_that_are_apart_are_found(Store::MariaDb, &["3.1.9", "3.4.1"]);
}

#[test]
fn those_that_are_apart_are_found_in_postgres() {
    those_that_are_apart_are_found(Store::Postgres, &["2.0.3", "3.3.1"]);
}

#[test]
fn two_looks_show_that_a_parent_waits() {
    let family = Family::of(Store::Sqlite, "3.1.9");
    family.set(family.child, "state = 5");
    let findings = looked(&family.world, &["--settle", "6s"], 0);
    // The command of another one waits, too.
    assert_eq!(codes(&findings), ["DS-024", "DS-027"]);
    assert_eq!(findings[1]["severity"], "look");
    let facts = findings[1]["evidence"].as_array().unwrap();
    let last = facts[1]["fact"].as_str().unwrap();
    assert_eq!(facts.len(), 2);
    assert!(
        last.contains(" s apart: masters of 3.2 and newer look every 10 s"),
        "{last}"
    );
}

fn tree(world: &World, words: &str) -> Value {
    let words = format!("instances {words} -o json");
    world.dsctl(&words).run().exit(0).json()
}

fn entry<'a>(document: &'a Value, key: &str, id: i64) -> &'a Value {
    let entries = document[key].as_array().unwrap();
    let mut of_id = entries.iter().filter(|entry| entry["id"] == id);
    let found = of_id
        .next()
        .unwrap_or_else(|| panic!("no {id} in {document:#}"));
    assert!(of_id.next().is_none());
    found
}

fn what_belongs_together_is_shown(store: Store, releases: &[&str]) {
    for release in releases {
        let family = Family::of(store, release);
        let Family {
            parent,
            child,
            other,
            earlier,
            ..
        } = family;
        let world = &family.world;
        let before = world.env.dump();
        let document = tree(world, "--tree");
        before.assert_same(&world.env.dump());
        let of_parent = entry(&document, "instances", parent);
        assert_eq!(of_parent["child_instance_ids"], json!([child]), "{release}");
        assert_eq!(of_parent["tasks"].as_array().unwrap().len(), 1);
        assert_eq!(of_parent["tasks"][0]["id"], TASK);
        let of_child = entry(&document, "instances", child);
        assert_eq!(of_child["parent_instance_id"], parent);
        assert_eq!(of_child["parent_task_id"], TASK);
        let task = &of_child["tasks"][0];
        assert_eq!(
            [
                &task["id"],
                &task["state"],
                &task["host"],
                &task["child_is_to_be_made"]
            ],
            [
                &json!(9201),
                &json!("running_execution"),
                &json!("10.0.1.1:1234"),
                &json!(false)
            ],
            "{release}"
        );
        let of_other = entry(&document, "instances", other);
        assert_eq!(
            of_other["tasks"][0]["child_is_to_be_made"], true,
            "{release}"
        );
        assert_eq!(document["related"], json!([]), "{release}");
        assert_eq!(document["warnings"], json!([]), "{release}");
        in_order(
            world,
            &[
                (parent, ""),
                (TASK, "└ "),
                (child, "  └ "),
                (9201, "    └ "),
            ],
        );
        // A parent that has ended, and one of another master, are shown all the same.
        family.set(parent, "state = 7");
        let document = tree(world, "--tree");
        assert_eq!(
            entry(&document, "related", parent)["state"],
            "success",
            "{release}"
        );
        family.set(parent, &format!("state = 1, host = '{DEAD}'"));
        family.set(earlier, &format!("state = 1, host = '{DEAD}'"));
        let document = tree(world, &format!("--tree {DEAD}"));
        assert_eq!(
            entry(&document, "related", child)["state"],
            "running_execution"
        );
        assert_eq!(
            entry(&document, "instances", parent)["child_instance_ids"],
            json!([child, earlier]),
            "{release}"
        );
        a_plan_tells_of_the_parent(&family);
        family
            .world
            .env
            .sql(&format!("DELETE FROM {} WHERE id = {child}", world.table()));
        let document = tree(world, &format!("--tree {DEAD}"));
        assert_eq!(
            entry(&document, "related", child)["state"],
            "gone",
            "{release}"
        );
        // Nobody has asked for it.
        let plain = tree(world, "");
        assert_eq!(plain["related"], json!([]));
        let of_parent = entry(&plain, "instances", parent);
        let empty = [Value::Null, json!([]), json!([])];
        let keys = ["parent_instance_id", "child_instance_ids", "tasks"];
        assert_eq!(keys.map(|key| of_parent[key].clone()), empty, "{release}");
        whoever_waits(&family);
    }
}

/// A living master waits for a child of the dead one.
fn a_plan_tells_of_the_parent(family: &Family) {
    let Family {
        world,
        parent,
        child,
        ..
    } = family;
    family.set(*parent, &format!("host = '{LIVING}'"));
    family.set(*child, &format!("host = '{DEAD}'"));
    let note = format!(
        "1 of the instances of {DEAD} is a child of an instance that a living master runs; see "
    );
    let plan = || world.failover("--dry-run").run().exit(0);
    // The earlier attempt's child is a child of the same parent.
    let both = note
        .replace("1 of", "2 of")
        .split(" is a child")
        .next()
        .unwrap()
        .to_owned();
    plan().out(&both);
    family.set(family.earlier, "state = 7");
    plan().out(&note);
    family.set(*parent, &format!("host = '{DEAD}'"));
    assert!(
        !plan().stdout.contains(" is a child of "),
        "{}",
        world.version
    );
    family.set(*child, &format!("host = '{LIVING}'"));
    family.set(family.earlier, "state = 1");
}

/// In the table each stands below what it belongs to.
fn in_order(world: &World, lines: &[(i64, &str)]) {
    let output = world.dsctl("instances --tree").run().exit(0);
    let text: Vec<&str> = output.stdout.lines().collect();
    let place = |id: i64| {
        text.iter()
            .position(|line| line.trim_start().starts_with(&format!("{id} ")))
    };
    let places: Vec<_> = lines.iter().map(|(id, _)| place(*id)).collect();
    assert!(places.is_sorted() && !places.contains(&None), "{output:?}");
    for (place, (_, indented)) in places.iter().zip(lines) {
        assert!(text[place.unwrap()].contains(indented), "{output:?}");
    }
    output.out("unfinished tasks: ");
}

/// In 3.0 to 3.2 earlier instances of the same definition keep later ones waiting.
fn whoever_waits(family: &Family) {
    let world = &family.world;
    let an_hour_ago = Timestamp::now() - 1.hours();
    let ids: Vec<i64> = world
        .add_later(LIVING, an_hour_ago, 3)
        .into_iter()
        .collect();
    let [runs, first, second] = ids[..] else {
        panic!("{ids:?}")
    };
    for id in [first, second] {
        family.set(id, "state = 14, host = ''");
    }
    let document = tree(world, "--tree");
    let release = world.version.to_string();
    if !["3.0.6", "3.1.9", "3.2.2"].contains(&&*release) {
        assert_eq!(
            document["related"].as_array().unwrap().len(),
            1,
            "{release}"
        );
        return;
    }
    for (id, before) in [(first, runs), (second, first)] {
        let waiting = entry(&document, "related", id);
        assert_eq!(waiting["waits_for_instance_id"], before, "{release}");
        assert_eq!(waiting["state"], "serial_wait");
    }
    let of_dead = tree(world, &format!("--tree {DEAD}"));
    let waits = |entry: &Value| !entry["waits_for_instance_id"].is_null();
    let related = of_dead["related"].as_array().unwrap();
    assert!(!related.iter().any(waits), "{of_dead:#}");
}

#[test]
fn what_belongs_together_is_shown_in_sqlite() {
    what_belongs_together_is_shown(Store::Sqlite, &RELEASES);
}

#[test]
fn what_belongs_together_is_shown_in_mariadb() {
    what_belongs_together_is_shown(Store::MariaDb, &["3.1.9", "3.4.1"]);
}

#[test]
fn what_belongs_together_is_shown_in_postgres() {
    what_belongs_together_is_shown(Store::Postgres, &["1.3.9", "3.2.2"]);
}

/// In a snapshot everything is as it was.
#[test]
fn a_snapshot_has_the_same_tree() {
    for release in ["1.3.9", "3.1.9", "3.4.1"] {
        let family = Family::of(Store::Sqlite, release);
        family.set(family.parent, "state = 7");
        family.set(family.earlier, "state = 1");
        // Nothing but its id leads to the parent: it is none of the newest.
        let an_hour_ago = Timestamp::now() - 1.hours();
        let newer = family.world.add_later(LIVING, an_hour_ago, 101);
        let table = family.world.table();
        let first = newer.first().unwrap();
        family
            .world
            .env
            .sql(&format!("UPDATE {table} SET state = 7 WHERE id >= {first}"));
        let file = family.world.env.home().join("snapshot.db");
        let words = ["instances --tree", "doctor --once"];
        let keys = ["instances", "related", "findings"];
        let only = |mut document: Value| keys.map(|key| document[key].take());
        let live = words.map(|words| {
            let words = format!("{words} -o json");
            only(family.world.dsctl(&words).run().exit(0).json())
        });
        family
            .world
            .dsctl(&format!("snapshot {}", file.display()))
            .run()
            .exit(0);
        let url = format!("sqlite:{}", file.display());
        let offline = words.map(|words| {
            let dsctl = Dsctl::alone().env("DSCTL_DB", &url);
            let words = words.split(' ').chain(["-o", "json"]);
            only(dsctl.args(words).run().exit(0).json())
        });
        assert_eq!(offline, live, "{release}");
        assert_eq!(
            codes(live[1][2].as_array().unwrap()),
            ["DS-026"],
            "{release}"
        );
    }
}
