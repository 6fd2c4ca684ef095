//! The steps against a small account that can be told to lie.

use std::collections::BTreeMap;

use model::{EntityId, Fingerprint, Reason, Secret, SightingKey};

use super::*;
use crate::{Answer, Fingerprints, Port, Question};

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const USER: &str = "arn:aws:iam::111122223333:user/ann";

/// An account with one user and one key.
#[derive(Default)]
struct Fake {
    status: Option<&'static str>,
    user_gone: bool,
    policy: Option<String>,
    own_arn: &'static str,
    /// Acknowledges changes and makes none.
    lies: bool,
    denied: Option<&'static str>,
    asked: Vec<String>,
    session_answer: Option<(u16, &'static str)>,
}

impl Fake {
    fn active() -> Self {
        Self {
            status: Some("Active"),
            own_arn: "arn:aws:iam::111122223333:user/keyroll",
            ..Self::default()
        }
    }

    fn answer(&mut self, request: &Request) -> (u16, String) {
        let get = |name: &str| request.parameters.get(name).cloned().unwrap_or_default();
        let action = get("Action");
        self.asked.push(action.clone());
        let error = |status, code: &str| {
            (
                status,
                format!(
                    "<ErrorResponse><Error><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>"
                ),
            )
        };
        if self.denied == Some(action.as_str()) {
            return error(403, "AccessDenied");
        }
        let well = |inner: String| {
            (
                200,
                format!(
                    "<{action}Response><{action}Result>{inner}</{action}Result><ResponseMetadata/></{action}Response>"
                ),
            )
        };
        match action.as_str() {
            "GetCallerIdentity" if request.whom == Whom::Minted => well(format!("<Arn>{USER}</Arn>")),
            "GetCallerIdentity" if request.whom == Whom::Collector => well(format!("<Arn>{}</Arn>", self.own_arn)),
            "GetCallerIdentity" => match self.status {
                Some("Active") => well(format!("<Arn>{USER}</Arn>")),
                _ => error(403, "InvalidClientTokenId"),
            },
            "ListTopics" => match self.session_answer {
                Some((status, body)) => (status, body.to_owned()),
                None => well(String::new()),
            },
            _ if self.user_gone => error(404, "NoSuchEntity"),
            "ListAccessKeys" => well(self.status.map_or(String::new(), |status| {
                format!("<AccessKeyMetadata><member><AccessKeyId>{KEY}</AccessKeyId><Status>{status}</Status></member></AccessKeyMetadata>")
            })),
            "GetUserPolicy" => match &self.policy {
                Some(document) => well(format!("<PolicyDocument>{}</PolicyDocument>", document.replace('"', "%22"))),
                None => error(404, "NoSuchEntity"),
            },
            _ if self.lies => well(String::new()),
            "PutUserPolicy" => {
                self.policy = Some(get("PolicyDocument"));
                well(String::new())
            }
            "UpdateAccessKey" | "DeleteAccessKey" if self.status.is_none() => error(404, "NoSuchEntity"),
            "UpdateAccessKey" => {
                self.status = Some("Inactive");
                well(String::new())
            }
            "DeleteAccessKey" => {
                self.status = None;
                well(String::new())
            }
            _ => error(400, "InvalidAction"),
        }
    }
}

impl Port for Fake {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let Question::Http(request) = question else {
            return Err(Refusal::new(Reason::Unsupported, "HTTP only"));
        };
        let changes = ["PutUserPolicy", "UpdateAccessKey", "DeleteAccessKey"];
        let action = request.parameters.get("Action").map_or("", String::as_str);
        assert_eq!(
            request.changes,
            changes.contains(&action),
            "{action} declares what it does"
        );
        let (status, body) = self.answer(request);
        Ok(Answer::Http(Response {
            status,
            request_id: "req-1".to_owned(),
            body,
            next: BTreeMap::new(),
            whole: false,
        }))
    }
}

struct NoKey;

impl Fingerprints for NoKey {
    fn fingerprint(&self, _: &Secret) -> Fingerprint {
        unreachable!("no secret is looked at")
    }
    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

fn subject() -> Subject {
    let source: model::SourceId = "aws_iam:111122223333".parse().unwrap();
    let key = SightingKey {
        source: source.clone(),
        kind: Kind::Credential,
        native: KEY.to_owned(),
    };
    Subject {
        entity: EntityId::of(&key),
        name: KEY.to_owned(),
        credential: CredentialType::AwsAccessKey,
        source,
        native: KEY.to_owned(),
        handle: BTreeMap::from([
            ("user".to_owned(), KEY.to_owned()),
            ("user_name".to_owned(), "ann".to_owned()),
            ("session_probe".to_owned(), "sns:ListTopics".to_owned()),
            ("may_assume_roles".to_owned(), "no".to_owned()),
        ]),
        principal: USER.to_owned(),
        seen_at: Vec::new(),
        fingerprints: Vec::new(),
    }
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn with<T>(fake: &mut Fake, each: impl FnOnce(&mut Context<'_>) -> T) -> T {
    at(fake, now(), each)
}

fn at<T>(fake: &mut Fake, now: Timestamp, each: impl FnOnce(&mut Context<'_>) -> T) -> T {
    let options = BTreeMap::new();
    let mut sink = |_| {};
    let mut cx = Context::new(fake, &NoKey, "111122223333", &options, now, &mut sink);
    each(&mut cx)
}

fn standing(fake: &mut Fake) -> Standing {
    with(fake, |cx| {
        AccessKeyRevoker.standing(cx, &subject()).unwrap()
    })
}

fn act(fake: &mut Fake, step: StepKind) -> Result<Outcome, Error> {
    with(fake, |cx| AccessKeyRevoker.act(cx, &subject(), step))
}

#[test]
fn each_step_shows_in_what_the_provider_says_afterwards() {
    let mut fake = Fake::active();
    assert_eq!(
        standing(&mut fake),
        Standing {
            present: true,
            sessions_denied: false,
            cut: false,
            sessions: None
        }
    );
    act(&mut fake, StepKind::DenySessions).unwrap();
    assert_eq!(
        standing(&mut fake),
        Standing {
            present: true,
            sessions_denied: true,
            cut: false,
            sessions: None
        }
    );
    act(&mut fake, StepKind::Cut).unwrap();
    assert_eq!(
        standing(&mut fake),
        Standing {
            present: true,
            sessions_denied: true,
            cut: true,
            sessions: None
        }
    );
    let done = act(&mut fake, StepKind::Remove).unwrap();
    assert!(matches!(done, Outcome::Done { told, .. } if told.contains("req-1")));
    assert_eq!(
        standing(&mut fake),
        Standing {
            present: false,
            sessions_denied: true,
            cut: true,
            sessions: None
        }
    );
}

/// S-4.
#[test]
fn already_absent_is_success_of_the_provider_and_says_so() {
    let mut fake = Fake {
        status: None,
        ..Fake::active()
    };
    for step in [StepKind::Cut, StepKind::Remove] {
        assert!(matches!(
            act(&mut fake, step).unwrap(),
            Outcome::Already { .. }
        ));
    }
    let mut fake = Fake {
        user_gone: true,
        ..Fake::active()
    };
    assert_eq!(
        standing(&mut fake),
        Standing {
            present: false,
            sessions_denied: true,
            cut: true,
            sessions: None
        }
    );
}

/// Revocation.md 5.2: a missing permission is a failure, never success.
#[test]
fn a_missing_permission_is_never_success() {
    for (denied, step) in [
        ("PutUserPolicy", StepKind::DenySessions),
        ("UpdateAccessKey", StepKind::Cut),
        ("DeleteAccessKey", StepKind::Remove),
    ] {
        let mut fake = Fake {
            denied: Some(denied),
            ..Fake::active()
        };
        let told = act(&mut fake, step).unwrap_err();
        assert!(
            matches!(&told, Error::Refused(refusal) if refusal.reason == Reason::Denied),
            "{told}"
        );
    }
    for denied in ["ListAccessKeys", "GetUserPolicy"] {
        let mut fake = Fake {
            denied: Some(denied),
            ..Fake::active()
        };
        let told = with(&mut fake, |cx| AccessKeyRevoker.standing(cx, &subject()));
        assert!(told.is_err(), "{denied}: what cannot be read is not said");
    }
}

#[test]
fn a_provider_that_acknowledges_and_does_nothing_shows_in_its_standing() {
    let mut fake = Fake {
        lies: true,
        ..Fake::active()
    };
    for step in [StepKind::DenySessions, StepKind::Cut, StepKind::Remove] {
        assert!(matches!(
            act(&mut fake, step).unwrap(),
            Outcome::Done { .. }
        ));
    }
    assert_eq!(
        standing(&mut fake),
        Standing {
            present: true,
            sessions_denied: false,
            cut: false,
            sessions: None
        }
    );
}

#[test]
fn sessions_count_as_denied_only_while_the_next_one_would_be() {
    let mut fake = Fake::active();
    act(&mut fake, StepKind::DenySessions).unwrap();
    let later = |fake: &mut Fake, minutes| {
        at(fake, now() + Duration::minutes(minutes), |cx| {
            AccessKeyRevoker.standing(cx, &subject()).unwrap()
        })
    };
    assert!(later(&mut fake, 9).sessions_denied);
    assert!(
        !later(&mut fake, 11).sessions_denied,
        "the key still mints, and what it mints would live"
    );
    act(&mut fake, StepKind::Cut).unwrap();
    assert!(
        later(&mut fake, 60).sessions_denied,
        "a key that is cut mints nothing more"
    );
}

#[test]
fn a_policy_that_somebody_altered_denies_nothing() {
    let good = serde_json::json!({"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2026-03-01T12:15:00Z"}}}]});
    assert!(limit_in(&good).is_some());
    for (place, wrong) in [
        ("/Statement/0/Effect", serde_json::json!("Allow")),
        ("/Statement/0/Action", serde_json::json!("s3:*")),
        ("/Statement/0/Resource", serde_json::json!("arn:aws:s3:::b")),
        ("/Statement/0/Condition", serde_json::json!({})),
        (
            "/Statement/0/Condition",
            serde_json::json!({"DateLessThan": {"aws:TokenIssueTime": "2026-03-01T12:15:00Z"}, "Bool": {"x": "y"}}),
        ),
    ] {
        let mut altered = good.clone();
        *altered.pointer_mut(place).unwrap() = wrong;
        assert_eq!(limit_in(&altered), None, "{place}");
    }
}

#[test]
fn keyroll_does_not_cut_its_own_only_key() {
    let mut fake = Fake {
        own_arn: USER,
        ..Fake::active()
    };
    for step in [StepKind::DenySessions, StepKind::Cut] {
        assert!(matches!(act(&mut fake, step), Err(Error::Unknown { .. })));
    }
    assert_eq!(fake.status, Some("Active"));
    assert_eq!(fake.policy, None);
}

/// RP-5: a session is judged by a real action; GetCallerIdentity only tells whose it was.
#[test]
fn a_session_is_probed_by_a_real_action_and_never_by_an_exempt_one() {
    let probe = |fake: &mut Fake| {
        with(fake, |cx| {
            AccessKeyRevoker
                .probe(cx, &subject(), Path::MintedSession)
                .unwrap()
        })
    };
    let mut fake = Fake::active();
    assert_eq!(
        probe(&mut fake),
        Probed::Accepted {
            principal: USER.to_owned()
        }
    );
    let denied = "<ErrorResponse><Error><Code>AuthorizationError</Code><Message>not authorized with an explicit deny</Message></Error></ErrorResponse>";
    fake.session_answer = Some((403, denied));
    fake.asked.clear();
    assert!(matches!(probe(&mut fake), Probed::Denied { .. }));
    assert_eq!(fake.asked, ["ListTopics"]);
    let mut rightless = subject();
    rightless.handle.remove("session_probe");
    let told = with(&mut fake, |cx| {
        AccessKeyRevoker
            .probe(cx, &rightless, Path::MintedSession)
            .unwrap()
    });
    assert!(matches!(told, Probed::Unclear { .. }));
}

#[test]
fn what_survives_depends_on_the_roles_the_user_may_take_on() {
    let left = |may: &str, roles: &str| {
        let mut subject = subject();
        subject
            .handle
            .insert("may_assume_roles".to_owned(), may.to_owned());
        subject
            .handle
            .insert("assumable_roles".to_owned(), roles.to_owned());
        let found = AccessKeyRevoker.survivors(&subject);
        found
            .into_iter()
            .filter(|one| !one.cut_by_plan)
            .map(|one| one.what)
            .collect::<Vec<_>>()
    };
    assert!(left("no", "").is_empty(), "none can exist");
    assert!(
        left("no", "release")[0].contains("release"),
        "the role lets it in by name"
    );
    assert!(left("unknown", "")[0].contains("cannot be told"));
    assert!(left("yes", "release")[0].contains("perhaps others"));
}

/// The residual states its time: what the roles allow where all are known, else AWS's maximum.
#[test]
fn sessions_of_roles_live_as_long_as_the_roles_say_and_never_longer_than_aws_allows() {
    let lives = |may: &str, seconds: Option<&str>| {
        let mut subject = subject();
        let mut told = |name: &str, held: &str| {
            subject.handle.insert(name.to_owned(), held.to_owned());
        };
        told("may_assume_roles", may);
        told("assumable_roles", "release");
        if let Some(seconds) = seconds {
            told("longest_role_session", seconds);
        }
        let found = AccessKeyRevoker.survivors(&subject);
        let role = found.into_iter().find(|one| !one.cut_by_plan).unwrap();
        assert!(role.what.contains("AWSRevokeOlderSessions"));
        role.lives_at_most.unwrap()
    };
    assert_eq!(lives("no", Some("3600")), Duration::hours(1));
    assert_eq!(lives("no", Some("999999")), Duration::hours(12));
    for (may, seconds) in [
        ("no", None),
        ("no", Some("-1")),
        ("no", Some("x")),
        ("yes", Some("3600")),
        ("unknown", Some("3600")),
    ] {
        assert_eq!(
            lives(may, seconds),
            Duration::hours(12),
            "{may} {seconds:?}"
        );
    }
}

/// Revocation reference, section 5.1: ten minutes for a session deny, one for the key.
#[test]
fn minted_sessions_are_watched_for_longer_than_the_key() {
    let declared = AccessKeyRevoker.declares();
    assert_eq!(
        (declared.window.denials, declared.window.over),
        (5, Duration::seconds(60))
    );
    let [(path, window)] = declared.windows else {
        panic!("{:?}", declared.windows)
    };
    assert_eq!(*path, Path::MintedSession);
    assert_eq!((window.denials, window.over), (5, Duration::minutes(10)));
    assert_eq!(window.first_after, Duration::seconds(30));
}

#[test]
fn every_harmless_permission_has_its_read() {
    for (permission, read) in crate::aws_iam::rights::HARMLESS.iter().zip(READS) {
        assert_eq!(*permission, read.0);
    }
}
