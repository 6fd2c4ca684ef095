//! Signed statements by which the bearer of a key is known (RFC 7519, RFC 7515 compact form).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RsaEncoding;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connectors::Refusal;
use model::{Reason, Secret};
use serde_json::Value;

/// `body` under `head`, signed by `key` as `how` says.
///
/// # Errors
/// The key cannot sign.
pub(super) fn signed(
    key: &KeyPair,
    how: &'static dyn RsaEncoding,
    head: &Value,
    body: &Value,
) -> Result<Secret, Refusal> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(head), part(body));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(how, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .map_err(|_| unsigned())?;
    let signature = URL_SAFE_NO_PAD.encode(signature);
    Ok(Secret::new(format!("{text}.{signature}").into_bytes()))
}

/// That nothing could be signed.
pub(super) fn unsigned() -> Refusal {
    Refusal::new(Reason::Failed, "the assertion cannot be signed here")
}
