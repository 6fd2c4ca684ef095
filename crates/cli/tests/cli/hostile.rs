//! Foreign text on its way to a person: nothing in it steers a terminal or becomes markup.

use crate::world::{World, files};

const NAME: &str = "ev\u{1b}]0;il\u{7}\u{202e}\u{9b}31m</td><script>alert(1)</script>|`x`\n=cmd()";

fn steers(letter: char) -> bool {
    (letter.is_control() && letter != '\n' && letter != '\r')
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{feff}')
}

pub(crate) fn world() -> World {
    let world = World::new();
    let collection = serde_json::json!({
        "format": "keyroll-collection/1", "source": "inventory:evil",
        "started": "2026-11-20T08:00:00Z", "finished": "2026-11-20T08:00:05Z",
        "observations": [
            {"kind": "credential", "native": format!("n{NAME}"),
             "keys": [{"kind": "uid", "value": format!("k{NAME}")}],
             "hints": {"comment": NAME},
             "facts": {"name": {"is": NAME}, "type": {"is": "api_token"}, "provider": {"is": NAME},
                       "environment": {"is": NAME}, "owner_hint": {"is": NAME}, "status": {"is": NAME},
                       "place": {"is": NAME}, "expires_at": {"is": "2026-11-01T00:00:00Z"},
                       "author": {"is": format!("{NAME}@evil.test").replace('<', "")},
                       "tags": {"is": {"a": NAME}}}}
        ],
        "gaps": [{"scope": [NAME], "reason": "denied", "told": NAME, "needs": NAME}]
    });
    let path = world.file("evil.json", &collection.to_string());
    world.get(&["scan", "-q", &format!("collection:{}", path.display())]);
    world
}

#[test]
fn no_format_lets_a_control_character_out() {
    let world = world();
    let ids = world.get(&["ls", "--json", "id", "-o", "ndjson"]);
    let id = ids.split('"').nth(3).unwrap().to_owned();
    let lists: [&[&str]; 6] = [
        &["ls"],
        &["findings"],
        &["gaps"],
        &["owner", "suggest", "--all"],
        &["query", "SELECT * FROM credentials"],
        &["ls", "--facets"],
    ];
    let pages: [&[&str]; 2] = [&["get", &id], &["why", &id]];
    let mut asked = 0;
    for (calls, formats) in [
        (
            &lists[..],
            &["table", "json", "ndjson", "yaml", "md", "html"][..],
        ),
        (
            &pages[..],
            &["table", "json", "ndjson", "yaml", "md", "html"][..],
        ),
    ] {
        for call in calls {
            for format in formats {
                let mut arguments = call.to_vec();
                arguments.extend(["-o", format]);
                let ran = world.run(&arguments);
                assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
                let wrong: String = ran
                    .stdout
                    .chars()
                    .chain(ran.stderr.chars())
                    .filter(|c| steers(*c))
                    .collect();
                assert!(wrong.is_empty(), "{arguments:?} lets out {wrong:?}");
                assert!(ran.stdout.contains("ev"), "{arguments:?} shows nothing");
                if matches!(*format, "html" | "md") {
                    assert!(!ran.stdout.contains("<script"), "{arguments:?}");
                }
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 48);
}

#[test]
fn a_name_in_a_spreadsheet_is_no_formula() {
    let world = World::new();
    let collection = serde_json::json!({
        "format": "keyroll-collection/1", "source": "inventory:evil",
        "started": "2026-11-20T08:00:00Z", "finished": "2026-11-20T08:00:05Z",
        "observations": [{"kind": "identity", "native": "1", "facts": {"name": {"is": "=HYPERLINK(\"x\")"}}}]
    });
    let path = world.file("evil.json", &collection.to_string());
    world.get(&["scan", "-q", &format!("collection:{}", path.display())]);
    let told = world.get(&["ls", "--json", "name", "-o", "csv"]);
    assert_eq!(told, "name\r\n\"'=HYPERLINK(\"\"x\"\")\"\r\n");
}

#[test]
fn hostile_files_stop_no_scan() {
    let world = World::new();
    world.file("repo/deep.json", &"[".repeat(200_000));
    world.file("repo/broken.yaml", "a: [b\n  c: {{{");
    world.file("repo/long.env", &format!("A={}\n", "x".repeat(3_000_000)));
    std::fs::write(world.path("repo/binary.pem"), [0u8, 159, 146, 150, 255]).unwrap();
    world.file("repo/cut.pem", "-----BEGIN RSA PRIVATE KEY-----\nMIIE");
    world.file(
        "repo/.env",
        "DATABASE_URL=postgres://app:q8Zr1kVb0wXs@db.example/app\n",
    );
    let ran = world.run(&["scan", world.path("repo").to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let roll = world.get(&["ls", "kind=credential"]);
    assert!(
        roll.contains("DATABASE_URL"),
        "what is whole is found all the same: {roll}"
    );
    assert!(!files(&world.path("home")).is_empty());
}
