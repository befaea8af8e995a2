//! What routes MySQL's protocol by the text of a statement stands between: nothing is believed that
//! a replica or a cache says, and what such a router refuses is not sent.

use dsctl::demo::Registered;

use crate::harness::servers::mariadb;
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, World, registered};
use crate::harness::{At, Between, Env, Kind, MariaDb, Output, Store};

/// A cluster whose database has a replica that is behind: there nothing hangs.
struct Split {
    world: World,
    _primary: MariaDb,
    replica: MariaDb,
    _between: Between,
}

fn split(kind: Kind) -> Split {
    let (primary, replica) = (MariaDb::private(), MariaDb::private());
    let mut world = World::in_env(Env::on_mariadb(&primary), BY_HOST, 3);
    primary.give_copy(&world.env.database, &replica);
    replica.sql(
        &world.env.database,
        &format!("UPDATE t_ds_process_instance SET state = 7 WHERE host = '{DEAD}'"),
    );
    let between = Between::new(kind, &primary, &replica);
    world.env.set(
        "DSCTL_DB",
        &mariadb::url(between.port(), &world.env.database),
    );
    Split {
        world,
        _primary: primary,
        replica,
        _between: between,
    }
}

/// Everything is as it would be without anything between.
fn is_right(kind: Kind) {
    let split = split(kind);
    let world = &split.world;
    // Asked twice: the second answer may be out of a cache.
    for _ in 0..2 {
        let masters = world.dsctl("masters -o json").run().exit(0).json();
        let dead = masters["masters"]
            .as_array()
            .unwrap()
            .iter()
            .find(|master| master["address"] == DEAD);
        assert_eq!(dead.unwrap()["verdict"], "dead", "{masters}");
        let instances = world
            .dsctl(&format!("instances {DEAD} -o json"))
            .run()
            .exit(0)
            .json();
        assert_eq!(
            instances["instances"].as_array().unwrap().len(),
            3,
            "{instances}"
        );
    }
    for command in [
        format!("failover {DEAD} --yes"),
        "failover --all-dead --yes --grace 0s".to_owned(),
        "watch --once --yes --grace 0s".to_owned(),
    ] {
        let dry = world
            .dsctl(&format!("failover {DEAD} --dry-run -o json"))
            .run()
            .exit(0);
        assert_eq!(dry.json()["recovered"], 3, "{kind:?} {dry:?}");
        world.dsctl(&command).run().exit(0);
        world.check_complete();
        // Nobody gets a second one, neither from this command nor as an orphan.
        world.dsctl(&command).run().exit(0);
        no_orphans(world);
        world.check_complete();
        world.reset();
    }
    // Orphans.
    world
        .dsctl(&format!("clear-hosts {DEAD} --yes"))
        .run()
        .exit(0);
    let output = recover(world);
    assert_eq!(output.json()["recovered"], 3, "{kind:?} {output:?}");
    no_orphans(world);
    world.check_complete();
}

fn recover(world: &World) -> Output {
    world.dsctl("recover --orphans --yes -o json").run().exit(0)
}

fn no_orphans(world: &World) {
    for _ in 0..2 {
        let output = recover(world);
        assert_eq!(output.json()["recovered"], 0, "{output:?}");
    }
}

#[test]
fn behind_a_router_that_splits_reads_from_writes_the_primary_answers() {
    is_right(Kind::Split);
}

#[test]
fn behind_a_router_that_shares_connections_all_is_done() {
    is_right(Kind::Router);
}

#[test]
fn behind_proxysql_with_two_groups_all_is_done() {
    is_right(Kind::ProxySql);
}

#[test]
fn a_cache_of_answers_is_not_believed() {
    is_right(Kind::Cache);
}

/// Here reads go to the replica wherever they stand: what rests on them is refused.
#[test]
fn who_reads_from_a_replica_within_transactions_is_refused() {
    for read_only in [0, 1] {
        let split = split(Kind::SplitInside);
        let world = &split.world;
        split
            .replica
            .sql("", &format!("SET GLOBAL read_only = {read_only}"));
        for command in [
            &format!("failover {DEAD} --yes"),
            "failover --all-dead --yes --grace 0s",
            "recover --orphans --yes",
            "watch --once --yes --grace 0s",
        ] {
            let output = world.dsctl(command).run().exit(4);
            let said = format!("{}{}", output.stdout, output.stderr);
            assert!(said.contains("the database"), "{read_only} {output:?}");
            world.check_untouched();
        }
        for command in [
            &format!("failover {DEAD} --dry-run"),
            "masters",
            "instances",
        ] {
            let output = world
                .dsctl(&format!("{command} -o json"))
                .run()
                .exit(0)
                .json();
            let warnings = output["warnings"].as_array().unwrap();
            assert!(
                warnings
                    .iter()
                    .any(|it| it.as_str().unwrap().contains("the database")),
                "{read_only} {output}"
            );
        }
    }
}

/// The dead master, alive.
fn back() -> Registered<'static> {
    Registered {
        client: 8,
        ..registered(DEAD)
    }
}

/// What a cache has of the registry's tables shows nobody dead.
#[test]
fn a_registry_out_of_a_cache_is_not_believed() {
    let (primary, other) = (MariaDb::private(), MariaDb::private());
    let mut world = World::with_registry_on(Env::on_mariadb(&primary), BY_STATE, 3);
    primary.give_copy(&world.env.database, &other);
    let between = Between::new(Kind::Cache, &primary, &other);
    world.env.set(
        "DSCTL_DB",
        &mariadb::url(between.port(), &world.env.database),
    );
    world.dsctl("masters").run().exit(0);
    // It is back.
    world.env.register_in_database(BY_STATE, &back());
    world.failover("").run().exit(4).says_it_is_alive();
    world.check_untouched();
}

/// The registry has a connection of its own. That one is led to a server that has not heard of a
/// master's return.
#[test]
fn a_registry_of_a_replica_is_refused() {
    let (primary, replica) = (MariaDb::private(), MariaDb::private());
    for read_only in [0, 1] {
        let mut world = World::with_registry_on(Env::on_mariadb(&primary), BY_STATE, 3);
        primary.give_copy(&world.env.database, &replica);
        world.env.register_in_database(BY_STATE, &back());
        replica.sql("", &format!("SET GLOBAL read_only = {read_only}"));
        let proxy = world.env.through_proxy();
        // The store's first word to its server: what connects from now on is the registry.
        proxy.trap(b"t_ds_version", At::Hold);
        let running = world.failover("").spawn();
        proxy.await_sprung();
        proxy.lead_new_to(replica.port());
        proxy.go_on();
        let output = running.finish().exit(4);
        assert_eq!(output.json()["error"]["kind"], "refused", "{output:?}");
        world.check_untouched();
        replica.sql("", "SET GLOBAL read_only = 0");
    }
}

/// A session's settings, as whoever gets the connection next finds them.
#[test]
fn a_session_is_given_back_as_it_was() {
    let (primary, other) = (MariaDb::private(), MariaDb::private());
    let mut world = World::in_env(Env::on_mariadb(&primary), BY_HOST, 3);
    primary.give_copy(&world.env.database, &other);
    let pool = Between::new(Kind::Pool, &primary, &other);
    world
        .env
        .set("DSCTL_DB", &mariadb::url(pool.port(), &world.env.database));
    let more = "--timeout 3s --statement-timeout 7s";
    for command in [
        format!("failover {DEAD} --yes --batch 2 {more}"),
        format!("masters {more}"),
    ] {
        world.dsctl(&command).run().exit(0);
        let fresh = settings(primary.port(), &world.env.database);
        let used = settings(pool.port(), &world.env.database);
        assert_eq!(used, fresh, "{command}");
    }
    world.check_complete();
}

/// All of a session's variables but those that tell sessions apart.
fn settings(port: u16, database: &str) -> Vec<String> {
    let env = Env::on(Store::MariaDb, "none", port, database.to_owned());
    mariadb::texts(
        env.server_port(),
        database,
        "SELECT CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE) FROM information_schema.SESSION_VARIABLES \
         WHERE VARIABLE_NAME NOT IN ('TIMESTAMP', 'PSEUDO_THREAD_ID', 'RAND_SEED1', 'RAND_SEED2', 'LAST_INSERT_ID', \
         'INSERT_ID', 'IDENTITY', 'IN_TRANSACTION', 'LAST_GTID', 'WARNING_COUNT', 'ERROR_COUNT') ORDER BY 1",
    )
}
