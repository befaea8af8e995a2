//! Certificates: of clients, for servers that want one, and of servers, which are refused by the
//! reason.

use crate::harness::world::{BY_HOST, World};
use crate::harness::{
    At, Certificates, Dsctl, Env, MARKER, MariaDb, Output, Postgres, PostgresRelease, Proxy, USER,
    left_out,
};
use crate::steps::without_resolver;

fn as_client(certificates: &Certificates) -> String {
    let (key, certificate) = certificates.of_client();
    format!("sslcert={certificate}&sslkey={key}")
}

/// A copy that nobody else can read: the server's own user owns the original.
fn own(env: &Env, key: &str) -> String {
    env.file("own.pem", &std::fs::read_to_string(key).unwrap())
}

#[test]
fn of_a_client_of_mariadb() {
    let mut server = MariaDb::private();
    let certificates = server.certificates();
    let (key, certificate) = certificates.of_server();
    server.restart_with(&[
        &format!("--ssl-key={key}"),
        &format!("--ssl-cert={certificate}"),
        &format!("--ssl-ca={}", certificates.authority()),
    ]);
    let mut world = World::in_env(Env::on_mariadb(&server), BY_HOST, 1);
    server.sql(
        "",
        &format!(
            "CREATE USER known@'127.0.0.1' IDENTIFIED BY '{MARKER}' REQUIRE X509; \
             GRANT ALL ON *.* TO known@'127.0.0.1'"
        ),
    );
    let url = format!(
        "mysql://known:{MARKER}@127.0.0.1:{}/{}",
        server.port(),
        world.env.database
    );
    world.env.set("DSCTL_DB", &url);
    let run = |parameters: &str| {
        Dsctl::new(&world.env)
            .env("DSCTL_DB", &format!("{url}?{parameters}"))
            .args(["masters"])
            .run()
    };
    run("sslMode=REQUIRED").exit(6).err("1045");
    run(&format!("sslMode=REQUIRED&{}", as_client(&certificates))).exit(0);
    let store = "sslMode=REQUIRED&clientCertificateKeyStoreUrl=file:/store.jks";
    run(store)
        .exit(2)
        .err("clientCertificateKeyStoreUrl is a Java key store")
        .err("openssl pkcs12");
    let (key, certificate) = certificates.of_client();
    let key = own(&world.env, &key);
    world.env.set("DSCTL_DB_TLS_CERT", &certificate);
    world.env.set("DSCTL_DB_TLS_KEY", &key);
    let run = |parameters: &str| {
        Dsctl::new(&world.env)
            .env("DSCTL_DB", &format!("{url}?{parameters}"))
            .args(["masters"])
            .run()
    };
    run("").exit(0);
    run(store).exit(0);
    run("useSSL=false").exit(2).err("--db-tls-cert");
}

#[test]
fn of_a_client_of_postgres() {
    let mut server = Postgres::private();
    let world = World::in_env(Env::on_postgres(&server), BY_HOST, 1);
    let certificates = server.certificates();
    let (key, certificate) = certificates.of_server();
    server.write_file(
        "pg_hba.conf",
        &format!("hostssl all {USER} all cert\nhostnossl all all all scram-sha-256\n"),
    );
    server.restart_with(&[
        "ssl=on",
        &format!("ssl_key_file={key}"),
        &format!("ssl_cert_file={certificate}"),
        &format!("ssl_ca_file={}", certificates.authority()),
    ]);
    world
        .masters_with("sslmode=require")
        .exit(6)
        .err("requires a valid client certificate");
    let client = as_client(&certificates);
    world
        .masters_with(&format!("sslmode=require&{client}"))
        .exit(0);
    // The server would take the password without encryption, too; with a key that does not fit it is
    // not sent there.
    world.masters_with("sslmode=disable").exit(0);
    let (own_key, certificate) = certificates.of_client();
    world
        .masters_with(&format!("sslcert={certificate}&sslkey={key}"))
        .exit(6);
    let both = [&certificate, &own_key].map(|file| std::fs::read_to_string(file).unwrap());
    let both = world.env.file("client.pem", &both.concat());
    let options = ["--db-tls-cert", &both];
    let run = |url: &str| {
        Dsctl::new(&world.env)
            .env("DSCTL_DB", url)
            .args(["masters"])
    };
    let url = format!("{}?sslmode=require", world.env.url());
    run(&url).args(options).run().exit(0);
    // What is said closer to the command line is shown.
    let named = format!("{url}&sslcert={certificate}&sslkey={own_key}");
    run(&named)
        .args([
            "--db-tls-cert",
            &certificate,
            "--db-tls-key",
            &own(&world.env, &key),
        ])
        .run()
        .exit(6);
}

fn checked(world: &World, authority: &str) -> Output {
    world.masters_with(&format!("sslmode=verify-full&sslrootcert={authority}"))
}

fn show(server: &mut Postgres, (key, certificate): &(String, String)) {
    server.restart_with(&[
        "ssl=on",
        &format!("ssl_key_file={key}"),
        &format!("ssl_cert_file={certificate}"),
    ]);
}

#[test]
fn of_servers_without_names_and_their_own_authority() {
    let mut server = Postgres::private();
    let world = World::in_env(Env::on_postgres(&server), BY_HOST, 1);
    let certificates = server.certificates();
    let authority = certificates.authority();
    let nameless = certificates.another("nameless", "keyUsage=digitalSignature", "sha256");
    show(&mut server, &nameless);
    checked(&world, &authority)
        .exit(6)
        .err("its certificate names no host");
    world
        .masters_with(&format!("sslmode=verify-ca&sslrootcert={authority}"))
        .exit(0);
    let other = certificates.another("other", "subjectAltName=DNS:elsewhere", "sha256");
    show(&mut server, &other);
    checked(&world, &authority)
        .exit(6)
        .err("its certificate is for another name");
    let own = certificates.own_authority();
    show(&mut server, &own);
    checked(&world, &own.1)
        .exit(6)
        .err("its certificate is its own authority");
    world.masters_with("sslmode=require").exit(0);
    is_told_the_name(&world);
}

/// Also where the name has several addresses, of which each can be tried: who stands before the
/// servers may tell them apart by the name that TLS begins with.
fn is_told_the_name(world: &World) {
    let proxy = Proxy::to(world.env.server_port());
    proxy.trap(b"db.several", At::SwallowAnswer);
    let url = world.env.url_at(&format!("db.several:{}", proxy.port()));
    let dsctl = Dsctl::new(&world.env)
        .env("DSCTL_DB", &format!("{url}?sslmode=require"))
        .args(["masters"]);
    without_resolver(dsctl).run().exit(0);
    assert!(proxy.has_sprung(), "TLS began without the name");
}

/// Debian's own servers refuse to show such a certificate.
#[test]
fn of_a_server_with_sha_1() {
    let mut server = match Postgres::of_release(PostgresRelease::New) {
        Ok(server) => server,
        Err(why) => return left_out("of_a_server_with_sha_1", &why),
    };
    let world = World::in_env(Env::on_postgres(&server), BY_HOST, 1);
    let certificates = server.certificates();
    let weak = certificates.another("weak", "subjectAltName=IP:127.0.0.1", "sha1");
    show(&mut server, &weak);
    checked(&world, &certificates.authority())
        .exit(6)
        .err("signed in a way that is not secure any more");
    world.masters_with("sslmode=require").exit(0);
}
