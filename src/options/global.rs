//! Options that every command knows.
//!
//! Each can also be set in the environment or a file; `config` merges these sources, so nothing has
//! a default here.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args};
use jiff::tz::TimeZone;
use strum::VariantNames;

use super::value::{self, RegistryKind};
use crate::model::{Ensemble, Namespace, Version};
use crate::output::{ColorChoice, Format};
use crate::secret::{KerberosService, Secret};

/// Options of every command, before and after its name.
#[derive(Args, Clone, Debug, Default)]
pub struct GlobalArgs {
    /// Where and how to connect.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Where and how to connect.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// ZooKeeper's servers and chroot.
    #[arg(
        long,
        global = true,
        value_name = "HOST[:PORT],...[/CHROOT]",
        help = "ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]"
    )]
    pub zk: Option<Ensemble>,

    /// The metadata database. Hidden from `Debug`: it may contain a password.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        value_parser = value::secret,
        help = "Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]",
        long_help = "Metadata database: mysql://USER@HOST[:PORT]/DATABASE, mariadb://…, postgres://…, sqlite:FILE, or a \
            jdbc:mysql:, jdbc:mariadb: or jdbc:postgresql: URL from DolphinScheduler's own configuration. The password \
            belongs in a file: --db-password-file [env: DSCTL_DB]"
    )]
    pub db: Option<Secret>,

    /// Which registry the cluster uses.
    #[arg(long, global = true, value_name = "KIND",
        value_parser = PossibleValuesParser::new(RegistryKind::VARIANTS).try_map(|text| text.parse::<RegistryKind>()),
        help = "Registry: zookeeper, or DolphinScheduler's own in the database (3.3 and newer) [env: DSCTL_REGISTRY]")]
    pub registry: Option<RegistryKind>,

    /// The root of the cluster's entries in the registry.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        help = "Root of the cluster's entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]"
    )]
    pub namespace: Option<Namespace>,

    /// DolphinScheduler's installation.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        help = "Read registry and database from DolphinScheduler's own files in this folder [env: DSCTL_DS_HOME]"
    )]
    pub ds_home: Option<PathBuf>,

    /// The release, if it cannot be detected.
    #[arg(
        long,
        global = true,
        value_name = "X.Y.Z",
        help = "DolphinScheduler's release, if the database does not show it [env: \
            DSCTL_DS_VERSION]"
    )]
    pub ds_version: Option<Version>,

    /// The zone in which the masters write times.
    #[arg(long, global = true, value_name = "ZONE", value_parser = value::time_zone,
        help = "Time zone in which the masters write times, such as Asia/Shanghai or +08:00: \
            their host's, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: \
            DSCTL_TIME_ZONE]")]
    pub time_zone: Option<TimeZone>,

    /// `user:password` for ZooKeeper.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]"
    )]
    pub zk_digest_file: Option<PathBuf>,

    /// `user:password` for a login with SASL.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "File with user:password for ZooKeeper's SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]"
    )]
    pub zk_sasl_file: Option<PathBuf>,

    /// The servers' service, for a login with Kerberos.
    #[arg(
        long,
        global = true,
        value_name = "SERVICE[/HOST]",
        help = "Log in at ZooKeeper with Kerberos, by the ticket of this machine's Kerberos for this service, usually zookeeper \
            (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]"
    )]
    pub zk_kerberos: Option<KerberosService>,

    /// Connects to ZooKeeper with TLS.
    #[arg(
        long,
        global = true,
        help = "Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]"
    )]
    pub zk_tls: bool,

    /// The authorities that sign the servers' certificates.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "Certificates (PEM) of the authorities that sign those of ZooKeeper's servers; switches TLS on [env: \
            DSCTL_ZK_TLS_CA]"
    )]
    pub zk_tls_ca: Option<PathBuf>,

    /// The client's own certificate.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "This client's own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]"
    )]
    pub zk_tls_cert: Option<PathBuf>,

    /// The private key of that certificate.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]"
    )]
    pub zk_tls_key: Option<PathBuf>,

    /// Takes certificates of any host.
    #[arg(
        long,
        global = true,
        help = "Accept certificates of ZooKeeper's servers whatever host they name, as ssl.hostnameVerification=false does [env: \
            DSCTL_ZK_TLS_ANY_HOST]"
    )]
    pub zk_tls_any_host: bool,

    /// The database's password.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "File with the database's password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]"
    )]
    pub db_password_file: Option<PathBuf>,

    /// The certificate by which the database knows this client.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "This client's own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]"
    )]
    pub db_tls_cert: Option<PathBuf>,

    /// The private key of that certificate.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]"
    )]
    pub db_tls_key: Option<PathBuf>,

    /// How long the registry keeps this session's locks without a heartbeat.
    #[arg(long, global = true, value_name = "DURATION", value_parser = value::positive_duration,
        help = "How long the registry keeps the lock after the last heartbeat [default: 18s] \
            [env: DSCTL_SESSION_TIMEOUT]")]
    pub session_timeout: Option<Duration>,

    /// Timeout of each network operation.
    #[arg(long, global = true, value_name = "DURATION", value_parser = value::positive_duration,
        help = "Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]")]
    pub timeout: Option<Duration>,

    /// Timeout of each statement.
    #[arg(long, global = true, value_name = "DURATION", value_parser = value::positive_duration,
        help = "Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]")]
    pub statement_timeout: Option<Duration>,

    /// A configuration file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]"
    )]
    pub config: Option<PathBuf>,
}

/// How to answer.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Output format.
    #[arg(short, long, global = true, value_name = "FORMAT",
        value_parser = PossibleValuesParser::new(Format::VARIANTS).try_map(|text| text.parse::<Format>()),
        help = "Output format [default: table] [env: DSCTL_OUTPUT]")]
    pub output: Option<Format>,

    /// Omits header lines.
    #[arg(
        long,
        global = true,
        help = "Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]"
    )]
    pub no_headers: bool,

    /// Drops progress and remarks.
    #[arg(
        short,
        long,
        global = true,
        help = "Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]"
    )]
    pub quiet: bool,

    /// Log level.
    #[arg(
        short,
        long,
        global = true,
        action = ArgAction::Count,
        help = "Log to stderr; twice for more [env: DSCTL_VERBOSE]"
    )]
    pub verbose: u8,

    /// When to use colours.
    #[arg(long, global = true, value_name = "WHEN",
        value_parser = PossibleValuesParser::new(ColorChoice::VARIANTS).try_map(|text| text.parse::<ColorChoice>()),
        help = "When to use colours [default: auto] [env: DSCTL_COLOR]")]
    pub color: Option<ColorChoice>,
}
