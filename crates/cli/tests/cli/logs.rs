//! What audit logs tell, through the whole command: against a real PostgreSQL, and against
//! records of CloudTrail beside a recording of the account they are of.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::chain::sql;
use crate::world::World;

const ACCOUNT: &str = "058264534522";
const LISTED: &str = "AKIAQ3EGWHX5JKPLTRMN";
const UNLISTED: &str = "AKIAQ3EGWHX5JKZZZZZZ";

fn get(world: &World, what: &str) -> Value {
    serde_json::from_str(&world.get(&["get", what, "-o", "json"])).unwrap()
}

/// What an export lists: a user with one key.
fn export(world: &World) -> String {
    let at = "2026-11-20T08:00:00+00:00";
    let users = json!({"Users": [{"Path": "/", "UserName": "deployer", "UserId": "AIDAQ3EGWHX5JKPLTRMN2",
        "Arn": format!("arn:aws:iam::{ACCOUNT}:user/deployer"), "CreateDate": at}]});
    let keys = json!({"AccessKeyMetadata": [{"UserName": "deployer", "AccessKeyId": LISTED,
        "Status": "Active", "CreateDate": at}]});
    world.file("export/users.json", &users.to_string());
    world.file("export/keys.json", &keys.to_string());
    format!("export:{}", world.path("export").display())
}

/// The same user's records: both keys are made and used.
fn trail(world: &World) -> String {
    let event = |id: &str, at: &str, call: (&str, &str), who: Value, made: Option<&str>| {
        let response =
            made.map(|key| json!({"accessKey": {"accessKeyId": key, "userName": "deployer"}}));
        json!({"eventID": id, "eventTime": at, "eventSource": call.0, "eventName": call.1,
            "recipientAccountId": ACCOUNT, "userIdentity": who, "responseElements": response,
            "requestParameters": {"userName": "deployer"}})
    };
    let ann = json!({"type": "AssumedRole", "principalId": "AROAQ3EGWHX5JKPLADMIN:ann@acme.test",
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/Admin/ann@acme.test"), "accountId": ACCOUNT});
    let deployer = |key: &str| {
        json!({"type": "IAMUser", "principalId": "AIDAQ3EGWHX5JKPLTRMN2", "accountId": ACCOUNT,
        "arn": format!("arn:aws:iam::{ACCOUNT}:user/deployer"), "userName": "deployer", "accessKeyId": key})
    };
    let made = ("iam.amazonaws.com", "CreateAccessKey");
    let used = ("s3.amazonaws.com", "ListBuckets");
    let records = [
        event("1", "2026-11-20T08:00:00Z", made, ann.clone(), Some(LISTED)),
        event("2", "2026-11-20T08:05:00Z", made, ann, Some(UNLISTED)),
        event("3", "2026-11-21T09:00:00Z", used, deployer(LISTED), None),
        event("4", "2026-11-22T09:00:00Z", used, deployer(UNLISTED), None),
    ];
    let dir = format!("AWSLogs/{ACCOUNT}/CloudTrail/eu-central-1/2026/11/22");
    world.file(
        &format!("{dir}/a.json"),
        &json!({"Records": records}).to_string(),
    );
    // Rotated again with an overlap, and read in the same pass.
    world.file(
        &format!("{dir}/b.json"),
        &json!({"Records": &records[1..3]}).to_string(),
    );
    format!("logs:{}", world.path("AWSLogs").display())
}

#[test]
fn recording_a_key_in_cloudtrail_is_that_of_its_account_and_one_that_no_inventory_has_is_found() {
    let world = World::new();
    let (export, trail) = (export(&world), trail(&world));
    world.get(&["scan", &export, &trail]);

    let key = get(&world, LISTED);
    let facts = key.to_string();
    assert!(
        facts.contains("2026-11-21T09:00:00Z"),
        "its last use: {key}"
    );
    assert!(
        facts.contains("assumed-role/Admin/ann@acme.test"),
        "who made it: {key}"
    );
    let user = get(&world, "deployer");
    assert_eq!(user["type"], "aws_iam_user");
    assert_eq!(user["held"].as_array().unwrap().len(), 2, "{user}");

    // The export lists no roles: that the one of whoever made the keys is in none says nothing.
    let found = world.run(&["findings", "--rule", "shadow", "-o", "json"]);
    let found: Vec<Value> = serde_json::from_str(&found.stdout).unwrap();
    let failed: Vec<_> = found
        .iter()
        .filter(|one| one["verdict"] == "fail")
        .collect();
    assert_eq!(failed.len(), 1, "{found:#?}");
    assert!(failed[0].to_string().contains(UNLISTED), "{failed:#?}");
}

#[test]
fn a_log_that_is_read_again_changes_nothing_and_what_left_it_stays() {
    let world = World::new();
    let trail = trail(&world);
    let numbers = |told: &str| {
        let line = told
            .lines()
            .find(|line| line.contains("logs:"))
            .unwrap()
            .to_owned();
        let numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
        numbers.collect::<Vec<u64>>()
    };
    let first = numbers(&world.get(&["scan", &trail]));
    let second = numbers(&world.get(&["scan", &trail]));
    // SOURCE  SEEN  NEW  CHANGED  GONE
    assert_eq!(second[..4], [first[0], 0, 0, 0], "{first:?} {second:?}");
    let dir = world.path(&format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/eu-central-1/2026/11/22"
    ));
    std::fs::remove_file(dir.join("a.json")).unwrap();
    let rotated = numbers(&world.get(&["scan", &trail]));
    assert_eq!(
        rotated[3], 0,
        "nobody is gone because a log was rotated: {rotated:?}"
    );
    assert!(get(&world, UNLISTED)["missing_since"].is_null());
}

/// A trail of half a year with something on each day, reads of data among it.
fn half_a_year(world: &World) -> String {
    let begin: model::Timestamp = "2026-05-24T12:00:00Z".parse().unwrap();
    let day = |n: i64| begin + model::Duration::days(n);
    let records = (0..183).map(|n| {
        json!({"eventID": n.to_string(), "eventTime": day(n), "eventSource": "s3.amazonaws.com",
            "eventName": "GetObject", "eventCategory": if n % 2 == 0 { "Data" } else { "Management" },
            "recipientAccountId": ACCOUNT, "userIdentity": {"type": "AWSService", "invokedBy": "s3.amazonaws.com"}})
        .to_string()
    });
    let lines: Vec<_> = records.collect();
    world.file("trail.jsonl", &lines.join("\n"));
    format!("logs:{}", world.path("trail.jsonl").display())
}

#[test]
fn recording_a_key_that_is_in_no_log_of_its_account_is_unused_over_the_window_of_the_log() {
    let world = World::new();
    let (export, trail) = (export(&world), half_a_year(&world));
    let old = std::fs::read_to_string(world.path("export/keys.json")).unwrap();
    world.file("export/keys.json", &old.replace("2026-11-20", "2025-11-20"));
    let verdict = || -> Value {
        let found = world.run(&["findings", "--rule", "unused", "-o", "json"]);
        let found: Vec<Value> = serde_json::from_str(&found.stdout).unwrap();
        found.into_iter().find(|one| one["name"] == LISTED).unwrap()
    };
    world.get(&["scan", &export]);
    assert_eq!(verdict()["verdict"], "unknown");
    world.get(&["scan", &trail]);
    let told = verdict();
    assert_eq!(told["verdict"], "fail", "{told}");
    assert!(
        told["why"]
            .as_str()
            .unwrap()
            .starts_with("not in the log aws_cloudtrail from 2026-05-24"),
        "{told}"
    );
    // A day of which nothing is there may be the day on which it was used.
    let text = std::fs::read_to_string(world.path("trail.jsonl")).unwrap();
    let hole: Vec<_> = text
        .lines()
        .filter(|line| !line.contains("2026-08-01"))
        .collect();
    world.file("trail.jsonl", &hole.join("\n"));
    world.get(&["scan", &trail]);
    let told = verdict();
    assert_eq!(told["verdict"], "unknown", "{told}");
    assert!(
        told["why"]
            .as_str()
            .unwrap()
            .contains("nothing is in it of 1 day: 2026-08-01"),
        "{told}"
    );
}

/// Rows of a query, as text.
fn rows(url: &str, text: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let rows = client.query(text, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    })
}

/// The server's log in this form; `None`: it writes none.
fn written(url: &str, form: &str) -> Option<PathBuf> {
    let dir = rows(url, "select current_setting('data_directory')").remove(0);
    let file = rows(
        url,
        &format!("select coalesce(pg_current_logfile('{form}'), '')"),
    )
    .remove(0);
    (!file.is_empty()).then(|| PathBuf::from(dir).join(file))
}

#[test]
fn the_log_of_a_real_postgresql_tells_who_made_a_role_and_when_it_logged_in() {
    let Some(server) = testkit::postgres() else {
        return;
    };
    let forms: Vec<_> = ["csvlog", "jsonlog"]
        .iter()
        .filter_map(|form| written(&server.url, form))
        .collect();
    if forms.is_empty() {
        testkit::aloud("skipped: this server writes no log that is read");
        return;
    }
    let role = testkit::fresh_name("logs");
    let password = "correct-horse-4711";
    sql(
        &server.url,
        &format!("create role {role} login password '{password}'"),
    );
    sql(&server.url_for(&role, password, "postgres"), "select 1");
    sql(&server.url, &format!("drop role {role}"));
    for file in forms {
        // The collector writes behind the server's back: wait for the last of it.
        let until = Instant::now() + Duration::from_secs(30);
        let dropped = format!("drop role {role}");
        while !std::fs::read_to_string(&file)
            .unwrap_or_default()
            .contains(&dropped)
        {
            assert!(
                Instant::now() < until,
                "{} never told of it",
                file.display()
            );
            std::thread::yield_now();
        }
        let mut world = World::new();
        world.real_time();
        world.get(&["scan", &format!("logs:{}", file.display())]);
        let told = get(&world, &role);
        let text = told.to_string();
        assert_eq!(told["type"], "postgres_role", "{told}");
        assert!(!text.contains(password), "{told}");
        for fact in ["created_by", "last_used_at", "ended_by"] {
            assert!(
                text.contains(fact),
                "{}: no {fact} in {told}",
                file.display()
            );
        }
    }
}
