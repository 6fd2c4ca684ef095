//! Trees and files made to hurt: each becomes gaps with their place, or nothing at all.

use std::collections::BTreeMap;

use connectors::{Answer, Entry, EntryKind, File, Port, Question, Recording, Refusal, connector};
use model::{Attribute, Scope, Secret};
use serde_json::json;

use crate::fake::{Pass, pass};

fn search(port: &mut dyn Port) -> Pass {
    let options: BTreeMap<_, _> = [("dirs".to_owned(), "/srv".to_owned())].into();
    pass(connector("files").unwrap(), port, "host", &options)
}

fn recorded(json: &serde_json::Value) -> Pass {
    search(&mut Recording::parse(&json.to_string()).unwrap())
}

fn part(path: &str) -> Scope {
    Scope(
        std::iter::once("/")
            .chain(path.split('/').filter(|p| !p.is_empty()))
            .map(str::to_owned)
            .collect(),
    )
}

#[test]
fn a_refused_directory_is_a_gap_at_its_place_and_its_neighbours_are_read() {
    let out = recorded(&json!({
        "LIST /srv": [{"name": "a", "kind": "directory"}, {"name": ".env", "kind": "file", "size": 30}],
        "LIST /srv/a": {"refusal": {"reason": "denied", "code": "EACCES", "told": "permission denied"}},
        "READ /srv/.env": {"text": "API_TOKEN=abcdefgh12345678\n"},
    }));
    assert_eq!(out.seen.len(), 1);
    assert_eq!(out.gaps.len(), 1);
    assert_eq!(out.gaps[0].scope, part("/srv/a"));
    assert_eq!(
        out.gaps[0].needs.as_deref(),
        Some("read permission on /srv/a, or run as root")
    );
}

#[test]
fn a_root_that_is_not_there_hides_the_whole_source() {
    let out = recorded(&json!({
        "LIST /srv": {"refusal": {"reason": "failed", "code": "ENOENT", "told": "no such directory"}},
    }));
    assert_eq!(out.gaps[0].scope, Scope::whole());
}

#[test]
fn what_vanishes_while_it_is_looked_at_is_absent() {
    let gone = json!({"refusal": {"reason": "failed", "code": "ENOENT", "told": "not there"}});
    let out = recorded(&json!({
        "LIST /srv": [{"name": "a", "kind": "directory"}, {"name": ".env", "kind": "file", "size": 30}],
        "LIST /srv/a": gone, "READ /srv/.env": gone,
    }));
    assert_eq!((out.seen.len(), out.gaps.len()), (0, 0), "{out:?}");
}

#[test]
fn links_are_never_followed() {
    let out = recorded(&json!({
        "LIST /srv": [{"name": ".env", "kind": "link"}, {"name": "up", "kind": "link"}],
    }));
    assert_eq!(
        (out.seen.len(), out.gaps.len()),
        (0, 0),
        "nothing was asked: {out:?}"
    );
    assert_eq!(out.aside["symbolic link, not followed"], 2);
}

#[test]
fn a_pipe_that_is_called_like_a_credential_file_is_a_gap() {
    let no_directory =
        json!({"refusal": {"reason": "failed", "code": "ENOTDIR", "told": "a pipe"}});
    let out = recorded(&json!({
        "LIST /srv": [{"name": ".env", "kind": "other"}, {"name": "control", "kind": "other"}],
        "LIST /srv/.env": no_directory,
        "LIST /srv/control": no_directory,
    }));
    let parts: Vec<_> = out.gaps.iter().map(|gap| gap.scope.to_string()).collect();
    assert_eq!(parts, ["/srv/.env"], "{out:?}");
}

/// A file, what it holds, and how many gaps it leaves.
const BROKEN: &[(&str, &str, usize)] = &[
    (".aws/credentials", "[a\nfoo\n", 1),
    (".aws/credentials", "# none yet\n[a]\nx =\n  y\n", 0),
    (".kube/config", "users: 7\n", 1),
    (".kube/config", "users: null\n", 0),
    (".docker/config.json", r#"{"auths": [1]}"#, 1),
    (".docker/config.json", r#"{"auths": {}}"#, 0),
    ("id_rsa", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n", 1),
    (
        "c.pem",
        "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
        1,
    ),
    (
        "c.pem",
        "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n",
        0,
    ),
    (
        "a.txt",
        "-----BEGIN CERTIFICATE-----\nis how it begins\n",
        0,
    ),
    ("z.der", "garbage", 1),
    ("z.der", "0\u{1}x", 0),
    ("z.der", "0\u{3}x", 1),
    ("empty.p12", "", 1),
    ("empty.jks", "", 1),
    ("empty.key", "", 1),
    (".netrc", "", 0),
    ("server.pem", "just words\n", 1),
    ("server.key", "MIIEvgIBADANBgkqhkiG\n", 1),
    ("server.crt", "<your certificate here>", 0),
    ("ann.pem", "ssh-ed25519 AAAA ann\n", 0),
    ("shop.service", "[Service\nfoo\n", 1),
    ("shop.service", "\u{1}\nfoo\n", 1),
    (
        "shop.service",
        "[Service]\nExecStart=/opt/shop \\\n--fast\n; end\n",
        0,
    ),
    (
        "ssh.service",
        "<?xml version=\"1.0\"?>\n<service-group/>",
        0,
    ),
    ("shop.service", "[Service]\n{{ extra }}\n", 0),
    ("crontab", "hello world this is not cron\n", 1),
    ("crontab", "MAILTO=ann\n# none\n@daily /opt/x\n", 0),
    ("hosts.ini", "[web\ndb1 a=1\n", 1),
    ("hosts.ini", "[web]\ndb1 a='1\n", 1),
    ("hosts.ini", "[web]\ndb[1:3] a='1 2' # it's\nalone\n", 0),
    ("inventory.yml", "all: 5\n", 1),
    ("inventory.yml", "plugin: aws_ec2\nregions: [a]\n", 0),
    (".netrc", "machine a.test login ann password\n", 1),
    (".netrc", "foo bar\n", 1),
    (".netrc", "machine a.test login ann # hers\n", 0),
    (".npmrc", "foo bar\n", 1),
    (".npmrc", "ignore-scripts\n; a b\nloglevel = warn\n", 0),
    (".pypirc", "[pypi\nfoo\n", 1),
    (".pypirc", "[pypi]\nrepository: https://a.test\n  /b\n", 0),
    (".circleci/config.yml", "jobs: 5\n", 1),
    (".circleci/config.yml", "jobs: {a: 5}\n", 1),
    (
        ".circleci/config.yml",
        "jobs:\nworkflows: {version: 2}\n",
        0,
    ),
    ("a/.github/workflows/a.yml", "jobs: [a]\n", 1),
    ("a/.github/workflows/a.yml", "words\n", 1),
    ("a/.github/workflows/a.yml", "name: a\njobs: {}\n", 0),
    (".gitlab-ci.yml", "stages: 5\n", 1),
    (".gitlab-ci.yml", "stages: [a]\nbuild: 7\n", 1),
    (
        ".gitlab-ci.yml",
        "image: a\n.words: &w [a]\nbuild: {script: *w}\n",
        0,
    ),
    ("azure-pipelines.yml", "steps: 5\n", 1),
    ("azure-pipelines.yml", "steps: ${{ parameters.steps }}\n", 0),
    (".buildkite/pipeline.yml", "steps: 5\n", 1),
    (".buildkite/pipeline.yml", "- command: make\n", 0),
    (".drone.yml", "kind: pipeline\nsteps: 5\n", 1),
    (".drone.yml", "steps: {a: {image: b}}\n", 0),
    ("bitbucket-pipelines.yml", "pipelines: 5\n", 1),
    ("bitbucket-pipelines.yml", "pipelines: {}\n", 0),
    ("compose.yml", "services: 5\n", 1),
    ("compose.yml", "services: {a: 5}\n", 1),
    ("compose.yml", "services: {a:}\n", 0),
    ("services.txt", "SERVICE_START_NAME : LocalSystem\n", 1),
    (
        "r.sarif",
        r#"{"version": "2.1.0", "runs": [{"results": [{"ruleId": 7}]}]}"#,
        1,
    ),
    (
        "r.sarif",
        r#"{"version": "2.1.0", "runs": [{"results": [{}]}]}"#,
        0,
    ),
    (
        "b.cdx.json",
        r#"{"specVersion": "1.6", "components": 5}"#,
        1,
    ),
    ("b.cdx.json", r#"{"specVersion": "1.6"}"#, 0),
    ("tfplan.json", r#"{"format_version": 99.0}"#, 1),
    ("tfplan.json", r#"{"format_version": "1.2"}"#, 0),
    ("a.tar", "\u{1}\0\u{7}\0", 1),
    ("a.tar", "\0\0\0\0", 0),
];

#[test]
fn what_its_format_knows_by_name_and_cannot_read_is_a_gap() {
    for &(name, text, gaps) in BROKEN {
        let (mut dir, mut name_left) = ("/srv".to_owned(), name);
        let mut json = serde_json::Map::new();
        while let Some((first, rest)) = name_left.split_once('/') {
            json.insert(
                format!("LIST {dir}"),
                json!([{"name": first, "kind": "directory"}]),
            );
            dir = format!("{dir}/{first}");
            name_left = rest;
        }
        let size = text.len();
        json.insert(
            format!("LIST {dir}"),
            json!([{"name": name_left, "kind": "file", "size": size}]),
        );
        json.insert(format!("READ {dir}/{name_left}"), json!({"text": text}));
        let out = recorded(&json.into());
        assert_eq!(out.gaps.len(), gaps, "{name} {text}: {:?}", out.gaps);
    }
}

#[test]
fn a_user_of_one_letter_has_a_name() {
    let text = "kind: Config\nusers: [{name: u, user: {token: 0123456789abcdef}}]\n";
    let out = recorded(&json!({
        "LIST /srv": [{"name": "kubeconfig", "kind": "file", "size": 80}],
        "READ /srv/kubeconfig": {"text": text},
    }));
    assert!(out.text().contains("token of u"), "{}", out.text());
}

#[test]
fn hostile_names_become_gaps_and_reach_nobody_raw() {
    let names = [
        "..",
        "a/../../etc/passwd",
        "\u{fffd}odd",
        "nul\0",
        "\u{1b}[2J.env",
    ];
    let list: Vec<_> = names
        .iter()
        .map(|name| json!({"name": name, "kind": "file", "size": 5}))
        .collect();
    let out = recorded(&json!({
        "LIST /srv": list,
        "READ /srv/\u{1b}[2J.env": {"text": "API_TOKEN=abcdefgh12345678"},
    }));
    assert_eq!((out.seen.len(), out.gaps.len()), (1, 4), "{out:?}");
    for gap in &out.gaps {
        assert!(!gap.scope.to_string().contains(['\0', '\u{1b}']), "{gap:?}");
        assert!(!gap.told.contains('\u{1b}'));
    }
}

/// Every directory holds itself again.
struct Endless {
    asked: usize,
}

impl Port for Endless {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        self.asked += 1;
        let dir = |name: &str| Entry {
            name: name.to_owned(),
            kind: EntryKind::Directory,
            size: 0,
        };
        Ok(match question {
            Question::List { .. } => Answer::Entries(vec![dir("d")]),
            _ => Answer::File(File {
                bytes: Secret::from(""),
                cut: false,
                mode: 0o600,
            }),
        })
    }
}

#[test]
fn a_tree_without_end_is_left_at_a_stated_depth_with_a_gap() {
    let mut port = Endless { asked: 0 };
    let out = search(&mut port);
    assert!(port.asked <= 66, "{}", port.asked);
    assert_eq!(out.gaps.len(), 1);
    assert!(out.gaps[0].told.contains("directories deep"), "{out:?}");
}

#[test]
fn ten_thousand_unreadable_files_are_a_hundred_gaps_and_one_for_all() {
    let list: Vec<_> = (0..10_000)
        .map(|n| json!({"name": format!("{n}.pem"), "kind": "file", "size": 9}))
        .collect();
    let out = recorded(&json!({"LIST /srv": list}));
    assert_eq!(out.gaps.len(), 101);
    assert_eq!(
        out.gaps[100].scope,
        part("/srv"),
        "the last hides the whole directory"
    );
}

#[test]
fn more_credentials_than_a_file_may_hold_are_a_gap() {
    let text: String = (0..6_000)
        .map(|n| format!("V{n}_TOKEN=abcdefgh{n:08}\n"))
        .collect();
    let out = recorded(&json!({
        "LIST /srv": [{"name": ".env", "kind": "file", "size": 99_999}],
        "READ /srv/.env": {"text": text},
    }));
    assert_eq!((out.seen.len(), out.gaps.len()), (5_000, 1));
}

#[test]
fn a_path_too_long_to_name_is_a_gap() {
    let name = format!("{}.env", "x".repeat(1_200));
    let mut json = json!({"LIST /srv": [{"name": name, "kind": "file", "size": 30}]});
    json[format!("READ /srv/{name}")] = json!({"text": "API_TOKEN=abcdefgh12345678"});
    let out = recorded(&json);
    assert_eq!((out.seen.len(), out.gaps.len()), (0, 1));
}

/// A comment or an issuer that repeats the secret must not give it away.
#[test]
fn a_fact_that_repeats_a_secret_is_left_out() {
    let out = recorded(&json!({
        "LIST /srv": [{"name": ".env", "kind": "file", "size": 60}],
        "READ /srv/.env": {"text": "abcdefgh12345678_TOKEN=abcdefgh12345678\n"},
    }));
    assert_eq!(out.seen.len(), 1);
    assert!(!out.text().contains("abcdefgh12345678"), "{}", out.text());
    assert_eq!(
        out.seen[0]
            .fact(&Attribute::PLACE)
            .is()
            .and_then(|v| v.text()),
        Some("/srv/.env")
    );
}

/// Addresses that somebody glued together, or whose password nobody escaped.
#[test]
fn a_password_is_not_told_as_a_user_a_host_or_a_database() {
    for address in [
        "https://app:Kp7w2QxmR9t@api.acme.test/app:Kp7w2QxmR9t@other.acme.test",
        "postgres://app:Kp7w2QxmR9t@es://app:Kp7w2QxmR9t@db.acme.test/shop",
        "https://Kp7w2QxmR9t:Kp7w2QxmR9t@api.acme.test/",
        "postgres://app:p@Kp7w/2QxmR9t@db.acme.test/shop",
    ] {
        let out = recorded(&json!({
            "LIST /srv": [{"name": ".env", "kind": "file", "size": 90}],
            "READ /srv/.env": {"text": format!("SHOP_URL={address}\n")},
        }));
        for part in ["Kp7w", "2QxmR9t"] {
            assert!(!out.text().contains(part), "{address}: {}", out.text());
        }
    }
}

#[test]
fn a_known_place_that_is_a_link_is_a_gap() {
    let options: BTreeMap<_, _> = [("known", "1"), ("home", "/home/ann")]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .into();
    let json = json!({
        "LIST /home/ann": [{"name": ".pgpass", "kind": "link"}, {"name": ".netrc", "kind": "link"}],
        "LIST /etc": [],
        "LIST /var/spool/cron": [],
    });
    let mut port = Recording::parse(&json.to_string()).unwrap();
    let out = pass(connector("files").unwrap(), &mut port, "host", &options);
    let parts: Vec<_> = out.gaps.iter().map(|gap| gap.scope.to_string()).collect();
    assert_eq!(parts, ["/home/ann/.netrc", "/home/ann/.pgpass"]);
}

/// A format is one file and one line: no second list has to learn of its places.
#[test]
fn where_a_format_says_that_its_files_lie_they_are_found() {
    let options: BTreeMap<_, _> = [("known", "1"), ("home", "/home/ann")]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .into();
    let auth = r#"{"auths": {"registry.test": {"auth": "YW5uOmNvcnJlY3QtaG9yc2U="}}}"#;
    let json = json!({
        "LIST /home/ann": [{"name": ".config", "kind": "directory"}],
        "LIST /home/ann/.config": [{"name": "containers", "kind": "directory"}],
        "LIST /home/ann/.config/containers": [{"name": "auth.json", "kind": "file", "size": 70}],
        "LIST /etc": [],
        "READ /home/ann/.config/containers/auth.json": {"text": auth},
    });
    let mut port = Recording::parse(&json.to_string()).unwrap();
    let out = pass(connector("files").unwrap(), &mut port, "host", &options);
    assert_eq!(out.seen.len(), 1, "{}", out.text());
}

#[test]
fn a_search_and_the_known_places_name_one_file_alike() {
    let files = connector("files").unwrap();
    let json = json!({
        "LIST /home/ann": [{"name": ".pgpass", "kind": "file", "size": 60}],
        "LIST /etc": [],
        "READ /home/ann/.pgpass": {"text": "db:5432:shop:app:correct-horse\n"},
    });
    let run = |options: &[(&str, &str)]| {
        let options: BTreeMap<_, _> = options
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        pass(
            files,
            &mut Recording::parse(&json.to_string()).unwrap(),
            "host",
            &options,
        )
        .seen
    };
    let known = run(&[("known", "1"), ("home", "/home/ann")]);
    assert_eq!(known.len(), 1);
    assert_eq!(known, run(&[("dirs", "/home/ann")]));
    assert_eq!(
        known,
        run(&[("known", "1"), ("home", "/home/ann"), ("dirs", "/home/ann")])
    );
}
