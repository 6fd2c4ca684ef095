//! Who may, over HTTP: the first link, signing in, tokens; and every route against every role.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use engine::{Engine, KeyPaths};
use model::{Secret, Tenant};
use serde_json::{Value, json};
use server::accounts;
use server::{
    Api, Bound, Bounds, Caller, Gate, How, Knock, Loopback, Permission, Problem, Role, Serving, Way,
};
use store::{Location, Options, Store};

const PASSWORD: &str = "correct horse battery";

struct World {
    _dir: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
    api: Api,
    serving: Option<Serving>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}", self.body))
    }

    /// The cookies that it sets, as a browser sends them back.
    fn cookies(&self) -> String {
        let lines = self.head.lines();
        let set = lines.filter_map(|line| line.strip_prefix("set-cookie: "));
        let pairs: Vec<_> = set.map(|one| one.split(';').next().unwrap()).collect();
        format!("cookie: {}\r\n", pairs.join("; "))
    }
}

impl World {
    fn new(gate: impl FnOnce(&Engine) -> Gate) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(dir.path().join("roll.db"));
        let store = Store::open(&location, &Options::default()).unwrap();
        let paths = KeyPaths::for_store(&location, None, None).unwrap();
        let clock: engine::Clock = Arc::new(engine::system_clock);
        let engine = Engine::open(store, Tenant::local(), &paths, "person:root", clock).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
        let gate = gate(&engine);
        let api = Api::new(engine, gate, server::Keeping::default());
        let bound = Bound::bind("127.0.0.1:0".parse().unwrap(), None, Bounds::default()).unwrap();
        let serving = bound
            .serve(runtime.handle(), api.router(accounts::routes))
            .unwrap();
        Self {
            _dir: dir,
            _runtime: runtime,
            api,
            serving: Some(serving),
        }
    }

    /// As `keyroll up` serves it.
    fn served() -> Self {
        Self::new(|engine| {
            let loopback = Loopback {
                tenant: Tenant::local(),
                actor: "person:root".to_owned(),
            };
            accounts::gate(engine, loopback)
        })
    }

    /// Whoever asks is who the headers say.
    fn as_said() -> Self {
        Self::new(|_| Gate::default().or(AsSaid))
    }

    fn address(&self) -> SocketAddr {
        self.serving.as_ref().unwrap().address
    }

    fn ask(&self, line: &str, headers: &str, body: &Value) -> Answer {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let raw = format!(
            "{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nx-keyroll-csrf: 1\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            self.address(),
            body.len()
        );
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.write_all(raw.as_bytes()).unwrap();
        let (mut text, mut some) = (Vec::new(), [0; 4096]);
        loop {
            let read = stream.read(&mut some).unwrap();
            text.extend_from_slice(&some[..read]);
            // Events come without an end.
            let head = String::from_utf8_lossy(&text);
            let streams = head.contains("\r\n\r\n") && head.contains("text/event-stream");
            if read == 0 || streams {
                break;
            }
        }
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// Follows a link; answers the recovery codes.
    fn follow(&self, link: &str, name: &str) -> Vec<Value> {
        let offer = self.ask("POST /v1/invitations/look", "", &json!({"link": link}));
        assert_eq!(offer.status, 200, "{}", offer.body);
        let seed = from_base32(offer.json()["totp_secret"].as_str().unwrap());
        let code = vault::totp_code(&seed, engine::system_clock().seconds() / 30);
        let given = json!({"link": link, "name": name, "password": PASSWORD, "code": code});
        let ready = self.ask("POST /v1/invitations/follow", "", &given);
        assert_eq!(ready.status, 200, "{}", ready.body);
        ready.json()["recovery_codes"].as_array().unwrap().clone()
    }

    /// Signs in; answers the cookies as a header.
    fn sign_in(&self, name: &str, code: &Value) -> String {
        let given = json!({"name": name, "password": PASSWORD});
        let half = self.ask("POST /v1/sign-in", "", &given);
        assert_eq!((half.status, &half.json()["next"]), (200, &json!("code")));
        let into = self.ask(
            "POST /v1/sign-in/code",
            &half.cookies(),
            &json!({"code": code}),
        );
        assert_eq!(into.status, 200, "{}", into.body);
        for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(into.head.contains(part), "{}", into.head);
        }
        into.cookies()
    }

    fn first(&self) -> (Vec<Value>, String) {
        let link = self.api.engine().setup_link().unwrap().unwrap();
        let secret = String::from_utf8(link.secret.secret().expose().to_vec()).unwrap();
        let codes = self.follow(&secret, "ann");
        let cookies = self.sign_in("ann", &codes[0]);
        (codes, cookies)
    }

    /// Every route that is written down: its line, what it needs.
    fn routes(&self) -> Vec<(String, String)> {
        let document = serde_json::to_value(self.api.document(accounts::routes)).unwrap();
        let mut routes = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let needs = operation["x-permission"].as_str().unwrap().to_owned();
                routes.push((format!("{} {path}", method.to_uppercase()), needs));
            }
        }
        routes.sort();
        routes
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.end();
        }
    }
}

/// A stub of a way in: the headers say role and tenant.
struct AsSaid;

impl Way for AsSaid {
    fn who(&self, knock: &Knock) -> Result<Option<Caller>, Problem> {
        let said = |name: &str| {
            let value = knock.headers.get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let Some(role) = said("x-role") else {
            return Ok(None);
        };
        Ok(Some(Caller {
            tenant: said("x-tenant").map_or_else(Tenant::local, |one| one.parse().unwrap()),
            id: format!("person:{role}"),
            name: role.clone(),
            roles: vec![Role::named(&role).unwrap()],
            how: How::Session,
            account: None,
            session: None,
            scope: None,
        }))
    }
}

fn from_base32(text: &str) -> Secret {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let digit = match letter {
            b'A'..=b'Z' => letter - b'A',
            _ => letter - b'2' + 26,
        };
        held = held << 5 | u32::from(digit);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    Secret::new(bytes)
}

#[test]
fn every_route_lets_in_the_roles_of_the_matrix_and_no_other() {
    let world = World::as_said();
    let mut matrix = String::new();
    for (line, needs) in world.routes() {
        let mut row = format!("{line}: {needs} |");
        for role in Role::ALL {
            let path = line.replace(['{', '}'], "");
            let headers = format!("x-role: {}\r\n", role.as_str());
            let status = world.ask(&path, &headers, &Value::Null).status;
            let permitted =
                Permission::named(&needs).is_none_or(|one| role.permits().contains(&one));
            assert_eq!(status != 403, permitted, "{line} as {role:?}: {status}");
            let word = if status == 403 { "-" } else { role.as_str() };
            write!(row, " {word}").unwrap();
        }
        writeln!(matrix, "{row}").unwrap();
    }
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix.txt");
    if std::env::var_os("KEYROLL_WRITE_MANUAL").is_some() {
        std::fs::write(kept, &matrix).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(kept).unwrap_or_default(),
        matrix,
        "routes or roles changed; read the change, then write it with KEYROLL_WRITE_MANUAL=1"
    );
}

#[test]
fn whoever_is_of_another_tenant_is_told_nothing_by_any_route() {
    let world = World::as_said();
    let mut asked = 0;
    for (line, needs) in world.routes() {
        if needs == "nothing" {
            continue;
        }
        let path = line.replace(['{', '}'], "");
        for role in Role::ALL {
            let headers = format!("x-role: {}\r\nx-tenant: another\r\n", role.as_str());
            let answer = world.ask(&path, &headers, &Value::Null);
            assert_eq!(answer.status, 403, "{line}: {}", answer.body);
            asked += 1;
        }
    }
    assert!(asked > 50, "only {asked}");
}

#[test]
fn the_loopback_address_lets_nobody_in_once_there_is_an_administrator() {
    let world = World::served();
    let me = world.ask("GET /v1/me", "", &Value::Null);
    assert_eq!(me.json()["how"], "loopback");
    let ways = world.ask("GET /v1/sign-in/ways", "", &Value::Null).json();
    assert_eq!(ways["set_up"], false);
    let (_, cookies) = world.first();
    assert_eq!(world.ask("GET /v1/me", "", &Value::Null).status, 401);
    let me = world.ask("GET /v1/me", &cookies, &Value::Null).json();
    assert_eq!(
        (&me["how"], &me["name"]),
        (&json!("session"), &json!("ann"))
    );
    let out = world.ask("POST /v1/sign-out", &cookies, &Value::Null);
    assert!(out.head.contains("Max-Age=0"), "{}", out.head);
    assert_eq!(world.ask("GET /v1/me", &cookies, &Value::Null).status, 401);
}

#[test]
fn an_administrator_makes_accounts_and_the_last_one_stays() {
    let world = World::served();
    let (_, ann) = world.first();
    let bob = json!({"name": "bob", "roles": ["viewer"]});
    let made = world.ask("POST /v1/accounts", &ann, &bob);
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(world.ask("POST /v1/accounts", &ann, &bob).status, 409);
    let codes = world.follow(made.json()["link"].as_str().unwrap(), "ignored");
    let cookies = world.sign_in("bob", &codes[0]);
    assert_eq!(
        world.ask("GET /v1/accounts", &cookies, &Value::Null).status,
        403
    );
    let list = world.ask("GET /v1/accounts", &ann, &Value::Null).json();
    let id = |name: &str| {
        let items = list["items"].as_array().unwrap().iter();
        let one = { items }.find(|one| one["name"] == name).unwrap();
        one["id"].as_str().unwrap().to_owned()
    };
    let patch = |id: &str, change: Value| {
        world
            .ask(&format!("PATCH /v1/accounts/{id}"), &ann, &change)
            .status
    };
    assert_eq!(patch(&id("ann"), json!({"disabled": true})), 409);
    assert_eq!(patch(&id("ann"), json!({"roles": ["viewer"]})), 409);
    assert_eq!(patch("acc-0", json!({"disabled": true})), 404);
    assert_eq!(patch(&id("bob"), json!({"roles": ["king"]})), 422);
    assert_eq!(patch(&id("bob"), json!({"disabled": true})), 200);
    assert_eq!(world.ask("GET /v1/me", &cookies, &Value::Null).status, 401);
}

#[test]
fn a_token_does_what_it_says_and_is_shown_once() {
    let world = World::served();
    let (_, ann) = world.first();
    let new = json!({"name": "export", "roles": ["viewer"]});
    let late = json!({"name": "export", "roles": ["viewer"], "expires_at": "2999-01-01"});
    let made = world.ask("POST /v1/tokens", &ann, &new);
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.json()["permissions"], json!(["read"]));
    assert_eq!(world.ask("POST /v1/tokens", &ann, &late).status, 400);
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let bearer = format!("authorization: Bearer {token}\r\n");
    let me = world.ask("GET /v1/me", &bearer, &Value::Null).json();
    assert_eq!(
        (&me["how"], &me["permissions"]),
        (&json!("token"), &json!(["read"]))
    );
    assert_eq!(
        world.ask("GET /v1/accounts", &bearer, &Value::Null).status,
        403
    );
    assert_eq!(world.ask("POST /v1/tokens", &bearer, &new).status, 403);
    let listed = world.ask("GET /v1/tokens", &ann, &Value::Null);
    assert!(!listed.body.contains(&token));
    assert!(listed.json()["items"][0]["last_used_at"].is_string());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let revoke = format!("DELETE /v1/tokens/{id}");
    assert_eq!(world.ask(&revoke, &ann, &Value::Null).status, 204);
    assert_eq!(world.ask(&revoke, &ann, &Value::Null).status, 404);
    assert_eq!(world.ask("GET /v1/me", &bearer, &Value::Null).status, 401);
    // A token that does not hold is not helped by a cookie beside it.
    let both = format!("{bearer}{ann}");
    assert_eq!(world.ask("GET /v1/me", &both, &Value::Null).status, 401);
}

#[test]
fn whoever_guesses_is_told_when_to_come_again() {
    let world = World::served();
    world.first();
    let given = json!({"name": "ann", "password": "not the password"});
    let answers: Vec<_> = (0..25)
        .map(|_| world.ask("POST /v1/sign-in", "", &given))
        .collect();
    assert_eq!(answers[0].status, 401);
    let last = answers.last().unwrap();
    assert_eq!(last.status, 429, "{}", last.body);
    assert!(last.head.contains("retry-after: "), "{}", last.head);
    let unknown = json!({"name": "nobody", "password": "not the password"});
    let other = "x-forwarded-for: 192.0.2.9\r\n";
    let nobody = world.ask("POST /v1/sign-in", other, &unknown).json();
    assert_eq!(
        nobody["detail"],
        answers[0].json()["detail"],
        "names are not told apart"
    );
}
