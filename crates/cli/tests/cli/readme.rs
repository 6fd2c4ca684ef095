//! The README's walk from a leaked password to its proof, typed as it stands there.
//!
//! The commands are taken out of README.md itself and typed into a terminal, in their order, over
//! the real PostgreSQL that `make chain` starts. A command that this file does not know fails the
//! test, as does one that is known here and gone from the README.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::integrations::read;
use crate::terminal::{Ended, Terminal};
use crate::world::World;

/// The part of the README that is walked.
const HEADING: &str = "## Five minutes";
/// Wide enough that no id is cut.
const COLUMNS: u16 = 240;

/// A command of the walk: what stands in the README, and the words that decide what it answers.
struct Expected {
    typed: &'static str,
    words: &'static [&'static str],
}

const WALK: &[Expected] = &[
    Expected {
        typed: "keyroll sources add \"$SHOP_DB\"",
        words: &["is remembered", "what opens it is sealed"],
    },
    Expected {
        typed: "keyroll scan .make/chain/shop \"$SHOP_SOURCE\"",
        words: &["postgres_roles:127.0.0.1:", "shop"],
    },
    Expected {
        typed: "keyroll ls",
        words: &["shop_app", "shop_owner"],
    },
    Expected {
        typed: "keyroll findings",
        words: &[
            "it still opens `shop_app`",
            ".env",
            "keyroll plan revoke crd-",
        ],
    },
    Expected {
        typed: "keyroll why shop_app",
        words: &["shop_app", "postgres_roles:127.0.0.1:"],
    },
    Expected {
        typed: "keyroll owner suggest",
        words: &["the evidence names nobody surely enough"],
    },
    Expected {
        typed: "keyroll owner set shop_app team-shop",
        words: &["shop_app is owned by team-shop now", "leaf"],
    },
    Expected {
        typed: "keyroll plan revoke crd-…",
        words: &["pln-", "NOLOGIN", "keyroll apply pln-"],
    },
    Expected {
        typed: "keyroll apply pln-…",
        words: &["proven", "accepted as role/", "denied"],
    },
    Expected {
        typed: "keyroll verify-revoked crd-…",
        words: &["refused again: it is as dead as it was proven"],
    },
    Expected {
        typed: "keyroll verify-revoked",
        words: &["refused", "proven"],
    },
    Expected {
        typed: "keyroll residual",
        words: &["nothing is open"],
    },
    Expected {
        typed: "keyroll residual --retry",
        words: &["nothing is due"],
    },
    Expected {
        typed: "keyroll metrics",
        words: &["keyroll_revocations{state=\"proven\"} 1", "# EOF"],
    },
    Expected {
        typed: "keyroll evidence export shop.evidence",
        words: &["shop.evidence"],
    },
    Expected {
        typed: "keyroll evidence verify shop.evidence --key \"$(keyroll evidence key)\"",
        words: &["verified: every leaf is as it was signed", "1 proof"],
    },
];

/// What is typed in the fenced blocks of one part of the README, comments taken off.
fn typed(readme: &str) -> Vec<String> {
    let from = readme.find(HEADING).unwrap();
    let part = &readme[from..];
    let end = part[2..].find("\n## ").map_or(part.len(), |at| at + 2);
    let (mut inside, mut commands) = (false, Vec::new());
    for line in part[..end].lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            commands.push(uncommented(command));
        }
    }
    commands
}

fn uncommented(line: &str) -> String {
    let command = line.split_once("  #").map_or(line, |(command, _)| command);
    command.trim().to_owned()
}

/// `make chain`, in a folder of this test's own; the server goes when this is dropped.
struct Demo {
    chain: PathBuf,
    /// What it printed.
    told: String,
}

impl Demo {
    fn start(world: &World) -> Self {
        let chain = world.path("home/.make/chain");
        let mut demo = Self {
            chain,
            told: String::new(),
        };
        let made = demo.make("chain");
        let told = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "make chain: {told}");
        demo.told = String::from_utf8(made.stdout).unwrap();
        demo
    }

    fn make(&self, what: &str) -> std::process::Output {
        let binary = Path::new(env!("CARGO_BIN_EXE_keyroll"));
        Command::new("make")
            .args(["--no-print-directory", "-C"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
            .arg(what)
            .env_remove("MAKEFLAGS")
            .env("KEYROLL_CHAIN_DIR", &self.chain)
            .env("KEYROLL_CHAIN_BIN", binary.parent().unwrap())
            .output()
            .unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let down = self.make("down");
        assert!(
            down.status.success() || std::thread::panicking(),
            "make down: {}",
            String::from_utf8_lossy(&down.stderr)
        );
    }
}

/// Types `command`; where somebody is asked, agrees.
fn run(world: &World, sourced: &[String], command: &str) -> Ended {
    let line = [sourced, &[command.to_owned()]].concat().join("; ");
    let mut terminal = Terminal::open(world, COLUMNS, &line);
    if command.starts_with("keyroll apply") {
        terminal.until(|screen| screen.contains("[y/N]"));
        terminal.types("y\r");
    }
    terminal.ends()
}

/// The id of the credential that opens `shop_app`, as `findings` shows it.
fn leaked(shown: &str) -> String {
    let line = shown
        .lines()
        .find(|line| line.contains("still opens `shop_app`"));
    word(line.unwrap(), "crd-")
}

/// The first word that begins with `start`.
fn word(text: &str, start: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut words = text.split(|c: char| !is_part(c));
    words
        .find(|word| word.starts_with(start) && word.len() > start.len())
        .unwrap_or_else(|| panic!("no {start}… in {text}"))
        .to_owned()
}

/// Logs in with what the `.env` holds, as whoever found it would.
fn leaked_password_is_let_in(demo: &Demo) -> bool {
    let env = std::fs::read_to_string(demo.chain.join("shop/.env")).unwrap();
    let url = env
        .lines()
        .find_map(|line| line.strip_prefix("DATABASE_URL="))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let came = runtime.block_on(tokio_postgres::connect(url, tokio_postgres::NoTls));
    match came {
        Ok(_) => true,
        Err(refused) => {
            let code = refused.code().map(tokio_postgres::error::SqlState::code);
            assert_eq!(code, Some("28P01"), "{refused}");
            false
        }
    }
}

#[test]
fn the_readme_walks_from_a_leaked_password_to_its_verified_proof() {
    if testkit::postgres().is_none() {
        return;
    }
    let mut world = World::new();
    world.real_time();
    let demo = Demo::start(&world);
    assert!(leaked_password_is_let_in(&demo), "it opens the role before");

    let (mut sourced, mut known) = (Vec::new(), WALK.iter());
    let (mut credential, mut plan) = (String::new(), String::new());
    for command in typed(&read("README.md")) {
        if command.starts_with(". ") {
            sourced.push(command);
            continue;
        }
        let expected = known.next().unwrap();
        assert_eq!(command, expected.typed, "the README types something else");
        let command = command
            .replace("crd-…", &credential)
            .replace("pln-…", &plan);
        let ended = run(&world, &sourced, &command);
        assert_eq!(ended.code, 0, "{command}: {}", ended.screen);
        for decisive in expected.words {
            let said = ended.screen.contains(decisive);
            assert!(said, "`{decisive}` after {command}: {}", ended.screen);
        }
        if command == "keyroll findings" {
            credential = leaked(&ended.screen);
        } else if command.starts_with("keyroll plan") {
            plan = word(&ended.screen, "pln-");
        }
    }
    let left: Vec<_> = known.map(|one| one.typed).collect();
    assert_eq!(left, [""; 0], "the README types these no more");
    assert!(!leaked_password_is_let_in(&demo), "it is dead after");
    what_is_printed_is_in_the_readme(&demo);
}

/// What `make chain` prints is a part of the README's walk, in its order.
fn what_is_printed_is_in_the_readme(demo: &Demo) {
    let chain = demo.chain.to_str().unwrap();
    let printed = demo.told.lines().filter_map(|line| {
        let command = uncommented(line.strip_prefix("  ")?);
        let command = command.replace(chain, ".make/chain");
        let last = |from: &str, to: &str| match command.strip_suffix(from) {
            Some(head) => format!("{head}{to}"),
            None => command.clone(),
        };
        Some(if command.ends_with(" ID") {
            last(" ID", " crd-…")
        } else {
            last(" PLAN", " pln-…")
        })
    });
    let mut walk = typed(&read("README.md")).into_iter();
    let mut count = 0;
    for command in printed {
        count += 1;
        let found = walk.any(|one| one == command);
        assert!(
            found,
            "`make chain` prints `{command}`, the README does not"
        );
    }
    assert!(count >= 9, "{}", demo.told);
}
