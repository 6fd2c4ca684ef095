//! Against real TLS servers on this machine, which the tests start; and against what is none.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Instant;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection};

use super::*;

const AUTHORITY: &[u8] = include_bytes!("../../../testdata/tls/ca.pem");
const KEY: &[u8] = include_bytes!("../../../testdata/tls/server.key");
const GOOD: &[u8] = include_bytes!("../../../testdata/tls/good.pem");
const EXPIRED: &[u8] = include_bytes!("../../../testdata/tls/expired.pem");
const SELF_SIGNED: &[u8] = include_bytes!("../../../testdata/tls/self_signed.pem");
const POSTGRES: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const LDAP: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
const OTHER_NAME: &[u8] = include_bytes!("../../../testdata/tls/other_name.pem");

/// Listens on a free port, takes one guest, and does `serve`.
fn listen(serve: impl FnOnce(TcpStream) + Send + 'static) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || serve(listener.accept().unwrap().0));
    (port, served)
}

fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(AUTHORITY).unwrap())
        .unwrap();
    roots
}

/// A server with these certificates; `mutual`: it asks for one of the client.
fn tls(
    chain: &[&'static [u8]],
    mutual: bool,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap();
    let builder = if mutual {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots()), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let chain = chain
        .iter()
        .map(|pem| CertificateDer::from_pem_slice(pem).unwrap());
    builder
        .with_single_cert(chain.collect(), PrivateKeyDer::from_pem_slice(KEY).unwrap())
        .unwrap()
}

fn serve(config: ServerConfig) -> (u16, JoinHandle<()>) {
    listen(move |mut guest| talk(config, &mut guest))
}

fn talk(config: ServerConfig, guest: &mut TcpStream) {
    let mut server = ServerConnection::new(Arc::new(config)).unwrap();
    // A guest that hangs up in the middle is an error here and none of the test's concern.
    let _ = server.complete_io(guest);
}

const BOTH: &[&rustls::SupportedProtocolVersion] =
    &[&rustls::version::TLS13, &rustls::version::TLS12];

fn limits() -> TlsLimits {
    TlsLimits {
        connect: Duration::from_secs(5),
        handshake: Duration::from_secs(5),
        bytes_max: 64 << 10,
    }
}

/// What the endpoint at `port` of this machine shows to who asks for `localhost`.
fn look(port: u16, starttls: &str, limits: TlsLimits) -> Result<Handshake, Refusal> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let endpoint = Endpoint {
        host: "127.0.0.1".to_owned(),
        port,
        starttls: starttls.to_owned(),
    };
    let mut one = TlsPort::new(runtime.handle().clone(), endpoint, Arc::default())
        .unwrap()
        .held_to(roots(), limits);
    let question = Question::Tls(Greeting {
        host: "127.0.0.1".to_owned(),
        port,
        server_name: "localhost".to_owned(),
        starttls: starttls.to_owned(),
    });
    match one.ask(&question)? {
        Answer::Tls(handshake) => Ok(handshake),
        other => panic!("{other:?}"),
    }
}

fn objections(chain: &[&'static [u8]]) -> Vec<String> {
    let (port, served) = serve(tls(chain, false, BOTH));
    let shown = look(port, "", limits()).unwrap();
    served.join().unwrap();
    assert_eq!(shown.chain.len(), chain.len());
    shown.objections.unwrap()
}

#[test]
fn a_real_server_shows_its_chain_its_version_and_its_cipher() {
    let (port, served) = serve(tls(&[GOOD, AUTHORITY], false, BOTH));
    let shown = look(port, "", limits()).unwrap();
    served.join().unwrap();
    let own = CertificateDer::from_pem_slice(GOOD).unwrap();
    assert_eq!(shown.chain[0], STANDARD.encode(&own));
    assert_eq!(shown.chain.len(), 2);
    assert_eq!(shown.version.as_deref(), Some("TLS 1.3"));
    assert!(shown.cipher.unwrap().starts_with("TLS_AES_"));
    assert_eq!(
        (shown.asks_for_certificate, shown.objections),
        (false, Some(Vec::new()))
    );
}

#[test]
fn an_old_version_of_a_real_server_is_told() {
    let (port, served) = serve(tls(&[GOOD], false, &[&rustls::version::TLS12]));
    let shown = look(port, "", limits()).unwrap();
    served.join().unwrap();
    assert_eq!(shown.version.as_deref(), Some("TLS 1.2"));
}

#[test]
fn a_chain_that_no_client_would_trust_is_read_and_the_objection_told() {
    assert_eq!(objections(&[EXPIRED]), ["expired"]);
    assert_eq!(objections(&[SELF_SIGNED]), ["unknown_issuer"]);
    assert_eq!(objections(&[OTHER_NAME]), ["name_mismatch"]);
    assert_eq!(objections(&[GOOD]), [""; 0]);
}

#[test]
fn a_server_that_demands_a_certificate_is_read_all_the_same() {
    for version in BOTH {
        let (port, served) = serve(tls(&[GOOD], true, &[version]));
        let shown = look(port, "", limits()).unwrap();
        served.join().unwrap();
        assert!(shown.asks_for_certificate, "{version:?}");
        assert_eq!(shown.chain.len(), 1);
    }
}

#[test]
fn tls_after_postgres_smtp_imap_and_ldap_is_read_from_stand_ins() {
    fn expect(guest: &mut TcpStream, words: &[u8]) {
        let mut got = vec![0; words.len()];
        guest.read_exact(&mut got).unwrap();
        assert_eq!(got, words);
    }
    type Lines = &'static [(&'static [u8], &'static [u8])];
    const CASES: [(&str, Lines); 4] = [
        ("postgres", &[(POSTGRES, b"S")]),
        (
            "smtp",
            &[
                (b"", b"220 mail.test ESMTP\r\n"),
                (b"EHLO localhost\r\n", b"250-mail.test\r\n250 STARTTLS\r\n"),
                (b"STARTTLS\r\n", b"220 go ahead\r\n"),
            ],
        ),
        (
            "imap",
            &[
                (b"", b"* OK ready\r\n"),
                (b"a STARTTLS\r\n", b"* info\r\na OK begin\r\n"),
            ],
        ),
        (
            "ldap",
            &[(
                LDAP,
                b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00",
            )],
        ),
    ];
    for (protocol, lines) in CASES {
        let (port, served) = listen(move |mut guest| {
            for (from, to) in lines {
                expect(&mut guest, from);
                guest.write_all(to).unwrap();
            }
            talk(tls(&[GOOD], false, BOTH), &mut guest);
        });
        let shown = look(port, protocol, limits());
        served.join().unwrap();
        assert_eq!(shown.unwrap().objections, Some(Vec::new()), "{protocol}");
    }
}

#[test]
fn a_server_without_tls_declines_and_that_is_told() {
    let (port, served) = listen(|mut guest| {
        let mut request = [0; 8];
        guest.read_exact(&mut request).unwrap();
        guest.write_all(b"N").unwrap();
    });
    let told = look(port, "postgres", limits()).unwrap_err();
    served.join().unwrap();
    assert_eq!(
        (told.reason, told.code.as_str()),
        (Reason::Unsupported, "no_tls")
    );
}

#[test]
fn whoever_never_answers_is_left_in_the_time_set() {
    let (port, served) = listen(|mut guest| {
        // Until the other side hangs up.
        let _ = guest.read_to_end(&mut Vec::new());
    });
    let begun = Instant::now();
    let short = TlsLimits {
        handshake: Duration::from_millis(200),
        ..limits()
    };
    let told = look(port, "", short).unwrap_err();
    served.join().unwrap();
    assert_eq!(told.code, "timeout");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn garbage_is_no_tls() {
    for garbage in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(),
        &[0; 600],
        b"\xff",
    ] {
        let (port, served) = listen(move |mut guest| {
            let _ = guest.write_all(garbage);
        });
        let told = look(port, "", limits()).unwrap_err();
        served.join().unwrap();
        assert!(
            matches!(told.code.as_str(), "no_tls" | "tls" | "connect"),
            "{told}"
        );
        assert!(!told.told.contains("Bad Request"), "{told}");
    }
}

#[test]
fn a_flood_of_bytes_ends_at_the_limit() {
    // Lines of a greeting without an end, and records of TLS that never become a message.
    let (port, served) = listen(
        |mut guest| {
            while guest.write_all(b"250-more\r\n").is_ok() {}
        },
    );
    let told = look(port, "smtp", limits()).unwrap_err();
    served.join().unwrap();
    assert_eq!(told.code, "no_tls", "{told}");
    let (port, served) = listen(|mut guest| {
        // A handshake record that carries the beginning of one endless certificate message.
        let mut record = vec![0x16, 3, 3, 0x20, 0];
        record.extend(b"\x0b\xff\xff\xff");
        record.resize(5 + 0x2000, 0);
        while guest.write_all(&record).is_ok() {}
    });
    let told = look(port, "", limits()).unwrap_err();
    served.join().unwrap();
    assert!(
        matches!(told.code.as_str(), "no_tls" | "tls" | "too_large"),
        "{told}"
    );
}

#[test]
fn a_chain_longer_than_the_limit_is_not_taken() {
    let (port, served) = serve(tls(&[GOOD; 120], false, BOTH));
    let small = TlsLimits {
        bytes_max: 8 << 10,
        ..limits()
    };
    let told = look(port, "", small).unwrap_err();
    served.join().unwrap();
    assert_eq!(told.code, "too_large", "{told}");
}

#[test]
fn no_question_steers_the_port_to_another_endpoint() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let endpoint = Endpoint::parse("tls://api.test").unwrap();
    let mut port = TlsPort::new(runtime.handle().clone(), endpoint, Arc::default()).unwrap();
    let told = port
        .ask(&Question::Tls(Greeting {
            host: "169.254.169.254".to_owned(),
            port: 443,
            server_name: "api.test".to_owned(),
            starttls: String::new(),
        }))
        .unwrap_err();
    assert_eq!(told.reason, Reason::Unsupported);
}

#[test]
fn a_closed_port_is_refused_with_its_reason() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    assert_eq!(look(free, "", limits()).unwrap_err().code, "connect");
}
