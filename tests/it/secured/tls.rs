//! Servers that speak TLS.

use super::certificates::{Authority, Signed};
use crate::harness::world::{BY_STATE, DEAD, LIVING, World};
use crate::harness::{Env, Output, Proxy, Store, ZooKeeper};

/// What the servers are called by.
const HERE: &str = "IP:127.0.0.1";

/// A server that lets in clients of its authority, and a world whose program is one of them.
struct Scene {
    authority: Authority,
    client: Signed,
    server: ZooKeeper,
    secure: u16,
    world: World,
}

impl Scene {
    fn new() -> Self {
        let authority = Authority::new();
        let certificate = authority.signs("server", HERE);
        Self::with(authority, &certificate)
    }

    fn with(authority: Authority, certificate: &Signed) -> Self {
        let client = authority.signs("client", "DNS:client");
        let (server, secure) = ZooKeeper::with_tls(&certificate.store, &authority.certificate());
        let env = Env::at(Store::Sqlite, &server.connect_string());
        let mut world = World::in_env(env, BY_STATE, 2);
        world.env.set("DSCTL_ZK", &format!("127.0.0.1:{secure}"));
        world.env.set("DSCTL_ZK_TLS_CA", &authority.certificate());
        world.env.set("DSCTL_ZK_TLS_CERT", &client.certificate);
        world.env.set("DSCTL_ZK_TLS_KEY", &client.key);
        Self {
            authority,
            client,
            server,
            secure,
            world,
        }
    }

    /// The program does not get in, and says why and what to do.
    #[track_caller]
    fn refused(&self, words: &[&str]) -> Output {
        let output = super::refused(self.world.dsctl("masters").run(), words);
        self.world.check_untouched();
        output
    }
}

#[test]
fn with_authority_and_certificate_everything_is_done() {
    let mut scene = Scene::new();
    // Longer than a server may take to start again.
    scene.world.env.set("DSCTL_SESSION_TIMEOUT", "40s");
    let world = &scene.world;
    world.dsctl("masters").run().exit(0).out(DEAD).out(LIVING);
    world.run("failover --all-dead --yes --grace 0s").exit(0);
    world.check_complete();

    let holder = world.holder();
    let lock = world.env.path(&format!("lock/master-failover/{DEAD}"));
    scene.server.stop();
    scene.server.start();
    ZooKeeper::await_port(scene.secure);
    let world = &scene.world;
    world
        .dsctl(&format!("failover {DEAD} --yes --lock-timeout 0s"))
        .run()
        .exit(5);
    holder.signal("INT");
    let output = holder.finish().exit(0).out("released");
    assert_eq!(world.env.zk().lock_queue(&lock), [""; 0], "{output:?}");
    // A container, as masters make it: the server was asked for its release through TLS.
    world.env.zk().await_absence(&lock);
}

#[test]
fn a_session_outlives_its_encrypted_connection() {
    let mut scene = Scene::new();
    let proxy = Proxy::to(scene.secure);
    scene.world.env.set("DSCTL_ZK", &proxy.address());
    let holder = scene.world.holder();
    let lock = scene
        .world
        .env
        .path(&format!("lock/master-failover/{DEAD}"));
    let zk = scene.world.env.zk();
    let held = zk.lock_queue(&lock);
    let before = proxy.accepted();
    proxy.cut();
    proxy.await_accepted(before + 1);
    assert_eq!(zk.lock_queue(&lock), held);
    holder.signal("INT");
    holder.finish().exit(0).out("released");
    assert_eq!(zk.lock_queue(&lock), [""; 0]);
}

#[test]
fn watch_sees_a_death_through_tls() {
    let mut scene = Scene::new();
    let proxy = Proxy::to(scene.secure);
    scene.world.env.set("DSCTL_ZK", &proxy.address());
    let mut watching = crate::watch::watch(&scene.world, "--grace 1s").spawn();
    watching.await_stdout("\"event\":\"started\"");
    let before = proxy.accepted();
    proxy.cut();
    proxy.await_accepted(before + 1);
    watching.await_stdout("\"event\":\"failover_finished\"");
    watching.signal("TERM");
    watching.finish();
    scene.world.check_complete();
}

#[test]
fn certificate_and_key_may_be_in_one_file() {
    let mut scene = Scene::new();
    scene.world.env.unset("DSCTL_ZK_TLS_KEY");
    scene
        .world
        .env
        .set("DSCTL_ZK_TLS_CERT", &scene.client.store);
    scene.world.dsctl("masters").run().exit(0).out(LIVING);
}

#[test]
fn a_port_that_speaks_tls_is_named_to_a_client_that_does_not() {
    let mut scene = Scene::new();
    scene.world.env.set("DSCTL_ZK_TLS", "false");
    scene.refused(&["it speaks TLS here", "--zk-tls-ca"]);
}

#[test]
fn a_port_without_tls_is_named_to_a_client_that_speaks_it() {
    let mut scene = Scene::new();
    scene
        .world
        .env
        .set("DSCTL_ZK", &scene.server.connect_string());
    scene.refused(&["it does not speak TLS here", "secureClientPort"]);
    // The other factory of connections hangs up in its own way.
    scene
        .world
        .env
        .set("DSCTL_ZK", &ZooKeeper::shared().connect_string());
    scene.refused(&["it does not speak TLS here", "secureClientPort"]);
}

#[test]
fn an_unknown_authority_is_named() {
    let mut scene = Scene::new();
    // Another one, and one of the same name with another key.
    for other in [Authority::named("others"), Authority::new()] {
        scene.world.env.set("DSCTL_ZK_TLS_CA", &other.certificate());
        scene.refused(&[
            "signed by an authority that is not in --zk-tls-ca",
            "keytool",
        ]);
    }
    let other = Authority::named("others");
    scene.world.env.set("DSCTL_ZK_TLS_CA", &other.certificate());
    scene.world.env.set("DSCTL_ZK_TLS_ANY_HOST", "true");
    scene.refused(&["signed by an authority that is not in --zk-tls-ca"]);
}

#[test]
fn another_hosts_certificate_is_named_and_taken_only_if_asked_for() {
    let mut scene = Scene::new();
    let connect = format!("localhost:{}", scene.secure);
    scene.world.env.set("DSCTL_ZK", &connect);
    scene.refused(&["does not name the host", "127.0.0.1", "--zk-tls-any-host"]);
    scene
        .world
        .dsctl("masters --zk-tls-any-host")
        .run()
        .exit(0)
        .out(LIVING);
    scene
        .world
        .run("failover --all-dead --yes --grace 0s --zk-tls-any-host")
        .exit(0);
    scene.world.check_complete();
}

#[test]
fn a_missing_certificate_of_the_client_is_named() {
    let mut scene = Scene::new();
    scene.world.env.unset("DSCTL_ZK_TLS_CERT");
    scene.world.env.unset("DSCTL_ZK_TLS_KEY");
    scene.refused(&["it demands a certificate of the client", "--zk-tls-cert"]);
}

#[test]
fn a_certificate_that_the_servers_refuse_is_named() {
    let mut scene = Scene::new();
    let others = Authority::named("others");
    let other = others.signs("stranger", "DNS:stranger");
    let old = scene.authority.signed_long_ago("old", "DNS:old");
    for Signed { store, .. } in [other, old] {
        scene.world.env.unset("DSCTL_ZK_TLS_KEY");
        scene.world.env.set("DSCTL_ZK_TLS_CERT", &store);
        scene.refused(&["it refuses the client's certificate", "trust store"]);
    }
}

#[test]
fn an_expired_certificate_of_a_server_is_named() {
    let authority = Authority::new();
    let expired = authority.signed_long_ago("server", HERE);
    let scene = Scene::with(authority, &expired);
    scene.refused(&["its certificate has expired"]);
}

#[test]
fn a_key_of_another_certificate_is_refused_before_anything_is_sent() {
    let mut scene = Scene::new();
    let other = scene.authority.signs("other", "DNS:other");
    scene.world.env.set("DSCTL_ZK_TLS_KEY", &other.key);
    let output = scene.world.dsctl("masters").run().exit(2);
    assert!(
        output.stderr.contains("certificate and key cannot be used"),
        "{output:?}"
    );
}

#[test]
fn a_login_with_sasl_goes_through_tls() {
    let mut scene = Scene::new();
    scene.server.stop();
    scene.server.log_in_with(
        "org.apache.zookeeper.server.auth.DigestLoginModule required\nuser_ds=\"mark3r\";",
    );
    scene.server.start();
    ZooKeeper::await_port(scene.secure);
    let login = scene.world.env.file("sasl", "ds:mark3r");
    scene.world.env.set("DSCTL_ZK_SASL_FILE", &login);
    scene.world.dsctl("masters").run().exit(0).out(DEAD);
    let wrong = scene.world.env.file("wrong", "ds:mark3r-wrong");
    scene.world.env.set("DSCTL_ZK_SASL_FILE", &wrong);
    scene.refused(&["refuses the SASL login"]);
}
