//! The program: parse → resolve → run → exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use dsctl::cli::{self, Cli, Command};
use dsctl::config::{Environment, output_settings};
use dsctl::failover::StopSignal;
use dsctl::output::{OutputSettings, Patient, Printer, Terminals};
use dsctl::{commands, logging, signals};

fn main() -> ExitCode {
    if commands::is_guard(std::env::args_os()) {
        return ExitCode::SUCCESS;
    }
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return say(&error),
    };
    let environment = Environment::of_process();
    let settings = output_settings(&cli.global, &environment);
    logging::start(settings.verbosity);
    let code = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(cli, &environment, settings)),
        Err(_) => dsctl::exit_code::ExitCode::Failure.number(),
    };
    signals::end_like(code);
    ExitCode::from(code)
}

async fn run(cli: Cli, environment: &Environment, settings: OutputSettings) -> u8 {
    // The loop does not stand still because nobody reads what it tells.
    let tells = matches!(&cli.command, Command::Watch(arguments) if arguments.is_loop());
    let stream = |stream: Box<dyn Write + Send>| if tells { Box::new(Patient::before(stream)) } else { stream };
    let (mut out, mut err) = (stream(Box::new(io::stdout())), stream(Box::new(io::stderr())));
    let terminals = Terminals::of_process(std::env::var("JOURNAL_STREAM").ok().as_deref());
    let mut printer = Printer::new(&mut *out, &mut *err, settings, terminals);
    commands::run(cli, environment, &mut printer, StopSignal::new(signals::listen())).await
}

/// Help, version and usage errors. A reader that went away is nobody to tell.
fn say(error: &clap::Error) -> ExitCode {
    let text = cli::shown(error);
    let _ = if error.use_stderr() {
        io::stderr().write_all(text.as_bytes())
    } else {
        io::stdout().write_all(text.as_bytes())
    };
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
