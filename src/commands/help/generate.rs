//! Completion scripts and the manual page, generated from the definition of the command line.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap_complete::Generator;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use super::topics::{PRECEDENCE, variables};
use crate::exit_code::ExitCode;

/// The completion script of a shell.
pub(super) fn completions(shell: impl Generator, definition: &clap::Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut definition.clone(), "dsctl", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Writes the manual page: all commands with their options, exit codes, environment.
///
/// # Errors
/// Those of `out`.
pub(super) fn man(definition: &clap::Command, out: &mut dyn Write) -> io::Result<()> {
    let page = Man::new(definition.clone()).manual("User Commands");
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    commands(definition).to_writer(out)?;
    page.render_options_section(out)?;
    exit_codes().to_writer(out)?;
    environment().to_writer(out)?;
    page.render_version_section(out)
}

fn commands(definition: &clap::Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    // Building the definition adds the global options below every command: this is the definition
    // without them.
    for command in definition.get_subcommands() {
        add_command(&mut roff, "dsctl", command);
    }
    roff
}

fn add_command(roff: &mut Roff, parent: &str, command: &clap::Command) {
    let name = format!("{parent} {}", command.get_name());
    if command.has_subcommands() {
        command
            .get_subcommands()
            .for_each(|nested| add_command(roff, &name, nested));
        return;
    }
    let arguments: Vec<&clap::Arg> = command.get_arguments().collect();
    roff.control("SS", [name.as_str()]);
    let operands = arguments
        .iter()
        .filter(|argument| argument.is_positional())
        .map(|argument| operand(argument));
    roff.text([
        bold(&name),
        roman(format!(" [OPTIONS]{}", operands.collect::<String>())),
    ]);
    if let Some(about) = command.get_long_about().or_else(|| command.get_about()) {
        roff.control("PP", []);
        roff.text([roman(about.to_string())]);
    }
    for argument in arguments {
        roff.control("TP", []);
        roff.text(label(argument));
        roff.text([roman(description(argument))]);
    }
    if let Some(examples) = command.get_before_help() {
        roff.control("PP", []);
        roff.control("nf", []);
        roff.text([roman(examples.to_string())]);
        roff.control("fi", []);
    }
}

fn operand(argument: &clap::Arg) -> String {
    let name = value_name(argument);
    let dashes = if argument.is_last_set() { "-- " } else { "" };
    let many = if argument
        .get_num_args()
        .is_some_and(|range| range.max_values() > 1)
    {
        "..."
    } else {
        ""
    };
    if argument.is_required_set() {
        format!(" {dashes}{name}{many}")
    } else {
        format!(" [{dashes}{name}{many}]")
    }
}

fn value_name(argument: &clap::Arg) -> String {
    let of_id = || argument.get_id().to_string().to_uppercase();
    argument
        .get_value_names()
        .map_or_else(of_id, |names| names.join(" "))
}

fn label(argument: &clap::Arg) -> Vec<clap_mangen::roff::Inline> {
    let Some(long) = argument.get_long() else {
        return vec![italic(value_name(argument))];
    };
    let short = argument
        .get_short()
        .map(|short| format!("-{short}, "))
        .unwrap_or_default();
    let mut label = vec![bold(format!("{short}--{long}"))];
    if argument.get_action().takes_values() {
        label.extend([roman(" "), italic(value_name(argument))]);
    }
    label
}

fn description(argument: &clap::Arg) -> String {
    let mut text = argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .map(|value| value.get_name().to_owned())
        .collect();
    if argument.get_action().takes_values() && !values.is_empty() {
        let _ = write!(text, " [possible values: {}]", values.join(", "));
    }
    let defaults: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        let _ = write!(text, " [default: {}]", defaults.join(", "));
    }
    text
}

fn exit_codes() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for code in ExitCode::ALL {
        let (meaning, retry) = code.meaning();
        let retry = if retry == "-" {
            String::new()
        } else {
            format!(" (retry: {retry})")
        };
        roff.control("TP", []);
        roff.text([bold(code.number().to_string())]);
        roff.text([roman(format!("{meaning}{retry}"))]);
    }
    roff
}

fn environment() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["ENVIRONMENT"]);
    roff.text([roman(format!(
        "The first of these places with a value is used: {}.",
        PRECEDENCE.join(", ")
    ))]);
    for (name, purpose) in variables() {
        roff.control("TP", []);
        roff.text([bold(name)]);
        roff.text([roman(purpose)]);
    }
    roff
}
