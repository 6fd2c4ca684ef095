//! Logins of Google, against a stub of its token endpoint.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::*;

fn login() -> &'static TokenLogin {
    shown(Shown::Google {
        scope: "https://www.googleapis.com/auth/cloud-platform.read-only",
    })
}

fn given(token: &str, seconds: u32) -> String {
    let body = format!("{{\"access_token\":\"{token}\",\"expires_in\":{seconds}}}");
    http("200 OK", &body)
}

fn user() -> String {
    serde_json::json!({
        "type": "authorized_user", "client_id": "id-7", "client_secret": "client-s3cret",
        "refresh_token": "refresh-s3cret", "quota_project_id": "acme-7",
        "token_uri": "https://evil.example/token",
    })
    .to_string()
}

/// The file of a service account with a key that was just made.
fn service_account() -> String {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let body = STANDARD.encode(der.as_ref());
    let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
    serde_json::json!({
        "type": "service_account", "client_email": "scan@acme-7.iam.gserviceaccount.com",
        "private_key_id": "k7", "private_key": format!("{begin}\n{body}\n{end}\n"),
        "token_uri": "https://evil.example/token",
    })
    .to_string()
}

#[test]
fn stub_token_endpoint_gives_another_token_before_a_long_pass_outlives_the_first() {
    let runtime = runtime();
    // Ten seconds are less than the margin before its end: the first one has ended, so to speak.
    let (address, asked) = listener(vec![
        given("first", 10),
        http("200 OK", "[]"),
        given("second", 3_600),
        http("200 OK", "[]"),
        http("200 OK", "[]"),
    ]);
    let mut port = opened_by(&runtime, &address, login(), &user());
    for _ in 0..3 {
        read(&mut port, Whom::Collector).unwrap();
    }
    let texts: Vec<_> = asked.try_iter().collect();
    assert_eq!(texts.len(), 5);
    for at in [0, 2] {
        assert!(
            texts[at].starts_with("POST /token HTTP/1.1"),
            "{}",
            texts[at]
        );
        for pair in [
            "grant_type=refresh_token",
            "client_id=id-7",
            "client_secret=client-s3cret",
            "refresh_token=refresh-s3cret",
        ] {
            assert!(texts[at].contains(pair), "{pair}: {}", texts[at]);
        }
    }
    for (at, token) in [(1, "first"), (3, "second"), (4, "second")] {
        let shown = format!("authorization: Bearer {token}");
        assert!(texts[at].contains(&shown), "{}", texts[at]);
        assert!(texts[at].contains("x-goog-user-project: acme-7"));
        assert!(!texts[at].contains("s3cret"), "{}", texts[at]);
    }
}

#[test]
fn stub_token_endpoint_is_asked_by_the_key_of_a_service_account() {
    let runtime = runtime();
    let (address, asked) = listener(vec![given("given", 3_600), http("200 OK", "[]")]);
    let mut port = opened_by(&runtime, &address, login(), &service_account());
    read(&mut port, Whom::Collector).unwrap();
    let texts: Vec<_> = asked.try_iter().collect();
    let assertion = texts[0].split("assertion=").nth(1).unwrap();
    let assertion = assertion.split('&').next().unwrap();
    let part = |n: usize| -> Value {
        let text = assertion.split('.').nth(n).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    let head = part(0);
    assert_eq!(head["alg"], "RS256");
    assert_eq!(head["kid"], "k7");
    let claims = part(1);
    assert_eq!(claims["iss"], "scan@acme-7.iam.gserviceaccount.com");
    // Never what the file says of itself.
    assert_eq!(claims["aud"], "https://oauth2.googleapis.com/token");
    let lasts = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(lasts, 3_600);
    assert!(texts[1].contains("authorization: Bearer given"));
}

#[test]
fn an_access_token_of_google_is_shown_as_it_is_and_a_login_that_ended_is_a_refusal() {
    let runtime = runtime();
    let (address, asked) = listener(vec![http("200 OK", "[]")]);
    let mut port = opened_by(&runtime, &address, login(), "ya29.token\n");
    read(&mut port, Whom::Collector).unwrap();
    assert!(
        asked
            .recv()
            .unwrap()
            .contains("authorization: Bearer ya29.token")
    );

    let ended = http(
        "400 Bad Request",
        r#"{"error":"invalid_grant","x":"refresh-s3cret"}"#,
    );
    let (address, _asked) = listener(vec![ended]);
    let mut port = opened_by(&runtime, &address, login(), &user());
    let refusal = read(&mut port, Whom::Collector).unwrap_err();
    assert_eq!(refusal.reason, Reason::Denied);
    assert!(!format!("{refusal:?}").contains("s3cret"), "{refusal:?}");
}
