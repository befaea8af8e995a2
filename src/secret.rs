//! A password that cannot be printed by accident.

mod kerberos;
mod sasl_login;
mod zk_tls;

use std::borrow::Cow;
use std::fmt;

pub use kerberos::{KerberosLogin, KerberosService, MastersTicket};
pub use sasl_login::{PasswordLogin, SaslLogin};
pub use zk_tls::ZkTls;

/// A secret text. `Debug` and `Display` show `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, only for a driver.
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

/// Masks possible passwords in a text that quotes user input, perhaps a URL in the wrong place: in
/// each word everything before its last `@`, except the scheme, and everything after `password=`.
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

/// The names of a password parameter in URLs, in lower case.
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
