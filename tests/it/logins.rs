//! Every way in which the servers let accounts in. What is refused is refused by its name, and a right
//! password is never called wrong.

use crate::harness::world::{BY_HOST, World};
use crate::harness::{
    Dsctl, Env, MARKER, MariaDb, MySql, MySqlRelease, Output, PASSWORD, PASSWORD_IN_URL, Store,
    USER, ZooKeeper, left_out,
};

const WITHOUT_TLS: &str = "useSSL=false";
const NO_KEY: &str = "useSSL=false&allowPublicKeyRetrieval=false";
const DENIED: &str = "1045 (28000): Access denied";

/// A MySQL of the test's own, with an idle cluster in it.
struct Scene {
    server: MySql,
    world: World,
}

impl Scene {
    fn new(test: &str, release: MySqlRelease, options: &[&str]) -> Option<Self> {
        let server = match MySql::private(release, options) {
            Ok(server) => server,
            Err(why) => {
                left_out(test, &why);
                return None;
            }
        };
        server.create_database("ds");
        let zookeeper = ZooKeeper::shared().connect_string();
        let env = Env::on(Store::MariaDb, &zookeeper, server.port(), "ds".to_owned());
        let world = World::idle_in(env, &BY_HOST.to_string());
        Some(Self { server, world })
    }

    /// Makes an account with the usual password; nobody has it in a cache.
    fn account(&self, name: &str, plugin: &str, password: &str) {
        self.server.sql(&format!(
            "CREATE USER '{name}'@'127.0.0.1' IDENTIFIED WITH {plugin} BY '{password}'; \
             GRANT ALL ON ds.* TO '{name}'@'127.0.0.1'; FLUSH PRIVILEGES"
        ));
    }

    fn masters(&self, login: &str, parameters: &str) -> Output {
        masters(&self.world.env, login, parameters)
    }
}

fn usual(name: &str) -> String {
    format!("{name}:{PASSWORD_IN_URL}")
}

fn masters(env: &Env, login: &str, parameters: &str) -> Output {
    let url = env.url().replacen(&usual(USER), login, 1);
    Dsctl::new(env)
        .env("DSCTL_DB", &format!("{url}?{parameters}"))
        .args(["masters"])
        .run()
}

fn wrong(name: &str) -> String {
    format!("{name}:{MARKER}-wrong")
}

/// What accounts have by default, after the server has forgotten who was there.
#[test]
fn caching_sha2_password_without_tls() {
    let test = "caching_sha2_password_without_tls";
    let Some(scene) = Scene::new(test, MySqlRelease::Eight, &[]) else {
        return;
    };
    let forget = || scene.server.sql("FLUSH PRIVILEGES");
    forget();
    scene.masters(&usual(USER), WITHOUT_TLS).exit(0);
    // It is in the cache now, and no key is needed.
    scene.masters(&usual(USER), NO_KEY).exit(0);
    forget();
    for parameters in [NO_KEY, "allowPublicKeyRetrieval=false"] {
        scene
            .masters(&usual(USER), parameters)
            .exit(6)
            .err("needs the server's public key")
            .err("allowPublicKeyRetrieval=true");
    }
    scene.masters(&usual(USER), "").exit(0);
    scene
        .masters(&wrong(USER), WITHOUT_TLS)
        .exit(6)
        .err(DENIED)
        .err("the password's file");
    scene.account("sha256", "sha256_password", PASSWORD);
    scene.masters(&usual("sha256"), WITHOUT_TLS).exit(0);
    scene
        .masters(&usual("sha256"), NO_KEY)
        .exit(6)
        .err("needs the server's public key");
    scene.account("native", "mysql_native_password", "");
    scene
        .masters("native:", WITHOUT_TLS)
        .exit(6)
        .err("the account has no password");
    through_a_socket(&scene);
}

/// There the server has no key to give, and takes the password as it is.
fn through_a_socket(scene: &Scene) {
    scene.server.sql(&format!(
        "CREATE USER local@localhost IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON ds.* TO local@localhost"
    ));
    let socket = format!("socket={}", scene.server.socket());
    for parameters in ["", "allowPublicKeyRetrieval=false", WITHOUT_TLS, NO_KEY] {
        scene.server.sql("FLUSH PRIVILEGES");
        let parameters = format!("{socket}&{parameters}");
        scene
            .masters(&wrong("local"), &parameters)
            .exit(6)
            .err(DENIED);
        scene.masters(&usual("local"), &parameters).exit(0);
    }
}

/// As after an upgrade from 5.7: the server asks in another way first than the account is let in.
#[test]
fn a_login_that_the_server_switches() {
    let test = "a_login_that_the_server_switches";
    let native = "--default-authentication-plugin=mysql_native_password";
    let Some(scene) = Scene::new(test, MySqlRelease::Eight, &[native]) else {
        return;
    };
    scene.account("cold", "caching_sha2_password", PASSWORD);
    scene
        .masters(&usual("cold"), NO_KEY)
        .exit(6)
        .err("needs the server's public key");
    scene
        .masters(&wrong("cold"), WITHOUT_TLS)
        .exit(6)
        .err(DENIED);
    scene.masters(&usual("cold"), WITHOUT_TLS).exit(0);
    scene.masters(&usual("cold"), NO_KEY).exit(0);
    scene.server.sql("FLUSH PRIVILEGES");
    scene.masters(&usual("cold"), "").exit(0);
    scene.account("sha256", "sha256_password", PASSWORD);
    scene.masters(&usual("sha256"), WITHOUT_TLS).exit(0);
    scene
        .masters(&wrong("sha256"), WITHOUT_TLS)
        .exit(6)
        .err(DENIED);
    scene.account("empty", "caching_sha2_password", "");
    scene
        .masters("empty:", WITHOUT_TLS)
        .exit(6)
        .err("the account has no password")
        .err("give the account a password");
    // A password is as wrong for an account without one.
    scene.account("native", "mysql_native_password", "");
    for account in ["empty", "native"] {
        let refused = scene.masters(&wrong(account), WITHOUT_TLS).exit(6);
        let refused = refused.err(DENIED);
        assert!(
            !refused.stderr.contains("accepted the password"),
            "{refused:?}"
        );
    }
}

#[test]
fn an_unknown_plugin_and_an_unknown_proxy_are_named() {
    let mut server = MariaDb::private();
    let world = World::in_env(Env::on_mariadb(&server), BY_HOST, 1);
    server.sql(
        "",
        &format!(
            "INSTALL SONAME 'auth_ed25519'; \
             CREATE USER ed@'127.0.0.1' IDENTIFIED VIA ed25519 USING PASSWORD('{PASSWORD}')"
        ),
    );
    masters(&world.env, &usual("ed"), "")
        .exit(6)
        .err("plugin is not supported: client_ed25519")
        .err("mysql_native_password (MariaDB)");
    // What ShardingSphere-Proxy calls the server behind it.
    server.restart_with(&["--version=9.7.4-2-ShardingSphere-Proxy 5.1.0"]);
    masters(&world.env, &usual(USER), "")
        .exit(6)
        .err("ShardingSphere-Proxy answers")
        .err("the database server behind it");
}
