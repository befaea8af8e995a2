//! Servers at which the masters log in with Kerberos.

use crate::harness::servers::kdc::{Kdc, REALM};
use crate::harness::world::{BY_STATE, DEAD, LIVING, World};
use crate::harness::{Env, Store, ZooKeeper};

const SERVICE: &str = "zookeeper/127.0.0.1";
const MASTERS: &str = "ds";

/// A key distribution centre, a ZooKeeper that knows it, and a world whose entries only the masters' own
/// principal may see.
struct Scene {
    kdc: Kdc,
    keytab: String,
    server: ZooKeeper,
    world: World,
}

impl Scene {
    fn new() -> Self {
        let kdc = Kdc::start();
        let servers = kdc.add(SERVICE, "zookeeper.keytab");
        let keytab = kdc.add(MASTERS, "ds.keytab");
        let server =
            ZooKeeper::with_kerberos(&kdc.profile(), &format!("{SERVICE}@{REALM}"), &servers);
        let mut world = World::in_env(
            Env::at(Store::Sqlite, &server.connect_string()),
            BY_STATE,
            2,
        );
        let nodes = world.env.path("nodes/master");
        world
            .env
            .zk()
            .give_to(&nodes, &format!("{MASTERS}@{REALM}"));
        world.env.set("KRB5_CONFIG", &kdc.profile());
        world.env.set("DSCTL_ZK_KERBEROS", "zookeeper");
        Self {
            kdc,
            keytab,
            server,
            world,
        }
    }

    fn tickets_from(&mut self, name: &str, value: &str) {
        for name in ["KRB5CCNAME", "KRB5_CLIENT_KTNAME"] {
            self.world.env.unset(name);
        }
        // Whoever runs the tests may have tickets.
        self.world.env.set("KRB5CCNAME", "MEMORY:");
        self.world.env.set(name, value);
    }

    #[track_caller]
    fn refused(&self, options: &str, words: &[&str]) {
        super::refused(self.world.dsctl(&format!("masters {options}")).run(), words);
    }
}

#[test]
fn with_a_ticket_everything_is_done() {
    let mut scene = Scene::new();
    let tickets = scene.kdc.ticket(MASTERS, &scene.keytab);
    scene.tickets_from("KRB5CCNAME", &tickets);
    // Longer than a server may take to start again.
    scene.world.env.set("DSCTL_SESSION_TIMEOUT", "40s");
    let world = &scene.world;
    world.dsctl("masters").run().exit(0).out(DEAD).out(LIVING);
    world.run("failover --all-dead --yes --grace 0s").exit(0);
    world.check_complete();
    // Without the login they are not shown.
    let output = world.dsctl("masters").env_remove("DSCTL_ZK_KERBEROS").run();
    assert!(output.code != Some(0), "{output:?}");

    let holder = world.holder();
    // The session goes on at the server that comes back, which asks for the login again; from now on it
    // lets nobody else in.
    scene.server.stop();
    scene
        .server
        .add_settings("sessionRequireClientSASLAuth=true\n");
    scene.server.start();
    let world = &scene.world;
    world
        .dsctl(&format!("failover {DEAD} --yes --lock-timeout 0s"))
        .run()
        .exit(5);
    holder.signal("INT");
    holder.finish().exit(0).out("released");
    let output = world.dsctl("masters").env_remove("DSCTL_ZK_KERBEROS").run();
    output.exit(6).err("--zk-kerberos");
}

#[test]
fn a_key_is_enough_and_what_is_missing_is_named() {
    let mut scene = Scene::new();
    scene.tickets_from("KRB5_CLIENT_KTNAME", &scene.keytab.clone());
    let masters = scene.world.dsctl("masters").run();
    masters.exit(0).out(DEAD).out(LIVING);
    of_the_masters_own_file(&scene);

    scene.refused(
        "--zk-kerberos nobody",
        &[
            "no Kerberos ticket",
            "nobody@127.0.0.1",
            "not found in Kerberos database",
        ],
    );
    scene.kdc.change_key(SERVICE);
    scene.refused(
        "",
        &["refuses the Kerberos ticket", "service zookeeper", "keytab"],
    );
    scene.kdc.stop();
    scene.refused(
        "",
        &["no Kerberos ticket", "Cannot contact any KDC", "kinit"],
    );
    scene.tickets_from("KRB5CCNAME", "FILE:/nowhere/tickets");
    scene.refused("", &["no Kerberos ticket", "kinit"]);
    scene.world.check_untouched();
}

/// Nothing is given but the folder: the masters' `jaas.conf` says that they log in with Kerberos, and
/// for which service.
fn of_the_masters_own_file(scene: &Scene) {
    let module = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab=\"ds.keytab\" principal=\"ds\"";
    let masters = super::from_the_masters_own_files(&scene.world, module);
    masters.exit(0).out(DEAD).out(LIVING);
}
