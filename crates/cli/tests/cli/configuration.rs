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
