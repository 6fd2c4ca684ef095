//! Result codes of LDAP (RFC 4511 appendix A), in the words of gaps.

use connectors::Refusal;
use model::Reason;

use super::message::Outcome;

/// Codes, their names, and what they mean for whoever asks.
const CODES: &[(u32, &str, Reason)] = &[
    (1, "operationsError", Reason::Failed),
    (2, "protocolError", Reason::Unsupported),
    (3, "timeLimitExceeded", Reason::Denied),
    (4, "sizeLimitExceeded", Reason::Denied),
    (7, "authMethodNotSupported", Reason::Unsupported),
    (8, "strongerAuthRequired", Reason::Denied),
    (10, "referral", Reason::Unsupported),
    (11, "adminLimitExceeded", Reason::Denied),
    (12, "unavailableCriticalExtension", Reason::Unsupported),
    (13, "confidentialityRequired", Reason::Denied),
    (16, "noSuchAttribute", Reason::Failed),
    (17, "undefinedAttributeType", Reason::Unsupported),
    (18, "inappropriateMatching", Reason::Unsupported),
    (32, "noSuchObject", Reason::Denied),
    (34, "invalidDNSyntax", Reason::Unsupported),
    (48, "inappropriateAuthentication", Reason::Denied),
    (49, "invalidCredentials", Reason::Denied),
    (50, "insufficientAccessRights", Reason::Denied),
    (51, "busy", Reason::Throttled),
    (52, "unavailable", Reason::Throttled),
    (53, "unwillingToPerform", Reason::Unsupported),
];

impl Outcome {
    /// Why it did not end well; `None` where it did.
    pub(super) fn refused(&self) -> Option<Refusal> {
        if self.code == 0 {
            return None;
        }
        let known = CODES.iter().find(|(code, _, _)| *code == self.code);
        let (name, mut reason) = match known {
            Some((_, name, reason)) => ((*name).to_owned(), *reason),
            None => (self.code.to_string(), Reason::Failed),
        };
        // What Active Directory says to whoever did not bind.
        if self.code == 1
            && ["successful bind", "without authentication"]
                .iter()
                .any(|one| self.told.contains(one))
        {
            reason = Reason::Denied;
        }
        let told = match self.told.trim_matches(['\0', ' ']) {
            "" => "the directory says no more".to_owned(),
            told => model::shorten(told, 300).to_owned(),
        };
        Some(Refusal::new(reason, told).code(name))
    }
}
