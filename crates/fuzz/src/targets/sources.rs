//! The connectors, over a port that answers with the input: files, AWS exports, AWS, PostgreSQL.

use std::collections::BTreeMap;

use connectors::kubernetes::access::{Kubeconfig, Printed};
use connectors::{Event, Port, connector};
use model::{CredentialType, EntityId, Kind, Path, SightingKey, SourceId, StepKind, Subject};

use super::Listed;
use crate::answers::{Answers, OneFile, context, pass};
use crate::witness::Witness;

pub(super) const TARGETS: &[Listed] = &[
    (
        "files",
        "a file of any name and content: no secret of it is in what is told of it",
        files,
    ),
    (
        "git_history",
        "a content of any name in a history: no secret of it is in what is told of it",
        git_history,
    ),
    (
        "aws_exports",
        "any file among exports of AWS ends in observations and gaps",
        aws_exports,
    ),
    (
        "gcp_exports",
        "any file among exports of Google Cloud ends in observations and gaps",
        gcp_exports,
    ),
    (
        "gcp_assets",
        "whatever the asset inventory answers ends in observations and gaps",
        gcp_assets,
    ),
    (
        "entra_exports",
        "any file among exports of Microsoft Entra and Azure ends in observations and gaps",
        entra_exports,
    ),
    (
        "entra",
        "whatever Microsoft Graph answers ends in observations and gaps",
        entra,
    ),
    (
        "azure",
        "whatever Azure Resource Manager answers ends in observations and gaps",
        azure,
    ),
    (
        "kubernetes_exports",
        "any file among exports of Kubernetes ends in observations and gaps",
        kubernetes_exports,
    ),
    (
        "kubernetes",
        "whatever a cluster answers ends in observations and gaps",
        kubernetes,
    ),
    (
        "kubernetes_access",
        "a kubeconfig leads somewhere or says in one line why not",
        kubernetes_access,
    ),
    (
        "leavers",
        "any list of leavers ends in observations and gaps",
        leavers,
    ),
    (
        "aws_iam",
        "any XML and any report that AWS answers with ends in observations and gaps",
        aws_iam,
    ),
    (
        "aws_iam_revoker",
        "no answer of AWS makes a step or a probe panic",
        aws_iam_revoker,
    ),
    (
        "described",
        "whatever a described system answers ends in observations and gaps",
        described,
    ),
    (
        "gitlab_project_tokens",
        "whatever GitLab answers ends in observations and gaps",
        gitlab_project_tokens,
    ),
    (
        "description",
        "a description is refused in one line or is one",
        description,
    ),
    (
        "postgres_roles",
        "any rows that PostgreSQL answers with end in observations and gaps; no verifier comes out",
        postgres_roles,
    ),
    (
        "mysql_accounts",
        "any rows that MariaDB answers with end in observations and gaps; no hash comes out",
        mysql_accounts,
    ),
    (
        "redis_users",
        "any bytes that Redis answers with end in observations and gaps; no hash comes out",
        redis_users,
    ),
    (
        "postgres_revoker",
        "no rows and no refusal of PostgreSQL make a step or a probe panic",
        postgres_revoker,
    ),
];

/// A path below `/srv`, which is the first line, and a content, which is the rest.
fn named(input: &[u8]) -> (String, &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (name, rest) = input.split_at(end.unwrap_or(input.len()));
    let path = format!("/srv/{}", String::from_utf8_lossy(name));
    (path, rest.strip_prefix(b"\n").unwrap_or(rest))
}

fn git_history(input: &[u8]) {
    let (path, bytes) = named(input);
    let options = BTreeMap::from([("repository".to_owned(), "/srv".to_owned())]);
    let Some(history) = connector("git_history") else {
        return;
    };
    let witness = Witness::default();
    let mut port = OneFile { path: &path, bytes };
    let told = pass(history, &mut port, &witness, "host", &options);
    witness.finds_nothing_in(&told.text, &path);
}

fn files(input: &[u8]) {
    let (path, bytes) = named(input);
    let dir = path.rsplit_once('/').unwrap_or_default().0.to_owned();
    let options = BTreeMap::from([("dirs".to_owned(), dir)]);
    let Some(files) = connector("files") else {
        return;
    };
    let witness = Witness::default();
    let mut port = OneFile { path: &path, bytes };
    let told = pass(files, &mut port, &witness, "host", &options);
    witness.finds_nothing_in(&told.text, &path);

    let mut sink = |_: Event| {};
    let mut cx = context(&mut port, &witness, "host", &options, &mut sink);
    for native in &told.natives {
        // What has no secret is refused; the refusal repeats none.
        if let Err(refused) = files.read_again(&mut cx, native) {
            witness.finds_nothing_in(&refused.to_string(), &path);
        }
    }
}

fn aws_exports(input: &[u8]) {
    let options = BTreeMap::from([("dirs".to_owned(), "/exports".to_owned())]);
    let mut port = OneFile {
        path: "/exports/answer.json",
        bytes: input,
    };
    let told = discover("aws_exports", &mut port, "exports", &options);
    assert!(!told.contains('\u{1b}'), "an escape came out raw");
}

fn gcp_exports(input: &[u8]) {
    let options = BTreeMap::from([("dirs".to_owned(), "/exports".to_owned())]);
    let mut port = OneFile {
        path: "/exports/answer.json",
        bytes: input,
    };
    let told = discover("gcp_exports", &mut port, "exports", &options);
    assert!(!told.contains('\u{1b}'), "an escape came out raw");
}

fn gcp_assets(input: &[u8]) {
    database("gcp_assets", "projects/shop", input);
}

fn entra_exports(input: &[u8]) {
    let options = BTreeMap::from([("dirs".to_owned(), "/exports".to_owned())]);
    let mut port = OneFile {
        path: "/exports/answer.json",
        bytes: input,
    };
    let told = discover("entra_exports", &mut port, "exports", &options);
    assert!(!told.contains('\u{1b}'), "an escape came out raw");
}

fn entra(input: &[u8]) {
    database("entra", "8d3b1f52-6c0e-4a57-9f41-2b7c90e5d101", input);
}

fn azure(input: &[u8]) {
    database("azure", "3c1d7a90-52be-4f6c-a1e8-90d4b6c7e812", input);
}

fn kubernetes_exports(input: &[u8]) {
    let options = BTreeMap::from([("dirs".to_owned(), "/exports".to_owned())]);
    let mut port = OneFile {
        path: "/exports/list.json",
        bytes: input,
    };
    let told = discover("kubernetes_exports", &mut port, "exports", &options);
    assert!(!told.contains('\u{1b}'), "an escape came out raw");
}

fn kubernetes(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut port = Answers::new(&text);
    let told = discover("kubernetes", &mut port, "dev", &BTreeMap::new());
    assert!(!told.contains('\u{1b}'), "an escape came out raw");
}

fn kubernetes_access(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut config = Kubeconfig::default();
    let led = config.add("/home/ann/.kube/config", &text).and_then(|()| {
        let context = config.current().unwrap_or_default().to_owned();
        config.access(&context)
    });
    let why = led.err().into_iter().chain(Printed::read(input).err());
    for astray in why {
        let told = astray.to_string();
        assert!(told.len() < 2_000, "{} bytes", told.len());
        assert!(!told.contains(char::is_control), "{told:?}");
    }
}

fn leavers(input: &[u8]) {
    let options = BTreeMap::from([("dirs".to_owned(), "/lists/left.csv".to_owned())]);
    let mut port = OneFile {
        path: "/lists/left.csv",
        bytes: input,
    };
    let told = discover("leavers", &mut port, "/lists/left.csv", &options);
    assert!(!told.contains('\u{1b}'), "an escape came out raw");
}

fn aws_iam(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let options = BTreeMap::from([("region".to_owned(), "us-east-1".to_owned())]);
    let mut port = Answers::new(&text);
    let told = discover("aws_iam", &mut port, "111122223333", &options);
    assert!(!told.contains('\u{1b}'), "an escape came out raw");
}

/// The answers go to each described system; what it maps is told, and nothing else.
fn described(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for one in connectors::described() {
        let mut port = Answers::new(&text);
        let (witness, options) = (Witness::default(), BTreeMap::new());
        let target = "api.example/acme/shop";
        let told = pass(one, &mut port, &witness, target, &options);
        assert!(!told.text.contains('\u{1b}'), "an escape came out raw");
    }
}

fn gitlab_project_tokens(input: &[u8]) {
    database("gitlab_project_tokens", "gitlab.example/7", input);
}

fn description(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Err(unfit) = connectors::check_description(&text) {
        let told = unfit.to_string();
        assert!(told.len() < 2_000, "{} bytes", told.len());
        assert!(!told.contains(char::is_control), "{told:?}");
    }
}

fn postgres_roles(input: &[u8]) {
    database("postgres_roles", "127.0.0.1:5432", input);
}

fn mysql_accounts(input: &[u8]) {
    database("mysql_accounts", "127.0.0.1:3306", input);
}

fn redis_users(input: &[u8]) {
    database("redis_users", "127.0.0.1:6379", input);
}

fn database(connector: &str, target: &str, input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut port = Answers::new(&text);
    let told = discover(connector, &mut port, target, &BTreeMap::new());
    assert!(!told.contains('\u{1b}'), "an escape came out raw");
}

/// One pass of the connector called `name`; nothing secret is in what it tells.
fn discover(
    name: &str,
    port: &mut dyn Port,
    target: &str,
    options: &BTreeMap<String, String>,
) -> String {
    let witness = Witness::default();
    let Some(connector) = connector(name) else {
        return String::new();
    };
    let told = pass(connector, port, &witness, target, options);
    witness.finds_nothing_in(&told.text, target);
    told.text
}

fn aws_iam_revoker(input: &[u8]) {
    let handle = [
        ("user", "AKIAIOSFODNN7EXAMPLE"),
        ("user_name", "ann"),
        ("session_probe", "sns:ListTopics"),
        ("may_assume_roles", "no"),
    ];
    revoke(
        "aws_iam",
        &subject(
            CredentialType::AwsAccessKey,
            ("aws_iam", "111122223333"),
            "AKIAIOSFODNN7EXAMPLE",
            "arn:aws:iam::111122223333:user/ann",
            &handle,
        ),
        input,
    );
}

fn postgres_revoker(input: &[u8]) {
    let handle = [("user", "shop_app"), ("oid", "16385"), ("database", "shop")];
    revoke(
        "postgres_roles",
        &subject(
            CredentialType::PostgresPassword,
            ("postgres_roles", "127.0.0.1:5432"),
            "role/16385",
            "shop_app",
            &handle,
        ),
        input,
    );
}

fn subject(
    credential: CredentialType,
    (connector, target): (&str, &str),
    native: &str,
    principal: &str,
    handle: &[(&str, &str)],
) -> Subject {
    let source = SourceId::new(connector, target);
    let sighting = SightingKey {
        source: source.clone(),
        kind: Kind::Credential,
        native: native.to_owned(),
    };
    let handle = handle.iter();
    Subject {
        entity: EntityId::of(&sighting),
        name: native.to_owned(),
        credential,
        source,
        native: native.to_owned(),
        handle: handle
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        principal: principal.to_owned(),
        seen_at: Vec::new(),
        fingerprints: Vec::new(),
    }
}

/// Every act and every probe, each over all answers of the input.
fn revoke(name: &str, subject: &Subject, input: &[u8]) {
    const STEPS: [StepKind; 4] = [
        StepKind::DenySessions,
        StepKind::Cut,
        StepKind::EndSessions,
        StepKind::Remove,
    ];
    const PATHS: [Path; 3] = [Path::NewLogin, Path::HeldSession, Path::MintedSession];
    let Some(revoker) = connector(name).and_then(connectors::Connector::revoker) else {
        return;
    };
    let text = String::from_utf8_lossy(input);
    let (witness, options) = (Witness::default(), BTreeMap::new());
    let told = |told: String| assert!(!told.contains('\u{1b}'), "an escape came out raw");
    let with_answers = |act: &mut dyn FnMut(&mut connectors::Context<'_>)| {
        let mut port = Answers::new(&text);
        let mut sink = |_: Event| {};
        act(&mut context(&mut port, &witness, "", &options, &mut sink));
    };
    with_answers(&mut |cx| told(format!("{:?}", revoker.standing(cx, subject))));
    for step in STEPS {
        with_answers(&mut |cx| told(format!("{:?}", revoker.act(cx, subject, step))));
    }
    for path in PATHS {
        with_answers(&mut |cx| told(format!("{:?}", revoker.probe(cx, subject, path))));
    }
}
