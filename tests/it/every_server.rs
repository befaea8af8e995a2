//! A master's failover on every kind of database server that masters have: of old and of today, each
//! with its usual login and with TLS.

use crate::harness::world::{BY_HOST, World};
use crate::harness::{
    Dsctl, Env, MARKER, MariaDb, MySql, MySqlRelease, PASSWORD_IN_URL, Postgres, PostgresRelease,
    Store, ZooKeeper, left_out,
};

const MYSQL_DENIED: &str = "1045 (28000): Access denied";
const POSTGRES_DENIED: &str = "password authentication failed";

/// Looks, is refused with a wrong password, and fails a master over with the right one.
fn round(env: Env, parameters: &str, denied: &str) -> World {
    let mut world = World::idle_in(env, &BY_HOST.to_string());
    world.hang(2);
    world.masters_with(parameters).exit(0).out("10.0.0.2:5678");
    let url = world.env.url();
    let wrong = url.replacen(PASSWORD_IN_URL, &format!("{MARKER}-wrong"), 1);
    Dsctl::new(&world.env)
        .env("DSCTL_DB", &format!("{wrong}?{parameters}"))
        .args(["masters"])
        .run()
        .exit(6)
        .err(denied)
        .err("check --db and the password's file");
    let without = url.replacen(&format!(":{PASSWORD_IN_URL}@"), "@", 1);
    Dsctl::new(&world.env)
        .env("DSCTL_DB", &format!("{without}?{parameters}"))
        .args(["masters"])
        .run()
        .exit(6)
        .err(denied)
        .err("no password is given");
    Dsctl::new(&world.env)
        .env("DSCTL_DB", &format!("{url}?{parameters}"))
        .args(["failover", "--all-dead", "--yes"])
        .run()
        .exit(0);
    world.check_complete();
    world
}

fn on_mysql(server: &MySql) -> Env {
    server.create_database("ds");
    let zookeeper = ZooKeeper::shared().connect_string();
    Env::on(Store::MariaDb, &zookeeper, server.port(), "ds".to_owned())
}

#[test]
fn mysql_5_7() {
    match MySql::private(MySqlRelease::Old, &[]) {
        Ok(server) => drop(round(on_mysql(&server), "useSSL=false", MYSQL_DENIED)),
        Err(why) => left_out("mysql_5_7", &why),
    }
}

/// Its TLS has ciphers with DHE alone.
#[test]
fn mysql_8_0() {
    let server = match MySql::private(MySqlRelease::Eight, &[]) {
        Ok(server) => server,
        Err(why) => return left_out("mysql_8_0", &why),
    };
    let world = round(on_mysql(&server), "useSSL=false", MYSQL_DENIED);
    world
        .masters_with("sslMode=REQUIRED")
        .exit(6)
        .err("no common cipher")
        .err("ssl-mode=disabled");
    world.masters_with("").exit(0).err("no common cipher");
}

#[test]
fn mariadb() {
    let mut server = MariaDb::private();
    let certificates = server.certificates();
    let (key, certificate) = certificates.of_server();
    server.restart_with(&[
        &format!("--ssl-key={key}"),
        &format!("--ssl-cert={certificate}"),
    ]);
    let parameters = format!(
        "sslMode=VERIFY_IDENTITY&ssl-ca={}",
        certificates.authority()
    );
    let env = Env::on_mariadb(&server);
    round(env, &parameters, MYSQL_DENIED);
}

fn on_postgres(mut server: Postgres) {
    let env = Env::on_postgres(&server);
    let certificates = server.certificates();
    let (key, certificate) = certificates.of_server();
    server.restart_with(&[
        "ssl=on",
        &format!("ssl_key_file={key}"),
        &format!("ssl_cert_file={certificate}"),
    ]);
    let world = round(env, "sslmode=disable", POSTGRES_DENIED);
    let parameters = format!(
        "sslmode=verify-full&sslrootcert={}",
        certificates.authority()
    );
    world.masters_with(&parameters).exit(0);
}

#[test]
fn postgres() {
    on_postgres(Postgres::private());
}

#[test]
fn postgres_9_6() {
    match Postgres::of_release(PostgresRelease::Old) {
        Ok(server) => on_postgres(server),
        Err(why) => left_out("postgres_9_6", &why),
    }
}

#[test]
fn postgres_18() {
    match Postgres::of_release(PostgresRelease::New) {
        Ok(server) => on_postgres(server),
        Err(why) => left_out("postgres_18", &why),
    }
}
