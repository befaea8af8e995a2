//! Where encryption is tried and cannot be agreed upon: the program goes on as it was told to, and
//! says so.

use serde_json::Value as Json;

use crate::harness::world::{BY_HOST, World};
use crate::harness::{Dsctl, Env, MariaDb, Output, Postgres};

fn run(world: &World, parameter: &str, line: &str) -> Output {
    let url = format!("{}?{parameter}", world.env.url());
    Dsctl::new(&world.env)
        .env("DSCTL_DB", &url)
        .args(line.split_whitespace())
        .run()
}

fn warnings(output: &Output) -> Vec<String> {
    let document = output.json();
    let list = document["warnings"].as_array().unwrap();
    list.iter()
        .filter_map(Json::as_str)
        .filter(|text| text.contains("is not encrypted"))
        .map(str::to_owned)
        .collect()
}

/// Every command says it once; it is nothing where encryption was not wanted, and the end where it
/// was demanded.
fn is_told(env: Env, reason: &str, off: &str, on: &str) {
    let world = World::in_env(env, BY_HOST, 2);
    let state = world.env.home().join("watch.json");
    let watch = format!("watch --once --dry-run --state-file {}", state.display());
    for line in [
        "masters",
        "instances",
        "lock status",
        "failover --all-dead --dry-run",
        "failover --all-dead --yes",
    ] {
        let told = warnings(&run(&world, "", &format!("{line} -o json")).exit(0));
        assert!(
            told.len() == 1 && told[0].contains(reason) && told[0].contains(off),
            "{line}: {told:?}"
        );
        assert!(warnings(&run(&world, off, &format!("{line} -o json")).exit(0)).is_empty());
    }
    run(&world, "", "masters")
        .exit(0)
        .err(reason)
        .err("warning: ");
    run(&world, "", "lock acquire 10.0.0.9:5678 --for 1ms")
        .exit(0)
        .err(reason);
    run(&world, "", &watch).exit(0).err(reason);
    let refused = run(&world, on, "masters -o json").exit(6).json();
    let error = refused["error"].to_string();
    assert!(
        error.contains(reason) && refused["error"]["hint"].as_str().unwrap().contains(off),
        "{error}"
    );
}

#[test]
fn a_certificate_of_version_1_in_mariadb() {
    let mut server = MariaDb::private();
    let (key, certificate) = server.old_certificate();
    server.restart_with(&[
        &format!("--ssl-key={key}"),
        &format!("--ssl-cert={certificate}"),
    ]);
    is_told(
        Env::on_mariadb(&server),
        "X.509 v1",
        "ssl-mode=disabled",
        "ssl-mode=required",
    );
}

#[test]
fn a_certificate_of_version_1_in_postgres() {
    let mut server = Postgres::private();
    let (key, certificate) = server.old_certificate();
    server.restart_with(&[
        "ssl=on",
        &format!("ssl_key_file={key}"),
        &format!("ssl_cert_file={certificate}"),
    ]);
    is_told(
        Env::on_postgres(&server),
        "X.509 v1",
        "sslmode=disable",
        "sslmode=require",
    );
}

#[test]
fn no_common_cipher() {
    let mut server = Postgres::private();
    let (key, certificate) = server.old_certificate();
    server.restart_with(&[
        "ssl=on",
        &format!("ssl_key_file={key}"),
        &format!("ssl_cert_file={certificate}"),
        "ssl_max_protocol_version=TLSv1.2",
        "ssl_ciphers=DHE-RSA-AES256-GCM-SHA384",
    ]);
    is_told(
        Env::on_postgres(&server),
        "no common cipher",
        "sslmode=disable",
        "sslmode=require",
    );
}

#[test]
fn protocols_of_old() {
    let mut server = Postgres::private();
    let (key, certificate) = server.old_certificate();
    server.restart_with(&[
        "ssl=on",
        &format!("ssl_key_file={key}"),
        &format!("ssl_cert_file={certificate}"),
        "ssl_min_protocol_version=TLSv1",
        "ssl_max_protocol_version=TLSv1.1",
        "ssl_ciphers=ALL:@SECLEVEL=0",
    ]);
    is_told(
        Env::on_postgres(&server),
        "TLS 1.0 or 1.1 only",
        "sslmode=disable",
        "sslmode=require",
    );
}
