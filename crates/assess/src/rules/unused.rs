//! A credential that nobody has used for long.
//!
//! It opens a door that nobody walks through, and nobody will notice who does. Switch it off,
//! wait, then remove it.

use model::{Attribute, Duration, Severity, Told};

use crate::{Ground, Rule, Ruling, Thing};

/// Nobody is called idle before so long (NIST SP 800-53 AC-2(3), CIS AWS 1.12 asks for 45 days).
const IDLE_MAX: Duration = Duration::days(90);

pub(super) const RULE: Rule = Rule {
    id: "unused",
    title: "a credential was not used for long",
    owasp: "NHI1",
    severity: Severity::Medium,
    next: "keyroll plan revoke {id}",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    if !thing.is_live_credential() || thing.is_off() {
        return Vec::new();
    }
    match thing.entity.time(&Attribute::LAST_USED_AT) {
        Told::Is(used) => {
            let idle = ground.now.since(used);
            if idle > IDLE_MAX {
                Ruling::fail(format!(
                    "last used on {used}, {idle} ago, as its source counts use; {IDLE_MAX} are allowed"
                ))
            } else {
                Ruling::pass()
            }
        }
        // Its source counts uses and has none: the window is as long as it exists.
        Told::Absent => match thing.entity.time(&Attribute::CREATED_AT) {
            Told::Is(made) if ground.now.since(made) > IDLE_MAX => Ruling::fail(format!(
                "never used since it was made on {made}, as its source counts use"
            )),
            Told::Is(_) => Ruling::pass(),
            Told::Absent | Told::CannotTell => Ruling::unknown(
                "its source has seen no use of it, and does not tell since when it exists",
            ),
        },
        Told::CannotTell => Ruling::unknown("no source tells when it was last used"),
    }
}
