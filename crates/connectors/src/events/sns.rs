//! Amazon SNS over HTTPS.
//!
//! Source: "Verifying the signatures of Amazon SNS messages" and "HTTP/HTTPS notification JSON
//! format" of the SNS developer guide.
//!
//! Where the certificate lies, and where a subscription is confirmed, follows from the topic that
//! was configured: an address in a message is compared with that and never followed.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Duration, Timestamp};
use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Closed, Delivery, Opened, Then, Why, check, json, lines, refused, unwrap};
use crate::logs::lenient::time;

/// A message is tried again for an hour at most ("Message delivery retries").
const WITHIN: Duration = Duration::minutes(65);

pub(super) fn open(
    topics: &[String],
    delivery: &Delivery<'_>,
    certificates: &BTreeMap<String, Vec<u8>>,
) -> Result<Opened, Closed> {
    // SNS says that it sends text.
    if delivery.method != "POST" {
        return Err(refused(Why::WrongMethod, "expected POST"));
    }
    let message = json(delivery.body)?;
    let text = |name: &str| message.get(name).and_then(Value::as_str);
    let topic = text("TopicArn").ok_or_else(|| refused(Why::Malformed, "it names no topic"))?;
    if !topics.iter().any(|own| own == topic) {
        return Err(refused(
            Why::NotMeant,
            "it is of a topic that is not configured",
        ));
    }
    let host = host(topic).ok_or_else(|| refused(Why::Malformed, "expected the ARN of a topic"))?;
    let signature = text("Signature").ok_or_else(|| refused(Why::Unsigned, "it is not signed"))?;
    let address = text("SigningCertURL").unwrap_or_default();
    if !is_certificate_of(&host, address) {
        return Err(refused(
            Why::WrongSignature,
            "its certificate lies elsewhere than at SNS of the topic's region",
        ));
    }
    let signed =
        signed(&message).ok_or_else(|| refused(Why::Malformed, "it lacks what is signed"))?;
    let certificate = certificates
        .get(address)
        .ok_or_else(|| Closed::WantsCertificate(address.to_owned()))?;
    let version = text("SignatureVersion").unwrap_or_default();
    if !holds(
        certificate,
        version,
        signed.as_bytes(),
        signature,
        delivery.at,
    ) {
        return Err(refused(Why::WrongSignature, "its signature does not hold"));
    }
    check::in_time(text("Timestamp").and_then(time), delivery.at, WITHIN)?;
    let id = text("MessageId").unwrap_or_default().to_owned();
    let then = match text("Type") {
        Some("SubscriptionConfirmation") => confirmation(&host, topic, text("Token"))?,
        Some("UnsubscribeConfirmation") => Then::Take {
            records: Vec::new(),
            undated: false,
        },
        _ => {
            let inner = serde_json::from_str(text("Message").unwrap_or_default());
            Then::Take {
                records: lines(&inner.map(unwrap::records).unwrap_or_default()),
                undated: false,
            }
        }
    };
    Ok(Opened { id, then })
}

/// SNS of the region that a topic lies in: `arn:PARTITION:sns:REGION:ACCOUNT:NAME`.
fn host(topic: &str) -> Option<String> {
    let mut parts = topic.split(':');
    let (arn, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let region = parts.next()?;
    let label = |text: &str| {
        (1..=40).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let end = if partition == "aws-cn" {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    (arn == "arn" && service == "sns" && label(region)).then(|| format!("sns.{region}.{end}"))
}

/// `https://HOST/SimpleNotificationService-….pem`, and nothing that a parser could read otherwise.
fn is_certificate_of(host: &str, address: &str) -> bool {
    let name = address
        .strip_prefix("https://")
        .and_then(|rest| rest.strip_prefix(host))
        .and_then(|rest| rest.strip_prefix("/SimpleNotificationService-"))
        .and_then(|rest| rest.strip_suffix(".pem"));
    name.is_some_and(|name| {
        (1..=128).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// What is signed of a message: names and values, each on a line of its own.
fn signed(message: &Value) -> Option<String> {
    const NOTIFICATION: &[&str] = &[
        "Message",
        "MessageId",
        "Subject",
        "Timestamp",
        "TopicArn",
        "Type",
    ];
    const CONFIRMATION: &[&str] = &[
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ];
    let names = match message.get("Type")?.as_str()? {
        "Notification" => NOTIFICATION,
        "SubscriptionConfirmation" | "UnsubscribeConfirmation" => CONFIRMATION,
        _ => return None,
    };
    let mut text = String::new();
    for name in names {
        match message.get(*name) {
            None | Some(Value::Null) if *name == "Subject" => {}
            value => {
                text.push_str(name);
                text.push('\n');
                text.push_str(value?.as_str()?);
                text.push('\n');
            }
        }
    }
    Some(text)
}

/// Whether `signature` is one of `signed` by the key in a certificate that is valid at `now`.
fn holds(pem: &[u8], version: &str, signed: &[u8], signature: &str, now: Timestamp) -> bool {
    let algorithm = match version {
        "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        "2" => &RSA_PKCS1_2048_8192_SHA256,
        _ => return false,
    };
    let Ok((_, pem)) = x509_parser::pem::parse_x509_pem(pem) else {
        return false;
    };
    let Ok((_, certificate)) = X509Certificate::from_der(&pem.contents) else {
        return false;
    };
    let validity = certificate.validity();
    let valid = validity.not_before.timestamp() <= now.seconds()
        && now.seconds() <= validity.not_after.timestamp();
    let key = &certificate.public_key().subject_public_key.data;
    let Ok(signature) = STANDARD.decode(signature) else {
        return false;
    };
    valid
        && UnparsedPublicKey::new(algorithm, key)
            .verify(signed, &signature)
            .is_ok()
}

/// The address by which a subscription is confirmed, made of the topic and the token alone.
fn confirmation(host: &str, topic: &str, token: Option<&str>) -> Result<Then, Closed> {
    let fits = |token: &&str| {
        (1..=1024).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let named = topic
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b":-_.".contains(&byte));
    let token = token
        .filter(|token| named && fits(token))
        .ok_or_else(|| refused(Why::Malformed, "expected a token to confirm by"))?;
    Ok(Then::Confirm {
        url: format!("https://{host}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}"),
    })
}
