//! Where settings come from, and who may say what.

use crate::world::World;

#[test]
fn the_schema_of_a_configuration_file_is_this() {
    insta::assert_snapshot!("config-schema", World::new().get(&["config", "schema"]));
}

#[test]
fn flags_outrank_variables_and_those_outrank_files() {
    let world = World::new().with("KEYROLL_CONFIG_TOML", "tenant = 'from-content'");
    world.file(
        "home/.config/keyroll/config.toml",
        "tenant = 'from-file'\nlimit = 7\n",
    );
    world.file("home/.keyroll.toml", "limit = 5\n");
    let tenant = |arguments: &[&str]| {
        let mut all = vec!["config", "show", "-o", "ndjson"];
        all.extend(arguments);
        let told = world.get(&all);
        told.lines()
            .find(|line| line.contains("\"tenant\""))
            .unwrap()
            .to_owned()
    };
    assert!(tenant(&[]).contains("from-content"));
    assert!(tenant(&["--tenant", "typed"]).contains("\"typed\""));
    let told = world.get(&["config", "show"]);
    assert!(
        told.lines()
            .any(|line| line.starts_with("limit") && line.contains(" 5 ")),
        "{told}"
    );
}

#[test]
fn a_misspelt_key_and_a_hostile_project_are_refused() {
    let world = World::new();
    world.file(
        "home/.keyroll.toml",
        "store = 'postgres://evil.example/x'\n",
    );
    let hostile = world.session(&[&["ls"]]);
    world.file("home/.keyroll.toml", "[scan]\nsource = ['.']\n");
    let misspelt = world.session(&[&["ls"]]);
    world.file("home/.keyroll.toml", "limit = = 3\n");
    let broken = world.session(&[&["ls"]]);
    insta::assert_snapshot!("config-refused", format!("{hostile}{misspelt}{broken}"));
}

/// No shell reads a configuration file.
#[test]
fn a_path_in_a_file_may_begin_at_home() {
    let world = World::new();
    world.file("home/src/.env", "SHOP_PASSWORD=q8Zr1kVb0wXs\n");
    world.file(
        "home/.config/keyroll/config.toml",
        "store = '~/rolls/mine.db'\nseal_key_file = '~/seal'\nscan.sources = ['~/src']\n",
    );
    let told = world.get(&["scan"]);
    assert!(told.contains("SHOP_PASSWORD"), "{told}");
    for file in ["home/rolls/mine.db", "home/seal"] {
        assert!(world.path(file).is_file(), "{file}");
    }
}

/// What lies in a checkout may be anything: none of it keeps a command waiting or is obeyed.
#[test]
fn what_is_no_configuration_file_is_refused_in_one_sentence() {
    let world = World::new();
    let file = world.path("home/.keyroll.toml");
    let refused = |what: &str| {
        let ran = world.run(&["config", "show"]);
        assert_eq!(ran.code, 2, "{what}: {}", ran.stderr);
        assert!(ran.stderr.contains("expected"), "{what}: {}", ran.stderr);
        std::fs::remove_file(&file)
            .or_else(|_| std::fs::remove_dir(&file))
            .unwrap();
    };
    std::fs::create_dir(&file).unwrap();
    refused("a directory");
    let made = std::process::Command::new("mkfifo").arg(&file).status();
    assert!(made.unwrap().success());
    refused("a pipe");
    std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
    refused("a device");
    std::fs::write(&file, [0xff, 0xfe, 0]).unwrap();
    refused("UTF-16");
    std::fs::write(&file, "#".repeat(300_000)).unwrap();
    refused("a long file");
    // A byte order mark, as some editors put it there, is no fault.
    std::fs::write(&file, "\u{feff}limit = 3\n").unwrap();
    assert!(
        world
            .get(&["config", "show"])
            .contains("limit                 3")
    );
}

#[test]
fn a_password_in_a_setting_is_not_shown() {
    let world = World::new().with(
        "KEYROLL_STORE",
        "postgres://ann:hunter2@db.example/roll?password=hunter2",
    );
    for format in ["table", "json", "yaml", "csv", "md", "html"] {
        let ran = world.run(&["config", "show", "-o", format]);
        assert!(ran.stdout.contains("db.example"), "{}", ran.stdout);
        assert!(
            !ran.stdout.contains("hunter2") && !ran.stderr.contains("hunter2"),
            "{}",
            ran.stdout
        );
    }
    let help = world.run(&["ls", "--help"]);
    assert!(
        !help.stdout.contains("hunter2"),
        "help shows no value of a variable"
    );
}
