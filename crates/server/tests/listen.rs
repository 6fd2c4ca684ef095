//! A real socket, and whoever is unkind to it.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use server::{Answer, Answers, Asked, Limits, Listener, Running, Tls};

/// Answers with what it was asked, or once it is let.
struct Echo {
    refused: Mutex<Vec<(String, &'static str)>>,
    let_go: Option<Mutex<Receiver<()>>>,
    begun: Mutex<Sender<()>>,
}

impl Answers for Echo {
    fn answer(&self, asked: &Asked) -> Answer {
        if let Some(let_go) = &self.let_go {
            self.begun.lock().unwrap().send(()).unwrap();
            let_go.lock().unwrap().recv().unwrap();
        }
        Answer {
            status: 200,
            headers: vec![("retry-after", "5\r\nx-injected: 1".to_owned())],
            body: format!("{} {} {}", asked.method, asked.path, asked.body.len()),
        }
    }

    fn refused(&self, path: &str, what: &'static str) {
        self.refused.lock().unwrap().push((path.to_owned(), what));
    }
}

struct World {
    runtime: tokio::runtime::Runtime,
    echo: Arc<Echo>,
    let_go: Sender<()>,
    begun: Receiver<()>,
}

impl World {
    fn new(waits: bool) -> Self {
        let (let_go, waiting) = channel();
        let (begins, begun) = channel();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        Self {
            runtime: runtime.unwrap(),
            echo: Arc::new(Echo {
                refused: Mutex::default(),
                let_go: waits.then(|| Mutex::new(waiting)),
                begun: Mutex::new(begins),
            }),
            let_go,
            begun,
        }
    }

    fn listen(&self, limits: Limits, tls: Option<Tls>) -> Running {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind(any, tls, limits).unwrap();
        let echo: Arc<dyn Answers> = Arc::clone(&self.echo) as _;
        listener.start(self.runtime.handle(), echo).unwrap()
    }

    fn refused(&self) -> Vec<(String, &'static str)> {
        self.echo.refused.lock().unwrap().clone()
    }
}

/// Sends `text` and reads until the other side is done.
fn ask(at: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    // One that closes while there is more to read resets the connection.
    let _ = stream.read_to_string(&mut answer);
    answer
}

fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn short() -> Limits {
    Limits {
        patience: Duration::from_millis(200),
        ..Limits::default()
    }
}

#[test]
fn a_request_is_answered_whole_and_no_header_is_smuggled_into_the_answer() {
    let world = World::new(false);
    let running = world.listen(Limits::default(), None);
    let answer = ask(running.address, &post("/github/acme?x=1", "12345"));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nPOST /github/acme 5"), "{answer}");
    assert!(!answer.contains("x-injected"), "{answer}");
    assert!(answer.contains("cache-control: no-store"), "{answer}");
}

#[test]
fn what_is_too_large_too_slow_or_too_much_is_refused() {
    let world = World::new(true);
    let limits = Limits {
        body: 10,
        answering: 1,
        ..short()
    };
    let running = world.listen(limits, None);
    let large = ask(running.address, &post("/a", "12345678901"));
    assert!(large.starts_with("HTTP/1.1 413 "), "{large}");
    let chunked = "POST /b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n";
    let chunked = ask(running.address, chunked);
    assert!(chunked.starts_with("HTTP/1.1 413 "), "{chunked}");
    let slow = ask(
        running.address,
        "POST /c HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n12",
    );
    assert!(slow.starts_with("HTTP/1.1 408 "), "{slow}");
    // A head that never ends: whoever sends it is hung up on.
    let head = ask(running.address, "POST /d HTTP/1.1\r\nhost: x\r\n");
    assert!(!head.contains(" 200 "), "{head}");
    assert_eq!(
        world.refused(),
        [("/a", "oversized"), ("/b", "oversized"), ("/c", "slow")]
            .map(|(path, what)| (path.to_owned(), what))
    );

    // One is being answered; the next is told to come again.
    let at = running.address;
    let mut first = TcpStream::connect(at).unwrap();
    first.write_all(post("/e", "1").as_bytes()).unwrap();
    world.begun.recv().unwrap();
    let busy = ask(at, &post("/f", "1"));
    assert!(busy.starts_with("HTTP/1.1 503 "), "{busy}");
    assert!(busy.contains("retry-after: 5"), "{busy}");
    world.let_go.send(()).unwrap();
    let mut answer = String::new();
    first.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn what_is_no_http_ends_no_listener() {
    let world = World::new(false);
    let running = world.listen(short(), None);
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(200_000));
    let many = format!(
        "GET / HTTP/1.1\r\n{}\r\n",
        (0..500).map(|n| format!("h{n}: x\r\n")).collect::<String>()
    );
    for text in [
        "",
        "\0\0\0",
        "GET\r\n\r\n",
        &long,
        &many,
        "POST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = ask(running.address, text);
        assert!(!answer.starts_with("HTTP/1.1 5"), "{answer}");
    }
    let answer = ask(running.address, &post("/still", ""));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn over_tls_the_certificate_of_the_file_is_shown_and_plain_text_is_not_answered() {
    let at = std::path::Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../engine/testdata/tls"
    ));
    let tls = Tls::read(&at.join("good.pem"), &at.join("server.key")).unwrap();
    assert!(Tls::read(&at.join("server.key"), &at.join("server.key")).is_err());
    assert!(Tls::read(&at.join("good.pem"), &at.join("good.pem")).is_err());
    let world = World::new(false);
    let running = world.listen(short(), Some(tls));

    let plain = ask(running.address, &post("/plain", ""));
    assert!(!plain.contains("200 OK"), "{plain}");

    let good = std::fs::read(at.join("good.pem")).unwrap();
    let shown = CertificateDer::from_pem_slice(&good).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    // Which certificate is shown is looked at below; whether it is trusted is no matter here.
    config
        .dangerous()
        .set_certificate_verifier(Arc::new(trusting::Anyone(provider)));
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(running.address).unwrap();
    let mut tls = rustls::Stream::new(&mut client, &mut stream);
    tls.write_all(post("/tls", "12").as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = tls.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.ends_with("POST /tls 2"), "{answer}");
    assert_eq!(client.peer_certificates().unwrap()[0], shown);
}

/// A verifier for a test that looks at the certificate itself.
mod trusting {
    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::CryptoProvider;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    pub(super) struct Anyone(pub(super) Arc<CryptoProvider>);

    impl ServerCertVerifier for Anyone {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.0.signature_verification_algorithms;
            rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
        }
        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.0.signature_verification_algorithms;
            rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
        }
        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}
