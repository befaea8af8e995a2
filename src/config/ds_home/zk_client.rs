//! How the masters' ZooKeeper client logs in and encrypts, by the system properties of their Java.

use std::path::{Path, PathBuf};

use super::assignment::Assignment;
use super::jaas::{self, Module};
use super::java;
use super::read::read;
use crate::config::stated::Stated;
use crate::config::{ConfigError, Key, Origin};
use crate::secret::{KerberosLogin, KerberosService, MastersTicket, Secret};

/// A login with SASL.
#[derive(Clone, Debug)]
pub(in crate::config) enum SaslOfMasters {
    /// DIGEST-MD5: user and password.
    Digest(String, Secret, Origin),
    /// With Kerberos.
    Kerberos(KerberosLogin, Origin),
    /// By a module that is not built in here.
    NotBuiltIn {
        /// The module's class.
        name: String,
        origin: Origin,
    },
    /// By a file that cannot be read: without it the client connects, and makes no login.
    Unreadable {
        path: PathBuf,
        /// Where the file is named.
        origin: Origin,
        problem: String,
    },
}

const FILE: &str = "java.security.auth.login.config";
const LOGIN: &str = "ZooKeeper's SASL login";

/// The login, where the client makes one: it needs a file, and a section with its name in that.
///
/// # Errors
/// A file that cannot be understood.
pub(super) fn sasl(
    system: &[Assignment],
    folder: &Path,
) -> Result<Option<SaslOfMasters>, ConfigError> {
    let text = |name: &str| java::get(system, name).and_then(|entry| entry.text.as_deref());
    let Some(entry) = java::get(system, FILE) else {
        return Ok(None);
    };
    if text("zookeeper.sasl.client").is_some_and(|text| text.eq_ignore_ascii_case("false")) {
        return Ok(None);
    }
    let path = path(entry.text.as_deref().unwrap_or_default(), folder);
    let refused = |problem: String| ConfigError::SecretFile {
        key: LOGIN,
        origin: entry.origin.clone(),
        path: path.clone(),
        problem,
        hint: Some("give the masters' login with --zk-sasl-file FILE (user:password)".to_owned()),
    };
    let unreadable = |problem: String| {
        Ok(Some(SaslOfMasters::Unreadable {
            path: path.clone(),
            origin: entry.origin.clone(),
            problem,
        }))
    };
    let bytes = match read(&path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return unreadable("no such file".to_owned()),
        Err(ConfigError::File { problem, .. }) => return unreadable(problem),
        Err(other) => return Err(other),
    };
    let name = text("zookeeper.sasl.clientconfig").unwrap_or("Client");
    let module = jaas::section(&String::from_utf8_lossy(&bytes), name)
        .map_err(|line| refused(format!("line {line} is not understood")))?;
    let Some(module) = module else {
        return Ok(None);
    };
    if module.class_name() == "Krb5LoginModule" {
        let service = service(system).unwrap_or_default();
        let masters = masters_ticket(&module, folder);
        let login = KerberosLogin { service, masters };
        return Ok(Some(SaslOfMasters::Kerberos(login, origin(&module, &path))));
    }
    login(&module, &path).map(Some).ok_or_else(|| {
        refused(format!(
            "line {}: user or password is not given as plain text",
            module.line
        ))
    })
}

fn origin(module: &Module, path: &Path) -> Origin {
    Origin::File {
        path: path.to_owned(),
        line: module.line,
    }
}

/// Whom the masters' tickets are for, where their Java is told.
fn service(system: &[Assignment]) -> Option<KerberosService> {
    let text = |name: &str| java::get(system, name).and_then(|entry| entry.text.as_deref());
    // The whole principal goes before; its realm is found by this machine's Kerberos.
    let principal = text("zookeeper.server.principal")
        .map(|principal| principal.split('@').next().unwrap_or_default());
    principal
        .or_else(|| text("zookeeper.sasl.client.username"))?
        .parse()
        .ok()
}

fn masters_ticket(module: &Module, folder: &Path) -> MastersTicket {
    // Java fills in system properties.
    let option = |name: &str| {
        let value = module.options.get(name)?;
        (!value.is_empty() && !value.contains("${")).then(|| value.clone())
    };
    let uses_keytab = option("useKeyTab").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let keytab = option("keyTab").filter(|_| uses_keytab);
    MastersTicket {
        principal: option("principal"),
        keytab: keytab.map(|keytab| path(&keytab, folder)),
    }
}

fn login(module: &Module, path: &Path) -> Option<SaslOfMasters> {
    let origin = origin(module, path);
    let name = match module.class_name() {
        "DigestLoginModule" => {
            let (user, password) = (
                module.options.get("username")?,
                module.options.get("password")?,
            );
            let is_usable = !user.is_empty() && !password.is_empty();
            // Java fills in system properties.
            let is_plain = !user.contains("${") && !password.contains("${");
            let password = Secret::new(password);
            return (is_usable && is_plain)
                .then(|| SaslOfMasters::Digest(user.clone(), password, origin));
        }
        _ => module.class.clone(),
    };
    Some(SaslOfMasters::NotBuiltIn { name, origin })
}

/// The file of a property, which may be a URL, and begin with a = where it is to be the only one.
fn path(text: &str, folder: &Path) -> PathBuf {
    let text = text.strip_prefix('=').unwrap_or(text);
    let text = text
        .strip_prefix("file:")
        .map_or(text, |url| url.strip_prefix("//").unwrap_or(url));
    folder.join(text)
}

/// TLS, where the client is to use it: that it is, and the files of its stores.
pub(super) fn tls(system: &[Assignment], folder: &Path) -> Vec<(Key, Stated)> {
    let get = |name: &str| {
        let entry = java::get(system, name)?;
        Some((entry.text.clone()?, entry.origin.clone()))
    };
    let is =
        |name: &str, wanted: &str| get(name).filter(|(text, _)| text.eq_ignore_ascii_case(wanted));
    let Some((_, origin)) = is("zookeeper.client.secure", "true") else {
        return Vec::new();
    };
    let yes = |origin| Stated {
        text: "true".to_owned(),
        origin,
    };
    let file = |name: &str| {
        let (text, origin) = get(name)?;
        let text = folder.join(text).display().to_string();
        Some(Stated { text, origin })
    };
    let any_host = is("zookeeper.ssl.hostnameVerification", "false");
    let stated = [
        (Key::ZkTls, Some(yes(origin))),
        (Key::ZkTlsCa, file("zookeeper.ssl.trustStore.location")),
        (Key::ZkTlsCert, file("zookeeper.ssl.keyStore.location")),
        (Key::ZkTlsAnyHost, any_host.map(|(_, origin)| yes(origin))),
    ];
    stated
        .into_iter()
        .filter_map(|(key, stated)| Some((key, stated?)))
        .collect()
}
