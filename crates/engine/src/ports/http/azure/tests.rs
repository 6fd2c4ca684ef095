//! The logins against a listener that answers as Microsoft's reference says; it is no Microsoft.

use std::sync::Arc;

use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connectors::{Answer, Login, Port, Question};

use super::super::HttpPort;
use super::super::tests::{http, listener, runtime};
use super::*;

const TENANT: &str = "8d3b1f52-6c0e-4a57-9f41-2b7c90e5d101";
const GIVEN: &str =
    r#"{"token_type":"Bearer","expires_in":3599,"access_token":"given-for-an-hour"}"#;
const SECRET: &str = "Kp7~8Q-of-the-client";

fn options(endpoint: &str, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let always = [
        ("endpoint", endpoint),
        ("tenant", TENANT),
        ("client", "bbbbbbbb-0000-4000-8000-000000000001"),
        ("requests_per_second", "1000"),
    ];
    let all = always.iter().chain(more);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn opened(
    runtime: &tokio::runtime::Runtime,
    options: &BTreeMap<String, String>,
    secret: Option<&str>,
) -> Result<HttpPort, Error> {
    let at = (TENANT, options);
    let secret = secret.map(Secret::from);
    HttpPort::new(
        runtime.handle().clone(),
        Login::Azure,
        at,
        secret,
        None,
        Arc::default(),
    )
}

fn ask(port: &mut HttpPort, service: &str) -> Result<Response, Refusal> {
    let mut request = Request::get(&["v1.0", "applications"]);
    service.clone_into(&mut request.service);
    match port.ask(&Question::Http(request))? {
        Answer::Http(response) => Ok(response),
        _ => panic!("another kind of answer"),
    }
}

#[test]
fn stub_a_client_s_secret_is_given_a_token_for_each_interface_and_shown_there_alone() {
    let runtime = runtime();
    let answers = [GIVEN, "{}", "{}", GIVEN, "{}"].map(|body| http("200 OK", body));
    let (address, asked) = listener(answers.to_vec());
    let mut port = opened(&runtime, &options(&address, &[]), Some(SECRET)).unwrap();
    for service in ["graph", "graph", "management"] {
        ask(&mut port, service).unwrap();
    }
    let heard: Vec<String> = asked.iter().take(5).collect();
    let path = format!("POST /{TENANT}/oauth2/v2.0/token ");
    for (login, host) in [
        (&heard[0], "graph.microsoft.com"),
        (&heard[3], "management.azure.com"),
    ] {
        assert!(login.starts_with(&path), "{login}");
        assert!(
            login.contains("client_secret=Kp7%7E8Q-of-the-client"),
            "{login}"
        );
        assert!(
            login.contains(&format!("scope=https%3A%2F%2F{host}%2F.default")),
            "{login}"
        );
    }
    for question in [&heard[1], &heard[2], &heard[4]] {
        assert!(
            question.contains("authorization: Bearer given-for-an-hour"),
            "{question}"
        );
        assert!(!question.contains("of-the-client"), "{question}");
    }
}

#[test]
fn stub_a_certificate_signs_an_assertion_that_its_public_half_verifies() {
    let runtime = runtime();
    let dir = tempfile::tempdir().unwrap();
    let pem = dir.path().join("client.pem");
    let key = rcgen_pair(&pem);
    let (address, asked) = listener(vec![http("200 OK", GIVEN), http("200 OK", "{}")]);
    let given = options(&address, &[("certificate", pem.to_str().unwrap())]);
    ask(&mut opened(&runtime, &given, None).unwrap(), "graph").unwrap();
    let login = asked.recv().unwrap();
    let (_, rest) = login.split_once("client_assertion=").unwrap();
    let assertion = rest.split('&').next().unwrap();
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key)
        .verify(signed.as_bytes(), &signature)
        .unwrap();
    let part = |n: usize| -> serde_json::Value {
        let part = signed.split('.').nth(n).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(part(0)["alg"], "PS256");
    assert_eq!(part(1)["iss"], part(1)["sub"]);
    let audience = part(1)["aud"].as_str().unwrap().to_owned();
    assert!(
        audience.ends_with(&format!("/{TENANT}/oauth2/v2.0/token")),
        "{audience}"
    );
}

/// A new RSA key and a certificate, in one PEM file; the key's public half.
fn rcgen_pair(path: &std::path::Path) -> Vec<u8> {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::KeyPair as _;
    use base64::engine::general_purpose::STANDARD;

    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let block = |label: &str, der: &[u8]| {
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            STANDARD.encode(der)
        )
    };
    // Only its digest is sent: what it says is nothing to the client.
    let certificate = block("CERTIFICATE", b"a certificate of tests");
    let key = block("PRIVATE KEY", der.as_ref());
    std::fs::write(path, format!("{certificate}{key}")).unwrap();
    pair.public_key().as_ref().to_vec()
}

#[test]
fn stub_a_token_in_a_file_is_read_anew_for_each_login() {
    let runtime = runtime();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "of-the-first-hour\n").unwrap();
    // One that lives for less than the margin is asked for again.
    let short = r#"{"expires_in":"60","access_token":"short"}"#;
    let answers = [short, "{}", short, "{}"].map(|body| http("200 OK", body));
    let (address, asked) = listener(answers.to_vec());
    let given = options(&address, &[("token_file", file.to_str().unwrap())]);
    let mut port = opened(&runtime, &given, None).unwrap();
    ask(&mut port, "graph").unwrap();
    std::fs::write(&file, "of-the-second-hour\n").unwrap();
    ask(&mut port, "graph").unwrap();
    let heard: Vec<String> = asked.iter().take(4).collect();
    assert!(
        heard[0].contains("client_assertion=of-the-first-hour&"),
        "{}",
        heard[0]
    );
    assert!(
        heard[2].contains("client_assertion=of-the-second-hour&"),
        "{}",
        heard[2]
    );
}

#[test]
fn stub_an_app_s_platform_is_shown_its_header() {
    let runtime = runtime();
    let (platform, asked) = listener(vec![http(
        "200 OK",
        r#"{"expires_in":"3600","access_token":"of-the-app"}"#,
    )]);
    let (address, questions) = listener(vec![http("200 OK", "{}")]);
    let given = options(&address, &[("managed_endpoint", &platform)]);
    ask(
        &mut opened(&runtime, &given, Some("of-the-platform")).unwrap(),
        "graph",
    )
    .unwrap();
    let login = asked.recv().unwrap();
    assert!(
        login.contains("x-identity-header: of-the-platform"),
        "{login}"
    );
    assert!(
        login.contains("resource=https%3A%2F%2Fgraph.microsoft.com"),
        "{login}"
    );
    assert!(questions.recv().unwrap().contains("Bearer of-the-app"));
}

#[test]
fn stub_a_refused_login_says_what_to_do_and_repeats_nothing() {
    let runtime = runtime();
    for (code, told) in [
        ("AADSTS7000215", "the client's secret is wrong"),
        ("AADSTS7000222", "has expired"),
        ("AADSTS700024", "clock"),
        ("AADSTS123", "no token was given"),
        ("evil\u{1b}[2J", "no token was given"),
    ] {
        let body = serde_json::json!({"error": "invalid_client", "error_description": format!("{code}: Invalid client secret '{SECRET}' provided")});
        let (address, _asked) = listener(vec![http("401 Unauthorized", &body.to_string())]);
        let mut port = opened(&runtime, &options(&address, &[]), Some(SECRET)).unwrap();
        let refusal = ask(&mut port, "graph").unwrap_err();
        assert_eq!(refusal.reason, Reason::Denied);
        let text = refusal.to_string();
        assert!(text.contains(told), "{code}: {text}");
        assert!(
            !text.contains("of-the-client") && !text.contains('\u{1b}'),
            "{text}"
        );
    }
}

#[test]
fn nobody_but_this_machine_and_its_link_is_asked_for_its_identity() {
    let runtime = runtime();
    for (endpoint, fits) in [
        ("http://127.0.0.1:41741/msi/token", true),
        ("http://169.254.129.2:8081/msi/token", true),
        ("http://10.0.0.7/token", false),
        ("http://metadata.example/token", false),
        ("https://127.0.0.1/token", false),
    ] {
        let given = options("http://127.0.0.1:1", &[("managed_endpoint", endpoint)]);
        assert_eq!(
            opened(&runtime, &given, Some("x")).is_ok(),
            fits,
            "{endpoint}"
        );
    }
}

#[test]
fn each_cloud_has_its_own_hosts_and_no_other_authority_is_one() {
    for (authority, graph) in [
        (None, "graph.microsoft.com"),
        (
            Some("https://login.microsoftonline.us/"),
            "graph.microsoft.us",
        ),
        (
            Some("login.chinacloudapi.cn"),
            "microsoftgraph.chinacloudapi.cn",
        ),
    ] {
        assert_eq!(Cloud::of(authority).unwrap().host("graph").unwrap(), graph);
    }
    for wrong in [
        "https://login.evil.example",
        "http://login.microsoftonline.com",
        "",
    ] {
        assert!(Cloud::of(Some(wrong)).is_err(), "{wrong}");
    }
    assert!(CLOUDS[0].host("vault").is_err());
}

#[test]
fn a_tenant_is_no_path() {
    let runtime = runtime();
    for wrong in ["../other", "a/b", "a?b", "", "a b"] {
        let mut given = options("http://127.0.0.1:1", &[]);
        given.insert("tenant".to_owned(), wrong.to_owned());
        assert!(opened(&runtime, &given, Some("x")).is_err(), "{wrong}");
    }
}

#[test]
fn a_secret_of_nobody_s_is_refused_and_not_passed_over() {
    let runtime = runtime();
    let mut given = options("http://127.0.0.1:1", &[]);
    given.remove("client");
    let Err(refused) = opened(&runtime, &given, Some(SECRET)) else {
        panic!("the secret was passed over")
    };
    let told = refused.to_string();
    assert!(
        told.contains("AZURE_CLIENT_ID") && !told.contains("of-the-client"),
        "{told}"
    );
}
