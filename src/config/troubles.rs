//! What becomes of settings that cannot be used: the first one ends the reading, or all are collected.

use super::ConfigError;

/// Settings that cannot be used.
#[derive(Debug)]
pub(super) enum Troubles {
    /// The first one is an error.
    First,
    /// Reading goes on behind each, as if nothing were set there.
    All(Vec<ConfigError>),
}

impl Troubles {
    /// A value, or `None` for a trouble that is kept.
    ///
    /// # Errors
    /// The trouble, where it is the end.
    pub(super) fn keep<T>(
        &mut self,
        result: Result<T, ConfigError>,
    ) -> Result<Option<T>, ConfigError> {
        match (result, self) {
            (Ok(value), _) => Ok(Some(value)),
            (Err(error), Self::First) => Err(error),
            (Err(error), Self::All(kept)) => {
                if !kept.contains(&error) {
                    kept.push(error);
                }
                Ok(None)
            }
        }
    }

    /// Whether this value could not be used.
    pub(super) fn are_about(&self, name: &str) -> bool {
        match self {
            Self::First => false,
            Self::All(kept) => kept.iter().any(|error| error.setting() == Some(name)),
        }
    }

    /// Those that are kept.
    pub(super) fn into_kept(self) -> Vec<ConfigError> {
        match self {
            Self::First => Vec::new(),
            Self::All(kept) => kept,
        }
    }
}
