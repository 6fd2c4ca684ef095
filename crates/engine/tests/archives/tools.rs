//! Images that umoci and skopeo made, where they are (`scripts/provide images`): layers under
//! gzip and zstd, whiteouts, and the forms that an image is saved in.

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
