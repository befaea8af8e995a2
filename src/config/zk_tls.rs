//! TLS with ZooKeeper: whether it is wanted, and certificates and key from their files.

use std::path::{Path, PathBuf};

use super::resolver::{Picked, Resolver, boolean, path};
use super::secrets;
use super::{ConfigError, Key, Origin, Settings, Warning};
use crate::cryptography::is_encrypted_key;
use crate::options::GlobalArgs;
use crate::secret::{Secret, ZkTls};

/// One of the files of TLS switches it on, too.
pub(super) fn zk_tls(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    settings: &mut Settings,
) -> Result<(), ConfigError> {
    let any_host = switch(arguments.connection.zk_tls_any_host);
    let any_host = resolver.pick(Key::ZkTlsAnyHost, any_host, boolean)?;
    settings.zk_tls_any_host = any_host.as_ref().is_some_and(|picked| picked.value);
    let connection = connection(resolver, arguments, settings);
    if let (
        Ok(false),
        Some(Picked {
            value: true,
            origin,
            ..
        }),
    ) = (&connection, any_host)
    {
        settings.warnings.push(Warning::NoEffect {
            key: Key::ZkTlsAnyHost,
            origin,
            why: "ZooKeeper is connected to without TLS, which --zk-tls-ca or --zk-tls switches on",
        });
    }
    connection.map(|_| ())
}

/// A flag without a value can only switch on.
fn switch(flag: bool) -> Option<bool> {
    flag.then_some(true)
}

/// How connections are encrypted, and whether they are.
fn connection(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    settings: &mut Settings,
) -> Result<bool, ConfigError> {
    let flags = &arguments.connection;
    let mut tls = resolver.pick(Key::ZkTls, switch(flags.zk_tls), boolean)?;
    let mut file = |key, flag: &Option<PathBuf>| resolver.pick(key, flag.clone(), path);
    let picked = [
        file(Key::ZkTlsCa, &flags.zk_tls_ca)?,
        file(Key::ZkTlsCert, &flags.zk_tls_cert)?,
        file(Key::ZkTlsKey, &flags.zk_tls_key)?,
    ];
    let home = resolver.sources.home().map(|(_, rank)| rank);
    let closest = picked.iter().flatten().map(|file| file.rank).min();
    if let Some(off) = tls.take_if(|tls| !tls.value)
        && closest.is_none_or(|closest| off.rank <= closest)
    {
        return Ok(false);
    }
    let [authorities, certificate, key] =
        picked.map(|picked| picked.map(|picked| File::new(picked, home)));
    let files = TlsFiles {
        authorities,
        certificate,
        key,
    };
    let first = files.given().next().map(|(_, file)| file.origin.clone());
    let Some(origin) = tls.as_ref().map(|tls| tls.origin.clone()).or(first) else {
        return Ok(false);
    };
    if tls.is_none() {
        resolver.origins.retain(|(key, _)| *key != Key::ZkTls);
        resolver.origins.push((Key::ZkTls, origin.clone()));
    }
    let any_host = settings.zk_tls_any_host;
    let guarded = resolver
        .sources
        .environment
        .absolute_path("CREDENTIALS_DIRECTORY");
    let files = files.without_unusable_store(&mut settings.warnings);
    settings.zk_tls = Some(files.read(any_host, &origin, guarded.as_deref())?);
    settings.zk_tls_files = files
        .given()
        .map(|(key, file)| (key, file.path.clone()))
        .collect();
    Ok(true)
}

/// One of the files, and where it is named.
#[derive(Clone)]
struct File {
    path: PathBuf,
    origin: Origin,
    /// Whether an installation names it: it is as open as the masters have it, and may be of a kind
    /// that only Java reads.
    is_of_home: bool,
}

impl File {
    /// `home` is the rank of an installation's files.
    fn new(picked: Picked<PathBuf>, home: Option<usize>) -> Self {
        Self {
            path: picked.value,
            origin: picked.origin,
            is_of_home: home == Some(picked.rank),
        }
    }
}

/// Where the files are.
struct TlsFiles {
    authorities: Option<File>,
    certificate: Option<File>,
    key: Option<File>,
}

impl TlsFiles {
    fn given(&self) -> impl Iterator<Item = (Key, &File)> {
        let all = [
            (Key::ZkTlsCa, &self.authorities),
            (Key::ZkTlsCert, &self.certificate),
            (Key::ZkTlsKey, &self.key),
        ];
        all.into_iter()
            .filter_map(|(key, file)| Some((key, file.as_ref()?)))
    }

    /// Leaves out an installation's key store that cannot be used, with a warning: it is not known
    /// whether the servers demand a certificate.
    fn without_unusable_store(mut self, warnings: &mut Vec<Warning>) -> Self {
        let store = self.certificate.as_ref().filter(|store| store.is_of_home);
        if let Some(Err(error)) = store.map(|store| identity(store, self.key.as_ref(), None)) {
            // A key that is given to dsctl itself is told of as such.
            if self.key.is_none() {
                warnings.push(Warning::KeyStoreUnusable(Box::new(error)));
                self.certificate = None;
            }
        }
        self
    }

    /// Reads them; what is in `guarded` systemd keeps from others. A key that is not given is looked
    /// for behind the certificate, as in the key stores of Java's type PEM.
    ///
    /// # Errors
    /// A file that cannot be read, or has something else in it; a key that others can read.
    fn read(
        &self,
        any_host: bool,
        origin: &Origin,
        guarded: Option<&Path>,
    ) -> Result<ZkTls, ConfigError> {
        let Some(File {
            path, origin: from, ..
        }) = &self.authorities
        else {
            return Err(ConfigError::Value {
                key: Key::ZkTls.name(),
                origin: origin.clone(),
                problem: "the authority that signs the servers' certificates is not given".to_owned(),
                hint: Some(
                    "give its certificate with --zk-tls-ca FILE, in PEM; a Java trust store as PEM: keytool -list -rfc \
                     -keystore FILE > ca.pem"
                        .to_owned(),
                ),
            });
        };
        let authorities = text(Key::ZkTlsCa, from, path, CERTIFICATE)?;
        if authorities.contains(REVOCATIONS) {
            let problem = "it has a revocation list, which is not looked at: leave it out";
            return Err(unusable(Key::ZkTlsCa, from, path, problem));
        }
        let identity = match (&self.certificate, &self.key) {
            (None, None) => None,
            (None, Some(File { path, origin, .. })) => {
                let problem = "it is a key without a certificate: give that with --zk-tls-cert";
                return Err(unusable(Key::ZkTlsKey, origin, path, problem));
            }
            (Some(certificate), key) => Some(identity(certificate, key.as_ref(), guarded)?),
        };
        Ok(ZkTls {
            authorities,
            identity,
            any_host,
        })
    }
}

/// A client's certificate and its key.
fn identity(
    certificate: &File,
    key: Option<&File>,
    guarded: Option<&Path>,
) -> Result<(String, Secret), ConfigError> {
    let File { path, origin, .. } = certificate;
    let text = text(Key::ZkTlsCert, origin, path, CERTIFICATE)?;
    Ok((text, private_key(key.unwrap_or(certificate), guarded)?))
}

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";
const REVOCATIONS: &str = "-----BEGIN X509 CRL-----";

/// How a key store of Java's begins, and one in PKCS#12.
const JKS: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
const DER: u8 = 0x30;

fn unusable(key: Key, origin: &Origin, path: &Path, problem: &str) -> ConfigError {
    ConfigError::SecretFile {
        key: key.name(),
        origin: origin.clone(),
        path: path.to_owned(),
        problem: problem.to_owned(),
        hint: None,
    }
}

/// A file in PEM that has this in it.
fn text(key: Key, origin: &Origin, path: &Path, wanted: &str) -> Result<String, ConfigError> {
    let bytes =
        std::fs::read(path).map_err(|error| unusable(key, origin, path, &error.to_string()))?;
    if is_store(&bytes) {
        return Err(store(key, origin, path));
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.contains(wanted) => Ok(text),
        _ => Err(unusable(key, origin, path, "it has no certificate in PEM")),
    }
}

fn is_store(bytes: &[u8]) -> bool {
    bytes.starts_with(&JKS) || bytes.first() == Some(&DER)
}

fn private_key(file: &File, guarded: Option<&Path>) -> Result<Secret, ConfigError> {
    let key = Key::ZkTlsKey;
    let File {
        path,
        origin,
        is_of_home,
    } = file;
    if !is_of_home && !guarded.is_some_and(|folder| path.starts_with(folder)) {
        secrets::check_file(key, origin, path)?;
    }
    let bytes =
        std::fs::read(path).map_err(|error| unusable(key, origin, path, &error.to_string()))?;
    if is_store(&bytes) {
        return Err(store(key, origin, path));
    }
    let text = String::from_utf8(bytes).unwrap_or_default();
    if is_encrypted_key(&text) {
        return Err(ConfigError::SecretFile {
            key: key.name(),
            origin: origin.clone(),
            path: path.clone(),
            problem: "the private key is encrypted".to_owned(),
            hint: Some(format!(
                "decrypt it into a file that only you can read: umask 077; openssl pkey -in {} -out key.pem",
                path.display()
            )),
        });
    }
    if !text.contains("PRIVATE KEY-----") {
        return Err(unusable(key, origin, path, "it has no private key in PEM"));
    }
    Ok(Secret::new(text))
}

/// The error about a key store of Java's, with the lines that convert it.
fn store(key: Key, origin: &Origin, path: &Path) -> ConfigError {
    let shown = path.display();
    let hint = if key == Key::ZkTlsCa {
        format!(
            "convert it, and give it with --zk-tls-ca: keytool -list -rfc -keystore {shown} > ca.pem (DER: openssl x509 -inform DER \
             -in {shown})"
        )
    } else {
        format!(
            "convert it, and give it with --zk-tls-cert: umask 077; keytool -importkeystore -srckeystore {shown} -destkeystore \
             client.p12 -deststoretype PKCS12; openssl pkcs12 -in client.p12 -nodes -out client.pem"
        )
    };
    ConfigError::SecretFile {
        key: key.name(),
        origin: origin.clone(),
        path: path.to_owned(),
        problem: "it is a key store of Java's (JKS or PKCS12) or in DER, and not in PEM".to_owned(),
        hint: Some(hint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn file(&self, name: &str, content: &[u8], mode: u32) -> File {
            use std::os::unix::fs::PermissionsExt;
            let path = self.0.path().join(name);
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            File {
                path,
                origin: Origin::Flag,
                is_of_home: false,
            }
        }
    }

    const CA: &[u8] = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const KEY: &[u8] = b"-----BEGIN PRIVATE KEY-----\nMARKER\n-----END PRIVATE KEY-----\n";

    #[test]
    fn a_key_may_stand_behind_its_certificate() {
        let folder = Folder(tempfile::tempdir().unwrap());
        let both = [CA, KEY].concat();
        let files = TlsFiles {
            authorities: Some(folder.file("ca.pem", CA, 0o644)),
            certificate: Some(folder.file("client.pem", &both, 0o600)),
            key: None,
        };
        let tls = files.read(true, &Origin::Flag, None).unwrap();
        assert!(tls.any_host && tls.identity.is_some());
        assert!(!format!("{:?}", tls.identity.unwrap().1).contains("MARKER"));
    }

    #[test]
    fn a_key_store_of_an_installation_is_used_or_warned_of() {
        let folder = Folder(tempfile::tempdir().unwrap());
        let both = [CA, KEY].concat();
        let encrypted = [CA, b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMARKER"].concat();
        for (content, is_of_home, told) in [
            // As open as the masters have it.
            (&both[..], true, None),
            (&JKS, true, Some("key store of Java's")),
            (&encrypted, true, Some("the private key is encrypted")),
            (CA, true, Some("no private key")),
            (b"", true, Some("no certificate")),
            // What is given to dsctl itself is never left out.
            (&JKS, false, None),
        ] {
            let files = TlsFiles {
                authorities: Some(folder.file("ca.pem", CA, 0o644)),
                certificate: Some(File {
                    is_of_home,
                    ..folder.file("store", content, 0o644)
                }),
                key: None,
            };
            let mut warnings = Vec::new();
            let files = files.without_unusable_store(&mut warnings);
            assert!(!format!("{warnings:?}").contains("MARKER"));
            let told_of = warnings.iter().map(Warning::to_string);
            match (told_of.collect::<Vec<_>>().as_slice(), told) {
                ([], None) => assert!(files.certificate.is_some()),
                ([warning], Some(told)) => {
                    assert!(warning.contains(told), "{warning}");
                    assert!(warning.contains("without a client's certificate"));
                }
                (other, told) => panic!("{told:?}: {other:?}"),
            }
            let read = files.read(false, &Origin::Flag, None);
            assert_eq!(read.is_ok(), is_of_home, "{told:?}");
            let has_identity = read.is_ok_and(|tls| tls.identity.is_some());
            assert_eq!(has_identity, is_of_home && told.is_none(), "{told:?}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_with_what_to_do() {
        let folder = Folder(tempfile::tempdir().unwrap());
        let ca = || Some(folder.file("ca.pem", CA, 0o644));
        let refuse = |authorities, certificate, key| {
            let files = TlsFiles {
                authorities,
                certificate,
                key,
            };
            let error = files.read(false, &Origin::Flag, None).unwrap_err();
            assert!(!format!("{error:?}").contains("MARKER"), "{error:?}");
            format!("{error}; {}", error.hint().unwrap_or_default())
        };
        let file = |name: &str, content: &[u8]| Some(folder.file(name, content, 0o600));
        assert!(refuse(None, None, None).contains("--zk-tls-ca"));
        assert!(refuse(file("a", &JKS), None, None).contains("keytool -list -rfc"));
        assert!(refuse(file("a", b"x"), None, None).contains("no certificate in PEM"));
        let list = [CA, b"-----BEGIN X509 CRL-----"].concat();
        assert!(refuse(file("a", &list), None, None).contains("revocation list"));
        assert!(refuse(ca(), None, file("k", KEY)).contains("--zk-tls-cert"));
        assert!(refuse(ca(), file("c", &[DER, 0x82]), None).contains("openssl pkcs12"));
        assert!(refuse(ca(), file("c", CA), None).contains("no private key"));
        let open = Some(folder.file("k", KEY, 0o640));
        assert!(refuse(ca(), file("c", CA), open).contains("chmod 600"));
        let encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMARKER";
        assert!(refuse(ca(), file("c", CA), file("k", encrypted)).contains("openssl pkey"));
    }
}
