//! How to answer: format, colours, verbosity.

use std::str::FromStr;

use strum::VariantNames;

use super::resolver::Resolver;
use super::source::Sources;
use super::troubles::Troubles;
use super::{ConfigError, Environment, Key};
use crate::options::GlobalArgs;
use crate::output::OutputSettings;

/// One keyword of a list.
pub(super) fn keyword<T: FromStr + VariantNames>(text: &str) -> Result<T, String> {
    let (last, others) = T::VARIANTS.split_last().unwrap_or((&"", &[]));
    text.parse()
        .map_err(|_| format!("expected {} or {last}", others.join(", ")))
}

fn verbosity(text: &str) -> Result<u8, &'static str> {
    text.parse().map_err(|_| "expected a number: 0, 1 or 2")
}

pub(super) fn output(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    environment: &Environment,
) -> Result<OutputSettings, ConfigError> {
    let flags = &arguments.output;
    let choice = resolver
        .value(Key::Color, flags.color, keyword)?
        .unwrap_or_default();
    let variable = |name: &str| {
        environment
            .variable(name)
            .map(|value| value.to_string_lossy().into_owned())
    };
    Ok(OutputSettings {
        format: resolver
            .value(Key::Output, flags.output, keyword)?
            .unwrap_or_default(),
        headers: !resolver.switch(Key::NoHeaders, flags.no_headers)?,
        quiet: resolver.switch(Key::Quiet, flags.quiet)?,
        verbosity: resolver
            .value(
                Key::Verbose,
                (flags.verbose > 0).then_some(flags.verbose),
                verbosity,
            )?
            .unwrap_or(0),
        color: choice.with_environment(variable),
    })
}

/// The output settings, even if the settings are invalid: needed to report just that.
#[must_use]
pub fn output_settings(arguments: &GlobalArgs, environment: &Environment) -> OutputSettings {
    let of = |sources: Sources<'_>| {
        output(
            &mut Resolver::new(sources, Troubles::First),
            arguments,
            environment,
        )
    };
    let flags_alone = || OutputSettings {
        format: arguments.output.output.unwrap_or_default(),
        ..Default::default()
    };
    let with_files = Sources::open(arguments, environment, &mut Troubles::First).and_then(of);
    with_files
        .or_else(|_| of(Sources::without_files(environment)))
        .unwrap_or_else(|_| flags_alone())
}
