//! Asking providers, through the whole command, against a stub of them.

use std::collections::BTreeMap;
use std::process::Stdio;

use serde_json::Value;

use crate::stub::{Said, Stub, json};
use crate::world::{Ran, World, files};

/// Letters that only a test makes; the same for one `seed`.
fn letters(seed: u64, count: usize) -> String {
    const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(ALPHABET[(state >> 33) as usize % ALPHABET.len()])
    };
    (0..count).map(|_| letter()).collect()
}

fn github(seed: u64) -> String {
    format!("ghp_{}", letters(seed, 36))
}

/// Digits of the same kind.
fn digits(seed: u64, count: usize) -> String {
    let digit = |c: char| char::from(b'0' + (u32::from(c) * 7 % 9 + 1) as u8);
    letters(seed, count).chars().map(digit).collect()
}

fn notion(seed: u64) -> String {
    format!("ntn_{}{}", digits(seed, 11), letters(seed + 1, 35))
}

fn telegram(seed: u64) -> String {
    format!("{}:AA{}", digits(seed, 10), letters(seed, 33))
}

fn slack(seed: u64) -> String {
    format!(
        "xoxb-{}-{}-{}",
        digits(seed, 12),
        digits(seed + 1, 12),
        letters(seed, 24)
    )
}

fn scan(world: &World, dir: &str, stub: &Stub, more: &[&str]) -> Ran {
    let dir = world.path(dir);
    let mut arguments = vec!["scan", dir.to_str().unwrap(), "--live-endpoint", stub.url()];
    arguments.extend(more);
    world.run(&arguments)
}

fn findings(world: &World, more: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["findings", "-o", "json"];
    arguments.extend(more);
    let told = world.get(&arguments);
    serde_json::from_str::<Value>(&told)
        .unwrap()
        .as_array()
        .unwrap()
        .clone()
}

fn user(path: &str) -> Said {
    match path {
        "/api.github.com/user" => json("200 OK", r#"{"login":"shop-bot","id":583231}"#),
        _ => json("404 Not Found", "{}"),
    }
}

#[test]
fn without_the_flag_nobody_is_asked_and_no_socket_is_opened() {
    let stub = Stub::answering(user);
    let world = World::new()
        .with("HTTPS_PROXY", stub.url())
        .with("ALL_PROXY", stub.url());
    world.file("shop/main.py", &format!("TOKEN = \"{}\"\n", github(1)));
    let ran = scan(&world, "shop", &stub, &["--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(stub.asked().is_empty(), "{:?}", stub.asked());
    assert!(!ran.stderr.contains("check-live"));
    assert!(
        findings(&world, &[])
            .iter()
            .all(|one| one["validity"].is_null())
    );
}

#[test]
fn where_nobody_can_agree_nothing_is_sent() {
    let stub = Stub::answering(user);
    let world = World::new();
    world.file("shop/main.py", &format!("TOKEN = \"{}\"\n", github(1)));
    let ran = scan(&world, "shop", &stub, &["--check-live"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    assert!(stub.asked().is_empty());
}

#[test]
fn stub_live_dead_and_unknown_are_three_states_and_rank_findings() {
    let stub = Stub::answering(|path| match path {
        "/api.github.com/user" => user(path),
        "/slack.com/api/auth.test" => json("200 OK", r#"{"ok":false,"error":"token_revoked"}"#),
        _ => json("503 Service Unavailable", "{}"),
    });
    let world = World::new();
    for (file, token) in [("a.py", github(1)), ("b.py", slack(2)), ("c.py", notion(3))] {
        world.file(
            &format!("shop/{file}"),
            &format!("API_TOKEN = \"{token}\"\n"),
        );
    }
    let ran = scan(&world, "shop", &stub, &["--check-live", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("3 credentials would be sent, one reading request each, to api.github.com (1), api.notion.com (1), slack.com (1)"),
        "{}", ran.stderr
    );
    assert_eq!(stub.asked().len(), 3);
    for head in stub.asked() {
        assert!(head.contains("(probe)"), "probes are marked: {head}");
    }
    let mut states = BTreeMap::new();
    for one in findings(&world, &["--rule", "secret-in-text"]) {
        let file = one["path"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned();
        states.insert(
            file,
            (one["validity"].clone(), one["risk"].as_u64().unwrap()),
        );
    }
    assert_eq!(states["a.py"].0, "live");
    assert_eq!(states["b.py"].0, "dead");
    assert_eq!(states["c.py"].0, "unknown");
    assert!(
        states["a.py"].1 > states["c.py"].1 && states["c.py"].1 > states["b.py"].1,
        "{states:?}"
    );
    let live = findings(&world, &["--live"]);
    assert!(live.iter().all(|one| one["validity"] == "live") && !live.is_empty());
    let all = findings(&world, &[]);
    assert_eq!(all[0]["validity"], "live", "{}", all[0]);
    let leaked = all.iter().find(|one| one["rule"] == "leaked-live").unwrap();
    assert_eq!(leaked["verdict"], "fail");
    let factors = leaked["factors"].to_string();
    assert!(
        factors.contains("its provider still lets it in"),
        "{factors}"
    );
    let dead = findings(&world, &["--validity", "dead"]);
    assert!(dead.iter().all(|one| one["rule"] != "leaked-live"));
    let unknown = findings(&world, &["--rule", "leaked-live", "--verdict", "unknown"]);
    assert!(
        unknown[0]["why"].as_str().unwrap().contains("503"),
        "{unknown:?}"
    );
}

#[test]
fn stub_one_credential_is_asked_for_once_wherever_it_lies_and_each_host_has_its_pause() {
    let stub = Stub::answering(user);
    let world = World::new();
    let token = github(1);
    for file in ["a.py", "b.py", "deep/c.env"] {
        world.file(&format!("shop/{file}"), &format!("GITHUB_TOKEN={token}\n"));
    }
    world.file("shop/d.py", &format!("OTHER = \"{}\"\n", github(2)));
    let before = std::time::Instant::now();
    let ran = scan(&world, "shop", &stub, &["--check-live", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        stub.paths(),
        ["/api.github.com/user", "/api.github.com/user"]
    );
    assert!(before.elapsed() >= std::time::Duration::from_millis(250));
}

#[test]
fn stub_whom_the_provider_names_holds_every_token_of_his() {
    let stub = Stub::answering(user);
    let world = World::new();
    world.file("shop/a.py", &format!("TOKEN = \"{}\"\n", github(1)));
    world.file(
        "tools/.mcp.json",
        &format!(
            r#"{{"mcpServers":{{"github":{{"command":"npx","env":{{"GITHUB_TOKEN":"{}"}}}}}}}}"#,
            github(2)
        ),
    );
    for dir in ["shop", "tools"] {
        let ran = scan(&world, dir, &stub, &["--check-live", "--yes"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    assert_eq!(
        stub.asked().len(),
        2,
        "a token of a configuration is known by its form"
    );
    let one = world.get(&["get", "shop-bot", "-o", "json"]);
    let one: Value = serde_json::from_str(&one).unwrap();
    assert_eq!(one["type"], "github_user");
    assert_eq!(one["held"].as_array().unwrap().len(), 2, "{one}");
}

/// Answers of providers that lie or break: what must come of each, and what it is.
const LIES: [(&str, &str); 6] = [
    ("a redirect", "it wanted to send us elsewhere"),
    ("a page of a gateway", "says neither"),
    ("too much", "larger than"),
    ("a cut connection", "check-live"),
    ("a denial of something else", "not with the words"),
    ("no answer but a wait", "asked too much"),
];

fn lie(what: &str, elsewhere: &str) -> Said {
    match what {
        "a redirect" => Some((
            "302 Found",
            format!("location: {elsewhere}/stolen\r\n"),
            String::new(),
        )),
        "a page of a gateway" => Some(("200 OK", String::new(), "<html>log in</html>".to_owned())),
        "too much" => json(
            "200 OK",
            &format!(r#"{{"login":"{}"}}"#, "x".repeat(2 << 20)),
        ),
        "a cut connection" => None,
        "a denial of something else" => json(
            "401 Unauthorized",
            r#"{"message":"your address is not allowed"}"#,
        ),
        _ => json("429 Too Many Requests", "{}"),
    }
}

#[test]
fn stub_whatever_lies_or_breaks_is_unknown_and_leads_nowhere() {
    for (what, why) in LIES {
        let elsewhere = Stub::answering(user);
        let url = elsewhere.url().to_owned();
        let stub = Stub::answering(move |_| lie(what, &url));
        let world = World::new();
        world.file("shop/a.py", &format!("TOKEN = \"{}\"\n", github(1)));
        let ran = scan(&world, "shop", &stub, &["--check-live", "--yes"]);
        assert_eq!(ran.code, 0, "{what}: {}", ran.stderr);
        assert!(elsewhere.asked().is_empty(), "{what}: it was followed");
        assert_eq!(stub.asked().len(), 1, "{what}: asked once and never again");
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert!(told.contains(why), "{what}: {told}");
        let unknown = findings(&world, &["--validity", "unknown"]);
        assert!(!unknown.is_empty(), "{what}");
        assert!(findings(&world, &["--live"]).is_empty(), "{what}");
    }
}

#[test]
fn stub_no_secret_is_in_anything_written_whatever_the_provider_says() {
    let tokens = [github(1), telegram(2), slack(3)];
    let (echo, path_echo) = (tokens[0].clone(), tokens[1].clone());
    // It repeats the secret as the name of the principal, redirects to it, and breaks off.
    let stub = Stub::answering(move |path| match path {
        "/api.github.com/user" => json("200 OK", &format!(r#"{{"login":"{echo}","id":1}}"#)),
        path if path.contains("/bot") => Some((
            "302 Found",
            format!("location: /{path_echo}\r\n"),
            String::new(),
        )),
        _ => None,
    });
    let world = World::new();
    world.file(
        "shop/a.py",
        &format!("TOKEN = \"{}\"\nBOT = \"{}\"\n", tokens[0], tokens[1]),
    );
    world.file(
        "shop/b.py",
        &format!(
            "TELEGRAM_BOT_TOKEN = \"{}\"\nSLACK = \"{}\"\n",
            tokens[1], tokens[2]
        ),
    );
    let ran = scan(&world, "shop", &stub, &["--check-live", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(stub.asked().len(), 3, "{:?}", stub.paths());
    assert!(ran.stderr.contains("in the address"), "{}", ran.stderr);
    let mut written = format!("{}{}", ran.stdout, ran.stderr);
    for arguments in [
        &["findings", "-o", "json"][..],
        &["ls", "-o", "json"],
        &["gaps"],
        &["sources", "list"],
    ] {
        written.push_str(&world.get(arguments));
    }
    std::fs::remove_dir_all(world.path("shop")).unwrap();
    for (_, bytes) in files(&world.path("")) {
        written.push_str(&String::from_utf8_lossy(&bytes));
    }
    for token in &tokens {
        for part in token.as_bytes()[12..].windows(14) {
            let part = std::str::from_utf8(part).unwrap();
            assert!(!written.contains(part), "a part of a secret was written");
        }
    }
}

#[test]
fn stub_what_was_learnt_stays_until_the_provider_says_otherwise() {
    let down = std::sync::Arc::new(std::sync::Mutex::new("live"));
    let state = std::sync::Arc::clone(&down);
    let stub = Stub::answering(move |path| match *state.lock().unwrap() {
        "live" => user(path),
        "down" => None,
        _ => json("401 Unauthorized", r#"{"message":"Bad credentials"}"#),
    });
    let mut world = World::new();
    world.real_time();
    world.file("shop/a.py", &format!("TOKEN = \"{}\"\n", github(1)));
    let validity =
        |world: &World| findings(world, &["--rule", "secret-in-text"])[0]["validity"].clone();
    for (now, then) in [
        ("live", "live"),
        ("down", "live"),
        ("dead", "dead"),
        ("down", "dead"),
    ] {
        *down.lock().unwrap() = now;
        let ran = scan(&world, "shop", &stub, &["--check-live", "--yes"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(validity(&world), then, "after it was {now}");
    }
    let held: Value = serde_json::from_str(&world.get(&["get", "shop-bot", "-o", "json"])).unwrap();
    assert_eq!(
        held["held"].as_array().unwrap().len(),
        1,
        "whose a dead one was is still known"
    );
}

#[test]
fn stub_a_denial_by_the_public_host_is_no_death_of_what_may_be_of_another() {
    let stub = Stub::answering(|_| json("401 Unauthorized", r#"{"message":"401 Unauthorized"}"#));
    let world = World::new();
    let token = format!("glpat-{}", letters(5, 20));
    world.file("shop/a.py", &format!("TOKEN = \"{token}\"\n"));
    let ran = scan(&world, "shop", &stub, &["--check-live", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        !findings(&world, &["--validity", "unknown"]).is_empty(),
        "{}",
        ran.stdout
    );
    let named = [
        "--check-live",
        "--yes",
        "--live-host",
        "gitlab=git.example.com",
    ];
    let ran = scan(&world, "shop", &stub, &named);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let told = findings(&world, &["--validity", "dead"]);
    assert!(!told.is_empty(), "{}", ran.stdout);
    assert_eq!(
        stub.paths(),
        [
            "/git.example.com/api/v4/personal_access_tokens/self",
            "/gitlab.com/api/v4/personal_access_tokens/self"
        ]
    );
}

#[test]
fn stub_an_interrupt_stops_the_questions_and_keeps_what_was_learnt() {
    let stub = Stub::answering(|path| {
        if path.contains("slack") {
            // It never answers while anybody waits.
            std::thread::park();
        }
        user(path)
    });
    let mut world = World::new();
    world.real_time();
    world.file("shop/a.py", &format!("TOKEN = \"{}\"\n", github(1)));
    world.file(
        "shop/b.py",
        &format!("TOKEN = \"{}\"\nNEXT = \"{}\"\n", slack(1), slack(2)),
    );
    let dir = world.path("shop");
    let arguments = [
        "scan",
        dir.to_str().unwrap(),
        "--live-endpoint",
        stub.url(),
        "--check-live",
        "--yes",
    ];
    let mut child = world
        .command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !stub.paths().iter().any(|path| path.contains("slack")) {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it was stopped"
        );
        std::thread::yield_now();
    }
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .unwrap();
    assert!(sent.success());
    assert!(!child.wait().unwrap().success());
    assert_eq!(stub.asked().len(), 2, "{:?}", stub.paths());
    assert!(
        !findings(&world, &["--live"]).is_empty(),
        "the first answer is on the roll"
    );
}
