//! Over the network: both ends show SVIDs (X509-SVID, section 5).
//!
//! What we show lies in a directory as `spire-agent api fetch x509 -write`
//! or `spire-server x509 mint -write` leaves it there, and is
//! read anew for each connection, since it lives for an hour.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use connectors::{Refusal, spiffe_id};
use model::Reason;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::super::grpc::Connection;
use super::unconnected;

/// No file of an SVID is larger.
const BYTES_MAX: u64 = 4 << 20;

/// Opens a connection to the server at `host` with the SVID in the directory `svid`.
pub(super) async fn open(host: &str, port: u16, svid: &str) -> Result<Connection, Refusal> {
    let config = config(Path::new(svid))?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Refusal::new(Reason::Unsupported, "expected a host name or an address"))?;
    let stream = TcpStream::connect((host, port)).await;
    let stream = stream.map_err(|error| unconnected(&error))?;
    let greeted = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await;
    let stream = greeted
        .map_err(|error| Refusal::new(Reason::Failed, format!("TLS: {error}")).code("connect"))?;
    let authority = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    Connection::open(stream, &authority).await
}

fn config(dir: &Path) -> Result<ClientConfig, Refusal> {
    // `spire-server x509 mint -write` calls them otherwise.
    let [chain, key, bundle] = match dir.join("svid.0.pem").exists() {
        true => ["svid.0.pem", "svid.0.key", "bundle.0.pem"],
        false => ["svid.pem", "key.pem", "bundle.pem"],
    };
    let certificates = |name: &str| -> Result<Vec<CertificateDer<'static>>, Refusal> {
        let pem = read(&dir.join(name))?;
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        all.ok()
            .filter(|all| !all.is_empty())
            .ok_or_else(|| unfit(name, "certificates in PEM"))
    };
    let (leaf, chain) = (chain, certificates(chain)?);
    let own = chain.first().and_then(|leaf| spiffe_id(leaf));
    let own = own.ok_or_else(|| unfit(leaf, "a certificate of a SPIFFE id"))?;
    let opens = PrivateKeyDer::from_pem_slice(&read(&dir.join(key))?)
        .map_err(|_| unfit(key, "a private key in PEM"))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(bundle)?);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let failed = |error: Error| Refusal::new(Reason::Failed, format!("cannot set up TLS: {error}"));
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Server {
            id: server_of(&own),
            roots,
            provider,
        }))
        .with_client_auth_cert(chain, opens)
        .map_err(failed)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// The id of the server of the trust domain that `id` is of.
fn server_of(id: &str) -> String {
    let rest = id.trim_start_matches("spiffe://");
    let domain = rest.split('/').next().unwrap_or_default();
    format!("spiffe://{domain}/spire/server")
}

fn unfit(name: &str, wanted: &str) -> Refusal {
    let told = format!("expected {wanted} in `{name}`, got something else");
    Refusal::new(Reason::Unsupported, told)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read =
        std::fs::File::open(path).and_then(|file| file.take(BYTES_MAX).read_to_end(&mut bytes));
    read.map_err(|error| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Refusal::new(Reason::Failed, format!("cannot read `{name}`: {error}")).code("connect")
    })?;
    Ok(bytes)
}

/// Takes the server of one trust domain: by its SPIFFE id, since the name of the host is in none.
#[derive(Debug)]
struct Server {
    id: String,
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Server {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(leaf)?;
        let algorithms = self.provider.signature_verification_algorithms;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.roots,
            above,
            now,
            algorithms.all,
        )?;
        if spiffe_id(leaf).as_deref() == Some(self.id.as_str()) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::NotValidForName.into())
        }
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
