//! Database URLs: the usual ones, and the `jdbc:` ones of DolphinScheduler's own configuration.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::Url;

use super::client_certificate::{OfOptions, chosen};
use super::hosts;
use super::parameter_names::{Misspelt, Names};
use super::parameters::{
    Parameters, Spelling, contains_secret, mysql_tls, postgres_primary, postgres_schema,
    postgres_tls,
};
use super::socket::{self, Socket};
use crate::metadata::target::{HostPort, ServerTarget, Tls};
use crate::secret::Secret;

/// The metadata database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbTarget {
    /// MySQL or MariaDB.
    MySql(ServerTarget),
    /// PostgreSQL.
    Postgres(ServerTarget),
    /// A SQLite file.
    Sqlite(PathBuf),
}

impl DbTarget {
    /// Parses a URL.
    ///
    /// # Errors
    /// [`UrlError`], which quotes only the scheme of the text.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        Self::parse_with_user(text, None).map(|(target, _)| target)
    }

    /// Reads a URL of a configuration that keeps user and password apart. Those in the URL go before
    /// them, as the drivers have it. Names of parameters that are probably misspelt come with it.
    ///
    /// # Errors
    /// As [`DbTarget::parse`].
    pub fn parse_with_user(
        text: &str,
        user: Option<&str>,
    ) -> Result<(Self, Vec<Misspelt>), UrlError> {
        Self::parse_beside(text, user, None)
    }

    /// The same with a client's certificate that is given beside the URL.
    ///
    /// # Errors
    /// As [`DbTarget::parse`].
    pub(super) fn parse_beside(
        text: &str,
        user: Option<&str>,
        client: Option<&OfOptions>,
    ) -> Result<(Self, Vec<Misspelt>), UrlError> {
        let (jdbc, rest) = strip_scheme(text, "jdbc")
            .map_or((Spelling::Plain, text), |rest| (Spelling::Jdbc, rest));
        if let Some(file) = strip_scheme(rest, "sqlite") {
            return sqlite(file).map(|file| (file, Vec::new()));
        }
        let plain = hosts::without_way(rest);
        let rest = plain.as_deref().unwrap_or(rest);
        let scheme = rest
            .split_once(':')
            .map(|(scheme, _)| scheme.to_ascii_lowercase())
            .unwrap_or_default();
        match scheme.as_str() {
            "mysql" | "mariadb" => {
                let (mut target, parameters) = servers(rest, jdbc, 3306, user)?;
                let tls = mysql_tls(&parameters, scheme == "mariadb");
                target.tls = tls.map_err(UrlError::parameter)?;
                set_socket(&mut target, socket::mysql(&parameters), &parameters)?;
                if target.socket().is_some() {
                    target.port = 0;
                    // Nobody between can listen.
                    target.tls = match target.tls {
                        Tls::Prefer => Tls::Disable,
                        demanded => demanded,
                    };
                }
                target.asks_public_key =
                    parameters.switch("allowPublicKeyRetrieval").unwrap_or(true);
                set_client_certificate(&mut target, &parameters, client)?;
                let misspelt = checked(&parameters, &Names::MYSQL, &target)?;
                Ok((Self::MySql(target), misspelt))
            }
            "postgres" | "postgresql" => {
                let (mut target, mut parameters) = servers(rest, jdbc, 5432, user)?;
                target.tls = postgres_tls(&parameters).map_err(UrlError::parameter)?;
                let socket = socket::postgres(&parameters).map_err(UrlError::parameter)?;
                set_socket(&mut target, socket, &parameters)?;
                if target.socket().is_some() {
                    parameters.leave_out(&["port", "PGPORT"]);
                    // As in libpq: the server has no TLS there.
                    target.tls = Tls::Disable;
                }
                target.schema = postgres_schema(&parameters);
                target.primary_only |=
                    postgres_primary(&parameters).map_err(UrlError::parameter)?;
                set_client_certificate(&mut target, &parameters, client)?;
                let misspelt = checked(&parameters, &Names::POSTGRES, &target)?;
                Ok((Self::Postgres(target), misspelt))
            }
            "h2" => Err(UrlError::new(
                "H2 runs inside one DolphinScheduler process and cannot be reached from outside",
                Some(H2),
            )),
            _ => Err(UrlError::new(
                "this is not a known kind of database URL",
                Some(FORMS),
            )),
        }
    }

    /// The server, or several; `None` for a file.
    #[must_use]
    pub fn server(&self) -> Option<&ServerTarget> {
        match self {
            Self::MySql(server) | Self::Postgres(server) => Some(server),
            Self::Sqlite(_) => None,
        }
    }

    /// Each of its servers alone.
    #[must_use]
    pub fn each(&self) -> Vec<Self> {
        match self {
            Self::MySql(server) => server.each().map(Self::MySql).collect(),
            Self::Postgres(server) => server.each().map(Self::Postgres).collect(),
            Self::Sqlite(file) => vec![Self::Sqlite(file.clone())],
        }
    }

    /// The password in the URL.
    #[must_use]
    pub fn password(&self) -> Option<&Secret> {
        self.server()?.password.as_ref()
    }

    /// The URL without its password and its parameters.
    #[must_use]
    pub fn shown(&self) -> String {
        let server = |scheme: &str, server: &ServerTarget| {
            format!("{scheme}://{}@{}", server.user, server.endpoint())
        };
        match self {
            Self::MySql(target) => server("mysql", target),
            Self::Postgres(target) => server("postgres", target),
            Self::Sqlite(file) => format!("sqlite:{}", file.display()),
        }
    }

    /// Sets the password; SQLite files have none.
    #[must_use]
    pub fn with_password(mut self, password: Secret) -> Self {
        if let Self::MySql(server) | Self::Postgres(server) = &mut self {
            server.password = Some(password);
        }
        self
    }
}

/// An invalid database URL. It contains nothing of the URL, because any part may be a misplaced
/// password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlError {
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub hint: Option<&'static str>,
}

impl UrlError {
    fn new(problem: &str, hint: Option<&'static str>) -> Self {
        Self {
            problem: problem.to_owned(),
            hint,
        }
    }

    fn parameter(problem: String) -> Self {
        Self {
            problem,
            hint: None,
        }
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for UrlError {}

/// 2.0 takes H2 where its environment does not choose.
const H2: &str = "masters with another database have DATABASE_TYPE and SPRING_DATASOURCE_URL in the environment that they are started \
                  in: set them here, too, or give --db";
const FORMS: &str = "expected mysql://USER@HOST/DATABASE, mariadb://…, postgres://…, sqlite:FILE or a jdbc: URL of these";
const LEFT_OUT: &str = "if the server can do without it, give the URL without it in --db";
const PLACES: &str = "use //USER@HOST:PORT/DATABASE, and the rest as ?name=value&name=value: \
    neither address=(…) nor ;name=value is supported; better still, use --db-password-file";
const SOCKETS: &str = "use socket=/FILE (MySQL, MariaDB) or host=/FOLDER (PostgreSQL)";
const ONE_OF_BOTH: &str = "take what switches TLS off (useSSL=false, ssl-mode=disabled, sslmode=disable, a socket) out of the URL, or leave \
                           the certificate out";
const ONE_PLACE: &str =
    "for the socket write localhost as the host; for the host leave the socket out";
const ENCODING: &str =
    "write : / ? # @ % in user and password percent-encoded (# is %23), or use --db-password-file";

fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (head, rest) = text.split_once(':')?;
    head.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// File names are used unchanged: percent signs and question marks are allowed in them.
fn sqlite(text: &str) -> Result<DbTarget, UrlError> {
    match text.strip_prefix("//").unwrap_or(text) {
        "" | ":memory:" => Err(UrlError::new(
            "the name of the SQLite file is missing",
            Some("use sqlite:FILE"),
        )),
        file if contains_secret(file) => Err(UrlError::new(
            "a SQLite file has no password",
            Some("use sqlite:FILE"),
        )),
        file if file.contains('\0') => Err(UrlError::new(
            "a file name cannot contain a NUL character",
            None,
        )),
        file => Ok(DbTarget::Sqlite(PathBuf::from(file))),
    }
}

/// Refuses parameters that cannot be honoured. What is left may be misspelt.
fn checked(
    parameters: &Parameters,
    names: &Names,
    target: &ServerTarget,
) -> Result<Vec<Misspelt>, UrlError> {
    let refused = parameters.refuse(names, &target.tls);
    refused.map_err(|problem| UrlError::new(&problem, Some(LEFT_OUT)))?;
    Ok(parameters.misspelt(names))
}

/// Reads a URL with one or more servers. Of several only the one that accepts writes is meant.
fn servers(
    text: &str,
    spelling: Spelling,
    default_port: u16,
    user: Option<&str>,
) -> Result<(ServerTarget, Parameters), UrlError> {
    if hosts::each_has_login(text) {
        let problem = "the URL has a login before each server, and one is for all: //USER@HOST1,HOST2/DATABASE";
        return Err(UrlError::new(problem, Some(ENCODING)));
    }
    let alone = hosts::each_alone(text)
        .ok_or_else(|| UrlError::new("the URL names too many servers", None))?;
    let mut found = alone
        .iter()
        .map(|text| server(text, spelling, default_port, user));
    let (mut target, parameters) = found.next().ok_or_else(no_host)??;
    for other in found {
        let (ServerTarget { host, port, .. }, _) = other?;
        target.others.push(HostPort { host, port });
        target.primary_only = true;
    }
    Ok((target, parameters))
}

fn server(
    text: &str,
    spelling: Spelling,
    default_port: u16,
    user: Option<&str>,
) -> Result<(ServerTarget, Parameters), UrlError> {
    let malformed = |problem: &str| UrlError::new(problem, Some(ENCODING));
    let is_place = |(_, rest): (&str, &str)| rest.starts_with("//");
    if !text.split_once(':').is_some_and(is_place) {
        return Err(UrlError::new(
            "this form of URL is not supported",
            Some(FORMS),
        ));
    }
    if hosts::lacks_brackets(text) {
        let hint = "write an IPv6 address in brackets: //[::1]:PORT/DATABASE";
        return Err(UrlError::new("the address is not in brackets", Some(hint)));
    }
    let url = Url::parse(text).map_err(|error| malformed(&error.to_string()))?;
    if url.fragment().is_some() {
        return Err(malformed("there is a # in the URL"));
    }
    let parameters = Parameters::parse(url.query().unwrap_or_default(), spelling);
    let host = url
        .host_str()
        .map(|host| host.trim_start_matches('[').trim_end_matches(']'))
        .unwrap_or_default();
    let host = decoded(host)
        .filter(|host| !host.is_empty() || names_socket(&parameters))
        .ok_or_else(no_host)?;
    let database = decoded(url.path().strip_prefix('/').unwrap_or_default()).unwrap_or_default();
    if database.is_empty() {
        return Err(UrlError::new(
            "the name of the database is missing",
            Some("put it after the host: //HOST/DATABASE"),
        ));
    }
    // A slash or question mark in an unencoded password moves the rest of it, and its @, into other
    // parts of the URL.
    let stray = !url.username().is_empty() && url.query().is_some_and(|query| query.contains('@'));
    if database.contains(['/', '@']) || host.contains('@') || stray {
        return Err(malformed("the URL has a misplaced / or @"));
    }
    // A text that is neither a host nor a database name may contain a password, and both are shown.
    if !(is_host(&host) || socket::is_name(&host)) || !database.chars().all(is_in_database) {
        return Err(UrlError::new(
            "the host or the database's name has an invalid character",
            Some(PLACES),
        ));
    }
    let (user, password) = login(&url, &parameters, user)?;
    if [&host, &database, &user]
        .into_iter()
        .any(|shown| contains_secret(shown))
        || parameters.misplace_secret()
    {
        return Err(UrlError::new(
            "a password is in the wrong place",
            Some(PLACES),
        ));
    }
    let target = ServerTarget {
        host,
        port: url.port().unwrap_or(default_port),
        user,
        password,
        database,
        tls: Tls::default(),
        schema: None,
        asks_public_key: true,
        primary_only: false,
        others: Vec::new(),
        client_certificate: None,
    };
    Ok((target, parameters))
}

fn no_host() -> UrlError {
    UrlError::new("the host is missing", Some(ENCODING))
}

/// Whether the server may stand among the parameters; whether its own driver sees it there,
/// [`set_socket`] finds.
fn names_socket(parameters: &Parameters) -> bool {
    socket::mysql(parameters).is_some() || !matches!(socket::postgres(parameters), Ok(None))
}

/// Puts a socket that the parameters name in the place of the host.
fn set_socket(
    target: &mut ServerTarget,
    socket: Option<Socket>,
    parameters: &Parameters,
) -> Result<(), UrlError> {
    let Some(Socket { path, port }) = socket else {
        if socket::has_factory(parameters) {
            let problem = "the parameter socketFactory names no file of a socket";
            return Err(UrlError::new(problem, Some(SOCKETS)));
        }
        let others = target.others.iter().map(|other| &other.host);
        let mut hosts = std::iter::once(&target.host).chain(others);
        return if hosts.any(String::is_empty) {
            Err(no_host())
        } else {
            Ok(())
        };
    };
    if path.is_empty() {
        return Err(no_host());
    }
    if !target.others.is_empty() {
        let problem = "the URL names several servers, and a socket leads to one";
        return Err(UrlError::new(problem, None));
    }
    if !target.host.is_empty() && !socket::is_this_machine(&target.host) {
        let problem = "the URL names a host, and a socket, which is on this machine: only one of them can be meant";
        return Err(UrlError::new(problem, Some(ONE_PLACE)));
    }
    if !socket::is_name(&path) {
        return Err(UrlError::new(
            "the socket's name has an invalid character",
            Some(PLACES),
        ));
    }
    target.host = path;
    target.port = port.unwrap_or(target.port);
    Ok(())
}

/// Without TLS nobody looks at it.
fn set_client_certificate(
    target: &mut ServerTarget,
    parameters: &Parameters,
    client: Option<&OfOptions>,
) -> Result<(), UrlError> {
    if target.tls != Tls::Disable {
        target.client_certificate = chosen(client, parameters).map_err(UrlError::parameter)?;
    } else if let Some(OfOptions { origin, .. }) = client {
        let problem = format!(
            "there is no TLS by this URL, and --db-tls-cert ({origin}) gives a client's certificate, which is shown by TLS alone"
        );
        return Err(UrlError {
            problem,
            hint: Some(ONE_OF_BOTH),
        });
    }
    Ok(())
}

/// Only IPv6 addresses have colons, and a zone after a percent sign.
fn is_host(text: &str) -> bool {
    let (address, zone) = text
        .split_once('%')
        .map_or((text, None), |(address, zone)| (address, Some(zone)));
    let is_in_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
    let is_named = zone.is_none() && address.chars().all(is_in_name);
    is_named
        || (address.parse::<Ipv6Addr>().is_ok()
            && zone.is_none_or(|zone| zone.chars().all(is_in_name)))
}

fn is_in_database(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '$' | '+' | '~' | ' ')
}

/// User and password are before the host or, in JDBC, among the parameters.
fn login(
    url: &Url,
    parameters: &Parameters,
    otherwise: Option<&str>,
) -> Result<(String, Option<Secret>), UrlError> {
    let not_utf8 = |what: &str| UrlError::new(&format!("the {what} is not UTF-8"), Some(ENCODING));
    let parameter = |name: &str| parameters.get(name).map(ToOwned::to_owned);
    let user = decoded(url.username()).ok_or_else(|| not_utf8("user"))?;
    let user = [
        Some(user),
        parameter("user"),
        otherwise.map(ToOwned::to_owned),
    ]
    .into_iter()
    .flatten()
    .find(|user| !user.is_empty());
    let no_user = || {
        UrlError::new(
            "the URL names no user",
            Some("use //USER@HOST/DATABASE, or ?user=USER"),
        )
    };
    let password = url
        .password()
        .map(|text| decoded(text).ok_or_else(|| not_utf8("password")))
        .transpose()?;
    Ok((
        user.ok_or_else(no_user)?,
        password.or_else(|| parameter("password")).map(Secret::new),
    ))
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests;
