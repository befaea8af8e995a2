//! Log lines on stderr under `-v`.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging: nothing at 0, what this program does at 1, what its libraries do too at 2.
///
/// Libraries of the databases log statements and the ZooKeeper client its session; neither logs a password.
pub fn start(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let lines = layer().with_writer(std::io::stderr).with_ansi(false);
    // A second call in one process changes nothing.
    let _ = tracing_subscriber::registry().with(lines).with(level).try_init();
}
