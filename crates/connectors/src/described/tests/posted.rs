//! Lists that are read by a question that is posted, answers that are cut short, and fields that
//! have to be there.

use super::{SEE, described, page, pass};
use crate::described::{Described, describe};

const POST: &str = "post = { statement = \"SHOW KEYS\", timeout = 60 }\nitems = \"data\"\n";
const ASKED: &str = "POST  /orgs/acme/keys {\"statement\":\"SHOW KEYS\",\"timeout\":60}";

#[test]
fn what_is_posted_is_what_the_description_says_and_changes_nothing() {
    let description = described(&format!("{POST}{}", SEE.replace("{id}", "{0}")));
    let answer = page(&serde_json::json!({"data": [["7", "a"], ["8", null]]}));
    let (seen, gaps) = pass(&description, &serde_json::json!({ASKED: answer}));
    let natives: Vec<_> = seen.iter().map(|one| one.native.as_str()).collect();
    assert_eq!(natives, ["key/7", "key/8"]);
    assert!(gaps.is_empty(), "{gaps:?}");
    let page = Described::read(&description).unwrap().page();
    assert!(page.contains("`POST /orgs/{ORG}/keys`"), "{page}");
    assert!(
        page.contains("{\"statement\":\"SHOW KEYS\",\"timeout\":60}"),
        "{page}"
    );
}

#[test]
fn what_is_posted_stays_the_same_and_is_of_systems_that_come_along_alone() {
    for beside in ["page = { by = \"link\" }\n", "parameters = { a = \"b\" }\n"] {
        let told = Described::read(&described(&format!("{POST}{beside}{SEE}")));
        let told = told.unwrap_err().to_string();
        assert!(told.contains("neither `page` nor `parameters`"), "{told}");
    }
    let own = described(&format!("{POST}{SEE}"));
    assert!(Described::read(&own).is_ok());
    let told = describe(&own).unwrap_err().to_string();
    assert!(
        told.contains("only systems that come with Keyroll may post"),
        "{told}"
    );
}

#[test]
fn an_answer_that_was_cut_short_is_a_gap_after_what_it_holds() {
    let description = described(&format!("items = \"data\"\ncut_if = \"parts.1\"\n{SEE}"));
    let told = |parts: &[u64]| {
        let body = serde_json::json!({"data": [{"id": 1}], "parts": parts});
        let (seen, gaps) = pass(
            &description,
            &serde_json::json!({"GET /orgs/acme/keys": page(&body)}),
        );
        (seen.len(), gaps)
    };
    assert_eq!(told(&[1]), (1, Vec::new()));
    let (seen, gaps) = told(&[1, 2]);
    assert_eq!(seen, 1);
    assert!(gaps[0].contains("holds but the first of them"), "{gaps:?}");
}

#[test]
fn an_item_is_meant_where_a_field_is_there_whatever_it_says() {
    let more = format!("only = {{ at = \"secret\" }}\n{SEE}");
    let items = serde_json::json!([
        {"id": 1, "secret": "x"}, {"id": 2, "secret": ""}, {"id": 3, "secret": null}, {"id": 4},
        {"id": 5, "secret": false},
    ]);
    let recording = serde_json::json!({"GET /orgs/acme/keys": page(&items)});
    let (seen, gaps) = pass(&described(&more), &recording);
    let natives: Vec<_> = seen.iter().map(|one| one.native.as_str()).collect();
    assert_eq!((natives, gaps.len()), (vec!["key/1", "key/5"], 0));
}

#[test]
fn a_fingerprint_of_a_public_key_is_the_key_that_its_private_half_has() {
    let keys = "keys = [{ kind = \"spki_sha256\", value = \"{print}\", as = \"fingerprint\" }]\n";
    let print = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let items = serde_json::json!([{"id": 1, "print": print}, {"id": 2, "print": "SHA256:AAAA"}]);
    let recording = serde_json::json!({"GET /orgs/acme/keys": page(&items)});
    let (seen, _) = pass(&described(&format!("{SEE}{keys}")), &recording);
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let told: Vec<_> = seen
        .iter()
        .flat_map(|one| &one.keys)
        .map(|key| key.value.as_str())
        .collect();
    assert_eq!(told, [empty]);
}
