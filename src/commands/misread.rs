//! The answer to a command line that cannot be parsed: its format, and its error.

use clap::error::ErrorKind;

use super::cli::{definition, shown};
use super::documents::empty;
use crate::exit_code::ExitCode;
use crate::options::{GlobalArgs, OutputArgs};
use crate::output::plugin::unknown;
use crate::output::{Document, ErrorBody, Format};

/// The options of a command line that could not be parsed, as far as they determine the format of
/// the answer.
#[must_use]
pub fn answer_options(arguments: &[String]) -> GlobalArgs {
    GlobalArgs {
        output: OutputArgs {
            output: format(arguments),
            ..OutputArgs::default()
        },
        ..GlobalArgs::default()
    }
}

/// The line for a monitoring system, if that was to read the answer.
#[must_use]
pub fn plugin_line(arguments: &[String], error: &clap::Error) -> Option<String> {
    let mut before = arguments.iter().take_while(|argument| *argument != "--");
    let asked = before.any(|argument| argument == "--nagios");
    asked.then(|| unknown(&body_of(error)))
}

/// The requested format, anywhere before a `--`.
fn format(arguments: &[String]) -> Option<Format> {
    let before = arguments.iter().take_while(|argument| *argument != "--");
    let mut options = before.peekable();
    while let Some(argument) = options.next() {
        let value = argument
            .strip_prefix("--output")
            .or_else(|| behind_short(argument));
        let Some(value) = value else { continue };
        let keyword = if value.is_empty() {
            options.peek().map_or("", |next| next)
        } else {
            value
        };
        if let Ok(format) = keyword.strip_prefix('=').unwrap_or(keyword).parse() {
            return Some(format);
        }
    }
    None
}

/// The text after `-o`, which may follow other short options.
fn behind_short(argument: &str) -> Option<&str> {
    argument
        .strip_prefix('-')?
        .trim_start_matches(['q', 'v'])
        .strip_prefix('o')
}

/// The answer to a command line that cannot be parsed: the empty document of the intended command,
/// as far as that is known, and the error.
#[must_use]
pub fn document_of(arguments: Vec<String>, error: &clap::Error) -> Document {
    Document {
        error: Some(body_of(error)),
        ..empty(command_of(arguments))
    }
}

/// The intended command, if that is known.
fn command_of(arguments: Vec<String>) -> String {
    let matches = definition()
        .ignore_errors(true)
        .try_get_matches_from(arguments);
    let Ok(matches) = matches else {
        return String::new();
    };
    let Some((name, below)) = matches.subcommand() else {
        return String::new();
    };
    below
        .subcommand_name()
        .map_or_else(|| name.to_owned(), |below| format!("{name} {below}"))
}

/// A usage error in the form of other errors.
fn body_of(error: &clap::Error) -> ErrorBody {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return ErrorBody::new("usage", "no command is given", ExitCode::Usage)
            .hint("see 'dsctl --help'");
    }
    let text = shown(error);
    let mut paragraphs = text
        .split("\n\n")
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let first = paragraphs.next().unwrap_or_default();
    let body = ErrorBody::new(
        "usage",
        first.strip_prefix("error: ").unwrap_or(&first),
        ExitCode::Usage,
    );
    match paragraphs.next() {
        Some(next) => body.hint(next),
        None => body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_format_is_found_wherever_it_stands() {
        for line in [
            "-o json x",
            "x --output json",
            "x -ojson",
            "--output=json",
            "x -qo json",
            "-vvojson",
            "-o=json",
        ] {
            assert_eq!(format(&words(line)), Some(Format::Json), "{line}");
        }
        for line in [
            "x",
            "-o",
            "--output",
            "-o yaml",
            "lock acquire h:1 -- jq -o json",
            "--orphans json",
        ] {
            assert_eq!(format(&words(line)), None, "{line}");
        }
    }

    #[test]
    fn the_command_is_named_as_far_as_it_was_meant() {
        let named = |line: &str| command_of(words(line));
        assert_eq!(named("dsctl failover -o json"), "failover");
        assert_eq!(named("dsctl lock acquire -o json"), "lock acquire");
        assert_eq!(named("dsctl lock nonsense"), "lock");
        assert_eq!([named("dsctl"), named("dsctl nonsense")], ["", ""]);
    }

    #[test]
    fn an_error_is_one_sentence_and_a_hint() {
        let body = |line: &str| body_of(&crate::commands::Cli::read(words(line)).unwrap_err());
        let error = body("dsctl failovr");
        assert!(
            error
                .message
                .starts_with("unrecognized subcommand 'failovr'")
                && error.hint.is_some(),
            "{error:?}"
        );
        assert_eq!(body("dsctl").message, "no command is given");
        assert!(
            !body("dsctl masters --db mysql://ds:S3CR3T@h/d --no-such mysql://ds:S3CR3T@h/d")
                .message
                .contains("S3CR3T")
        );
    }
}
