//! An authority, and what it signs: certificates as TLS wants them today.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::guard::run;
use super::is_root;
use crate::harness::USER;

/// PEM files in one folder.
#[derive(Debug)]
pub struct Certificates {
    folder: PathBuf,
    owner: String,
}

impl Certificates {
    /// Makes them; the server's owner can read them.
    pub fn new(folder: &Path, owner: &str) -> Self {
        let folder = folder.join("certificates");
        std::fs::create_dir(&folder).unwrap();
        let owner = owner.to_owned();
        let made = Self { folder, owner };
        let words = "req -x509 -subj /CN=authority -days 2 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1";
        let (key, authority) = (made.file("authority-key.pem"), made.authority());
        openssl_in(words, &["-keyout", &key, "-out", &authority]);
        made.sign("server", "127.0.0.1", "subjectAltName=IP:127.0.0.1");
        made.sign("client", USER, "extendedKeyUsage=clientAuth");
        made.give_away();
        made
    }

    /// The one who signs.
    pub fn authority(&self) -> String {
        self.file("authority.pem")
    }

    /// The server's key and certificate; it names 127.0.0.1.
    pub fn of_server(&self) -> (String, String) {
        (self.file("server-key.pem"), self.file("server.pem"))
    }

    /// A client's key and certificate; it names the test user.
    pub fn of_client(&self) -> (String, String) {
        (self.file("client-key.pem"), self.file("client.pem"))
    }

    /// Another key and certificate for the server, with this extension, and signed with this digest.
    pub fn another(&self, who: &str, extension: &str, digest: &str) -> (String, String) {
        self.sign_with(who, "127.0.0.1", extension, digest);
        self.give_away();
        (
            self.file(&format!("{who}-key.pem")),
            self.file(&format!("{who}.pem")),
        )
    }

    /// A key and a certificate for the server that is its own authority.
    pub fn own_authority(&self) -> (String, String) {
        let (key, certificate) = (self.file("own-key.pem"), self.file("own.pem"));
        let words = "req -x509 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -days 2 -nodes -newkey ec \
                     -pkeyopt ec_paramgen_curve:prime256v1";
        openssl_in(words, &["-keyout", &key, "-out", &certificate]);
        self.give_away();
        (key, certificate)
    }

    fn give_away(&self) {
        if is_root() {
            run(Command::new("chown")
                .args(["-R", &self.owner])
                .arg(&self.folder));
        }
    }

    fn sign(&self, who: &str, name: &str, extension: &str) {
        self.sign_with(who, name, extension, "sha256");
    }

    fn sign_with(&self, who: &str, name: &str, extension: &str, digest: &str) {
        let file = |end: &str| self.file(&format!("{who}{end}"));
        let (key, request, certificate) = (file("-key.pem"), file(".request"), file(".pem"));
        let (extensions, subject) = (file(".extensions"), format!("/CN={name}"));
        std::fs::write(&extensions, format!("{extension}\n")).unwrap();
        let words = "req -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1";
        openssl_in(
            words,
            &["-subj", &subject, "-keyout", &key, "-out", &request],
        );
        let (authority, its_key) = (self.authority(), self.file("authority-key.pem"));
        openssl_in(
            "x509 -req -days 2 -CAcreateserial",
            &[
                &format!("-{digest}"),
                "-CA",
                &authority,
                "-CAkey",
                &its_key,
                "-extfile",
                &extensions,
                "-in",
                &request,
                "-out",
                &certificate,
            ],
        );
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }
}

fn openssl_in(words: &str, files: &[&str]) {
    let words: Vec<&str> = words
        .split_whitespace()
        .chain(files.iter().copied())
        .collect();
    openssl(&words);
}

pub(super) fn openssl(words: &[&str]) -> String {
    run(Command::new("openssl").args(words))
}
