//! A credential without an end, or with one that is far away.
//!
//! What never ends works for whoever finds it, years later. Prefer what a workload is given for
//! an hour; where that cannot be, set an end and rotate before it.

use model::{Attribute, CredentialType, Duration, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

/// The longest a credential may live: what public authorities allow a TLS certificate
/// (CA/Browser Forum, ballot SC-081, before its reductions).
const LIFE_MAX: Duration = Duration::days(398);

pub(super) const RULE: Rule = Rule {
    id: "long-lived",
    title: "a credential has no end, or a far one",
    owasp: "NHI7",
    severity: Severity::Low,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    // A key pair has no end by nature; its certificate has, and its age is another rule's.
    let endless = [CredentialType::PrivateKey, CredentialType::SshAuthorizedKey];
    if !thing.is_live_credential()
        || thing.is_off()
        || endless.iter().any(|one| one.as_str() == thing.type_())
    {
        return Vec::new();
    }
    match thing.entity.time(&Attribute::EXPIRES_AT) {
        Told::Is(end) => {
            let from = thing.entity.time(&Attribute::VALID_FROM);
            let from = from.is().copied().unwrap_or(ground.now);
            let life = end.since(from);
            if life > LIFE_MAX {
                Ruling::fail(format!("it lives for {life}, until {end}"))
            } else {
                Ruling::pass()
            }
        }
        Told::Absent => Ruling::fail("it never ends by itself"),
        Told::CannotTell => Ruling::unknown("no source tells when it ends"),
    }
}
