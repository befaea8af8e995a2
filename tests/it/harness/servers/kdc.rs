//! A key distribution centre of Kerberos.

use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;

use super::super::guard::run;
use super::Server;

/// The realm of the tests.
pub const REALM: &str = "DSCTL.TEST";

/// Which file of configuration whose programs read.
const PROFILE: &str = "KRB5_CONFIG";

/// One with a database of its own, at a port of its own. It ends with the value.
#[derive(Debug)]
pub struct Kdc {
    server: Server,
}

impl Kdc {
    /// With an empty database.
    pub fn start() -> Self {
        let mut server = Server::new("kdc", "TERM", |port| {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .map(drop)
                .map_err(|error| error.to_string())
        });
        let folder = server.folder.path().display().to_string();
        let port = server.port;
        let write = |name: &str, text: &str| {
            std::fs::write(format!("{folder}/{name}"), text).unwrap();
        };
        // Names are taken as they are given. By TCP alone: whether nobody listens is then known at once.
        write(
            "krb5.conf",
            &format!(
                "[libdefaults]\ndefault_realm = {REALM}\ndns_lookup_kdc = false\ndns_lookup_realm = false\n\
                 dns_canonicalize_hostname = false\nrdns = false\nudp_preference_limit = 1\n\
                 [realms]\n{REALM} = {{\n  kdc = 127.0.0.1:{port}\n}}\n"
            ),
        );
        write(
            "kdc.conf",
            &format!(
                "[realms]\n{REALM} = {{\n  database_name = {folder}/principal\n  key_stash_file = {folder}/stash\n  \
                 kdc_listen = 127.0.0.1:{port}\n  kdc_tcp_listen = 127.0.0.1:{port}\n}}\n"
            ),
        );
        server.command = [
            "env",
            &format!("{PROFILE}={folder}/krb5.conf"),
            &format!("KRB5_KDC_PROFILE={folder}/kdc.conf"),
            "krb5kdc",
            "-n",
        ]
        .map(str::to_owned)
        .to_vec();
        let mut kdc = Self { server };
        kdc.administer("kdb5_util", &["create", "-s", "-P", "mark3r"]);
        kdc.server.start().unwrap_or_else(|error| panic!("{error}"));
        kdc
    }

    fn administer(&self, program: &str, words: &[&str]) {
        let mut command = Command::new(program);
        command
            .env(PROFILE, self.profile())
            .env("KRB5_KDC_PROFILE", self.file("kdc.conf"));
        run(command.args(["-r", REALM]).args(words));
    }

    /// What clients are to be told in `KRB5_CONFIG`, and Java in `java.security.krb5.conf`.
    pub fn profile(&self) -> String {
        self.file("krb5.conf")
    }

    /// A file of its folder, which goes with it.
    pub fn file(&self, name: &str) -> String {
        self.server.folder.join(name)
    }

    /// Adds a principal with a random key, and says the file that has it.
    pub fn add(&self, principal: &str, file: &str) -> String {
        self.administer("kadmin.local", &["addprinc", "-randkey", principal]);
        let keytab = self.file(file);
        self.administer("kadmin.local", &["ktadd", "-k", &keytab, principal]);
        keytab
    }

    /// Gives a principal another key, and tells nobody.
    pub fn change_key(&self, principal: &str) {
        self.administer("kadmin.local", &["cpw", "-randkey", principal]);
    }

    /// Gets a principal's first ticket with its key, and says the file that has it.
    pub fn ticket(&self, principal: &str, keytab: &str) -> String {
        let cache = self.file("tickets");
        let mut command = Command::new("kinit");
        command
            .env(PROFILE, self.profile())
            .args(["-c", &cache, "-k", "-t", keytab, principal]);
        run(&mut command);
        cache
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.server.stop();
    }
}
