//! The port against a listener that answers badly.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use connectors::{Shown, TokenLogin};
use model::Secret;

use super::*;

mod google;

/// A listener on loopback that gives one answer after the other, and tells what it was asked.
pub(super) fn listener(answers: Vec<String>) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (told, asked) = mpsc::channel();
    std::thread::spawn(move || {
        for answer in answers {
            let Ok((mut stream, _)) = listener.accept() else {
                return;
            };
            let mut text = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                let n = stream.read(&mut buffer).unwrap_or(0);
                text.extend_from_slice(&buffer[..n]);
                let whole = String::from_utf8_lossy(&text).into_owned();
                let length = whole
                    .to_ascii_lowercase()
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
                let head = whole.find("\r\n\r\n");
                if n == 0 || head.is_some_and(|at| whole.len() >= at + 4 + length.unwrap_or(0)) {
                    break;
                }
            }
            drop(told.send(String::from_utf8_lossy(&text).into_owned()));
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    (address, asked)
}

pub(super) fn http(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\nx-amzn-requestid: req-7\r\n\r\n{body}",
        body.len()
    )
}

fn port(runtime: &tokio::runtime::Runtime, endpoint: &str, bearer: Option<Bearer>) -> HttpPort {
    let options = BTreeMap::from([
        ("endpoint".to_owned(), endpoint.to_owned()),
        ("region".to_owned(), "us-east-1".to_owned()),
        ("requests_per_second".to_owned(), "1000".to_owned()),
    ]);
    opened(runtime, Login::Aws, &options, None, bearer)
}

fn opened(
    runtime: &tokio::runtime::Runtime,
    login: Login,
    options: &BTreeMap<String, String>,
    secret: Option<Secret>,
    bearer: Option<Bearer>,
) -> HttpPort {
    let at = ("git.example/7", options);
    let runtime = runtime.handle().clone();
    HttpPort::new(runtime, login, at, secret, bearer, Arc::default()).unwrap()
}

static TOKEN: TokenLogin = TokenLogin {
    form: "git:HOST/PROJECT",
    host: None,
    shown: Shown::Header {
        header: "authorization",
        before: "Bearer ",
    },
    variable: "GIT_TOKEN",
    // The last two fit no header: they are left out, and nothing stops.
    headers: &[("X-Version", "7"), ("x y", "8"), ("x-broken", "9\n")],
    per_second: 1000,
};

fn by_token(
    runtime: &tokio::runtime::Runtime,
    endpoint: &str,
    secret: Option<&str>,
    bearer: Option<Bearer>,
) -> HttpPort {
    let options = BTreeMap::from([("endpoint".to_owned(), endpoint.to_owned())]);
    let secret = secret.map(Secret::from);
    opened(runtime, Login::Token(&TOKEN), &options, secret, bearer)
}

fn read(port: &mut HttpPort, whom: Whom) -> Result<Response, Refusal> {
    let request = Request::get(&["api", "a/../b?c"])
        .parameter("page", "1&x")
        .asked_as(whom);
    match port.ask(&Question::Http(request))? {
        Answer::Http(response) => Ok(response),
        _ => panic!("another kind of answer"),
    }
}

#[test]
fn a_token_is_shown_in_its_header_as_whoever_asks() {
    let runtime = runtime();
    let (address, asked) = listener(vec![http("200 OK", "[]"); 3]);
    // A line from a file ends in one.
    let mut port = by_token(&runtime, &address, Some("own-token\n"), Some(bearer()));
    for (whom, shown) in [
        (Whom::Collector, Some("own-token")),
        (
            Whom::Subject,
            Some("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ),
        (Whom::Nobody, None),
    ] {
        read(&mut port, whom).unwrap();
        let text = asked.recv().unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("authorization: Bearer "));
        assert_eq!(line, shown, "{whom:?}");
        assert!(
            text.starts_with("GET /api/a%2F..%2Fb%3Fc?page=1%26x HTTP/1.1"),
            "what is foreign is escaped: {text}"
        );
        assert_eq!(text.contains("(probe)"), whom == Whom::Subject);
    }
}

/// A login like [`TOKEN`], shown otherwise, for as long as the tests run.
fn shown(shown: Shown) -> &'static TokenLogin {
    Box::leak(Box::new(TokenLogin { shown, ..TOKEN }))
}

fn opened_by(
    runtime: &tokio::runtime::Runtime,
    endpoint: &str,
    login: &'static TokenLogin,
    secret: &str,
) -> HttpPort {
    let options = BTreeMap::from([("endpoint".to_owned(), endpoint.to_owned())]);
    let secret = Some(Secret::from(secret));
    opened(runtime, Login::Token(login), &options, secret, None)
}

#[test]
fn each_way_to_show_a_token_is_shown_so() {
    let runtime = runtime();
    let headers = Shown::Headers(&["dd-api-key", "dd-application-key"]);
    for (way, secret, lines) in [
        (
            Shown::Basic,
            "ann:s3cret\n",
            ["authorization: Basic YW5uOnMzY3JldA==", "x-version: 7"],
        ),
        (
            headers,
            "one\ntwo\n",
            ["dd-api-key: one", "dd-application-key: two"],
        ),
    ] {
        let (address, asked) = listener(vec![http("200 OK", "[]")]);
        let mut port = opened_by(&runtime, &address, shown(way), secret);
        read(&mut port, Whom::Collector).unwrap();
        let text = asked.recv().unwrap();
        for line in lines {
            assert!(text.lines().any(|one| one == line), "{line}: {text}");
        }
    }
    for (way, secret) in [(Shown::Basic, "no-pair"), (headers, "only-one")] {
        let (address, asked) = listener(vec![http("200 OK", "[]")]);
        let mut port = opened_by(&runtime, &address, shown(way), secret);
        let refusal = read(&mut port, Whom::Collector).unwrap_err();
        assert_eq!(refusal.code, "no_credentials");
        assert!(!format!("{refusal:?}").contains(secret), "{refusal:?}");
        assert_eq!(asked.try_iter().count(), 0, "nothing was sent");
    }
}

#[test]
fn a_client_is_given_a_token_once_and_shows_that() {
    let runtime = runtime();
    let client = shown(Shown::Client {
        path: &["oauth", "token"],
        parameters: &[("audience", "https://HOST/api/")],
    });
    let given = http("200 OK", r#"{"access_token":"given-7","expires_in":3600}"#);
    let (address, asked) = listener(vec![given, http("200 OK", "[]"), http("200 OK", "[]")]);
    let mut port = opened_by(&runtime, &address, client, "shop:s3cret");
    for _ in 0..2 {
        read(&mut port, Whom::Collector).unwrap();
    }
    let texts: Vec<_> = asked.try_iter().collect();
    assert_eq!(texts.len(), 3, "asked for a token once");
    assert!(
        texts[0].starts_with("POST /oauth/token HTTP/1.1"),
        "{}",
        texts[0]
    );
    for pair in [
        "grant_type=client_credentials",
        "client_id=shop",
        "client_secret=s3cret",
        "audience=https%3A%2F%2F127.0.0.1%2Fapi%2F",
    ] {
        assert!(texts[0].contains(pair), "{pair}: {}", texts[0]);
    }
    for text in &texts[1..] {
        assert!(text.contains("authorization: Bearer given-7"), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }

    let refused = http("401 Unauthorized", r#"{"error":"access_denied s3cret"}"#);
    for (answer, reason) in [
        (refused, Reason::Denied),
        (http("200 OK", "<html>s3cret"), Reason::Failed),
    ] {
        let (address, _asked) = listener(vec![answer]);
        let mut port = opened_by(&runtime, &address, client, "shop:s3cret");
        let refusal = read(&mut port, Whom::Collector).unwrap_err();
        assert_eq!(refusal.reason, reason);
        assert!(!format!("{refusal:?}").contains("s3cret"), "{refusal:?}");
    }
}

#[test]
fn of_the_address_of_a_next_page_only_its_parameters_are_taken() {
    let runtime = runtime();
    let answer = |header: &str| {
        format!("HTTP/1.1 200 OK\r\n{header}content-length: 2\r\nconnection: close\r\n\r\n[]")
    };
    for (header, next) in [
        (
            "link: <https://evil.example/x?after=a%26b&limit=2>; rel=\"next\", <https://evil.example/x>; rel=\"self\"\r\n",
            vec![("after", "a&b"), ("limit", "2")],
        ),
        (
            "link: <https://git.example/x?page=1>; rel=\"prev\"\r\n",
            vec![],
        ),
        ("link: <<<>;;rel=next\r\n", vec![]),
        (
            "x-ms-continuationtoken: c7\r\n",
            vec![("continuationToken", "c7")],
        ),
        ("", vec![]),
    ] {
        let (address, _asked) = listener(vec![answer(header)]);
        let mut port = by_token(&runtime, &address, Some("own-token"), None);
        let response = read(&mut port, Whom::Collector).unwrap();
        let pairs = response.next.iter();
        let pairs: Vec<_> = pairs
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(pairs, next, "{header}");
    }
}

#[test]
fn a_token_goes_to_its_host_by_tls_and_no_redirect_takes_it_away() {
    let runtime = runtime();
    let away = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (address, asked) = listener(vec![away.to_owned()]);
    let mut port = by_token(&runtime, &address, Some("own-token"), None);
    assert_eq!(read(&mut port, Whom::Collector).unwrap().status, 302);
    assert_eq!(asked.try_iter().count(), 1);
    for plain in [
        "http://git.example",
        "ftp://git.example",
        "https://ann:x@git.example",
    ] {
        let options = BTreeMap::from([("endpoint".to_owned(), plain.to_owned())]);
        let at = ("git.example/7", &options);
        let handle = runtime.handle().clone();
        let login = Login::Token(&TOKEN);
        assert!(HttpPort::new(handle, login, at, None, None, Arc::default()).is_err());
    }
    let nowhere = BTreeMap::new();
    let at = ("ann@evil.example/7", &nowhere);
    let login = Login::Token(&TOKEN);
    let handle = runtime.handle().clone();
    assert!(HttpPort::new(handle, login, at, None, None, Arc::default()).is_err());
}

#[test]
fn a_token_that_lacks_or_fits_no_header_is_refused_unsaid() {
    let runtime = runtime();
    let (address, asked) = listener(vec![http("200 OK", "[]")]);
    let refused = |secret| {
        let mut port = by_token(&runtime, &address, secret, None);
        read(&mut port, Whom::Collector).unwrap_err()
    };
    let none = refused(None);
    assert!(none.told.contains("GIT_TOKEN"), "{none}");
    let unfit = refused(Some("own\ntoken"));
    assert!(!format!("{unfit:?}").contains("own"), "{unfit:?}");
    for refusal in [none, unfit] {
        assert_eq!(refusal.code, "no_credentials");
        assert_eq!(refusal.reason, Reason::Denied);
    }
    assert_eq!(asked.try_iter().count(), 0, "nothing was sent");
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn bearer() -> Bearer {
    Bearer {
        user: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret: Secret::from("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    }
}

fn ask(port: &mut HttpPort, whom: Whom) -> Result<Response, Refusal> {
    let request = Request::form(
        "sts",
        &[("Action", "GetCallerIdentity"), ("Note", "a b&c=d")],
    )
    .asked_as(whom);
    match port.ask(&Question::Http(request))? {
        Answer::Http(response) => Ok(response),
        _ => panic!("another kind of answer"),
    }
}

#[test]
fn a_read_is_sent_again_when_throttled_and_a_probe_is_not() {
    let runtime = runtime();
    let busy = || http("503 Service Unavailable", "");
    let (address, asked) = listener(vec![busy(), http("200 OK", "<a/>")]);
    let response = ask(&mut port(&runtime, &address, None), Whom::Nobody).unwrap();
    assert_eq!(
        (response.status, response.request_id.as_str()),
        (200, "req-7")
    );
    assert_eq!(asked.try_iter().count(), 2);
    let (address, asked) = listener(vec![busy(), http("200 OK", "<a/>")]);
    let response = ask(&mut port(&runtime, &address, Some(bearer())), Whom::Subject).unwrap();
    assert_eq!(response.status, 503);
    assert_eq!(asked.try_iter().count(), 1);
}

#[test]
fn a_budget_that_is_spent_is_waited_for_and_a_plain_refusal_is_not() {
    let runtime = runtime();
    let told = "x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 0\r\nconnection";
    let spent = || http("403 Forbidden", "").replace("connection", told);
    let (address, asked) = listener(vec![spent(), http("200 OK", "<a/>")]);
    let response = ask(&mut port(&runtime, &address, None), Whom::Nobody).unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(asked.try_iter().count(), 2);
    let (address, asked) = listener(vec![http("403 Forbidden", ""), http("200 OK", "<a/>")]);
    let response = ask(&mut port(&runtime, &address, None), Whom::Nobody).unwrap();
    assert_eq!(response.status, 403);
    assert_eq!(asked.try_iter().count(), 1);
}

#[test]
fn a_probe_is_signed_marked_and_shows_no_secret() {
    let runtime = runtime();
    let (address, asked) = listener(vec![http("200 OK", "<a/>")]);
    ask(&mut port(&runtime, &address, Some(bearer())), Whom::Subject).unwrap();
    let text = asked.recv().unwrap();
    assert!(text.contains("Credential=AKIAIOSFODNN7EXAMPLE/"), "{text}");
    assert!(
        text.contains("keyroll/") && text.contains("(probe)"),
        "{text}"
    );
    assert!(
        text.contains("Note=a+b%26c%3Dd"),
        "what is foreign is escaped: {text}"
    );
    assert!(!text.contains("wJalrXUtnFEMI"), "{text}");
}

/// In JSON the operation stands in a header, which the signature covers; a region is the one that
/// the question is signed for.
#[test]
fn a_question_in_json_is_signed_with_its_operation_for_its_region() {
    let runtime = runtime();
    let slow = http(
        "400 Bad Request",
        r#"{"__type":"com.amazonaws.kms#ThrottlingException","message":"Rate exceeded"}"#,
    );
    let (address, asked) = listener(vec![slow, http("200 OK", "{}")]);
    let body = serde_json::json!({"Limit": 1000});
    let request = Request::json("kms", &[], "TrentService.ListKeys", body);
    let mut port = port(&runtime, &address, Some(bearer()));
    let request = request.within("sa-east-1");
    for (whom, status) in [(Whom::Subject, 400), (Whom::Subject, 200)] {
        let question = Question::Http(request.clone().asked_as(whom));
        let Ok(Answer::Http(response)) = port.ask(&question) else {
            panic!("no answer");
        };
        assert_eq!(response.status, status);
        assert_eq!(
            client::is_passing(&response, &budget::Asks::default()),
            status == 400
        );
    }
    let text = asked.recv().unwrap().to_ascii_lowercase();
    for told in [
        "x-amz-target: trentservice.listkeys",
        "content-type: application/x-amz-json-1.1",
        "/sa-east-1/kms/aws4_request",
        "signedheaders=content-type;host;x-amz-date;x-amz-target",
        r#"{"limit":1000}"#,
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    let runtime = runtime();
    let away = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (address, asked) = listener(vec![away.to_owned()]);
    let response = ask(&mut port(&runtime, &address, None), Whom::Nobody).unwrap();
    assert_eq!(response.status, 302);
    assert_eq!(asked.try_iter().count(), 1);
}

#[test]
fn an_answer_beyond_the_limit_is_refused_and_not_kept() {
    let runtime = runtime();
    let (address, _asked) = listener(vec![http("200 OK", &"x".repeat(100_000))]);
    let mut port = port(&runtime, &address, None);
    port.line.sender = Sender::new(
        Door::public(true).unwrap(),
        &HttpLimits {
            bytes_max: 1000,
            ..HttpLimits::default()
        },
    )
    .unwrap();
    assert_eq!(ask(&mut port, Whom::Nobody).unwrap_err().code, "too_large");
}

#[test]
fn no_refusal_repeats_a_credential() {
    let runtime = runtime();
    // Nobody listens there any more.
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let mut port = port(&runtime, &gone, Some(bearer()));
    for whom in [Whom::Subject, Whom::Minted, Whom::Held] {
        let told = format!("{:?}", ask(&mut port, whom).unwrap_err());
        assert!(
            !told.contains("wJalrXUtnFEMI") && !told.contains("Signature"),
            "{told}"
        );
    }
}

#[test]
fn a_session_that_was_not_minted_at_first_is_never_minted_later() {
    let runtime = runtime();
    let (address, asked) = listener(vec![http("403 Forbidden", "<a/>"), http("200 OK", "<a/>")]);
    let mut port = port(&runtime, &address, Some(bearer()));
    for _ in 0..2 {
        assert_eq!(ask(&mut port, Whom::Minted).unwrap_err().code, "not_minted");
    }
    assert_eq!(asked.try_iter().count(), 1);
}

#[test]
fn a_stopped_pass_asks_nothing_and_says_so() {
    let runtime = runtime();
    let mut port = port(&runtime, "http://127.0.0.1:9", None);
    port.line.stop.store(true, Ordering::Relaxed);
    assert!(ask(&mut port, Whom::Nobody).unwrap_err().stop);
}
