//! Dockerfiles and Containerfiles (Docker Docs, "Dockerfile reference").
//!
//! Secrets written down in `ENV`, `ARG`, `LABEL` and in the variables of `RUN` are credentials,
//! handed to the image, which is an identity (`container_image`, class workload). The image
//! tells `secrets` (ids of `RUN --mount=type=secret`, which stay out of its layers),
//! `secret_arguments` (`ARG`s that sound secret: their values stay in the image's history),
//! `key_files` (copied into a layer), `bases`, `unpinned_bases` (without a digest), `user`.

use std::collections::BTreeSet;

use model::{Attribute, Class, Kind};

use super::literals::{literals, sounds_secret};
use super::text::lines;
use super::{FileAt, Format, FormatSpec, Found, Seen, Thing};

/// A longer instruction is not looked into further.
const INSTRUCTION_BYTES_MAX: usize = 64 * 1024;

pub(super) struct Dockerfile;

impl Format for Dockerfile {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "dockerfile",
            reads: "secrets that are built into container images, and key files copied into them",
            places: &[
                "Dockerfile",
                "Containerfile",
                "*.Dockerfile",
                "Dockerfile.*",
            ],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        ["Dockerfile", "Containerfile", "dockerfile"]
            .iter()
            .any(|word| {
                let rest = name.strip_prefix(word);
                let before = name.strip_suffix(word);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
                    || before.is_some_and(|before| before.ends_with('.'))
            })
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let text = file.text(seen);
        let mut image = Image::default();
        let instructions = instructions(text);
        let begins = |text: &String| text.trim_start().to_ascii_uppercase().starts_with("FROM ");
        image.left = instructions.iter().filter(|text| begins(text)).count();
        for instruction in instructions {
            image.instruction(&instruction, file.bytes, seen);
        }
        image.told(file.path, seen);
    }
}

/// Instructions with their continued lines joined.
fn instructions(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut current = String::new();
    for (_, line) in lines(text) {
        let line = line.trim();
        if line.starts_with('#') || (line.is_empty() && current.is_empty()) {
            continue;
        }
        let (part, goes_on) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        if current.len() < INSTRUCTION_BYTES_MAX {
            current.push_str(part);
            current.push(' ');
        }
        if !goes_on {
            out.push(std::mem::take(&mut current));
        }
    }
    out.push(current);
    out
}

#[derive(Default)]
struct Image {
    /// Stages that still begin: of all of them only the last is shipped.
    left: usize,
    bases: BTreeSet<String>,
    stages: BTreeSet<String>,
    secrets: BTreeSet<String>,
    arguments: BTreeSet<String>,
    key_files: BTreeSet<String>,
    user: Option<String>,
}

impl Image {
    fn instruction(&mut self, text: &str, file: &[u8], seen: &mut Seen) {
        let (word, rest) = text
            .trim()
            .split_once(char::is_whitespace)
            .unwrap_or_default();
        let (word, rest) = match word.eq_ignore_ascii_case("ONBUILD") {
            true => rest
                .trim()
                .split_once(char::is_whitespace)
                .unwrap_or_default(),
            false => (word, rest),
        };
        let rest = rest.trim();
        let shipped = self.left == 0;
        match word.to_ascii_uppercase().as_str() {
            "FROM" => {
                self.left = self.left.saturating_sub(1);
                self.from(rest);
            }
            "ENV" | "LABEL" => values(&assigned(rest), word, shipped, file, seen),
            "ARG" => {
                let pairs = assigned(rest);
                values(&pairs, word, shipped, file, seen);
                let names = pairs
                    .iter()
                    .map(|(name, _)| *name)
                    .chain(rest.split_whitespace().filter(|name| !name.contains('=')));
                let secret = names.filter(|name| sounds_secret(name));
                self.arguments.extend(secret.map(str::to_owned));
            }
            "RUN" => {
                self.mounts(rest);
                values(&assigned(rest), word, shipped, file, seen);
            }
            "COPY" | "ADD" => self.copied(rest),
            "USER" => self.user = rest.split_whitespace().next().map(str::to_owned),
            _ => {}
        }
    }

    fn from(&mut self, rest: &str) {
        let mut words = rest
            .split_whitespace()
            .filter(|word| !word.starts_with("--"));
        let base = words.next().unwrap_or_default();
        // A stage built before is no image from elsewhere.
        if !base.is_empty() && base != "scratch" && !self.stages.contains(base) {
            self.bases.insert(base.to_owned());
        }
        if let (Some(word), Some(name)) = (words.next(), words.next())
            && word.eq_ignore_ascii_case("as")
        {
            self.stages.insert(name.to_owned());
        }
    }

    fn mounts(&mut self, rest: &str) {
        for mount in rest.split_whitespace() {
            let Some(mount) = mount.strip_prefix("--mount=") else {
                continue;
            };
            if !mount.contains("type=secret") && !mount.contains("type=ssh") {
                continue;
            }
            let get = |name| mount.split(',').find_map(|part| part.strip_prefix(name));
            let target = get("target=").or(get("dst=")).or(get("destination="));
            let target = target.and_then(|path| path.rsplit('/').next());
            let usual = if mount.contains("type=ssh") {
                "ssh"
            } else {
                "secret"
            };
            let id = get("id=").or(target).unwrap_or(usual);
            self.secrets.insert(id.to_owned());
        }
    }

    fn copied(&mut self, rest: &str) {
        // From another stage it was in a layer before.
        let words: Vec<_> = rest
            .split([' ', '\t', '[', ']', ','])
            .map(|word| word.trim_matches('"'))
            .filter(|word| !word.is_empty() && !word.starts_with("--"))
            .collect();
        if let [sources @ .., _] = words.as_slice() {
            let keys = sources.iter().filter(|source| is_key_file(source));
            self.key_files.extend(keys.map(|key| (*key).to_owned()));
        }
    }

    fn told(self, path: &str, seen: &mut Seen) {
        let some = |list: BTreeSet<String>| {
            (!list.is_empty()).then(|| list.into_iter().collect::<Vec<_>>())
        };
        let directory = path.rsplit('/').nth(1).unwrap_or("image");
        let unpinned: BTreeSet<String> = self
            .bases
            .iter()
            .filter(|base| !base.contains("@sha256:") && !base.contains('$'))
            .cloned()
            .collect();
        for secret in &self.secrets {
            let found = Found::referenced(format!("secret {secret}"), secret, "whoever builds it");
            seen.found(found.used_in_file_by("image"));
        }
        let image = Thing::new(Kind::Identity, "image", "container_image")
            .is(Attribute::NAME, directory)
            .is(Attribute::CLASS, Class::Workload)
            .maybe(Attribute::USER, self.user)
            .maybe(Attribute::named("bases"), some(self.bases))
            .maybe(Attribute::named("unpinned_bases"), some(unpinned))
            .maybe(Attribute::named("secrets"), some(self.secrets))
            .maybe(Attribute::named("secret_arguments"), some(self.arguments))
            .maybe(Attribute::named("key_files"), some(self.key_files));
        seen.thing(image);
    }
}

fn values(pairs: &[(&str, &str)], word: &str, shipped: bool, file: &[u8], seen: &mut Seen) {
    let purpose = match shipped {
        true => "built into a container image",
        false => "used in a stage that is built before the image",
    };
    let within = word.to_ascii_uppercase();
    literals(pairs.iter().copied(), &within, file, seen, |found| {
        found
            .is(Attribute::PURPOSE, purpose)
            .used_in_file_by("image")
    });
}

/// `NAME=value NAME="value"`, and the old `NAME value`.
pub(super) fn assigned(rest: &str) -> Vec<(&str, &str)> {
    let mut out = Vec::new();
    let mut left = rest;
    while let Some(at) = left.find('=') {
        let name = left[..at]
            .rsplit(|c: char| !is_name(c))
            .next()
            .unwrap_or_default();
        let value = &left[at + 1..];
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, behind) = match quote {
            Some(quote) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            None => match value.find([' ', '\t', ';', '&']) {
                Some(end) => value.split_at(end),
                None => (value, ""),
            },
        };
        if !name.is_empty() {
            out.push((name, value));
        }
        left = behind;
    }
    if out.is_empty()
        && let Some((name, value)) = rest.split_once(char::is_whitespace)
        && name.chars().all(is_name)
    {
        out.push((name, value.trim()));
    }
    out
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

fn is_key_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let ends = [".pem", ".key", ".p12", ".pfx", ".jks", ".ppk", ".keystore"];
    ends.iter().any(|end| name.ends_with(end))
        || matches!(
            name,
            "id_rsa"
                | "id_ed25519"
                | "id_ecdsa"
                | ".env"
                | ".npmrc"
                | ".netrc"
                | ".pypirc"
                | ".git-credentials"
                | ".pgpass"
                | ".dockercfg"
                | "credentials"
                | "kubeconfig"
        )
        || [".ssh", ".aws", ".kube"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_in_each_form() {
        assert_eq!(
            assigned("A=1 B=\"two words\" C='x'"),
            [("A", "1"), ("B", "two words"), ("C", "x")]
        );
        assert_eq!(assigned("OLD some value"), [("OLD", "some value")]);
        assert_eq!(assigned("curl -H x && TOKEN=abc ./run"), [("TOKEN", "abc")]);
    }

    #[test]
    fn only_the_last_stage_is_shipped_and_a_mounted_secret_is_none_of_the_image() {
        let text = "FROM node AS build\nARG NPM_TOKEN=aS3dFgH7jKl1\nRUN --mount=type=secret,target=/run/pip.conf pip install x\nFROM scratch\nENV API_TOKEN=qW4eRtY8uIo2\nONBUILD ENV DB_PASSWORD=zX5cVbN9mAs3\n";
        let mut seen = Seen::default();
        let file = FileAt {
            path: "/c/Dockerfile",
            bytes: text.as_bytes(),
        };
        Dockerfile.read(&file, &mut seen);
        let told: Vec<_> = seen
            .found
            .iter()
            .map(|one| {
                let purpose = one.told.fact(&Attribute::PURPOSE);
                let purpose = purpose.is().map(ToString::to_string).unwrap_or_default();
                (one.field.as_str(), purpose, one.secret.is_some())
            })
            .collect();
        let image = "built into a container image".to_owned();
        let stage = "used in a stage that is built before the image".to_owned();
        assert_eq!(
            told,
            [
                ("ARG.NPM_TOKEN", stage, true),
                ("ENV.API_TOKEN", image.clone(), true),
                ("ENV.DB_PASSWORD", image, true),
                ("secret pip.conf", String::new(), false),
            ]
        );
    }
}
