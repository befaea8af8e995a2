//! Why servers open no session, as far as a look from outside can tell.

use std::time::Duration;

use futures::future::join_all;
use rustls::{CertificateError, Error as TlsError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::tls::{Encryption, greet};
use crate::model::EnsembleServer;
use crate::registry::Barrier;

/// What was seen of all servers, and what keeps the client out if one of them shows it.
#[derive(Debug)]
pub(super) struct Diagnosis {
    pub(super) seen: String,
    pub(super) barrier: Option<Barrier>,
}

/// What one server shows.
enum Probed {
    Barrier(Barrier),
    Words(String),
}

impl Probed {
    fn words(words: &(impl ToString + ?Sized)) -> Self {
        Self::Words(words.to_string())
    }
}

/// How long a connection without any TLS may take; the rest of the time is for what follows.
const CONNECTING: Duration = Duration::from_secs(1);

/// Looks at every server, for no longer than the limit.
pub(super) async fn diagnose(
    hosts: &[EnsembleServer],
    tls: Option<&Encryption>,
    limit: Duration,
) -> Diagnosis {
    let findings = join_all(hosts.iter().map(|host| async move {
        let finding = timeout(limit, look(host, tls)).await;
        (host, finding.unwrap_or_else(|_| Probed::words("no answer")))
    }))
    .await;
    let (mut words, mut barrier) = (Vec::new(), None);
    for (host, finding) in findings {
        match finding {
            Probed::Words(text) => words.push(format!("{host}: {text}")),
            Probed::Barrier(found) => {
                words.push(format!("{host}: {found}"));
                barrier = barrier.or(Some(found));
            }
        }
    }
    Diagnosis {
        seen: words.join("; "),
        barrier,
    }
}

async fn look(host: &EnsembleServer, tls: Option<&Encryption>) -> Probed {
    // The operating system's own message, as without TLS.
    let connecting = TcpStream::connect((host.host.as_str(), host.port));
    let stream = match timeout(CONNECTING, connecting).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Probed::words(&error),
        Err(_) => return Probed::words("no answer"),
    };
    let Some(tls) = tls else {
        return match greet(stream).await {
            Ok(()) => Probed::Barrier(Barrier::TlsWanted),
            Err(error) if speaks_tls(&error) => Probed::Barrier(Barrier::TlsWanted),
            Err(_) => Probed::words("accepts connections, but opens no session"),
        };
    };
    drop(stream);
    match tls.connect(host).await {
        Ok(mut stream) => match ask(&mut stream).await {
            // With TLS 1.3 a server looks at the client's certificate after the handshake.
            Err(error) => of_error(tls, &error),
            Ok(_) => Probed::words("accepts encrypted connections, but opens no session"),
        },
        Err(error) if speaks_tls(&error) => of_error(tls, &error),
        Err(error) => {
            if speaks_plainly(host).await {
                Probed::Barrier(Barrier::NoTlsThere)
            } else {
                Probed::words(&format!("does not finish the TLS handshake: {error}"))
            }
        }
    }
}

/// Any answer shows that the server has understood the question. They differ by release.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> std::io::Result<usize> {
    stream.write_all(b"srvr").await?;
    stream.flush().await?;
    stream.read(&mut [0; 64]).await
}

async fn speaks_plainly(host: &EnsembleServer) -> bool {
    let Ok(mut stream) = TcpStream::connect((host.host.as_str(), host.port)).await else {
        return false;
    };
    ask(&mut stream).await.is_ok_and(|length| length > 0)
}

fn tls_error(error: &std::io::Error) -> Option<&TlsError> {
    error.get_ref()?.downcast_ref()
}

/// Whether such an error can only come from somebody who speaks TLS.
fn speaks_tls(error: &std::io::Error) -> bool {
    tls_error(error).is_some_and(|error| !matches!(error, TlsError::InvalidMessage(_)))
}

fn of_error(tls: &Encryption, error: &std::io::Error) -> Probed {
    let Some(error) = tls_error(error) else {
        // Some servers only hang up on a client without the certificate that they ask for.
        return if tls.was_asked_for_certificate() && !tls.has_certificate() {
            Probed::Barrier(Barrier::CertificateDemanded)
        } else {
            Probed::words(&error)
        };
    };
    let asked = tls.was_asked_for_certificate();
    Probed::Barrier(match error {
        TlsError::InvalidCertificate(error) => of_certificate(error),
        TlsError::AlertReceived(_) if asked && !tls.has_certificate() => {
            Barrier::CertificateDemanded
        }
        TlsError::AlertReceived(alert) if asked => Barrier::CertificateRefused {
            alert: format!("{alert:?}"),
        },
        error => Barrier::TlsFails {
            problem: error.to_string(),
        },
    })
}

fn of_certificate(error: &CertificateError) -> Barrier {
    match error {
        // The latter is another key's under the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            Barrier::UnknownAuthority
        }
        CertificateError::NotValidForName => Barrier::OtherHost { names: Vec::new() },
        CertificateError::NotValidForNameContext { presented, .. } => Barrier::OtherHost {
            names: presented.clone(),
        },
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Barrier::CertificateExpired
        }
        error => Barrier::CertificateInvalid {
            problem: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate() {
        let barrier = |error| of_certificate(&error);
        assert_eq!(
            barrier(CertificateError::UnknownIssuer),
            Barrier::UnknownAuthority
        );
        assert_eq!(
            barrier(CertificateError::Expired),
            Barrier::CertificateExpired
        );
        assert!(matches!(
            barrier(CertificateError::BadEncoding),
            Barrier::CertificateInvalid { .. }
        ));
    }

    #[test]
    fn noise_is_not_tls() {
        let error = |error: TlsError| std::io::Error::new(std::io::ErrorKind::InvalidData, error);
        let noise = TlsError::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        assert!(!speaks_tls(&error(noise)));
        assert!(speaks_tls(&error(TlsError::DecryptError)));
        assert!(!speaks_tls(&std::io::ErrorKind::UnexpectedEof.into()));
    }
}
