//! Kubernetes: clusters and exports made to hurt, and those that others recorded.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a test that fails"
)]
#![expect(clippy::disallowed_methods, reason = "recordings are files")]

use std::collections::{BTreeMap, BTreeSet};

use connectors::{
    Answer, Context, Event, Fingerprints, Port, Question, Recording, Refusal, Response, connector,
};
use model::{Attribute, Fingerprint, Gap, Kind, Observation, Reason, Secret};
use serde_json::{Value, json};

struct NoKey;

impl Fingerprints for NoKey {
    fn fingerprint(&self, secret: &Secret) -> Fingerprint {
        Fingerprint {
            key: "0".repeat(16),
            mac: format!("{:064x}", secret.len()),
        }
    }

    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

fn pass(name: &str, port: &mut dyn Port) -> (Vec<Observation>, Vec<Gap>) {
    let options = BTreeMap::from([("dirs".to_owned(), "/exports".to_owned())]);
    let (mut seen, mut gaps) = (Vec::new(), Vec::new());
    let mut sink = |event| match event {
        Event::Seen(one) => seen.push(one),
        Event::Gap(gap) => gaps.push(gap),
        Event::SetAside { .. } => {}
    };
    let now = "2026-11-02T09:00:00Z".parse().unwrap();
    let mut cx = Context::new(port, &NoKey, "dev", &options, now, &mut sink);
    connector(name).unwrap().discover(&mut cx).unwrap();
    (seen, gaps)
}

/// What an export of one file tells.
fn export(text: &str) -> (Vec<Observation>, Vec<Gap>) {
    let recording = json!({
        "LIST /exports": [{"name": "list.json", "kind": "file", "size": text.len()}],
        "READ /exports/list.json": {"text": text},
    });
    let mut port = Recording::parse(&recording.to_string()).unwrap();
    pass("kubernetes_exports", &mut port)
}

/// Gaps that are of what is in the files, not of what no file holds.
fn broken(gaps: &[Gap]) -> Vec<&Gap> {
    gaps.iter()
        .filter(|gap| gap.reason == Reason::Failed)
        .collect()
}

fn account(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "shop"}})
}

#[test]
fn both_ways_tell_the_same_of_one_cluster() {
    let read = |name: &str| {
        let path = format!(
            "{}/testdata/{name}/answers.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let mut port = Recording::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
        let (mut seen, gaps) = pass(name, &mut port);
        assert!(gaps.is_empty(), "{gaps:?}");
        // A certificate in a secret is told where it was given: an export holds it.
        seen.retain(|one| !one.native.starts_with("tls/"));
        seen.sort_by(|a, b| (a.kind, &a.native).cmp(&(b.kind, &b.native)));
        seen
    };
    let (live, exported) = (read("kubernetes"), read("kubernetes_exports"));
    assert!(live.len() > 40);
    assert_eq!(live, exported);
}

#[test]
fn names_and_annotations_made_to_hurt_are_text_or_a_gap() {
    let long = "x".repeat(1 << 20);
    let mut odd = account("a\nb\u{1b}[2J'\"; DROP");
    odd["metadata"]["annotations"] = json!({"iam.gke.io/gcp-service-account": long, "note": long});
    let list = json!({"kind": "List", "apiVersion": "v1", "items": [odd, account(&long), account("plain")]});
    let (seen, gaps) = export(&list.to_string());
    let accounts: Vec<_> = seen
        .iter()
        .filter(|one| one.kind == Kind::Identity)
        .collect();
    assert_eq!(accounts.len(), 2, "{accounts:?}");
    for one in &accounts {
        assert!(
            one.to_bytes().len() < 4_000 && one.native.len() <= 1024,
            "{}",
            one.native
        );
    }
    assert!(broken(&gaps)[0].told.contains("1 things"), "{gaps:?}");
}

#[test]
fn what_has_the_wrong_type_is_a_gap_and_its_neighbours_are_read() {
    for odd in [
        json!(7),
        json!(null),
        json!("text"),
        json!([]),
        json!({"kind": 3}),
        json!({"kind": "Pod", "apiVersion": "v1", "metadata": 3, "spec": []}),
    ] {
        let list = json!({"kind": "List", "apiVersion": "v1", "items": [odd, account("plain")]});
        let (seen, gaps) = export(&list.to_string());
        assert!(seen.iter().any(|one| one.kind == Kind::Identity), "{odd}");
        assert!(!broken(&gaps).is_empty(), "{odd}: {gaps:?}");
    }
    for list in [
        r#"{"kind":"PodList","apiVersion":"v1","items":{"a":1}}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":"none"}"#,
        r#"{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"#,
    ] {
        let (seen, gaps) = export(list);
        assert!(
            seen.is_empty() && !broken(&gaps).is_empty(),
            "{list}: {gaps:?}"
        );
    }
}

#[test]
fn yaml_is_read_item_by_item_and_what_is_broken_says_where() {
    let text = "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: ServiceAccount\n  metadata:\n    name: one\n    namespace: shop\n- apiVersion: v1\n  kind: ServiceAccount\n  metadata:\n    name: two\n    namespace: shop\nkind: List\nmetadata:\n  resourceVersion: \"\"\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: three}\n";
    let (seen, _) = export(text);
    let names: BTreeSet<_> = seen
        .iter()
        .filter_map(|one| one.fact(&Attribute::NAME).is()?.text())
        .collect();
    assert_eq!(names, BTreeSet::from(["one", "three", "two"]));
    let (_, gaps) = export(&text.replace("name: two", "name: [two"));
    assert!(broken(&gaps)[0].told.contains("near line 1"), "{gaps:?}");
}

#[test]
fn no_value_of_a_secret_is_in_what_is_told() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": "hidden-name-is-no-secret", "namespace": "shop", "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"a\":\"c2VjcmV0LTE=\"}}"}},
        "data": {"a": "c2VjcmV0LTE=", "tls.crt": "c2VjcmV0LTI=", "tls.key": "c2VjcmV0LTM="},
        "stringData": {"b": "secret-4"}});
    let yaml = serde_json::to_string_pretty(&secret).unwrap();
    for text in [secret.to_string(), yaml] {
        let (seen, gaps) = export(&text);
        assert!(!seen.is_empty());
        let told = format!("{}{gaps:?}", serde_json::to_string(&seen).unwrap());
        for value in ["c2VjcmV0", "secret-1", "secret-2", "secret-3", "secret-4"] {
            assert!(!told.contains(value), "{told}");
        }
    }
}

/// A cluster of which one list is given, page by page; all others are empty.
struct Pages {
    pages: Vec<(u16, Value)>,
    asked: Vec<BTreeMap<String, String>>,
}

impl Port for Pages {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let Question::Http(request) = question else {
            panic!("{question:?}");
        };
        let path = request.segments.join("/");
        let (status, body) = match path.as_str() {
            "api/v1/serviceaccounts" => {
                self.asked.push(request.parameters.clone());
                match self.pages.is_empty() {
                    true => (500, json!({})),
                    false => self.pages.remove(0),
                }
            }
            _ if path.contains("configmaps") => (404, json!({})),
            _ => (
                200,
                json!({"kind": "ThingList", "apiVersion": "v1", "metadata": {}, "items": []}),
            ),
        };
        if status == 0 {
            return Err(Refusal::new(Reason::Unsupported, "too large").code("too_large"));
        }
        Ok(Answer::Http(Response {
            status,
            request_id: String::new(),
            body: body.to_string(),
            next: BTreeMap::new(),
            whole: false,
        }))
    }
}

fn page(name: &str, next: &str) -> (u16, Value) {
    let items = json!([{"metadata": {"name": name, "namespace": "shop"}}]);
    (
        200,
        json!({"kind": "ServiceAccountList", "apiVersion": "v1", "metadata": {"continue": next}, "items": items}),
    )
}

fn paged(pages: Vec<(u16, Value)>) -> (BTreeSet<String>, Vec<Gap>, Vec<BTreeMap<String, String>>) {
    let mut port = Pages {
        pages,
        asked: Vec::new(),
    };
    let (seen, gaps) = pass("kubernetes", &mut port);
    let names = seen.iter().filter(|one| one.kind == Kind::Identity);
    let names = names.filter_map(|one| Some(one.fact(&Attribute::NAME).is()?.text()?.to_owned()));
    (names.collect(), gaps, port.asked)
}

#[test]
fn a_list_whose_place_was_forgotten_is_begun_anew() {
    let expired = || {
        (
            410,
            json!({"kind": "Status", "reason": "Expired", "code": 410}),
        )
    };
    let (names, gaps, asked) = paged(vec![
        page("one", "x"),
        expired(),
        page("one", "y"),
        page("two", ""),
    ]);
    assert_eq!(names, ["one".to_owned(), "two".to_owned()].into());
    assert!(gaps.is_empty(), "{gaps:?}");
    assert!(!asked[2].contains_key("continue"), "{asked:?}");
    // Not for ever.
    let (_, gaps, asked) = paged(vec![
        page("one", "x"),
        expired(),
        page("one", "x"),
        expired(),
        page("one", "x"),
        expired(),
    ]);
    assert_eq!((gaps.len(), asked.len()), (1, 6), "{gaps:?}");
}

#[test]
fn what_breaks_off_half_way_counts_and_hides_the_rest() {
    let (names, gaps, _) = paged(vec![page("one", "x"), (500, json!({}))]);
    assert_eq!(names, ["one".to_owned()].into());
    assert_eq!(gaps[0].scope.0, ["serviceaccounts"]);
    let (_, gaps, asked) = paged(vec![page("one", "x"), page("two", "x"), page("three", "x")]);
    assert!(
        gaps[0].told.contains("repeats itself") && asked.len() == 2,
        "{gaps:?}"
    );
}

#[test]
fn a_page_that_is_too_large_is_asked_for_in_parts() {
    let (names, gaps, asked) = paged(vec![(0, json!({})), page("one", "")]);
    assert_eq!(names.len(), 1, "{gaps:?}");
    assert_eq!(
        (asked[0]["limit"].as_str(), asked[1]["limit"].as_str()),
        ("500", "125")
    );
}

#[test]
fn what_may_not_be_listed_makes_nothing_absent() {
    let (seen, gaps, _) = paged(vec![(403, json!({"kind": "Status", "message": "no"}))]);
    assert!(seen.is_empty());
    assert_eq!(gaps[0].needs.as_deref(), Some("list serviceaccounts"));
}

#[test]
fn everything_in_the_recorded_shapes_is_on_the_roll() {
    let Some(dir) = testkit::truth("cartography/kubernetes") else {
        return;
    };
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(dir.join(name)).unwrap()).unwrap()
    };
    // Their secrets are told by name and type, as metadata alone would be.
    let secrets = read("secrets.json");
    let mut wanted = BTreeSet::new();
    let mut items = Vec::new();
    for one in secrets["KUBERNETES_SECRETS_DATA"].as_array().unwrap() {
        wanted.insert(one["name"].as_str().unwrap().to_owned());
        items.push(
            json!({"apiVersion": "v1", "kind": "Secret", "type": one["type"],
            "metadata": {"name": one["name"], "namespace": one["namespace"], "uid": one["uid"]}}),
        );
    }
    let eks = read("eks.json");
    let map = &eks["AWS_AUTH_CONFIGMAP_DATA"];
    for list in ["mapRoles", "mapUsers"] {
        for line in map[list].as_str().unwrap().lines() {
            if let Some((_, arn)) = line.split_once("arn: ") {
                wanted.insert(arn.rsplit('/').next().unwrap().to_owned());
            }
        }
    }
    items.push(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth", "namespace": "kube-system"}, "data": map}));
    let (seen, _) =
        export(&json!({"kind": "List", "apiVersion": "v1", "items": items}).to_string());
    let told: BTreeSet<String> = seen
        .iter()
        .filter_map(|one| Some(one.fact(&Attribute::NAME).is()?.text()?.to_owned()))
        .collect();
    let missing: Vec<_> = wanted.difference(&told).collect();
    println!(
        "cartography: {} of {} on the roll",
        wanted.len() - missing.len(),
        wanted.len()
    );
    assert!(!wanted.is_empty() && missing.is_empty(), "{missing:?}");
}
