//! Who logs in at ZooKeeper with SASL.

use super::Secret;

/// User and password for SASL's mechanism DIGEST-MD5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaslLogin {
    /// As the servers' `jaas.conf` names it: `user_NAME="…"`.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

impl SaslLogin {
    /// Whether the login can be sent: the client library writes the name between quotes as it is.
    #[must_use]
    pub fn is_sendable(&self) -> bool {
        !self.user.contains(['"', '\\'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_quotes_cannot_be_sent() {
        for (user, sendable) in [
            ("ds", true),
            ("ds@HOST, x", true),
            ("d\"s", false),
            ("d\\s", false),
        ] {
            let login = SaslLogin {
                user: user.to_owned(),
                password: Secret::new("\"\\"),
            };
            assert_eq!(login.is_sendable(), sendable, "{user}");
        }
    }
}
