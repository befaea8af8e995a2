//! Columns of other types than DolphinScheduler's own, and servers with settings of their own, as a
//! site may have made them: masters work with them.

use dsctl::demo::seed;
use jiff::{Timestamp, ToSpan};

use crate::harness::world::{DEAD, World, ago, registered_since};
use crate::harness::{Env, MariaDb, Output, Store};

/// A master that was started again ten minutes ago.
const BACK: &str = "10.0.0.3:5678";

/// A moment is one in every zone: what the living master began a minute ago is not of its earlier
/// life, and what it had an hour ago is.
#[test]
fn columns_of_a_type_with_a_zone_hold_moments() {
    for zone in [
        "Asia/Shanghai",
        "+08:00",
        "America/Chicago",
        "-03:30",
        "UTC",
    ] {
        let mut world = World::idle(Store::Postgres, "3.2.2");
        let back = world.env.register(
            world.version,
            &registered_since(BACK, Timestamp::now() - 10.minutes()),
        );
        for column in ["start_time", "restart_time", "end_time"] {
            let kind = format!("TYPE timestamptz USING {column} AT TIME ZONE 'UTC'");
            world.env.sql(&format!(
                "ALTER TABLE t_ds_process_instance ALTER COLUMN {column} {kind}"
            ));
        }
        world.env.sql(
            "ALTER TABLE t_ds_command ALTER COLUMN start_time TYPE timestamptz USING start_time AT TIME ZONE 'UTC'",
        );
        let instance = |id, seconds| {
            seed::instance(world.version)
                .id(id)
                .host(BACK)
                .started(ago(seconds))
        };
        world.env.insert([instance(1, 60), instance(2, 3600)]);
        world.env.set("DSCTL_TIME_ZONE", zone);
        let output = world
            .run(&format!("failover {BACK} --yes --allow-restarted"))
            .exit(0);
        assert_eq!(
            (world.host(1).as_str(), world.host(2).as_str()),
            (BACK, "NULL"),
            "{zone}: {output:?}"
        );
        let late = "SELECT COUNT(*) FROM t_ds_command WHERE abs(extract(epoch FROM now() - start_time)) > 300";
        assert_eq!(
            (world.command_count(), world.env.number(late)),
            (1, 0),
            "{zone}: {output:?}"
        );
        back.close();
    }
}

fn recovered(output: &Output) -> String {
    output.json()["masters"][0]["recovered"][0]["instance_id"].to_string()
}

#[test]
fn texts_are_read_whatever_their_type_is() {
    for kind in ["citext", "char(60)", "short"] {
        for version in ["1.3.9", "3.1.9", "3.3.2"] {
            let world = World::idle(Store::Postgres, version);
            let table = world.table();
            world.env.sql(
                "CREATE EXTENSION citext; CREATE DOMAIN short AS varchar(60) CHECK (value <> '')",
            );
            world.env.sql(&format!(
                "ALTER TABLE {table} ALTER host TYPE {kind}, ALTER name TYPE {kind}"
            ));
            world.env.sql(&format!(
                "ALTER TABLE t_ds_task_instance ALTER host TYPE {kind}, ALTER task_type TYPE {kind}"
            ));
            if kind == "citext" {
                world
                    .env
                    .sql("ALTER TABLE t_ds_command ALTER command_param TYPE citext");
            }
            world.instances([1]);
            let listed = world.run(&format!("instances {DEAD}")).exit(0).json();
            assert_eq!(
                listed["instances"][0]["verdict"], "dead",
                "{kind} {version}: {listed}"
            );
            for (words, commands) in [("--dry-run", 0), ("--yes", 1)] {
                let output = world.run(&format!("failover {DEAD} {words}")).exit(0);
                assert_eq!(
                    (recovered(&output).as_str(), world.command_count()),
                    ("1", commands),
                    "{kind} {version}: {output:?}"
                );
            }
            world.run("recover --orphans --yes").exit(0);
            assert_eq!(world.command_count(), 1, "{kind} {version}");
        }
    }
}

/// The server begins another transaction, or ends the connection, at each COMMIT and ROLLBACK of
/// those who do not say otherwise.
#[test]
fn the_end_of_a_transaction_is_its_end_alone() {
    let mariadb = MariaDb::private();
    for kind in ["CHAIN", "RELEASE"] {
        let world = World::idle_in(Env::on_mariadb(&mariadb), "3.2.2");
        world.instances([1]);
        mariadb.sql("", &format!("SET GLOBAL completion_type = '{kind}'"));
        world.run("masters").exit(0).out("dead");
        let output = world.run(&format!("failover {DEAD} --yes")).exit(0);
        world.run("recover --orphans --yes").exit(0);
        mariadb.sql("", "SET GLOBAL completion_type = 'NO_CHAIN'");
        assert_eq!(
            (world.command_count(), world.host(1).as_str()),
            (1, "NULL"),
            "{kind}: {output:?}"
        );
    }
}

/// A server that fills up what it reads with blanks, and one that wants a key for every change,
/// where a table has none.
#[test]
fn settings_for_people_who_type_are_none_of_ours() {
    let mut server = MariaDb::private();
    for (option, change) in [
        (
            "--sql-mode=PAD_CHAR_TO_FULL_LENGTH",
            "MODIFY host char(135)",
        ),
        (
            "--sql-safe-updates=1",
            "MODIFY id int NOT NULL, DROP PRIMARY KEY",
        ),
    ] {
        server.restart_with(&[option]);
        for version in ["1.3.9", "3.4.1"] {
            let world = World::idle_in(Env::on_mariadb(&server), version);
            world
                .env
                .sql(&format!("ALTER TABLE {} {change}", world.table()));
            world.instances(1..=20);
            let listed = world.run(&format!("instances {DEAD}")).exit(0).json();
            assert_eq!(
                listed["instances"].as_array().unwrap().len(),
                20,
                "{option} {version}"
            );
            let output = world.run(&format!("failover {DEAD} --yes")).exit(0);
            assert_eq!(world.command_count(), 20, "{option} {version}: {output:?}");
            world.run("recover --orphans --yes").exit(0);
            assert_eq!(world.command_count(), 20, "{option} {version}");
        }
    }
}

/// A program that writes bytes where a text belongs makes no other host of it.
#[test]
fn hosts_are_the_same_as_bytes_in_a_file() {
    for version in ["1.3.9", "3.4.1"] {
        let world = World::idle(Store::Sqlite, version);
        world.instances([1, 2]);
        world.env.sql(&format!(
            "UPDATE {} SET host = CAST(host AS BLOB) WHERE id = 1",
            world.table()
        ));
        let listed = world.run(&format!("instances {DEAD}")).exit(0).json();
        assert_eq!(
            listed["instances"].as_array().unwrap().len(),
            2,
            "{version}: {listed}"
        );
        let output = world.run(&format!("failover {DEAD} --yes")).exit(0);
        assert_eq!(world.command_count(), 2, "{version}: {output:?}");
    }
}
