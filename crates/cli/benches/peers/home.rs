//! What somebody waits for first: one file, and the known places of a home directory.

use std::path::Path;

use crate::measure::{median, run};
use crate::{Bars, keyroll};

/// Seconds for one small file.
const FILE_MAX: f64 = 0.1;
/// Seconds for the known places of a home.
const HOME_MAX: f64 = 2.0;
/// How many files lie in that home.
const FILES: usize = 100_000;
const RUNS: usize = 11;

/// One small file with a secret in it.
pub(crate) fn one_file(bars: &mut Bars) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.py");
    let planted = testkit::planted::plant(1, 1);
    std::fs::write(&file, &planted[1].text).unwrap();
    let out = dir.path().join("found.json");
    let costs: Vec<_> = (0..RUNS)
        .map(|_| run(keyroll(&["-o", "json", file.to_str().unwrap()]), &out))
        .collect();
    let found = std::fs::read_to_string(&out).unwrap();
    assert!(found.contains("settings.py"), "nothing was found");
    let cost = median(&costs);
    println!("\none small file: {:.0} ms of processor", cost.cpu * 1000.0);
    bars.at_most("seconds on the clock", cost.wall, FILE_MAX);
}

/// A home of 100,000 files, with credentials where tools keep theirs.
pub(crate) fn known_places(bars: &mut Bars) {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("ann");
    fill(&home);
    let out = dir.path().join("found.json");
    let command = || {
        let mut command = keyroll(&["-o", "json"]);
        command.env("HOME", &home).current_dir(&home);
        for variable in [
            "KUBECONFIG",
            "AWS_CONFIG_FILE",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
        ] {
            command.env_remove(variable);
        }
        command
    };
    let costs: Vec<_> = (0..RUNS).map(|_| run(command(), &out)).collect();
    let found = std::fs::read_to_string(&out).unwrap();
    for place in [
        ".aws/credentials",
        ".netrc",
        ".npmrc",
        ".docker/config.json",
    ] {
        assert!(found.contains(place), "nothing was found in {place}");
    }
    let cost = median(&costs);
    println!(
        "\nthe known places of a home of {FILES} files: {:.0} ms of processor",
        cost.cpu * 1000.0
    );
    bars.at_most("seconds on the clock", cost.wall, HOME_MAX);
}

fn fill(home: &Path) {
    let write = |path: &str, text: &str| {
        let path = home.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let mut chance = testkit::Chance::seeded(7);
    let mut secret = |template: &str| testkit::planted::secret(template, &mut chance);
    let aws =
        secret("[default]\naws_access_key_id = AKIA<b32:16>\naws_secret_access_key = <b64:40>\n");
    write(".aws/credentials", &aws);
    write(
        ".netrc",
        &secret("machine git.acme.test login ann password <b62:24>\n"),
    );
    write(
        ".npmrc",
        &secret("//registry.npmjs.org/:_authToken=npm_<b62:30><crc>\n"),
    );
    write(".ssh/id_ed25519", &secret("<pem>\n"));
    let login = testkit::planted::base64(secret("ann:<b62:20>").as_bytes(), false);
    write(
        ".docker/config.json",
        &format!("{{\"auths\":{{\"registry.acme.test\":{{\"auth\":\"{login}\"}}}}}}\n"),
    );
    let tops = [
        ".cache/tool",
        "src/shop",
        "Documents/notes",
        ".local/share/app",
        "Downloads/old",
    ];
    for n in 0..FILES {
        let top = tops[n % tops.len()];
        write(
            &format!("{top}/{}/{n}.txt", n / 500),
            "nothing to see here\n",
        );
    }
}
