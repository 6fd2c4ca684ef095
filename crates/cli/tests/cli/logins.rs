//! Passwords of databases that lie in files, tried once at real servers that a person named.

use std::collections::BTreeMap;
use std::net::TcpListener;

use serde_json::Value;

use crate::databases::{mariadb, redis};
use crate::world::{Ran, World};

/// Neither of them is a password of manuals.
const RIGHT: &str = "vT5m0Qz81kLw";
const WRONG: &str = "Zk71mWq0pTx4";

fn scan(world: &World, servers: &[String]) -> Ran {
    let shop = world.path("shop");
    let mut arguments = vec!["scan", shop.to_str().unwrap(), "--check-live", "--yes"];
    let named = servers.iter().flat_map(|one| ["--live-host", one.as_str()]);
    arguments.extend(named);
    let ran = world.run(&arguments);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for secret in [RIGHT, WRONG] {
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(secret));
    }
    ran
}

/// What is known of each password by the file it lies in: live, dead or unknown; and why.
fn told(world: &World) -> BTreeMap<String, (String, String)> {
    let all = world.get(&["findings", "-o", "json"]);
    let all: Vec<Value> = serde_json::from_str(&all).unwrap();
    let each = all.iter().filter_map(|one| {
        let file = one["path"].as_str()?.rsplit('/').next()?.to_owned();
        let validity = one["validity"].as_str().unwrap_or("unasked").to_owned();
        let why = world.get(&["why", one["id"].as_str()?, "-o", "json"]);
        Some((file, (validity, why)))
    });
    each.collect()
}

fn env(world: &World, name: &str, url: &str) {
    world.file(&format!("shop/{name}"), &format!("DATABASE_URL={url}\n"));
}

/// Runs statements as the superuser.
fn postgres(url: &str, statements: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
            .await
            .unwrap();
        let driver = tokio::spawn(connection);
        client.batch_execute(statements).await.unwrap();
        drop(client);
        driver.await.unwrap().unwrap();
    });
}

/// Five passwords, so that they are five credentials.
fn right(n: usize) -> String {
    format!("{RIGHT}{n}")
}

/// A role that may log in, one whose connections are full, one that the server's file of hosts
/// turns away, one without login, and one that asks for a database that there is not.
fn make_roles(url: &str, roles: &[String; 5]) {
    let [app, full, turned, off, lacks] = roles;
    let words = [0, 1, 2, 3, 4].map(right);
    let statements = format!(
        "create role {app} login password '{}';
         create role {full} login connection limit 0 password '{}';
         create role {turned} login password '{}';
         create role {off} nologin password '{}';
         create role {lacks} login password '{}';
         create temp table hba (n serial, line text);
         do $$ begin
           execute format('copy hba (line) from %L with (format csv, delimiter E''\\x01'', quote E''\\x02'')', current_setting('hba_file'));
           delete from hba where line is null;
           insert into hba values (-1, 'host all {turned} 127.0.0.1/32 reject');
           execute format('copy (select line from hba order by n) to %L', current_setting('hba_file'));
         end $$;
         select pg_reload_conf();",
        words[0], words[1], words[2], words[3], words[4]
    );
    postgres(url, &statements);
}

#[test]
fn a_real_postgresql_tells_a_right_password_from_a_wrong_one_and_no_other_refusal_makes_it_dead() {
    let Some(server) = testkit::postgres() else {
        return;
    };
    let roles = ["app", "full", "turned", "off", "lacks"].map(testkit::fresh_name);
    make_roles(&server.url, &roles);
    let [app, full, turned, off, lacks] = &roles;
    let world = World::new();
    let at = server.address();
    for (name, user, password, database) in [
        ("right.env", app, right(0), "postgres"),
        ("wrong.env", app, WRONG.to_owned(), "postgres"),
        ("lacks.env", lacks, right(4), "no_such_database"),
        ("full.env", full, right(1), "postgres"),
        ("turned.env", turned, right(2), "postgres"),
        ("off.env", off, right(3), "postgres"),
        ("zz.env", app, format!("{WRONG}z"), "postgres"),
    ] {
        let url = format!("postgres://{user}:{password}@{at}/{database}");
        env(&world, name, &url);
    }
    let other = format!("postgresql+asyncpg://{app}:{}%2Fno@{at}/postgres", right(0));
    world.file("shop/app.py", &format!("URL = \"{other}\"\n"));
    let ran = scan(&world, &[format!("postgres={at}")]);
    // Three of one user at most: the fourth of `app` is left alone.
    let said = format!("7 passwords would log in once each, and read nothing, at {at} (7)");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    let left = format!("{}{}", ran.stdout, ran.stderr);
    assert!(left.contains("more than 3 passwords of one user"), "{left}");
    let told = told(&world);
    let is =
        |file: &str, validity: &str| assert_eq!(told[file].0, validity, "{file}: {}", told[file].1);
    is("right.env", "live");
    is("wrong.env", "dead");
    is("lacks.env", "live");
    is("app.py", "dead");
    is("zz.env", "unasked");
    is("full.env", "unknown");
    is("turned.env", "unknown");
    is("off.env", "dead");
    assert!(
        told["turned.env"].1.contains("another reason (28000"),
        "{}",
        told["turned.env"].1
    );
    assert!(
        told["full.env"].1.contains("53300"),
        "{}",
        told["full.env"].1
    );
}

/// A PostgreSQL as far as whoever wants TLS of it gets: it has none.
fn without_tls() -> String {
    use std::io::{Read as _, Write as _};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for socket in listener.incoming().take(8) {
            let mut socket = socket.unwrap();
            let mut asked = [0; 8];
            if socket.read_exact(&mut asked).is_ok() {
                socket.write_all(b"N").ok();
            }
        }
    });
    at
}

#[test]
fn a_server_without_tls_or_none_at_all_leaves_a_password_unknown() {
    let at = without_tls();
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for (named, place) in [
        (format!("postgres={at}?tls=require"), at.clone()),
        (format!("postgres={gone}"), gone.to_string()),
    ] {
        let world = World::new();
        env(
            &world,
            ".env",
            &format!("postgres://app:{RIGHT}@{place}/postgres"),
        );
        scan(&world, std::slice::from_ref(&named));
        let told = told(&world);
        assert_eq!(told[".env"].0, "unknown", "{named}: {}", told[".env"].1);
    }
}

/// A server that shows a certificate which nobody else signed, and two logins at it.
struct Encrypted {
    /// As `--live-host` names its kind.
    system: &'static str,
    /// The addresses of a right login and of a wrong one.
    right: String,
    wrong: String,
    /// `host:port`.
    at: String,
    certificate: String,
    /// What a wrong password comes to.
    denied: &'static str,
}

/// A right password is found to be one over TLS alone, and never told to whom the machine does not
/// trust where that is asked for.
fn tried_over_tls(server: &Encrypted) {
    for (tls, trusted, validity, denied) in [
        ("require", false, "live", server.denied),
        ("verify-full", true, "live", server.denied),
        ("verify-full", false, "unknown", "unknown"),
    ] {
        let mut world = World::new();
        if trusted {
            world = world.with("SSL_CERT_FILE", &server.certificate);
        }
        env(&world, "right.env", &server.right);
        env(&world, "wrong.env", &server.wrong);
        scan(
            &world,
            &[format!("{}={}?tls={tls}", server.system, server.at)],
        );
        let told = told(&world);
        let case = format!("{} {tls}, trusted: {trusted}", server.system);
        let is = |file: &str, wanted: &str| {
            assert_eq!(told[file].0, wanted, "{case}: {file}: {}", told[file].1);
        };
        is("right.env", validity);
        is("wrong.env", denied);
    }
}

#[test]
fn a_real_postgresql_is_tried_over_tls() {
    let (Some(server), Some(certificate)) = (testkit::postgres(), testkit::certificate("PG"))
    else {
        return;
    };
    let app = testkit::fresh_name("app");
    postgres(
        &server.url,
        &format!("create role {app} login password '{RIGHT}'"),
    );
    let at = server.address();
    tried_over_tls(&Encrypted {
        system: "postgres",
        right: format!("postgres://{app}:{RIGHT}@{at}/postgres?sslmode=require"),
        wrong: format!("postgres://{app}:{WRONG}@{at}/postgres?sslmode=require"),
        at: at.to_owned(),
        certificate,
        denied: "dead",
    });
}

#[test]
fn a_real_mariadb_is_tried_over_tls() {
    let (Some(url), Some(certificate)) = (testkit::mariadb(), testkit::certificate("MARIADB"))
    else {
        return;
    };
    let app = testkit::fresh_name("app");
    // Whoever comes in clear is not let in.
    let make = format!("create user {app}@'%' identified by '{RIGHT}' require ssl");
    mariadb(&url, &[&make]);
    let at = url.rsplit('@').next().unwrap().trim_end_matches("/mysql");
    tried_over_tls(&Encrypted {
        system: "mysql",
        right: format!("mysql://{app}:{RIGHT}@{at}/shop"),
        wrong: format!("mysql://{app}:{WRONG}@{at}/shop"),
        at: at.to_owned(),
        certificate,
        denied: "unknown",
    });
}

#[test]
fn a_real_redis_is_tried_over_tls() {
    let (Some(url), Some(at), Some(certificate)) = (
        testkit::redis(),
        testkit::encrypted("REDIS"),
        testkit::certificate("REDIS"),
    ) else {
        return;
    };
    let app = testkit::fresh_name("app");
    redis(&url, &[&format!("ACL SETUSER {app} on >{RIGHT} ~x:* +get")]);
    tried_over_tls(&Encrypted {
        system: "redis",
        right: format!("rediss://{app}:{RIGHT}@{at}/0"),
        wrong: format!("rediss://{app}:{WRONG}@{at}/0"),
        at,
        certificate,
        denied: "dead",
    });
}

#[test]
fn a_real_rabbitmq_is_tried_over_tls() {
    let (Some(_), Some(at), Some(certificate)) = (
        testkit::rabbitmq(),
        testkit::encrypted("RABBITMQ"),
        testkit::certificate("RABBITMQ"),
    ) else {
        return;
    };
    tried_over_tls(&Encrypted {
        system: "rabbitmq",
        right: format!("amqps://orders:orders-of-tests@{at}/shop"),
        wrong: format!("amqps://orders:{WRONG}@{at}/shop"),
        at,
        certificate,
        denied: "dead",
    });
}

#[test]
fn a_server_that_is_a_source_is_asked_and_one_that_only_a_file_names_is_not() {
    let Some(server) = testkit::postgres() else {
        return;
    };
    let app = testkit::fresh_name("app");
    postgres(
        &server.url,
        &format!("create role {app} login password '{RIGHT}'"),
    );
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let (at, elsewhere) = (server.address(), stranger.local_addr().unwrap());
    let world = World::new();
    env(
        &world,
        "ours.env",
        &format!("postgres://{app}:{RIGHT}@{at}/postgres"),
    );
    env(
        &world,
        "theirs.env",
        &format!("postgres://{app}:{WRONG}@{elsewhere}/postgres"),
    );
    world.get(&["sources", "add", &server.url]);
    let ran = scan(&world, &[]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("`--live-host postgres=HOST:PORT`"), "{said}");
    let told = told(&world);
    assert_eq!(told["ours.env"].0, "live", "{}", told["ours.env"].1);
    assert_eq!(told["theirs.env"].0, "unasked", "{}", told["theirs.env"].1);
    let nobody = stranger.accept().unwrap_err().kind();
    assert_eq!(nobody, std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_real_mariadb_makes_a_password_dead_only_where_its_accounts_are_known() {
    let Some(url) = testkit::mariadb() else {
        return;
    };
    let [app, bound] = ["app", "bound"].map(testkit::fresh_name);
    mariadb(
        &url,
        &[
            &format!("create user {app}@'%' identified by '{RIGHT}'"),
            &format!("create user {bound}@'10.0.0.1' identified by '{RIGHT}b'"),
        ],
    );
    let at = url
        .rsplit('@')
        .next()
        .unwrap()
        .trim_end_matches("/mysql")
        .to_owned();
    let world = World::new();
    env(
        &world,
        "right.env",
        &format!("mysql://{app}:{RIGHT}@{at}/shop"),
    );
    env(
        &world,
        "wrong.env",
        &format!("mysql://{app}:{WRONG}@{at}/shop"),
    );
    env(
        &world,
        "bound.env",
        &format!("mysql://{bound}:{RIGHT}b@{at}/shop"),
    );
    let named = [format!("mysql={at}")];
    scan(&world, &named);
    let first = told(&world);
    assert_eq!(first["right.env"].0, "live", "{}", first["right.env"].1);
    assert_eq!(first["wrong.env"].0, "unknown", "{}", first["wrong.env"].1);
    assert!(first["wrong.env"].1.contains("bound to another host"));
    world.get(&["sources", "add", url.trim_end_matches("/mysql")]);
    world.get(&["scan", &format!("mysql_accounts:{at}")]);
    scan(&world, &[]);
    let then = told(&world);
    assert_eq!(then["right.env"].0, "live", "{}", then["right.env"].1);
    assert_eq!(then["wrong.env"].0, "dead", "{}", then["wrong.env"].1);
    assert_eq!(then["bound.env"].0, "unknown", "{}", then["bound.env"].1);
}

#[test]
fn a_real_redis_tells_a_right_password_from_a_wrong_one_and_from_one_that_it_does_not_look_at() {
    let Some(url) = testkit::redis() else {
        return;
    };
    let [app, open] = ["app", "open"].map(testkit::fresh_name);
    redis(
        &url,
        &[
            &format!("ACL SETUSER {app} on >{RIGHT} ~x:* +get"),
            &format!("ACL SETUSER {open} on nopass ~x:* +get"),
        ],
    );
    let at = url.rsplit('@').next().unwrap().to_owned();
    let world = World::new();
    env(
        &world,
        "right.env",
        &format!("redis://{app}:{RIGHT}@{at}/0"),
    );
    env(
        &world,
        "wrong.env",
        &format!("redis://{app}:{WRONG}@{at}/0"),
    );
    env(
        &world,
        "open.env",
        &format!("redis://{open}:{RIGHT}o@{at}/0"),
    );
    scan(&world, &[format!("redis={at}")]);
    let told = told(&world);
    assert_eq!(told["right.env"].0, "live", "{}", told["right.env"].1);
    assert_eq!(told["wrong.env"].0, "dead", "{}", told["wrong.env"].1);
    assert_eq!(told["open.env"].0, "unknown", "{}", told["open.env"].1);
    assert!(
        told["open.env"].1.contains("it looks at none"),
        "{}",
        told["open.env"].1
    );
}

/// Where the RabbitMQ at `url` listens for its own protocol.
fn amqp(url: &str) -> String {
    use std::io::{Read as _, Write as _};
    let at = url.strip_prefix("http://").unwrap();
    let mut socket = std::net::TcpStream::connect(at).unwrap();
    // admin:admin-of-tests
    let ask =
        "GET /api/overview HTTP/1.0\r\nauthorization: Basic YWRtaW46YWRtaW4tb2YtdGVzdHM=\r\n\r\n";
    socket.write_all(ask.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let body: Value = serde_json::from_str(&answer[answer.find('{').unwrap()..]).unwrap();
    let listeners = body["listeners"].as_array().unwrap();
    let amqp = listeners
        .iter()
        .find(|one| one["protocol"] == "amqp")
        .unwrap();
    format!("127.0.0.1:{}", amqp["port"])
}

#[test]
fn a_real_rabbitmq_tells_a_right_password_from_a_wrong_one() {
    let Some(url) = testkit::rabbitmq() else {
        return;
    };
    let at = amqp(&url);
    let world = World::new();
    env(
        &world,
        "right.env",
        &format!("amqp://orders:orders-of-tests@{at}/shop"),
    );
    env(
        &world,
        "wrong.env",
        &format!("amqp://orders:{WRONG}@{at}/shop"),
    );
    scan(&world, &[format!("rabbitmq={at}")]);
    let told = told(&world);
    assert_eq!(told["right.env"].0, "live", "{}", told["right.env"].1);
    assert_eq!(told["wrong.env"].0, "dead", "{}", told["wrong.env"].1);
    // What listens there and speaks another protocol says nothing of a password.
    let other = World::new();
    let http = url.strip_prefix("http://").unwrap();
    env(
        &other,
        ".env",
        &format!("amqp://orders:{WRONG}@{http}/shop"),
    );
    scan(&other, &[format!("rabbitmq={http}")]);
    let told = crate::logins::told(&other);
    assert_eq!(told[".env"].0, "unknown", "{}", told[".env"].1);
}
