//! Over TLS, against a server on this machine that answers as a cluster would; it is no Kubernetes.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use connectors::{Answer, Port as _, Question};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::super::HttpPort;
use super::*;

const AUTHORITY: &[u8] = include_bytes!("../../../../testdata/tls/ca.pem");
const KEY: &[u8] = include_bytes!("../../../../testdata/tls/server.key");
const GOOD: &[u8] = include_bytes!("../../../../testdata/tls/good.pem");
const OTHER_NAME: &[u8] = include_bytes!("../../../../testdata/tls/other_name.pem");
const CLIENT: &[u8] = include_bytes!("../../../../testdata/tls/client.pem");
const CLIENT_KEY: &[u8] = include_bytes!("../../../../testdata/tls/client.key");

/// What a server saw of its guest.
#[derive(Debug, Default)]
struct Guest {
    head: String,
    name: Option<String>,
    certificates: usize,
}

/// Takes one guest; `mutual`: who has to show a certificate.
fn serve(certificate: &'static [u8], mutual: bool) -> (u16, JoinHandle<Option<Guest>>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if mutual {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(CLIENT).unwrap())
            .unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let stream = listener.accept().ok()?.0;
        let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            tls.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        tls.write_all(answer).ok()?;
        tls.conn.send_close_notify();
        drop(tls.flush());
        Some(Guest {
            head: String::from_utf8(head).unwrap(),
            name: tls.conn.server_name().map(str::to_owned),
            certificates: tls.conn.peer_certificates().map_or(0, <[_]>::len),
        })
    });
    (port, served)
}

/// Asks the cluster behind a kubeconfig in `dir`.
fn ask(dir: &Path, of_cluster: &str, user: &str) -> Result<u16, Refusal> {
    let path = dir.join("config");
    let text = format!(
        "current-context: dev\nclusters: [{{name: c, cluster: {{{of_cluster}}}}}]\n\
         contexts: [{{name: dev, context: {{cluster: c, user: u}}}}]\n\
         users: [{{name: u, user: {{{user}}}}}]\n"
    );
    std::fs::write(&path, text).unwrap();
    let options = BTreeMap::from([("kubeconfig".to_owned(), path.display().to_string())]);
    let (cluster, door) = Kubernetes::new(&options, None).unwrap();
    answer(cluster, door)
}

fn answer(cluster: Kubernetes, door: Door) -> Result<u16, Refusal> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let options = BTreeMap::new();
    let stop = Arc::new(AtomicBool::new(false));
    let mut port = HttpPort::through(
        runtime.handle().clone(),
        super::super::Way::Kubernetes(Box::new(cluster)),
        door,
        super::super::limits(&options).unwrap(),
        stop,
    )
    .unwrap();
    port.line.limits.tries_max = 1;
    match port.ask(&Question::Http(Request::get(&["api"])))? {
        Answer::Http(response) => Ok(response.status),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cluster_is_known_by_its_own_authority_and_shown_the_certificate_of_its_user() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), AUTHORITY).unwrap();
    std::fs::write(dir.path().join("client.pem"), CLIENT).unwrap();
    let (port, served) = serve(GOOD, true);
    let user = format!(
        "client-certificate: client.pem, client-key-data: {}, token: abc",
        STANDARD.encode(CLIENT_KEY)
    );
    let of = format!("server: 'https://127.0.0.1:{port}', certificate-authority: ca.pem");
    assert_eq!(ask(dir.path(), &of, &user).unwrap(), 200);
    let guest = served.join().unwrap().unwrap();
    assert_eq!(guest.certificates, 1);
    assert!(
        guest.head.contains("authorization: Bearer abc"),
        "{guest:?}"
    );
}

#[test]
fn a_cluster_of_an_authority_that_nobody_named_is_told_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (port, served) = serve(GOOD, false);
    let of = format!("server: 'https://127.0.0.1:{port}'");
    let refusal = ask(dir.path(), &of, "token: abc").unwrap_err();
    assert_eq!(refusal.code, "connect", "{refusal}");
    assert!(served.join().unwrap().is_none());
}

#[test]
fn a_server_may_be_called_otherwise_than_its_certificate_and_never_by_chance() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), AUTHORITY).unwrap();
    for (called, named) in [(", tls-server-name: other.test", true), ("", false)] {
        let (port, served) = serve(OTHER_NAME, false);
        let of =
            format!("server: 'https://127.0.0.1:{port}', certificate-authority: ca.pem{called}");
        assert_eq!(
            ask(dir.path(), &of, "token: abc").is_ok(),
            named,
            "{called}"
        );
        let guest = served.join().unwrap();
        assert_eq!(guest.is_some(), named);
        if let Some(guest) = guest {
            assert_eq!(guest.name.as_deref(), Some("other.test"));
            assert!(
                guest.head.contains(&format!("host: 127.0.0.1:{port}")),
                "{guest:?}"
            );
        }
    }
}

#[test]
fn nobody_checks_a_server_only_where_a_person_accepted_that() {
    let (port, served) = serve(OTHER_NAME, false);
    let access = || Access {
        server: format!("https://127.0.0.1:{port}"),
        insecure: true,
        ..Access::default()
    };
    assert!(Kubernetes::of(access(), false).is_err());
    let (cluster, door) = Kubernetes::of(access(), true).unwrap();
    assert_eq!(answer(cluster, door).unwrap(), 200);
    assert!(served.join().unwrap().is_some());
}

#[test]
fn a_pod_shows_the_token_that_lies_there_now() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.crt"), AUTHORITY).unwrap();
    std::fs::write(dir.path().join("token"), "first").unwrap();
    let (port, served) = serve(GOOD, false);
    let access = in_cluster(&format!("127.0.0.1:{port}"), dir.path().to_str().unwrap());
    let (cluster, door) = Kubernetes::of(access, false).unwrap();
    std::fs::write(dir.path().join("token"), "second\n").unwrap();
    assert_eq!(answer(cluster, door).unwrap(), 200);
    let guest = served.join().unwrap().unwrap();
    assert!(
        guest.head.contains("authorization: Bearer second\r\n"),
        "{guest:?}"
    );
}

#[test]
fn a_program_that_never_ends_or_prints_something_else_lets_nobody_in() {
    let program = |command: &str, arguments: &[&str]| Program {
        command: command.to_owned(),
        arguments: arguments.iter().map(|one| Secret::from(*one)).collect(),
        variables: vec![("KEYROLL_TEST".to_owned(), Secret::from("told"))],
        version: "client.authentication.k8s.io/v1".to_owned(),
    };
    let printed = run(&program(
        "/bin/sh",
        &["-c", "echo $KEYROLL_TEST $KUBERNETES_EXEC_INFO"],
    ));
    let printed = printed.unwrap();
    let printed = String::from_utf8_lossy(printed.expose()).into_owned();
    assert!(
        printed.starts_with("told {") && printed.contains("ExecCredential"),
        "{printed}"
    );
    assert!(run(&program("/bin/false", &[])).is_none());
    assert!(run(&program("/no/such/program", &[])).is_none());
    let flood = program("/bin/sh", &["-c", "head -c 5000000 /dev/zero"]);
    assert!(run(&flood).is_none());
}
