//! Answers of interfaces that somebody saved, read without asking anybody.

use crate::world::{World, files};

const ID: &str = "AKIAQABCDEFGHIJKLMNO";
const SECRET: &str = "f3kQ9vTz1LmW8cYb2NhR7aSd5GxJ0pEu12345678";

fn key_in_four_places(world: &World) {
    world.file(
        "home/iam/keys.json",
        &format!(
            r#"{{"AccessKeyMetadata":[{{"UserName":"deploy","AccessKeyId":"{ID}","Status":"Active","CreateDate":"2024-01-01T00:00:00Z"}}]}}"#
        ),
    );
    world.file(
        "home/repo/.env",
        &format!("AWS_ACCESS_KEY_ID={ID}\nAWS_SECRET_ACCESS_KEY={SECRET}\n"),
    );
    world.file(
        "home/vault/v1/sys/mounts.json",
        r#"{"data":{"aws/":{"type":"aws","uuid":"m3"}}}"#,
    );
    world.file(
        "home/vault/v1/aws/config/root.json",
        &format!(r#"{{"data":{{"access_key":"{ID}"}}}}"#),
    );
    world.file(
        "home/gitlab/api/v4/groups/acme%2Fshop.json",
        r#"{"id":20,"full_path":"acme/shop"}"#,
    );
    // Two pages, one after another.
    world.file(
        "home/gitlab/api/v4/groups/20/variables.json",
        &format!(
            "[{{\"key\":\"AWS_ACCESS_KEY_ID\",\"value\":\"{ID}\"}}]\n\
             [{{\"key\":\"AWS_SECRET_ACCESS_KEY\",\"value\":\"{SECRET}\",\"masked\":true}}]"
        ),
    );
}

#[test]
fn one_key_in_iam_a_vault_a_repository_and_a_variable_is_one_credential_with_four_sightings() {
    let world = World::new();
    key_in_four_places(&world);
    let calls: [&[&str]; 3] = [
        &["scan", "export:iam", "repo"],
        &["scan", "vault:vault.example:8200", "--saved", "vault"],
        &[
            "scan",
            "gitlab-group:git.example/acme/shop",
            "--saved",
            "gitlab",
        ],
    ];
    for call in calls {
        let ran = world.run(call);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let counted = "SELECT c.id, count(DISTINCT s.source) AS sources FROM credentials c \
                   JOIN sightings s ON s.entity = c.id GROUP BY c.id";
    let told = world.get(&["query", counted, "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told[0]["sources"], 4, "{told}");
    let whole = world.get(&["get", told[0]["id"].as_str().unwrap(), "-o", "json"]);
    assert!(whole.contains(ID) && !whole.contains(SECRET), "{whole}");
    let page = world.get(&["get", told[0]["id"].as_str().unwrap()]);
    for place in [
        "variables of the GitLab group acme/shop",
        "AWS engine aws of the Vault vault.example:8200",
        ".env:2",
    ] {
        assert!(page.contains(place), "{place} is not in {page}");
    }
    let several = world.get(&["findings", "--rule", "several-vaults", "-o", "json"]);
    assert!(
        several.contains("it is kept in AWS engine aws"),
        "{several}"
    );
    let gaps = world.get(&["gaps"]);
    assert!(
        gaps.contains("`api/v4/groups/20/access_tokens.json`"),
        "{gaps}"
    );
    for (path, bytes) in files(&world.path("")) {
        let was_there = ["home/repo", "home/gitlab"]
            .iter()
            .any(|dir| path.starts_with(world.path(dir)));
        let held = bytes
            .windows(SECRET.len())
            .any(|one| one == SECRET.as_bytes());
        assert!(was_there || !held, "{}", path.display());
    }
}

#[test]
fn what_cannot_be_read_from_files_is_told_before_anything_is_asked() {
    let world = World::new();
    let cases = [
        ("github:acme", "nowhere", "expected a directory of answers"),
        ("gitlab:git.example/7", "here", "cannot be read from files"),
        ("aws", "here", "leave out --saved"),
        ("postgres://ann@127.0.0.1:1/x", "here", "leave out --saved"),
    ];
    std::fs::create_dir(world.path("home/here")).unwrap();
    for (source, dir, expected) in cases {
        let ran = world.run(&["scan", source, "--saved", dir]);
        assert_ne!(ran.code, 0, "{ran:?}");
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
}
