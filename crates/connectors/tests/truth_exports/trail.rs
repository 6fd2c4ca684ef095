//! Holds `logs` to the account that an export lists: whoever acts is who is listed there.

use std::collections::{BTreeMap, BTreeSet};

use connectors::{Answer, Context, Event, Piece, Port, Question, Refusal, connector};
use model::{Attribute, KeyKind, Kind, Observation, Reason, Secret, Timestamp};

use crate::disk::{NoKey, collect};

/// One log, in one piece.
struct OneLog(String);

impl Port for OneLog {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        match question {
            Question::Piece { .. } => Ok(Answer::Piece(Piece {
                bytes: Secret::new(self.0.clone().into_bytes()),
                next: None,
                refused: None,
            })),
            _ => Err(Refusal::new(Reason::Failed, "a file").code("ENOTDIR")),
        }
    }
}

/// What CloudTrail writes when each of `principals` acts: their ids and ARNs as AWS gave them.
fn trail(principals: &BTreeMap<String, String>) -> String {
    let events = principals.iter().map(|(key, arn)| {
        let (account, id) = key.split_once('/').unwrap();
        let (kind, name) = arn.rsplit_once(':').unwrap().1.split_once('/').unwrap();
        let name = name.rsplit('/').next().unwrap();
        let identity = if kind == "role" {
            serde_json::json!({"type": "AssumedRole", "principalId": format!("{id}:session"),
                "arn": format!("arn:aws:sts::{account}:assumed-role/{name}/session"), "accountId": account,
                "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": id, "arn": arn,
                    "accountId": account, "userName": name}}})
        } else {
            serde_json::json!({"type": "IAMUser", "principalId": id, "arn": arn,
                "accountId": account, "userName": name})
        };
        serde_json::json!({"eventTime": "2025-12-01T00:00:00Z", "eventSource": "s3.amazonaws.com",
            "eventName": "ListBuckets", "recipientAccountId": account, "userIdentity": identity})
    });
    serde_json::json!({"Records": events.collect::<Vec<_>>()}).to_string()
}

#[test]
fn truth_whoever_acts_in_a_log_is_the_one_that_the_export_of_the_account_lists() {
    let Some(folder) = testkit::truth("cloudmapper-demo") else {
        return;
    };
    let unique = |one: &Observation| {
        let key = one
            .keys
            .iter()
            .find(|key| key.kind == KeyKind::AwsPrincipalId);
        key.map(|key| key.value.clone())
    };
    let listed: BTreeMap<String, String> = collect("aws_exports", &folder.join("demo"))
        .seen
        .iter()
        .filter(|one| one.kind == Kind::Identity)
        .filter_map(|one| {
            let arn = one.fact(&Attribute::ARN).is()?.text()?.to_owned();
            Some((unique(one)?, arn))
        })
        .collect();
    assert!(!listed.is_empty());
    let options = BTreeMap::from([("dirs".to_owned(), "/trail.json".to_owned())]);
    let mut acted = BTreeSet::new();
    let mut sink = |event| {
        if let Event::Seen(one) = event
            && one.kind == Kind::Identity
        {
            assert!(one.fact(&Attribute::LAST_USED_AT).is().is_some(), "{one:?}");
            acted.extend(unique(&one));
        }
    };
    let now: Timestamp = "2026-01-01".parse().unwrap();
    let mut port = OneLog(trail(&listed));
    let mut cx = Context::new(&mut port, &NoKey, "/trail.json", &options, now, &mut sink);
    connector("logs").unwrap().discover(&mut cx).unwrap();
    println!(
        "cloudmapper-demo: {} principals listed, {} of them met in the log",
        listed.len(),
        acted.len()
    );
    assert_eq!(acted, listed.into_keys().collect());
}
