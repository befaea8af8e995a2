//! The certificate by which a database server knows its client, from options of its own.

use std::path::PathBuf;

use super::client_certificate::OfOptions;
use super::resolver::{Picked, Resolver, path};
use super::secrets;
use super::{ConfigError, Key, Settings};
use crate::metadata::target::ClientCertificate;
use crate::options::GlobalArgs;

/// The certificate and its key, where one is given; `url` is the rank of the database's URL, which may
/// name one, too. A key that is not given stands behind the certificate.
///
/// # Errors
/// A key without a certificate; one that others can read.
pub(super) fn client_of_options(
    resolver: &mut Resolver<'_>,
    arguments: &GlobalArgs,
    settings: &mut Settings,
    url: usize,
) -> Result<Option<OfOptions>, ConfigError> {
    let flags = &arguments.connection;
    let certificate = resolver.pick(Key::DbTlsCert, flags.db_tls_cert.clone(), path)?;
    let key = resolver.pick(Key::DbTlsKey, flags.db_tls_key.clone(), path)?;
    let Some(certificate) = certificate else {
        return key.map_or(Ok(None), |key| Err(lonely(&key)));
    };
    let of_key = key.as_ref().map_or(Key::DbTlsCert, |_| Key::DbTlsKey);
    let file = key.as_ref().unwrap_or(&certificate);
    let guarded = resolver
        .sources
        .environment
        .absolute_path("CREDENTIALS_DIRECTORY");
    if !guarded.is_some_and(|folder| file.value.starts_with(folder)) {
        secrets::check_file(of_key, &file.origin, &file.value)?;
    }
    let client = ClientCertificate {
        certificate: certificate.value.clone(),
        key: file.value.clone(),
    };
    settings.db_tls_files = [
        (Key::DbTlsCert, Some(&certificate)),
        (Key::DbTlsKey, key.as_ref()),
    ]
    .into_iter()
    .filter_map(|(key, file)| Some((key, file?.value.clone())))
    .collect();
    Ok(Some(OfOptions {
        client,
        is_closer: certificate.rank <= url,
        origin: certificate.origin,
    }))
}

fn lonely(key: &Picked<PathBuf>) -> ConfigError {
    ConfigError::Value {
        key: Key::DbTlsKey.name(),
        origin: key.origin.clone(),
        problem: "it is a key without a certificate".to_owned(),
        hint: Some("give the certificate with --db-tls-cert FILE (PEM)".to_owned()),
    }
}
