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
}

impl Certificates {
    /// Makes them; the server's owner can read them.
    pub fn new(folder: &Path, owner: &str) -> Self {
        let folder = folder.join("certificates");
        std::fs::create_dir(&folder).unwrap();
        let made = Self { folder };
        let words = "req -x509 -subj /CN=authority -days 2 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1";
        let (key, authority) = (made.file("authority-key.pem"), made.authority());
        openssl_in(words, &["-keyout", &key, "-out", &authority]);
        made.sign("server", "127.0.0.1", "subjectAltName=IP:127.0.0.1");
        made.sign("client", USER, "extendedKeyUsage=clientAuth");
        if is_root() {
            run(Command::new("chown").args(["-R", owner]).arg(&made.folder));
        }
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

    fn sign(&self, who: &str, name: &str, extension: &str) {
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
