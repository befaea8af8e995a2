//! Turns errors into reports: what failed, the cause, the next command.

use crate::cluster::ConnectError;
use crate::config::ConfigError;
use crate::exit_code::ExitCode;
use crate::failover::{FailoverError, cause_of};
use crate::metadata::StoreError;
use crate::metadata::database::DatabaseError;
use crate::model::{AddressError, LockNode};
use crate::output::ErrorBody;
use crate::registry::RegistryError;
use crate::secret::masked;
use crate::stop::Stopped;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The failover.
    #[error(transparent)]
    Failover(#[from] FailoverError),
    /// The MASTER argument.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// One that is reported as it is here.
    #[error("{}", .0.message)]
    Reported(Box<ErrorBody>),
    /// Any other error: no code decides by its kind.
    #[error("{error}")]
    Other {
        error: anyhow::Error,
        hint: String,
        exit: ExitCode,
    },
}

impl From<Stopped> for CommandError {
    fn from(stopped: Stopped) -> Self {
        FailoverError::from(stopped).into()
    }
}

impl From<RegistryError> for CommandError {
    fn from(error: RegistryError) -> Self {
        FailoverError::from(error).into()
    }
}

impl From<ConnectError> for CommandError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Config(error) => error.into(),
            ConnectError::Registry(error) => error.into(),
            ConnectError::Store(error) => error.into(),
            ConnectError::Stopped(error) => error.into(),
        }
    }
}

impl From<DatabaseError> for CommandError {
    fn from(error: DatabaseError) -> Self {
        FailoverError::from(error).into()
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        FailoverError::from(error).into()
    }
}

impl CommandError {
    /// An error in what the operator has specified.
    pub(super) fn usage(error: anyhow::Error, hint: &str) -> Self {
        Self::Other {
            error,
            hint: hint.to_owned(),
            exit: ExitCode::Usage,
        }
    }

    pub(super) fn body(&self) -> ErrorBody {
        match self {
            Self::Config(error) => with_hint(
                ErrorBody::new("config", error.to_string(), ExitCode::Usage),
                error.hint(),
            ),
            Self::Failover(error) => of_failover(error, false),
            // It may be the database's URL, typed by mistake.
            Self::Address(error) => {
                ErrorBody::new("address", masked(&error.to_string()), address_code(error))
                    .hint("'dsctl masters' shows the masters as the database writes them")
            }
            Self::Reported(body) => (**body).clone(),
            Self::Other { error, hint, exit } => {
                let mut body = ErrorBody::new("failed", error.to_string(), *exit);
                body.causes = error.chain().skip(1).map(ToString::to_string).collect();
                body.hint(hint.clone())
            }
        }
    }
}

/// A text that cannot be an address is a usage error; one that marks handed-over instances is a
/// refusal.
fn address_code(error: &AddressError) -> ExitCode {
    match error {
        AddressError::ClaimText(_) => ExitCode::Refused,
        _ => ExitCode::Usage,
    }
}

fn with_hint(body: ErrorBody, hint: Option<String>) -> ErrorBody {
    match hint {
        Some(hint) => body.hint(hint),
        None => body,
    }
}

/// The error body of a failed run; `wrote` says whether something was written before.
pub(super) fn of_failover(error: &FailoverError, wrote: bool) -> ErrorBody {
    let mut body = ErrorBody::new(error.kind(), error.to_string(), error.exit_code(wrote));
    body.causes = causes(error);
    with_hint(body, error.hint(wrote))
}

fn causes(error: &FailoverError) -> Vec<String> {
    match error {
        FailoverError::Registry(RegistryError::Held {
            holder: Some(holder),
            waited,
            ..
        }) => {
            vec![format!(
                "{}; waited {}",
                holder_sentence(holder),
                super::times::short(*waited)
            )]
        }
        FailoverError::OutcomeUnknown { instances, .. } => {
            let ids: Vec<String> = instances.iter().take(20).map(ToString::to_string).collect();
            let more = if instances.len() > ids.len() {
                ", …"
            } else {
                ""
            };
            vec![format!(
                "it is about {} instances: {}{more}",
                instances.len(),
                ids.join(", ")
            )]
        }
        other => cause_of(other).into_iter().collect(),
    }
}

/// The holder of a lock, as text.
pub(super) fn holder_sentence(holder: &LockNode) -> String {
    let by = holder
        .session_id
        .as_ref()
        .map_or("a persistent node".to_owned(), |session| {
            format!("session {session}")
        });
    let since = holder
        .created_at
        .map(|time| format!(" since {time:.0}"))
        .unwrap_or_default();
    let data = if holder.data.is_empty() {
        String::new()
    } else {
        format!(", with data {:?}", holder.data)
    };
    format!("held by {by}{since}{data} ({})", holder.node)
}
