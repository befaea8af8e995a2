//! Authorities, and what they sign.

use std::process::Command;

use crate::harness::guard::{Folder, run};

/// An authority with a folder for all that it signs.
pub struct Authority {
    folder: Folder,
}

/// A certificate with its key.
pub struct Signed {
    /// The certificate.
    pub certificate: String,
    /// The key, which nobody else can read.
    pub key: String,
    /// Both in one file.
    pub store: String,
}

impl Authority {
    pub fn new() -> Self {
        Self::named("tests")
    }

    pub fn named(name: &str) -> Self {
        let authority = Self {
            folder: Folder::new("authority"),
        };
        let (certificate, key) = (authority.certificate(), authority.file("ca.key"));
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            &format!("/CN={name}"),
            "-keyout",
            &key,
            "-out",
            &certificate,
        ]);
        authority
    }

    /// Its own certificate.
    pub fn certificate(&self) -> String {
        self.file("ca.pem")
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name)
    }

    /// A certificate with these names, as `IP:127.0.0.1`.
    pub fn signs(&self, name: &str, names: &str) -> Signed {
        self.signs_at(name, names, "+0")
    }

    /// The same, one that has expired.
    pub fn signed_long_ago(&self, name: &str, names: &str) -> Signed {
        self.signs_at(name, names, "-9d")
    }

    fn signs_at(&self, name: &str, names: &str, when: &str) -> Signed {
        let [certificate, key, request, extensions, store] =
            ["pem", "key", "csr", "ext", "store.pem"]
                .map(|end| self.file(&format!("{name}.{end}")));
        openssl(&[
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            &format!("/CN={name}"),
            "-keyout",
            &key,
            "-out",
            &request,
        ]);
        std::fs::write(&extensions, format!("subjectAltName={names}\n")).unwrap();
        let (authority, authority_key) = (self.certificate(), self.file("ca.key"));
        run(Command::new("faketime")
            .args(["-f", when, "openssl"])
            .args([
                "x509",
                "-req",
                "-days",
                "2",
                "-in",
                &request,
                "-CA",
                &authority,
                "-CAkey",
                &authority_key,
                "-CAcreateserial",
                "-extfile",
                &extensions,
                "-out",
                &certificate,
            ]));
        let both = [&key, &certificate].map(|file| std::fs::read_to_string(file).unwrap());
        std::fs::write(&store, both.concat()).unwrap();
        for file in [&key, &store] {
            run(Command::new("chmod").args(["600", file]));
        }
        Signed {
            certificate,
            key,
            store,
        }
    }
}

fn openssl(words: &[&str]) {
    run(Command::new("openssl").args(words));
}
