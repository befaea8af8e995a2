//! One room a command: its arguments beside its `run`; settings in, core called, values handed to
//! output.

mod cli;
mod command;
mod command_list;
mod connected;
mod demo;
mod documents;
mod failure;
mod handover;
mod help;
mod instances;
mod lock;
mod masters;
pub mod misread;
mod shell;
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

/// Runs a command and prints its answer; gives the number that the process ends with.
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
    // All that a command waits for is one future, too large for the stack's taste.
    let code = Box::pin(cli.command.run(call)).await;
    code.unwrap_or_else(|error| unwritten(printer, &error))
}

/// Stdout cannot take it, as on a full disk: what was done is done, but the caller must not think
/// it read it. Gives the number that the process ends with.
pub fn unwritten(printer: &mut Printer<'_>, error: &io::Error) -> u8 {
    let message = format!("the answer cannot be written: {error}");
    let hint = "what was done stands; 'dsctl instances' and 'dsctl commands' show it";
    printer.error(&ErrorBody::new("io", message, ExitCode::Failure).hint(hint));
    ExitCode::Failure.number()
}
