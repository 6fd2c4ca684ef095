//! The ports to databases, against servers that lie, babble or say nothing.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use connectors::{Port, Question, Refusal, Statement};
use engine::{MysqlPort, RedisLimits, RedisPort, Server, SqlLimits};

/// A server that says `greeting` to whoever comes, then `each` until nobody listens.
fn server(greeting: &'static [u8], each: &'static [u8]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            std::thread::spawn(move || {
                let mut said = socket.write_all(greeting);
                while said.is_ok() && !each.is_empty() {
                    said = socket.write_all(each);
                }
                // Until the other side leaves.
                let _ = socket.read_to_end(&mut Vec::new());
            });
        }
    });
    Server {
        host: "127.0.0.1".to_owned(),
        port,
        user: "ann".to_owned(),
        tls: "disable".to_owned(),
        password: Some(model::Secret::new(b"hunter2-of-tests".to_vec())),
    }
}

fn redis(server: Server, stop: &Arc<AtomicBool>) -> Refusal {
    let limits = RedisLimits {
        connect: Duration::from_millis(500),
        reply: Duration::from_millis(500),
        bytes_max: 1 << 20,
    };
    let mut port = RedisPort::new(server, limits, Arc::clone(stop));
    let words = vec!["ACL".to_owned(), "USERS".to_owned()];
    port.ask(&Question::Redis { words }).unwrap_err()
}

fn mysql(server: Server) -> Refusal {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let limits = SqlLimits {
        connect: Duration::from_millis(500),
        ..SqlLimits::default()
    };
    let mut port = MysqlPort::new(runtime.handle().clone(), server, limits, Arc::default());
    port.ask(&Question::Sql(Statement::reading("select 1")))
        .unwrap_err()
}

#[test]
fn a_redis_that_lies_or_says_nothing_is_refused_in_bounded_time_and_memory() {
    let stop = Arc::default();
    let begun = Instant::now();
    for (greeting, each, code) in [
        (&b""[..], &b""[..], "timeout"),
        (b"HTTP/1.1 400 no\r\n\r\n", b"", "no_redis"),
        (b"*2000000000\r\n", b"$1\r\na\r\n", "too_long"),
        (b"$900000000\r\n", b"aaaaaaaaaaaaaaaa", "too_long"),
        (b"-WRONGPASS no\r\n", b"", "WRONGPASS"),
    ] {
        let refused = redis(server(greeting, each), &stop);
        assert_eq!(refused.code, code, "{refused}");
        assert!(!refused.to_string().contains("hunter2-of-tests"));
    }
    // Each is given half a second; far less than whoever waits for ever.
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn no_command_that_changes_a_redis_leaves_its_port() {
    let mut port = RedisPort::new(server(b"", b""), RedisLimits::default(), Arc::default());
    for words in [
        &["ACL", "SETUSER", "ann", "off"][..],
        &["FLUSHALL"],
        &["CLIENT", "KILL", "ID", "1"],
        &["ACL"],
        &[],
    ] {
        let words = words.iter().map(|one| (*one).to_owned()).collect();
        let refused = port.ask(&Question::Redis { words }).unwrap_err();
        assert_eq!(refused.reason, model::Reason::Unsupported);
    }
}

#[test]
fn whoever_stops_a_redis_pass_does_not_wait_for_its_server() {
    let stop = Arc::new(AtomicBool::new(true));
    stop.store(true, Ordering::Relaxed);
    assert!(redis(server(b"", b""), &stop).stop);
}

#[test]
fn a_mysql_that_lies_or_says_nothing_is_refused_in_bounded_time() {
    for (greeting, each) in [
        (&b""[..], &b""[..]),
        (b"HTTP/1.1 400 no\r\n\r\n", b""),
        (b"\xff\xff\xff\x00", b"aaaaaaaaaaaaaaaa"),
        (b"\x01\x00\x00\x00\xff", b""),
    ] {
        let refused = mysql(server(greeting, each));
        assert!(!refused.code.is_empty(), "{refused}");
        assert!(!refused.to_string().contains("hunter2-of-tests"));
    }
}
