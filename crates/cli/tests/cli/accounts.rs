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

/// The emulator gives every role to everybody, and knows no portal of IAM Identity Center.
#[test]
fn emulator_moto_profiles_let_in_by_a_program_roles_and_the_token_of_a_workload() {
    let Some(endpoint) = testkit::moto() else {
        return;
    };
    let world = World::new();
    let token = world.path("token");
    std::fs::write(&token, "header.body.signature").unwrap();
    std::fs::create_dir_all(world.path("home/.aws")).unwrap();
    let config = format!(
        r#"[profile tool]
credential_process = echo '{{"Version":1,"AccessKeyId":"AKIATOOL","SecretAccessKey":"hunter2"}}'
[profile role]
role_arn = arn:aws:iam::222222222222:role/reader
source_profile = tool
[profile pod]
role_arn = arn:aws:iam::333333333333:role/pod
web_identity_token_file = {}
"#,
        token.display()
    );
    std::fs::write(world.path("home/.aws/config"), config).unwrap();
    for (profile, account) in [
        ("tool", "123456789012"),
        ("role", "222222222222"),
        ("pod", "333333333333"),
    ] {
        let source = format!("aws:{profile}");
        let (code, told) = asked(&world, &endpoint, &["sources", "test", &source]);
        assert_eq!(code, 0, "{told}");
        assert!(told.contains(&format!("it answers as {account}")), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

/// Nobody is asked: what lies in the home says it.
#[test]
fn a_profile_whose_session_is_over_says_how_to_sign_in_again() {
    let world = World::new();
    std::fs::create_dir_all(world.path("home/.aws")).unwrap();
    let config = "[profile dev]\nsso_session = work\nsso_account_id = 111122223333\n\
        sso_role_name = Reader\n[sso-session work]\nsso_region = eu-west-1\n\
        sso_start_url = https://d-1.awsapps.com/start\n";
    std::fs::write(world.path("home/.aws/config"), config).unwrap();
    let (code, told) = asked(&world, "http://127.0.0.1:9", &["scan", "aws:dev"]);
    assert_eq!(code, 5, "{told}");
    assert!(told.contains("aws sso login --profile dev"), "{told}");
}
