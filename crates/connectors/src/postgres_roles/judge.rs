//! Which refusals of a PostgreSQL server speak of the credential, and which prove nothing (RP-2).
//!
//! Source: PostgreSQL manual, appendix A (error codes), and where the server raises them.

use model::Probed;

use crate::Refusal;

/// Codes that count as a denial for an authentication reason.
///
/// `28P01`: the password is wrong, has run out, or there is none; the server says the same of a
/// role that does not exist. `28000` alone proves nothing: an address that `pg_hba.conf` turns
/// away gets it as well. Only where the server raised it while it took on the role
/// (`InitializeSessionUserId`) does it say that there is no such role or that it may not log in.
/// `57P01`: an administrator ended this session.
pub(super) static DENIALS: &[&str] = &["28P01", "28000:InitializeSessionUserId", "57P01"];

/// A new login was refused.
pub(super) fn login(refusal: &Refusal) -> Probed {
    match refusal.code.as_str() {
        code @ ("28P01" | "28000:InitializeSessionUserId") => denied(code),
        _ => unclear(refusal),
    }
}

/// A question over the held session was refused. `Ok` says how that session is known to be
/// gone; whether the server still has any is asked of the collector afterwards.
pub(super) fn held(refusal: &Refusal) -> Result<String, Probed> {
    match refusal.code.as_str() {
        // Ended by an administrator, or closed without a word.
        code @ ("57P01" | "closed") => Ok(code.to_owned()),
        // Nothing was held any more (we began anew), and none can be opened.
        code @ ("28P01" | "28000:InitializeSessionUserId") => Ok(format!("not held; {code}")),
        _ => Err(unclear(refusal)),
    }
}

/// Whether no question at all was heard: no login, no connection, no room.
pub(super) fn keeps_out(refusal: &Refusal) -> bool {
    let code = refusal.code.as_str();
    ["28", "08", "53", "57P", "3D"]
        .iter()
        .any(|class| code.starts_with(class))
        || code == "closed"
        || code == "timeout"
}

pub(super) fn denied(code: impl Into<String>) -> Probed {
    Probed::Denied { code: code.into() }
}

pub(super) fn unclear(refusal: &Refusal) -> Probed {
    Probed::Unclear {
        why: refusal.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Reason;

    /// RP-2, SY-9: what does not speak of the credential neither counts nor resets.
    #[test]
    fn a_full_server_a_starting_one_and_a_missing_database_prove_nothing() {
        for code in [
            "53300",
            "57P03",
            "08006",
            "08P01",
            "3D000",
            "42501",
            "28000",
            "28000:auth_failed",
            "28000:ClientAuthentication",
            "57014",
            "closed",
            "",
        ] {
            let refusal = Refusal::new(Reason::Failed, "x").code(code);
            assert!(matches!(login(&refusal), Probed::Unclear { .. }), "{code}");
        }
    }

    #[test]
    fn a_wrong_password_and_a_role_that_may_not_log_in_are_denials() {
        for code in ["28P01", "28000:InitializeSessionUserId"] {
            let refusal = Refusal::new(Reason::Denied, "x").code(code);
            assert_eq!(login(&refusal), denied(code));
            assert!(DENIALS.contains(&code));
        }
    }

    #[test]
    fn a_broken_network_does_not_end_a_held_session() {
        for code in ["08006", "57P03", "timeout", "57014", ""] {
            assert!(
                held(&Refusal::new(Reason::Failed, "x").code(code)).is_err(),
                "{code}"
            );
        }
        assert!(held(&Refusal::new(Reason::Failed, "x").code("57P01")).is_ok());
    }
}
