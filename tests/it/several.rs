//! Several database servers in one URL: they are tried in their order until one accepts writes.

use crate::harness::world::{BY_HOST, BY_STATE, World};
use crate::harness::{Env, MariaDb, Output, PASSWORD_IN_URL, Postgres, USER, free_port};

const READING: [&str; 2] = ["masters", "failover --all-dead --dry-run"];

/// A URL as DolphinScheduler's own files have it.
fn url(scheme: &str, ports: &[u16], world: &World, more: &str) -> String {
    let hosts: Vec<String> = ports
        .iter()
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    format!(
        "jdbc:{scheme}://{}/{}?user={USER}&password={PASSWORD_IN_URL}{more}",
        hosts.join(","),
        world.env.database
    )
}

fn message(output: &Output) -> String {
    output.json()["error"]["message"].to_string()
}

/// Nothing is read either: who answers may be behind.
#[track_caller]
fn is_refused(world: &World, url: &str, code: i32, words: &[&str]) {
    for command in READING
        .into_iter()
        .chain(["failover --all-dead --yes --grace 0s"])
    {
        let run = world
            .dsctl(&format!("{command} -o json"))
            .env("DSCTL_DB", url);
        let output = run.run().exit(code);
        let told = output.json()["error"].to_string();
        for word in words {
            assert!(told.contains(word), "no {word:?}: {output:?}");
        }
    }
    world.check_untouched();
}

#[test]
fn of_postgres_servers_the_primary_is_used() {
    let primary = Postgres::private();
    let mut world = World::with_registry_on(Env::on_postgres(&primary), BY_STATE, 3);
    let standby = primary.standby();
    let nobody = free_port();
    let several = |world: &World, ports: &[u16], more: &str| url("postgresql", ports, world, more);
    for more in ["", "&targetServerType=any", "&targetServerType=primary"] {
        let standbys = several(&world, &[standby.port(), standby.port()], more);
        is_refused(
            &world,
            &standbys,
            4,
            &[
                "none of the database's servers accepts writes",
                "it is a standby",
            ],
        );
        let silent = several(&world, &[standby.port(), nobody], more);
        is_refused(
            &world,
            &silent,
            6,
            &[
                "cannot connect to the database",
                "it is a standby",
                &nobody.to_string(),
            ],
        );
    }
    let alone = several(&world, &[standby.port()], "&targetServerType=primary");
    is_refused(&world, &alone, 4, &["it is a standby"]);
    for ports in [
        vec![nobody, standby.port(), primary.port()],
        vec![primary.port(), standby.port()],
    ] {
        let url = several(
            &world,
            &ports,
            "&targetServerType=primary&loadBalanceHosts=true",
        );
        world.env.set("DSCTL_DB", &url);
        for command in READING {
            world.dsctl(&format!("{command} -o json")).run().exit(0);
        }
        let output = world.failover("").run().exit(0);
        assert_eq!(output.json()["recovered"], 3, "{}", message(&output));
        world.check_complete();
        world.reset();
    }
}

#[test]
fn of_mysql_servers_the_one_that_accepts_writes_is_used() {
    let (primary, replica) = (MariaDb::private(), MariaDb::private());
    let mut world = World::in_env(Env::on_mariadb(&primary), BY_HOST, 3);
    primary.give_copy(&world.env.database, &replica);
    replica.sql("", "SET GLOBAL read_only = 1");
    let ports = [replica.port(), primary.port()];
    let words = ["read_only is on"];
    is_refused(
        &world,
        &url("mysql", &[ports[0], ports[0]], &world, ""),
        4,
        &words,
    );
    for scheme in [
        "mysql",
        "mysql:replication",
        "mysql:loadbalance",
        "mariadb:sequential",
    ] {
        let url = url(scheme, &ports, &world, "&autoReconnect=true");
        world.env.set("DSCTL_DB", &url);
        let output = world.failover("").run().exit(0);
        assert_eq!(output.json()["recovered"], 3, "{}", message(&output));
        world.check_complete();
        world.reset();
    }
    let copy = Env::on_mariadb(&replica);
    let commands = format!("SELECT COUNT(*) FROM {}.t_ds_command", world.env.database);
    assert_eq!(copy.rows(&commands)[0].int(0), Some(0));
}
