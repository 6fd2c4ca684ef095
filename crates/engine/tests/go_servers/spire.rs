//! A real SPIRE server with an agent that joined by a token, and entries made by its own program.

use std::collections::BTreeMap;
use std::time::Duration;

use connectors::spire::{Call, Page};
use connectors::{Answer, Port, Question};
use engine::{SpireLimits, SpirePort, SpireServer};
use model::{Attribute, Key, KeyKind, Kind, Reason, Relation, Told};

use crate::{Pass, RUNTIME, exported, pass, printed, running};

fn port(server: SpireServer, page: usize) -> SpirePort {
    let limits = SpireLimits {
        page,
        ..SpireLimits::default()
    };
    SpirePort::new(RUNTIME.handle().clone(), server, limits, running())
}

fn live(server: SpireServer, page: usize) -> Pass {
    let mut port = port(server, page);
    pass("spire", &mut port, "unknown", &BTreeMap::new())
}

/// `spire-server` with `arguments`, asked for JSON.
fn server(spire: &testkit::Spire, arguments: &[&str]) -> String {
    let program = format!("{}/spire-server", spire.programs);
    let rest = ["-socketPath", &spire.socket, "-output", "json"];
    printed(&program, &[arguments, &rest].concat())
}

/// Makes an entry, and gives its id.
fn entry(spire: &testkit::Spire, arguments: &[&str]) -> String {
    let begin = ["entry", "create", "-parentID", "spiffe://keyroll.test/node"];
    let told = server(spire, &[&begin, arguments].concat());
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let id = told.pointer("/results/0/entry/id").unwrap();
    id.as_str().unwrap().to_owned()
}

/// All that is told here of what one test made: others work on the same server.
fn told_of(pass: &Pass, topic: &str) -> Vec<String> {
    let all = pass.sorted().into_iter();
    all.filter(|one| one.contains(topic)).collect()
}

/// Three entries of one topic, and what names them.
fn made(spire: &testkit::Spire) -> (String, [String; 3]) {
    let topic = testkit::fresh_name("shop").replace('_', "-");
    let id = |name: &str| format!("spiffe://keyroll.test/{topic}/{name}");
    let first = entry(
        spire,
        &[
            "-spiffeID",
            &id("app"),
            "-selector",
            "k8s:ns:shop",
            "-selector",
            "k8s:sa:app",
            "-x509SVIDTTL",
            "3600",
            "-jwtSVIDTTL",
            "300",
            "-dns",
            "app.shop.test",
            "-hint",
            "first",
        ],
    );
    let second = entry(
        spire,
        &[
            "-spiffeID",
            &id("app"),
            "-selector",
            "unix:uid:1000",
            "-storeSVID",
            "-entryExpiry",
            "4102444800",
        ],
    );
    let third = entry(
        spire,
        &[
            "-spiffeID",
            &id("below"),
            "-selector",
            "unix:uid:0",
            "-downstream",
        ],
    );
    (topic, [first, second, third])
}

#[test]
fn what_a_real_spire_tells_over_its_socket_is_what_its_program_printed() {
    let Some(spire) = testkit::spire() else {
        return;
    };
    let (topic, _) = made(&spire);
    let dir = tempfile::tempdir().unwrap();
    // Pages of two: a list of any length is read to its end.
    let live = live(SpireServer::Socket(spire.socket.clone()), 2);
    for (name, arguments) in [
        ("bundle", &["bundle", "show"][..]),
        ("entries", &["entry", "show"]),
        ("agents", &["agent", "list"]),
        ("federation", &["federation", "list"]),
        ("x509", &["localauthority", "x509", "show"]),
        ("jwt", &["localauthority", "jwt", "show"]),
    ] {
        std::fs::write(dir.path().join(name), server(&spire, arguments)).unwrap();
    }
    let offline = exported("spire_exports", dir.path());
    assert!(
        live.gaps.is_empty() && offline.gaps.is_empty(),
        "{live:?} {offline:?}"
    );
    assert_eq!(
        (live.named.as_str(), offline.named.as_str()),
        ("keyroll.test", "keyroll.test")
    );
    assert_eq!(live.aside, offline.aside);
    assert!(live.aside["trust anchor"] >= 1);
    let ours = told_of(&live, &topic);
    assert_eq!(ours.len(), 5, "{ours:#?}");
    assert_eq!(ours, told_of(&offline, &topic));
    for part in [
        "trust-domain/",
        "x509-authority/",
        "jwt-authority/",
        "spiffe://keyroll.test/spire/",
    ] {
        assert_eq!(live.find(part), offline.find(part));
    }
}

#[test]
fn an_entry_of_a_real_spire_tells_who_is_given_what_by_which_agent() {
    let Some(spire) = testkit::spire() else {
        return;
    };
    let (topic, [first, second, third]) = made(&spire);
    let live = live(SpireServer::Socket(spire.socket.clone()), 200);
    let uri = format!("spiffe://keyroll.test/{topic}/app");
    let app = live.find(&uri);
    assert_eq!(app.kind, Kind::Identity);
    assert!(
        app.keys
            .contains(&Key::new(KeyKind::SpiffeId, uri.as_str()))
    );
    assert_eq!(app.hints["jwt_subject"], "system:serviceaccount:shop:app");
    assert_eq!(
        app.fact(&Attribute::EXPIRES_AT),
        Told::Absent,
        "one of its entries has no end"
    );
    let fact = |id: &str, name: &str| {
        let told = live
            .find(&format!("entry/{id}"))
            .fact(&Attribute::named(name))
            .map(|one| one.to_string());
        told.is().cloned()
    };
    assert_eq!(
        fact(&first, "selectors").unwrap(),
        "k8s:ns:shop, k8s:sa:app"
    );
    assert_eq!(fact(&first, "x509_svid_seconds").unwrap(), "3600");
    assert_eq!(fact(&first, "jwt_svid_seconds").unwrap(), "300");
    assert_eq!(fact(&first, "dns_names").unwrap(), "app.shop.test");
    assert_eq!(
        fact(&first, "parent").unwrap(),
        "spiffe://keyroll.test/node"
    );
    assert_eq!(fact(&second, "expires_at").unwrap(), "2100-01-01T00:00:00Z");
    assert_eq!(fact(&second, "store_svid").unwrap(), "yes");
    assert_eq!(
        fact(&second, "x509_svid_seconds"),
        None,
        "the server's default"
    );
    assert_eq!(fact(&third, "privilege").unwrap(), "downstream");
    assert!(fact(&third, "created_at").is_some());
    // The agent that joined is there, with the certificate it has now; its token is spent.
    let agent = live.find("spiffe://keyroll.test/spire/agent/join_token/");
    assert_eq!(
        agent
            .fact(&Attribute::named("attested_by"))
            .is()
            .unwrap()
            .text(),
        Some("join_token")
    );
    let svid = live.find("svid/");
    assert!(svid.fact(&Attribute::EXPIRES_AT).is().is_some());
    assert!(
        svid.links
            .iter()
            .any(|link| link.relation == Relation::Holder)
    );
    let node = live.find("spiffe://keyroll.test/node");
    assert_eq!(
        node.fact(&Attribute::TYPE).is().unwrap().text(),
        Some("spiffe_node")
    );
}

#[test]
fn a_token_with_which_a_node_may_still_join_a_real_spire_is_not_told() {
    let Some(spire) = testkit::spire() else {
        return;
    };
    let topic = testkit::fresh_name("late").replace('_', "-");
    let id = format!("spiffe://keyroll.test/{topic}");
    let told = server(&spire, &["token", "generate", "-spiffeID", &id]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let token = told["value"].as_str().unwrap();
    let live = live(SpireServer::Socket(spire.socket.clone()), 200);
    let all = format!("{live:?}");
    assert!(
        all.contains(&id) && all.contains("join_token/fingerprint-"),
        "{all}"
    );
    assert!(!all.contains(token));
}

#[test]
fn an_administrator_reads_a_real_spire_over_the_network_and_nobody_else_does() {
    let Some(spire) = testkit::spire() else {
        return;
    };
    let (topic, _) = made(&spire);
    let named = format!("{}?svid={}", spire.address, spire.svid);
    let read = live(SpireServer::parse(&named).unwrap(), 200);
    // The certificates of its own authorities are the server's own business.
    let denied: Vec<_> = read
        .gaps
        .iter()
        .map(|gap| (gap.scope.clone(), gap.reason))
        .collect();
    assert!(denied.is_empty(), "{:?}", read.gaps);
    assert_eq!(told_of(&read, &topic).len(), 5);
    let over_socket = live(SpireServer::Socket(spire.socket.clone()), 200);
    assert_eq!(told_of(&read, &topic), told_of(&over_socket, &topic));
    // Somebody whose entry does not say `admin`.
    let dir = tempfile::tempdir().unwrap();
    let program = format!("{}/spire-server", spire.programs);
    let write = dir.path().to_str().unwrap();
    let id = format!("spiffe://keyroll.test/{topic}/stranger");
    printed(
        &program,
        &[
            "x509",
            "mint",
            "-socketPath",
            &spire.socket,
            "-spiffeID",
            &id,
            "-write",
            write,
        ],
    );
    let named = format!("{}?svid={write}", spire.address);
    let refused = live(SpireServer::parse(&named).unwrap(), 200);
    let entries = refused
        .gaps
        .iter()
        .find(|gap| gap.scope.to_string() == "entries")
        .unwrap();
    assert_eq!(entries.reason, Reason::Denied, "{entries:?}");
    let needs = format!("{:?}", entries.needs);
    assert!(needs.contains("an SVID whose entry says admin"), "{needs}");
    assert!(told_of(&refused, &topic).is_empty());
}

#[test]
fn a_foreign_trust_domain_of_a_real_spire_is_a_grant_to_it() {
    let Some(spire) = testkit::spire() else {
        return;
    };
    let domain = format!("{}.test", testkit::fresh_name("partner").replace('_', "-"));
    server(
        &spire,
        &[
            "federation",
            "create",
            "-bundleEndpointProfile",
            "https_web",
            "-trustDomain",
            &domain,
            "-bundleEndpointURL",
            "https://127.0.0.1:1/bundle",
        ],
    );
    let live = live(SpireServer::Socket(spire.socket.clone()), 1);
    let grant = live.find(&format!("federation/{domain}"));
    assert_eq!(grant.kind, Kind::Grant);
    assert_eq!(
        grant
            .fact(&Attribute::named("endpoint_profile"))
            .is()
            .unwrap()
            .text(),
        Some("https_web")
    );
    assert_eq!(
        grant.fact(&Attribute::ENDPOINT).is().unwrap().text(),
        Some("https://127.0.0.1:1/bundle")
    );
    let foreign = live.find(&format!("foreign/{domain}"));
    assert!(
        foreign
            .keys
            .contains(&Key::new(KeyKind::SpiffeId, format!("spiffe://{domain}")))
    );
    server(&spire, &["federation", "delete", "-id", &domain]);
}

#[test]
fn a_place_in_a_list_that_a_real_spire_does_not_know_is_refused_by_its_code() {
    let Some(spire) = testkit::spire() else {
        return;
    };
    let mut port = port(SpireServer::Socket(spire.socket.clone()), 2);
    let mut ask = |call, after: &str| {
        let after = after.to_owned();
        port.ask(&Question::Spire { call, after })
    };
    let refused = ask(Call::ListEntries, "no-such-place").unwrap_err();
    assert_eq!(refused.code, "INTERNAL", "{refused:?}");
    assert!(refused.told.contains("no-such-place"), "{refused:?}");
    // The connection outlives a refusal.
    let Answer::Spire(page) = ask(Call::GetBundle, "").unwrap() else {
        panic!("another answer")
    };
    assert_ne!(*page, Page::default());
    let nobody = SpireServer::Socket(format!("{}.not-there", spire.socket));
    let limits = SpireLimits {
        connect: Duration::from_secs(1),
        ..SpireLimits::default()
    };
    let mut port = SpirePort::new(RUNTIME.handle().clone(), nobody, limits, running());
    let after = String::new();
    let refused = port
        .ask(&Question::Spire {
            call: Call::GetBundle,
            after,
        })
        .unwrap_err();
    assert_eq!(refused.code, "connect", "{refused:?}");
}
