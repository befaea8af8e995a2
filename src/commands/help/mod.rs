//! `dsctl help`, `completions` and `man`: what is generated from the definition of the command
//! line.

mod generate;
mod topics;

use clap::{Args, Command, ValueEnum};

use crate::exit_code::ExitCode;
use crate::output::ErrorBody;

/// The completion script of a shell.
pub(super) fn completions(shell: CompletionShell, definition: &Command) -> String {
    match shell {
        CompletionShell::Bash => generate::completions(clap_complete::Shell::Bash, definition),
        CompletionShell::Zsh => generate::completions(clap_complete::Shell::Zsh, definition),
        CompletionShell::Fish => generate::completions(clap_complete::Shell::Fish, definition),
    }
}

/// The manual page.
pub(super) fn man(definition: &Command) -> Result<String, ErrorBody> {
    let mut text = Vec::new();
    generate::man(definition, &mut text)
        .map_err(|error| ErrorBody::new("io", error.to_string(), ExitCode::Failure))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The help of a command or a topic.
pub(super) fn help(arguments: &HelpArgs, definition: &Command) -> Result<String, ErrorBody> {
    topics::help(&arguments.topic, definition).map_err(|error| {
        ErrorBody::new("usage", error.to_string(), ExitCode::Usage).hint(topics::known(definition))
    })
}

/// Arguments of `help`.
#[derive(Args, Clone, Debug)]
pub(super) struct HelpArgs {
    /// A command, or exit-codes, or environment
    #[arg(value_name = "TOPIC")]
    pub topic: Vec<String>,
}

/// Shells with completions.
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
