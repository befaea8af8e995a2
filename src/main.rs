//! The program: parse → resolve → run → exit code.

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

use dsctl::commands::{Cli, misread};
use dsctl::config::{Environment, output_settings};
use dsctl::output::plugin::PluginState;
use dsctl::output::{Format, HURRY, LAST, NonBlockingWriter, OutputSettings, Printer, Terminals};
use dsctl::stop::StopSignal;
use dsctl::{commands, logging, signals};

fn main() -> ExitCode {
    if commands::is_guard(std::env::args_os()) {
        return ExitCode::SUCCESS;
    }
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return print_clap(&error),
    };
    let environment = Environment::of_process();
    let settings = output_settings(&cli.global, &environment);
    logging::start(settings.verbosity);
    signals::outlive_file_limits();
    if let Err(error) = check_open_files() {
        let _ = writeln!(
            io::stderr(),
            "dsctl: cannot start: {error}: it needs {FILES} open files beside those of its caller (ulimit -n)"
        );
        return ExitCode::from(dsctl::exit_code::ExitCode::Failure.number());
    }
    let code = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let code = runtime.block_on(run(cli, &environment, settings));
            // A thread may still be resolving a name, for as long as the system's resolver takes,
            // and its result is no longer needed.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "dsctl: cannot start: {error}");
            dsctl::exit_code::ExitCode::Failure.number()
        }
    };
    signals::end_like(code);
    ExitCode::from(code)
}

/// How many files and connections are open at one time: two to the database, one to the registry, those
/// of the runtime and of its signals, and what is read or written meanwhile.
const FILES: usize = 24;

/// That there is room for them: the runtime panics where it cannot listen to signals.
fn check_open_files() -> io::Result<()> {
    let opened: io::Result<Vec<File>> = (0..FILES).map(|_| File::open("/dev/null")).collect();
    opened.map(drop)
}

async fn run(cli: Cli, environment: &Environment, settings: OutputSettings) -> u8 {
    let terminals = Terminals::of_process(std::env::var("JOURNAL_STREAM").ok().as_deref());
    let stop = StopSignal::new(signals::listen());
    signals::answer(stop.clone());
    if !cli.is_loop() {
        let (mut out, mut err) = (io::stdout(), io::stderr());
        return commands::run(
            cli,
            environment,
            &mut Printer::new(&mut out, &mut err, settings, terminals),
            stop,
        )
        .await;
    }
    let (mut out, mut err) = (
        NonBlockingWriter::before(io::stdout()),
        NonBlockingWriter::before(io::stderr()),
    );
    let code = commands::run(
        cli,
        environment,
        &mut Printer::new(&mut out, &mut err, settings, terminals),
        stop,
    )
    .await;
    // After a signal it does not wait for a reader that may never come.
    let patience = if code == 0 { LAST } else { HURRY };
    let code = match out.finish(patience) {
        Ok(()) => code,
        Err(error) => {
            let unwritten = commands::unwritten(
                &mut Printer::new(&mut io::sink(), &mut err, settings, terminals),
                &error,
            );
            // One successful round, whose output is not read.
            if code == 0 { unwritten } else { code }
        }
    };
    // There is no reader left.
    let _ = err.finish(patience);
    code
}

/// Help, version and usage errors. If the reader is gone, nothing is printed.
fn print_clap(error: &clap::Error) -> ExitCode {
    let text = commands::shown(error);
    if error.use_stderr() {
        if let Some(line) = misread::plugin_line(&arguments(), error) {
            let _ = io::stdout().write_all(line.as_bytes());
            return ExitCode::from(PluginState::Unknown.number());
        }
        print_document(error);
    }
    let _ = if error.use_stderr() {
        io::stderr().write_all(text.as_bytes())
    } else {
        io::stdout().write_all(text.as_bytes())
    };
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn arguments() -> Vec<String> {
    std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect()
}

/// Prints the document for programs on stdout, whatever is wrong.
fn print_document(error: &clap::Error) {
    let arguments = arguments();
    let options = misread::answer_options(arguments.get(1..).unwrap_or_default());
    let settings = output_settings(&options, &Environment::of_process());
    if matches!(settings.format, Format::Json | Format::Ndjson) {
        let document = misread::document_of(arguments, error);
        // Stderr has the full error.
        let (mut out, mut discarded) = (io::stdout(), io::sink());
        let _ = Printer::new(&mut out, &mut discarded, settings, Terminals::default())
            .document(document);
    }
}
