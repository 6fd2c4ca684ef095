//! AWS's regions over a recording that is made to answer badly: what comes of it, and which rights
//! the questions want.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]
#![expect(clippy::disallowed_methods, reason = "recordings are files")]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use connectors::{
    Answer, Context, Entry, EntryKind, Event, File, Fingerprints, Port, Question, Recording,
    Refusal, Request, Response, connector,
};
use model::{Attribute, Fingerprint, Gap, Kind, Observation, Reason, Secret, Timestamp};
use serde_json::{Value, json};

struct Key;

impl Fingerprints for Key {
    fn fingerprint(&self, secret: &Secret) -> Fingerprint {
        Fingerprint {
            key: "0".repeat(16),
            mac: format!("{:064x}", secret.len()),
        }
    }
    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

fn recorded() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/aws_iam/answers.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

type Say<'a> = dyn Fn(&Request) -> Option<Result<Response, Refusal>> + 'a;

/// The recording, but for what `say` answers otherwise. A region is answered as the recorded one.
struct Lying<'a> {
    recording: Recording,
    say: &'a Say<'a>,
    asked: Vec<Request>,
}

impl Port for Lying<'_> {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let Question::Http(request) = question else {
            panic!("files are not asked for");
        };
        self.asked.push(request.clone());
        if let Some(said) = (self.say)(request) {
            return said.map(Answer::Http);
        }
        let mut here = request.clone();
        if !here.region.is_empty() {
            here.region = "us-east-1".to_owned();
        }
        self.recording.ask(&Question::Http(here))
    }
}

struct Pass {
    seen: Vec<Observation>,
    gaps: Vec<Gap>,
    asked: Vec<Request>,
}

fn pass(say: &Say<'_>) -> Pass {
    let mut port = Lying {
        recording: Recording::parse(&recorded().to_string()).unwrap(),
        say,
        asked: Vec::new(),
    };
    let (mut seen, mut gaps) = (Vec::new(), Vec::new());
    let mut sink = |event| match event {
        Event::Seen(one) => seen.push(one),
        Event::Gap(gap) => gaps.push(gap),
        Event::SetAside { .. } => {}
    };
    let options = BTreeMap::new();
    let now = Timestamp::from_seconds(1_796_000_000);
    let mut cx = Context::new(&mut port, &Key, "111122223333", &options, now, &mut sink);
    connector("aws_iam").unwrap().discover(&mut cx).unwrap();
    Pass {
        asked: port.asked,
        seen,
        gaps,
    }
}

fn said(status: u16, body: &str) -> Option<Result<Response, Refusal>> {
    Some(Ok(Response {
        status,
        request_id: String::new(),
        body: body.to_owned(),
        next: BTreeMap::new(),
        whole: false,
    }))
}

fn denied() -> Option<Result<Response, Refusal>> {
    said(
        400,
        r#"{"__type":"AccessDeniedException","message":"User is not authorized"}"#,
    )
}

fn regions(names: &[&str]) -> Option<Result<Response, Refusal>> {
    let items: String = names
        .iter()
        .map(|name| format!("<item><regionName>{name}</regionName></item>"))
        .collect();
    said(200, &format!("<R><regionInfo>{items}</regionInfo></R>"))
}

fn asks_for_regions(request: &Request) -> bool {
    request
        .parameters
        .get("Action")
        .is_some_and(|one| one == "DescribeRegions")
}

fn at<'a>(gaps: &'a [Gap], scope: &[&str]) -> Vec<&'a Gap> {
    gaps.iter().filter(|gap| gap.scope.0 == scope).collect()
}

#[test]
fn a_region_that_is_closed_as_a_whole_is_one_gap_and_the_others_are_read() {
    let closed = pass(&|request| match request.region.as_str() {
        "eu-west-1" => denied(),
        _ if asks_for_regions(request) => regions(&["eu-west-1", "us-east-1"]),
        _ => None,
    });
    let gap = at(&closed.gaps, &["regions", "eu-west-1"]);
    assert_eq!(gap.len(), 1, "{:?}", closed.gaps);
    assert!(
        gap[0]
            .needs
            .as_deref()
            .unwrap()
            .contains("lambda:ListFunctions")
    );
    let below = |gap: &&Gap| gap.scope.0.len() > 2 && gap.scope.0[1] == "eu-west-1";
    assert_eq!(closed.gaps.iter().find(below), None);
    let function = |one: &&Observation| one.native.ends_with(":function:resize");
    assert!(closed.seen.iter().any(|one| function(&one)));
}

#[test]
fn a_right_that_three_regions_deny_is_not_asked_for_further_and_is_a_gap_in_each() {
    let names = ["a-1", "b-1", "c-1", "d-1", "e-1"];
    let found = pass(&|request| match request.service.as_str() {
        _ if asks_for_regions(request) => regions(&names),
        "lambda" => denied(),
        _ => None,
    });
    let asked = found.asked.iter().filter(|one| one.service == "lambda");
    assert_eq!(asked.count(), 3);
    for name in names {
        let gap = at(&found.gaps, &["regions", name, "functions"]);
        assert_eq!(gap.len(), 1, "{name}: {:?}", found.gaps);
        assert_eq!(gap[0].needs.as_deref(), Some("lambda:ListFunctions"));
    }
}

/// Regions that are closed as a whole say nothing of a right elsewhere.
#[test]
fn a_right_is_tried_in_a_region_however_many_others_are_closed() {
    let names = ["a-1", "b-1", "c-1", "d-1", "z-1"];
    let found = pass(&|request| match request.region.as_str() {
        _ if asks_for_regions(request) => regions(&names),
        "" | "z-1" => None,
        _ => denied(),
    });
    assert!(
        at(&found.gaps, &["regions", "z-1"]).is_empty(),
        "{:?}",
        found.gaps
    );
    assert!(
        found
            .asked
            .iter()
            .any(|one| one.service == "lambda" && one.region == "z-1")
    );
}

#[test]
fn what_came_before_a_list_broke_off_or_repeated_itself_counts_and_the_rest_is_a_gap() {
    let is_second = |request: &Request| {
        let body = request.json.as_ref().map(|json| json.body.to_string());
        request.service == "secretsmanager" && body.is_some_and(|body| body.contains("NextToken"))
    };
    let same = json!({"SecretList": [], "NextToken": "page2"}).to_string();
    for (status, body, told) in [
        (500, "<html>oops</html>", "HTTP status 500"),
        (200, same.as_str(), "repeats itself"),
        (200, "{\"SecretList\":[{", "in JSON"),
        (200, "[]", "in JSON"),
    ] {
        let found = pass(&move |request| match is_second(request) {
            true => said(status, body),
            false => None,
        });
        let gaps = at(&found.gaps, &["regions", "us-east-1", "secrets"]);
        assert_eq!(gaps.len(), 1, "{told}: {:?}", found.gaps);
        assert!(gaps[0].told.contains(told), "{:?}", gaps[0]);
        let first = found
            .seen
            .iter()
            .any(|one| one.native.contains("secret:shop/db-"));
        assert!(first, "{told}");
    }
}

#[test]
fn expired_credentials_and_a_wrong_clock_say_what_to_do_and_name_no_permission() {
    for (answer, todo) in [
        (
            r#"{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}"#,
            "sign in again",
        ),
        (
            r#"{"__type":"InvalidSignatureException","message":"Signature expired: 20261130T000000Z is now earlier than 20261130T010000Z"}"#,
            "set this machine's clock",
        ),
        (
            r#"{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}"#,
            "does not know these credentials",
        ),
    ] {
        let found = pass(&move |request| match request.region.as_str() {
            "us-east-1" => said(400, answer),
            _ => None,
        });
        let gaps = at(&found.gaps, &["regions", "us-east-1"]);
        assert_eq!(gaps.len(), 1, "{todo}: {:?}", found.gaps);
        assert!(gaps[0].told.contains(todo), "{:?}", gaps[0]);
        assert_eq!(gaps[0].needs, None);
    }
}

#[test]
fn a_service_that_aws_does_not_offer_in_a_region_is_no_gap_and_one_that_it_offers_is() {
    let gone = || {
        Some(Err(
            Refusal::new(Reason::Failed, "cannot be reached").code("connect")
        ))
    };
    for (offered, gaps) in [("eu-west-1", 0), ("us-east-1", 1)] {
        let list = json!({"Parameters": [{"Name": "x", "Value": offered}]}).to_string();
        let found = pass(&move |request| {
            let operation = request.json.as_ref().map(|json| json.operation.as_str());
            match (request.service.as_str(), operation) {
                ("bedrock-agent", _) => gone(),
                ("ssm", Some("AmazonSSM.GetParametersByPath")) => said(200, &list),
                _ => None,
            }
        });
        let told = at(&found.gaps, &["regions", "us-east-1", "agents"]);
        assert_eq!(told.len(), gaps, "{offered}: {:?}", found.gaps);
    }
}

/// The right that a question wants, as AWS's service authorization reference calls it.
fn right(request: &Request) -> String {
    let action = request.parameters.get("Action");
    if let Some(action) = action {
        return format!("{}:{action}", request.service);
    }
    let operation = request
        .json
        .as_ref()
        .map_or("", |json| json.operation.as_str());
    if let Some((_, operation)) = operation.rsplit_once('.') {
        return format!("{}:{operation}", request.service);
    }
    let path: Vec<_> = request.segments.iter().map(String::as_str).collect();
    let right = match (request.service.as_str(), path.as_slice()) {
        ("lambda", ["2015-03-31", "functions"]) => "lambda:ListFunctions",
        ("rolesanywhere", ["trustanchors"]) => "rolesanywhere:ListTrustAnchors",
        ("rolesanywhere", ["profiles"]) => "rolesanywhere:ListProfiles",
        ("iot", ["certificates"]) => "iot:ListCertificates",
        ("bedrock-agent", ["agents", ""]) => "bedrock:ListAgents",
        ("bedrock-agent", ["agents", _, ""]) => "bedrock:GetAgent",
        other => panic!("no right is known for {other:?}"),
    };
    right.to_owned()
}

/// Both ways through IAM: at once, and list by list where that is refused.
#[test]
fn the_policy_names_each_right_that_a_call_wants_and_no_other() {
    let whole = pass(&|_| None);
    let apart = pass(&|request| {
        let action = request.parameters.get("Action").map(String::as_str);
        match action {
            Some("GetAccountAuthorizationDetails" | "GetCredentialReport") => denied(),
            Some("ListUsers") => said(
                200,
                "<R><ListUsersResult><Users><member><UserName>a</UserName><UserId>AIDAIOSFODNN7EXAMPLE</UserId><Arn>arn:aws:iam::111122223333:user/a</Arn></member></Users></ListUsersResult></R>",
            ),
            Some("ListRoles") => said(
                200,
                "<R><ListRolesResult><Roles><member><RoleName>r</RoleName><RoleId>AROAIOSFODNN7EXAMPLE</RoleId><Arn>arn:aws:iam::111122223333:role/r</Arn></member></Roles></ListRolesResult></R>",
            ),
            Some("ListAccessKeys") => said(
                200,
                "<R><ListAccessKeysResult><AccessKeyMetadata><member><UserName>a</UserName><AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId><Status>Active</Status></member></AccessKeyMetadata></ListAccessKeysResult></R>",
            ),
            _ => None,
        }
    });
    let asked = whole.asked.iter().chain(&apart.asked);
    let asked: BTreeSet<String> = asked.map(right).collect();
    let declared = connector("aws_iam").unwrap().spec().needs_to_discover;
    let declared: BTreeSet<String> = declared.iter().map(ToString::to_string).collect();
    assert_eq!(asked, declared);
    let changes = whole
        .asked
        .iter()
        .chain(&apart.asked)
        .find(|one| one.changes);
    assert_eq!(changes, None);
}

/// The answers of the recording, as the command line would have saved them.
struct Saved(Vec<String>);

impl Port for Saved {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        match question {
            Question::List { .. } => {
                let entry = |(n, text): (usize, &String)| Entry {
                    name: format!("{n}.json"),
                    kind: EntryKind::File,
                    size: text.len() as u64,
                };
                Ok(Answer::Entries(
                    self.0.iter().enumerate().map(entry).collect(),
                ))
            }
            Question::Read { path, .. } => {
                let name = path.rsplit('/').next().unwrap().trim_end_matches(".json");
                let text = &self.0[name.parse::<usize>().unwrap()];
                Ok(Answer::File(File {
                    bytes: Secret::from(text.as_str()),
                    cut: false,
                    mode: 0o600,
                }))
            }
            _ => panic!("only files are asked for"),
        }
    }
}

/// What lies in regions, but for what is asked for in no form that is saved: certificates and
/// policies of authorities, which do not say whose they are, and instances, which EC2 sends in XML.
fn of_regions(seen: Vec<Observation>) -> BTreeMap<(Kind, String), Value> {
    let there = seen.into_iter().filter(|one| {
        let part = one.scope.0.get(2).map(String::as_str);
        part.is_some_and(|part| !matches!(part, "certificates" | "authorities" | "instances"))
    });
    let told = there.map(|one| {
        let mut told = serde_json::to_value(&one).unwrap();
        // A role is known by its unique id where IAM was read as well.
        let members = told.as_object_mut().unwrap();
        members.remove("links");
        // How far uses are counted has to be told of a file alone.
        if let Some(facts) = members.get_mut("facts").and_then(Value::as_object_mut) {
            facts.remove("uses_counted_until");
        }
        ((one.kind, one.native.clone()), told)
    });
    told.collect()
}

#[test]
fn what_lies_in_regions_is_told_the_same_by_live_answers_and_by_saved_ones() {
    let live = of_regions(pass(&|_| None).seen);
    let answers = recorded();
    let answers = answers.as_object().unwrap().values();
    let bodies = answers.filter_map(|one| one.get("body")?.as_str());
    let saved: Vec<_> = bodies
        .filter(|body| body.starts_with('{'))
        .map(str::to_owned)
        .collect();
    let mut port = Saved(saved);
    let mut seen = Vec::new();
    let mut sink = |event| {
        if let Event::Seen(one) = event {
            seen.push(one);
        }
    };
    let options = BTreeMap::from([("dirs".to_owned(), "/saved".to_owned())]);
    let now = Timestamp::from_seconds(1_796_000_000);
    let mut cx = Context::new(&mut port, &Key, "saved", &options, now, &mut sink);
    connector("aws_exports").unwrap().discover(&mut cx).unwrap();
    let saved = of_regions(seen);
    assert!(live.len() > 15, "{live:?}");
    let names = |of: &BTreeMap<(Kind, String), Value>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&live), names(&saved));
    assert_eq!(live, saved);
}

fn asks_for(request: &Request, action: &str) -> bool {
    request
        .parameters
        .get("Action")
        .is_some_and(|one| one == action)
}

fn user<'a>(found: &'a Pass, name: &str) -> &'a Observation {
    let named = |one: &&Observation| {
        one.kind == Kind::Identity
            && one.fact(&Attribute::NAME).is().and_then(|held| held.text()) == Some(name)
    };
    found.seen.iter().find(named).unwrap()
}

/// AWS makes each report while one waits.
#[test]
fn recording_a_report_of_services_is_asked_for_until_it_is_there_and_says_its_window() {
    let waited = Cell::new(0);
    let found = pass(&|request| {
        if !asks_for(request, "GetServiceLastAccessedDetails") || waited.get() >= 6 {
            return None;
        }
        waited.set(waited.get() + 1);
        said(
            200,
            "<R><GetServiceLastAccessedDetailsResult><JobStatus>IN_PROGRESS</JobStatus>\
             </GetServiceLastAccessedDetailsResult></R>",
        )
    });
    assert_eq!(at(&found.gaps, &["last_accessed", "release"]).len(), 0);
    let role = user(&found, "release");
    let fact = |name: &str| role.fact(&Attribute::named(name)).is().copied().cloned();
    let list = |texts: &[&str]| {
        let texts: Vec<String> = texts.iter().map(|one| (*one).to_owned()).collect();
        Some(model::Value::List(texts))
    };
    assert_eq!(fact("services_used"), list(&["s3 2026-02-05"]));
    assert_eq!(fact("services_unused"), list(&["ecr"]));
    assert_eq!(fact("services_unused_count"), Some(1_i64.into()));
    assert!(
        fact("services_window")
            .unwrap()
            .text()
            .unwrap()
            .contains("400")
    );
    // It is later than what the role's own record tells.
    let used = role.fact(&Attribute::LAST_USED_AT).is().copied().unwrap();
    assert!(
        used.time()
            .unwrap()
            .to_string()
            .starts_with("2026-02-05T11")
    );
}

#[test]
fn recording_a_report_that_is_never_ready_is_a_gap_of_whoever_it_is_about() {
    let found = pass(&|request| {
        asks_for(request, "GetServiceLastAccessedDetails").then_some(())?;
        said(
            200,
            "<R><GetServiceLastAccessedDetailsResult><JobStatus>IN_PROGRESS</JobStatus>\
             </GetServiceLastAccessedDetailsResult></R>",
        )
    });
    for name in ["release", "shop-lambda", "shop-deploy", "auditor"] {
        let gap = at(&found.gaps, &["last_accessed", name]);
        assert_eq!(gap.len(), 1, "{name}: {:?}", found.gaps);
        assert!(gap[0].told.contains("was not ready"), "{gap:?}");
    }
}

#[test]
fn recording_reports_that_are_denied_name_their_right_and_are_asked_for_three_times() {
    for right in [
        "GenerateServiceLastAccessedDetails",
        "GetServiceLastAccessedDetails",
    ] {
        let found = pass(&|request| {
            asks_for(request, right).then_some(())?;
            said(
                403,
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error>\
                 </ErrorResponse>",
            )
        });
        let asked = found.asked.iter().filter(|one| asks_for(one, right));
        assert_eq!(asked.count(), 3);
        let gap = at(&found.gaps, &["last_accessed"]);
        assert_eq!(gap.len(), 1, "{:?}", found.gaps);
        assert_eq!(
            gap[0].needs.as_deref(),
            Some(format!("iam:{right}").as_str())
        );
    }
}

/// Absence counts only where everything was read: what is refused has to hide what it would tell.
#[test]
fn recording_what_a_refused_question_would_tell_lies_in_the_part_that_the_gap_names() {
    let whole = pass(&|_| None);
    for operation in [
        "TrentService.ListGrants",
        "TrentService.DescribeKey",
        "ACMPrivateCA.ListPermissions",
        "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition",
        "CodeBuild_20161006.BatchGetProjects",
        "SageMaker.DescribeModel",
        "SageMaker.DescribeNotebookInstance",
        "AWSOrganizationsV20161128.ListDelegatedServicesForAccount",
        "SWBExternalService.ListAccountAssignments",
    ] {
        let refused = pass(&|request| {
            let asked = request.json.as_ref()?.operation == operation;
            asked.then(denied).flatten()
        });
        let told: BTreeSet<_> = refused.seen.iter().map(|one| &one.native).collect();
        let lost = whole.seen.iter().filter(|one| !told.contains(&one.native));
        // Whoever something names is there for as long as it is named.
        let lost = lost.filter(|one| one.scope.0 != ["mentions"]);
        for one in lost {
            assert!(
                refused
                    .gaps
                    .iter()
                    .any(|gap| gap.scope.contains(&one.scope)),
                "{operation}: {} at {:?}, {:?}",
                one.native,
                one.scope,
                refused.gaps
            );
        }
    }
}
