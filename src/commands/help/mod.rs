//! `dsctl help`, `completions` and `man`: what is made from the definition of the command line.

mod generate;
mod topics;

use clap::{Args, ValueEnum};

use crate::exit_code::ExitCode;
use crate::output::ErrorBody;

/// The completion script of a shell.
pub(super) fn completions(shell: CompletionShell) -> Result<String, ErrorBody> {
    Ok(generate::completions(shell))
}

/// The manual page.
pub(super) fn man() -> Result<String, ErrorBody> {
    let mut text = Vec::new();
    generate::man(&mut text).map_err(|error| ErrorBody::new("io", error.to_string(), ExitCode::Failure))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The help of a command or a topic.
pub(super) fn help(arguments: &HelpArgs) -> Result<String, ErrorBody> {
    topics::help(&arguments.topic)
        .map_err(|error| ErrorBody::new("usage", error.to_string(), ExitCode::Usage).hint(error.hint()))
}

/// Arguments of `help`.
#[derive(Args, Clone, Debug)]
pub(super) struct HelpArgs {
    /// A command, or exit-codes, or environment
    #[arg(value_name = "TOPIC")]
    pub topic: Vec<String>,
}

/// Shells that completions are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CompletionShell {
    /// GNU bash.
    Bash,
    /// Z shell.
    Zsh,
    /// Friendly interactive shell.
    Fish,
}

#[cfg(test)]
mod tests;
