//! TLS: for the client library, and for connections of our own, which tell why a handshake fails. The
//! library keeps that to itself.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use zookeeper_client::TlsOptions;

use crate::cryptography;
use crate::model::EnsembleServer;
use crate::secret::ZkTls;

/// How connections are encrypted.
#[derive(Clone)]
pub(super) struct Encryption {
    options: TlsOptions,
    config: Arc<ClientConfig>,
    wish: Arc<Wish>,
}

impl fmt::Debug for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encryption").finish_non_exhaustive()
    }
}

impl Encryption {
    /// Reads certificates and key; `Err` says which of them is unusable.
    pub(super) fn new(tls: &ZkTls, servers: &[EnsembleServer]) -> Result<Self, String> {
        cryptography::choose();
        for server in servers {
            name_of(server)?;
        }
        let roots = Arc::new(roots(&tls.authorities)?);
        let wish = Arc::new(Wish::new(tls)?);
        let config = config(roots, wish.clone(), tls.any_host)?;
        Ok(Self {
            options: options(tls)?,
            config: Arc::new(config),
            wish,
        })
    }

    /// For the client library.
    pub(super) fn options(&self) -> TlsOptions {
        self.options.clone()
    }

    /// A connection of our own.
    pub(super) async fn connect(
        &self,
        server: &EnsembleServer,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect((server.host.as_str(), server.port)).await?;
        let name = name_of(server).map_err(std::io::Error::other)?;
        TlsConnector::from(self.config.clone())
            .connect(name, stream)
            .await
    }

    /// Whether a server has asked for a certificate of the client.
    pub(super) fn was_asked_for_certificate(&self) -> bool {
        self.wish.uttered.load(Ordering::Relaxed)
    }

    /// Whether the client has a certificate.
    pub(super) fn has_certificate(&self) -> bool {
        self.wish.own.is_some()
    }
}

/// Shakes hands with whoever is there; an error of TLS's own says that it speaks TLS.
pub(super) async fn greet(stream: TcpStream) -> std::io::Result<()> {
    let builder = ClientConfig::builder_with_provider(ring::default_provider().into());
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?;
    let config = builder
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.map(drop)
}

fn name_of(server: &EnsembleServer) -> Result<ServerName<'static>, String> {
    ServerName::try_from(server.host.clone())
        .map_err(|_| format!("{:?} is no name that a certificate can have", server.host))
}

fn roots(authorities: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
        let unusable =
            |error: String| format!("the authorities' certificates cannot be used: {error}");
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err("there is no certificate of an authority".to_owned());
    }
    Ok(roots)
}

fn config(
    roots: Arc<RootCertStore>,
    wish: Arc<Wish>,
    any_host: bool,
) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
        .build()
        .map_err(|error| error.to_string())?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = if any_host {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyHost(verifier)))
    } else {
        builder.with_webpki_verifier(verifier)
    };
    Ok(builder.with_client_cert_resolver(wish))
}

fn options(tls: &ZkTls) -> Result<TlsOptions, String> {
    let text = |error: zookeeper_client::Error| error.to_string();
    let mut options = TlsOptions::new()
        .with_pem_ca(&tls.authorities)
        .map_err(text)?;
    if let Some((certificate, key)) = &tls.identity {
        options = options
            .with_pem_identity(certificate, key.expose())
            .map_err(text)?;
    }
    Ok(if tls.any_host {
        without_hostnames(options)
    } else {
        options
    })
}

#[expect(
    unsafe_code,
    reason = "the library marks it so for what it does to the protection of the connection; memory is not touched"
)]
fn without_hostnames(options: TlsOptions) -> TlsOptions {
    // SAFETY: the operator has asked for it, as in ZooKeeper's ssl.hostnameVerification=false.
    unsafe { options.with_no_hostname_verification() }
}

/// The client's certificate, and whether a server has asked for one.
#[derive(Debug)]
struct Wish {
    own: Option<Arc<CertifiedKey>>,
    uttered: AtomicBool,
}

impl Wish {
    fn new(tls: &ZkTls) -> Result<Self, String> {
        let own = tls.identity.as_ref().map(|(certificate, key)| {
            let unusable =
                |error: String| format!("the client's certificate and key cannot be used: {error}");
            let chain = CertificateDer::pem_slice_iter(certificate.as_bytes())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| unusable(error.to_string()))?;
            let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
                .map_err(|error| unusable(error.to_string()))?;
            CertifiedKey::from_der(chain, key, &ring::default_provider())
                .map(Arc::new)
                .map_err(|error| unusable(error.to_string()))
        });
        Ok(Self {
            own: own.transpose()?,
            uttered: AtomicBool::new(false),
        })
    }
}

impl ResolvesClientCert for Wish {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.uttered.store(true, Ordering::Relaxed);
        self.own.clone()
    }

    /// Without one it is asked for nothing.
    fn has_certs(&self) -> bool {
        true
    }
}

/// Verifies all but the host's name, which is looked at last.
#[derive(Debug)]
struct AnyHost(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verified =
            self.0
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
