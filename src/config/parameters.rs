//! The query part of database URLs, with the parameters for TLS and schema.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::parameter_names::{Misspelt, Names, plain};
use crate::metadata::target::Tls;

/// Nobody writes more parameters; what follows these is not looked at for misspelt names.
const MOST: usize = 64;

/// `name=value` pairs, in their order.
pub(super) struct Parameters(Vec<Parameter>);

struct Parameter {
    written: String,
    /// Names are compared ignoring case, `-` and `_`: drivers spell them differently.
    name: String,
    value: String,
}

impl Parameters {
    pub(super) fn parse(query: &str, spelling: Spelling) -> Self {
        let decode = |text: &str| {
            let spaced = if spelling == Spelling::Jdbc {
                text.replace('+', " ")
            } else {
                text.to_owned()
            };
            percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        let parameter = |(name, value)| {
            let written = decode(name);
            Parameter {
                name: plain(&written),
                written,
                value: decode(value),
            }
        };
        let pairs = query
            .split('&')
            // Configuration files in XML write the separator as an entity.
            .map(|pair| pair.strip_prefix("amp;").unwrap_or(pair))
            // PostgreSQL's driver takes this one alone as true.
            .map(|pair| if pair == "ssl" { "ssl=true" } else { pair });
        Self(
            pairs
                .filter_map(|pair| pair.split_once('='))
                .map(parameter)
                .collect(),
        )
    }

    /// Refuses what would have an effect that cannot be had.
    ///
    /// # Errors
    /// The parameter's name, and what to do instead.
    pub(super) fn refuse(&self, names: &Names, tls: &Tls) -> Result<(), String> {
        let refused = |parameter: &Parameter| names.refuse(&parameter.name, &parameter.value, tls);
        self.0.iter().find_map(refused).map_or(Ok(()), Err)
    }

    /// Leaves out what has been honoured already.
    pub(super) fn leave_out(&mut self, names: &[&str]) {
        self.0
            .retain(|parameter| !names.iter().any(|name| plain(name) == parameter.name));
    }

    /// Names that are probably misspelt, each once.
    pub(super) fn misspelt(&self, names: &Names) -> Vec<Misspelt> {
        let mut found = Vec::new();
        for parameter in self.0.iter().take(MOST) {
            let misspelt = names.misspelt(&parameter.written);
            found.extend(misspelt.filter(|misspelt| !found.contains(misspelt)));
        }
        found
    }

    /// The last value of a name, as in the drivers.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|parameter| parameter.name == plain(name))
            .map(|parameter| parameter.value.as_str())
    }

    /// Whether a value that may be shown, for example a file name, contains a password.
    pub(super) fn misplace_secret(&self) -> bool {
        self.0
            .iter()
            .any(|parameter| parameter.name != "password" && contains_secret(&parameter.value))
    }

    /// A switch of MySQL's drivers, if it is set to one of their words for true and false.
    pub(super) fn switch(&self, name: &str) -> Option<bool> {
        match self.get(name)?.to_ascii_lowercase().as_str() {
            "true" | "yes" => Some(true),
            "false" | "no" => Some(false),
            _ => None,
        }
    }

    fn is_true(&self, name: &str) -> bool {
        self.switch(name) == Some(true)
    }

    fn is_false(&self, name: &str) -> bool {
        self.switch(name) == Some(false)
    }
}

/// The requested TLS mode, before it is known whether there is a file with authorities.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    fn with_authorities(self, file: Option<&str>) -> Result<Tls, String> {
        let file = file.map(PathBuf::from);
        match (self, file) {
            (Self::Disable, _) => Ok(Tls::Disable),
            (Self::Prefer, _) => Ok(Tls::Prefer),
            (Self::Require, _) => Ok(Tls::Require),
            (Self::VerifyCa, Some(file)) => Ok(Tls::VerifyCa(file)),
            (Self::VerifyCa, None) => Err(
                "the server's certificate should be checked, but no authority is configured: add \
                ssl-ca=FILE (MySQL, MariaDB) or sslrootcert=FILE (PostgreSQL)"
                    .to_owned(),
            ),
            (Self::VerifyFull, file) => Ok(Tls::VerifyFull(file)),
        }
    }
}

/// `ssl-mode` and `sslMode` take precedence over the older switches of the JDBC drivers.
pub(super) fn mysql_tls(parameters: &Parameters, mariadb: bool) -> Result<Tls, String> {
    let authorities = parameters
        .get("sslCa")
        .or_else(|| parameters.get("serverSslCert"));
    let mode = match parameters.get("sslMode") {
        Some(text) => mysql_mode(text)?,
        None if parameters.is_false("useSSL") => Mode::Disable,
        None if mariadb && parameters.is_true("useSSL") => mariadb_switches(parameters),
        // As in MySQL's own client: with an authority, the certificate is verified.
        None if authorities.is_some() || parameters.is_true("verifyServerCertificate") => {
            Mode::VerifyCa
        }
        None if parameters.is_true("requireSSL") => Mode::Require,
        None => Mode::Prefer,
    };
    mode.with_authorities(authorities)
}

/// MariaDB's driver checks certificates unless it is configured to trust all.
fn mariadb_switches(parameters: &Parameters) -> Mode {
    if parameters.is_true("trustServerCertificate") {
        Mode::Require
    } else {
        Mode::VerifyFull
    }
}

fn mysql_mode(text: &str) -> Result<Mode, String> {
    match plain(text).as_str() {
        "disabled" | "disable" => Ok(Mode::Disable),
        "preferred" => Ok(Mode::Prefer),
        "required" | "trust" => Ok(Mode::Require),
        "verifyca" => Ok(Mode::VerifyCa),
        "verifyidentity" | "verifyfull" => Ok(Mode::VerifyFull),
        _ => Err(
            "ssl-mode must be disabled, preferred, required, verify_ca or verify_identity"
                .to_owned(),
        ),
    }
}

pub(super) fn postgres_tls(parameters: &Parameters) -> Result<Tls, String> {
    let authorities = parameters.get("sslrootcert");
    let mode = match parameters.get("sslmode") {
        Some(text) => postgres_mode(text)?,
        // The JDBC driver's plain switch means the strictest mode, unless a class checks nothing.
        None if parameters
            .get("ssl")
            .is_some_and(|value| value.eq_ignore_ascii_case("true")) =>
        {
            factory_mode(parameters)?
        }
        None => Mode::Prefer,
    };
    // As in libpq: with an authority, the certificate is verified.
    let mode = if mode == Mode::Require && authorities.is_some() {
        Mode::VerifyCa
    } else {
        mode
    };
    mode.with_authorities(authorities)
}

/// What the JDBC driver's own classes for connections check.
fn factory_mode(parameters: &Parameters) -> Result<Mode, String> {
    let class = parameters.get("sslfactory").unwrap_or_default();
    match class.rsplit('.').next() {
        Some("NonValidatingFactory") => Ok(Mode::Require),
        Some("" | "LibPQFactory" | "DefaultJavaSSLFactory") | None => Ok(Mode::VerifyFull),
        Some(_) => Err(
            "the parameter sslfactory cannot be honoured: say by sslmode what is to be checked"
                .to_owned(),
        ),
    }
}

/// Whether a URL of PostgreSQL asks for the server that accepts writes.
pub(super) fn postgres_primary(parameters: &Parameters) -> Result<bool, String> {
    let asked = parameters
        .get("targetServerType")
        .or_else(|| parameters.get("target_session_attrs"));
    match asked.map(plain).as_deref() {
        None | Some("any" | "preferprimary") => Ok(false),
        Some("primary" | "master" | "readwrite") => Ok(true),
        Some(
            "secondary" | "slave" | "prefersecondary" | "preferslave" | "standby" | "preferstandby"
            | "readonly",
        ) => Err(
            "the parameter targetServerType cannot be honoured: only the server that accepts writes \
             can be used, which is targetServerType=primary"
                .to_owned(),
        ),
        Some(_) => Err("targetServerType must be primary or any".to_owned()),
    }
}

fn postgres_mode(text: &str) -> Result<Mode, String> {
    match plain(text).as_str() {
        "disable" => Ok(Mode::Disable),
        "allow" | "prefer" => Ok(Mode::Prefer),
        "require" => Ok(Mode::Require),
        "verifyca" => Ok(Mode::VerifyCa),
        "verifyfull" => Ok(Mode::VerifyFull),
        _ => Err("sslmode must be disable, prefer, require, verify-ca or verify-full".to_owned()),
    }
}

/// The search path: `currentSchema` of the JDBC driver, or `search_path` in libpq's `options`.
pub(super) fn postgres_schema(parameters: &Parameters) -> Option<String> {
    let in_options = || {
        let words = parameters.get("options")?.split_whitespace();
        let settings = words.filter_map(|keyword| {
            keyword
                .trim_start_matches("--")
                .trim_start_matches("-c")
                .split_once('=')
        });
        settings
            .filter(|(name, _)| plain(name) == "searchpath")
            .map(|(_, path)| path)
            .next_back()
    };
    let path = parameters.get("currentSchema").or_else(in_options)?.trim();
    (!path.is_empty()).then(|| path.to_owned())
}

/// Which grammar the query part has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// A plus sign is a plus sign.
    Plain,
    /// Java's decoder turns a plus sign into a space.
    Jdbc,
}

/// Whether a text contains a password parameter.
pub(super) fn contains_secret(text: &str) -> bool {
    let text = text.to_lowercase();
    ["password", "passwd", "pwd"]
        .iter()
        .any(|name| text.contains(&format!("{name}=")) || text.contains(&format!("{name}:")))
}
