//! The whole command line. No I/O.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser};

use super::command::Command;
use crate::options::GlobalArgs;
use crate::secret::masked;

/// What `--version` prints besides the number. Releases before 1.2 use other tables.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nsupports Apache DolphinScheduler 1.2 to 3.4.3"
);

/// Examples come first: they answer most questions.
const TEMPLATE: &str = "\
{about-with-newline}
{before-help}{usage-heading} {usage}

{all-args}{after-help}";

const EXAMPLES: &str = "\
Examples:
  dsctl masters --zk zk1,zk2,zk3 --db mysql://ds@db1/dolphinscheduler
  dsctl failover 10.0.0.1:5678 --dry-run
  dsctl demo";

/// Master failover for Apache DolphinScheduler, from outside
///
/// Does what a live master does when another one has died: takes the same lock, hands the dead
/// master's process instances over and writes the commands that make a live master take them up
/// again.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "dsctl",
    bin_name = "dsctl",
    version,
    long_version = LONG_VERSION,
    before_help = EXAMPLES,
    after_help = "See also: dsctl help exit-codes, dsctl help environment",
    disable_help_subcommand = true,
    max_term_width = 120
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Cli {
    /// Reads a command line; the first item is the program's name.
    ///
    /// # Errors
    /// Usage errors, and also the texts of `--help` and `--version`: [`clap::Error::use_stderr`]
    /// distinguishes them. Print them with [`shown`], which hides passwords.
    pub fn read<I, T>(arguments: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<std::ffi::OsString> + Clone,
    {
        Self::from_arg_matches(
            &definition()
                .try_get_matches_from(arguments)
                .map_err(explained)?,
        )
    }
}

impl Cli {
    /// Whether this is the loop of `watch`, which must not block when its output is not read.
    #[must_use]
    pub fn is_loop(&self) -> bool {
        matches!(&self.command, Command::Watch(arguments) if arguments.is_loop())
    }
}

/// The whole definition of the command line.
#[must_use]
pub fn definition() -> clap::Command {
    with_template(Cli::command())
}

fn with_template(command: clap::Command) -> clap::Command {
    command
        .help_template(TEMPLATE)
        .mut_subcommands(with_template)
}

/// Explains what replaces `--force`, which clap would otherwise take for a MASTER.
fn explained(mut error: clap::Error) -> clap::Error {
    let force =
        |value: &ContextValue| matches!(value, ContextValue::String(name) if name == "--force");
    if error.kind() == ErrorKind::UnknownArgument
        && error.get(ContextKind::InvalidArg).is_some_and(force)
    {
        let tip = "each danger has its own flag, and a refusal names it; see 'dsctl help failover'";
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![tip.into()]),
        );
    }
    error
}

/// The text of a usage error, help or version. Clap quotes what it cannot parse, and that may be a
/// URL with a password.
#[must_use]
pub fn shown(error: &clap::Error) -> String {
    let text = error.render().to_string();
    // The help for a missing command quotes no argument, and its examples have URLs.
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if error.use_stderr() && !is_help {
        masked(&text)
    } else {
        text
    }
}

#[cfg(test)]
mod tests;
