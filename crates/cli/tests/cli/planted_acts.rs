//! Secrets that are acted on, and then looked for in everything Keyroll said and kept: a whole
//! revocation over a store on PostgreSQL, a key of an emulated AWS, providers that are asked, and
//! whatever goes wrong on the way.

use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use futures_util::TryStreamExt as _;
use serde_json::Value;

use crate::chain::sql;
use crate::world::{World, files};

/// A planted word, and where it was planted.
struct Planted {
    what: &'static str,
    word: String,
}

/// Letters that every way of writing a secret changes, and a part that is nowhere else.
fn planted(what: &'static str, n: u32) -> Planted {
    let word = format!("qZ{n}/+vK=mX{}tR9&wLp4n{n}", std::process::id());
    Planted { what, word }
}

/// All that Keyroll said and kept.
#[derive(Default)]
struct Heard {
    pieces: Vec<(String, Vec<u8>)>,
}

impl Heard {
    /// Calls the binary with every log that there may be, and keeps what it says.
    fn call(&mut self, world: &World, arguments: &[&str]) -> (i32, String) {
        let output = world
            .command(arguments)
            .envs([("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full")])
            .output()
            .unwrap();
        let said = [output.stdout.as_slice(), b"\n", &output.stderr].concat();
        // What was typed may hold a secret; what is said of it may not.
        self.pieces
            .push((format!("what `{}` said", arguments[0]), said));
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code().unwrap_or(-1), stdout)
    }

    fn get(&mut self, world: &World, arguments: &[&str]) -> String {
        let (code, stdout) = self.call(world, arguments);
        assert!(matches!(code, 0 | 5), "{arguments:?}: {stdout}");
        stdout
    }

    /// Every file below `dir` but those that the test has planted.
    fn files(&mut self, dir: &Path, planted: &[&str]) {
        for (path, bytes) in files(dir) {
            if !planted.iter().any(|own| path.ends_with(own)) {
                self.pieces.push((path.display().to_string(), bytes));
            }
        }
    }

    /// Every row of every table of a database, as its server copies it out.
    fn tables(&mut self, url: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let dumped = runtime.block_on(dump(url));
        assert!(dumped.len() > 20, "these are the tables of a store");
        let rows: usize = dumped.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(rows > 10_000, "there is something in them");
        self.pieces.extend(dumped);
    }

    /// Fails if any of it holds any of the words, written in any way.
    fn holds_none_of(&self, words: &[Planted]) {
        for one in words {
            for form in forms(one.word.as_bytes()) {
                for (place, bytes) in &self.pieces {
                    let held = bytes.windows(form.len()).position(|part| part == form);
                    // What stands around it leads to whoever wrote it; it is no real secret.
                    let around = held.map(|at| {
                        let from = at.saturating_sub(200);
                        let to = (at + form.len() + 80).min(bytes.len());
                        String::from_utf8_lossy(&bytes[from..to])
                    });
                    assert_eq!(around, None, "the secret of {} is in {place}", one.what);
                }
            }
        }
    }
}

async fn dump(url: &str) -> Vec<(String, Vec<u8>)> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    let driven = tokio::spawn(connection);
    let named = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
                 WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    let mut dumped = Vec::new();
    for row in client.query(named, &[]).await.unwrap() {
        let table: String = row.get(0);
        let copied = client
            .copy_out(&format!("COPY {table} TO STDOUT"))
            .await
            .unwrap();
        let pieces: Vec<_> = copied.try_collect().await.unwrap();
        let bytes = pieces.concat();
        dumped.push((format!("the table {table}"), bytes));
    }
    drop(client);
    driven.await.unwrap().unwrap();
    dumped
}

/// A secret as it may be written: itself and each half, percent-encoded, in JSON, in hex, and in
/// Base64 of both alphabets wherever in a text it may lie.
fn forms(word: &[u8]) -> Vec<Vec<u8>> {
    let half = word.len() / 2;
    let mut forms = vec![word.to_vec(), word[..half].to_vec(), word[half..].to_vec()];
    let escaped = |escape: fn(u8) -> String| -> Vec<u8> {
        let each = word.iter().map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(*byte).to_string(),
            _ => escape(*byte),
        });
        each.collect::<String>().into_bytes()
    };
    forms.push(escaped(|byte| format!("%{byte:02X}")));
    forms.push(escaped(|byte| format!("%{byte:02x}")));
    let hex: String = word.iter().map(|byte| format!("{byte:02x}")).collect();
    forms.push(hex.to_uppercase().into_bytes());
    forms.push(hex.into_bytes());
    for before in 0..3 {
        let text = STANDARD_NO_PAD.encode([&vec![0; before], word].concat());
        // Letters at both ends depend on what stands beside it.
        let own = text[[0, 2, 3][before]..text.len() - 2].to_owned();
        forms.push(own.replace('+', "-").replace('/', "_").into_bytes());
        forms.push(own.into_bytes());
    }
    forms
}

#[test]
fn every_way_to_write_a_secret_is_looked_for() {
    let word = planted("a test", 0).word;
    let held = |text: &[u8]| {
        let heard = Heard {
            pieces: vec![("here".to_owned(), text.to_vec())],
        };
        let looked = || heard.holds_none_of(&[planted("a test", 0)]);
        std::panic::catch_unwind(looked).is_err()
    };
    let bytes = word.as_bytes();
    let url = word
        .replace('/', "%2F")
        .replace('+', "%2B")
        .replace('=', "%3D");
    let url = url.replace('&', "%26");
    let small = url
        .replace("%2F", "%2f")
        .replace("%2B", "%2b")
        .replace("%3D", "%3d");
    assert!(held(format!("x{word}y").as_bytes()) && held(&bytes[..bytes.len() / 2]));
    assert!(held(url.as_bytes()) && held(small.as_bytes()));
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(held(hex.as_bytes()));
    for beside in ["", "a", "ab", "abc"] {
        for text in [format!("{beside}{word}"), format!("{beside}{word}{beside}")] {
            assert!(held(STANDARD_NO_PAD.encode(&text).as_bytes()), "{text}");
            let url_safe = base64::engine::general_purpose::URL_SAFE.encode(&text);
            assert!(held(url_safe.as_bytes()), "{text}");
        }
    }
    assert!(!held(b"nothing of it"));
}

/// A world whose roll lies in a database of its own on the real server.
fn on_postgres(topic: &str) -> Option<(World, testkit::PgDatabase)> {
    let database = testkit::postgres_database(topic)?;
    sql(
        &database.server.url,
        &format!("CREATE DATABASE {}", database.name),
    );
    let mut world = World::new();
    let key = |name: &str| world.path(name).to_str().unwrap().to_owned();
    let (print, seal) = (key("print.key"), key("seal.key"));
    world = world
        .with("KEYROLL_STORE", &database.url)
        .with("KEYROLL_FINGERPRINT_KEY_FILE", &print)
        .with("KEYROLL_SEAL_KEY_FILE", &seal);
    world.real_time();
    Some((world, database))
}

/// The words that open what stands around the test: the server's own password, the key files.
fn standing(world: &World, url: &str) -> Vec<Planted> {
    let file = |name: &str| std::fs::read_to_string(world.path(name)).unwrap();
    let password = url.split(['@', ':']).nth(2).unwrap();
    vec![
        Planted {
            what: "the server",
            word: password.to_owned(),
        },
        Planted {
            what: "the fingerprint key",
            word: file("print.key").trim().to_owned(),
        },
        Planted {
            what: "the seal key",
            word: file("seal.key").trim().to_owned(),
        },
    ]
}

/// What goes wrong, each with a secret in its hands.
fn go_wrong(
    heard: &mut Heard,
    world: &World,
    server: &testkit::PgServer,
    role: &str,
) -> Vec<Planted> {
    let wrong = planted("a wrong password", 10);
    let nobody = planted("a server that is not there", 11);
    let broken = planted("an address that is none", 12);
    let typed = planted("a password that was typed", 13);
    let encoded = |word: &str| {
        let address = server.url_for("x", word, "x");
        address.split([':', '@']).nth(2).unwrap().to_owned()
    };
    let mut calls = vec![
        vec![
            "scan".to_owned(),
            server.url_for(role, &wrong.word, "postgres"),
        ],
        vec![
            "sources".to_owned(),
            "add".to_owned(),
            server.url_for(role, &wrong.word, "postgres"),
        ],
    ];
    for scheme in ["postgres", "mysql", "redis", "ldap", "ldaps"] {
        let refused = format!("{scheme}://ann:{}@127.0.0.1:1/shop", encoded(&nobody.word));
        calls.push(vec!["scan".to_owned(), refused.clone()]);
        calls.push(vec!["sources".to_owned(), "test".to_owned(), refused]);
        for odd in [
            format!(
                "{scheme}://ann:{}@127.0.0.1:notaport/shop",
                encoded(&broken.word)
            ),
            format!("{scheme}://ann:{}@[::1/shop", broken.word),
            format!("{scheme}:/ann:{}@host", broken.word),
        ] {
            calls.push(vec!["scan".to_owned(), odd.clone()]);
            calls.push(vec!["--store".to_owned(), odd.clone(), "ls".to_owned()]);
            calls.push(vec!["migrate".to_owned(), odd]);
        }
    }
    let store = format!("postgres://ann:{}@127.0.0.1:1/roll", encoded(&nobody.word));
    for verb in ["ls", "doctor", "findings"] {
        calls.push(vec!["--store".to_owned(), store.clone(), verb.to_owned()]);
    }
    calls.push(vec!["migrate".to_owned(), store]);
    let denied = server.url_for(role, &wrong.word, "postgres");
    calls.push(vec!["--store".to_owned(), denied, "ls".to_owned()]);
    for call in &calls {
        let call: Vec<&str> = call.iter().map(String::as_str).collect();
        heard.call(world, &call);
    }
    // Typed on standard input, for a server that is not there.
    let mut command = world.command(&[
        "sources",
        "add",
        "postgres://ann@127.0.0.1:1/x",
        "--password-stdin",
    ]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, format!("{}\n", typed.word).as_bytes()).unwrap();
    drop(stdin);
    let ended = child.wait_with_output().unwrap();
    heard.pieces.push((
        "what `sources add` said".to_owned(),
        [ended.stdout, ended.stderr].concat(),
    ));
    vec![wrong, nobody, broken, typed]
}

/// The credential that opens `role`, from its finding to its proof.
fn found_and_revoked(heard: &mut Heard, world: &World, role: &str) -> String {
    let open = ["--rule", "open-secret", "--verdict", "fail", "-o", "json"];
    let told = heard.get(world, &[&["findings"][..], &open].concat());
    let told: Value = serde_json::from_str(&told).unwrap();
    let of_role = |one: &&Value| one["why"].as_str().unwrap().contains(role);
    let found = told.as_array().unwrap().iter().find(of_role).unwrap();
    let id = found["id"].as_str().unwrap();
    let plan = heard.get(world, &["plan", "revoke", id, "-o", "json"]);
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let plan = plan["plan"]["id"].as_str().unwrap().to_owned();
    heard.get(world, &["plan", "show", &plan]);
    let applied = heard.get(world, &["apply", &plan, "--yes", "-o", "json"]);
    let applied: Value = serde_json::from_str(&applied).unwrap();
    assert_eq!(applied["state"]["state"], "proven", "{applied}");
    heard.get(world, &["apply", &plan, "--yes"]);
    heard.get(world, &["verify-revoked", id]);
    heard.get(world, &["verify-revoked"]);
    id.to_owned()
}

/// Everything that is told of it afterwards, in every way it may leave.
fn ask_for_all(heard: &mut Heard, world: &World, id: &str) {
    for calls in [
        &["residual", "-o", "json"][..],
        &["metrics"],
        &["doctor"],
        &["gaps", "-o", "json"],
        &["sources", "list", "-o", "json"],
        &["key", "rotate"],
        &["key", "rewrap"],
        &["evidence", "show", "-o", "json", "--limit", "0"],
        &["evidence", "export", "all.evidence"],
        &["why", id, "-o", "json"],
        &["backup", "roll.backup"],
        &["migrate", "copy.db"],
        &["findings", "-o", "sarif"],
    ] {
        let (code, said) = heard.call(world, calls);
        // What `doctor` finds wrong is wrong; nothing else fails.
        let fails = calls == ["doctor"] && code == 1;
        assert!(fails || matches!(code, 0 | 3 | 5), "{calls:?}: {said}");
    }
}

#[test]
fn no_secret_that_is_revoked_checked_or_mistaken_is_in_anything_said_or_kept() {
    let Some((world, database)) = on_postgres("planted_acts") else {
        return;
    };
    let server = &database.server;
    let (leaked, live) = (
        planted("the revoked role", 1),
        planted("the role that lives", 2),
    );
    let roles = ["planted_dies", "planted_lives"].map(testkit::fresh_name);
    for (role, one) in roles.iter().zip([&leaked, &live]) {
        let create = format!("create role {role} login password '{}'", one.word);
        sql(&server.url, &create);
        let url = server.url_for(role, &one.word, "postgres");
        world.file(
            &format!("shop/{role}/.env"),
            &format!("DATABASE_URL={url}\n"),
        );
    }
    let shop = world.path("shop");
    let shop = shop.to_str().unwrap();
    let mut heard = Heard::default();
    heard.get(&world, &["sources", "add", &server.url]);
    heard.get(&world, &["scan", shop, &server.url]);
    let at = format!("postgres={}", server.address());
    let check = ["scan", shop, "--check-live", "--yes", "--live-host", &at];
    heard.get(&world, &check);

    let id = found_and_revoked(&mut heard, &world, &roles[0]);
    heard.get(&world, &check);

    let wrong = go_wrong(&mut heard, &world, server, &roles[1]);
    ask_for_all(&mut heard, &world, &id);
    heard.tables(&database.url);
    heard.files(&world.path(""), &[".env", "print.key", "seal.key"]);
    let mut words = standing(&world, &server.url);
    words.extend(wrong);
    words.extend([leaked, live]);
    heard.holds_none_of(&words);
    for role in roles {
        sql(&server.url, &format!("drop role if exists {role}"));
    }
}

/// The emulator makes the key; boto3 asks it to.
const MAKE_USER: &str = r#"
import boto3, json, sys
endpoint, name = sys.argv[1:]
iam = boto3.client("iam", endpoint_url=endpoint, region_name="us-east-1",
                   aws_access_key_id="test", aws_secret_access_key="test")
iam.create_user(UserName=name)
iam.put_user_policy(UserName=name, PolicyName="reads", PolicyDocument=json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sns:ListTopics", "Resource": "*"}]}))
key = iam.create_access_key(UserName=name)["AccessKey"]
print(key["AccessKeyId"], key["SecretAccessKey"])
"#;

#[test]
fn emulator_ministack_no_secret_of_a_revoked_key_is_in_anything_said_or_kept() {
    let (Some(endpoint), Some(python)) = (testkit::ministack(), testkit::python()) else {
        return;
    };
    let name = testkit::fresh_name("planted_key");
    let made = Command::new(python)
        .args(["-c", MAKE_USER, &endpoint, &name])
        .output()
        .unwrap();
    let made_said = String::from_utf8_lossy(&made.stdout).into_owned();
    let failed = String::from_utf8_lossy(&made.stderr);
    let (id, secret) = made_said
        .trim()
        .split_once(' ')
        .unwrap_or_else(|| panic!("{failed}"));
    let mut world = World::new()
        .with("AWS_ACCESS_KEY_ID", "test")
        .with("AWS_SECRET_ACCESS_KEY", "test");
    world.real_time();
    world.file(
        "shop/.env",
        &format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\n"),
    );
    let shop = world.path("shop");
    let shop = shop.to_str().unwrap();
    let mut heard = Heard::default();
    let at = ["--endpoint", &endpoint, "--region", "us-east-1"];
    heard.get(&world, &[&["scan", shop, "aws"][..], &at].concat());
    let (_, told) = heard.call(&world, &["plan", "revoke", id, "-o", "json"]);
    let plan: Value = serde_json::from_str(&told).unwrap();
    let plan = plan["plan"]["id"].as_str().unwrap().to_owned();
    // Its sessions are watched for ten minutes; what is said and kept does not wait for that.
    let (code, said) = heard.call(
        &world,
        &["apply", &plan, "--yes", "--wait", "5s", "-o", "json"],
    );
    assert_eq!(code, 5, "{said}");
    let applied: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(applied["proof"]["target"], "emulator", "{applied}");
    let denied = |probe: &Value| probe["probed"]["answer"] == "denied";
    let probes = applied["proof"]["probes"].as_array().unwrap();
    assert!(probes.iter().any(denied), "{applied}");
    for calls in [
        &["residual", "-o", "json"][..],
        &["verify-revoked"],
        &["evidence", "show", "-o", "json", "--limit", "0"],
        &["evidence", "export", "all.evidence"],
        &["backup", "roll.backup"],
    ] {
        heard.call(&world, calls);
    }
    heard.files(&world.path(""), &[".env"]);
    heard.holds_none_of(&[Planted {
        what: "the access key",
        word: secret.to_owned(),
    }]);
}

/// A program that a profile names: it tells with what it was started and whether a crash would
/// leave a core, and prints a key.
const PROGRAM: &str = r#"#!/bin/sh
grep 'core file' /proc/$$/limits >>"$SEEN"
{ tr '\0' '\n' </proc/$$/cmdline; echo; tr '\0' '\n' </proc/$$/environ; } >>"$SEEN"
echo '{"Version":1,"AccessKeyId":"AKIAQWERTYUIOPASDFGH","SecretAccessKey":"PRINTED"}'
"#;

#[test]
fn emulator_moto_a_program_that_keyroll_starts_is_shown_no_secret_that_was_read() {
    let Some(endpoint) = testkit::moto() else {
        return;
    };
    let (lies, printed) = (planted("a file", 3), planted("a program", 4));
    let world = World::new();
    let seen = world.path("seen-by-the-program");
    let program = PROGRAM.replace("PRINTED", &printed.word);
    let program = world.file("program", &program);
    let config = format!(
        "[profile tool]\ncredential_process = sh {}\n",
        program.display()
    );
    world.file("home/.aws/config", &config);
    world.file(
        "home/.netrc",
        &format!("machine git.example login ann password {}\n", lies.word),
    );
    let world = world.with("SEEN", seen.to_str().unwrap());
    let mut heard = Heard::default();
    heard.get(&world, &["scan"]);
    let scan = [
        "scan",
        "aws:tool",
        "--endpoint",
        &endpoint,
        "--region",
        "us-east-1",
    ];
    heard.get(&world, &scan);
    let started = std::fs::read_to_string(&seen).unwrap();
    assert!(started.contains("SEEN="), "it was started: {started}");
    // What dies with a secret in its memory leaves no core that holds it; who is started by it
    // has the same limit.
    let core = started
        .lines()
        .find(|line| line.starts_with("Max core file"));
    let limits: Vec<&str> = core.unwrap().split_whitespace().skip(4).take(2).collect();
    assert_eq!(limits, ["0", "0"]);
    heard.get(&world, &["evidence", "show", "-o", "json"]);
    heard.files(&world.path(""), &[".netrc", "program"]);
    heard.holds_none_of(&[lies, printed]);
}
