//! Finds the value of each option in the sources, and records where it came from.

use std::path::PathBuf;
use std::time::Duration;

use super::secrets::{Candidate, SecretPlace};
use super::source::{Found, Sources};
use super::troubles::Troubles;
use super::{ConfigError, Key, Origin};
use crate::options::value::positive_duration;

/// The resolved value of one option.
pub(super) struct Picked<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
    /// Zero is the command line; the smaller one wins.
    pub(super) rank: usize,
}

/// Finds values and records their sources.
pub(super) struct Resolver<'a> {
    pub(super) sources: Sources<'a>,
    pub(super) troubles: Troubles,
    pub(super) origins: Vec<(Key, Origin)>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(sources: Sources<'a>, troubles: Troubles) -> Self {
        Self {
            sources,
            troubles,
            origins: Vec::new(),
        }
    }

    /// The value from the command line, or else from the other sources.
    pub(super) fn pick<T, E: ToString>(
        &mut self,
        key: Key,
        flag: Option<T>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<Picked<T>>, ConfigError> {
        let (picked, origin) = if let Some(value) = flag {
            let picked = Picked {
                value,
                origin: Origin::Flag,
                rank: 0,
            };
            (Some(picked), Origin::Flag)
        } else {
            let found = self.sources.find(key);
            let Some(found) = self.troubles.keep(found)?.flatten() else {
                return Ok(None);
            };
            let origin = found.origin.clone();
            let parsed = parse_found(key, found, parse);
            (self.troubles.keep(parsed)?, origin)
        };
        // Also of a value that cannot be used it is told where it stands.
        self.origins.push((key, origin));
        Ok(picked)
    }

    pub(super) fn value<T, E: ToString>(
        &mut self,
        key: Key,
        flag: Option<T>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, ConfigError> {
        Ok(self.pick(key, flag, parse)?.map(|picked| picked.value))
    }

    /// A flag without a value can only switch on; the other sources can also switch off.
    pub(super) fn switch(&mut self, key: Key, flag: bool) -> Result<bool, ConfigError> {
        Ok(self
            .value(key, flag.then_some(true), boolean)?
            .unwrap_or(false))
    }

    pub(super) fn duration(
        &mut self,
        key: Key,
        flag: Option<Duration>,
        default_seconds: u64,
    ) -> Result<Duration, ConfigError> {
        Ok(self
            .value(key, flag, positive_duration)?
            .unwrap_or(Duration::from_secs(default_seconds)))
    }

    /// The file that an option names for a secret.
    pub(super) fn secret_file(
        &mut self,
        key: Key,
        flag: Option<PathBuf>,
    ) -> Result<Option<Candidate>, ConfigError> {
        let picked = self.pick(key, flag, path)?;
        Ok(picked.map(
            |Picked {
                 value,
                 origin,
                 rank,
             }| Candidate {
                rank,
                place: SecretPlace::File {
                    key,
                    origin,
                    path: value,
                },
            },
        ))
    }
}

fn parse_found<T, E: ToString>(
    key: Key,
    found: Found,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Picked<T>, ConfigError> {
    let Found { text, origin, rank } = found;
    match parse(&text) {
        Ok(value) => Ok(Picked {
            value,
            origin,
            rank,
        }),
        Err(problem) => Err(ConfigError::Value {
            key: key.name(),
            origin,
            problem: problem.to_string(),
            hint: None,
        }),
    }
}

pub(super) fn boolean(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("expected true or false"),
    }
}

/// A path is valid until it is opened.
#[allow(clippy::unnecessary_wraps)]
pub(super) fn path(text: &str) -> Result<PathBuf, std::convert::Infallible> {
    Ok(PathBuf::from(text))
}
