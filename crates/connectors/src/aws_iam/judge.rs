//! What an answer of AWS to a probe says of the credential (revocation.md RP-1, RP-2, RP-5).

use model::{Probed, Reason};

use super::{ask, xml};
use crate::{Refusal, Response};

/// Codes that speak of the key itself: AWS does not know it, or knows it as inactive.
/// `SignatureDoesNotMatch` is none: the key may be well and the secret a wrong one.
pub(super) const OF_THE_KEY: [&str; 3] = [
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
];
/// Codes with which services refuse an action; they count only with the text of an explicit
/// deny, and only for a session that could do it before.
const OF_THE_ACTION: [&str; 4] = [
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
];

/// The answer to `GetCallerIdentity` with the key under revocation.
pub(super) fn login(response: &Response) -> Probed {
    if response.status == 200 {
        return match principal(response) {
            Some(principal) => Probed::Accepted { principal },
            None => unclear("it was let in, but the answer names no principal"),
        };
    }
    match xml::error(&response.body) {
        // 403 and nothing else: a proxy's or emulator's error page may hold any words.
        Some((code, _)) if response.status == 403 && code == OF_THE_KEY[0] => {
            Probed::Denied { code }
        }
        _ => of_status(response),
    }
}

/// The answer to a harmless action in a session that was minted from the key.
///
/// `None`: it was allowed, and `GetCallerIdentity` has to say to whom.
pub(super) fn session(response: &Response) -> Option<Probed> {
    if (200..300).contains(&response.status) {
        return None;
    }
    let denied = xml::error(&response.body).and_then(|(code, message)| {
        if !(400..404).contains(&response.status) {
            return None;
        }
        if OF_THE_KEY.contains(&code.as_str()) {
            return Some(code);
        }
        let explicit = message.to_ascii_lowercase().contains("explicit deny");
        (OF_THE_ACTION.contains(&code.as_str()) && explicit)
            .then(|| format!("{code}: explicit deny"))
    });
    Some(denied.map_or_else(|| of_status(response), |code| Probed::Denied { code }))
}

/// Who was let in, in the answer to `GetCallerIdentity`.
pub(super) fn principal(response: &Response) -> Option<String> {
    let answer = xml::to_json(&response.body).ok()?;
    let result = answer.get("GetCallerIdentityResult")?;
    result.get("Arn")?.as_str().map(str::to_owned)
}

/// No answer at all: the network, a limit, a stopped pass.
pub(super) fn silence(refusal: &Refusal) -> Probed {
    unclear(&refusal.to_string())
}

fn of_status(response: &Response) -> Probed {
    let refusal = ask::refusal(response);
    let throttled = if refusal.reason == Reason::Throttled {
        "throttled; "
    } else {
        ""
    };
    let code = if refusal.code.is_empty() {
        "no code of AWS"
    } else {
        &refusal.code
    };
    unclear(&format!(
        "{throttled}HTTP status {}, {code}",
        response.status
    ))
}

fn unclear(why: &str) -> Probed {
    Probed::Unclear {
        why: model::shorten(&model::clean(why), 200),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn answer(status: u16, code: &str, message: &str) -> Response {
        Response {
            status,
            request_id: String::new(),
            body: format!(
                "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
            ),
            next: BTreeMap::new(),
            whole: false,
        }
    }

    fn identity(status: u16, arn: &str) -> Response {
        Response {
            status,
            request_id: String::new(),
            body: format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"
            ),
            next: BTreeMap::new(),
            whole: false,
        }
    }

    /// RP-2, and SY-9 for this system.
    #[test]
    fn only_the_code_that_speaks_of_the_key_denies_a_login() {
        let denied = answer(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        );
        assert_eq!(
            login(&denied),
            Probed::Denied {
                code: "InvalidClientTokenId".to_owned()
            }
        );
        for (status, code) in [
            (403, "SignatureDoesNotMatch"),
            (403, "AccessDenied"),
            (403, "ExpiredToken"),
            (403, "RequestExpired"),
            (400, "Throttling"),
            (429, "TooManyRequestsException"),
            (500, "InternalFailure"),
            (503, "ServiceUnavailable"),
            // A lie: the right code with the wrong status.
            (200, "InvalidClientTokenId"),
            (503, "InvalidClientTokenId"),
            (403, "InvalidClientTokenId "),
        ] {
            let told = login(&answer(status, code, ""));
            let trimmed = status == 403 && code.trim() == "InvalidClientTokenId";
            assert!(
                matches!(told, Probed::Unclear { .. }) != trimmed,
                "{status} {code}: {told:?}"
            );
        }
        for body in [
            "",
            "<html>500</html>",
            "InvalidClientTokenId",
            "{\"code\":\"InvalidClientTokenId\"}",
        ] {
            let response = Response {
                status: 403,
                request_id: String::new(),
                body: body.to_owned(),
                next: BTreeMap::new(),
                whole: false,
            };
            assert!(matches!(login(&response), Probed::Unclear { .. }), "{body}");
        }
    }

    /// RP-1: who was let in is told, for the control to compare; another one is told as well.
    #[test]
    fn whoever_was_let_in_is_named() {
        for arn in [
            "arn:aws:iam::111122223333:user/ann",
            "arn:aws:sts::123456789012:user/moto",
        ] {
            assert_eq!(
                login(&identity(200, arn)),
                Probed::Accepted {
                    principal: arn.to_owned()
                }
            );
        }
        assert!(matches!(login(&identity(200, "")), Probed::Unclear { .. }));
    }

    /// RP-2 and its one exception; RP-5.
    #[test]
    fn a_session_is_denied_by_an_explicit_deny_and_by_nothing_less() {
        let explicit = "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: \
            sns:ListTopics with an explicit deny in an identity-based policy";
        for code in OF_THE_ACTION {
            let told = session(&answer(403, code, explicit));
            assert_eq!(
                told,
                Some(Probed::Denied {
                    code: format!("{code}: explicit deny")
                })
            );
        }
        for (status, code, message) in [
            (
                403,
                "AccessDenied",
                "because no identity-based policy allows the sns:ListTopics action",
            ),
            (403, "ExpiredToken", explicit),
            (403, "SignatureDoesNotMatch", explicit),
            (500, "AccessDenied", explicit),
            (429, "Throttling", explicit),
            (503, "InvalidClientTokenId", ""),
        ] {
            let told = session(&answer(status, code, message));
            assert!(
                matches!(told, Some(Probed::Unclear { .. })),
                "{status} {code}: {told:?}"
            );
        }
        assert_eq!(session(&identity(200, "x")), None, "allowed");
    }

    #[test]
    fn no_answer_is_unclear() {
        let told = silence(&Refusal::new(Reason::Failed, "timeout\u{1b}[2J"));
        assert!(matches!(told, Probed::Unclear { why } if !why.contains('\u{1b}')));
    }
}
