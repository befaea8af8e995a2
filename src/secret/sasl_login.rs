//! Who logs in at ZooKeeper with SASL.

use super::{KerberosLogin, Secret};

/// A login with SASL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaslLogin {
    /// By the mechanism DIGEST-MD5.
    Password(PasswordLogin),
    /// By the mechanism GSSAPI.
    Kerberos(KerberosLogin),
}

/// User and password for SASL's mechanism DIGEST-MD5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordLogin {
    /// As the servers' `jaas.conf` names it: `user_NAME="…"`.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

impl PasswordLogin {
    /// Why the login cannot be sent, if it cannot: the client library writes the name between quotes
    /// as it is, and in UTF-8 what servers expect in ISO 8859-1 where that has all letters.
    #[must_use]
    pub fn obstacle(&self) -> Option<&'static str> {
        let is_latin = |text: &str| !text.is_ascii() && text.chars().all(|c| c <= '\u{ff}');
        if self.user.contains(['"', '\\']) {
            Some("quotes and backslashes in the user's name cannot be sent")
        } else if is_latin(&self.user) || is_latin(self.password.expose()) {
            Some(
                "user or password has letters such as é, which cannot be sent: use an account with ASCII alone",
            )
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_arrive_otherwise_is_not_sent() {
        for (user, password, sendable) in [
            ("ds", "\"\\", true),
            ("ds@HOST, x", "x", true),
            ("łó", "łó", true),
            ("d\"s", "x", false),
            ("d\\s", "x", false),
            ("ds", "pässwörd", false),
            ("ä", "x", false),
        ] {
            let login = PasswordLogin {
                user: user.to_owned(),
                password: Secret::new(password),
            };
            assert_eq!(login.obstacle().is_none(), sendable, "{user}");
        }
    }
}
