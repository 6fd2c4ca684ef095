//! Recognises what services beside IAM users and roles hold: certificates, key pairs, secrets,
//! providers, master users.

use model::{
    Attribute, Class, Confidence, CredentialType, Key, KeyKind, Kind, Observation, Relation, Scope,
    Told, Value as Fact,
};
use serde_json::Value;

use super::account::{Account, account_of};
use super::observe::{native, owner_and_environment, ssh_fingerprint};
use super::regions;
use super::shape::{Object, flag, number, tags, text, texts, time};

pub(crate) fn recognise(account: &mut Account, object: &Object) {
    let found = [
        server_certificate(object),
        certificate(object),
        client_certificate(object),
        instance_profile(object),
        provider(object),
        key_pair(object),
        kms_key(object),
        kms_grant(object),
        database(object),
        directory_user(object),
        app_client(object),
        user_key(object),
    ];
    let secrets = secret(object).into_iter().chain(parameter(object));
    for one in found.into_iter().flatten().chain(secrets) {
        account.other(one);
    }
}

/// The part `part` of a region.
pub(crate) fn within(region: &str, part: &str) -> Scope {
    regions::scope(region, part)
}

/// A thing that its id names: by an ARN in its region's part.
pub(crate) fn start(kind: Kind, of_type: &str, id: &str, part: &str, name: &str) -> Observation {
    let region = id.starts_with("arn:").then(|| id.split(':').nth(3));
    let scope = match region.flatten() {
        None | Some("") => Scope::of(part),
        Some(region) => within(region, part),
    };
    let mut one = Observation::new(kind, native(id), &scope)
        .is(Attribute::NAME, name)
        .is(Attribute::TYPE, of_type)
        .is(Attribute::PROVIDER, "aws");
    if id.starts_with("arn:") {
        one = one.is(Attribute::ARN, id).hint("arn", id);
        if let Some(number) = account_of(id) {
            one = one.is(Attribute::ACCOUNT, number);
        }
    }
    one
}

/// What `start` cannot know: dates and tags, each only where the answer has such a field.
pub(crate) fn dated(
    mut one: Observation,
    object: &Object,
    fields: &[(&str, Attribute)],
) -> Observation {
    for (field, attribute) in fields {
        if let Some(held) = object.get(*field) {
            one = one.told(attribute.clone(), Told::or_absent(time(Some(held))));
        }
    }
    let tags = tags(object.get("Tags"));
    if !tags.is_empty() {
        one = owner_and_environment(one, &tags).is(Attribute::TAGS, tags);
    }
    one
}

fn server_certificate(object: &Object) -> Option<Observation> {
    let name = text(object, "ServerCertificateName")?;
    let id = text(object, "Arn").or_else(|| text(object, "ServerCertificateId"))?;
    let serving = text(object, "ServerCertificateId");
    // An uploaded certificate is never changed: another one has another id.
    let id = serving.map_or_else(|| id.clone(), |serving| format!("{id}#{serving}"));
    let one = start(
        Kind::Credential,
        CredentialType::X509Certificate.as_str(),
        &id,
        "server_certificates",
        &name,
    );
    let one = one.told(Attribute::ARN, Told::or_cannot_tell(text(object, "Arn")));
    Some(dated(
        one,
        object,
        &[
            ("UploadDate", Attribute::CREATED_AT),
            ("Expiration", Attribute::EXPIRES_AT),
        ],
    ))
}

fn certificate(object: &Object) -> Option<Observation> {
    let arn = text(object, "CertificateArn").filter(|arn| arn.contains(":acm:"))?;
    let name = text(object, "DomainName").unwrap_or_else(|| arn.clone());
    let one = start(
        Kind::Credential,
        CredentialType::X509Certificate.as_str(),
        &arn,
        "certificates",
        &name,
    );
    let mut one = dated(
        one,
        object,
        &[
            ("CreatedAt", Attribute::CREATED_AT),
            ("NotBefore", Attribute::VALID_FROM),
            ("NotAfter", Attribute::EXPIRES_AT),
        ],
    );
    for (field, attribute) in [
        ("Subject", Attribute::SUBJECT),
        ("Issuer", Attribute::ISSUER),
        ("Serial", Attribute::SERIAL),
        ("KeyAlgorithm", Attribute::ALGORITHM),
        ("Status", Attribute::STATUS),
        ("CertificateAuthorityArn", Attribute::named("authority")),
    ] {
        if let Some(held) = text(object, field) {
            let held = if matches!(field, "KeyAlgorithm" | "Status") {
                held.to_ascii_lowercase()
            } else {
                held
            };
            one = one.is(attribute, held);
        }
    }
    let names: Vec<_> = texts(object.get("SubjectAlternativeNames")).collect();
    Some(if names.is_empty() {
        one
    } else {
        one.is(Attribute::ALT_NAMES, names)
    })
}

fn client_certificate(object: &Object) -> Option<Observation> {
    let id = text(object, "clientCertificateId")?;
    if !object.contains_key("expirationDate") && !object.contains_key("pemEncodedCertificate") {
        return None;
    }
    let name = text(object, "description").unwrap_or_else(|| id.clone());
    let one = start(
        Kind::Credential,
        CredentialType::X509Certificate.as_str(),
        &format!("client-certificate/{id}"),
        "client_certificates",
        &name,
    );
    Some(dated(
        one,
        object,
        &[
            ("createdDate", Attribute::CREATED_AT),
            ("expirationDate", Attribute::EXPIRES_AT),
        ],
    ))
}

fn instance_profile(object: &Object) -> Option<Observation> {
    let name = text(object, "InstanceProfileName")?;
    let arn = text(object, "Arn").filter(|arn| arn.contains(":instance-profile/"))?;
    let roles = object
        .get("Roles")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let roles: Vec<String> = roles
        .filter_map(|role| {
            role.get("RoleName")
                .and_then(Value::as_str)
                .map(str::to_owned)
        })
        .collect();
    let one = start(
        Kind::Resource,
        "aws_instance_profile",
        &arn,
        "instance_profiles",
        &name,
    );
    let one = dated(one, object, &[("CreateDate", Attribute::CREATED_AT)]);
    Some(one.is(Attribute::named("roles"), roles))
}

/// An identity provider: what it signs may take on roles.
fn provider(object: &Object) -> Option<Observation> {
    let arn = text(object, "Arn").or_else(|| text(object, "OpenIDConnectProviderArn"))?;
    let (of_type, rest) = match arn.split_once(":oidc-provider/") {
        Some((_, rest)) => ("aws_oidc_provider", rest),
        None => ("aws_saml_provider", arn.split_once(":saml-provider/")?.1),
    };
    let one = start(Kind::Resource, of_type, &arn, "identity_providers", rest);
    Some(dated(
        one,
        object,
        &[
            ("CreateDate", Attribute::CREATED_AT),
            ("ValidUntil", Attribute::EXPIRES_AT),
        ],
    ))
}

/// An EC2 key pair, described or only named by an instance that was started with it.
fn key_pair(object: &Object) -> Option<Observation> {
    let name = text(object, "KeyName")?;
    let fingerprint = text(object, "KeyFingerprint");
    let id = text(object, "KeyPairId");
    let named = object.contains_key("InstanceId") || object.contains_key("ImageId");
    if fingerprint.is_none() && id.is_none() && !named {
        return None;
    }
    let slot = match (&id, &fingerprint) {
        (Some(id), _) => format!("key-pair/{id}"),
        (None, Some(print)) => format!("key-pair/{name}#{print}"),
        (None, None) => format!("key-pair/{name}"),
    };
    let of_type = CredentialType::SshAuthorizedKey.as_str();
    let mut one = start(Kind::Credential, of_type, &slot, "key_pairs", &name).hint("name", &name);
    if let Some(print) = &fingerprint {
        one = one.is(Attribute::named("fingerprint"), print.as_str());
    }
    if let Some(of) = text(object, "KeyType") {
        one = one.is(Attribute::ALGORITHM, of);
    }
    // For ed25519 AWS gives OpenSSH's own fingerprint; for RSA digests of other things.
    let openssh = fingerprint
        .filter(|print| !print.contains(':'))
        .map(|print| {
            format!(
                "SHA256:{}",
                print.trim_start_matches("SHA256:").trim_end_matches('=')
            )
        });
    let shown = text(object, "PublicKey").and_then(|line| ssh_fingerprint(&line));
    if let Some(print) = shown.or(openssh.filter(|print| print.len() == 50)) {
        one = one.key(Key::new(KeyKind::SshKeySha256, print));
    }
    Some(dated(one, object, &[("CreateTime", Attribute::CREATED_AT)]))
}

/// A key or credential that a user of IAM holds beside access keys.
fn user_key(object: &Object) -> Option<Observation> {
    let user = text(object, "UserName")?;
    let (of_type, id, scope) = if let Some(id) = text(object, "SSHPublicKeyId") {
        (CredentialType::SshAuthorizedKey, id, "ssh_public_keys")
    } else if let Some(id) = text(object, "ServiceSpecificCredentialId") {
        (CredentialType::ApiToken, id, "service_credentials")
    } else {
        let id =
            text(object, "CertificateId").filter(|_| object.contains_key("CertificateBody"))?;
        (CredentialType::X509Certificate, id, "signing_certificates")
    };
    let mut one = start(Kind::Credential, of_type.as_str(), &id, scope, &id)
        .is(Attribute::USER, user.as_str());
    if let Some(status) = text(object, "Status") {
        one = one.is(Attribute::STATUS, status.to_ascii_lowercase());
    }
    if let Some(print) = text(object, "SSHPublicKeyBody").and_then(|line| ssh_fingerprint(&line)) {
        one = one.key(Key::new(KeyKind::SshKeySha256, print));
    }
    Some(dated(
        one,
        object,
        &[
            ("UploadDate", Attribute::CREATED_AT),
            ("CreateDate", Attribute::CREATED_AT),
            ("ExpirationDate", Attribute::EXPIRES_AT),
        ],
    ))
}

/// A secret of Secrets Manager: the place, and each value that lies there under a label.
fn secret(object: &Object) -> Vec<Observation> {
    let arn = |name: &str| text(object, name).filter(|arn| arn.contains(":secretsmanager:"));
    if let (Some(place), Some(version)) = (
        arn("SecretId").or_else(|| arn("ARN")),
        text(object, "VersionId"),
    ) {
        let place = place.split(":version:").next().unwrap_or(&place).to_owned();
        let labels: Vec<_> = texts(object.get("VersionStages")).collect();
        return vec![version_of(object, &place, &version, labels)];
    }
    let (Some(place), Some(name)) = (arn("ARN"), text(object, "Name")) else {
        return Vec::new();
    };
    let rotation = flag(object.get("RotationEnabled"));
    let fields = [
        ("CreatedDate", Attribute::CREATED_AT),
        ("LastChangedDate", Attribute::ROTATED_AT),
        ("LastAccessedDate", Attribute::LAST_USED_AT),
    ];
    let resource = start(Kind::Resource, "aws_secret", &place, "secrets", &name);
    let mut resource = dated(resource, object, &fields)
        .told(
            Attribute::named("rotation_enabled"),
            Told::or_cannot_tell(rotation),
        )
        .told(
            Attribute::PURPOSE,
            Told::or_absent(text(object, "Description")),
        );
    for (field, attribute) in [
        ("KmsKeyId", "kms_key"),
        ("RotationLambdaARN", "rotated_by"),
        ("OwningService", "managed_by"),
    ] {
        if let Some(held) = text(object, field) {
            resource = resource.is(Attribute::named(attribute), held);
        }
    }
    let days = object
        .get("RotationRules")
        .and_then(|rules| number(rules.get("AutomaticallyAfterDays")));
    if let Some(days) = days {
        resource = resource.is(Attribute::named("rotation_days"), days);
    }
    let mut found = vec![resource];
    let versions = ["SecretVersionsToStages", "VersionIdsToStages"];
    let versions = versions
        .iter()
        .find_map(|name| object.get(*name)?.as_object());
    for (version, labels) in versions.into_iter().flatten() {
        found.push(version_of(
            object,
            &place,
            version,
            texts(Some(labels)).collect(),
        ));
    }
    if versions.is_none_or(serde_json::Map::is_empty) {
        let value = start(Kind::Credential, "aws_secret", &place, "secrets", &name);
        found.push(dated(value, object, &fields).link(
            Relation::On,
            Kind::Resource,
            native(&place),
        ));
    }
    found
}

fn version_of(object: &Object, place: &str, version: &str, labels: Vec<String>) -> Observation {
    let name = text(object, "Name");
    let name = name
        .as_deref()
        .unwrap_or_else(|| place.rsplit(':').next().unwrap_or(place));
    let current = labels.iter().any(|label| label == "AWSCURRENT");
    let one = start(
        Kind::Credential,
        "aws_secret",
        &format!("{place}#{version}"),
        "secrets",
        name,
    )
    .is(Attribute::ARN, place)
    .is(Attribute::named("labels"), labels)
    .link(Relation::On, Kind::Resource, native(place));
    // The dates of a secret are those of the value that is current.
    let fields = [
        ("LastChangedDate", Attribute::CREATED_AT),
        ("LastAccessedDate", Attribute::LAST_USED_AT),
    ];
    match (object.contains_key("Name"), current) {
        (true, true) => dated(one, object, &fields),
        (true, false) => one,
        (false, _) => dated(
            one,
            object,
            &[
                ("CreatedDate", Attribute::CREATED_AT),
                ("LastAccessedDate", Attribute::LAST_USED_AT),
            ],
        ),
    }
}

/// A parameter of Systems Manager that is kept as a secret.
fn parameter(object: &Object) -> Vec<Observation> {
    let arn = text(object, "ARN").or_else(|| text(object, "Arn"));
    let Some(arn) = arn.filter(|arn| arn.contains(":ssm:")) else {
        return Vec::new();
    };
    let (Some(name), Some("SecureString")) = (
        text(object, "Name"),
        object.get("Type").and_then(Value::as_str),
    ) else {
        return Vec::new();
    };
    let fields = [("LastModifiedDate", Attribute::ROTATED_AT)];
    let place = start(
        Kind::Resource,
        "aws_ssm_parameter",
        &arn,
        "parameters",
        &name,
    )
    .told(
        Attribute::PURPOSE,
        Told::or_absent(text(object, "Description")),
    );
    let version = number(object.get("Version"));
    let slot = version.map_or_else(|| arn.clone(), |version| format!("{arn}#{version}"));
    let value = start(
        Kind::Credential,
        "aws_ssm_parameter",
        &slot,
        "parameters",
        &name,
    )
    .is(Attribute::ARN, arn.as_str())
    .link(Relation::On, Kind::Resource, native(&arn));
    vec![dated(place, object, &fields), dated(value, object, &fields)]
}

fn kms_key(object: &Object) -> Option<Observation> {
    let arn = text(object, "KeyArn")
        .or_else(|| text(object, "Arn"))
        .filter(|arn| arn.contains(":kms:"))?;
    let id = text(object, "KeyId").filter(|_| arn.contains(":key/"))?;
    let mut one = start(Kind::Resource, "aws_kms_key", &arn, "kms_keys", &id);
    for (field, attribute) in [
        ("Description", Attribute::PURPOSE),
        ("KeyState", Attribute::STATUS),
        ("KeyManager", Attribute::named("managed_by")),
    ] {
        if let Some(held) = text(object, field) {
            one = one.is(
                attribute,
                if field == "Description" {
                    held
                } else {
                    held.to_ascii_lowercase()
                },
            );
        }
    }
    Some(dated(
        one,
        object,
        &[
            ("CreationDate", Attribute::CREATED_AT),
            ("ValidTo", Attribute::EXPIRES_AT),
        ],
    ))
}

fn kms_grant(object: &Object) -> Option<Observation> {
    let id = text(object, "GrantId")?;
    let grantee = text(object, "GranteePrincipal")?;
    let key = text(object, "KeyId")?;
    let name = text(object, "Name").unwrap_or_else(|| id.clone());
    let operations: Vec<_> = texts(object.get("Operations")).collect();
    let one = start(
        Kind::Grant,
        "aws_kms_grant",
        &format!("{key}#{id}"),
        // What is refused of the grants is a gap of the list of keys.
        "kms_keys",
        &name,
    )
    .is(Attribute::USER, grantee)
    .is(Attribute::RIGHTS, operations);
    let one = if key.starts_with("arn:") {
        one.link(Relation::On, Kind::Resource, native(&key))
    } else {
        one
    };
    Some(dated(
        one,
        object,
        &[("CreationDate", Attribute::CREATED_AT)],
    ))
}

/// The master user of a database: it may do everything there.
fn database(object: &Object) -> Option<Observation> {
    let user = text(object, "MasterUsername")?;
    let named = [
        "DBInstanceIdentifier",
        "DBClusterIdentifier",
        "ClusterIdentifier",
    ];
    let name = named.iter().find_map(|field| text(object, field))?;
    let arns = ["DBInstanceArn", "DBClusterArn", "ClusterNamespaceArn"];
    let place = arns
        .iter()
        .find_map(|field| text(object, field))
        .unwrap_or_else(|| name.clone());
    let host = match object.get("Endpoint") {
        Some(Value::Object(held)) => text(held, "Address"),
        Some(Value::String(held)) => Some(held.clone()),
        _ => None,
    };
    let port = object
        .get("Endpoint")
        .and_then(|held| number(held.get("Port")))
        .or_else(|| number(object.get("Port")));
    let id = format!("{place}#master={user}");
    let mut one = start(
        Kind::Identity,
        "aws_database_master_user",
        &id,
        "databases",
        &user,
    )
    .is(Attribute::PRIVILEGE, "superuser")
    .is(Attribute::USER, user.as_str())
    .is(Attribute::named("database"), name);
    one.facts.remove(&Attribute::ARN);
    one.hints.remove("arn");
    if let (Some(host), Some(port)) = (host, port) {
        let endpoint = format!("{}:{port}", host.to_ascii_lowercase());
        if text(object, "Engine").is_some_and(|engine| engine.contains("postgres")) {
            let login = format!("{endpoint}/{}", user.to_ascii_lowercase());
            if login.len() <= 512 {
                one = one.key(Key::new(KeyKind::PostgresLogin, login));
            }
        }
        one = one.is(Attribute::ENDPOINT, endpoint);
    }
    Some(dated(
        one,
        object,
        &[
            ("InstanceCreateTime", Attribute::CREATED_AT),
            ("ClusterCreateTime", Attribute::CREATED_AT),
        ],
    ))
}

/// A user of Identity Center: a person's account.
fn directory_user(object: &Object) -> Option<Observation> {
    let store = text(object, "IdentityStoreId")?;
    let (id, name) = (text(object, "UserId")?, text(object, "UserName")?);
    let one = start(
        Kind::Identity,
        "aws_identity_center_user",
        &format!("identity-store/{store}/{id}"),
        "identity_center",
        &name,
    );
    let class: Fact = Class::HumanOperated.into();
    Some(
        one.concluded(Attribute::CLASS, class, Confidence::Derived)
            .hint("name", name),
    )
}

/// A client application of a Cognito user pool.
fn app_client(object: &Object) -> Option<Observation> {
    let (pool, client) = (text(object, "UserPoolId")?, text(object, "ClientId")?);
    let name = text(object, "ClientName").unwrap_or_else(|| client.clone());
    let id = format!("user-pool/{pool}/{client}");
    let one = start(
        Kind::Identity,
        "aws_cognito_app_client",
        &id,
        "app_clients",
        &name,
    );
    let class: Fact = Class::Integration.into();
    let one = one.concluded(Attribute::CLASS, class, Confidence::Derived);
    Some(dated(
        one,
        object,
        &[
            ("CreationDate", Attribute::CREATED_AT),
            ("LastModifiedDate", Attribute::ROTATED_AT),
        ],
    ))
}
