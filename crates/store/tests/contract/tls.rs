//! TLS to PostgreSQL (ST-20): a stub that speaks the protocol as far as the handshake and then
//! refuses the login in words that only a client which trusted it can read.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use store::{Error, Location, Options, Store};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/tls")
        .join(name)
}

/// Serves connections until the test ends; answers its port.
fn stub(offers_tls: bool) -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file("server.pem"))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming().take(8) {
            let mut socket = socket.unwrap();
            let mut asked = [0; 8];
            // `SSLRequest`: its length and 80877103.
            if socket.read_exact(&mut asked).is_err() || asked[4..] != 80_877_103_i32.to_be_bytes()
            {
                continue;
            }
            socket
                .write_all(if offers_tls { b"S" } else { b"N" })
                .unwrap();
            if offers_tls {
                let mut session = rustls::ServerConnection::new(config.clone()).unwrap();
                // Whoever does not trust us hangs up here.
                answer(&mut rustls::Stream::new(&mut session, &mut socket)).ok();
            }
        }
    });
    port
}

/// Reads the start-up message and refuses the login.
fn answer(stream: &mut (impl Read + Write)) -> std::io::Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap();
    stream.read_exact(&mut vec![0; length.clamp(4, 1_000) - 4])?;
    let told = b"SFATAL\0C28000\0Mread under TLS\0\0";
    stream.write_all(b"E")?;
    stream.write_all(&u32::try_from(told.len() + 4).unwrap().to_be_bytes())?;
    stream.write_all(told)?;
    stream.flush()
}

/// Every cause of an error in one text.
fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

fn refusal(host: &str, port: u16, query: &str, ca_file: Option<&str>) -> String {
    let location: Location = format!("postgres://u:hunter2@{host}:{port}/d?{query}")
        .parse()
        .unwrap();
    let options = Options {
        ca_file: ca_file.map(file),
        ..Options::default()
    };
    let told = causes(&Store::open(&location, &options).unwrap_err());
    assert!(!told.contains("hunter2"), "{told}");
    told
}

#[test]
fn stub_a_server_that_the_wrong_anchor_signed_is_not_spoken_to() {
    let port = stub(true);
    let read = "read under TLS";
    assert!(refusal("localhost", port, "sslmode=require", Some("right-ca.pem")).contains(read));
    for mode in ["require", "verify-ca", "verify-full", "prefer"] {
        let told = refusal(
            "localhost",
            port,
            &format!("sslmode={mode}"),
            Some("wrong-ca.pem"),
        );
        assert!(!told.contains(read), "{mode}: {told}");
        assert!(told.contains("certificate"), "{mode}: {told}");
    }
    // The right anchor, but another name.
    let told = refusal("127.0.0.1", port, "sslmode=require", Some("right-ca.pem"));
    assert!(
        !told.contains(read) && told.contains("certificate"),
        "{told}"
    );
    // The platform knows nothing of it.
    let told = refusal("localhost", port, "sslmode=require", None);
    assert!(!told.contains(read), "{told}");
}

#[test]
fn stub_a_server_without_tls_is_refused_where_tls_is_required() {
    let port = stub(false);
    let told = refusal("localhost", port, "sslmode=require", Some("right-ca.pem"));
    assert!(told.contains("TLS"), "{told}");
}

#[test]
fn an_anchor_file_that_holds_none_is_named() {
    let told = refusal("localhost", 1, "sslmode=require", Some("README.md"));
    assert!(told.contains("README.md"), "{told}");
}
