//! From a leaked password to its proven death, on a real PostgreSQL, by commands alone.

use crate::world::World;

/// Runs SQL as the superuser.
pub(crate) fn sql(url: &str, text: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
            .await
            .unwrap();
        let driven = tokio::spawn(connection);
        client.batch_execute(text).await.unwrap();
        drop(client);
        driven.await.unwrap().unwrap();
    });
}

#[test]
fn a_leaked_password_is_found_linked_revoked_and_proven_dead() {
    let Some(server) = testkit::postgres() else {
        return;
    };
    let role = testkit::fresh_name("cli_chain");
    let password = "vT5m0Qz81kLw";
    sql(
        &server.url,
        &format!("create role {role} login password '{password}'"),
    );
    let mut world = World::new();
    world.real_time();
    world.file(
        "shop/.env",
        &format!(
            "DATABASE_URL={}\n",
            server.url_for(&role, password, "postgres")
        ),
    );
    let shop = world.path("shop");
    let shop = shop.to_str().unwrap();

    world.get(&["scan", shop, &server.url]);
    let found = world.get(&[
        "findings",
        "--rule",
        "open-secret",
        "--verdict",
        "fail",
        "-o",
        "json",
    ]);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let finding = &found[0];
    assert!(
        finding["why"].as_str().unwrap().contains(&role),
        "{finding}"
    );
    let id = finding["id"].as_str().unwrap();
    assert_eq!(finding["next"], format!("keyroll plan revoke {id}"));

    revoke(&world, id);
    monitored(&world);
    take_the_proof_along(&world, id);
    let again = world.get(&["plan", "revoke", id]);
    assert!(again.contains("and is proven"), "{again}");
    // A proof is known at once; whoever reads the server again learns the same of it.
    for _ in 0..2 {
        for rule in ["open-secret", "leaked-live"] {
            let open = ["findings", id, "--rule", rule, "--verdict", "fail"];
            let told = world.get(&[&open[..], &["-o", "json"]].concat());
            assert_eq!(told, "[]\n", "{rule}");
        }
        world.get(&["scan", &server.url]);
    }
    // Somebody makes it anew: a timer finds that, and goes on finding it.
    sql(
        &server.url,
        &format!("create role {role} login password '{password}'"),
    );
    let alive = world.run(&["verify-revoked", id]);
    assert_eq!(alive.code, 3, "{}{}", alive.stdout, alive.stderr);
    let timer = world.run(&["verify-revoked"]);
    assert_eq!(timer.code, 5, "{}{}", timer.stdout, timer.stderr);
    assert!(
        timer.stderr.contains("keyroll residual"),
        "{}",
        timer.stderr
    );
    sql(&server.url, &format!("drop role {role}"));
}

pub(crate) fn revoke(world: &World, id: &str) {
    let plan: serde_json::Value =
        serde_json::from_str(&world.get(&["plan", "revoke", id, "-o", "json"])).unwrap();
    let plan = plan["plan"]["id"].as_str().unwrap().to_owned();
    let unasked = world.run(&["apply", &plan]);
    assert_eq!(unasked.code, 2, "nobody agreed: {}", unasked.stderr);

    let applied = world.run(&["apply", &plan, "--yes", "-o", "json"]);
    assert_eq!(applied.code, 0, "{}{}", applied.stdout, applied.stderr);
    let applied: serde_json::Value = serde_json::from_str(&applied.stdout).unwrap();
    assert_eq!(applied["state"]["state"], "proven", "{applied}");
    assert_eq!(applied["proof"]["grade"], "A");

    let verified = world.run(&["verify-revoked", id]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    assert_eq!(world.get(&["residual", "-o", "json"]), "[]\n");
    // As a timer asks.
    let watched: serde_json::Value =
        serde_json::from_str(&world.get(&["verify-revoked", "-o", "json"])).unwrap();
    assert_eq!(watched[0]["now"], "refused", "{watched}");
    assert_eq!(watched[0]["state"], "proven", "{watched}");
    let late = world.get(&["verify-revoked", "--within", "0s", "-o", "json"]);
    assert_eq!(late, "[]\n");
    let due = world.get(&["residual", "--retry", "-o", "json"]);
    assert_eq!(due, "[]\n");
}

/// S-10.
fn monitored(world: &World) {
    let told = world.get(&["metrics"]);
    assert!(told.ends_with("# EOF\n"), "{told}");
    for line in [
        "keyroll_revocations{state=\"proven\"} 1",
        "keyroll_revocations{state=\"failed\"} 0",
        "keyroll_revocations{state=\"residual\"} 0",
        "keyroll_revocations_due 0",
        "keyroll_revocation_oldest_open_seconds 0.0",
        "keyroll_revocation_time_to_denied_seconds_count 1",
        "keyroll_revocation_lag_seconds_count 1",
        "keyroll_revocation_lag_seconds_bucket{le=\"+Inf\"} 1",
    ] {
        assert!(told.lines().any(|one| one == line), "`{line}` in {told}");
    }
    assert!(
        told.contains("keyroll_gaps{source=\"postgres_roles:"),
        "{told}"
    );
}

fn take_the_proof_along(world: &World, id: &str) {
    let key = world.get(&["evidence", "key"]);
    let bundle = world.path("proof.bundle");
    world.get(&[
        "evidence",
        "export",
        bundle.to_str().unwrap(),
        "--subject",
        id,
    ]);
    let elsewhere = World::new();
    let checked = elsewhere.get(&[
        "evidence",
        "verify",
        bundle.to_str().unwrap(),
        "--key",
        key.trim(),
        "-o",
        "json",
    ]);
    let checked: serde_json::Value = serde_json::from_str(&checked).unwrap();
    assert_eq!(checked["kinds"]["proof"], 1, "{checked}");
}

/// The verdicts on the places of `open-secret` below `dir`.
fn verdicts(world: &World, dir: &str) -> Vec<String> {
    let told = world.get(&["findings", "--rule", "open-secret", "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let all = told.as_array().unwrap().iter();
    let here = all.filter(|one| one["path"].as_str().is_some_and(|path| path.contains(dir)));
    here.map(|one| one["verdict"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_password_that_the_role_has_not_is_harmless_until_the_role_has_another() {
    let Some(server) = testkit::postgres() else {
        return;
    };
    let role = testkit::fresh_name("cli_stale");
    let (now, stale) = ("vT5m0Qz81kLw", "q8Zr1kVb0wXs");
    let set = |password: &str| sql(&server.url, &format!("alter role {role} {password}"));
    sql(&server.url, &format!("create role {role} login"));
    set(&format!("password '{now}'"));
    let mut world = World::new();
    world.real_time();
    let url = server.url_for(&role, stale, "postgres");
    let file = world.file("stale/.env", &format!("DATABASE_URL={url}\n"));
    let dir = world.path("stale");
    let dir = dir.to_str().unwrap();

    // The file first: that the server was read later changes nothing.
    world.get(&["scan", dir]);
    assert_eq!(verdicts(&world, dir), ["unknown"], "nobody knows the login");
    world.get(&["scan", &server.url]);
    assert_eq!(verdicts(&world, dir), [""; 0], "compared, and another one");

    // The role gets another one while the file cannot be read again: nobody compared the two.
    let away = world.path("stale/away");
    std::fs::rename(&file, &away).unwrap();
    set("password 'another-one-7Lk2'");
    world.get(&["scan", &server.url]);
    assert_eq!(verdicts(&world, dir), ["unknown"]);
    std::fs::rename(&away, &file).unwrap();
    world.get(&["scan", &server.url]);
    assert_eq!(verdicts(&world, dir), [""; 0]);
    // A verifier of the old kind is computed in another way.
    set(&format!("password 'md5{}'", "0".repeat(32)));
    world.get(&["scan", &server.url]);
    assert_eq!(verdicts(&world, dir), ["unknown"]);
    // And the one that lies in the file.
    set(&format!("password '{stale}'"));
    world.get(&["scan", &server.url]);
    assert_eq!(verdicts(&world, dir), ["fail"]);
    sql(&server.url, &format!("drop role {role}"));
}
