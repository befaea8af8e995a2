//! A master's address, exactly as the metadata database writes it.

use std::fmt;
use std::net::Ipv6Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a family writes the port into the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressForm {
    /// `ip` (1.2).
    Host,
    /// `host:port` (1.3 and newer).
    HostPort,
}

/// A master's (or worker's) address. Compared whole, as text: never by prefix, never through DNS
/// (F§2).
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Address(String);

/// Why a text cannot be a master's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// An empty host selects every master's instances in DolphinScheduler's own query.
    #[error("the address is empty")]
    Empty,
    /// The text marks instances that were handed over; it names no master.
    #[error("{0:?} is the text that marks instances already handed over, not a master")]
    ClaimText(String),
    /// Several addresses are several arguments.
    #[error("{0:?} has a comma; several masters are written with spaces between them")]
    Comma(String),
    /// White space, control characters or a slash.
    #[error("{0:?} has a character that no address has")]
    Character(String),
    /// 1.3 and newer write `host:port`.
    #[error("{0:?} has no port; this release writes masters as host:port")]
    NoPort(String),
    /// 1.2 writes only the host.
    #[error("{0:?} has a port; release 1.2 writes masters without one")]
    Port(String),
}

impl Address {
    /// Takes a text from a registry or database unchanged.
    pub fn seen(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Takes what an operator typed, if it can be a master of this form.
    ///
    /// # Errors
    /// [`AddressError`] says why it cannot be an address of this form.
    pub fn typed(text: &str, form: AddressForm) -> Result<Self, AddressError> {
        let owned = || text.to_owned();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.eq_ignore_ascii_case("null") {
            return Err(AddressError::ClaimText(owned()));
        }
        if text.contains(',') {
            return Err(AddressError::Comma(owned()));
        }
        if text.chars().any(|c| {
            c.is_whitespace() || c.is_control() || matches!(c, '/' | '\'' | '"' | ';' | '\\')
        }) {
            return Err(AddressError::Character(owned()));
        }
        // Kubernetes names and IPv6 literals are hosts too: the port is what follows the last
        // colon, except in an address without brackets.
        let is_bare = form == AddressForm::Host && text.parse::<Ipv6Addr>().is_ok();
        let port = text
            .rsplit_once(':')
            .filter(|(host, _)| !host.is_empty() && !is_bare)
            .and_then(|(_, port)| port.parse().ok());
        match (form, port) {
            (AddressForm::HostPort, Some(1_u16..)) | (AddressForm::Host, None) => Ok(Self(owned())),
            (AddressForm::HostPort, _) => Err(AddressError::NoPort(owned())),
            (AddressForm::Host, Some(_)) => Err(AddressError::Port(owned())),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_each_form() {
        assert!(Address::typed("10.0.0.1:5678", AddressForm::HostPort).is_ok());
        assert!(Address::typed("ds-master-0.ds-headless:5678", AddressForm::HostPort).is_ok());
        for host in ["10.0.0.1", "fd00::1", "::1", "fe80:0:0:0:0:0:0:12%eth0"] {
            assert!(Address::typed(host, AddressForm::Host).is_ok(), "{host}");
        }
        for host in ["fd00::1:5678", "[fd00::1]:5678"] {
            assert!(
                Address::typed(host, AddressForm::HostPort).is_ok(),
                "{host}"
            );
        }
        assert!(matches!(
            Address::typed("[fd00::1]:5678", AddressForm::Host).unwrap_err(),
            AddressError::Port(_)
        ));
    }

    #[test]
    fn texts_that_name_no_master() {
        use AddressError as E;
        let refused = |text: &str| Address::typed(text, AddressForm::HostPort).unwrap_err();
        assert_eq!(refused(""), E::Empty);
        assert!(matches!(refused("a:1,b:1"), E::Comma(_)));
        assert!(matches!(refused("NULL"), E::ClaimText(_)));
        assert!(matches!(refused("null"), E::ClaimText(_)));
        for text in [
            "10.0.0.1",
            "10.0.0.1:",
            ":5678",
            "10.0.0.1:0",
            "10.0.0.1:99999",
            "10.0.0.1:x",
        ] {
            assert!(matches!(refused(text), E::NoPort(_)), "{text}");
        }
        for text in [
            "a b:1",
            "a\n:1",
            "../x:1",
            "x';drop table t:1",
            "\u{1b}[2J:1",
        ] {
            assert!(matches!(refused(text), E::Character(_)), "{text}");
        }
        assert!(matches!(
            Address::typed("10.0.0.1:5678", AddressForm::Host).unwrap_err(),
            E::Port(_)
        ));
    }
}
