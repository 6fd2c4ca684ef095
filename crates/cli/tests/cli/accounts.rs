//! Accounts of AWS, emulated, as whoever scans one for the first time meets them.

use crate::world::{World, files};

fn asked(world: &World, endpoint: &str, arguments: &[&str]) -> (i32, String) {
    let output = world
        .command(arguments)
        .args(["--endpoint", endpoint, "--region", "us-east-1"])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap_or(-1),
        format!("{}{}", text(output.stdout), text(output.stderr)),
    )
}

/// The emulator lets everybody do everything, so nothing lacks.
#[test]
fn emulator_moto_a_new_user_learns_which_rights_are_given_and_nothing_is_kept() {
    let Some(endpoint) = testkit::moto() else {
        return;
    };
    let world = World::new();
    let before = files(&world.path("")).len();
    let (code, told) = asked(&world, &endpoint, &["sources", "test", "aws"]);
    assert_eq!(code, 0, "{told}");
    for line in [
        "it answers as 123456789012",
        "secretsmanager:ListSecrets",
        "none lacks",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert_eq!(files(&world.path("")).len(), before, "{told}");
}

/// What was not to be read is a gap, and the way from a region's thing to its page is short.
#[test]
fn emulator_moto_named_regions_are_read_and_the_others_are_a_gap() {
    let Some(endpoint) = testkit::moto() else {
        return;
    };
    let world = World::new();
    let scan = ["scan", "aws", "--regions", "eu-west-1"];
    let (code, told) = asked(&world, &endpoint, &scan);
    assert_eq!(code, 0, "{told}");
    let gaps = world.get(&["gaps"]);
    assert!(
        gaps.contains("only these regions were to be read: eu-west-1"),
        "{gaps}"
    );
}
