//! Databases that the real SQLite wrote, whole, cut and broken.

use base64::Engine as _;

use super::*;

/// The database of the recording called `name`.
fn recorded(name: &str) -> Vec<u8> {
    let text = include_str!("../../testdata/files/gcloud_store/answers.json");
    let all: serde_json::Value = serde_json::from_str(text).unwrap();
    let file = &all[format!("READ /home/ann/.config/gcloud/{name}")];
    base64::engine::general_purpose::STANDARD
        .decode(file["base64"].as_str().unwrap())
        .unwrap()
}

fn accounts(bytes: &[u8]) -> Option<(Vec<String>, bool)> {
    let rows = Database::open(bytes)?.table("credentials")?;
    let names = rows.texts(["account_id"]);
    let names = names.filter_map(|[name]| name.map(str::to_owned));
    Some((names.collect(), rows.whole))
}

#[test]
fn rows_over_many_pages_and_longer_than_a_page_are_read() {
    let bytes = recorded("credentials.db");
    let (names, whole) = accounts(&bytes).unwrap();
    assert!(whole);
    assert_eq!(names.len(), 14);
    let rows = Database::open(&bytes)
        .unwrap()
        .table("Credentials")
        .unwrap();
    let is_whole = |[value, other]: [Option<&str>; 2]| {
        let value: Option<serde_json::Value> = serde_json::from_str(value?).ok();
        (value?["type"] == "authorized_user" && other.is_none()).then_some(())
    };
    let whole = rows.texts(["value", "no_such_column"]).filter_map(is_whole);
    assert_eq!(whole.count(), 12);
}

#[test]
fn a_column_that_was_added_later_is_empty_in_older_rows() {
    let bytes = recorded("access_tokens.db");
    let rows = Database::open(&bytes).unwrap().table("access_tokens");
    let rows = rows.unwrap();
    let mut told = rows.texts(["id_token", "token_expiry"]);
    assert_eq!(
        told.next(),
        Some([None, Some("2026-03-01 12:00:00.123456")])
    );
    assert!(
        Database::open(&bytes)
            .unwrap()
            .table("credentials")
            .is_none()
    );
}

#[test]
fn what_is_cut_off_is_never_called_whole() {
    let bytes = recorded("credentials.db");
    for length in (0..bytes.len()).step_by(97) {
        let told = accounts(&bytes[..length]);
        assert!(told.is_none_or(|(_, whole)| !whole), "{length}");
    }
}

#[test]
fn pages_that_lead_to_one_another_end() {
    let bytes = recorded("credentials.db");
    for page in (512..bytes.len()).step_by(512) {
        if bytes[page] != 0x05 {
            continue;
        }
        let mut hostile = bytes.clone();
        let own = u32::try_from(page / 512 + 1).unwrap();
        hostile[page + 8..page + 12].copy_from_slice(&own.to_be_bytes());
        let (_, whole) = accounts(&hostile).unwrap();
        assert!(!whole, "{page}");
    }
    // A row that goes on in a page that goes on in itself.
    for at in (512..bytes.len()).step_by(512) {
        let mut hostile = bytes.clone();
        let own = u32::try_from(at / 512 + 1).unwrap();
        hostile[at..at + 4].copy_from_slice(&own.to_be_bytes());
        let _ = accounts(&hostile);
    }
}

#[test]
fn cells_upon_one_another_do_not_flood() {
    let mut bytes = recorded("credentials.db");
    for page in (512..bytes.len()).step_by(512) {
        if bytes[page] == 0x0d {
            bytes[page + 3..page + 5].copy_from_slice(&[0xff, 0xff]);
        }
    }
    let told = accounts(&bytes);
    assert!(told.is_none_or(|(names, whole)| !whole && names.len() <= ROWS_MAX));
}

#[test]
fn what_is_no_database_is_none() {
    for bytes in [&b""[..], b"SQLite format 3\0", b"{}"] {
        assert!(Database::open(bytes).is_none());
    }
    let mut wide = recorded("credentials.db");
    wide[59] = 2;
    assert!(Database::open(&wide).is_none(), "it is in UTF-16");
}
