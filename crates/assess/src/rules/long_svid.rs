//! An identity of SPIRE whose documents live longer than they need to.
//!
//! An SVID cannot be called back: whoever steals one is that workload until it ends. Agents renew
//! at half of its life, so an hour for certificates and minutes for tokens cost nobody anything.

use model::{Attribute, Duration, Kind, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

/// The server's own default is an hour; its authority lives for a day.
const CERTIFICATE_MAX: Duration = Duration::hours(24);
/// The server's own default is five minutes.
const TOKEN_MAX: Duration = Duration::hours(1);

pub(super) const RULE: Rule = Rule {
    id: "long-svid",
    title: "an identity is handed out for too long",
    owasp: "NHI7",
    severity: Severity::Low,
    next: "keyroll get {id}",
    check,
};

fn check(thing: &Thing<'_>, _: &Ground) -> Vec<Ruling> {
    let here = thing.entity.kind == Kind::Grant && thing.entity.missing_since.is_none();
    if !here || thing.type_() != "spire_entry" {
        return Vec::new();
    }
    let mut told = false;
    for (name, what, most) in [
        ("x509_svid_seconds", "certificates", CERTIFICATE_MAX),
        ("jwt_svid_seconds", "tokens", TOKEN_MAX),
    ] {
        let Told::Is(seconds) = thing.entity.fact(&Attribute::named(name)) else {
            continue;
        };
        told = true;
        let life = Duration::seconds(seconds.number().unwrap_or_default());
        if life > most {
            return Ruling::fail(format!("its {what} live for {life}"));
        }
    }
    if told {
        Ruling::pass()
    } else {
        Ruling::unknown("it takes the server's default, which no source tells")
    }
}
