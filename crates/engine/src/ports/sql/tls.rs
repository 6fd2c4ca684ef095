//! TLS as the address asks for it, in the words of libpq's `sslmode`.

use std::sync::Arc;

use connectors::Refusal;
use model::Reason;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Whether and how to encrypt. `verify-ca` checks the name as well: stricter than its word.
///
/// # Errors
/// A word that is none, or no roots to verify with.
pub(super) fn of(sslmode: &str) -> Result<(SslMode, MakeRustlsConnect), Refusal> {
    let (mode, verified) = match sslmode {
        "disable" => (SslMode::Disable, false),
        "" | "allow" | "prefer" => (SslMode::Prefer, false),
        "require" => (SslMode::Require, false),
        "verify-ca" | "verify-full" => (SslMode::Require, true),
        other => {
            let told = format!(
                "expected disable, prefer, require or verify-full as sslmode, got `{}`",
                model::shorten(&model::clean(other), 40)
            );
            return Err(Refusal::new(Reason::Unsupported, told));
        }
    };
    Ok((mode, MakeRustlsConnect::new(client_config(verified)?)))
}

/// TLS that verifies the server against this machine's trust anchors, or encrypts alone.
///
/// # Errors
/// No roots to verify with.
pub(in crate::ports) fn client_config(verified: bool) -> Result<ClientConfig, Refusal> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Refusal::new(Reason::Failed, format!("cannot set up TLS: {error}")))?;
    Ok(if verified {
        builder
            .with_root_certificates(roots()?)
            .with_no_client_auth()
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Encrypting(provider)))
            .with_no_client_auth()
    })
}

fn roots() -> Result<RootCertStore, Refusal> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let told = "sslmode asks to verify the server, and this machine has no trust anchors";
        return Err(Refusal::new(Reason::Unsupported, told));
    }
    Ok(roots)
}

/// Encrypts without asking who is there, as libpq's `prefer` and `require` do: SCRAM still
/// proves to us that the server knows the verifier.
#[derive(Debug)]
pub(crate) struct Encrypting(pub(crate) Arc<CryptoProvider>);

impl ServerCertVerifier for Encrypting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
