//! Container images: their layers in order, and what later layers take away.
//!
//! Sources: OCI Image Format Specification 1.1 (image index, manifest, layer changesets,
//! "Whiteouts"), OCI Image Layout 1.1, and the `manifest.json` that `docker save` writes.
//!
//! What a later layer deletes or replaces is still in the image: whoever has the image has all of
//! its layers.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use model::Secret;
use serde::Deserialize;
use serde_json::Value;

use crate::EntryKind;

/// An index may name other indexes, so deep at most.
const INDEX_DEPTH_MAX: usize = 4;
/// More images than this in one archive are told as plain archives.
const IMAGES_MAX: usize = 1_000;
/// An image has 127 layers at most where it is run; this bounds what is written down.
const LAYERS_MAX: usize = 10_000;

/// An image in an archive or a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Image {
    /// What it is called, where that is told: `shop:1.2`.
    pub(super) name: Option<String>,
    /// Where its layout begins: empty, or ending in a slash.
    pub(super) root: String,
    /// Where its configuration lies.
    pub(super) config: String,
    /// Where its manifest lies, where it has one of its own.
    pub(super) manifest: Option<String>,
    /// Its layers, the lowest first.
    pub(super) layers: Vec<Layer>,
}

/// A layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layer {
    /// Where its archive lies.
    pub(super) blob: String,
    /// `sha256:` and the digest: of the blob where it is named by it, else of what is in it.
    pub(super) digest: String,
}

/// A descriptor (OCI Content Descriptors).
#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

/// One image of `docker save`.
#[derive(Deserialize)]
struct Saved {
    #[serde(rename = "Config")]
    config: String,
    #[serde(rename = "RepoTags", default)]
    tags: Option<Vec<String>>,
    #[serde(rename = "Layers", default)]
    layers: Option<Vec<String>>,
}

/// The images that the documents of an archive, by their places in it, tell of.
pub(super) fn images(documents: &BTreeMap<String, Secret>) -> Vec<Image> {
    let mut found = Vec::new();
    // A name is told by the first, a manifest's place by the second alone.
    for (path, root) in at(documents, "manifest.json") {
        saved(documents, path, root, &mut found);
    }
    for (path, root) in at(documents, "index.json") {
        index(documents, path, root, None, 0, &mut found);
    }
    found
}

/// The documents called `name`, and the folder of each.
fn at<'a>(
    documents: &'a BTreeMap<String, Secret>,
    name: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    documents.keys().filter_map(move |path| {
        let root = path.strip_suffix(name)?;
        (root.is_empty() || root.ends_with('/')).then_some((path.as_str(), root))
    })
}

fn read<T: for<'de> Deserialize<'de>>(
    documents: &BTreeMap<String, Secret>,
    path: &str,
) -> Option<T> {
    serde_json::from_slice(documents.get(path)?.expose()).ok()
}

fn saved(documents: &BTreeMap<String, Secret>, path: &str, root: &str, found: &mut Vec<Image>) {
    let all: Vec<Saved> = read(documents, path).unwrap_or_default();
    for one in all.into_iter().take(IMAGES_MAX) {
        let config = format!("{root}{}", one.config);
        let told: Value = read(documents, &config).unwrap_or_default();
        let ids = told.pointer("/rootfs/diff_ids").and_then(Value::as_array);
        let layers = one.layers.unwrap_or_default().into_iter().take(LAYERS_MAX);
        let layers = layers.enumerate().map(|(n, path)| {
            let id = ids.and_then(|ids| ids.get(n)?.as_str());
            Layer {
                digest: match digest_of_blob(&path) {
                    Some(digest) => digest,
                    None => id.unwrap_or(&path).to_owned(),
                },
                blob: format!("{root}{path}"),
            }
        });
        found.push(Image {
            name: one.tags.unwrap_or_default().into_iter().next(),
            root: root.to_owned(),
            manifest: None,
            layers: layers.collect(),
            config,
        });
    }
}

fn index(
    documents: &BTreeMap<String, Secret>,
    path: &str,
    root: &str,
    named: Option<&str>,
    depth: usize,
    found: &mut Vec<Image>,
) {
    let Some(index_) = read::<Index>(documents, path) else {
        return;
    };
    for one in index_.manifests {
        let name = [
            "io.containerd.image.name",
            "org.opencontainers.image.ref.name",
        ]
        .iter()
        .find_map(|key| one.annotations.get(*key))
        .map(String::as_str)
        .or(named);
        let Some(blob) = blob_of(root, &one.digest) else {
            continue;
        };
        if found.len() >= IMAGES_MAX {
            return;
        }
        if let Some(manifest) = read::<Manifest>(documents, &blob) {
            take(manifest, blob, root, name, found);
        } else if depth < INDEX_DEPTH_MAX {
            index(documents, &blob, root, name, depth + 1, found);
        }
    }
}

fn take(manifest: Manifest, blob: String, root: &str, name: Option<&str>, found: &mut Vec<Image>) {
    let Some(config) = blob_of(root, &manifest.config.digest) else {
        return;
    };
    if let Some(known) = found.iter_mut().find(|image| image.config == config) {
        known.manifest.get_or_insert(blob);
        return;
    }
    let layers = manifest.layers.into_iter().take(LAYERS_MAX);
    let layers = layers.filter_map(|layer| {
        Some(Layer {
            blob: blob_of(root, &layer.digest)?,
            digest: layer.digest,
        })
    });
    found.push(Image {
        name: name.map(str::to_owned),
        root: root.to_owned(),
        config,
        manifest: Some(blob),
        layers: layers.collect(),
    });
}

/// Where a layout keeps what has this digest: `sha256:0a1b…`.
fn blob_of(root: &str, digest: &str) -> Option<String> {
    let (algorithm, hex) = digest.split_once(':')?;
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
    (plain(algorithm) && plain(hex)).then(|| format!("{root}blobs/{algorithm}/{hex}"))
}

/// The digest that a blob's place tells.
fn digest_of_blob(path: &str) -> Option<String> {
    let (algorithm, hex) = path.strip_prefix("blobs/")?.split_once('/')?;
    Some(format!("{algorithm}:{hex}"))
}

/// A digest, short enough to read.
pub(super) fn short(digest: &str) -> &str {
    let hex = digest.rsplit_once(':').map_or(digest, |(_, hex)| hex);
    hex.get(..12).unwrap_or(hex)
}

/// The names in one archive: what it holds, and what it takes away from those below it.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Hashes of the paths of everything but directories.
    there: BTreeSet<u64>,
    /// What is taken away.
    gone: BTreeSet<String>,
    /// Directories of which all that was below is taken away.
    emptied: BTreeSet<String>,
}

impl Names {
    /// Learns of one entry.
    pub(super) fn note(&mut self, path: &str, kind: EntryKind) {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        match name.strip_prefix(".wh.") {
            Some(".wh..opq") => {
                self.emptied.insert(dir.to_owned());
            }
            Some(gone) if dir.is_empty() => {
                self.gone.insert(gone.to_owned());
            }
            Some(gone) => {
                self.gone.insert(format!("{dir}/{gone}"));
            }
            None if kind != EntryKind::Directory => {
                self.there.insert(hash(path));
            }
            None => {}
        }
    }

    /// Whether what a lower layer has at `path` is no longer seen under this one.
    fn hides(&self, path: &str) -> bool {
        let mut at = path;
        loop {
            if self.gone.contains(at) || self.there.contains(&hash(at)) {
                return true;
            }
            at = match at.rsplit_once('/') {
                Some((dir, _)) => dir,
                None => return self.emptied.contains(""),
            };
            if self.emptied.contains(at) {
                return true;
            }
        }
    }
}

fn hash(path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

/// The layer that takes away or replaces what the layer numbered `at` (from 0) has at `path`.
pub(super) fn hidden_by<'a>(
    image: &'a Image,
    at: usize,
    path: &str,
    names: &BTreeMap<String, Names>,
) -> Option<&'a Layer> {
    let later = image.layers.iter().skip(at + 1);
    later
        .filter(|layer| layer.blob != image.layers[at].blob)
        .find(|layer| {
            names
                .get(&layer.blob)
                .is_some_and(|names| names.hides(path))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(all: &[(&str, &str)]) -> BTreeMap<String, Secret> {
        let secret = |(path, text): &(&str, &str)| ((*path).to_owned(), Secret::from(*text));
        all.iter().map(secret).collect()
    }

    fn names(entries: &[&str]) -> Names {
        let mut names = Names::default();
        for path in entries {
            match path.strip_suffix('/') {
                Some(dir) => names.note(dir, EntryKind::Directory),
                None => names.note(path, EntryKind::File),
            }
        }
        names
    }

    #[test]
    fn an_image_is_told_once_by_its_layout_and_by_what_docker_wrote_beside_it() {
        let found = images(&documents(&[
            ("index.json", r#"{"manifests":[{"digest":"sha256:aa"}]}"#),
            (
                "blobs/sha256/aa",
                r#"{"config":{"digest":"sha256:cc"},"layers":[{"digest":"sha256:l1"}]}"#,
            ),
            (
                "manifest.json",
                r#"[{"Config":"blobs/sha256/cc","RepoTags":["shop:1"],"Layers":["blobs/sha256/l1"]}]"#,
            ),
        ]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name.as_deref(), Some("shop:1"));
        assert_eq!(found[0].manifest.as_deref(), Some("blobs/sha256/aa"));
        assert_eq!(found[0].layers[0].digest, "sha256:l1");
    }

    #[test]
    fn an_index_that_names_itself_ends() {
        let found = images(&documents(&[
            ("index.json", r#"{"manifests":[{"digest":"sha256:aa"}]}"#),
            (
                "blobs/sha256/aa",
                r#"{"manifests":[{"digest":"sha256:aa"},{"digest":"sha256:aa"}]}"#,
            ),
        ]));
        assert_eq!(found, []);
    }

    #[test]
    fn a_digest_is_never_a_way_out_of_the_layout() {
        assert_eq!(blob_of("", "sha256:../../etc/passwd"), None);
        assert_eq!(blob_of("", "../x:aa"), None);
        assert_eq!(
            blob_of("a/", "sha256:0a").as_deref(),
            Some("a/blobs/sha256/0a")
        );
    }

    #[test]
    fn a_layer_hides_what_it_deletes_replaces_or_empties_and_nothing_beside_it() {
        for (entries, path, hidden) in [
            (&["etc/.wh.key"][..], "etc/key", true),
            (&["etc/.wh.key"], "etc/keys", false),
            (&[".wh.etc"], "etc/app/key", true),
            (&["etc/.wh..wh..opq"], "etc/app/key", true),
            (&["etc/.wh..wh..opq"], "etcetera/key", false),
            (&[".wh..wh..opq"], "key", true),
            (&["etc/key"], "etc/key", true),
            (&["etc"], "etc/key", true),
            (&["etc/"], "etc/key", false),
        ] {
            assert_eq!(names(entries).hides(path), hidden, "{entries:?} {path}");
        }
    }
}
