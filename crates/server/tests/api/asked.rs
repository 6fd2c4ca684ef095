//! The interface over a roll with things on it: what is asked, decided and followed.

use crate::world::World;
use serde_json::{Value, json};

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_path_that_is_read_answers_and_every_line_has_the_shape_of_the_command_line() {
    let world = World::with_a_roll();
    let first = ids(&world.get("/v1/identities?filter=kind%3Dcredential"))[0].clone();
    for path in [
        "/v1/home",
        "/v1/gaps",
        "/v1/sources",
        "/v1/findings",
        "/v1/expiry",
        "/v1/expiry/days",
        "/v1/plans",
        "/v1/residual",
        "/v1/evidence",
        "/v1/identities/facets",
        &format!("/v1/identities/{first}"),
        &format!("/v1/identities/{first}/why"),
        &format!("/v1/identities/{first}/timeline"),
        &format!("/v1/identities/{first}/graph?depth=4&limit=2000"),
    ] {
        world.get(path);
    }
    let line = &world.get("/v1/identities?filter=kind%3Dcredential&limit=1")["items"][0];
    assert_eq!(line["expires_at"], Value::Null, "nobody can tell: {line}");
    assert_eq!(line["kind"], "credential");
    let timeline = world.get(&format!("/v1/identities/{first}/timeline"));
    assert_eq!(timeline[0]["what"], "seen", "{timeline}");
    let source = world.get("/v1/sources")["items"][0]["id"]
        .as_str()
        .unwrap()
        .replace('/', "%2F");
    assert_eq!(
        world.get(&format!("/v1/sources/{source}/runs"))["items"][0]["outcome"],
        "whole"
    );
}

#[test]
fn pages_that_follow_one_another_hold_each_line_once_though_lines_come_and_go() {
    let world = World::with_a_roll();
    for filter in ["kind%3Dcredential", "kind%3Dcredential%20name!%3Dnothing"] {
        let whole = ids(&world.get(&format!("/v1/identities?filter={filter}")));
        assert!(whole.len() > 3, "{whole:?}");
        let (mut got, mut after) = (Vec::new(), String::new());
        loop {
            let page = world.get(&format!("/v1/identities?filter={filter}&limit=1{after}"));
            got.extend(ids(&page));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(got, whole, "{filter}");
    }
    let first = world.get("/v1/identities?filter=kind%3Dcredential&limit=2");
    let next = first["next"].as_str().unwrap();
    world.adds("zz-late", 9);
    world.adds("aa-early", 8);
    let rest = world.get(&format!(
        "/v1/identities?filter=kind%3Dcredential&after={next}"
    ));
    let again = ids(&rest);
    assert!(
        ids(&first).iter().all(|one| !again.contains(one)),
        "no line comes twice"
    );
}

#[test]
fn what_cannot_be_understood_is_told_with_what_to_send_instead() {
    let world = World::with_a_roll();
    for (path, told) in [
        ("/v1/identities?limit=0", "1 to 1000"),
        ("/v1/identities?limit=1&limit=2", "duplicate"),
        ("/v1/identities?colour=red", "unknown field"),
        (
            "/v1/identities?sort=shoe",
            "`name`, `expires` or `last_used`",
        ),
        (
            "/v1/identities?filter=provder%3Daws",
            "did you mean `provider=aws`?",
        ),
        ("/v1/identities?after=zzz", "begin again without `after`"),
        ("/v1/identities?as_of=soon", "a day or an instant"),
        ("/v1/identities/facets?filter=env!%3Dprod", "plain terms"),
        ("/v1/findings?rule=nonsense", "a rule there is"),
        (
            "/v1/expiry/days?from=2026-01-01&to=2020-01-01",
            "the first before the last",
        ),
        ("/v1/identities/x/graph?depth=9", "1 to 4"),
    ] {
        let answer = world.ask(&format!("GET {path}"), "");
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(told), "{path}: {detail}");
    }
    for path in [
        "/v1/identities/nothing",
        "/v1/findings/x",
        "/v1/plans/x",
        "/v1/evidence/9999",
        "/v1/evidence/-1",
        "/v1/sources/x/runs",
    ] {
        assert_eq!(world.ask(&format!("GET {path}"), "").status, 404, "{path}");
    }
}

#[test]
fn a_decision_is_in_the_evidence_in_the_callers_name_before_its_answer() {
    let world = World::with_a_roll();
    let id = ids(&world.get("/v1/identities?filter=kind%3Dcredential&limit=1"))[0].clone();
    let put = world.send(
        "PUT",
        &format!("/v1/identities/{id}/owner"),
        &json!({"owner": "team-billing"}),
    );
    assert_eq!(put.status, 200, "{}", put.body);
    let leaf = world.get(&format!("/v1/evidence/{}", put.json()["evidence"]));
    assert_eq!(
        (&leaf["actor"], &leaf["subject"]),
        (&json!("person:ann"), &json!(id))
    );
    assert_eq!(
        world.get(&format!("/v1/identities/{id}"))["owner"],
        "team-billing"
    );

    let finding = world.get("/v1/findings?limit=1")["items"][0]["finding"]
        .as_str()
        .unwrap()
        .to_owned();
    let mute = json!({"until": "30d", "reason": "is replaced on Monday"});
    let muted = world.send("PUT", &format!("/v1/findings/{finding}/mute"), &mute);
    assert_eq!(muted.status, 200, "{}", muted.body);
    let shown = world.get(&format!("/v1/findings/{finding}"));
    assert!(
        shown["muted_until"].is_string(),
        "the judgement follows what was decided: {shown}"
    );
    assert_eq!(
        world
            .send(
                "DELETE",
                &format!("/v1/findings/{finding}/mute"),
                &Value::Null
            )
            .status,
        200
    );
    assert_eq!(
        world
            .send(
                "DELETE",
                &format!("/v1/findings/{finding}/mute"),
                &Value::Null
            )
            .status,
        404
    );
    let without = world.ask(&format!("DELETE /v1/identities/{id}/owner"), "");
    assert_eq!(
        without.status, 403,
        "a page of another site decides nothing"
    );
}

#[test]
fn what_was_true_at_a_moment_is_told_of_it_later() {
    let world = World::with_a_roll();
    let then = world.now();
    let before = ids(&world.get("/v1/identities?filter=kind%3Dcredential"));
    world.adds("late", 7);
    let now = ids(&world.get("/v1/identities?filter=kind%3Dcredential"));
    let past = ids(&world.get(&format!(
        "/v1/identities?filter=kind%3Dcredential&as_of={then}"
    )));
    assert_eq!((past, now.len()), (before.clone(), before.len() + 1));
    let one = world.get(&format!("/v1/identities/{}?as_of={then}", before[0]));
    let today = world.get(&format!("/v1/identities/{}", before[0]));
    assert_eq!(one["id"], json!(before[0]));
    let rules = |page: &Value| -> Vec<Value> {
        let findings = page["findings"].as_array().unwrap().iter();
        findings.map(|one| one["rule"].clone()).collect()
    };
    assert_eq!(
        rules(&one),
        rules(&today),
        "it was judged then as it is now"
    );
    assert!(!rules(&one).is_empty());
}

#[test]
fn a_stream_tells_what_happens_and_goes_on_where_a_reader_left_off() {
    let world = World::with_a_roll();
    world.begins();
    let mut stream = world.follows(None);
    world.adds("first", 5);
    let seen = stream.until("event: born");
    let id = stream
        .until("id: ")
        .trim_start_matches("id: ")
        .trim()
        .to_owned();
    assert!(seen.contains("event: born"));
    drop(stream);
    world.adds("second", 6);
    let mut again = world.follows(Some(&id));
    again.until("event: born");
    let mut stranger = world.follows(Some("nonsense"));
    stranger.until("event: again");
    world.ends();
    assert!(again.ends(), "a server that ends ends its streams");
}

#[test]
fn hostile_names_stay_text_in_what_is_answered() {
    let world = World::with_a_roll();
    world.adds("<script>alert(1)</script>\u{202e}", 4);
    let body = world.ask("GET /v1/identities?filter=kind%3Dcredential", "");
    assert!(
        body.head.contains("content-type: application/json"),
        "{}",
        body.head
    );
    assert!(body.head.contains("x-content-type-options: nosniff"));
    body.json();
}

#[test]
fn the_interface_is_the_one_that_is_written_down() {
    let world = World::for_the_user();
    let document = world.api.document(|routes| routes);
    let mut text = document.to_pretty_json().unwrap();
    text.push('\n');
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/openapi.json"
    );
    if std::env::var_os("KEYROLL_WRITE_MANUAL").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    assert!(
        written == text,
        "docs/reference/openapi.json is another: KEYROLL_WRITE_MANUAL=1 writes it"
    );
    let value: Value = serde_json::from_str(&text).unwrap();
    for (path, item) in value["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(operation["responses"]["503"].is_object(), "{method} {path}");
        }
    }
}
