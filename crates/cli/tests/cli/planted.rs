//! Secrets planted wherever a scan looks, and then looked for in everything Keyroll wrote.
use std::path::Path;
use std::process::Command;

/// Committed and deleted again: what a history alone holds.
const HISTORY: &str = "history/old.env";
/// Packed into an archive and deleted.
const PACKED: &str = "packed/inner.env";

/// Moves the one into a history and the other into an archive.
fn put_away(home: &Path) {
    let run = |program: &str, arguments: &[&str], dir: &str| {
        let done = Command::new(program)
            .args(arguments)
            .current_dir(home.join(dir))
            .env("HOME", "/nowhere")
            .output()
            .unwrap();
        assert!(done.status.success(), "{program}: {done:?}");
    };
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=ann", "-c", "user.email=ann@shop.example"];
        run("git", &[&who, arguments].concat(), "history");
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    git(&["rm", "-q", "old.env"]);
    git(&["commit", "-q", "-m", "second"]);
    run("tar", &["-cf", "all.tar", "inner.env"], "packed");
    std::fs::remove_file(home.join(PACKED)).unwrap();
}

/// A value that is nowhere else; no part of it may be found again.
fn planted() -> Vec<(&'static str, String)> {
    let secret = |n: u32| format!("qZ7{}vK{}mX{n:02}tR9wLp4", std::process::id(), n * 7919);
    let files: &[(&str, &str)] = &[
        (
            "shop/.env",
            "DATABASE_URL=postgres://shop:{}@127.0.0.1:1/shop\n",
        ),
        ("shop/.env.local", "STRIPE_API_KEY={}\nBROKEN\u{0}LINE\n"),
        ("shop/broken.env", "PASSWORD='{}\n"),
        (
            ".aws/credentials",
            "[default]\naws_access_key_id = AKIAQWERTYUIOPASDFGH\naws_secret_access_key = {}\n",
        ),
        (".netrc", "machine git.example login ann password {}\n"),
        (".git-credentials", "https://ann:{}@git.example\n"),
        (".npmrc", "//registry.example/:_authToken={}\n"),
        (".pgpass", "127.0.0.1:5432:shop:ann:{}\n"),
        (
            ".kube/config",
            "users:\n- name: ann\n  user:\n    token: {}\n",
        ),
        (
            ".docker/config.json",
            "{\"auths\": {\"r.example\": {\"identitytoken\": \"{}\"",
        ),
        (".pypirc", "[pypi]\nusername = __token__\npassword = {}\n"),
        (
            ".cargo/credentials.toml",
            "[registry]\ntoken = \"{}\"\n[broken\n",
        ),
        (
            "shop/notes.ipynb",
            "{\"cells\": [{\"cell_type\": \"code\", \"source\": [\"api_token = '{}'\\n\"], \"outputs\": [], \"metadata\": {\"n\": 1}, \"execution_count\": 1}], \"metadata\": {\"n\": 1}, \"nbformat\": 4, \"nbformat_minor\": 5}",
        ),
        (
            "shop/.github/workflows/ci.yml",
            "on: push\njobs:\n  build:\n    runs-on: x\n    env:\n      DEPLOY_TOKEN: {}\n    steps:\n    - run: make\n",
        ),
        (
            "shop/terraform.tfstate",
            "{\"version\": 4, \"resources\": [{\"mode\": \"managed\", \"type\": \"random_password\", \"name\": \"db\", \"provider\": \"p\", \"instances\": [{\"attributes\": {\"result\": \"{}\"}}]}]}",
        ),
        (
            "shop/compose.yaml",
            "services:\n  db:\n    image: x\n    environment:\n      POSTGRES_PASSWORD: {}\n",
        ),
        (HISTORY, "DATABASE_PASSWORD={}\n"),
        (PACKED, "SMTP_PASSWORD={}\n"),
    ];
    (0..)
        .zip(files)
        .map(|(n, (path, text))| (*path, text.replace("{}", &secret(n))))
        .collect()
}

/// The secrets themselves, taken out of the texts again.
fn secrets(planted: &[(&str, String)]) -> Vec<String> {
    let start = format!("qZ7{}vK", std::process::id());
    planted
        .iter()
        .map(|(_, text)| {
            let from = text.find(&start).unwrap();
            text[from..]
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect()
        })
        .collect()
}

fn everything_under(dir: &Path, found: &mut Vec<u8>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            everything_under(&path, found);
        } else {
            found.extend(std::fs::read(&path).unwrap());
        }
    }
}

/// Scans what was planted, then asks for all of it in every form.
fn ask_everything(
    keyroll: &dyn Fn(&[&str]) -> String,
    home: &Path,
    data: &Path,
    secrets: &[String],
) {
    keyroll(&["scan"]);
    for dir in ["shop", "history", "packed"] {
        keyroll(&["scan", home.join(dir).to_str().unwrap()]);
    }
    // Addresses with a secret in them: one that cannot be read, one where nobody answers.
    keyroll(&[
        "scan",
        &format!("postgres://ann:{}@127.0.0.1:notaport/shop", secrets[0]),
    ]);
    keyroll(&[
        "scan",
        &format!("postgres://ann:{}@127.0.0.1:1/shop", secrets[1]),
    ]);
    keyroll(&[
        "sources",
        "add",
        &format!("postgres://ann:{}@127.0.0.1:1/shop", secrets[2]),
    ]);
    for format in [
        "table", "json", "ndjson", "csv", "yaml", "md", "html", "toon", "parquet",
    ] {
        for command in ["ls", "findings", "gaps", "diff", "sources"] {
            keyroll(&if command == "sources" {
                vec![command, "list", "-o", format]
            } else {
                vec![command, "-o", format]
            });
        }
    }
    ask_of_each(keyroll, data);
}

/// Asks of each thing what there is to ask, and copies all of it.
fn ask_of_each(keyroll: &dyn Fn(&[&str]) -> String, data: &Path) {
    for format in ["sarif", "ocsf"] {
        keyroll(&["findings", "-o", format]);
    }
    keyroll(&["ls", "-o", "cyclonedx"]);
    keyroll(&["doctor"]);
    let listed: serde_json::Value = serde_json::from_str(&keyroll(&["ls", "-o", "json"])).unwrap();
    let listed = listed.as_array().unwrap();
    assert!(
        listed.len() >= 16,
        "the planted credentials are on the roll: {}",
        listed.len()
    );
    for row in listed {
        let id = row["id"].as_str().unwrap();
        keyroll(&["get", id, "-o", "json"]);
        keyroll(&["why", id]);
        keyroll(&["plan", "revoke", id]);
    }
    keyroll(&["owner", "set", listed[0]["id"].as_str().unwrap(), "team"]);
    keyroll(&["evidence", "export", data.join("bundle").to_str().unwrap()]);
    keyroll(&["backup", data.join("backup").to_str().unwrap()]);
}

#[test]
fn no_planted_secret_is_in_anything_that_was_written_or_said() {
    let home = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    let planted = planted();
    let secrets = secrets(&planted);
    assert_eq!(secrets.len(), planted.len());
    for (path, text) in &planted {
        let path = home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    put_away(home.path());
    let said = std::cell::RefCell::new(Vec::new());
    let keyroll = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_keyroll"))
            .args(arguments)
            .env_clear()
            .env("HOME", home.path())
            .env("TMPDIR", data.path())
            .env("USER", "ann")
            .env("KEYROLL_STORE", data.path().join("roll.db"))
            .output()
            .unwrap();
        said.borrow_mut()
            .extend(output.stdout.iter().chain(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    ask_everything(&keyroll, home.path(), data.path(), &secrets);

    let mut written = said.into_inner();
    everything_under(data.path(), &mut written);
    assert!(
        written.len() > 100_000,
        "there is something to look through"
    );
    let written = String::from_utf8_lossy(&written);
    for ((path, _), secret) in planted.iter().zip(&secrets) {
        assert!(
            !written.contains(secret.as_str()),
            "the secret of {path} was written"
        );
        // No part of it either: decision 7 allows not one character, ten show a leak.
        for part in secret.as_bytes().windows(14) {
            let part = std::str::from_utf8(part).unwrap();
            let shared = secrets.iter().filter(|other| other.contains(part)).count() > 1;
            assert!(
                shared || !written.contains(part),
                "a part of the secret of {path} was written"
            );
        }
    }
}
