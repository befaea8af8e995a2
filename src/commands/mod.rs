//! One folder or file for each command: its arguments next to its `run`, which gets settings, calls
//! the core, and passes values to the output.

mod cli;
mod command;
mod command_list;
mod config;
mod connected;
mod demo;
mod doctor;
mod documents;
mod failure;
mod handover;
mod help;
mod instances;
mod lock;
mod masters;
pub mod misread;
mod shell;
mod snapshot;
mod times;
mod watch;
mod write_args;

use std::io;

use crate::config::Environment;
use crate::exit_code::ExitCode;
use crate::output::{ErrorBody, Printer};
use crate::stop::StopSignal;
use shell::Call;

pub use cli::{Cli, definition, shown};
pub use documents::schemas;
pub use lock::guard::is_guard;

/// Runs a command and prints its answer; returns the exit code of the process.
pub async fn run(
    cli: Cli,
    environment: &Environment,
    printer: &mut Printer<'_>,
    stop: StopSignal,
) -> u8 {
    let call = Call {
        global: &cli.global,
        environment,
        printer: &mut *printer,
        stop,
        definition,
    };
    // Boxed, because the future of a whole command is too large for the stack.
    let code = Box::pin(cli.command.run(call)).await;
    code.unwrap_or_else(|error| unwritten(printer, &error))
}

/// Stdout cannot be written, as on a full disk: the work is done, but the caller must not take the
/// output for complete. Returns the exit code of the process: that of what failed before, if
/// anything did, which says more.
pub fn unwritten(printer: &mut Printer<'_>, error: &io::Error) -> u8 {
    let message = format!("the answer cannot be written: {error}");
    let hint = "what was done is valid; 'dsctl instances' and 'dsctl commands' show it";
    printer.error(&ErrorBody::new("io", message, ExitCode::Failure).hint(hint));
    printer.exit_code(printer.failure().unwrap_or(ExitCode::Failure))
}
