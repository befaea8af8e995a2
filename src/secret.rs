//! A password that cannot be printed by accident.

use std::borrow::Cow;
use std::fmt;

/// A secret text. `Debug` and `Display` show `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text secret from now on.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, to be handed to a driver and to nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Replaces what may be a password in a text that quotes what somebody has typed, perhaps a URL in
/// the wrong place: of each word what stands before its last `@`, but for the scheme, and what
/// follows `password=`.
#[must_use]
pub fn masked(text: &str) -> String {
    text.split_inclusive(char::is_whitespace)
        .map(masked_word)
        .collect()
}

fn masked_word(word: &str) -> Cow<'_, str> {
    let (shown, space) = word.split_at(word.trim_end().len());
    let lower = shown.to_ascii_lowercase();
    let secret = NAMES
        .iter()
        .filter_map(|name| lower.find(name).map(|place| place + name.len()))
        .min();
    let word = match secret.and_then(|place| shown.get(..place)) {
        Some(before) => Cow::from(format!("{before}***{space}")),
        None => word.into(),
    };
    let Some((user, host)) = word.rsplit_once('@') else {
        return word;
    };
    match user.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://***@{host}").into(),
        None => format!("***@{host}").into(),
    }
}

/// What a password is called in URLs, in small letters.
const NAMES: [&str; 3] = ["password=", "passwd=", "pwd="];

#[cfg(test)]
mod tests {
    use super::{Secret, masked};

    #[test]
    fn a_password_is_hidden_wherever_it_was_typed() {
        for (typed, shown) in [
            ("no 'mysql://ds:S@h/d' here", "no 'mysql://***@h/d' here"),
            ("no 'ds:S@h' here", "no ***@h' here"),
            (
                "no 'jdbc:mysql://h/d?user=x&Password=S' here",
                "no 'jdbc:mysql://h/d?user=x&Password=*** here",
            ),
            (
                "\"mysql://ds:S@h/d?password=S@S\"\n",
                "\"mysql://***@h/d?password=***\n",
            ),
            (
                "address=(host=h)(password=S)",
                "address=(host=h)(password=***",
            ),
            (
                "--db-password-file=x 10.0.0.1:5678",
                "--db-password-file=x 10.0.0.1:5678",
            ),
        ] {
            assert_eq!(masked(typed), shown);
        }
    }

    #[test]
    fn a_secret_is_only_shown_on_purpose() {
        let secret = Secret::new("hunter2");
        assert_eq!(
            format!("{secret} {secret:?} {:?}", Some(&secret)),
            "*** *** Some(***)"
        );
        assert_eq!(secret.expose(), "hunter2");
    }
}
