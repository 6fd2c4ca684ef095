//! What a person sees in a terminal (CL-13, CL-16, CL-23): colours, a line of progress, tables
//! that fit, names that steer nothing, questions before anything is changed, Ctrl-C.

use std::net::TcpListener;

use vt100::Color;

use crate::chain::sql;
use crate::hostile;
use crate::terminal::{Ended, Terminal};
use crate::world::{World, seed};

/// Red, yellow, and what a terminal draws in without being told, as the palette counts them.
const RED: Color = Color::Idx(1);
const PLAIN: Color = Color::Default;

#[test]
fn what_must_be_done_today_is_red_in_a_terminal_and_plain_where_nobody_wants_colour() {
    let world = World::seeded();
    let seen = Ended::of(&world, 120, "keyroll findings");
    assert_eq!(seen.code, 0);
    assert!(
        seen.paints("critical", RED) || seen.paints("high", RED),
        "{}",
        seen.screen
    );
    for line in [
        "NO_COLOR=1 keyroll findings",
        "TERM=dumb keyroll findings",
        "keyroll findings --color never",
    ] {
        let plain = Ended::of(&world, 120, line);
        assert!(plain.paints("high", PLAIN), "{line}");
        assert!(!plain.raw.contains('\u{1b}'), "{line}: {:?}", plain.raw);
        assert_eq!(words(&plain), words(&seen), "{line}: words say it all");
    }
    // Behind a pipe there is no terminal, though standard error still is one.
    let piped = Ended::of(&world, 120, "keyroll findings | cat");
    assert!(!piped.raw.contains('\u{1b}'), "{:?}", piped.raw);
    let forced = Ended::of(&world, 120, "keyroll findings --color always | cat");
    assert!(forced.raw.contains('\u{1b}'));
}

/// What stands there, colours and blanks at the ends of lines left aside.
fn words(seen: &Ended) -> Vec<&str> {
    seen.screen.lines().map(str::trim_end).collect()
}

#[test]
fn no_table_is_wider_than_the_terminal() {
    let world = World::seeded();
    for columns in [40, 60, 80, 120, 200] {
        for line in [
            "keyroll ls",
            "keyroll findings",
            "keyroll sources",
            "keyroll gaps",
            "keyroll doctor",
            "keyroll ls --facets",
        ] {
            let seen = Ended::of(&world, columns, &format!("{line} 2>/dev/null"));
            // A hint is a command to copy, and so is a path: both stay whole, and where they go on
            // is the terminal's business.
            let rows = seen.broken();
            let stays = |row: &&String| row.contains("hint:") || row.contains('/');
            let rows: Vec<_> = rows.iter().filter(|row| !stays(row)).collect();
            assert!(
                rows.is_empty(),
                "{line} in {columns}:\n{rows:#?}\n{}",
                seen.screen
            );
        }
    }
}

#[test]
fn a_hostile_name_steers_no_terminal() {
    let world = hostile::world();
    for line in [
        "keyroll ls",
        "keyroll findings",
        "keyroll gaps",
        "keyroll sources",
    ] {
        let seen = Ended::of(&world, 100, line);
        assert!(
            seen.screen.contains("u{1b}") || seen.screen.contains("ev"),
            "{}",
            seen.screen
        );
        let mut rest = seen.raw.as_str();
        // Nothing but colours: ESC [ numbers m.
        while let Some((_, after)) = rest.split_once('\u{1b}') {
            let end = after.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
            let code = &after[..=end.min(after.len() - 1)];
            assert!(
                code.starts_with('[') && code.ends_with('m'),
                "{line}: {code:?}"
            );
            rest = after;
        }
        let steers = |c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\u{1b}');
        assert!(!seen.raw.contains(steers), "{line}: {:?}", seen.raw);
        assert!(!seen.raw.contains(['\u{202e}', '\u{9b}']), "{line}");
    }
}

/// A server that lets everybody in and says nothing until it is gone.
fn silent() -> (TcpListener, String) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let url = format!("postgres://ann:vT5m0Qz81kLw@127.0.0.1:{port}/app");
    (server, url)
}

#[test]
fn progress_is_one_line_on_standard_error_that_goes_when_it_is_done() {
    let world = World::new();
    let (server, url) = silent();
    let line = format!("keyroll scan '{url}' > out.txt");
    let mut terminal = Terminal::open(&world, 100, &line);
    terminal.until(|screen| screen.contains("reading") && screen.contains("1s"));
    let during = terminal.screen();
    // The connection ends, and whoever tries again finds nobody.
    drop(server.accept().unwrap());
    drop(server);
    let seen = terminal.ends();
    assert_eq!(seen.code, 5, "{}", seen.screen);
    let drawn = |screen: &str| {
        let turns = |line: &&str| line.contains(|c| ('\u{2800}'..='\u{28ff}').contains(&c));
        screen.lines().filter(turns).count()
    };
    assert_eq!(drawn(&during), 1, "{during}");
    assert_eq!(drawn(&seen.screen), 0, "{}", seen.screen);
    assert!(!seen.screen.contains("reading"), "{}", seen.screen);
    let told = std::fs::read_to_string(world.path("home/out.txt")).unwrap();
    assert!(
        told.contains("failed") && !told.contains('\u{1b}'),
        "{told:?}"
    );
    assert!(!seen.raw.contains("vT5m0Qz81kLw"));
}

#[test]
fn no_progress_is_drawn_where_it_is_not_wanted() {
    let world = World::new();
    for flag in ["--no-progress", "-q"] {
        let line = format!(
            "keyroll scan {flag} collection:{} > out.txt",
            seed().display()
        );
        let seen = Ended::of(&world, 100, &line);
        assert_eq!(seen.code, 0);
        assert!(!seen.raw.contains('\u{1b}'), "{flag}: {:?}", seen.raw);
    }
}

#[test]
fn ctrl_c_ends_a_scan_and_leaves_the_terminal_and_the_roll_usable() {
    let world = World::new();
    let (server, url) = silent();
    let mut terminal = Terminal::open(&world, 100, &format!("keyroll scan '{url}'"));
    terminal.until(|screen| screen.contains("reading"));
    terminal.types("\u{3}");
    let seen = terminal.ends();
    assert_eq!(seen.code, 130, "{}", seen.screen);
    let hidden = seen.raw.matches("\u{1b}[?25l").count();
    assert_eq!(
        seen.raw.matches("\u{1b}[?25h").count(),
        hidden,
        "the cursor is there"
    );
    drop(server);
    let again = format!("keyroll scan -q collection:{}", seed().display());
    assert_eq!(Ended::of(&world, 100, &again).code, 0);
}

#[test]
fn a_plan_is_applied_when_somebody_types_yes_and_by_no_other_key() {
    let Some(server) = testkit::postgres() else {
        return;
    };
    let role = testkit::fresh_name("cli_seen");
    let password = "vT5m0Qz81kLw";
    sql(
        &server.url,
        &format!("create role {role} login password '{password}'"),
    );
    let mut world = World::new();
    world.real_time();
    let url = server.url_for(&role, password, "postgres");
    world.file("shop/.env", &format!("DATABASE_URL={url}\n"));
    let shop = world.path("shop");
    world.get(&["scan", "-q", shop.to_str().unwrap(), &server.url]);
    let found = world.get(&["findings", "--rule", "open-secret", "-o", "json"]);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let fail = found.as_array().unwrap().iter();
    let mut fail = fail.filter(|one| one["verdict"] == "fail");
    let id = fail.next().unwrap()["id"].as_str().unwrap().to_owned();
    let plan = world.get(&["plan", "revoke", &id, "--jq", ".plan.id", "-o", "json"]);
    let plan = plan.trim().trim_matches('"').to_owned();
    for no in ["n\n", "\n", "\u{4}", "yes please\n"] {
        let mut terminal = Terminal::open(&world, 100, &format!("keyroll apply {plan}"));
        terminal.until(|screen| screen.contains("[y/N]"));
        terminal.types(no);
        let seen = terminal.ends();
        assert_eq!(seen.code, 1, "{no:?}: {}", seen.screen);
        assert!(seen.screen.contains("nothing was done"), "{}", seen.screen);
        assert!(!seen.raw.contains(password));
    }
    assert_eq!(
        world.get(&["residual", "-o", "json"]),
        "[]\n",
        "nothing was begun"
    );
    let mut terminal = Terminal::open(&world, 100, &format!("keyroll apply {plan}"));
    terminal.until(|screen| screen.contains("[y/N]"));
    terminal.types("y\n");
    terminal.until(|screen| screen.contains("denied so far"));
    let seen = terminal.ends();
    assert_eq!(seen.code, 0, "{}", seen.screen);
    assert!(
        seen.paints("proven dead", Color::Idx(2)),
        "proven is green:\n{}",
        seen.screen
    );
    assert!(
        !seen.screen.contains("denied so far"),
        "progress is gone:\n{}",
        seen.screen
    );
    assert!(!seen.raw.contains(password));
}

#[test]
fn a_password_that_is_typed_is_not_shown() {
    let world = World::new();
    let line = "keyroll sources add postgres://ann@db.acme.test/app --password-stdin";
    let mut terminal = Terminal::open(&world, 100, line);
    terminal.until(|screen| screen.contains("assword"));
    terminal.types("vT5m0Qz81kLw\n");
    let seen = terminal.ends();
    assert_eq!(seen.code, 0, "{}", seen.screen);
    assert!(seen.screen.contains("is sealed"), "{}", seen.screen);
    assert!(!seen.raw.contains("vT5m0Qz81kLw"), "{:?}", seen.raw);
}
