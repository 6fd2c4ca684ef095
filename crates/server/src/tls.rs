//! Certificate and key of a listener.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::Error;

/// What a listener shows to whoever connects.
#[derive(Clone, Debug)]
pub struct Tls(pub(crate) Arc<ServerConfig>);

impl Tls {
    /// From a file with a certificate, and those above it, and one with its key, both in PEM.
    ///
    /// # Errors
    /// They cannot be read, or are not of one another.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, Error> {
        let unfit = |why: String| Error::Tls {
            path: certificate.to_owned(),
            why,
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unfit(error.to_string()))?;
        if chain.is_empty() {
            return Err(unfit("expected a certificate in PEM, got none".to_owned()));
        }
        // What is wrong with a key is not repeated: it could be part of it.
        let key = PrivateKeyDer::from_pem_file(key)
            .map_err(|_| unfit(format!("expected a key in PEM in `{}`", key.display())))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| unfit(error.to_string()));
        let mut config = config?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}
