//! A credential that acts as root, superuser or administrator.
//!
//! Nothing bounds what its bearer can do, and nobody can tell its legitimate use from theft.
//! Use a role with the rights that are needed, and keep root for the day everything else fails.

use model::{Attribute, CredentialType, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

/// The managed policy of AWS that allows everything.
const ADMINISTRATOR: &str = "AdministratorAccess";

/// Identities whose every credential does all that they may.
const HOLDERS: &[&str] = &[
    "gcp_service_account",
    "azuread_application",
    "azuread_service_principal",
    "entra_agent_identity",
];

pub(super) const RULE: Rule = Rule {
    id: "privileged-key",
    title: "a credential acts as root, superuser or administrator",
    owasp: "NHI5",
    severity: Severity::High,
    next: "keyroll why {id}",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    let could = [
        CredentialType::AwsAccessKey,
        CredentialType::KubernetesToken,
        CredentialType::PostgresPassword,
        CredentialType::MysqlPassword,
        CredentialType::RedisPassword,
        CredentialType::AwsSession,
    ];
    let of_account = thing.holder.is_some_and(|holder| {
        let type_ = holder.text(&Attribute::TYPE).unwrap_or_default();
        HOLDERS.contains(&type_)
    });
    let could = of_account || could.iter().any(|one| one.as_str() == thing.type_());
    if !thing.is_live_credential() || !could {
        return Vec::new();
    }
    // A token says of itself whose it is, if anybody can say more.
    if thing.type_() == CredentialType::KubernetesToken.as_str() && thing.holder.is_none() {
        return Vec::new();
    }
    // What is over lets nobody in.
    let over = thing.entity.time(&Attribute::EXPIRES_AT);
    if thing.is_off() || over.is().is_some_and(|end| *end <= ground.now) {
        return Ruling::pass();
    }
    match thing.own_or_holders(&Attribute::PRIVILEGE) {
        Told::Is(value) if matches!(value.text(), Some("root" | "superuser")) => {
            Ruling::fail(format!("it acts as {value}"))
        }
        Told::Is(value) if value.text() == Some("takeover") => {
            Ruling::fail("its account may take over the whole cluster")
        }
        Told::Is(value) if value.text() == Some("admin") => Ruling::fail(administrator(thing)),
        Told::Is(_) | Told::Absent => Ruling::pass(),
        Told::CannotTell => Ruling::unknown("no source tells what it may do"),
    }
}

/// That it may do everything, with the rights that its holder is told to have.
fn administrator(thing: &Thing<'_>) -> String {
    let everything = "it acts as administrator and may do everything";
    let rights = match thing.own_or_holders(&Attribute::RIGHTS) {
        Told::Is(rights) => model::clean(&rights.to_string()),
        Told::Absent | Told::CannotTell => String::new(),
    };
    // Beside the right to everything, no other counts.
    let named = rights
        .split(", ")
        .find(|one| one.starts_with(ADMINISTRATOR));
    match named.unwrap_or(&rights) {
        "" => everything.to_owned(),
        rights => format!("{everything}, by {}", model::shorten(rights, 200)),
    }
}
