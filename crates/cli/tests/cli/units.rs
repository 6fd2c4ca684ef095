//! The units of systemd that ship: hardened, calling only what exists, and sound by systemd's own
//! judgement where it is here.

use std::path::Path;
use std::process::Command;

use crate::integrations::read;
use crate::world::World;

const FOLDER: &str = "integrations/systemd";
/// Of ten times the score that `systemd-analyze security` gives; the lower the better.
const EXPOSURE_MAX: &str = "20";
/// What a service must say.
const HARDENED: &[&str] = &[
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectKernelTunables=yes",
    "ProtectControlGroups=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    "RestrictNamespaces=yes",
    "MemoryDenyWriteExecute=yes",
    "SystemCallFilter=@system-service",
    "UMask=0077",
    "LimitCORE=0",
    "User=keyroll",
];

fn units(kind: &str) -> Vec<(String, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let found = std::fs::read_dir(top.join(FOLDER)).unwrap();
    let names = found.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut units: Vec<_> = names
        .filter(|name| name.ends_with(kind))
        .map(|name| (name.clone(), read(&format!("{FOLDER}/{name}"))))
        .collect();
    units.sort();
    units
}

/// The values of a key.
fn values<'u>(unit: &'u str, key: &str) -> Vec<&'u str> {
    let value = |line: &'u str| line.strip_prefix(key)?.strip_prefix('=');
    unit.lines().filter_map(value).collect()
}

#[test]
fn every_service_is_hardened_and_calls_what_exists() {
    let services = units(".service");
    assert_eq!(services.len(), 2);
    let world = World::seeded();
    for (name, unit) in services {
        for wanted in HARDENED {
            assert!(unit.lines().any(|line| line == *wanted), "{name}: {wanted}");
        }
        let calls = values(&unit, "ExecStart");
        assert!(!calls.is_empty(), "{name} calls nothing");
        for call in calls {
            let typed = call.strip_prefix("/usr/local/bin/keyroll ").unwrap();
            let typed: Vec<&str> = typed.split(' ').collect();
            let ran = world.run(&typed);
            assert_eq!(ran.code, 0, "{name}: {call}: {}", ran.stderr);
        }
        for set in values(&unit, "Environment") {
            let (variable, _) = set.split_once('=').unwrap();
            let help = world.get(&["--help"]) + &world.get(&["ls", "--help"]);
            assert!(help.contains(variable), "{name}: {variable} is no variable");
        }
    }
}

#[test]
fn every_service_has_a_timer_and_is_told_in_the_guide() {
    let guide = read("docs/guides/watch.md");
    let timers: Vec<_> = units(".timer").into_iter().map(|one| one.0).collect();
    for (name, _) in units(".service") {
        let timer = name.replace(".service", ".timer");
        assert!(timers.contains(&timer), "{name} is started by nobody");
        assert!(guide.contains(&name) && guide.contains(&timer), "{name}");
    }
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let here = Command::new("systemd-analyze").arg("--version").output();
    if !here.is_ok_and(|here| here.status.success()) {
        testkit::aloud("skipped what systemd says of the units: systemd-analyze is not here");
        return;
    }
    // The program itself, in the place of where it would be installed.
    let dir = tempfile::tempdir().unwrap();
    let binary = env!("CARGO_BIN_EXE_keyroll");
    let mut paths = Vec::new();
    for (name, unit) in units(".service").into_iter().chain(units(".timer")) {
        let path = dir.path().join(name);
        std::fs::write(&path, unit.replace("/usr/local/bin/keyroll", binary)).unwrap();
        paths.push(path);
    }
    let checked = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(&paths)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{told}");
    let about: Vec<_> = told
        .lines()
        .filter(|line| line.contains("keyroll"))
        .collect();
    assert_eq!(about, [""; 0], "systemd-analyze verify");
    for path in paths
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "service"))
    {
        let judged = Command::new("systemd-analyze")
            .args(["security", "--no-pager", "--offline=true"])
            .arg(format!("--threshold={EXPOSURE_MAX}"))
            .arg(path)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&judged.stdout);
        let unknown = String::from_utf8_lossy(&judged.stderr).contains("offline");
        // Before version 250 it asks the running manager alone.
        assert!(judged.status.success() || unknown, "{told}");
    }
}
