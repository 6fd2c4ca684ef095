//! The assertion by which the bearer of a certificate is known (RFC 7523, "Microsoft identity
//! platform application authentication certificate credentials").

use std::io::Read as _;
use std::path::Path;
use std::time::SystemTime;

use aws_lc_rs::rand::fill;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PSS_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connectors::Refusal;
use model::Secret;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;

use super::super::jwt;
use crate::Error;

/// No file with a certificate and its key, or with a token, is larger.
const BYTES_MAX: u64 = 1 << 20;
/// How long an assertion may be used (seconds).
const VALID_FOR: u64 = 300;

/// A certificate with its key.
pub(super) struct Assertion {
    key: KeyPair,
    /// SHA-256 of the certificate, as a header of the assertion has it.
    print: String,
}

impl Assertion {
    /// Reads a PEM file that holds both.
    ///
    /// # Errors
    /// It holds no RSA key or no certificate, or the key is protected by a pass phrase.
    pub(super) fn read(path: &str) -> Result<Self, Error> {
        let unfit = || {
            Error::Unfit(format!(
                "expected a certificate and its RSA key without a pass phrase, in PEM, in `{}`",
                model::shorten(&model::clean(path), 200)
            ))
        };
        let pem = read(Path::new(path))?;
        let certificate = CertificateDer::from_pem_slice(pem.expose()).map_err(|_| unfit())?;
        let key = PrivateKeyDer::from_pem_slice(pem.expose()).map_err(|_| unfit())?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(unfit()),
        };
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &certificate);
        Ok(Self {
            key: key.map_err(|_| unfit())?,
            print: URL_SAFE_NO_PAD.encode(digest),
        })
    }

    /// An assertion that `client` asks at `audience`, good for a few minutes.
    pub(super) fn signed(&self, client: &str, audience: &str) -> Result<Secret, Refusal> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_err(|_| jwt::unsigned())?.as_secs();
        let mut id = [0; 16];
        fill(&mut id).map_err(|_| jwt::unsigned())?;
        let head = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.print});
        let body = json!({
            "aud": audience,
            "iss": client,
            "sub": client,
            "jti": URL_SAFE_NO_PAD.encode(id),
            "nbf": now,
            "exp": now + VALID_FOR,
        });
        jwt::signed(&self.key, &RSA_PSS_SHA256, &head, &body)
    }
}

/// A file of the login.
pub(super) fn read(path: &Path) -> Result<Secret, Error> {
    let doing = |source| Error::Files {
        doing: "reading",
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(doing)?;
    file.take(BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(doing)?;
    Ok(Secret::new(bytes))
}
