//! The query part of database URLs, with the parameters for TLS and schema.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use crate::metadata::target::Tls;

/// `name=value` pairs. Names are compared ignoring case, `-` and `_`: drivers spell them
/// differently.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

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
        // Configuration files in XML write the separator as an entity.
        let pairs = query
            .split('&')
            .map(|pair| pair.strip_prefix("amp;").unwrap_or(pair));
        Self(
            pairs
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (plain(&decode(name)), decode(value)))
                .collect(),
        )
    }

    /// The last value of a name, as in the drivers.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(known, _)| *known == plain(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether a value that may be shown, for example a file name, contains a password.
    pub(super) fn misplace_secret(&self) -> bool {
        self.0
            .iter()
            .any(|(name, value)| name != "password" && contains_secret(value))
    }

    fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    fn is_false(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("false"))
    }
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .collect::<String>()
        .to_lowercase()
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
        // The JDBC driver's plain switch means the strictest mode.
        None if parameters.is_true("ssl") => Mode::VerifyFull,
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
