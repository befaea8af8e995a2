//! Logins with Kerberos. The library behind them keeps the calling thread until the key distribution
//! centre has answered, and the client library keeps to itself why there is no ticket: so a ticket is
//! asked for before the first connection, beside the thread that everything else runs in. It is kept
//! where Kerberos keeps tickets, and connections take it from there.

#[cfg(feature = "kerberos")]
mod built_in {
    use std::time::Duration;

    use libgssapi::context::{ClientCtx, CtxFlags};
    use libgssapi::credential::{Cred, CredUsage};
    use libgssapi::error::Error;
    use libgssapi::name::Name;
    use libgssapi::oid::{GSS_MECH_KRB5, GSS_NT_HOSTBASED_SERVICE, OidSet};
    use zookeeper_client::{Connector, SaslOptions};

    use crate::registry::Barrier;
    use crate::secret::KerberosLogin;

    /// Adds the login.
    pub(in crate::registry::zookeeper) fn with(
        connector: Connector,
        login: KerberosLogin,
    ) -> Connector {
        let options = SaslOptions::gssapi().with_username(login.service.name);
        connector.with_sasl(match login.service.host {
            Some(host) => options.with_hostname(host),
            None => options,
        })
    }

    /// Sees that there is a ticket for one of the servers at least.
    ///
    /// # Errors
    /// Why there is none.
    pub(in crate::registry::zookeeper) async fn ticket(
        login: &KerberosLogin,
        hosts: Vec<String>,
        limit: Duration,
    ) -> Result<(), Barrier> {
        let services: Vec<String> = hosts.iter().map(|host| login.service.at(host)).collect();
        let asked = services.clone();
        let asking = tokio::task::spawn_blocking(move || any(&asked));
        let problem = match tokio::time::timeout(limit, asking).await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(error))) => error,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer from the key distribution centre within {limit:?}"),
        };
        Err(Barrier::NoTicket {
            services,
            problem,
            command: login.masters.command(),
        })
    }

    /// The first problem, if there is no ticket for any.
    fn any(services: &[String]) -> Result<(), String> {
        let mut first = None;
        for service in services {
            match of(service) {
                Ok(()) => return Ok(()),
                Err(error) => first = first.or(Some(error.to_string())),
            }
        }
        Err(first.unwrap_or_else(|| "no server is given".to_owned()))
    }

    /// As the client library does it.
    fn of(service: &str) -> Result<(), Error> {
        let mut mechanisms = OidSet::new()?;
        mechanisms.add(&GSS_MECH_KRB5)?;
        let own = Cred::acquire(None, None, CredUsage::Initiate, Some(&mechanisms))?;
        let target = Name::new(service.as_bytes(), Some(&GSS_NT_HOSTBASED_SERVICE))?;
        let flags = CtxFlags::GSS_C_MUTUAL_FLAG;
        let mut context = ClientCtx::new(Some(own), target, flags, Some(&GSS_MECH_KRB5));
        context.step(None, None).map(drop)
    }
}

#[cfg(not(feature = "kerberos"))]
mod built_in {
    use std::time::Duration;

    use zookeeper_client::Connector;

    use crate::registry::Barrier;
    use crate::secret::KerberosLogin;

    /// Such a login is refused before anything is connected to.
    pub(in crate::registry::zookeeper) fn with(
        connector: Connector,
        _: KerberosLogin,
    ) -> Connector {
        connector
    }

    #[allow(clippy::unused_async)]
    pub(in crate::registry::zookeeper) async fn ticket(
        _: &KerberosLogin,
        _: Vec<String>,
        _: Duration,
    ) -> Result<(), Barrier> {
        Ok(())
    }
}

pub(super) use built_in::{ticket, with};
