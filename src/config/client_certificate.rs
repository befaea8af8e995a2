//! The certificate by which a database server knows its client, from the parameters of a URL.

use super::Origin;
use super::parameters::Parameters;
use crate::metadata::target::ClientCertificate;

/// Where Java's drivers have theirs: in files that only Java reads.
const STORES: [&str; 2] = ["clientCertificateKeyStoreUrl", "keyStore"];

/// The same from options of its own.
pub(super) struct OfOptions {
    pub(super) client: ClientCertificate,
    /// Whether it is said at least as close to the command line as the URL.
    pub(super) is_closer: bool,
    pub(super) origin: Origin,
}

/// That of the options, or of the URL: whichever is said closer to the command line.
///
/// # Errors
/// What is not whole, or only Java reads.
pub(super) fn chosen(
    options: Option<&OfOptions>,
    parameters: &Parameters,
) -> Result<Option<ClientCertificate>, String> {
    let of_options = |options: &OfOptions| options.client.clone();
    match options {
        Some(options) if options.is_closer || !parameters.names_client() => {
            Ok(Some(of_options(options)))
        }
        _ => client_certificate(parameters),
    }
}

impl Parameters {
    fn names_client(&self) -> bool {
        ["sslcert", "sslkey"]
            .iter()
            .any(|name| self.get(name).is_some())
    }
}

fn client_certificate(parameters: &Parameters) -> Result<Option<ClientCertificate>, String> {
    match (parameters.get("sslcert"), parameters.get("sslkey")) {
        (Some(certificate), Some(key)) => Ok(Some(ClientCertificate {
            certificate: certificate.into(),
            key: key.into(),
        })),
        (Some(_), None) => {
            Err("the client's certificate has no key: add sslkey=FILE (PEM)".to_owned())
        }
        (None, Some(_)) => {
            Err("the client's key has no certificate: add sslcert=FILE (PEM)".to_owned())
        }
        (None, None) => no_store(parameters),
    }
}

fn no_store(parameters: &Parameters) -> Result<Option<ClientCertificate>, String> {
    let store = STORES.iter().find(|name| parameters.get(name).is_some());
    store.map_or(Ok(None), |name| {
        Err(format!(
            "{name} is a Java key store, and PEM is needed: make it with `keytool -importkeystore -srckeystore STORE \
             -destkeystore client.p12 -deststoretype pkcs12` and `openssl pkcs12 -in client.p12 -nodes -out client.pem`, \
             and set sslcert=client.pem&sslkey=client.pem in its place"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::super::parameters::Spelling;
    use super::*;

    fn of(query: &str) -> Result<Option<ClientCertificate>, String> {
        client_certificate(&Parameters::parse(query, Spelling::Jdbc))
    }

    #[test]
    fn certificate_and_key_go_together() {
        let both = of("ssl-cert=c.pem&ssl-key=k.pem").unwrap().unwrap();
        assert_eq!(
            (both.certificate, both.key),
            ("c.pem".into(), "k.pem".into())
        );
        assert_eq!(of("useSSL=true"), Ok(None));
        assert!(of("sslcert=c.pem").unwrap_err().contains("sslkey="));
        assert!(of("sslkey=k.pem").unwrap_err().contains("sslcert="));
    }

    #[test]
    fn a_java_store_is_refused_by_its_name() {
        let why = of("clientCertificateKeyStoreUrl=file:/s.jks").unwrap_err();
        assert!(why.starts_with("clientCertificateKeyStoreUrl is a Java key store"));
        assert!(of("clientCertificateKeyStoreUrl=file:/s.jks&sslcert=c&sslkey=k").is_ok());
    }
}
