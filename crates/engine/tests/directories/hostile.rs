//! Stubs of directories that lie, babble or say nothing.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use connectors::ldap::{Depth, Filter, Page, Search};
use connectors::{Answer, Port as _, Question, Refusal};
use engine::{Directory, LdapLimits, LdapPort};
use model::Reason;

/// A value of BER.
fn ber(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let inside = parts.concat();
    let length = u32::try_from(inside.len()).unwrap().to_be_bytes();
    [&[tag, 0x84], &length[..], &inside].concat()
}

fn text(text: &str) -> Vec<u8> {
    ber(4, &[text.as_bytes()])
}

/// A message that answers the one of that number.
fn message(id: u8, operation: &[u8]) -> Vec<u8> {
    ber(0x30, &[&[2, 1, id], operation])
}

/// How an operation ended.
fn done(id: u8, tag: u8, code: u8, told: &str) -> Vec<u8> {
    let inside = ber(tag, &[&[0x0a, 1, code], &text(""), &text(told)]);
    message(id, &inside)
}

fn let_in(id: u8) -> Vec<u8> {
    done(id, 0x61, 0, "")
}

/// An entry with attributes of one value each.
fn entry(id: u8, name: &str, attributes: &[(&str, &str)]) -> Vec<u8> {
    let each = attributes.iter().map(|(name, value)| {
        let values = ber(0x31, &[&text(value)]);
        ber(0x30, &[&text(name), &values])
    });
    let list = ber(0x30, &[&each.collect::<Vec<_>>().concat()]);
    message(id, &ber(0x64, &[&text(name), &list]))
}

/// The end of a search, with the mark of another page.
fn and_more(id: u8, cookie: &str) -> Vec<u8> {
    let end = ber(0x65, &[&[0x0a, 1, 0], &text(""), &text("")]);
    let value = ber(0x30, &[&[2, 1, 0], &text(cookie)]);
    let control = ber(0x30, &[&text("1.2.840.113556.1.4.319"), &ber(4, &[&value])]);
    ber(0x30, &[&[2, 1, id], &end, &ber(0xa0, &[&control])])
}

/// Reads one message; says its number and what is asked.
fn asked(socket: &mut TcpStream) -> Option<(u8, u8)> {
    let mut head = [0; 2];
    socket.read_exact(&mut head).ok()?;
    let mut digits = vec![0; usize::from(head[1].saturating_sub(0x80)) * usize::from(head[1] >> 7)];
    socket.read_exact(&mut digits).ok()?;
    let length = match digits.is_empty() {
        true => usize::from(head[1]),
        false => digits
            .iter()
            .fold(0, |sum, byte| (sum << 8) | usize::from(*byte)),
    };
    let mut inside = vec![0; length];
    socket.read_exact(&mut inside).ok()?;
    Some((inside[2], inside[3]))
}

/// A stub that lets everybody in and answers each search by `say`; how many came to it.
fn stub(
    say: impl Fn(u8) -> Vec<u8> + Send + Sync + 'static,
    bind: impl Fn(u8) -> Vec<u8> + Send + Sync + 'static,
) -> (Directory, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let came = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&came);
    let answers = Arc::new((say, bind));
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (mut socket, answers) = (socket.unwrap(), Arc::clone(&answers));
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || {
                while let Some((id, operation)) = asked(&mut socket) {
                    let said = match operation {
                        0x60 => (answers.1)(id),
                        _ => (answers.0)(id),
                    };
                    if socket.write_all(&said).is_err() {
                        break;
                    }
                }
            });
        }
    });
    let url = format!("ldap://cn=reader:hunter2-of-tests@127.0.0.1:{port}/dc=x");
    (Directory::parse(&url).unwrap().unwrap(), came)
}

fn limits() -> LdapLimits {
    LdapLimits {
        connect: Duration::from_millis(500),
        answer: Duration::from_millis(500),
        page: 10,
        entries_max: 1_000,
        message_max: 1 << 16,
        bytes_max: 1 << 20,
    }
}

fn search() -> Search {
    Search {
        base: "dc=x".to_owned(),
        depth: Depth::Whole,
        filter: Filter::class("account"),
        attributes: vec!["cn".to_owned()],
        names_only: false,
        page: String::new(),
    }
}

fn ask(directory: Directory, search: Search) -> Result<Page, Refusal> {
    let mut port = LdapPort::new(directory, limits(), Arc::default());
    match port.ask(&Question::Ldap(search))? {
        Answer::Page(page) => Ok(page),
        other => panic!("{other:?}"),
    }
}

/// What a stub says to a question of this number.
type Said = Box<dyn Fn(u8) -> Vec<u8> + Send + Sync>;

#[test]
fn a_stub_that_lies_or_says_nothing_is_refused_in_bounded_time_and_memory() {
    let endless = |id| {
        [
            entry(id, "cn=a", &[("cn", "a")]).repeat(2_000),
            and_more(id, "x"),
        ]
        .concat()
    };
    let fat = |id| entry(id, "cn=a", &[("cn", &"a".repeat(60_000))]).repeat(30);
    let cases: [(Said, &str); 9] = [
        (Box::new(|_| Vec::new()), "timeout"),
        (Box::new(|_| b"HTTP/1.1 400 no\r\n\r\n".to_vec()), "no_ldap"),
        (
            Box::new(|_| b"\x30\x84\x7f\xff\xff\xff".to_vec()),
            "too_long",
        ),
        (Box::new(|_| b"\x30\x80\x00\x00".to_vec()), "no_ldap"),
        (
            Box::new(|id| entry(id + 1, "cn=a", &[("cn", "a")])),
            "no_ldap",
        ),
        (Box::new(|_| done(0, 0x78, 52, "unavailable")), "no_ldap"),
        (Box::new(|id| message(id, b"\x64\x05\x04\x7fab")), "no_ldap"),
        (Box::new(endless), "too_long"),
        (Box::new(fat), "too_long"),
    ];
    for (at, (say, code)) in cases.into_iter().enumerate() {
        let (directory, _) = stub(say, let_in);
        let refused = ask(directory, search()).unwrap_err();
        assert_eq!(refused.code, code, "{at}: {refused}");
    }
}

#[test]
fn a_stub_whose_pages_repeat_leaves_a_gap() {
    let (directory, _) = stub(
        |id| [entry(id, "cn=a", &[("cn", "a")]), and_more(id, "x")].concat(),
        let_in,
    );
    let url = format!("ldap://a:b@127.0.0.1:{}/dc=x", directory.port);
    let pass = crate::ground::pass_within(&url, limits());
    let told = format!("{:?}", pass.gaps);
    assert!(told.contains("the pages of the directory repeat"), "{told}");
}

#[test]
fn a_stub_that_refers_elsewhere_is_the_only_one_that_is_asked() {
    let (elsewhere, came) = stub(|id| done(id, 0x65, 0, ""), let_in);
    let address = format!("ldap://127.0.0.1:{}/dc=x", elsewhere.port);
    let say = move |id| {
        let to = ber(0xa3, &[&text(&address)]);
        let end = ber(0x65, &[&[0x0a, 1, 10], &text(""), &text(""), &to]);
        let beside = message(id, &ber(0x73, &[&text(&address)]));
        [beside, message(id, &end)].concat()
    };
    let (directory, _) = stub(say, let_in);
    let refused = ask(directory, search()).unwrap_err();
    assert_eq!(refused.code, "referral");
    assert_eq!(came.load(Ordering::SeqCst), 0);
}

#[test]
fn what_was_not_asked_for_is_dropped() {
    let say = |id| {
        let held = [
            ("cn", "a"),
            ("userPassword", "hunter3"),
            ("cn;lang-de", "b"),
        ];
        [entry(id, "cn=a", &held), done(id, 0x65, 0, "")].concat()
    };
    let (directory, _) = stub(say, let_in);
    let page = ask(directory.clone(), search()).unwrap();
    let names: Vec<_> = page.entries[0].attributes.keys().collect();
    assert_eq!(names, ["cn", "cn;lang-de"]);
    let by_name = Search {
        names_only: true,
        attributes: vec!["userPassword".to_owned()],
        ..search()
    };
    let page = ask(directory, by_name).unwrap();
    assert!(page.entries[0].attributes["userpassword"].is_empty());
}

#[test]
fn no_question_for_the_value_of_a_secret_leaves_the_port() {
    for attribute in [
        "userPassword",
        "UnicodePwd;range=0-1",
        "ms-Mcs-AdmPwd",
        "*",
        "+",
    ] {
        let (directory, came) = stub(|id| done(id, 0x65, 0, ""), let_in);
        let attributes = vec![attribute.to_owned()];
        let refused = ask(
            directory,
            Search {
                attributes,
                ..search()
            },
        )
        .unwrap_err();
        assert_eq!(refused.reason, Reason::Unsupported, "{attribute}");
        assert_eq!(came.load(Ordering::SeqCst), 0, "{attribute}");
    }
    let (directory, _) = stub(|id| done(id, 0x65, 0, ""), let_in);
    let attributes = Vec::new();
    assert!(
        ask(
            directory,
            Search {
                attributes,
                ..search()
            }
        )
        .is_err()
    );
}

#[test]
fn a_stub_that_says_the_password_back_is_not_quoted() {
    let (directory, _) = stub(
        |id| done(id, 0x65, 0, ""),
        |id| done(id, 0x61, 49, "not with hunter2-of-tests"),
    );
    let refused = ask(directory, search()).unwrap_err();
    assert_eq!(
        (refused.reason, refused.code.as_str()),
        (Reason::Denied, "invalidCredentials")
    );
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
}

#[test]
fn a_stub_that_declines_tls_gets_no_password() {
    let (mut directory, _) = stub(|id| done(id, 0x78, 2, "no such operation"), let_in);
    directory.tls = "require".to_owned();
    let refused = ask(directory, search()).unwrap_err();
    assert_eq!(refused.reason, Reason::Unsupported);
    assert!(refused.told.contains("no TLS"), "{refused}");
}

#[test]
fn whoever_stops_a_pass_does_not_wait_for_the_directory() {
    let (directory, _) = stub(|_| Vec::new(), let_in);
    let stop = Arc::new(AtomicBool::new(true));
    let mut port = LdapPort::new(directory, limits(), stop);
    assert!(port.ask(&Question::Ldap(search())).unwrap_err().stop);
}
