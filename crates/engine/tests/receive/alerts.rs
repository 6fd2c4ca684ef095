//! Alerts: after what they tell of stands on the roll, in order, and sent on until taken.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::receive::Outgoing;
use model::Secret;
use serde_json::Value;

use crate::world::{Clock, drain, engine_at, event, hook, okta, receiver};

#[test]
fn an_alert_comes_after_its_birth_stands_on_the_roll_and_in_the_order_of_births() {
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &clock);
    let receiver = receiver(&engine, None);
    drain(&receiver, false);
    for (n, at) in [(3, "11:59:30"), (1, "11:59:10"), (2, "11:59:20")] {
        let born = event(n, "create", &format!("2026-11-30T{at}Z"));
        let body = hook(&n.to_string(), clock.now(), &[born]);
        assert_eq!(okta(&receiver, clock.now(), &body, "shown").status, 200);
    }
    let mut told = Vec::new();
    let drained = receiver.drain(false, &mut |alert| {
        let row = engine
            .store
            .read(|reading| reading.entity_row(&engine.tenant, &alert.entity))?;
        let row = row.expect("what is told stands on the roll already");
        assert_eq!(row.name, alert.name);
        assert_eq!(row.created_at, model::Told::Is(alert.born_at));
        told.push(alert.clone());
        Ok(())
    });
    assert_eq!(drained.unwrap().passes.len(), 1);
    let names: Vec<_> = told.iter().map(|alert| alert.name.as_str()).collect();
    assert_eq!(names, ["app 1", "app 2", "app 3"]);
    let alert = told[0].to_json();
    assert_eq!(
        alert["delay_ms"], 50_000,
        "from the event's own time: {alert}"
    );
    assert_eq!(alert["created_by"], "ann@acme.example");
    assert_eq!(alert["source"], "logs:events/okta/acme");
}

#[test]
fn a_reader_that_refuses_an_alert_gets_it_again() {
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &clock);
    let receiver = receiver(&engine, None);
    let born = event(1, "create", "2026-11-30T11:59:30Z");
    okta(
        &receiver,
        clock.now(),
        &hook("1", clock.now(), &[born]),
        "shown",
    );
    let mut first = None;
    let refused = receiver.drain(false, &mut |alert| {
        first = Some(alert.id.clone());
        Err(engine::Error::Unfit("the reader left".to_owned()))
    });
    assert!(refused.is_err());
    let again = drain(&receiver, false);
    assert_eq!(again.len(), 1);
    assert_eq!(Some(&again[0].id), first.as_ref());
    assert_eq!(drain(&receiver, false), []);
}

/// Answers one request with `status`; its headers and body.
fn serve(listener: &TcpListener, status: &str) -> (Vec<(String, String)>, Vec<u8>) {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.unwrap().1.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).unwrap();
    (headers, body)
}

#[test]
fn a_birth_is_sent_on_signed_until_it_is_taken_and_no_more() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap());
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &clock);
    let secret = format!("whsec_{}", STANDARD.encode("a secret of ours"));
    let outgoing = Outgoing::new(&url, Secret::from(secret.as_str())).unwrap();
    let receiver = receiver(&engine, Some(outgoing));
    let born = event(1, "create", "2026-11-30T11:59:30Z");
    okta(
        &receiver,
        clock.now(),
        &hook("1", clock.now(), &[born]),
        "shown",
    );
    let alert = drain(&receiver, false).remove(0);
    let stop = Arc::new(AtomicBool::new(false));

    let served = std::thread::spawn(move || {
        let refused = serve(&listener, "500 Internal Server Error");
        let taken = serve(&listener, "204 No Content");
        (refused, taken)
    });
    assert_eq!(receiver.send(&stop).unwrap(), 0);
    clock.pass(1);
    assert_eq!(receiver.send(&stop).unwrap(), 1);
    assert_eq!(
        receiver.send(&stop).unwrap(),
        0,
        "nobody listens, and nothing is sent"
    );
    let (refused, (headers, body)) = served.join().unwrap();
    assert_eq!(refused.1, body);
    let header = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name == wanted);
        found.unwrap().1.clone()
    };
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(told, alert.to_json());
    assert_eq!(header("webhook-id"), alert.id);
    let signed = [
        format!("{}.{}.", alert.id, header("webhook-timestamp")).as_bytes(),
        &body,
    ]
    .concat();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"a secret of ours");
    let tag = header("webhook-signature");
    let tag = STANDARD.decode(tag.strip_prefix("v1,").unwrap()).unwrap();
    aws_lc_rs::hmac::verify(&key, &signed, &tag).unwrap();
}

/// A webhook may refuse one for what is in it: the others are not to wait three days for that.
#[test]
fn an_alert_that_is_refused_as_it_is_holds_up_no_other_and_rests_longer_each_time() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap());
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &clock);
    let outgoing = Outgoing::new(&url, Secret::from("s")).unwrap();
    let receiver = receiver(&engine, Some(outgoing));
    for n in 1..=3 {
        let born = event(n, "create", &format!("2026-11-30T11:59:0{n}Z"));
        let body = hook(&n.to_string(), clock.now(), &[born]);
        assert_eq!(okta(&receiver, clock.now(), &body, "shown").status, 200);
        drain(&receiver, false);
        clock.pass(1);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let send = |answers: &'static [&'static str]| {
        std::thread::scope(|scope| {
            let served = scope.spawn(|| {
                let served = answers.iter().map(|answer| serve(&listener, answer).1);
                let told = served.map(|body| serde_json::from_slice::<Value>(&body).unwrap());
                told.map(|told| told["name"].as_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
            });
            let sent = receiver.send(&stop).unwrap();
            (sent, served.join().unwrap())
        })
    };
    // What says to come again later holds up all of them.
    for later in [
        &["429 Too Many Requests"],
        &["503 Service Unavailable"],
        &["408 Request Timeout"],
    ] {
        assert_eq!(send(later), (0, vec!["app 1".to_owned()]));
        assert_eq!(send(&[]), (0, vec![]), "it is not asked at once");
        clock.pass(4);
    }
    let (sent, asked) = send(&[
        "422 Unprocessable Content",
        "204 No Content",
        "204 No Content",
    ]);
    assert_eq!(sent, 2);
    assert_eq!(asked, ["app 1", "app 2", "app 3"]);
    for pause in [1, 2, 4, 8] {
        clock.pass(pause - 1);
        assert_eq!(send(&[]), (0, vec![]), "it rests {pause} s");
        clock.pass(1);
        assert_eq!(send(&["400 Bad Request"]), (0, vec!["app 1".to_owned()]));
    }
    clock.pass(3_600);
    assert_eq!(send(&["200 OK"]), (1, vec!["app 1".to_owned()]));
    clock.pass(3_600);
    assert_eq!(send(&[]), (0, vec![]));
    let counts = receiver.counts();
    assert_eq!(counts[&(String::new(), "alert_sent")], 3);
    assert_eq!(counts[&(String::new(), "alert_not_taken")], 8);
}

#[test]
fn alerts_go_over_tls_or_stay_on_this_machine_and_are_never_unsigned() {
    for (url, secret) in [
        ("http://alerts.example/", "s"),
        ("https://user:password@alerts.example/", "s"),
        ("file:///tmp/x", "s"),
        ("https://alerts.example/", ""),
        ("https://alerts.example/", "  \n"),
    ] {
        let told = Outgoing::new(url, Secret::from(secret))
            .unwrap_err()
            .to_string();
        assert!(told.starts_with("expected"), "{told}");
        assert!(!told.contains("password@"), "{told}");
    }
}
