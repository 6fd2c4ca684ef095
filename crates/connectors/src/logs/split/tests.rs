//! Streams whole, broken, and in pieces of any size.

use proptest::prelude::*;

use super::*;

fn cut(stream: &[u8], piece: usize) -> Vec<(u64, Result<String, &'static str>)> {
    let mut records = Records::new();
    let mut out = Vec::new();
    let pieces: Vec<_> = stream.chunks(piece.max(1)).collect();
    for (n, piece) in pieces.iter().enumerate() {
        records.push(piece, n + 1 == pieces.len(), &mut |line, cut| {
            out.push((
                line,
                cut.map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
            ));
        });
    }
    out
}

fn texts(stream: &str) -> Vec<String> {
    let whole = cut(stream.as_bytes(), usize::MAX);
    for piece in [1, 2, 3, 7] {
        assert_eq!(cut(stream.as_bytes(), piece), whole, "in pieces of {piece}");
    }
    whole
        .into_iter()
        .map(|(line, cut)| match cut {
            Ok(text) => format!("{line} {text}"),
            Err(why) => format!("{line} ! {why}"),
        })
        .collect()
}

#[test]
fn a_page_a_list_lines_and_objects_over_many_lines_are_cut_alike() {
    let told = ["1 {\"a\":1}", "1 {\"b\":[{}]}"];
    assert_eq!(texts(r#"{"Records":[{"a":1},{"b":[{}]}]}"#), told);
    assert_eq!(texts(r#"[{"a":1},{"b":[{}]}]"#), told);
    assert_eq!(
        texts(r#"{"kind":"EventList","items" : [{"a":1},{"b":[{}]}],"x":[1,"]}"]}"#),
        told
    );
    assert_eq!(
        texts(r#"[{"value":[{"a":1}]},{"value":[{"b":[{}]}]}]"#),
        told
    );
    assert_eq!(
        texts("{\"a\":1}\n{\"b\":[{}]}\n"),
        ["1 {\"a\":1}", "2 {\"b\":[{}]}"]
    );
    assert_eq!(
        texts("{\n \"a\": 1\n}\n{\n \"b\": \"}\"\n}"),
        ["1 {\n \"a\": 1\n}", "4 {\n \"b\": \"}\"\n}"]
    );
}

#[test]
fn a_member_that_is_called_like_a_page_and_holds_no_objects_is_one_of_a_record() {
    assert_eq!(
        texts(r#"{"data":[1,2],"value":"x"}"#),
        [r#"1 {"data":[1,2],"value":"x"}"#]
    );
    assert_eq!(texts(r#"{"value":[]}"#), Vec::<String>::new());
}

#[test]
fn a_broken_record_costs_its_line_and_no_other() {
    assert_eq!(
        texts("{\"a\":1}\n{\"b\":\"cut\n{\"c\":3}\n"),
        [
            "1 {\"a\":1}",
            "2 ! a line ends in the middle of a text",
            "3 {\"c\":3}"
        ]
    );
    assert_eq!(
        texts("{\"a\":{\n{\"c\":3}\nnoise\n{\"d\":4}"),
        [
            "1 ! a line ends in the middle of a record",
            "2 {\"c\":3}",
            "3 ! expected an object of JSON",
            "4 {\"d\":4}"
        ]
    );
    assert_eq!(
        texts("{\"a\":1}\n{\"b\":"),
        ["1 {\"a\":1}", "2 ! it ends in the middle of a record"]
    );
    assert_eq!(
        texts("{\"Records\":[{\"a\":1},"),
        ["1 {\"a\":1}", "1 ! it ends in the middle of a list"]
    );
}

#[test]
fn a_row_of_csv_may_hold_line_breaks_in_quotes() {
    assert_eq!(
        texts("2026,\"a\nb\",x\n2027,\"\"\"q\"\"\",y\r\n"),
        ["1 2026,\"a\nb\",x", "3 2027,\"\"\"q\"\"\",y"]
    );
    assert_eq!(texts("2026,\"open"), ["1 ! it ends in the middle of a row"]);
}

#[test]
fn what_is_too_long_is_passed_over_and_not_kept() {
    let long = "x".repeat(RECORD_MAX);
    for stream in [
        format!("{{\"a\":\"{long}\"}}\n{{\"b\":2}}\n"),
        format!("r,\"{long}\"\ns,t\n"),
    ] {
        let mut records = Records::new();
        let (mut cuts, mut held) = (Vec::new(), 0);
        for piece in stream.as_bytes().chunks(1 << 20) {
            records.push(piece, false, &mut |line, cut| {
                cuts.push((line, cut.is_ok()))
            });
            held = held.max(match &records {
                Records::Json(one) => one.held(),
                Records::Lines(one) => one.held(),
                Records::Blank(_) => 0,
            });
        }
        assert_eq!(cuts, [(1, false), (2, true)]);
        assert!(held <= RECORD_MAX + (2 << 20), "{held}");
    }
}

proptest! {
    #[test]
    fn how_a_stream_comes_in_pieces_changes_nothing(
        stream in "[\\[\\]{}\",:a\\\\\n ]{0,60}", piece in 1usize..9,
    ) {
        let text = format!("{{{stream}");
        prop_assert_eq!(cut(text.as_bytes(), piece), cut(text.as_bytes(), usize::MAX));
        prop_assert_eq!(cut(stream.as_bytes(), piece), cut(stream.as_bytes(), usize::MAX));
    }

    #[test]
    fn records_come_out_as_they_went_in(values in prop::collection::vec("[a-z\\\\\"{}\\[\\]]{0,9}", 0..6)) {
        let records: Vec<_> = values.iter().map(|value| serde_json::json!({"v": [value]}).to_string()).collect();
        for stream in [records.join("\n"), format!("[{}]", records.join(",")), format!("{{\"Records\":[{}]}}", records.join(", "))] {
            let told: Vec<_> = cut(stream.as_bytes(), 5).into_iter().map(|(_, cut)| cut.unwrap()).collect();
            prop_assert_eq!(&told, &records);
        }
    }
}
