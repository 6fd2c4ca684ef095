//! Directories, as real servers, and what clients of theirs keep in files.

use serde_json::Value;

use crate::world::World;

fn get(world: &World, what: &str) -> Value {
    serde_json::from_str(&world.get(&["get", what, "-o", "json"])).unwrap()
}

/// The places of the credentials of the account called `name`.
fn places_of(world: &World, name: &str) -> String {
    let held = get(world, name)["held"].clone();
    let held = held.as_array().unwrap().clone();
    let each = held.iter().map(|one| get(world, one.as_str().unwrap()));
    each.map(|one| format!("{}\n", one["places_seen"]))
        .collect()
}

#[test]
fn passwords_of_clients_are_of_the_accounts_that_a_real_openldap_has() {
    let Some(directory) = testkit::slapd() else {
        return;
    };
    let (_, host) = directory.url.rsplit_once('@').unwrap();
    let base = "ou=services,dc=keyroll,dc=test";
    let mut world = World::new();
    world.real_time();
    world.file(
        "host/sssd.conf",
        &format!(
            "[domain/keyroll.test]\nldap_uri = ldap://elsewhere.test, ldap://{host}\n\
             ldap_default_bind_dn = CN=Backup, {base}\nldap_default_authtok = sssd-T5m0Qz81kLw\n"
        ),
    );
    world.file(
        "host/nslcd.conf",
        &format!("uri ldap://{host}/\nbinddn uid=deploy,{base}\nbindpw nslcd-T5m0Qz81kLw\n"),
    );
    let dn = "cn%3Dsmall%2Cou%3Dservices%2Cdc%3Dkeyroll%2Cdc%3Dtest";
    world.file(
        "host/.env",
        &format!("LDAP_URL=ldap://{dn}:env-T5m0Qz81kLw@{host}\n"),
    );
    let files = world.path("host");
    world.get(&["scan", &directory.url, files.to_str().unwrap()]);
    for (name, place) in [
        ("backup", "host/sssd.conf"),
        ("deploy", "host/nslcd.conf"),
        ("small", "host/.env"),
    ] {
        let told = places_of(&world, name);
        assert!(told.contains(place), "{name}: {told}");
    }
    let others = places_of(&world, "reader");
    assert!(!others.contains("host/"), "{others}");
    let whole = world.get(&["ls", "kind=credential", "-o", "json"]);
    assert!(!whole.contains("T5m0Qz81kLw"), "{whole}");
}

/// A keytab of version 2 with one key.
fn keytab(realm: &str, names: &[&str]) -> Vec<u8> {
    let counted = |text: &str| {
        let count = u16::try_from(text.len()).unwrap().to_be_bytes();
        [count.as_slice(), text.as_bytes()].concat()
    };
    let count = u16::try_from(names.len()).unwrap().to_be_bytes();
    let mut entry = [count.as_slice(), &counted(realm)].concat();
    names.iter().for_each(|one| entry.extend(counted(one)));
    entry.extend([0, 0, 0, 1, 0x69, 0, 0, 0, 2, 0, 18]);
    entry.extend(counted("a-key-of-tests-with-32-letters--"));
    let size = u32::try_from(entry.len()).unwrap().to_be_bytes();
    [&[5, 2], size.as_slice(), &entry].concat()
}

#[test]
fn a_keytab_is_of_the_account_that_a_real_samba_has() {
    let Some(directory) = testkit::samba() else {
        return;
    };
    let mut world = World::new();
    world.real_time();
    let path = world.file("host/web.keytab", "");
    std::fs::write(&path, keytab("KEYROLL.TEST", &["HTTP", "web.keyroll.test"])).unwrap();
    let files = world.path("host");
    // Nobody vouches for the certificate of that server.
    let url = format!("{}?tls=require", directory.url);
    world.get(&["scan", &url, files.to_str().unwrap()]);
    let found: Vec<Value> =
        serde_json::from_str(&world.get(&["ls", "kind=credential", "-o", "json"])).unwrap();
    let kept = found
        .iter()
        .find(|one| {
            one["name"]
                .as_str()
                .unwrap()
                .contains("HTTP/web.keyroll.test")
        })
        .unwrap_or_else(|| panic!("{found:?}"));
    let holder = get(&world, kept["holder"].as_str().unwrap());
    assert!(holder["name"].as_str().unwrap().contains("web"), "{holder}");
}
