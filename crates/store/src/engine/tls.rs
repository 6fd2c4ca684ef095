//! TLS to PostgreSQL: rustls with the given trust anchors, else the platform's; nothing is skipped.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::Error;

/// A connector that verifies chain and host name against `ca_file` or the platform's anchors.
pub(crate) fn connector(ca_file: Option<&Path>) -> Result<MakeRustlsConnect, Error> {
    let from = ca_file.map_or_else(
        || "the platform".to_owned(),
        |path| format!("`{}`", path.display()),
    );
    let refused = |source: Box<dyn std::error::Error + Send + Sync>| Error::TrustAnchors {
        from: from.clone(),
        source,
    };
    let certificates: Vec<CertificateDer<'static>> = match ca_file {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| refused(error.into()))?,
        // A platform may hold one that does not read; the others count.
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = rustls::RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(refused("no certificate in it".into()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
