//! What the program reads and writes is the primary's, fresh and whole: replicas, poolers, caches
//! and limits between.

use std::time::Duration;

use dsctl::metadata::database::DatabaseError;
use dsctl::metadata::{MetadataStore, NewCommand};
use dsctl::model::{Confirmed, Permit, Version};
use dsctl::registry::{Lease, Registry};

use crate::harness::servers::poolers::Pooler;
use crate::harness::servers::postgres;
use crate::harness::world::{BY_HOST, BY_STATE, Cluster, DEAD, World};
use crate::harness::{At, Env, MYSQL_COMMIT, MariaDb, Output, Postgres, Store, eventually, wait};
use crate::registry::open;

fn warned(output: &Output, word: &str) -> bool {
    output.json()["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .any(|warning| warning.as_str().unwrap().contains(word))
}

/// Nothing is written, and told what it is: refused where something would be written, and a warning
/// where it is read.
#[track_caller]
fn is_refused(world: &World, bar: &str) {
    for command in [
        "failover --all-dead --yes --grace 0s",
        &format!("failover {DEAD} --yes"),
        "recover --orphans --yes",
    ] {
        let output = world.dsctl(&format!("{command} -o json")).run().exit(4);
        let error = &output.json()["error"];
        assert_eq!(error["kind"], "refused", "{output:?}");
        assert!(
            error["message"].as_str().unwrap().contains(bar),
            "{output:?}"
        );
    }
    let round = world
        .dsctl("watch --once --yes --grace 0s -o ndjson")
        .run()
        .exit(4);
    assert!(round.stdout.contains(bar), "{round:?}");
    for command in [
        &format!("failover {DEAD} --dry-run"),
        "masters",
        "instances",
    ] {
        let output = world.dsctl(&format!("{command} -o json")).run().exit(0);
        assert!(warned(&output, bar), "{output:?}");
    }
    world.check_untouched();
}

#[test]
fn a_mariadb_that_is_read_only_is_refused_though_the_user_may_write() {
    let server = MariaDb::private();
    let world = World::in_env(Env::on_mariadb(&server), BY_HOST, 3);
    server.sql("", "SET GLOBAL read_only = 1");
    is_refused(&world, "read_only is on");
    server.sql("", "SET GLOBAL read_only = 0");
    let output = world.run(world.failover("")).exit(0);
    assert!(!warned(&output, "read_only"), "{output:?}");
    world.check_complete();
}

/// The standby has what the primary has, or what it had before.
fn await_replayed(primary: &Postgres, standby: &Postgres, database: &str) {
    let ask = |port, sql: &str| {
        let env = Env::on(Store::Postgres, "none", port, database.to_owned());
        env.rows(sql)[0].text(0).unwrap()
    };
    let written = ask(primary.port(), "SELECT CAST(pg_current_wal_lsn() AS TEXT)");
    eventually(Duration::from_secs(30), "the standby has replayed", || {
        let sql = format!("SELECT CAST(pg_last_wal_replay_lsn() >= '{written}' AS INT)");
        if ask(standby.port(), &sql) == "1" {
            Ok(())
        } else {
            Err(())
        }
    });
}

#[test]
fn a_standby_is_refused() {
    let primary = Postgres::private();
    let mut world = World::in_env(Env::on_postgres(&primary), BY_STATE, 3);
    let standby = primary.standby();
    await_replayed(&primary, &standby, &world.env.database);
    let url = world.env.url();
    world.env.set(
        "DSCTL_DB",
        &postgres::url(standby.port(), &world.env.database),
    );
    is_refused(&world, "it is a standby");
    world.env.set("DSCTL_DB", &url);
    world.run(world.failover("")).exit(0);
    world.check_complete();
}

/// A limit of the server's for people who forget a condition.
#[test]
fn a_limit_of_rows_cuts_nothing_off() {
    let server = MariaDb::private();
    let world = World::in_env(Env::on_mariadb(&server), BY_HOST, 700);
    for limit in [
        "sql_select_limit = 5",
        "sql_select_limit = 500",
        "max_join_size = 100",
    ] {
        server.sql("", &format!("SET GLOBAL {limit}"));
        let output = world.run(world.failover("")).exit(0);
        assert_eq!(output.json()["recovered"], 700, "{limit} {output:?}");
        world.check_complete();
        let output = world.dsctl("recover --orphans --yes -o json").run().exit(0);
        assert_eq!(output.json()["recovered"], 0, "{limit} {output:?}");
        assert_eq!(world.command_count(), 700, "{limit}");
        world.reset();
    }
}

/// Nor does it hide that a server takes no writes.
#[test]
fn a_limit_of_rows_hides_no_replica() {
    let server = MariaDb::private();
    let world = World::in_env(Env::on_mariadb(&server), BY_HOST, 3);
    server.sql(
        "",
        "SET GLOBAL read_only = 1; SET GLOBAL sql_select_limit = 3",
    );
    is_refused(&world, "read_only is on");
    server.sql("", "SET GLOBAL read_only = 0");
    world.run(world.failover("")).exit(0);
    world.check_complete();
}

/// The address leads to another server while COMMIT is on its way: what that one has says nothing.
fn moves_at_commit(mut world: World, other: u16, commit: &[u8]) {
    let proxy = world.env.through_proxy();
    proxy.trap(b"INSERT INTO t_ds_command", At::Hold);
    let running = world.failover("").spawn();
    proxy.await_sprung();
    proxy.lead_new_to(other);
    proxy.trap(commit, At::SwallowAnswer);
    proxy.go_on();
    let output = running.finish().exit(9);
    assert_eq!(
        output.json()["error"]["kind"],
        "outcome_unknown",
        "{output:?}"
    );
    // It was committed.
    world.check_complete();
}

#[test]
fn a_lost_commit_is_not_read_back_from_a_standby() {
    let primary = Postgres::private();
    let world = World::in_env(Env::on_postgres(&primary), BY_STATE, 3);
    let standby = primary.standby();
    await_replayed(&primary, &standby, &world.env.database);
    standby.sql("postgres", "SELECT pg_wal_replay_pause()");
    moves_at_commit(world, standby.port(), b"COMMIT\0");
}

#[test]
fn a_lost_commit_is_not_read_back_from_another_mariadb() {
    let (own, other) = (MariaDb::private(), MariaDb::private());
    let world = World::in_env(Env::on_mariadb(&own), BY_HOST, 3);
    // One like it, as it was before.
    let mut copy = world.env.namesake_on(&other);
    Cluster::of(BY_HOST).fill(&mut copy);
    let pairs = world.env.rows("SELECT id, host FROM t_ds_process_instance");
    copy.insert(
        pairs
            .iter()
            .map(|row| {
                let row = (row.int(0).unwrap(), row.text(1).unwrap());
                dsctl::demo::seed::instance(BY_HOST)
                    .id(row.0)
                    .name("copied")
                    .state(1)
                    .host(&row.1)
            })
            .skip(1),
    );
    moves_at_commit(world, other.port(), MYSQL_COMMIT);
}

/// A server that becomes read-only in the middle, as the old primary does when the database is
/// switched over.
#[test]
fn a_server_that_becomes_read_only_in_the_middle_gets_no_batch() {
    let server = MariaDb::private();
    let mut world = World::in_env(Env::on_mariadb(&server), BY_HOST, 3);
    let proxy = world.env.through_proxy();
    proxy.trap(b"INSERT INTO t_ds_command", At::Hold);
    let running = world.failover("").spawn();
    proxy.await_sprung();
    server.sql("", "SET GLOBAL read_only = 1");
    proxy.go_on();
    running.finish().exit(4);
    world.check_untouched();
}

/// What somebody else gives meanwhile: between the look at the commands and the insert.
fn one_comes_before_the_insert(store: Store, version: Version, column: &str) {
    let mut world = World::new(store, version, 3);
    let proxy = world.env.through_proxy();
    let id = *world.ids.first().unwrap();
    proxy.trap(b"INSERT INTO t_ds_command", At::Hold);
    let running = world.failover("").spawn();
    proxy.await_sprung();
    world
        .env
        .insert([dsctl::demo::seed::command(version, 2).of_instance(id)]);
    proxy.go_on();
    // It is named as what it is, and the others of its batch are done.
    let output = running.finish().exit(0);
    let report = output.json();
    assert_eq!(report["recovered"], 2, "{output:?}");
    let skipped = &report["masters"][0]["skipped"][0];
    assert_eq!(
        (&skipped["instance_id"], &skipped["reason"]),
        (&id.into(), &"command_waiting".into()),
        "{output:?}"
    );
    assert_eq!(
        world.env.number(&format!(
            "SELECT COUNT(*) FROM t_ds_command WHERE {column} = {id}"
        )),
        1
    );
    // The next run finds nothing to do.
    let output = world.run(world.failover("")).exit(0);
    assert_eq!(output.json()["recovered"], 0, "{output:?}");
    assert!(world.commands().values().all(|count| *count == 1) && world.command_count() == 3);
}

#[test]
fn a_command_that_comes_before_the_insert_is_seen_by_it_in_mariadb() {
    one_comes_before_the_insert(Store::MariaDb, BY_HOST, "process_instance_id");
}

#[test]
fn a_command_that_comes_before_the_insert_is_seen_by_it_in_postgresql() {
    one_comes_before_the_insert(Store::Postgres, BY_STATE, "workflow_instance_id");
}

/// Forms in which a command of a type names instance 7, and whether that is a recovery command for
/// it.
const FORMS: [(i64, &str, bool); 17] = [
    (2, r#"{"ProcessInstanceId":7}"#, true),
    (2, r#"{"ProcessInstanceId":"7"}"#, true),
    (
        2,
        r#"{"StartParams":"{\"a\":\"b, }\"}","ProcessInstanceId":"7","schedule_timezone":"UTC"}"#,
        true,
    ),
    (2, r#"{"ProcessInstanceId" : 7 , "x":1}"#, true),
    (
        2,
        r#"{"id":1,"parentProcessInstanceId":2,"parentTaskInstanceId":2,"processInstanceId":7}"#,
        true,
    ),
    (
        2,
        r#"{"ProcessInstanceId":7,"a":{"ProcessInstanceId":8}}"#,
        true,
    ),
    (
        2,
        r#"{"a":{"ProcessInstanceId":8},"ProcessInstanceId":7}"#,
        true,
    ),
    (
        2,
        r#"{"a":{"ProcessInstanceId":"8"},"processInstanceId":"7","b":{"ProcessInstanceId":9}}"#,
        true,
    ),
    (
        2,
        r#"{"ProcessInstanceId":6,"ProcessInstanceId":7,"ProcessInstanceId":8}"#,
        true,
    ),
    (2, r#"{"ProcessInstanceId":0,"processInstanceId":7}"#, true),
    (
        2,
        r#"{"ProcessInstanceId":77,"a":{"ProcessInstanceId":70}}"#,
        false,
    ),
    (2, r#"{"ProcessInstanceId":77}"#, false),
    (2, r#"{"ProcessInstanceId":"77"}"#, false),
    (
        2,
        r#"{"ProcessInstanceId":17,"parentProcessInstanceId":7}"#,
        false,
    ),
    (2, "7 is no JSON: {", false),
    (2, "", false),
    (0, r#"{"ProcessInstanceId":7}"#, false),
];

/// Some lock of a real registry.
fn locked(env: &Env) -> (Box<dyn Registry>, Lease) {
    let mut registry = open(env);
    let lease = wait(registry.acquire("lock/some", Duration::from_mins(1), &mut |_| {}));
    (registry, lease.unwrap())
}

/// Leave to write: a lock, confirmed.
fn confirmed(env: &Env) -> Confirmed {
    let (mut registry, lease) = locked(env);
    wait(async {
        let confirmed = registry.confirm(&lease).await.unwrap();
        registry.close().await;
        confirmed
    })
}

/// Whoever forgets a transaction, or ends on a way that nobody thought of, has written nothing: all
/// of it is undone before the next statement, and the rows are free again.
#[test]
fn a_batch_that_is_dropped_is_rolled_back() {
    for store in Store::ALL {
        let world = World::new(store, BY_HOST, 3);
        let lock = confirmed(&world.env);
        let ids: Vec<i64> = world.ids.iter().copied().collect();
        wait(async {
            let mut store = MetadataStore::open(world.env.database(), Some(BY_HOST))
                .await
                .unwrap();
            store.identify_server(true).await.unwrap();
            let batch = store
                .begin_batch(&Permit::by_operator(), lock, Duration::from_secs(30))
                .await
                .unwrap();
            let rows = store.lock_instances(&batch, &ids).await.unwrap();
            assert_eq!(store.claim(&batch, &rows).await.unwrap(), 3);
            drop(batch);
            let counts = store.host_counts().await.unwrap();
            assert!(
                counts
                    .iter()
                    .any(|count| count.host.as_deref() == Some(DEAD) && count.count == 3),
                "{counts:?}"
            );
            world.check_untouched();
            // Nobody waits for rows of it.
            world.env.sql(&format!(
                "UPDATE t_ds_process_instance SET host = host WHERE host = '{DEAD}'"
            ));
            // One that was committed stays, and a new one can be begun.
            let looking = store.begin_locking(Duration::from_secs(30)).await.unwrap();
            assert_eq!(store.lock_instances(&looking, &ids).await.unwrap().len(), 3);
            store.roll_back(looking).await;
            store.close().await;
        });
    }
}

/// What a batch needs: the store, and a lock that is confirmed for each.
struct Inserter {
    store: MetadataStore,
    registry: Box<dyn Registry>,
    lease: Lease,
}

impl Inserter {
    fn of(env: &Env, version: Version) -> Self {
        let (registry, lease) = locked(env);
        wait(async {
            let database = env.database();
            let mut store = MetadataStore::open(database, Some(version)).await.unwrap();
            store.identify_server(true).await.unwrap();
            Self {
                store,
                registry,
                lease,
            }
        })
    }

    /// Inserts a command for instance 7 in a transaction of its own, which is rolled back; gives
    /// whether it was.
    fn inserts(&mut self) -> bool {
        let Self {
            store,
            registry,
            lease,
        } = self;
        wait(async {
            let lock = registry.confirm(lease).await.unwrap();
            let batch = store
                .begin_batch(&Permit::by_operator(), lock, Duration::from_secs(30))
                .await
                .unwrap();
            let rows = store.lock_instances(&batch, &[7]).await.unwrap();
            let command = NewCommand {
                row: &rows[0],
                parameter: r#"{"ProcessInstanceId":7}"#.to_owned(),
            };
            let inserted = store.insert_commands(&batch, &[command], false, None).await;
            store.roll_back(batch).await;
            match inserted {
                Ok(ids) => ids.len() == 1,
                Err(DatabaseError::Refused { cause, .. })
                    if cause.contains("recovery command for instance 7") =>
                {
                    false
                }
                Err(other) => panic!("{other:?}"),
            }
        })
    }

    fn close(self) {
        wait(async {
            self.store.close().await;
            self.registry.close().await;
        });
    }
}

#[track_caller]
fn every_form_is_seen(env: &Env, version: Version, place: &str) {
    let mut inserter = Inserter::of(env, version);
    assert!(inserter.inserts(), "{place} {version}");
    // What its column names, where the release has one, is besides.
    for (column, (kind, parameter, names)) in [0, 8, 77]
        .into_iter()
        .flat_map(|column| FORMS.map(|form| (column, form)))
    {
        let command = dsctl::demo::seed::command(version, kind).parameter(parameter);
        env.insert([command.of_instance(column)]);
        assert_eq!(
            inserter.inserts(),
            !names,
            "{place} {version} {kind} {parameter} column {column}"
        );
        env.sql("DELETE FROM t_ds_command");
    }
    inserter.close();
}

/// 1.x has no column for it; newer releases may leave it empty.
#[test]
fn an_insert_sees_every_form_in_which_a_command_names_the_instance() {
    for store in Store::ALL {
        for version in
            ["1.2.1", "2.0.9", "3.2.2", "3.4.1"].map(|version| version.parse::<Version>().unwrap())
        {
            let env = Env::new(store);
            env.create_schema(version);
            env.insert([dsctl::demo::seed::instance(version)
                .id(7)
                .name("seven")
                .state(1)
                .host(DEAD)]);
            every_form_is_seen(&env, version, &format!("{store:?}"));
        }
    }
}

/// A mode of MariaDB's in which a text that becomes empty is NULL, and those of another dialect.
#[test]
fn an_insert_sees_every_form_whatever_the_servers_sql_mode() {
    let server = MariaDb::private();
    for version in ["1.2.1", "2.0.9"].map(|version| version.parse::<Version>().unwrap()) {
        let env = Env::on_mariadb(&server);
        server.sql("", "SET GLOBAL sql_mode = ''");
        env.create_schema(version);
        env.insert([dsctl::demo::seed::instance(version)
            .id(7)
            .name("seven")
            .state(1)
            .host(DEAD)]);
        for mode in ["EMPTY_STRING_IS_NULL", "ORACLE,EMPTY_STRING_IS_NULL"] {
            server.sql("", &format!("SET GLOBAL sql_mode = '{mode}'"));
            every_form_is_seen(&env, version, mode);
        }
    }
}

/// Whether a session of the pool is as the server gives it.
fn check_settings(port: u16, database: &str) {
    let env = Env::on(Store::Postgres, "none", port, database.to_owned());
    let sql = "SELECT name || '=' || setting FROM pg_settings WHERE source = 'session' AND name NOT IN \
               ('client_encoding', 'DateStyle', 'TimeZone', 'application_name', 'extra_float_digits')";
    wait(async {
        use sqlx::Connection;
        let url = env.url();
        let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
        let changed: Vec<String> = sqlx::query_scalar(sql)
            .persistent(false)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        assert_eq!(changed, Vec::<String>::new());
        connection.close().await.unwrap();
    });
}

#[test]
fn a_pool_of_statements_is_refused_by_its_name() {
    let mut world = World::new(Store::Postgres, BY_STATE, 3);
    let pooler = Pooler::pgbouncer_by("statement", Postgres::shared(), 2);
    let through = postgres::url(pooler.port(), &world.env.database);
    world.env.set("DSCTL_DB", &through);
    for command in ["masters", &format!("failover {DEAD} --yes")] {
        let output = world.dsctl(command).run().exit(6);
        output
            .err("statement pooling mode")
            .err("pool_mode=transaction or session");
    }
    world.check_untouched();
}

/// Each transaction may be led to another connection of the server's, and the next client gets it.
#[test]
fn behind_pgbouncer_nothing_is_left_on_a_connection() {
    for (mode, inside, connections) in [
        ("transaction", false, 1),
        ("transaction", true, 2),
        ("session", true, 4),
    ] {
        let mut world = if inside {
            World::with_registry_inside(Store::Postgres, BY_STATE, 6)
        } else {
            World::new(Store::Postgres, BY_STATE, 6)
        };
        let pooler = Pooler::pgbouncer_by(mode, Postgres::shared(), connections);
        world.env.set(
            "DSCTL_DB",
            &postgres::url(pooler.port(), &world.env.database),
        );
        for round in 0..3 {
            let more = "--timeout 3s --statement-timeout 7s";
            let output = world
                .dsctl(&format!("failover {DEAD} --yes -o json --batch 2 {more}"))
                .run()
                .exit(0);
            assert_eq!(output.json()["recovered"], 6, "{round} {output:?}");
            world.dsctl(&format!("masters {more}")).run().exit(0);
            check_settings(pooler.port(), &world.env.database);
            if !inside {
                world.check_complete();
            }
            world.reset();
        }
    }
}

/// The same tables in another schema, as they are now.
fn copy_tables(world: &World, schema: &str) {
    world.env.sql(&format!(
        "CREATE SCHEMA {schema}; DO $$ DECLARE t text; BEGIN \
         FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP \
         EXECUTE format('CREATE TABLE {schema}.%I (LIKE public.%I INCLUDING ALL)', t, t); \
         EXECUTE format('INSERT INTO {schema}.%I SELECT * FROM public.%I', t, t); END LOOP; END $$"
    ));
}

/// What one client sets on a connection, the next one gets: here in the middle of a run.
#[test]
fn a_search_path_that_somebody_leaves_on_a_poolers_connection_leads_nowhere_else() {
    let mut world = World::new(Store::Postgres, BY_STATE, 3);
    copy_tables(&world, "copies");
    let pooler = Pooler::pgbouncer(Postgres::shared(), 1);
    let through = postgres::url(pooler.port(), &world.env.database);
    let holder = world.holder();
    world.env.set("DSCTL_DB", &through);
    let running = world.failover("").spawn();
    world.zk().await_queue(&world.lock(), 2);
    postgres::sql(
        pooler.port(),
        &world.env.database,
        "SET search_path = copies",
    );
    holder.signal("INT");
    holder.finish().exit(0);
    let output = world.end(running).exit(4);
    assert!(
        output.json()["error"]["message"]
            .to_string()
            .contains("schemas copies"),
        "{output:?}"
    );
    assert_eq!(
        world.env.number("SELECT COUNT(*) FROM copies.t_ds_command"),
        0
    );
    world.check_untouched();
    // Whoever names the schema is led there by every pooler, and on every connection.
    world
        .env
        .set("DSCTL_DB", &format!("{through}?currentSchema=public"));
    world.complete();
    assert_eq!(
        world.env.number("SELECT COUNT(*) FROM copies.t_ds_command"),
        0
    );
}

/// A temporary table stays on its connection as long as that lasts, and hides the one of its name.
#[test]
fn a_temporary_table_that_somebody_leaves_on_a_poolers_connection_gets_no_command() {
    let mut world = World::new(Store::Postgres, BY_STATE, 20);
    let pooler = Pooler::pgbouncer(Postgres::shared(), 1);
    let through = postgres::url(pooler.port(), &world.env.database);
    world.env.set("DSCTL_DB", &through);
    let running = world.failover("--batch 1 --rate 1/s").spawn();
    eventually(
        Duration::from_mins(1),
        "the first command",
        || match world.command_count() {
            0 => Err(0),
            commands => Ok(commands),
        },
    );
    let copy = "CREATE TEMPORARY TABLE t_ds_command (LIKE t_ds_command INCLUDING ALL)";
    postgres::sql(pooler.port(), &world.env.database, copy);
    world.end(running).exit(7).err("schemas pg_temp");
    let claimed = "SELECT COUNT(*) FROM t_ds_workflow_instance WHERE state = 18";
    assert_eq!(world.env.number(claimed), world.command_count());
    // Other ones are in nobody's way.
    let other = "DROP TABLE pg_temp.t_ds_command; CREATE TEMPORARY TABLE notes (id int)";
    postgres::sql(pooler.port(), &world.env.database, other);
    world.complete();
}

/// pgpool asks a standby that is behind for whatever it takes for a read, and a cache for what was
/// asked before.
#[test]
fn behind_pgpool_the_primary_answers() {
    let primary = Postgres::private();
    let mut world = World::in_env(Env::on_postgres(&primary), BY_STATE, 4);
    let standby = primary.standby();
    let direct = world.env.url();
    world
        .dsctl(&format!("clear-hosts {DEAD} --yes"))
        .run()
        .exit(0);
    await_replayed(&primary, &standby, &world.env.database);
    standby.sql("postgres", "SELECT pg_wal_replay_pause()");
    let pooler = Pooler::pgpool(&primary, &standby);
    let through = postgres::url(pooler.port(), &world.env.database);
    let recover = |world: &World| {
        world
            .dsctl("recover --orphans --yes -o json --original-state running")
            .run()
            .exit(0)
    };
    world.env.set("DSCTL_DB", &direct);
    assert_eq!(recover(&world).json()["recovered"], 4);
    world.env.set("DSCTL_DB", &through);
    for _ in 0..2 {
        let output = recover(&world);
        assert_eq!(output.json()["recovered"], 0, "{output:?}");
    }
    assert_eq!(world.command_count(), 4);
    // The standby has not heard of these.
    world.reset();
    let output = world.failover("").run().exit(0);
    assert_eq!(output.json()["recovered"], 4, "{output:?}");
    world.check_complete();
}

#[test]
fn row_level_security_is_told() {
    let world = World::new(Store::Postgres, BY_STATE, 3);
    let server = Postgres::shared();
    let (database, table) = (&world.env.database, "t_ds_workflow_instance");
    let role = format!("{database}_plain");
    server.sql(
        database,
        &format!(
            "CREATE ROLE {role} LOGIN PASSWORD '{}'; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; \
             GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}",
            crate::harness::PASSWORD
        ),
    );
    let as_role = |words: &str| {
        let url = world.env.url().replacen(
            &format!("//{}:", crate::harness::USER),
            &format!("//{role}:"),
            1,
        );
        world
            .dsctl(&format!("{words} -o json"))
            .env("DSCTL_DB", &url)
            .run()
            .exit(0)
    };
    assert!(!warned(&as_role("masters"), "row level security"));
    server.sql(
        database,
        &format!(
            "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; CREATE POLICY part ON {table} USING (host <> '{DEAD}')"
        ),
    );
    for words in [
        "masters",
        "instances",
        "failover --all-dead --dry-run",
        "failover --all-dead --yes --grace 0s",
    ] {
        let output = as_role(words);
        assert!(
            warned(
                &output,
                &format!("row level security hides rows of {table}")
            ),
            "{output:?}"
        );
    }
    // Who owns the tables sees all.
    assert!(!warned(
        &world.dsctl("masters -o json").run().exit(0),
        "row level security"
    ));
    server.sql(database, &format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}
