//! Ends an access key: deny the sessions minted from it, deactivate it, delete it, and see both
//! the key and its sessions refused (revocation.md section 5, AWS rows).
//!
//! Sessions are denied by an inline policy of the user before the key is cut, up to a moment
//! that lies ahead: what the key mints until the cut bites everywhere is denied as well. AWS
//! denies by the user, not by the key: sessions which other keys of that user minted until then
//! are denied too, and the plan says so.

use std::collections::BTreeMap;

use model::{
    Attribute, CredentialType, Duration, Entity, Kind, Outcome, Path, Probed, Step, StepKind,
    Subject, Survivor, Timestamp, Value, Window,
};

use super::ask::{iam, refusal, result, sts, try_pages};
use super::{judge, policy};
use crate::{
    Context, Declared, Error, Handle, Refusal, Request, Response, Revoker, Standing, Whom,
};

/// Revokes access keys of users.
#[derive(Debug)]
pub(super) struct AccessKeyRevoker;

static DECLARED: Declared = Declared {
    credential: CredentialType::AwsAccessKey,
    calls: &[
        "iam:PutUserPolicy: deny everything to sessions issued before a moment ahead",
        "iam:UpdateAccessKey: Inactive",
        "iam:DeleteAccessKey",
    ],
    denials: &[
        "InvalidClientTokenId",
        "AccessDenied or UnauthorizedOperation with the text of an explicit deny, for sessions alone",
    ],
    already_absent: &["NoSuchEntity"],
    window: Window {
        denials: 5,
        over: Duration::seconds(60),
        first_after: Duration::seconds(1),
    },
    windows: &[(
        Path::MintedSession,
        Window {
            denials: 5,
            over: Duration::minutes(10),
            first_after: Duration::seconds(30),
        },
    )],
    paths: &[Path::NewLogin, Path::MintedSession],
    children: &[
        (
            "minted_session",
            "sessions of GetSessionToken and GetFederationToken: denied by an inline policy of the user",
        ),
        (
            "role_session",
            "sessions of roles it took on: AWS lists none; where the user may take on roles they live on, at most 12 h",
        ),
        (
            "held_session",
            "none: AWS signs every request anew and holds no connection open",
        ),
        (
            "access_key",
            "a key that it created is a credential of its own; the next pass over the account shows it",
        ),
    ],
    revives: "not once deleted: an id is not given again; until then UpdateAccessKey to Active revives it",
    probe_pause_ms: 1000,
};

/// The name of the inline policy begins so; the id of the key follows.
const POLICY: &str = "KeyrollRevokeOlderSessions";
/// How far ahead sessions are denied as the policy is written: until the cut bites everywhere.
const AHEAD: Duration = Duration::minutes(15);
/// How far ahead it must still reach when the key is cut.
const AHEAD_LEAST: Duration = Duration::minutes(5);
/// Sessions of GetSessionToken and GetFederationToken live at most so long.
const SESSION_MAX: Duration = Duration::hours(36);
/// Sessions of roles live at most so long.
const ROLE_SESSION_MAX: Duration = Duration::hours(12);

/// The harmless read behind each permission of [`super::rights::HARMLESS`]: service, action and
/// version of its interface.
const READS: [(&str, &str, &str, &str); 6] = [
    (
        "ec2:DescribeRegions",
        "ec2",
        "DescribeRegions",
        "2016-11-15",
    ),
    ("sns:ListTopics", "sns", "ListTopics", "2010-03-31"),
    (
        "cloudformation:ListStacks",
        "cloudformation",
        "ListStacks",
        "2010-05-15",
    ),
    (
        "rds:DescribeDBInstances",
        "rds",
        "DescribeDBInstances",
        "2014-10-31",
    ),
    (
        "cloudwatch:ListMetrics",
        "monitoring",
        "ListMetrics",
        "2010-08-01",
    ),
    ("iam:GetUser", "iam", "GetUser", "2010-05-08"),
];

impl Revoker for AccessKeyRevoker {
    fn declares(&self) -> &'static Declared {
        &DECLARED
    }

    fn handle(&self, credential: &Entity, holder: Option<&Entity>) -> Result<Handle, Error> {
        let unknown = |missing, todo| Error::Unknown { missing, todo };
        let live = "collect the account live (`keyroll scan aws`) with iam:ListAccessKeys";
        let member = credential
            .members
            .iter()
            .filter(|member| member.sighting.kind == Kind::Credential)
            .find(|member| member.sighting.source.connector() == "aws_iam")
            .ok_or_else(|| unknown("an account, seen live, that lists this key", live))?;
        let source = &member.sighting.source;
        // Another source's word for user would be that of a file, not of IAM.
        let told = |name: &Attribute| {
            let facts = credential.facts.get(name)?;
            let fact = facts.iter().find(|fact| fact.source == *source)?;
            fact.told.is().and_then(Value::text).map(str::to_owned)
        };
        let user =
            told(&Attribute::USER).ok_or_else(|| unknown("the user that holds this key", live))?;
        if user == "root" {
            return Err(unknown(
                "a user that holds this key: it is the root account's",
                "no user of the account may change it, so a person must: signed in as root, \
                 console, `Security credentials`, `Access keys`: `Deactivate`, then `Delete` (in an \
                 organisation with central root access: `aws sts assume-root` with \
                 `IAMDeleteRootUserCredentials`, then `aws iam delete-access-key`); after that \
                 `aws sts get-caller-identity` with the key must say InvalidClientTokenId",
            ));
        }
        let key = member.sighting.native.clone();
        if !crate::is_aws_key_id(&key) {
            return Err(unknown("the id of this key", live));
        }
        let principal = told(&Attribute::named("holder_arn"))
            .ok_or_else(|| unknown("the ARN of the user that holds this key", live))?;
        let mut handle = BTreeMap::from([
            ("user".to_owned(), key.clone()),
            ("user_name".to_owned(), user),
        ]);
        let of_holder = |name: &str| {
            let facts = holder?.facts.get(&Attribute::named(name))?;
            facts.iter().find(|fact| fact.source == *source)?.told.is()
        };
        let first = of_holder("session_probes")
            .and_then(Value::list)
            .and_then(<[String]>::first);
        if let Some(action) = first {
            handle.insert("session_probe".to_owned(), action.clone());
        }
        let roles = of_holder("assumable_roles")
            .and_then(Value::list)
            .unwrap_or_default();
        handle.insert(
            "assumable_roles".to_owned(),
            model::shorten(&roles.join(", "), 400),
        );
        let longest = of_holder("longest_role_session_seconds").and_then(Value::number);
        if let Some(seconds) = longest {
            handle.insert("longest_role_session".to_owned(), seconds.to_string());
        }
        let may = match of_holder("may_assume_roles").and_then(Value::flag) {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        handle.insert("may_assume_roles".to_owned(), may.to_owned());
        Ok(Handle {
            source: source.clone(),
            native: key,
            handle,
            principal,
        })
    }

    fn steps(&self, subject: &Subject) -> Vec<Step> {
        let (key, user) = (
            model::clean(&subject.native),
            model::clean(part(subject, "user_name")),
        );
        let minted = match read_of(subject) {
            Some((action, ..)) => format!("; mint a session and find that it may {action}"),
            None => String::new(),
        };
        let says = [
            (
                StepKind::Control,
                format!(
                    "sts:GetCallerIdentity with {key} finds {}{minted}",
                    model::clean(&subject.principal)
                ),
            ),
            (
                StepKind::DenySessions,
                format!(
                    "iam:PutUserPolicy `{}` on {user}: deny everything to sessions issued before \
                     {AHEAD} from then, also those that other keys of {user} minted",
                    policy_name(subject)
                ),
            ),
            (
                StepKind::Cut,
                format!("iam:UpdateAccessKey {key} of {user}: Inactive"),
            ),
            (
                StepKind::Remove,
                format!("iam:DeleteAccessKey {key} of {user}"),
            ),
            (
                StepKind::Prove,
                "ask sts:GetCallerIdentity with the key until it was denied 5 times over 60 s, \
                 and the harmless read in the minted session until it was denied 5 times over \
                 10 min"
                    .to_owned(),
            ),
        ];
        (1..)
            .zip(says)
            .map(|(ordinal, (kind, says))| Step {
                ordinal,
                kind,
                says,
            })
            .collect()
    }

    fn survivors(&self, subject: &Subject) -> Vec<Survivor> {
        let mut found = vec![Survivor {
            what: "sessions that GetSessionToken or GetFederationToken minted from it".to_owned(),
            lives_at_most: Some(SESSION_MAX),
            cut_by_plan: true,
        }];
        let roles = part(subject, "assumable_roles");
        let may = part(subject, "may_assume_roles");
        if may != "no" || !roles.is_empty() {
            let which = match (roles, may) {
                ("", "yes") => "which ones its policies say".to_owned(),
                ("", _) => "which ones cannot be told".to_owned(),
                (roles, "no") => model::clean(roles),
                (roles, _) => format!("{}, and perhaps others", model::clean(roles)),
            };
            // Only where no other role is possible do the limits of the known ones bind.
            let stated = part(subject, "longest_role_session").parse().ok();
            let stated = stated.filter(|_| may == "no").map(Duration::seconds);
            let (life, why) = match stated.filter(|life| life.0 > 0) {
                Some(life) => (life.min(ROLE_SESSION_MAX), "their MaxSessionDuration"),
                None => (ROLE_SESSION_MAX, "the most AWS allows"),
            };
            found.push(Survivor {
                what: format!(
                    "sessions of roles that it took on: {which} ({life} is {why}; a session that \
                     takes on a role again begins anew; to end them sooner put \
                     `AWSRevokeOlderSessions` on the role, which ends everybody's sessions of it)"
                ),
                lives_at_most: Some(life),
                cut_by_plan: false,
            });
        }
        found
    }

    fn standing(&self, cx: &mut Context<'_>, subject: &Subject) -> Result<Standing, Error> {
        let Some(status) = status(cx, subject)? else {
            return Ok(Standing {
                present: false,
                sessions_denied: true,
                cut: true,
                sessions: None,
            });
        };
        let (present, cut) = match status {
            KeyStatus::Absent => (false, true),
            KeyStatus::Inactive => (true, true),
            KeyStatus::Active => (true, false),
        };
        let denied_before = denied_before(cx, subject)?;
        // While the key can still mint, what it mints next must be denied already.
        let sessions_denied =
            denied_before.is_some_and(|limit| cut || limit >= cx.now + AHEAD_LEAST);
        Ok(Standing {
            present,
            sessions_denied,
            cut,
            sessions: None,
        })
    }

    fn act(
        &self,
        cx: &mut Context<'_>,
        subject: &Subject,
        step: StepKind,
    ) -> Result<Outcome, Error> {
        let (key, user) = (subject.native.as_str(), part(subject, "user_name"));
        if !crate::is_aws_key_id(key) || user.is_empty() {
            return Err(Error::NotOurs {
                id: model::shorten(&model::clean(key), 40),
                form: "AKIAIOSFODNN7EXAMPLE",
            });
        }
        let of = [("AccessKeyId", key), ("UserName", user)];
        match step {
            StepKind::DenySessions => {
                not_our_own(cx, subject)?;
                deny_sessions(cx, subject, user)
            }
            StepKind::Cut => {
                not_our_own(cx, subject)?;
                change(
                    cx,
                    iam("UpdateAccessKey", &of).parameter("Status", "Inactive"),
                    "UpdateAccessKey to Inactive",
                )
            }
            StepKind::Remove => change(cx, iam("DeleteAccessKey", &of), "DeleteAccessKey"),
            other => Err(Error::NotOffered {
                act: other.as_str(),
            }),
        }
    }

    fn probe(&self, cx: &mut Context<'_>, subject: &Subject, path: Path) -> Result<Probed, Error> {
        match path {
            Path::NewLogin => {
                let asked = cx.http(sts("GetCallerIdentity").asked_as(Whom::Subject));
                Ok(match asked {
                    Ok(response) => judge::login(&response),
                    Err(refusal) => judge::silence(&refusal),
                })
            }
            Path::MintedSession => Ok(minted(cx, subject)),
            Path::HeldSession => Err(Error::NotOffered {
                act: "hold a session open",
            }),
        }
    }
}

fn part<'s>(subject: &'s Subject, name: &str) -> &'s str {
    subject.handle.get(name).map_or("", String::as_str)
}

fn read_of(
    subject: &Subject,
) -> Option<&'static (&'static str, &'static str, &'static str, &'static str)> {
    let action = part(subject, "session_probe");
    READS.iter().find(|(permission, ..)| *permission == action)
}

/// A harmless read in the minted session: never GetCallerIdentity, which no deny reaches (RP-5).
fn minted(cx: &mut Context<'_>, subject: &Subject) -> Probed {
    let Some((_, service, action, version)) = read_of(subject) else {
        return Probed::Unclear {
            why: "its user is not known to be allowed any harmless read, so a denied session \
                  cannot be told from one without rights"
                .to_owned(),
        };
    };
    let read = Request::form(service, &[("Action", action), ("Version", version)]);
    let response = match cx.http(read.asked_as(Whom::Minted)) {
        Ok(response) => response,
        Err(refusal) => return judge::silence(&refusal),
    };
    if let Some(probed) = judge::session(&response) {
        return probed;
    }
    let asked = cx.http(sts("GetCallerIdentity").asked_as(Whom::Minted));
    let principal = asked.ok().filter(|response| response.status == 200);
    let principal = principal.and_then(|response| judge::principal(&response));
    Probed::Accepted {
        principal: principal.unwrap_or_else(|| "somebody that AWS does not name".to_owned()),
    }
}

enum KeyStatus {
    Active,
    Inactive,
    Absent,
}

/// How IAM lists the key; `None` if there is no such user.
fn status(cx: &mut Context<'_>, subject: &Subject) -> Result<Option<KeyStatus>, Error> {
    match keys(cx, subject) {
        Ok(keys) => Ok(Some(match keys.get(&subject.native).map(String::as_str) {
            None => KeyStatus::Absent,
            Some("Inactive") => KeyStatus::Inactive,
            Some(_) => KeyStatus::Active,
        })),
        Err(refusal) if refusal.code == "NoSuchEntity" => Ok(None),
        Err(refusal) => Err(refusal.into()),
    }
}

/// The user's keys, with their status.
fn keys(cx: &mut Context<'_>, subject: &Subject) -> Result<BTreeMap<String, String>, Refusal> {
    let mut found = BTreeMap::new();
    let list = iam(
        "ListAccessKeys",
        &[("UserName", part(subject, "user_name"))],
    );
    try_pages(cx, &list, &mut |page| {
        let keys = page
            .get("AccessKeyMetadata")
            .and_then(serde_json::Value::as_array);
        for key in keys.into_iter().flatten() {
            let text = |name: &str| {
                key.get(name)
                    .and_then(serde_json::Value::as_str)
                    .map(str::to_owned)
            };
            if let (Some(id), Some(status)) = (text("AccessKeyId"), text("Status")) {
                found.insert(id, status);
            }
        }
    })?;
    Ok(found)
}

/// Whoever cuts its own only key can neither finish nor prove.
fn not_our_own(cx: &mut Context<'_>, subject: &Subject) -> Result<(), Error> {
    let own = result(cx, sts("GetCallerIdentity"))?;
    if own.get("Arn").and_then(serde_json::Value::as_str) != Some(subject.principal.as_str()) {
        return Ok(());
    }
    match keys(cx, subject) {
        Ok(keys) if keys.len() > 1 || keys.is_empty() => Ok(()),
        Ok(_) => Err(Error::Unknown {
            missing: "another identity to act with",
            todo: "this is the key that keyroll itself signs with; give the source another profile first",
        }),
        Err(refusal) if refusal.code == "NoSuchEntity" => Ok(()),
        Err(refusal) => Err(refusal.into()),
    }
}

fn policy_name(subject: &Subject) -> String {
    format!(
        "{POLICY}-{}",
        model::shorten(&model::clean(&subject.native), 64)
    )
}

/// Until which moment of issue the policy denies sessions; `None` if there is no such policy.
fn denied_before(cx: &mut Context<'_>, subject: &Subject) -> Result<Option<Timestamp>, Error> {
    let name = policy_name(subject);
    let of = [
        ("UserName", part(subject, "user_name")),
        ("PolicyName", name.as_str()),
    ];
    let held = match result(cx, iam("GetUserPolicy", &of)) {
        Ok(held) => held,
        Err(refusal) if refusal.code == "NoSuchEntity" => return Ok(None),
        Err(refusal) => return Err(refusal.into()),
    };
    let document = held.get("PolicyDocument").and_then(policy::document);
    Ok(document.as_ref().and_then(limit_in))
}

/// The limit in a document that is still the one we write; an altered one denies nothing we know.
fn limit_in(document: &serde_json::Value) -> Option<Timestamp> {
    let one = document
        .pointer("/Statement/0")
        .or_else(|| document.get("Statement"))?;
    let is = |name: &str, wanted: &str| match one.get(name)? {
        serde_json::Value::String(text) => Some(text == wanted),
        serde_json::Value::Array(list) => {
            Some(list.iter().any(|text| text.as_str() == Some(wanted)))
        }
        _ => None,
    };
    let whole = [is("Effect", "Deny"), is("Action", "*"), is("Resource", "*")];
    let condition = one
        .get("Condition")?
        .as_object()
        .filter(|map| map.len() == 1)?;
    let dates = condition
        .get("DateLessThan")?
        .as_object()
        .filter(|map| map.len() == 1)?;
    let limit = dates.get("aws:TokenIssueTime")?;
    let limit = limit.as_str().or_else(|| limit.get(0)?.as_str())?;
    whole
        .iter()
        .all(|part| *part == Some(true))
        .then(|| limit.parse().ok())?
}

fn deny_sessions(cx: &mut Context<'_>, subject: &Subject, user: &str) -> Result<Outcome, Error> {
    let limit = Timestamp::from_seconds((cx.now + AHEAD).seconds());
    let document = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": POLICY,
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": { "DateLessThan": { "aws:TokenIssueTime": limit.to_string() } }
        }]
    });
    let name = policy_name(subject);
    let of = [("UserName", user), ("PolicyName", name.as_str())];
    let request = iam("PutUserPolicy", &of).parameter("PolicyDocument", &document.to_string());
    change(
        cx,
        request,
        &format!("PutUserPolicy `{name}`: sessions issued before {limit} are denied"),
    )
}

/// Sends a change; "no such entity" is a success of the provider, never a proof (S-4).
fn change(cx: &mut Context<'_>, request: Request, told: &str) -> Result<Outcome, Error> {
    let response: Response = cx.http(request.changing())?;
    let id = match response.request_id.as_str() {
        "" => String::new(),
        id => format!(", request {}", model::clean(id)),
    };
    if response.status == 200 {
        return Ok(Outcome::Done {
            told: format!("{told}{id}"),
            count: None,
        });
    }
    let refusal = refusal(&response);
    if refusal.code == "NoSuchEntity" {
        return Ok(Outcome::Already {
            told: format!("{told}: NoSuchEntity{id}"),
        });
    }
    Err(refusal.into())
}

#[cfg(test)]
mod tests;
