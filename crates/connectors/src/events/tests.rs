//! Deliveries as platforms make them, and as others do.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Attribute, Kind, Secret, Timestamp};
use serde_json::{Value, json};

use super::*;

const TOKENS: &str = include_str!("testdata/tokens.json");
const SNS: &str = include_str!("testdata/sns.json");
/// The key of RFC 8709's kind that deploy keys are told with here; public.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn hmac(secret: &str, body: &[u8]) -> Vec<u8> {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    aws_lc_rs::hmac::sign(&key, body).as_ref().to_vec()
}

/// What a delivery of JSON with these headers comes to.
fn post(sender: &Sender, headers: &[(&str, &str)], body: &str) -> Result<Opened, Closed> {
    deliver(sender, "POST", headers, body, now(), &trust())
}

fn trust() -> (Option<KeySet>, BTreeMap<String, Vec<u8>>) {
    let tokens: Value = serde_json::from_str(TOKENS).unwrap();
    let sns: Value = serde_json::from_str(SNS).unwrap();
    let text = |name: &str| sns[name].as_str().unwrap().to_owned();
    let certificates = BTreeMap::from([(text("certificate_at"), text("certificate").into_bytes())]);
    (
        KeySet::read(tokens["keys"].to_string().as_bytes()),
        certificates,
    )
}

fn deliver(
    sender: &Sender,
    method: &str,
    headers: &[(&str, &str)],
    body: &str,
    at: Timestamp,
    (keys, certificates): &(Option<KeySet>, BTreeMap<String, Vec<u8>>),
) -> Result<Opened, Closed> {
    let mut headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    if !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    let delivery = Delivery {
        method,
        headers: &headers,
        body: body.as_bytes(),
        at,
    };
    let trusted = Trusted {
        keys: keys.as_ref(),
        certificates,
    };
    open(sender, &delivery, &trusted)
}

#[track_caller]
fn is_refused(opened: Result<Opened, Closed>, why: Why) {
    match opened {
        Err(Closed::Refused(refused)) if refused.why == why => {}
        other => panic!("expected a refusal as {why:?}, got {other:?}"),
    }
}

#[track_caller]
fn records(opened: Result<Opened, Closed>) -> Vec<u8> {
    match opened.unwrap().then {
        Then::Take { records, .. } => records,
        other => panic!("expected records, got {other:?}"),
    }
}

fn github() -> Sender {
    Sender::Github {
        secrets: vec![
            Secret::from("the one before"),
            Secret::from("It's a Secret to Everybody"),
        ],
    }
}

fn signed(body: &str) -> String {
    let tag = hmac("It's a Secret to Everybody", body.as_bytes());
    format!("sha256={}", check::hex(&tag))
}

/// "Testing the webhook payload validation" of GitHub's manual.
#[test]
fn githubs_published_example_holds_and_another_body_does_not() {
    const PUBLISHED: &str =
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let headers = [("x-hub-signature-256", PUBLISHED)];
    // It holds, so that the body is read, which is no JSON.
    is_refused(post(&github(), &headers, "Hello, World!"), Why::Malformed);
    is_refused(
        post(&github(), &headers, "Hello, World?"),
        Why::WrongSignature,
    );
}

#[test]
fn a_webhook_of_github_is_let_in_by_its_signature_alone() {
    let body = json!({"action": "created", "zen": "x"}).to_string();
    let signature = signed(&body);
    let good = [
        ("x-hub-signature-256", signature.as_str()),
        ("x-github-event", "ping"),
    ];
    assert_eq!(records(post(&github(), &good, &body)), b"");
    is_refused(post(&github(), &good[1..], &body), Why::Unsigned);
    for wrong in [
        "",
        "sha256=",
        "sha256=zz",
        "sha1=00",
        &signature[..70],
        &signature[7..],
    ] {
        is_refused(
            post(&github(), &[("x-hub-signature-256", wrong)], &body),
            Why::WrongSignature,
        );
    }
    let twice = [good[0], ("x-hub-signature-256", "sha256=00")];
    is_refused(post(&github(), &twice, &body), Why::Malformed);
    let form = [
        good[0],
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    is_refused(post(&github(), &form, &body), Why::WrongType);
    is_refused(
        deliver(&github(), "GET", &good, &body, now(), &trust()),
        Why::WrongMethod,
    );
    let nobody = Sender::Github {
        secrets: vec![Secret::from("")],
    };
    let empty = format!("sha256={}", check::hex(&hmac("", body.as_bytes())));
    is_refused(
        post(&nobody, &[("x-hub-signature-256", &empty)], &body),
        Why::WrongSignature,
    );
}

fn deploy_key(action: &str) -> String {
    json!({
        "action": action,
        "key": {"id": 7, "key": KEY, "title": "deploy", "created_at": "2026-11-30T11:59:00Z"},
        "repository": {"full_name": "acme/shop", "owner": {"login": "acme"}},
        "organization": {"login": "acme"}, "sender": {"login": "ann", "type": "User"},
    })
    .to_string()
}

fn from_github(event: &str, body: &str) -> Events {
    let signature = signed(body);
    let headers = [
        ("x-hub-signature-256", signature.as_str()),
        ("x-github-event", event),
    ];
    let (events, unread) = Events::read(&records(post(&github(), &headers, body)), now());
    assert_eq!(unread, None);
    events
}

#[test]
fn a_webhook_of_github_tells_what_its_audit_log_tells() {
    let print = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";
    let line = json!({
        "action": "public_key.create", "@timestamp": "2026-11-30T11:59:00Z", "actor": "ann",
        "org": "acme", "repo": "acme/shop", "title": "deploy", "fingerprint": print,
    });
    let (logged, unread) = Events::read(line.to_string().as_bytes(), now());
    assert_eq!(unread, None);
    let pushed = from_github("deploy_key", &deploy_key("created"));
    assert_eq!(pushed.observations(None), logged.observations(None));
    assert_eq!(pushed, logged);

    let installed = json!({
        "action": "created", "sender": {"login": "ann"},
        "installation": {"id": 42, "app_slug": "renovate", "created_at": "2026-11-30T11:59:00Z", "account": {"login": "acme"}},
    });
    let line = json!({
        "action": "integration_installation.create", "created_at": 1_796_039_940_000_i64, "actor": "ann",
        "org": "acme", "installation_id": 42, "integration": "renovate",
    });
    let (logged, _) = Events::read(line.to_string().as_bytes(), now());
    let pushed = from_github("installation", &installed.to_string());
    assert_eq!(pushed.observations(None), logged.observations(None));
    assert!(pushed.tells_of_lives());
}

/// Example of the specification's reference library; the token is published with it.
#[test]
fn the_published_example_of_standard_webhooks_holds_for_gitlab_for_five_minutes() {
    let gitlab = Sender::Gitlab {
        secrets: vec![Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
    };
    let body = r#"{"test": 2432232314}"#;
    let signed = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        (
            "webhook-signature",
            "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ];
    let at = |seconds| {
        deliver(
            &gitlab,
            "POST",
            &signed,
            body,
            Timestamp::from_seconds(seconds),
            &trust(),
        )
    };
    assert_eq!(
        at(1_614_265_331).unwrap().id,
        "msg_p5jXN8AQM9LWM0D4loKWxJek"
    );
    is_refused(at(1_614_265_330 + 301), Why::Stale);
    is_refused(at(1_614_265_330 - 301), Why::Stale);
    is_refused(post(&gitlab, &signed[1..], body), Why::Unsigned);
    let other = [signed[0], ("webhook-timestamp", "1614265331"), signed[2]];
    is_refused(post(&gitlab, &other, body), Why::WrongSignature);
}

#[test]
fn a_token_of_gitlab_lets_in_and_no_part_of_it_does() {
    let gitlab = Sender::Gitlab {
        secrets: vec![Secret::from("s3cret-token")],
    };
    let event = json!({
        "id": "1", "author_id": 7, "author_name": "Ann", "entity_type": "Project", "entity_path": "acme/shop",
        "event_type": "project_access_token_created", "created_at": "2026-11-30T11:59:00Z",
        "details": {"custom_message": "Created project access token with token_id: 42 with scopes: [:api]"},
    });
    let body = event.to_string();
    for header in ["x-gitlab-token", "x-gitlab-event-streaming-token"] {
        let (events, unread) = Events::read(
            &records(post(&gitlab, &[(header, "s3cret-token")], &body)),
            now(),
        );
        assert_eq!(unread, None);
        let natives: Vec<_> = events
            .observations(None)
            .into_iter()
            .map(|one| one.native)
            .collect();
        assert!(
            natives
                .iter()
                .any(|native| &**native == "api_token/token/42"),
            "{natives:?}"
        );
    }
    is_refused(post(&gitlab, &[], &body), Why::Unsigned);
    for wrong in ["", "s3cret", "s3cret-token ", "S3cret-token"] {
        is_refused(
            post(&gitlab, &[("x-gitlab-token", wrong)], &body),
            Why::WrongSignature,
        );
    }
    let old = body.replace("2026-11-30", "2026-11-28");
    is_refused(
        post(&gitlab, &[("x-gitlab-token", "s3cret-token")], &old),
        Why::Stale,
    );
}

fn okta_event(id: &str, at: &str, what: &str) -> Value {
    json!({
        "uuid": id, "published": at, "eventType": what, "outcome": {"result": "SUCCESS"},
        "actor": {"id": "00u1", "type": "User", "alternateId": "ann@acme.example", "displayName": "Ann"},
        "target": [{"id": "0oa9", "type": "AppInstance", "displayName": "billing"}],
    })
}

#[test]
fn a_hook_of_okta_answers_its_challenge_and_tells_what_the_system_log_tells() {
    let okta = Sender::Okta {
        secrets: vec![Secret::from("shown")],
    };
    let shown = ("authorization", "shown");
    let challenge = [shown, ("x-okta-verification-challenge", "abc\"def")];
    let answer = deliver(&okta, "GET", &challenge, "", now(), &trust()).unwrap();
    let Then::Answer { body, .. } = answer.then else {
        panic!("{answer:?}")
    };
    assert_eq!(body, r#"{"verification":"abc\"def"}"#);
    // Whoever asks so is let in nowhere.
    assert!(deliver(&okta, "GET", &challenge[1..], "", now(), &trust()).is_ok());
    is_refused(
        deliver(&okta, "GET", &[shown], "", now(), &trust()),
        Why::WrongMethod,
    );

    let event = okta_event("u1", "2026-11-30T11:59:00Z", "application.lifecycle.create");
    let hook =
        json!({"eventId": "e1", "eventTime": "2026-11-30T11:59:30Z", "data": {"events": [event]}});
    let opened = post(&okta, &[shown], &hook.to_string());
    assert_eq!(opened.as_ref().unwrap().id, "e1");
    let (pushed, _) = Events::read(&records(opened), now());
    let (logged, _) = Events::read(event.to_string().as_bytes(), now());
    assert_eq!(pushed, logged);
    assert!(pushed.tells_of_lives());

    is_refused(
        post(&okta, &[("authorization", "other")], &hook.to_string()),
        Why::WrongSignature,
    );
    let old = hook.to_string().replace("11-30T11:59:30", "11-29T11:59:30");
    is_refused(post(&okta, &[shown], &old), Why::Stale);
    is_refused(
        post(&okta, &[shown], "{\"eventTime\":\"2026-11-30T11:59:30Z\"}"),
        Why::Malformed,
    );
    is_refused(post(&okta, &[shown], "{"), Why::Malformed);
}

fn google(audience: &str) -> Sender {
    Sender::PubSub {
        rules: TokenRules {
            issuers: vec!["https://accounts.google.com".to_owned()],
            audience: audience.to_owned(),
            account: Some("push@acme.iam.gserviceaccount.com".to_owned()),
            client: None,
        },
        subscription: Some("projects/acme/subscriptions/roll".to_owned()),
    }
}

/// The tokens and the set of keys are made by openssl for this test.
#[test]
fn a_push_of_pubsub_is_let_in_by_a_token_of_google_for_us_alone() {
    let tokens: Value = serde_json::from_str(TOKENS).unwrap();
    let sender = google("https://roll.example/pubsub/audit");
    let entry = json!({
        "insertId": "i1", "timestamp": "2026-11-30T11:59:00Z", "logName": "projects/acme/logs/cloudaudit.googleapis.com%2Factivity",
        "resource": {"labels": {"project_id": "acme"}},
        "protoPayload": {"serviceName": "iam.googleapis.com", "methodName": "google.iam.admin.v1.CreateServiceAccount",
            "authenticationInfo": {"principalEmail": "ann@acme.example"},
            "response": {"email": "ci@acme.iam.gserviceaccount.com", "unique_id": "1122334455"}},
    });
    let body = json!({
        "subscription": "projects/acme/subscriptions/roll",
        "message": {"messageId": "m1", "data": STANDARD.encode(entry.to_string())},
    })
    .to_string();
    let shown = |name: &str| {
        let token = format!("Bearer {}", tokens[name].as_str().unwrap());
        post(&sender, &[("authorization", &token)], &body)
    };
    let opened = shown("good");
    assert_eq!(opened.as_ref().unwrap().id, "m1");
    let (events, _) = Events::read(&records(opened), now());
    let (logged, _) = Events::read(entry.to_string().as_bytes(), now());
    assert_eq!(events, logged);
    assert!(events.tells_of_lives());
    for (name, why) in [
        ("expired", Why::Stale),
        ("future", Why::Stale),
        ("other_audience", Why::NotMeant),
        ("other_account", Why::NotMeant),
        ("unverified", Why::NotMeant),
        ("other_issuer", Why::WrongSignature),
        ("endless", Why::WrongSignature),
        ("other_key", Why::WrongSignature),
        ("critical", Why::WrongSignature),
        ("none", Why::WrongSignature),
        ("hs256", Why::WrongSignature),
    ] {
        is_refused(shown(name), why);
    }
    assert_eq!(shown("unknown_key"), Err(Closed::WantsKeys));
    is_refused(post(&sender, &[], &body), Why::Unsigned);
    is_refused(
        post(&sender, &[("authorization", "Bearer a.b")], &body),
        Why::WrongSignature,
    );
    let good = format!("Bearer {}", tokens["good"].as_str().unwrap());
    let other = body.replace("subscriptions/roll", "subscriptions/other");
    is_refused(
        post(&sender, &[("authorization", &good)], &other),
        Why::NotMeant,
    );
    let unread = (None, BTreeMap::new());
    let without = deliver(
        &sender,
        "POST",
        &[("authorization", &good)],
        &body,
        now(),
        &unread,
    );
    assert_eq!(without, Err(Closed::WantsKeys));
}

/// The certificate and the signatures are made by openssl for this test: no certificate of
/// Amazon's is published with its key.
#[test]
fn a_message_of_sns_is_let_in_by_a_signature_of_its_region_alone() {
    let sns: Value = serde_json::from_str(SNS).unwrap();
    let sender = Sender::Sns {
        topics: vec![sns["topic"].as_str().unwrap().to_owned()],
    };
    let plain = [("content-type", "text/plain; charset=UTF-8")];
    let sent = |name: &str| post(&sender, &plain, &sns[name].to_string());
    for version in ["v1", "v2"] {
        let (events, unread) = Events::read(&records(sent(version)), now());
        assert_eq!(unread, None);
        let user = events.observations(None);
        let user = user
            .iter()
            .find(|one| &*one.native == "aws_iam_user/AIDAQEXAMPLECI000001")
            .unwrap();
        let by = user
            .fact(&Attribute::CREATED_BY)
            .is()
            .and_then(|by| by.text())
            .unwrap();
        assert_eq!(
            (user.kind, by),
            (Kind::Identity, "arn:aws:iam::111122223333:user/ann")
        );
    }
    let confirm = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-central-1:111122223333:keyroll&Token=2336412f37fb687f5d51e6e2425f00cc";
    let then = sent("confirmation").unwrap().then;
    assert_eq!(
        then,
        Then::Confirm {
            url: confirm.to_owned()
        }
    );
    is_refused(sent("old"), Why::Stale);
    is_refused(sent("elsewhere"), Why::WrongSignature);
    is_refused(sent("other_topic"), Why::NotMeant);
}

#[test]
fn whatever_is_changed_in_a_message_of_sns_and_wherever_its_certificate_is_said_to_lie_it_is_refused()
 {
    let sns: Value = serde_json::from_str(SNS).unwrap();
    let sender = Sender::Sns {
        topics: vec![sns["topic"].as_str().unwrap().to_owned()],
    };
    let plain = [("content-type", "text/plain; charset=UTF-8")];
    for (member, value, why) in [
        ("Message", json!("{}"), Why::WrongSignature),
        ("MessageId", json!("other"), Why::WrongSignature),
        ("SignatureVersion", json!("1"), Why::WrongSignature),
        ("SignatureVersion", json!("3"), Why::WrongSignature),
        ("Signature", json!("AAAA"), Why::WrongSignature),
        ("Signature", Value::Null, Why::Unsigned),
        ("Type", json!("Other"), Why::Malformed),
        ("TopicArn", Value::Null, Why::Malformed),
    ] {
        let mut message = sns["v2"].clone();
        message[member] = value;
        is_refused(post(&sender, &plain, &message.to_string()), why);
    }
    for address in [
        "http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.eu-central-1.amazonaws.com@evil.example/SimpleNotificationService-0.pem",
        "https://sns.eu-central-1.amazonaws.com/../SimpleNotificationService-0.pem",
        "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0/..%2f.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/SimpleNotificationService-0.pem",
        "https://169.254.169.254/SimpleNotificationService-0.pem",
    ] {
        let mut message = sns["v2"].clone();
        message["SigningCertURL"] = json!(address);
        is_refused(
            post(&sender, &plain, &message.to_string()),
            Why::WrongSignature,
        );
    }
    let unread = (None, BTreeMap::new());
    let wants = deliver(
        &sender,
        "POST",
        &plain,
        &sns["v2"].to_string(),
        now(),
        &unread,
    );
    let at = sns["certificate_at"].as_str().unwrap().to_owned();
    assert_eq!(wants, Err(Closed::WantsCertificate(at)));
    let late = "2037-01-01T00:00:00Z".parse().unwrap();
    let expired = deliver(
        &sender,
        "POST",
        &plain,
        &sns["v2"].to_string(),
        late,
        &trust(),
    );
    is_refused(expired, Why::WrongSignature);
}

#[test]
fn event_grid_is_validated_in_both_schemas() {
    let sender = Sender::EventGrid {
        secrets: vec![Secret::from("key")],
    };
    let key = ("authorization", "key");
    let validates = ("aeg-event-type", "SubscriptionValidation");
    let handshake = json!([{
        "id": "1", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "eventTime": "2026-11-30T11:59:00Z",
        "data": {"validationCode": "512d38b6", "validationUrl": "https://evil.example"},
    }]);
    let Then::Answer { body, .. } = post(&sender, &[validates], &handshake.to_string())
        .unwrap()
        .then
    else {
        panic!("expected an answer");
    };
    assert_eq!(body, r#"{"validationResponse":"512d38b6"}"#);
    is_refused(post(&sender, &[], &handshake.to_string()), Why::Unsigned);
    is_refused(post(&sender, &[validates], "[]"), Why::Malformed);
    let origin = [key, ("webhook-request-origin", "eventgrid.azure.net")];
    let Then::Answer { headers, .. } = deliver(&sender, "OPTIONS", &origin, "", now(), &trust())
        .unwrap()
        .then
    else {
        panic!("expected an answer");
    };
    assert_eq!(
        headers[0],
        ("webhook-allowed-origin", "eventgrid.azure.net".to_owned())
    );
    let split = [key, ("webhook-request-origin", "a\r\nb")];
    is_refused(
        deliver(&sender, "OPTIONS", &split, "", now(), &trust()),
        Why::Malformed,
    );
}

#[test]
fn event_grid_tells_what_the_activity_log_tells_and_is_let_in_by_key_or_token() {
    let sender = Sender::EventGrid {
        secrets: vec![Secret::from("key")],
    };
    let key = ("authorization", "key");
    let resource = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ci";
    let data = json!({
        "operationName": "Microsoft.ManagedIdentity/userAssignedIdentities/write", "resourceUri": resource,
        "subscriptionId": "11111111-2222-3333-4444-555555555555", "httpRequest": {"statusCode": "Created"},
        "claims": {"name": "Ann"},
    });
    let grid = json!([{"id": "e1", "eventType": "Microsoft.Resources.ResourceWriteSuccess", "eventTime": "2026-11-30T11:59:00Z", "data": data}]);
    let cloud = json!({"id": "e1", "specversion": "1.0", "type": "Microsoft.Resources.ResourceWriteSuccess", "time": "2026-11-30T11:59:00Z", "data": data});
    let (one, _) = Events::read(&records(post(&sender, &[key], &grid.to_string())), now());
    let typed = [
        key,
        (
            "content-type",
            "application/cloudevents+json; charset=utf-8",
        ),
    ];
    let (other, _) = Events::read(&records(post(&sender, &typed, &cloud.to_string())), now());
    assert_eq!(one, other);
    let listed = json!({
        "eventDataId": "e1", "eventTimestamp": "2026-11-30T11:59:00Z", "category": {"value": "Administrative"},
        "operationName": {"value": "Microsoft.ManagedIdentity/userAssignedIdentities/write"}, "status": {"value": "Succeeded"},
        "subStatus": {"value": "Created"}, "claims": {"name": "Ann"}, "resourceId": resource,
        "subscriptionId": "11111111-2222-3333-4444-555555555555",
    });
    let (logged, _) = Events::read(listed.to_string().as_bytes(), now());
    assert_eq!(one, logged);
    assert!(one.tells_of_lives());
    let old = grid.to_string().replace("2026-11-30", "2026-11-28");
    is_refused(post(&sender, &[key], &old), Why::Stale);
    // Beside one that is in time an old one is passed over, and one of the future is not.
    let old = serde_json::from_str::<Value>(&old).unwrap();
    for batch in [json!([old[0], grid[0]]), json!([grid[0], old[0]])] {
        let opened = post(&sender, &[key], &batch.to_string());
        assert_eq!(Events::read(&records(opened), now()).0, one);
    }
    let future = grid.to_string().replace("2026-11-30", "2026-12-01");
    let future = serde_json::from_str::<Value>(&future).unwrap();
    let batch = json!([future[0], grid[0]]).to_string();
    is_refused(post(&sender, &[key], &batch), Why::Stale);

    let tokens: Value = serde_json::from_str(TOKENS).unwrap();
    let Sender::PubSub { rules, .. } = google("https://roll.example/pubsub/audit") else {
        panic!()
    };
    let by_token = Sender::EventGridToken {
        rules: TokenRules {
            account: None,
            ..rules
        },
    };
    let good = format!("Bearer {}", tokens["good"].as_str().unwrap());
    assert!(post(&by_token, &[("authorization", &good)], &grid.to_string()).is_ok());
    is_refused(
        post(&by_token, &[key], &grid.to_string()),
        Why::WrongSignature,
    );
}

#[test]
fn messages_of_queues_are_unwrapped_and_what_is_none_brings_nothing() {
    let record = json!({"eventSource": "iam.amazonaws.com", "eventName": "CreateUser", "eventTime": "2026-11-30T11:59:00Z"});
    let bridge = json!({"detail-type": "AWS API Call via CloudTrail", "detail": record});
    let topic = json!({"Type": "Notification", "TopicArn": "arn:x", "Message": bridge.to_string()});
    let page = json!({"Records": [record, record]});
    let bodies = [
        record.to_string(),
        bridge.to_string(),
        topic.to_string(),
        page.to_string(),
        "no JSON".to_owned(),
        "[]".to_owned(),
    ];
    let all: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| json!({"MessageId": n.to_string(), "ReceiptHandle": "r", "Body": body}))
        .collect();
    let messages = sqs_messages(&json!({"Messages": all}).to_string()).unwrap();
    let counts: Vec<_> = messages
        .iter()
        .map(|one| one.records.iter().filter(|byte| **byte == b'\n').count())
        .collect();
    assert_eq!(counts, [1, 1, 1, 2, 0, 0]);
    assert_eq!(messages[0].records, messages[2].records);
    assert_eq!(sqs_messages("{}").unwrap(), []);
    for none in ["", "[]", "{\"Messages\":7}", "{\"Messages\":[{}]}"] {
        assert_eq!(sqs_messages(none), None, "{none}");
    }
    let pulled = json!({"receivedMessages": [{"ackId": "a", "message": {"messageId": "m", "data": STANDARD.encode(record.to_string())}}]});
    let pulled = pulled_messages(&pulled.to_string()).unwrap();
    assert_eq!(pulled[0].records, messages[0].records);
    assert_eq!(pulled_messages("{}").unwrap(), []);
}

#[test]
fn order_pieces_and_repetition_change_nothing_and_a_birth_is_told_once() {
    let made = okta_event("u1", "2026-11-30T10:00:00Z", "application.lifecycle.create");
    let off = okta_event(
        "u2",
        "2026-11-30T10:05:00Z",
        "application.lifecycle.deactivate",
    );
    let on = okta_event(
        "u3",
        "2026-11-30T10:10:00Z",
        "application.lifecycle.activate",
    );
    let each: Vec<_> = [made, off, on]
        .iter()
        .map(|one| Events::read(one.to_string().as_bytes(), now()).0)
        .collect();
    let mut whole: Option<Events> = None;
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let mut events = Events::default();
        let mut born = 0;
        for n in order.into_iter().chain(order) {
            // What is kept between two is rows.
            let mut kept = Events::default();
            for (name, row) in events.rows() {
                assert!(kept.take_row(&name, &row), "{name}");
            }
            assert_eq!(kept, events);
            let sent = Events::from_bytes(&each[n].to_bytes()).unwrap();
            assert_eq!(sent, each[n]);
            let joined = events.join(&sent);
            born += joined.born.len();
            let rows: BTreeSet<_> = events.rows().into_iter().map(|(name, _)| name).collect();
            assert!(joined.rows.is_subset(&rows));
        }
        assert_eq!(born, 1, "{order:?}");
        assert_eq!(
            events.join(&each[0]),
            Joined::default(),
            "told again it changes nothing"
        );
        assert_eq!(
            whole.get_or_insert_with(|| events.clone()),
            &events,
            "{order:?}"
        );
    }
}

#[test]
fn what_others_wrote_into_a_row_is_no_row() {
    for bytes in [
        &b""[..],
        b"{}",
        b"[[\"identity x\",\"{}\"]]",
        b"[[\"x\",\"{\\\"log\\\":{}}\"]]",
        b"[[\"log nobody 1\",\"{}\"]]",
    ] {
        assert_eq!(Events::from_bytes(bytes), None, "{bytes:?}");
    }
}

/// What was sent waits in the store: a hash that anybody could try guesses against may not.
#[test]
fn no_hash_of_a_token_is_kept_of_what_was_sent() {
    let hash = STANDARD.encode([7; 32]);
    let event = |extra: Value| {
        let mut event = json!({
            "@timestamp": "2026-09-01T08:00:00Z", "action": "repo.access", "org": "acme",
            "actor": "ann", "hashed_token": hash,
            "programmatic_access_type": "Fine-grained personal access token",
        });
        let fields = extra.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(fields);
        event.to_string()
    };
    let lines = [event(json!({})), event(json!({"token_id": 42}))].join("\n");
    let (events, unread) = Events::read(lines.as_bytes(), Timestamp::from_seconds(1_800_000_000));
    assert_eq!(unread, None);
    let kept = String::from_utf8(events.to_bytes()).unwrap();
    assert!(kept.contains("42"), "{kept}");
    let hex: String = [7_u8; 32]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(!kept.contains(&hash) && !kept.contains(&hex), "{kept}");
    let told = events.observations(None);
    let tokens = told.iter().filter(|one| one.kind == Kind::Credential);
    assert_eq!(tokens.count(), 1, "{told:?}");
}
