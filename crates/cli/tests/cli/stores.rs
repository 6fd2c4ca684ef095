//! Key stores that the real OpenSSL and the real keytool write, as old programs encrypt them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::world::World;

/// Runs a tool in `dir`; `None`, and says so, where the machine has none.
fn ran(dir: &Path, program: &str, arguments: &[&str]) -> Option<()> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .output();
    let Ok(output) = output else {
        testkit::aloud(&format!("skipped: there is no {program} on this machine"));
        return None;
    };
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Some(())
}

/// A key and a certificate for it.
fn pair(dir: &Path) -> Option<()> {
    let make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem \
                -out cert.pem -days 3650 -subj /CN=old.shop.test";
    ran(dir, "openssl", &make.split_whitespace().collect::<Vec<_>>())
}

/// What is told of private keys in a scanned directory: file, whether a pass phrase protects it,
/// algorithm.
fn keys(world: &World, dir: &str) -> Vec<(String, Value, Value)> {
    world.get(&["scan", world.path(dir).to_str().unwrap()]);
    let ids = world.get(&["ls", "type=private_key", "-o", "json", "--json", "id"]);
    let ids: Vec<Value> = serde_json::from_str(&ids).unwrap();
    let mut keys: Vec<_> = ids
        .iter()
        .map(|one| {
            let told = world.get(&["get", one["id"].as_str().unwrap(), "-o", "json"]);
            let told: Value = serde_json::from_str(&told).unwrap();
            let place = told["places_seen"][0]["place"].as_str().unwrap();
            let file = place.rsplit('/').next().unwrap().to_owned();
            (
                file,
                told["facts"]["encrypted"].clone(),
                told["facts"]["algorithm"].clone(),
            )
        })
        .collect();
    keys.sort_by(|a, b| a.0.cmp(&b.0));
    keys
}

#[test]
fn stores_that_openssl_encrypts_in_the_old_ways_open_with_a_password_that_everybody_knows() {
    for cipher in ["3DES", "2DES", "RC2-40", "RC2-128"] {
        for (password, opens) in [("changeit", true), ("", true), ("correct-horse-9", false)] {
            let world = World::new();
            let dir = world.path("stores");
            std::fs::create_dir_all(&dir).unwrap();
            if pair(&dir).is_none() {
                return;
            }
            let scheme = format!("PBE-SHA1-{cipher}");
            let pass = format!("pass:{password}");
            let arguments = [
                "pkcs12", "-export", "-legacy", "-inkey", "key.pem", "-in", "cert.pem", "-name",
                "shop", "-macalg", "sha1", "-passout", &pass, "-certpbe", &scheme, "-keypbe",
                &scheme, "-out", "old.p12",
            ];
            ran(&dir, "openssl", &arguments).unwrap();
            for pem in ["key.pem", "cert.pem"] {
                std::fs::remove_file(dir.join(pem)).unwrap();
            }
            let keys = keys(&world, "stores");
            let gaps = world.get(&["gaps", "-o", "json"]);
            if opens {
                let wanted = ("old.p12".to_owned(), false.into(), "ecdsa-p256".into());
                assert_eq!(keys, [wanted], "{cipher} {password:?}: {gaps}");
            } else {
                let wanted = ("old.p12".to_owned(), true.into(), Value::Null);
                assert_eq!(keys, [wanted], "{cipher}: {gaps}");
                assert!(gaps.contains("only with its password"), "{cipher}: {gaps}");
            }
        }
    }
}

#[test]
fn a_store_that_keytool_encrypts_in_the_old_way_opens_with_a_password_that_everybody_knows() {
    let world = World::new();
    let dir = world.path("stores");
    std::fs::create_dir_all(&dir).unwrap();
    let make = "-genkeypair -alias shop -keyalg EC -groupname secp256r1 -dname CN=java.shop.test \
                -storetype PKCS12 -keystore java.p12 -storepass changeit -J-Dkeystore.pkcs12.legacy";
    let made = ran(
        &dir,
        "keytool",
        &make.split_whitespace().collect::<Vec<_>>(),
    );
    if made.is_none() {
        return;
    }
    // The tool has to have written the old form, else this tries nothing.
    let bytes = std::fs::read(dir.join("java.p12")).unwrap();
    let rc2_40 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, 0x06];
    assert!(bytes.windows(rc2_40.len()).any(|at| at == rc2_40));
    let keys = keys(&world, "stores");
    let wanted = ("java.p12".to_owned(), false.into(), "ecdsa-p256".into());
    assert_eq!(keys, [wanted]);
}
