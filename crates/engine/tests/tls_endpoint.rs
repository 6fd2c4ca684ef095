//! A certificate on disk and the one that an endpoint serves.
#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::{Engine, KeyPaths, Machine, PassReport, Spec};
use model::{Kind, Tenant};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use store::{Filter, Location, Options, Page, PassOutcome, Store};

const CERTIFICATE: &[u8] = include_bytes!("../testdata/tls/good.pem");
const KEY: &[u8] = include_bytes!("../testdata/tls/server.key");

fn scan(engine: &Engine, named: &str) -> PassReport {
    let spec = Spec::parse(named, std::path::Path::exists).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let machine = Machine {
        host: "host".into(),
        ..Machine::default()
    };
    let mut scanned = engine.scan(&[spec], &machine, &stop, &mut |_| {}).unwrap();
    scanned.remove(0).report.unwrap()
}

#[test]
fn the_certificate_on_disk_is_the_one_a_real_endpoint_serves() {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(dir.path().join("roll.db"));
    let store = Store::open(&location, &Options::default()).unwrap();
    let paths = KeyPaths::for_store(&location, None, None).unwrap();
    let clock = Arc::new(engine::system_clock);
    let engine = Engine::open(store, Tenant::local(), &paths, "person:test", clock).unwrap();

    let files = dir.path().join("tls");
    std::fs::create_dir(&files).unwrap();
    std::fs::write(files.join("server.pem"), CERTIFICATE).unwrap();
    std::fs::write(files.join("server.key"), KEY).unwrap();

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = std::thread::spawn(move || {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()];
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_slice(KEY).unwrap())
            .unwrap();
        let mut server = ServerConnection::new(Arc::new(config)).unwrap();
        let _ = server.complete_io(&mut listener.accept().unwrap().0);
    });
    let pass = scan(&engine, &format!("tls://{address}"));
    served.join().unwrap();
    assert_eq!(pass.outcome, PassOutcome::Whole, "{:?}", pass.gaps);
    assert_eq!(pass.source.as_str(), format!("tls_endpoint:{address}"));
    scan(&engine, files.to_str().unwrap());

    let page = Page {
        limit: 100,
        ..Page::default()
    };
    let rows = engine
        .store
        .read(|reading| reading.roll(&engine.tenant, &Filter::default(), &page))
        .unwrap()
        .rows;
    let count = |kind: Kind| rows.iter().filter(|row| row.kind == kind).count();
    assert_eq!(count(Kind::Identity), 1, "the endpoint: {rows:?}");
    // The key and the certificate, which was seen twice.
    assert_eq!(count(Kind::Credential), 2, "{rows:?}");

    // Nobody listens there any more: a gap, and what was seen stays.
    let gone = scan(&engine, &format!("tls://{address}"));
    assert_eq!(gone.outcome, PassOutcome::Failed);
    assert_eq!(gone.gaps.len(), 1);
}
