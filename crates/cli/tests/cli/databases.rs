//! MariaDB and Redis, as real servers: what is read of them, and what of it is found in files.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use mysql_async::prelude::Queryable as _;
use serde_json::Value;

use crate::world::{World, files};

/// Runs statements as the administrator at `url`.
pub(crate) fn mariadb(url: &str, statements: &[&str]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let opts = mysql_async::Opts::from_url(url).unwrap();
        let opts = mysql_async::OptsBuilder::from_opts(opts).prefer_socket(false);
        let mut session = mysql_async::Conn::new(opts).await.unwrap();
        for statement in statements {
            session.query_drop(*statement).await.unwrap();
        }
        session.disconnect().await.unwrap();
    });
}

/// Sends commands as the administrator at `url`, `redis://:password@host:port`.
pub(crate) fn redis(url: &str, commands: &[&str]) {
    let (password, at) = url
        .strip_prefix("redis://:")
        .unwrap()
        .split_once('@')
        .unwrap();
    let mut socket = TcpStream::connect(at).unwrap();
    let mut replies = BufReader::new(socket.try_clone().unwrap());
    let login = format!("AUTH {password}");
    for command in std::iter::once(login.as_str()).chain(commands.iter().copied()) {
        // A line of words is a command as well ("Inline commands" of its protocol).
        write!(socket, "{command}\r\n").unwrap();
        let mut reply = String::new();
        replies.read_line(&mut reply).unwrap();
        assert_eq!(reply, "+OK\r\n", "{command}");
    }
}

/// Nothing that Keyroll wrote holds one of `secrets`.
fn wrote_none_of(world: &World, secrets: &[&str]) {
    for (path, bytes) in files(&world.path("home")) {
        for secret in secrets {
            let held = bytes
                .windows(secret.len())
                .any(|some| some == secret.as_bytes());
            assert!(!held, "{} holds {secret}", path.display());
        }
    }
}

fn rows(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

/// The findings of `rule` that fail, each as the line it is told in.
fn failing(world: &World, rule: &str) -> String {
    judged(world, rule, "fail")
}

/// The same of any verdict.
fn judged(world: &World, rule: &str, verdict: &str) -> String {
    let found = world.get(&[
        "findings",
        "--rule",
        rule,
        "--verdict",
        verdict,
        "-o",
        "json",
    ]);
    let told = rows(&found).into_iter().map(|one| format!("{one}\n"));
    told.collect()
}

/// The lines of the roll that one of `names` is in: other tests work on the same server.
fn listed(world: &World, names: &[&String]) -> Vec<Value> {
    let all = rows(&world.get(&["ls", "-o", "json"]));
    let named = |one: &Value| names.iter().any(|name| one.to_string().contains(*name));
    all.into_iter().filter(named).collect()
}

#[test]
fn a_password_in_a_file_is_the_one_a_real_mariadb_keeps() {
    let Some(url) = testkit::mariadb() else {
        return;
    };
    let user = testkit::fresh_name("app");
    let open = testkit::fresh_name("open");
    let role = testkit::fresh_name("all");
    let boss = testkit::fresh_name("boss");
    mariadb(
        &url,
        &[
            &format!("create user {user}@'%' identified by 'vT5m0Qz81kLw'"),
            &format!("create user {user}@'10.0.0.1' identified by 'another-of-them'"),
            &format!("create user {open}@'127.0.0.1'"),
            &format!("create role {role}"),
            &format!("grant super on *.* to {role}"),
            &format!("create user {boss}@'%' identified by 'kkT5m0Qz81kLw'"),
            &format!("grant {role} to {boss}@'%'"),
            &format!("create database {user}"),
            &format!("grant select on {user}.* to {user}@'%'"),
        ],
    );
    let place = url.rsplit_once('@').unwrap().1;
    let host = place.split('/').next().unwrap();
    let mut world = World::new();
    world.real_time();
    world.file(
        "shop/.env",
        &format!("DATABASE_URL=mysql://{user}:vT5m0Qz81kLw@{host}/shop\n"),
    );
    world.file(
        "old/.env",
        &format!("DATABASE_URL=mysql://{user}:not-any-more-81kLw@{host}/shop\n"),
    );
    let (shop, old) = (world.path("shop"), world.path("old"));
    world.get(&["scan", &url, shop.to_str().unwrap(), old.to_str().unwrap()]);

    let leaked = failing(&world, "open-secret");
    assert!(leaked.contains("shop/.env"), "{leaked}");
    assert!(leaked.contains(&format!("{user}@%")), "{leaked}");
    assert!(!leaked.contains("old/.env"), "{leaked}");
    let unsure = judged(&world, "open-secret", "unknown");
    assert!(!unsure.contains("old/.env"), "{unsure}");
    let open_ones = failing(&world, "no-password");
    assert!(
        open_ones.contains(&format!("{open}@127.0.0.1")),
        "{open_ones}"
    );
    assert!(!open_ones.contains(&format!("{user}@")), "{open_ones}");
    let privileged = failing(&world, "privileged-key");
    assert!(privileged.contains(&format!("{boss}@%")), "{privileged}");
    assert!(!privileged.contains(&format!("{user}@")), "{privileged}");

    // Read again, nothing changes; and nothing that opens anything was written down.
    let names = [&user, &open, &role, &boss];
    let before = listed(&world, &names);
    world.get(&["scan", &url, shop.to_str().unwrap()]);
    assert_eq!(listed(&world, &names), before);
    assert_eq!(before.len(), 5, "{before:#?}");
    wrote_none_of(
        &world,
        &["vT5m0Qz81kLw", "another-of-them", "not-any-more-81kLw"],
    );
    mariadb(
        &url,
        &[
            &format!("drop user {user}@'%', {user}@'10.0.0.1', {open}@'127.0.0.1', {boss}@'%'"),
            &format!("drop role {role}"),
            &format!("drop database {user}"),
        ],
    );
}

#[test]
fn an_account_of_a_real_mariadb_without_rights_is_told_which_are_missing() {
    let Some(url) = testkit::mariadb() else {
        return;
    };
    let user = testkit::fresh_name("poor");
    mariadb(
        &url,
        &[&format!(
            "create user {user}@'%' identified by 'vT5m0Qz81kLw'"
        )],
    );
    let host = url.rsplit_once('@').unwrap().1.split('/').next().unwrap();
    let world = World::new();
    let poor = format!("mysql://{user}:vT5m0Qz81kLw@{host}");
    world.get(&["scan", &poor]);
    let gaps = world.get(&["gaps"]);
    assert!(gaps.contains("SELECT on mysql.global_priv"), "{gaps}");
    let wrong = format!("mysql://{user}:wrong-of-them-81kLw@{host}");
    let told = world.run(&["scan", &wrong]);
    assert_eq!(told.code, 5, "{}", told.stderr);
    assert!(
        !told.stderr.contains("wrong-of-them-81kLw"),
        "{}",
        told.stderr
    );
    assert!(
        told.stderr.contains("1045") || told.stdout.contains("1045"),
        "{}",
        told.stdout
    );
    mariadb(&url, &[&format!("drop user {user}@'%'")]);
}

#[test]
fn a_password_in_a_file_is_the_one_a_real_redis_keeps() {
    let Some(url) = testkit::redis() else {
        return;
    };
    let user = testkit::fresh_name("ann");
    let open = testkit::fresh_name("open");
    redis(
        &url,
        &[
            &format!("ACL SETUSER {user} on >vT5m0Qz81kLw >second-of-them ~shop:* +get"),
            &format!("ACL SETUSER {open} on nopass ~* +get"),
        ],
    );
    let at = url.rsplit_once('@').unwrap().1;
    let mut world = World::new();
    world.real_time();
    world.file(
        "shop/.env",
        &format!("REDIS_URL=redis://{user}:vT5m0Qz81kLw@{at}/0\n"),
    );
    let shop = world.path("shop");
    world.get(&["scan", &url, shop.to_str().unwrap()]);
    let leaked = failing(&world, "open-secret");
    assert!(leaked.contains("shop/.env"), "{leaked}");
    let open_ones = failing(&world, "no-password");
    assert!(open_ones.contains(&open), "{open_ones}");
    assert!(!open_ones.contains(&user), "{open_ones}");
    wrote_none_of(&world, &["vT5m0Qz81kLw", "second-of-them"]);
    redis(
        &url,
        &[
            &format!("ACL SETUSER {user} off"),
            &format!("ACL SETUSER {open} off"),
        ],
    );
}

#[test]
fn a_source_that_lets_nobody_in_fails_and_is_not_remembered() {
    let world = World::new();
    for named in [
        "mysql://ann:hunter2-of-tests@127.0.0.1:1",
        "redis://ann:hunter2-of-tests@127.0.0.1:1",
        "gcp:projects/acme-shop",
    ] {
        let told = world.run(&["scan", named]);
        assert_eq!(told.code, 5, "{named}: {}{}", told.stdout, told.stderr);
        assert!(!told.stdout.contains("hunter2-of-tests"), "{}", told.stdout);
        assert!(!told.stderr.contains("hunter2-of-tests"), "{}", told.stderr);
    }
    let added = world.get(&["sources", "list", "-o", "json"]);
    let added = rows(&added);
    assert!(
        added.iter().all(|one| one["remembered"] == false),
        "{added:?}"
    );
    assert_eq!(added.len(), 3);
}
