//! An AWS key pair as files hold it: an id, a secret, perhaps a session token.

use model::{Attribute, Confidence, CredentialType, Key, KeyKind, Secret};

use crate::aws_key_id::{aws_account_of, is_aws_key_id};
use crate::formats::Found;

/// The credential of `key_id` with `secret`, in `field`. A session is known by its token, which
/// makes `ASIA…` ids of one role different credentials.
///
/// `None` where `key_id` is no access key id.
pub(crate) fn aws_credential(
    field: &str,
    key_id: &str,
    secret: Secret,
    session: bool,
) -> Option<Found> {
    if !is_aws_key_id(key_id) {
        return None;
    }
    let credential = if session || key_id.starts_with("ASIA") {
        CredentialType::AwsSession
    } else {
        CredentialType::AwsAccessKey
    };
    let found = Found::secret(credential, field, secret)
        .is(Attribute::NAME, key_id)
        .is(Attribute::PROVIDER, "aws")
        .key(Key::new(KeyKind::AwsAccessKeyId, key_id));
    Some(match aws_account_of(key_id) {
        Some(account) => {
            found.with(|told| told.concluded(Attribute::ACCOUNT, account, Confidence::Derived))
        }
        None => found,
    })
}
