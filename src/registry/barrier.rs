//! What keeps a client out of a registry that can be reached.

use std::fmt;

/// Why a server that answers opens no session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Barrier {
    /// It ends the sessions of clients that do not authenticate, and there is no login.
    LoginDemanded,
    /// It ends the session after this user's login with SASL.
    LoginRefused {
        /// Never with the password.
        user: String,
    },
}

impl fmt::Display for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoginDemanded => f.write_str(
                "it requires authentication, usually SASL, from its clients, and no SASL login is given",
            ),
            Self::LoginRefused { user } => write!(
                f,
                "it refuses the SASL login of {user:?}: the user is unknown, the password is wrong, or another kind of \
                 authentication is required, too"
            ),
        }
    }
}

impl Barrier {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::LoginDemanded => {
                "no digest helps (--zk-digest-file) where SASL is required: give user:password from the section Client of the \
                 masters' jaas.conf with --zk-sasl-file"
            }
            Self::LoginRefused { .. } => {
                "give user:password from the section Client of the masters' jaas.conf with --zk-sasl-file; the server's log says \
                 which of these it was"
            }
        }
        .to_owned()
    }
}
