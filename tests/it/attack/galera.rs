//! Two nodes of a Galera cluster, of which one lags behind: whoever asks there sees what was, and
//! may write all the same.

use std::time::Duration;

use crate::harness::world::World;
use crate::harness::{At, Env, MYSQL_COMMIT, MariaDb, eventually, free_port, servers, wait};

/// Options of a node that others, or nobody, wait for.
fn node(own: u16, first: u16) -> Vec<String> {
    let transfer = free_port();
    let address = if own == first {
        "gcomm://".to_owned()
    } else {
        format!("gcomm://127.0.0.1:{first}")
    };
    let mut options: Vec<String> =
        "--wsrep-on=ON --wsrep-provider=/usr/lib/galera/libgalera_smm.so --binlog-format=ROW \
         --default-storage-engine=InnoDB --innodb-autoinc-lock-mode=2 --wsrep-cluster-name=dsctl \
         --wsrep-node-address=127.0.0.1 --wsrep-sst-method=skip"
            .split_whitespace()
            .map(str::to_owned)
            .collect();
    options.push(format!("--wsrep-cluster-address={address}"));
    options.push(format!(
        "--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:{own};ist.recv_addr=127.0.0.1:{transfer};gcache.size=32M"
    ));
    options
}

fn restart(server: &mut MariaDb, options: &[String]) {
    server.restart_with(&options.iter().map(String::as_str).collect::<Vec<_>>());
    let port = server.port();
    eventually(
        Duration::from_secs(30),
        "a node that is ready",
        || match status(port, "wsrep_ready").as_str() {
            "ON" => Ok(()),
            other => Err(other.to_owned()),
        },
    );
}

fn status(port: u16, name: &str) -> String {
    let sql = format!(
        "SELECT variable_value FROM information_schema.global_status WHERE variable_name = '{name}'"
    );
    servers::mariadb::texts(port, "", &sql).concat()
}

/// Both have begun as copies of the same folder: the second one is told that it has what the first
/// one has.
fn cluster() -> [MariaDb; 2] {
    let [mut first, mut second] = [MariaDb::private(), MariaDb::private()];
    let ports = [free_port(), free_port()];
    restart(&mut first, &node(ports[0], ports[0]));
    let (history, place) = (
        status(first.port(), "wsrep_local_state_uuid"),
        status(first.port(), "wsrep_last_committed"),
    );
    let state = format!("version: 2.1\nuuid: {history}\nseqno: {place}\nsafe_to_bootstrap: 0\n");
    second.write_file("grastate.dat", &state);
    restart(&mut second, &node(ports[1], ports[0]));
    [first, second]
}

/// A world on this node.
fn on(node: &MariaDb) -> World {
    World::idle_in(Env::on_mariadb(node), "3.1.9")
}

#[test]
fn a_node_that_lags_behind_gives_no_second_command() {
    let [first, second] = cluster();
    let mut world = on(&first);
    world.env.insert([world.instance(1).host("NULL")]);
    let name = world.env.database.clone();
    first.sql(&name, "CREATE TABLE slow (id INT PRIMARY KEY)");
    let one = |number: i64| vec![number.to_string()];
    let count = |server: &MariaDb, what: &str| {
        let sql = format!("SELECT CAST(COUNT(*) AS CHAR) FROM {what}");
        servers::mariadb::texts(server.port(), &name, &sql)
    };
    // The other node cannot write this row, nor anything behind it, for as long as somebody there
    // has the table locked.
    let mut somebody = Env::on_mariadb(&second).database();
    wait(somebody.execute(&format!("LOCK TABLES {name}.slow READ").as_str().into())).unwrap();
    first.sql(&name, "INSERT INTO slow VALUES (1)");
    world.run("recover --orphans --yes").exit(0);
    // The premise: one has it, and the other does not yet.
    assert_eq!(
        (
            count(&first, "t_ds_command"),
            count(&second, "t_ds_command")
        ),
        (one(1), one(0))
    );
    world.env.set("DSCTL_DB", &second.url(&name));
    let running = world.dsctl("recover --orphans --yes").spawn();
    let waits = format!(
        "information_schema.processlist WHERE db = '{name}' AND command = 'Query' AND time_ms > 500"
    );
    let port = second.port();
    eventually(
        Duration::from_secs(30),
        "one that waits for the other node",
        || match servers::mariadb::texts(
            port,
            "",
            &format!("SELECT CAST(COUNT(*) AS CHAR) FROM {waits}"),
        ) {
            found if found == one(1) => Ok(()),
            other => Err(other),
        },
    );
    wait(somebody.execute(&"UNLOCK TABLES".into())).unwrap();
    let output = running.finish().exit(0);
    assert_eq!(
        (world.command_count(), output.json()["recovered"].as_i64()),
        (1, Some(0)),
        "{output:?}"
    );
}

/// Locks of rows are each node's own: who was in another one's way learns it at COMMIT.
#[test]
fn a_commit_that_another_node_came_before_is_tried_again() {
    let [first, second] = cluster();
    let mut world = on(&second);
    world.instances([1]);
    let proxy = world.env.through_proxy();
    proxy.trap(MYSQL_COMMIT, At::Hold);
    let running = world.dsctl("failover 10.0.0.2:5678 --yes").spawn();
    proxy.await_sprung();
    first.sql(
        &world.env.database,
        "UPDATE t_ds_process_instance SET name = 'renamed' WHERE id = 1",
    );
    proxy.go_on();
    let output = running.finish();
    assert_eq!(
        (world.command_count(), world.host(1).as_str()),
        (1, "NULL"),
        "{output:?}"
    );
    assert_eq!(output.exit(0).json()["recovered"], 1);
}
