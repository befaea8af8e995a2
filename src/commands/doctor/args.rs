//! The arguments of `doctor`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::explain::{ALL, Explained, explained};
use crate::diagnosis::{APART, Severity};
use crate::options::value;

/// Arguments of `doctor`.
#[derive(Args, Clone, Debug)]
pub(in crate::commands) struct DoctorArgs {
    /// Exit with 3 if there is a finding of this severity or a more urgent one
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = FailOn::Act)]
    pub fail_on: FailOn,

    /// How long to wait before a second look, where one alone cannot prove a finding; at least 6s
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = settle_time)]
    pub settle: Duration,

    /// What to look for: what hangs, or whether an upgrade may begin and what one has broken
    #[arg(long, value_name = "PROFILE", value_enum, default_value_t = Profile::Operation)]
    pub profile: Profile,

    /// Take one look, and mark what it cannot prove
    #[arg(long, conflicts_with = "settle")]
    pub once: bool,

    /// Answer as a plugin for Nagios or Icinga: one line, and exit with 0, 1 (look), 2 (act) or 3 (unknown)
    #[arg(long, conflicts_with = "fail_on")]
    pub nagios: bool,

    /// Write what is found into this file, for Prometheus' textfile collector
    #[arg(long, value_name = "FILE.prom")]
    pub metrics_file: Option<PathBuf>,

    /// Explain a code, or list all of them; connects to nothing
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = ALL,
        value_parser = explained, conflicts_with_all = ["fail_on", "metrics_file", "nagios", "once", "profile", "settle"])]
    pub explain: Option<Explained>,
}

fn settle_time(text: &str) -> Result<Duration, String> {
    let time = value::duration(text).map_err(|error| error.to_string())?;
    if time < APART {
        return Err("what passes by itself may take 6s; --once takes one look".to_owned());
    }
    Ok(time)
}

/// What to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::commands) enum Profile {
    /// What hangs
    Operation,
    /// What must be empty before an upgrade, and what one has broken
    Upgrade,
}

/// From which severity on the exit code tells of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::commands) enum FailOn {
    /// Something hangs
    Act,
    /// Also what may be normal
    Look,
    /// Whatever is found
    Note,
    /// Never
    Never,
}

impl FailOn {
    pub(super) fn includes(self, severity: Severity) -> bool {
        match self {
            Self::Act => severity <= Severity::Act,
            Self::Look => severity <= Severity::Look,
            Self::Note => severity <= Severity::Note,
            Self::Never => false,
        }
    }
}
