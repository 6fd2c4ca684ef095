//! Configurations and manifests of container images (OCI Image Format Specification 1.1, "Image
//! Configuration", "Image Manifest"; Docker writes the same).
//!
//! Secrets in environment variables, labels, annotations and in the commands of the history are
//! credentials, handed to the image, which is an identity (`container_image`, class workload).
//! What a build step was given stays in the history for everybody who has the image.

use std::collections::BTreeMap;

use model::{Attribute, Class, Kind};
use serde::Deserialize;

use super::literals::literals;
use super::{FileAt, Format, FormatSpec, Found, Seen, Thing};

pub(super) struct ImageConfig;

/// Steps of a history, arguments and variables that are looked at.
const LISTED_MAX: usize = 5_000;
/// Longer files are not taken for one.
const CONFIG_BYTES_MAX: usize = 1 << 20;
/// A longer command is not looked into for assignments; rules search it whole.
const COMMAND_BYTES_MAX: usize = 64 * 1024;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    architecture: Option<String>,
    os: Option<String>,
    config: Option<Run>,
    container_config: Option<Run>,
    history: Option<Vec<Step>>,
    annotations: Option<BTreeMap<String, String>>,
    layers: Option<serde::de::IgnoredAny>,
    rootfs: Option<serde::de::IgnoredAny>,
}

/// How a container of the image is started.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Run {
    #[serde(rename = "User")]
    user: Option<String>,
    #[serde(rename = "Env")]
    environment: Option<Vec<String>>,
    #[serde(rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
    #[serde(rename = "Cmd")]
    command: Option<Vec<String>>,
    #[serde(rename = "Entrypoint")]
    entry: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Step {
    created_by: Option<String>,
}

impl Format for ImageConfig {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "image_config",
            reads: "secrets in variables, labels and build steps of container images",
            places: &["blobs/sha256/*", "<digest>.json"],
        }
    }

    fn recognises(&self, _path: &str, _name: &str) -> bool {
        false
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        let has = |word: &[u8]| crate::armour::find(bytes, word).is_some();
        let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
        bytes.len() <= CONFIG_BYTES_MAX
            && is_object
            && (has(b"\"diff_ids\"") || (has(b"\"schemaVersion\"") && has(b"\"layers\"")))
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Ok(written) = serde_json::from_slice::<Written>(file.bytes) else {
            return seen
                .broken("expected the configuration or manifest of an image, got something else");
        };
        // A manifest names its layers, a configuration what is in them.
        if written.rootfs.is_none() && written.layers.is_none() {
            return;
        }
        let annotations = written.annotations.unwrap_or_default();
        named(&annotations, "annotation", file, seen);
        if written.rootfs.is_none() {
            return;
        }
        let run = written.config.unwrap_or_default();
        started(&run, file, seen);
        // What the last build step was given; Docker leaves it out since its version 25.
        started(&written.container_config.unwrap_or_default(), file, seen);
        let steps = written.history.unwrap_or_default();
        for (n, step) in steps.iter().enumerate().take(LISTED_MAX) {
            built(
                n + 1,
                step.created_by.as_deref().unwrap_or_default(),
                file,
                seen,
            );
        }
        let image = Thing::new(Kind::Identity, "image", "container_image")
            .is(Attribute::NAME, super::name_of(file.path))
            .is(Attribute::CLASS, Class::Workload)
            .maybe(Attribute::USER, run.user)
            .maybe(Attribute::named("architecture"), written.architecture)
            .maybe(Attribute::named("os"), written.os);
        seen.thing(image);
    }
}

fn started(run: &Run, file: &FileAt<'_>, seen: &mut Seen) {
    let environment = run.environment.iter().flatten().take(LISTED_MAX);
    let pairs = environment.filter_map(|one| one.split_once('='));
    told(pairs, "ENV", file, seen);
    named(&run.labels.clone().unwrap_or_default(), "LABEL", file, seen);
    for (within, words) in [("CMD", &run.command), ("ENTRYPOINT", &run.entry)] {
        let words: Vec<&str> = words
            .iter()
            .flatten()
            .take(LISTED_MAX)
            .map(String::as_str)
            .collect();
        told(super::literals::arguments(&words), within, file, seen);
    }
}

/// One step: `RUN |1 TOKEN=x /bin/sh -c …` in Docker's old words, a line of a Dockerfile else.
fn built(number: usize, command: &str, file: &FileAt<'_>, seen: &mut Seen) {
    if command.len() <= COMMAND_BYTES_MAX {
        let pairs = super::dockerfile::assigned(command);
        told(pairs, &format!("build step {number}"), file, seen);
    }
}

fn named(pairs: &BTreeMap<String, String>, within: &str, file: &FileAt<'_>, seen: &mut Seen) {
    let pairs = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    told(pairs, within, file, seen);
}

fn told<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    within: &str,
    file: &FileAt<'_>,
    seen: &mut Seen,
) {
    literals(pairs, within, file.bytes, seen, |found: Found| {
        found
            .is(Attribute::PURPOSE, "built into a container image")
            .used_in_file_by("image")
    });
}
