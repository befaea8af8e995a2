//! Servers that demand a login with SASL.

use super::{from_the_masters_own_files, refused};
use crate::harness::world::{BY_HOST, BY_STATE, DEAD, LIVING, World};
use crate::harness::{Env, Store, ZooKeeper};

/// The masters' own login.
const MASTERS: (&str, &str) = ("ds", "mark3r-of-\"masters\"");

/// The same as a `jaas.conf` has it.
const ESCAPED: (&str, &str) = ("ds", "mark3r-of-\\\"masters\\\"");

fn world(server: &ZooKeeper) -> World {
    let mut world = World::in_env(
        Env::at(Store::Sqlite, &server.connect_string()),
        BY_STATE,
        2,
    );
    let (user, password) = MASTERS;
    let login = world.env.file("sasl", &format!("{user}:{password}\n"));
    world.env.set("DSCTL_ZK_SASL_FILE", &login);
    world
}

#[test]
fn with_the_masters_login_everything_is_done() {
    let mut server = ZooKeeper::demanding_sasl(&[ESCAPED]);
    let mut world = world(&server);
    // Longer than a server may take to start again.
    world.env.set("DSCTL_SESSION_TIMEOUT", "40s");
    world.dsctl("masters").run().exit(0).out(DEAD).out(LIVING);
    world.run("failover --all-dead --yes --grace 0s").exit(0);
    world.check_complete();

    let holder = world.holder();
    world.dsctl("lock status").run().exit(0).out(DEAD);
    // The session goes on at the server that comes back, which asks for the login again.
    server.stop();
    server.start();
    world
        .dsctl(&format!("failover {DEAD} --yes --lock-timeout 0s"))
        .run()
        .exit(5);
    holder.signal("INT");
    let output = holder.finish().exit(0).out("released");
    let queue = world.env.path(&format!("lock/master-failover/{DEAD}"));
    assert_eq!(world.env.zk().lock_queue(&queue), [""; 0], "{output:?}");
}

/// Its random numbers are not always of the same length.
#[test]
fn the_login_works_every_time() {
    let server = ZooKeeper::demanding_sasl(&[ESCAPED]);
    let world = world(&server);
    for _ in 0..40 {
        world.dsctl("masters").run().exit(0);
    }
    the_login_is_read_from_the_masters_own_file(&world);
}

/// Nothing is given but the folder: the masters' `jaas.conf` has the login.
fn the_login_is_read_from_the_masters_own_file(world: &World) {
    let login = |module: &str| from_the_masters_own_files(world, module);
    let (user, password) = ESCAPED;
    login(&format!(
        "org.apache.zookeeper.server.auth.DigestLoginModule required username=\"{user}\" password=\"{password}\""
    ))
    .exit(0)
    .out(DEAD)
    .out(LIVING);
    let words = if cfg!(feature = "kerberos") {
        // It is the masters' way, and there is no ticket on this machine.
        ["no Kerberos ticket", "zookeeper@127.0.0.1", "kinit"]
    } else {
        [
            "Kerberos",
            "not built into this dsctl",
            "requires authentication",
        ]
    };
    let kerberos = login("com.sun.security.auth.module.Krb5LoginModule required");
    let kerberos = refused(kerberos, &words);
    assert!(
        !kerberos.stderr.contains("password is wrong"),
        "{kerberos:?}"
    );
}

#[test]
fn a_wrong_login_is_named_and_its_password_is_not() {
    let server = ZooKeeper::demanding_sasl(&[ESCAPED]);
    let mut world = world(&server);
    for login in ["ds:mark3r-wrong", "nobody:mark3r"] {
        let file = world.env.file("wrong", login);
        world.env.set("DSCTL_ZK_SASL_FILE", &file);
        let output = world.dsctl("masters").run();
        let user = login.split(':').next().unwrap();
        refused(output, &["refuses the SASL login", user, "jaas.conf"]);
    }
    world.check_untouched();
}

#[test]
fn without_a_login_the_demand_is_named() {
    let server = ZooKeeper::demanding_sasl(&[ESCAPED]);
    let mut world = world(&server);
    world.env.unset("DSCTL_ZK_SASL_FILE");
    let digest = world.env.file("digest", "user:mark3r");
    world.env.set("DSCTL_ZK_DIGEST_FILE", &digest);
    refused(
        world.dsctl("masters").run(),
        &[
            "requires authentication",
            "SASL",
            "no digest helps",
            "--zk-sasl-file",
        ],
    );
    world.check_untouched();
}

#[test]
fn a_login_at_servers_that_know_none_does_not_hinder() {
    let mut world = World::in_env(Env::new(Store::Sqlite), BY_HOST, 1);
    let login = world.env.file("sasl", "ds:mark3r");
    world.env.set("DSCTL_ZK_SASL_FILE", &login);
    world.dsctl("masters").run().exit(0).out(DEAD).out(LIVING);
}

/// Locks are for the masters as they always were: a node is open to all if theirs are.
#[test]
fn lock_nodes_are_open_as_without_a_login() {
    let server = ZooKeeper::demanding_sasl(&[ESCAPED]);
    let world = world(&server);
    let _holder = world.holder();
    let dump = world.env.registry_dump();
    let nodes: Vec<_> = dump
        .iter()
        .filter(|(path, _)| path.contains("-lock-"))
        .collect();
    assert_eq!(nodes.len(), 1, "{dump:?}");
    assert!(nodes[0].1.contains("world"), "{nodes:?}");
    // Whoever logs in as somebody else can wait for it, and take it away.
    world.env.zk().delete(nodes[0].0);
}
