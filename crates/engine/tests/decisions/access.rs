//! Who may call: accounts, signing in, tokens; each decision with its leaf.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use engine::{Denied, Engine, Handed, KeyPaths, Origin};
use model::{Secret, Tenant, Timestamp};
use store::{Location, Options, Store};
use vault::totp_code;

use crate::ground::Ground;

const PASSWORD: &str = "correct horse battery";

/// A roll whose clock the test turns.
struct World {
    _dir: tempfile::TempDir,
    engine: Engine,
    now: Arc<AtomicI64>,
}

/// Somebody with an account: what their app and their paper hold.
struct Person {
    id: String,
    seed: Secret,
    codes: Vec<String>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(dir.path().join("roll.db"));
        let store = Store::open(&location, &Options::default()).unwrap();
        let paths = KeyPaths::for_store(&location, None, None).unwrap();
        let now = Arc::new(AtomicI64::new(1_800_000_000));
        let clock = {
            let now = Arc::clone(&now);
            Arc::new(move || Timestamp::from_seconds(now.load(Ordering::SeqCst)))
        };
        let engine = Engine::open(store, Tenant::local(), &paths, "person:root", clock).unwrap();
        Self {
            _dir: dir,
            engine,
            now,
        }
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    fn code(&self, seed: &Secret) -> String {
        totp_code(seed, self.now.load(Ordering::SeqCst) / 30)
    }

    /// Follows `link` as `name`.
    fn follow(&self, link: &Handed, name: &str) -> Person {
        let offer = self.engine.look_at_link(link).unwrap();
        let seed = from_base32(&offer.seed);
        let code = self.code(&seed);
        let password = Secret::from(PASSWORD);
        let codes = self
            .engine
            .follow_link(link, Some(name), &password, &code)
            .unwrap();
        let all = self.engine.accounts().unwrap();
        let id = all.into_iter().find(|one| one.name == name).unwrap().id;
        self.pass(60);
        Person { id, seed, codes }
    }

    fn administrator(&self) -> Person {
        let link = self.engine.setup_link().unwrap().unwrap();
        self.follow(&link.secret, "ann")
    }

    fn sign_in(&self, origin: &Origin, password: &str) -> Result<Handed, Denied> {
        self.engine.sign_in(origin, "ann", &Secret::from(password))
    }

    fn leaves(&self) -> u64 {
        let tenant = &self.engine.tenant;
        let size = self
            .engine
            .store
            .read(|reading| reading.evidence_size(tenant));
        size.unwrap()
    }
}

fn from(address: &str) -> Origin {
    Origin {
        address: address.parse().unwrap(),
        device: None,
        agent: "test".into(),
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
fn the_first_link_makes_an_administrator_once() {
    let world = World::new();
    let first = world.engine.setup_link().unwrap().unwrap();
    let link = world.engine.setup_link().unwrap().unwrap().secret;
    assert!(
        world.engine.look_at_link(&first.secret).is_err(),
        "a later one took its place"
    );
    let password = Secret::from(PASSWORD);
    let offer = world.engine.look_at_link(&link).unwrap();
    let code = world.code(&from_base32(&offer.seed));
    for (name, password, code) in [
        ("ann", "short", code.as_str()),
        ("ann", "aaaaaaaaaaaaaa", &code),
        ("correct horse", PASSWORD, &code),
        ("ann", PASSWORD, "000000"),
    ] {
        let followed = world
            .engine
            .follow_link(&link, Some(name), &Secret::from(password), code);
        assert!(
            matches!(followed, Err(Denied::Unfit(_))),
            "{name} {password} {code}"
        );
    }
    let again = world.engine.look_at_link(&link).unwrap();
    assert_ne!(
        again.seed, offer.seed,
        "what was shown before works no more"
    );
    world.follow(&link, "ann");
    assert!(
        world
            .engine
            .follow_link(&link, Some("eve"), &password, &code)
            .is_err()
    );
    assert!(world.engine.setup_link().unwrap().is_none());
    assert!(world.engine.is_administered().unwrap());
}

#[test]
fn a_link_ends_after_a_day() {
    let world = World::new();
    let link = world.engine.setup_link().unwrap().unwrap().secret;
    world.pass(24 * 3600);
    assert!(world.engine.look_at_link(&link).is_err());
}

#[test]
fn a_password_and_a_code_let_in_and_neither_alone() {
    let world = World::new();
    let ann = world.administrator();
    let here = from("192.0.2.1");
    assert!(matches!(
        world.sign_in(&here, "wrong password"),
        Err(Denied::Wrong(_))
    ));
    let half = world.sign_in(&here, PASSWORD).unwrap();
    assert!(
        world.engine.session_of(&half).unwrap().is_none(),
        "half in is not in"
    );
    assert!(world.engine.enter_code(&here, &half, "000000").is_err());
    let code = world.code(&ann.seed);
    let into = world.engine.enter_code(&here, &half, &code).unwrap();
    let (account, _) = world.engine.session_of(&into.session).unwrap().unwrap();
    assert_eq!(account.id, ann.id);
    assert!(
        world.engine.session_of(&half).unwrap().is_none(),
        "it was rotated"
    );
    // The same code again, by somebody who looked on.
    let half = world.sign_in(&here, PASSWORD).unwrap();
    assert!(world.engine.enter_code(&here, &half, &code).is_err());
    // A recovery code, once.
    assert_eq!(ann.codes.len(), 10);
    world
        .engine
        .enter_code(&here, &half, &ann.codes[0])
        .unwrap();
    let half = world.sign_in(&here, PASSWORD).unwrap();
    assert!(
        world
            .engine
            .enter_code(&here, &half, &ann.codes[0])
            .is_err()
    );
}

#[test]
fn a_session_ends_when_it_rests_and_after_half_a_day_whatever_happens() {
    let world = World::new();
    let ann = world.administrator();
    let into = |world: &World| {
        let half = world.sign_in(&from("192.0.2.1"), PASSWORD).unwrap();
        let code = world.code(&ann.seed);
        let into = world.engine.enter_code(&from("192.0.2.1"), &half, &code);
        into.unwrap().session
    };
    let session = into(&world);
    world.pass(3_599);
    assert!(world.engine.session_of(&session).unwrap().is_some());
    world.pass(3_600);
    assert!(
        world.engine.session_of(&session).unwrap().is_none(),
        "it rested"
    );
    let session = into(&world);
    for _ in 0..23 {
        world.pass(1_800);
        assert!(world.engine.session_of(&session).unwrap().is_some());
    }
    world.pass(1_800);
    assert!(
        world.engine.session_of(&session).unwrap().is_none(),
        "twelve hours"
    );
}

#[test]
fn attempts_of_a_stranger_do_not_shut_out_a_known_browser() {
    let world = World::new();
    let ann = world.administrator();
    let home = from("192.0.2.1");
    let half = world.sign_in(&home, PASSWORD).unwrap();
    let code = world.code(&ann.seed);
    let device = world.engine.enter_code(&home, &half, &code).unwrap().device;
    world.pass(60);
    // Somebody behind the same address, and one elsewhere, try until they are told to wait.
    for address in ["192.0.2.1", "198.51.100.7"] {
        let stranger = from(address);
        let waits = (0..30).any(|_| {
            matches!(
                world.sign_in(&stranger, "a wrong password"),
                Err(Denied::Wait { .. })
            )
        });
        assert!(waits, "{address}");
    }
    let known = Origin {
        device,
        ..home.clone()
    };
    let half = world.sign_in(&known, PASSWORD).unwrap();
    let code = world.code(&ann.seed);
    let into = world.engine.enter_code(&known, &half, &code).unwrap();
    assert!(into.device.is_none(), "it is known already");
    assert!(
        world.sign_in(&from("203.0.113.5"), PASSWORD).is_ok(),
        "nor one elsewhere"
    );
    let wait = match world.sign_in(&home, PASSWORD) {
        Err(Denied::Wait { seconds }) => seconds,
        other => panic!("{other:?}"),
    };
    world.pass(i64::from(wait));
    assert!(
        world.sign_in(&home, PASSWORD).is_ok(),
        "it comes back with time"
    );
}

#[test]
fn whoever_has_the_password_does_not_guess_the_code() {
    let world = World::new();
    world.administrator();
    let mut looked_at = 0;
    for host in 1..=40 {
        let origin = from(&format!("198.51.100.{host}"));
        let half = world.sign_in(&origin, PASSWORD).unwrap();
        match world.engine.enter_code(&origin, &half, "000000") {
            Err(Denied::Wrong(_)) => looked_at += 1,
            Err(Denied::Wait { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(looked_at, 5, "however many addresses they have");
}

#[test]
fn a_token_does_what_it_says_until_it_is_revoked_ended_or_its_account_may_not() {
    let world = World::new();
    let ann = world.administrator();
    let account = world.engine.account(&ann.id).unwrap();
    let make = |name: &str| {
        let read = vec!["read".to_owned()];
        world.engine.make_token(&account, name, read, 30).unwrap()
    };
    let works = |token: &Handed| world.engine.token_of(token).unwrap().is_some();
    let (one, row) = make("one");
    assert!(works(&one));
    let kept = world.engine.tokens().unwrap();
    assert_eq!(kept[0].last_used, Some(world.engine.now()));
    world.engine.revoke_token(&row.id).unwrap();
    assert!(!works(&one));
    assert!(matches!(
        world.engine.revoke_token(&row.id),
        Err(Denied::Missing(_))
    ));
    let (two, _) = make("two");
    world.pass(30 * 86_400);
    assert!(!works(&two));
    let (three, _) = make("three");
    let (bob, link) = world
        .engine
        .add_account("bob", vec!["admin".into()])
        .unwrap();
    let last = world.engine.change_account(&ann.id, None, Some(true));
    assert!(
        matches!(last, Err(Denied::Conflict(_))),
        "bob cannot sign in yet"
    );
    world.follow(&link.secret, &bob.name);
    world
        .engine
        .change_account(&ann.id, None, Some(true))
        .unwrap();
    assert!(!works(&three));
    assert!(world.sign_in(&from("192.0.2.1"), PASSWORD).is_err());
}

#[test]
fn tokens_are_on_the_roll_with_their_holder_and_last_use() {
    let world = World::new();
    let ann = world.administrator();
    let account = world.engine.account(&ann.id).unwrap();
    let read = vec!["read".to_owned()];
    let (token, _) = world
        .engine
        .make_token(&account, "nightly", read, 30)
        .unwrap();
    world.engine.enrol_tokens().unwrap();
    world.engine.token_of(&token).unwrap().unwrap();
    world.pass(60);
    world.engine.enrol_tokens().unwrap();
    let (filter, page) = (store::Filter::default(), store::Page::default());
    let rows = world
        .engine
        .store
        .read(|reading| reading.roll(&world.engine.tenant, &filter, &page))
        .unwrap()
        .rows;
    let row = rows.iter().find(|one| one.name == "nightly").unwrap();
    let text = format!("{row:?}");
    assert!(row.holder.is_some(), "{text}");
    assert!(text.contains("keyroll"), "{text}");
    let secret = String::from_utf8(token.secret().expose().to_vec()).unwrap();
    assert!(!text.contains(&secret));
}

#[test]
fn a_reset_ends_everything_that_account_had() {
    let world = World::new();
    let ann = world.administrator();
    let here = from("192.0.2.1");
    let half = world.sign_in(&here, PASSWORD).unwrap();
    let code = world.code(&ann.seed);
    let session = world
        .engine
        .enter_code(&here, &half, &code)
        .unwrap()
        .session;
    let link = world.engine.reset_account(&ann.id).unwrap();
    assert!(world.engine.session_of(&session).unwrap().is_none());
    assert!(world.sign_in(&here, PASSWORD).is_err());
    assert!(
        world.engine.is_administered().unwrap(),
        "nothing opens meanwhile"
    );
    let again = world.follow(&link.secret, "ann");
    assert_eq!(again.id, ann.id);
    assert!(world.sign_in(&here, PASSWORD).is_ok());
}

#[test]
fn every_decision_about_who_may_is_evidence_before_its_answer() {
    let world = World::new();
    let mut before = world.leaves();
    let mut grew = |what: &str| {
        let now = world.leaves();
        assert!(now > before, "{what}");
        before = now;
    };
    let ann = world.administrator();
    grew("a link made and followed");
    let here = from("192.0.2.1");
    assert!(world.sign_in(&here, "wrong password").is_err());
    grew("a refusal");
    let half = world.sign_in(&here, PASSWORD).unwrap();
    grew("a password");
    let code = world.code(&ann.seed);
    let into = world.engine.enter_code(&here, &half, &code).unwrap();
    grew("a code");
    let (account, session) = world.engine.session_of(&into.session).unwrap().unwrap();
    world.engine.end_session(&ann.id, &session.id).unwrap();
    grew("a session's end");
    let read = vec!["read".to_owned()];
    let (_, token) = world.engine.make_token(&account, "t", read, 1).unwrap();
    grew("a token");
    world.engine.revoke_token(&token.id).unwrap();
    grew("its end");
    let (bob, _) = world
        .engine
        .add_account("bob", vec!["viewer".into()])
        .unwrap();
    grew("an account");
    world
        .engine
        .change_account(&bob.id, None, Some(true))
        .unwrap();
    grew("its change");
    world.engine.reset_account(&bob.id).unwrap();
    grew("its reset");
    world.engine.check_evidence().unwrap();
}

#[test]
fn accounts_are_kept_on_both_engines() {
    for ground in Ground::both("access") {
        let engine = ground.engine();
        let (account, link) = engine.add_account("Ann", vec!["admin".into()]).unwrap();
        assert!(engine.look_at_link(&link.secret).unwrap().name.unwrap() == "ann");
        assert!(engine.add_account("ann ", vec![]).is_err(), "the same name");
        let here = from("192.0.2.1");
        let told = engine.sign_in(&here, "ann", &Secret::from(PASSWORD));
        assert!(matches!(told, Err(Denied::Wrong(_))));
        let made = engine
            .make_token(&account, "t", vec!["read".into()], 1)
            .unwrap();
        assert!(
            engine.token_of(&made.0).unwrap().is_none(),
            "it is not ready"
        );
        assert_eq!(engine.tokens().unwrap().len(), 1);
    }
}
