//! Recognises what AWS trusts and by what it lets in beside keys of IAM: certificates with their
//! thumbprints, authorities, Roles Anywhere, Identity Center, policies over the organisation.

use model::{Attribute, CredentialType, Key, KeyKind, Kind, Observation, Relation, Told};
use serde_json::Value;

use super::account::{Account, is_account};
use super::observe::native;
use super::policy;
use super::services::{dated, start};
use super::shape::{Object, flag, number, text, texts, time};
use crate::armour;
use crate::formats::x509;

/// No certificate is longer.
const PEM_BYTES_MAX: usize = 64 * 1024;
/// Longer policies of an organisation are none: 5,120 characters are the limit.
const POLICY_BYTES_MAX: usize = 64 * 1024;

pub(crate) fn recognise(account: &mut Account, object: &Object) {
    let found = [
        shown_certificate(object),
        device_certificate(object),
        authority(object),
        authority_certificate(object),
        authority_permission(object),
        authority_policy(object),
        trust_anchor(object),
        profile(object),
        build_login(object),
        permission_set(object),
        assignment(object),
        organisation_policy(object),
        delegated(object),
    ];
    for one in found.into_iter().flatten() {
        account.other(one);
    }
}

/// The certificate in a text in armour: the first of a chain, which is the holder's own.
fn in_armour(held: Option<&Value>) -> Option<crate::formats::Certificate> {
    let pem = held?.as_str().filter(|pem| pem.len() <= PEM_BYTES_MAX)?;
    let mut blocks = armour::blocks(pem.as_bytes()).into_iter();
    let body = blocks.find(|block| block.label == "CERTIFICATE")?.body?;
    x509::certificate(body.expose())
}

/// A certificate of ACM as it is shown to everybody: its thumbprint makes it one with what a disk
/// holds or an endpoint serves.
fn shown_certificate(object: &Object) -> Option<Observation> {
    let arn = text(object, "CertificateArn").filter(|arn| arn.contains(":acm:"))?;
    let shown = in_armour(object.get("Certificate"))?;
    let of_type = CredentialType::X509Certificate.as_str();
    let mut one = start(Kind::Credential, of_type, &arn, "certificates", &arn);
    one.facts.remove(&Attribute::NAME);
    one.keys.extend(shown.told.keys);
    for (attribute, fact) in shown.told.facts {
        let ours = [Attribute::TYPE, Attribute::PROVIDER, Attribute::NAME];
        if !ours.contains(&attribute) {
            one.facts.insert(attribute, fact);
        }
    }
    Some(one)
}

/// A certificate by which a device is let into IoT; its id is the SHA-256 of its DER.
fn device_certificate(object: &Object) -> Option<Observation> {
    let arn = text(object, "certificateArn").filter(|arn| arn.contains(":iot:"))?;
    let id = text(object, "certificateId")?.to_ascii_lowercase();
    let of_type = CredentialType::X509Certificate.as_str();
    let mut one = start(Kind::Credential, of_type, &arn, "iot_certificates", &id);
    if id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        one = one.key(Key::new(KeyKind::CertificateSha256, id));
    }
    if let Some(status) = text(object, "status") {
        one = one.is(Attribute::STATUS, status.to_ascii_lowercase());
    }
    Some(dated(
        one,
        object,
        &[("creationDate", Attribute::CREATED_AT)],
    ))
}

/// A private authority.
fn authority(object: &Object) -> Option<Observation> {
    let arn = text(object, "Arn")
        .filter(|arn| arn.contains(":acm-pca:") && arn.contains(":certificate-authority/"))?;
    let subject = object
        .get("CertificateAuthorityConfiguration")
        .and_then(|held| held.get("Subject"))
        .and_then(|held| held.get("CommonName")?.as_str());
    let name = subject.unwrap_or(&arn);
    let mut one = start(Kind::Resource, "aws_private_ca", &arn, "authorities", name);
    for (field, attribute) in [
        ("Status", Attribute::STATUS),
        ("Type", Attribute::named("kind_of_authority")),
        ("Serial", Attribute::SERIAL),
    ] {
        if let Some(held) = text(object, field) {
            one = one.is(attribute, held.to_ascii_lowercase());
        }
    }
    Some(dated(
        one,
        object,
        &[
            ("CreatedAt", Attribute::CREATED_AT),
            ("NotBefore", Attribute::VALID_FROM),
            ("NotAfter", Attribute::EXPIRES_AT),
        ],
    ))
}

/// The ARN of a private authority in a member.
fn of_authority(object: &Object, member: &str) -> Option<String> {
    let is_one =
        |arn: &String| arn.contains(":acm-pca:") && arn.contains(":certificate-authority/");
    text(object, member).filter(is_one)
}

/// What is told of the private authority `arn` beside the list of them.
fn beside(arn: &str) -> Observation {
    let mut one = start(Kind::Resource, "aws_private_ca", arn, "authorities", arn);
    one.facts.remove(&Attribute::NAME);
    one
}

/// The certificate of a private authority, by which what it issued is known.
fn authority_certificate(object: &Object) -> Option<Observation> {
    let arn = of_authority(object, "CertificateAuthorityArn")?;
    if object.contains_key("CertificateArn") {
        return None;
    }
    let shown = in_armour(object.get("Certificate"))?;
    let mut one = beside(&arn).is(Attribute::named("authority_sha256"), shown.sha256.as_str());
    for attribute in [
        Attribute::SUBJECT,
        Attribute::ISSUER,
        Attribute::ALGORITHM,
        Attribute::VALID_FROM,
        Attribute::EXPIRES_AT,
    ] {
        if let Some(fact) = shown.told.facts.get(&attribute) {
            one.facts.insert(attribute, fact.clone());
        }
    }
    Some(one)
}

/// Who may have a private authority issue certificates without asking its owner.
fn authority_permission(object: &Object) -> Option<Observation> {
    let arn = of_authority(object, "CertificateAuthorityArn")?;
    let whom = text(object, "Principal")?;
    let actions: Vec<_> = texts(object.get("Actions")).collect();
    let from = text(object, "SourceAccount");
    let id = format!("{arn}#{whom}/{}", from.as_deref().unwrap_or_default());
    let of_type = "aws_private_ca_permission";
    let mut one = start(Kind::Grant, of_type, &id, "authorities", &whom)
        .is(Attribute::USER, whom.as_str())
        .is(Attribute::RIGHTS, actions)
        .link(Relation::On, Kind::Resource, native(&arn));
    one.facts.remove(&Attribute::ARN);
    if let Some(from) = from {
        one = one.is(Attribute::named("source_account"), from);
    }
    Some(dated(one, object, &[("CreatedAt", Attribute::CREATED_AT)]))
}

/// The policy by which other accounts may use a private authority.
fn authority_policy(object: &Object) -> Option<Observation> {
    let arn = of_authority(object, "ResourceArn")?;
    let document = object.get("Policy").and_then(policy::document)?;
    let trusted: Vec<_> = policy::trusted(&document).into_iter().collect();
    let one = beside(&arn).is(Attribute::TRUSTS, trusted);
    let document = document.to_string();
    Some(if document.len() <= POLICY_BYTES_MAX {
        one.is(Attribute::POLICY, document)
    } else {
        one
    })
}

/// That an account administers a service for the whole organisation without managing it.
fn delegated(object: &Object) -> Option<Observation> {
    let service = text(object, "ServicePrincipal")?;
    let since = object.get("DelegationEnabledDate")?;
    let account = text(object, "AccountId").filter(|number| is_account(number))?;
    let id = format!("delegated/{account}/{service}");
    let of_type = "aws_delegated_administrator";
    let name = format!("{service} by {account}");
    let since = Told::or_absent(time(Some(since)));
    Some(
        start(Kind::Grant, of_type, &id, "delegated_administrators", &name)
            .is(Attribute::ACCOUNT, account)
            .is(Attribute::named("service"), service)
            .told(Attribute::CREATED_AT, since),
    )
}

/// An authority whose certificates take on roles from anywhere.
fn trust_anchor(object: &Object) -> Option<Observation> {
    let arn = text(object, "trustAnchorArn")?;
    let name = text(object, "name")?;
    let mut one = start(
        Kind::Resource,
        "aws_trust_anchor",
        &arn,
        "trust_anchors",
        &name,
    )
    .told(Attribute::STATUS, enabled(object));
    let source = object.get("source");
    if let Some(kind) = source.and_then(|held| held.get("sourceType")?.as_str()) {
        one = one.is(Attribute::named("source_type"), kind.to_ascii_lowercase());
    }
    let data = source.and_then(|held| held.get("sourceData"));
    if let Some(arn) = data.and_then(|held| held.get("acmPcaArn")?.as_str()) {
        one = one.is(Attribute::named("authority"), arn);
    }
    if let Some(shown) = in_armour(data.and_then(|held| held.get("x509CertificateData"))) {
        one = one.is(Attribute::named("authority_sha256"), shown.sha256.as_str());
        for attribute in [Attribute::SUBJECT, Attribute::EXPIRES_AT] {
            if let Some(fact) = shown.told.facts.get(&attribute) {
                one.facts.insert(attribute, fact.clone());
            }
        }
    }
    Some(dated(one, object, &[("createdAt", Attribute::CREATED_AT)]))
}

fn enabled(object: &Object) -> Told<&'static str> {
    Told::or_cannot_tell(match flag(object.get("enabled")) {
        Some(true) => Some("active"),
        Some(false) => Some("inactive"),
        None => None,
    })
}

/// A profile of Roles Anywhere: which roles may be taken on by a trusted certificate.
fn profile(object: &Object) -> Option<Observation> {
    let arn = text(object, "profileArn").filter(|arn| arn.contains(":rolesanywhere:"))?;
    let name = text(object, "name")?;
    let roles: Vec<_> = texts(object.get("roleArns")).collect();
    let mut one = start(
        Kind::Resource,
        "aws_trust_profile",
        &arn,
        "trust_profiles",
        &name,
    )
    .told(Attribute::STATUS, enabled(object))
    .is(Attribute::named("roles"), roles);
    if let Some(seconds) = number(object.get("durationSeconds")) {
        one = one.is(Attribute::named("max_session_seconds"), seconds);
    }
    Some(dated(one, object, &[("createdAt", Attribute::CREATED_AT)]))
}

/// What CodeBuild fetches sources with.
fn build_login(object: &Object) -> Option<Observation> {
    let arn =
        text(object, "arn").filter(|arn| arn.contains(":codebuild:") && arn.contains(":token/"))?;
    let (server, how) = (text(object, "serverType")?, text(object, "authType")?);
    let name = format!("CodeBuild at {}", server.to_ascii_lowercase());
    let of_type = CredentialType::ApiToken.as_str();
    let one = start(Kind::Credential, of_type, &arn, "build_logins", &name)
        .is(Attribute::named("opens"), server.to_ascii_lowercase())
        .is(Attribute::named("authentication"), how.to_ascii_lowercase());
    Some(match text(object, "resource") {
        Some(place) => one.is(Attribute::named("kept_in"), place),
        None => one,
    })
}

/// What a person or group of Identity Center may be given in an account.
fn permission_set(object: &Object) -> Option<Observation> {
    let arn = text(object, "PermissionSetArn")?;
    let name = text(object, "Name")?;
    let one = start(
        Kind::Resource,
        "aws_permission_set",
        &arn,
        "permission_sets",
        &name,
    )
    .told(
        Attribute::PURPOSE,
        Told::or_absent(text(object, "Description")),
    );
    let one = match text(object, "SessionDuration") {
        Some(duration) => one.is(Attribute::named("session_duration"), duration),
        None => one,
    };
    Some(dated(
        one,
        object,
        &[("CreatedDate", Attribute::CREATED_AT)],
    ))
}

/// That a person or group of Identity Center has a permission set in an account.
fn assignment(object: &Object) -> Option<Observation> {
    let arn = text(object, "PermissionSetArn")?;
    let account = text(object, "AccountId")?;
    let (kind, principal) = (text(object, "PrincipalType")?, text(object, "PrincipalId")?);
    let id = format!("assignment/{account}/{principal}#{arn}");
    let set = arn.rsplit('/').next().unwrap_or(&arn);
    let one = start(
        Kind::Grant,
        "aws_account_assignment",
        &id,
        "assignments",
        &format!("{set} in {account}"),
    );
    Some(
        one.is(Attribute::ACCOUNT, account)
            .is(Attribute::USER, principal)
            .is(
                Attribute::named("principal_type"),
                kind.to_ascii_lowercase(),
            )
            .link(Relation::On, Kind::Resource, native(&arn)),
    )
}

/// A policy that bounds whole accounts, with its document.
fn organisation_policy(object: &Object) -> Option<Observation> {
    let summary = object
        .get("PolicySummary")
        .and_then(Value::as_object)
        .unwrap_or(object);
    let arn = text(summary, "Arn").filter(|arn| arn.contains(":organizations:"))?;
    let kind = text(summary, "Type")?;
    let of_type = match kind.as_str() {
        "SERVICE_CONTROL_POLICY" => "aws_service_control_policy",
        "RESOURCE_CONTROL_POLICY" => "aws_resource_control_policy",
        _ => return None,
    };
    let name = text(summary, "Name").unwrap_or_else(|| arn.clone());
    let mut one = start(
        Kind::Resource,
        of_type,
        &arn,
        "organization_policies",
        &name,
    )
    .told(
        Attribute::PURPOSE,
        Told::or_absent(text(summary, "Description")),
    );
    if let Some(managed) = flag(summary.get("AwsManaged")) {
        one = one.is(Attribute::named("aws_managed"), managed);
    }
    let targets: Vec<_> = object
        .get("Targets")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|target| target.get("TargetId")?.as_str().map(str::to_owned))
        .collect();
    if !targets.is_empty() {
        one = one.is(Attribute::named("targets"), targets);
    }
    let document = object.get("Content").and_then(policy::document);
    let document = document.map(|held| held.to_string());
    Some(
        match document.filter(|text| text.len() <= POLICY_BYTES_MAX) {
            Some(document) => one.is(Attribute::POLICY, document),
            None => one,
        },
    )
}
