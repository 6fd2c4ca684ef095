//! The rights that `keyroll sources policy` writes down are enough, on a real PostgreSQL.

use crate::chain::{revoke, sql};
use crate::world::World;

/// What a superuser would run: all that is printed, with what it says is to be run once for each
/// role and each database, and another name for the role, since roles are those of a whole server.
fn granted(world: &World, actor: &str, role: &str, database: &str) -> String {
    let printed = world.get(&["sources", "policy", "postgres", "--act"]);
    let said: Vec<_> = printed
        .lines()
        .map(|line| match line.split_once("--   GRANT ") {
            Some((_, rights)) => format!("GRANT {rights}"),
            None => line.to_owned(),
        })
        .collect();
    let said = said.join("\n");
    assert_eq!(said.matches("ROLE_NAME").count(), 1, "{said}");
    assert_eq!(said.matches("DATABASE_NAME").count(), 1, "{said}");
    said.replace("ROLE_NAME", role)
        .replace("DATABASE_NAME", database)
        .replace("keyroll", actor)
}

#[test]
fn what_the_policy_of_postgres_grants_is_enough_to_read_and_to_revoke_with() {
    let Some(server) = testkit::postgres() else {
        return;
    };
    let name = testkit::fresh_name;
    let (actor, role, database) = (name("granted"), name("billing"), name("shop"));
    sql(&server.url, &format!("create database {database}"));
    sql(
        &server.url,
        &format!("create role {role} login password 'Zk4Vq8mN2xLw'"),
    );
    sql(
        &server.database_url(&database),
        &format!(
            "create schema {role} authorization {role};
             set role {role}; create table {role}.invoice (n int)"
        ),
    );
    let mut world = World::new();
    world.real_time();
    sql(&server.url, &granted(&world, &actor, &role, &database));
    sql(
        &server.url,
        &format!("alter role {actor} password 'Hq6Tb1Yc9sRd'"),
    );
    world.file(
        "shop/.env",
        &format!(
            "DATABASE_URL={}\n",
            server.url_for(&role, "Zk4Vq8mN2xLw", &database)
        ),
    );
    let shop = world.path("shop");
    let source = server.url_for(&actor, "Hq6Tb1Yc9sRd", "postgres");
    world.get(&["scan", shop.to_str().unwrap(), &source]);
    assert_eq!(world.get(&["gaps", "-o", "json"]), "[]\n");

    let open = [
        "findings",
        "--rule",
        "open-secret",
        "--verdict",
        "fail",
        "-o",
        "json",
    ];
    let found: serde_json::Value = serde_json::from_str(&world.get(&open)).unwrap();
    assert!(found[0]["why"].as_str().unwrap().contains(&role), "{found}");
    revoke(&world, found[0]["id"].as_str().unwrap());
    sql(
        &server.url,
        &format!("drop database {database} with (force)"),
    );
    sql(
        &server.url,
        &format!("drop owned by {actor}; drop role {actor}"),
    );
}
