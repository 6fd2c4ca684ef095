//! Takes whatever chain comes, and says afterwards what a client would have objected to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ResolvesClientCert, verify_server_cert_signed_by_trust_anchor, verify_server_name,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Keeps the chain and trusts it for as long as it takes to look at it: nothing is ever sent
/// over such a connection. That the endpoint holds the key is verified as always.
#[derive(Debug)]
pub(super) struct Looking {
    provider: Arc<CryptoProvider>,
    chain: Mutex<Vec<Vec<u8>>>,
}

impl Looking {
    pub(super) const fn new(provider: Arc<CryptoProvider>) -> Self {
        Self {
            provider,
            chain: Mutex::new(Vec::new()),
        }
    }

    /// The certificates that came, the endpoint's own first.
    pub(super) fn chain(&self) -> Vec<Vec<u8>> {
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut chain)
    }
}

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        *chain = std::iter::once(leaf)
            .chain(above)
            .map(|one| one.to_vec())
            .collect();
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Has no certificate to give, and remembers that it was asked for one.
#[derive(Debug, Default)]
pub(super) struct Asked(AtomicBool);

impl Asked {
    pub(super) fn was(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }
    fn has_certs(&self) -> bool {
        // Otherwise nobody asks `resolve`.
        true
    }
}

/// What a client that trusts `roots` would say of `chain`, by words of
/// [`connectors::Handshake::objections`]; empty where it is content.
pub(super) fn objections(
    chain: &[Vec<u8>],
    name: &ServerName<'_>,
    roots: &RootCertStore,
    now: UnixTime,
) -> Vec<String> {
    let chain: Vec<_> = chain
        .iter()
        .map(|one| CertificateDer::from(one.as_slice()))
        .collect();
    let Some((leaf, above)) = chain.split_first() else {
        return vec!["refused".to_owned()];
    };
    let Ok(leaf) = ParsedCertificate::try_from(leaf) else {
        return vec!["refused".to_owned()];
    };
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
    let path = verify_server_cert_signed_by_trust_anchor(&leaf, roots, above, now, algorithms.all);
    let mut out: Vec<String> = [path, verify_server_name(&leaf, name)]
        .iter()
        .filter_map(|verified| verified.as_ref().err())
        .map(|error| word(error).to_owned())
        .collect();
    out.sort();
    out.dedup();
    out
}

fn word(error: &Error) -> &'static str {
    use CertificateError as Of;
    let Error::InvalidCertificate(error) = error else {
        return "refused";
    };
    match error {
        Of::Expired | Of::ExpiredContext { .. } => "expired",
        Of::NotValidYet | Of::NotValidYetContext { .. } => "not_yet_valid",
        Of::UnknownIssuer => "unknown_issuer",
        Of::NotValidForName | Of::NotValidForNameContext { .. } => "name_mismatch",
        Of::BadSignature => "bad_signature",
        Of::InvalidPurpose | Of::InvalidPurposeContext { .. } => "not_for_servers",
        Of::Revoked => "revoked",
        _ => "refused",
    }
}
