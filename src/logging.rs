//! Log lines on stderr under `-v`.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging: nothing at 0, this program at 1, its libraries too at 2.
///
/// Libraries of the databases log statements and the ZooKeeper client its session; neither logs a
/// password.
pub fn start(verbosity: u8) {
    let filter = match verbosity {
        0 => return,
        1 => Targets::new()
            .with_default(LevelFilter::WARN)
            .with_target("dsctl", LevelFilter::INFO),
        2 => Targets::new().with_default(LevelFilter::DEBUG),
        _ => Targets::new().with_default(LevelFilter::TRACE),
    };
    let lines = layer().with_writer(std::io::stderr).with_ansi(false);
    // A second call in one process changes nothing.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .try_init();
}
