//! Images that buildah, umoci and skopeo made, where they are (`scripts/provide images`): layers
//! under gzip and zstd, whiteouts, opaque ones too, and the forms that an image is saved in.

use std::path::Path;
use std::process::Command;

use crate::{Roll, env, gaps};

/// Runs a tool; `false` where it is not there.
fn ran(tool: &str, words: &[&str]) -> bool {
    match Command::new(tool).args(words).output() {
        Ok(done) => {
            let told = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{tool} {words:?}: {told}");
            true
        }
        Err(_) => {
            testkit::aloud(&format!(
                "skipped: there is no `{tool}`; `scripts/provide images` brings it"
            ));
            false
        }
    }
}

/// An image of three layers in a layout, each what `umoci repack` makes of a changed tree: a file,
/// another one, and a deletion of the first; a password in its configuration.
fn made(dir: &Path) -> Option<String> {
    let layout = dir.join("layout").display().to_string();
    let image = format!("{layout}:shop");
    if !ran("umoci", &["init", "--layout", &layout]) {
        return None;
    }
    ran("umoci", &["new", "--image", &image]);
    let changes: [&dyn Fn(&Path); 3] = [
        &|app| std::fs::write(app.join("deleted.env"), env(&["Aa1Bb2Cc3Dd4"])).unwrap(),
        &|app| std::fs::write(app.join("kept.env"), env(&["Ee5Ff6Gg7Hh8"])).unwrap(),
        &|app| std::fs::remove_file(app.join("deleted.env")).unwrap(),
    ];
    for change in changes {
        let bundle = dir.join("bundle");
        let at = bundle.display().to_string();
        ran("umoci", &["unpack", "--rootless", "--image", &image, &at]);
        let app = bundle.join("rootfs/app");
        std::fs::create_dir_all(&app).unwrap();
        change(&app);
        ran("umoci", &["repack", "--image", &image, &at]);
        std::fs::remove_dir_all(bundle).unwrap();
    }
    let password = ["--config.env", "DB_PASSWORD=q7RkQq7Rr8Ss9Tt0Zt4"];
    let config = ["config", "--image", &image];
    ran("umoci", &[&config[..], &password].concat());
    Some(image)
}

/// Two files, each in its layer, one of them deleted later, and one variable.
fn assert_told(path: &Path) {
    let roll = Roll::new();
    let report = roll.scan(path);
    assert_eq!(gaps(&report), [], "{}", path.display());
    let found = roll.findings("secret-in-image");
    let of = |part: &str, why: &str| {
        let is = |one: &&(String, String)| one.0.contains(part) && one.1.contains(why);
        found.iter().filter(is).count()
    };
    let told = [
        of("!/app/kept.env", "it is in layer"),
        of("!/app/deleted.env", "takes the file away, but"),
        of("", "in the configuration of"),
    ];
    assert_eq!(told, [1, 1, 1], "{}: {found:#?}", path.display());
    assert_eq!(found.len(), 3, "{}: {found:#?}", path.display());
}

#[test]
fn an_image_of_real_tools_is_told_alike_in_every_form_that_it_is_saved_in() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let Some(image) = made(&dir) else {
        return;
    };
    assert_told(&dir.join("layout"));
    let from = format!("oci:{image}");
    for (form, to, more) in [
        ("oci-archive", "image.oci.tar", &[][..]),
        ("docker-archive", "image.docker.tar", &[][..]),
        ("oci", "zstd", &["--dest-compress-format", "zstd"][..]),
    ] {
        let path = dir.join(to);
        let to = format!("{form}:{}:shop", path.display());
        let copy = ["copy", "--quiet", "--insecure-policy"];
        if !ran("skopeo", &[&copy[..], more, &[&from, &to]].concat()) {
            return;
        }
        assert_told(&path);
    }
}

/// The files that are said to leak, and whether a later layer takes each away.
fn taken_away(path: &Path) -> Vec<(String, bool)> {
    let roll = Roll::new();
    let report = roll.scan(path);
    assert_eq!(gaps(&report), [], "{}", path.display());
    let mut told: Vec<_> = roll
        .findings("secret-in-image")
        .into_iter()
        .map(|(place, why)| {
            let (_, inside) = place.rsplit_once("!/").unwrap();
            (inside.to_owned(), why.contains("takes the file away, but"))
        })
        .collect();
    told.sort();
    told
}

/// What has to be told of an image in which a directory is put in another's place.
const REPLACED: [(&str, bool); 3] = [
    ("app/kept.env", false),
    ("conf/new.env", false),
    ("conf/old.env", true),
];

fn assert_replaced(path: &Path) {
    let told = taken_away(path);
    let told: Vec<_> = told
        .iter()
        .map(|(path, away)| (path.as_str(), *away))
        .collect();
    assert_eq!(told, REPLACED, "{}", path.display());
}

/// Two layers: files in two directories, and another directory in the place of one of them.
fn trees(dir: &Path) -> [std::path::PathBuf; 2] {
    let [low, high] = ["low", "high"].map(|name| dir.join(name));
    for (path, word) in [
        (low.join("app/kept.env"), "Aa1Bb2Cc3Dd4"),
        (low.join("conf/old.env"), "Ee5Ff6Gg7Hh8"),
        (high.join("conf/new.env"), "Ii9Jj0Kk1Ll2"),
    ] {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, env(&[word])).unwrap();
    }
    [low, high]
}

/// An image of buildah over one of its storage drivers: the low tree, then the high one's directory
/// in the place of the low one's. Nothing where this machine lets buildah not do it.
fn built(dir: &Path, driver: &str, [low, high]: [&Path; 2]) -> Option<std::path::PathBuf> {
    let at = |name: &str| dir.join(format!("{name}-{driver}")).display().to_string();
    let (store, run, policy) = (at("store"), at("run"), at("policy"));
    std::fs::write(
        &policy,
        r#"{"default":[{"type":"insecureAcceptAnything"}]}"#,
    )
    .unwrap();
    let store = [
        "--root",
        &store,
        "--runroot",
        &run,
        "--storage-driver",
        driver,
    ];
    let buildah = |words: &[&str]| {
        let done = Command::new("buildah").args(store).args(words).output();
        let done = done.ok().filter(|done| done.status.success())?;
        Some(String::from_utf8(done.stdout).unwrap().trim().to_owned())
    };
    let signed = ["--signature-policy", &policy];
    let commit = |container: &str, to: &str| {
        buildah(
            &[
                &["commit", "-q", "--format", "oci"],
                &signed[..],
                &[container, to],
            ]
            .concat(),
        )
    };
    let container = buildah(&[&["from"], &signed[..], &["scratch"]].concat())?;
    buildah(&["copy", &container, low.to_str().unwrap(), "/"])?;
    commit(&container, "base")?;
    let container = buildah(&[&["from", "--pull-never"], &signed[..], &["base"]].concat())?;
    let root = buildah(&["mount", &container])?;
    let conf = Path::new(&root).join("conf");
    std::fs::remove_dir_all(&conf).unwrap();
    std::fs::create_dir(&conf).unwrap();
    std::fs::copy(high.join("conf/new.env"), conf.join("new.env")).unwrap();
    let image = dir.join(format!("image-{driver}"));
    let done = commit(&container, &format!("oci:{}:shop", image.display()));
    buildah(&["umount", "--all"]);
    done.map(|_| image)
}

#[test]
fn an_image_of_buildah_says_what_its_later_layer_takes_away() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let [low, high] = trees(&dir);
    // The first driver writes down each file that is gone, the second that the directory is another.
    for driver in ["vfs", "overlay"] {
        match built(&dir, driver, [&low, &high]) {
            Some(image) => assert_replaced(&image),
            None => testkit::aloud(&format!(
                "skipped: no image of `buildah` over {driver}; `scripts/provide images` brings it"
            )),
        }
    }
}
