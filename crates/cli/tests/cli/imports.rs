//! What other tools reported, taken in more than once.

use serde_json::{Value, json};

use crate::world::World;

/// Planted; none is real.
const ENV: &str = "PORT=8080\nDATABASE_URL=postgres://app:q8Zr1kVb0wXsPq2L@db.acme.test/shop\n";

/// Results of a scanner in this order: the rule and the line of each.
fn log(results: &[(&str, u32)]) -> String {
    let result = |(rule, line): &(&str, u32)| {
        json!({ "ruleId": rule, "message": { "text": "found" }, "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": ".env" }, "region": { "startLine": line },
        }}]})
    };
    let results: Vec<_> = results.iter().map(result).collect();
    let run = json!({ "tool": { "driver": { "name": "gitleaks" } }, "results": results });
    let log = json!({ "$schema": "https://json.schemastore.org/sarif-schema-2.1.0.json",
        "version": "2.1.0", "runs": [run] });
    log.to_string()
}

const BILL: &str = r#"{ "bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
    { "type": "cryptographic-asset", "bom-ref": "token", "name": "deploy token",
      "cryptoProperties": { "assetType": "related-crypto-material",
        "relatedCryptoMaterialProperties": { "type": "token" } } }
]}"#;

/// The credentials of a world after a scan of its shop, and what the scan called new, changed and
/// gone.
fn scanned(world: &World) -> (Vec<Value>, Vec<u64>) {
    let shop = world.path("shop");
    let told = world.get(&["scan", "--no-history", shop.to_str().unwrap()]);
    // SOURCE  SEEN  NEW  CHANGED  GONE
    let line = told.lines().find(|line| line.contains("read whole"));
    let numbers = line.unwrap().split_whitespace();
    let numbers: Vec<u64> = numbers.filter_map(|word| word.parse().ok()).collect();
    let listed = world.get(&["ls", "kind=credential", "-o", "json"]);
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    (listed, numbers[1..4].to_vec())
}

#[test]
fn reports_of_others_that_are_taken_in_twice_change_nothing() {
    let world = World::new();
    world.file("shop/.env", ENV);
    world.file("shop/bom.json", BILL);
    world.file(
        "shop/leaks.sarif",
        &log(&[("generic-api-key", 1), ("postgres-url", 2)]),
    );
    let (first, counts) = scanned(&world);
    // The secret itself, which one result of the scanner means, the other one, and what the bill
    // names.
    assert_eq!(first.len(), 3, "{first:#?}");
    assert_eq!(counts[1..], [0, 0]);
    let (second, counts) = scanned(&world);
    assert_eq!((second, counts), (first, vec![0, 0, 0]));
}

#[test]
fn a_report_beside_the_directory_is_matched_with_the_files_it_names() {
    let world = World::new();
    world.file("shop/.env", ENV);
    world.file("reports/leaks.sarif", &log(&[("postgres-url", 2)]));
    let (shop, report) = (world.path("shop"), world.path("reports/leaks.sarif"));
    let named = [report.to_str().unwrap(), shop.to_str().unwrap()];
    world.get(&["scan", "--no-history", named[0], named[1]]);
    let listed = world.get(&["ls", "kind=credential", "-o", "json"]);
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.len(), 1, "{listed:#?}");
    // Named alone, it tells of what nobody said may be read.
    let alone = World::new();
    alone.file("shop/.env", ENV);
    alone.file("reports/leaks.sarif", &log(&[("postgres-url", 2)]));
    alone.get(&["scan", alone.path("reports/leaks.sarif").to_str().unwrap()]);
    let listed = alone.get(&["ls", "kind=credential", "-o", "json"]);
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let id = listed[0]["id"].as_str().unwrap();
    let shown = alone.get(&["get", id, "-o", "json"]);
    assert!(!shown.contains("secret_hmac"), "{shown}");
}
