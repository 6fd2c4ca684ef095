//! Container images: an OCI layout as a directory and as a tar, and what `docker save` writes.

use std::path::Path;

use model::{Attribute, Kind};
use serde_json::json;

use crate::{Roll, env, gaps, places, tar};

const LOW: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const MIDDLE: &str = "2222222222222222222222222222222222222222222222222222222222222222";
const HIGH: &str = "3333333333333333333333333333333333333333333333333333333333333333";
const CONFIG: &str = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";
const MANIFEST: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// An image of three layers: the second deletes one file, the third replaces another.
fn layers() -> [(&'static str, Vec<u8>); 3] {
    let low = [
        ("app/", b"".to_vec()),
        ("app/deleted.env", env(&["Aa1Bb2Cc3Dd4"])),
        ("app/kept.env", env(&["Ee5Ff6Gg7Hh8"])),
        ("app/replaced.env", env(&["Ii9Jj0Kk1Ll2"])),
    ];
    let low: Vec<_> = low
        .iter()
        .map(|(path, text)| (*path, text.as_slice()))
        .collect();
    let new = env(&["Mm3Nn4Oo5Pp6"]);
    [
        (LOW, tar(&low)),
        (MIDDLE, tar(&[("app/.wh.deleted.env", b"")])),
        (HIGH, tar(&[("app/replaced.env", &new)])),
    ]
}

fn config() -> Vec<u8> {
    let told = json!({
        "architecture": "amd64", "os": "linux",
        "config": { "Env": ["PATH=/bin", "DB_PASSWORD=q7RkQq7Rr8Ss9Tt0Zt4"], "User": "app" },
        "rootfs": { "type": "layers", "diff_ids": ["sha256:d1", "sha256:d2", "sha256:d3"] },
        "history": [{ "created_by": "RUN |1 NPM_TOKEN=q7RkUu1Vv2Ww3Xx4Zt4 /bin/sh -c npm ci" }],
    });
    serde_json::to_vec(&told).unwrap()
}

/// The files of an OCI layout.
fn layout() -> Vec<(String, Vec<u8>)> {
    let blob = |hex: &str| format!("blobs/sha256/{hex}");
    let of = |hex: &str| json!({ "digest": format!("sha256:{hex}"), "size": 1 });
    let index = json!({ "schemaVersion": 2, "manifests": [{
        "digest": format!("sha256:{MANIFEST}"), "size": 1,
        "annotations": { "org.opencontainers.image.ref.name": "shop:1.2" },
    }]});
    let manifest = json!({
        "schemaVersion": 2, "config": of(CONFIG), "layers": [of(LOW), of(MIDDLE), of(HIGH)],
    });
    let mut files = vec![
        (
            "oci-layout".to_owned(),
            br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(),
        ),
        ("index.json".to_owned(), serde_json::to_vec(&index).unwrap()),
        (blob(MANIFEST), serde_json::to_vec(&manifest).unwrap()),
        (blob(CONFIG), config()),
    ];
    files.extend(layers().map(|(hex, bytes)| (blob(hex), bytes)));
    files
}

fn tar_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let entries: Vec<_> = files
        .iter()
        .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
        .collect();
    tar(&entries)
}

/// What is said of the image at `file`.
fn assert_told(roll: &Roll, file: &Path, image: &str, digests: [&str; 3]) {
    let [low, middle, high] = digests.map(|digest| &digest[..digest.len().min(12)]);
    let file = file.display();
    let found = roll.findings("secret-in-image");
    let told = |path: &str| {
        let found: Vec<_> = found.iter().filter(|(place, _)| place == path).collect();
        assert_eq!(found.len(), 1, "{path}: {found:#?}");
        found[0].1.clone()
    };
    let kept = told(&format!("{file}@sha256:{low}!/app/kept.env"));
    assert_eq!(
        kept,
        format!("it is in layer {low} of the image `{image}`: whoever pulls it has it")
    );
    let deleted = told(&format!("{file}@sha256:{low}!/app/deleted.env"));
    assert!(
        deleted.starts_with(&format!("layer {middle} takes the file away, but")),
        "{deleted}"
    );
    let replaced = told(&format!("{file}@sha256:{low}!/app/replaced.env"));
    assert!(
        replaced.starts_with(&format!("layer {high} takes")),
        "{replaced}"
    );
    let new = told(&format!("{file}@sha256:{high}!/app/replaced.env"));
    assert!(new.starts_with("it is in layer"), "{new}");
    // One variable and one build argument.
    let config = found
        .iter()
        .filter(|(_, why)| why.contains("in the configuration of"));
    assert_eq!(config.count(), 2);
    assert_eq!(found.len(), 6, "{found:#?}");
    let images = roll.of_kind(Kind::Identity);
    assert_eq!(images.len(), 1);
    assert_eq!(images[0].text(&Attribute::NAME), Some(image));
}

#[test]
fn an_oci_layout_is_told_by_layer_and_says_what_later_layers_take_away() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    for (path, bytes) in layout() {
        let path = dir.join("shop").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let roll = Roll::new();
    let report = roll.scan(&dir);
    assert_eq!(gaps(&report), []);
    assert_told(&roll, &dir.join("shop"), "shop:1.2", [LOW, MIDDLE, HIGH]);
}

#[test]
fn an_oci_layout_in_a_tar_is_told_alike_in_whatever_order_it_lies_there() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let mut files = layout();
    for name in ["first.tar", "last.tar"] {
        std::fs::write(dir.join(name), tar_of(&files)).unwrap();
        let roll = Roll::new();
        roll.scan(&dir.join(name));
        assert_told(&roll, &dir.join(name), "shop:1.2", [LOW, MIDDLE, HIGH]);
        files.reverse();
    }
}

#[test]
fn an_image_that_an_old_docker_saved_is_told_by_what_its_configuration_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().canonicalize().unwrap().join("saved.tar");
    let paths = [LOW, MIDDLE, HIGH].map(|hex| format!("{hex}/layer.tar"));
    let manifest = json!([{
        "Config": format!("{CONFIG}.json"), "RepoTags": ["shop:old"], "Layers": paths,
    }]);
    let mut files = vec![(format!("{CONFIG}.json"), config())];
    files.extend(
        paths
            .into_iter()
            .zip(layers())
            .map(|(path, (_, bytes))| (path, bytes)),
    );
    files.push((
        "manifest.json".to_owned(),
        serde_json::to_vec(&manifest).unwrap(),
    ));
    std::fs::write(&file, tar_of(&files)).unwrap();
    let roll = Roll::new();
    roll.scan(&file);
    assert_told(&roll, &file, "shop:old", ["d1", "d2", "d3"]);
}

#[test]
fn a_damaged_layer_is_a_gap_and_nothing_of_it_goes_missing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().canonicalize().unwrap().join("shop.tar");
    let mut files = layout();
    std::fs::write(&file, tar_of(&files)).unwrap();
    let roll = Roll::new();
    roll.scan(&file);
    let before = roll.credentials().len();
    let layer = files
        .iter_mut()
        .find(|(path, _)| path.ends_with(LOW))
        .unwrap();
    layer.1.truncate(1100);
    std::fs::write(&file, tar_of(&files)).unwrap();
    let report = roll.scan(&file);
    let place = format!("{}@sha256:{}!", file.display(), &LOW[..12]);
    assert!(
        gaps(&report).iter().any(|(gap, _)| gap.starts_with(&place)),
        "{:?}",
        gaps(&report)
    );
    assert_eq!(roll.credentials().len(), before);
}

#[test]
fn a_secret_in_two_images_of_one_base_is_one_credential_at_one_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().canonicalize().unwrap().join("two.tar");
    let [(_, low), _, (_, high)] = layers();
    let manifest = json!([
        { "Config": "a.json", "RepoTags": ["a:1"], "Layers": [format!("blobs/sha256/{LOW}")] },
        { "Config": "b.json", "RepoTags": ["b:1"],
          "Layers": [format!("blobs/sha256/{LOW}"), format!("blobs/sha256/{HIGH}")] },
    ]);
    let files = [
        (
            "manifest.json".to_owned(),
            serde_json::to_vec(&manifest).unwrap(),
        ),
        (format!("blobs/sha256/{LOW}"), low),
        (format!("blobs/sha256/{HIGH}"), high),
    ];
    std::fs::write(&file, tar_of(&files)).unwrap();
    let roll = Roll::new();
    roll.scan(&file);
    let found = roll.findings("secret-in-image");
    assert_eq!(found.len(), 4);
    // Seen in `a`, so it is not only left over, though `b` replaces it.
    assert!(
        found
            .iter()
            .all(|(_, why)| !why.contains("takes the file away")),
        "{found:?}"
    );
    assert!(roll.credentials().iter().all(|one| places(one).len() == 1));
}

/// OCI Image Format Specification, "Opaque Whiteout".
#[test]
fn a_layer_that_empties_a_directory_takes_away_what_lower_ones_have_there_and_nothing_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let emptied = env(&["Qq7Rr8Ss9Tt0"]);
    for (path, mut bytes) in layout() {
        if path.ends_with(HIGH) {
            bytes = tar(&[("app/own.env", &emptied), ("app/.wh..wh..opq", b"")]);
        }
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let roll = Roll::new();
    assert_eq!(gaps(&roll.scan(&dir)), []);
    let high = &HIGH[..12];
    let found = roll.findings("secret-in-image");
    let by_high = |name: &str| {
        let found = found.iter().find(|(place, _)| place.ends_with(name));
        found
            .unwrap()
            .1
            .starts_with(&format!("layer {high} takes the file away"))
    };
    assert!(by_high("!/app/kept.env") && by_high("!/app/replaced.env"));
    assert!(!by_high("!/app/own.env"), "{found:#?}");
}
