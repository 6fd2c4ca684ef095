//! Compose files (the Compose Specification).
//!
//! Each service is an identity (`compose_service`, class workload; `package` is its image,
//! `pinned` whether by digest; `privileged`, `host_network`, `container_socket` where it can
//! reach its host). Values in `environment`, build arguments and labels are credentials it
//! works with; entries of `secrets` are credentials by reference (`kept_in`), as are variables
//! filled in from the shell whose names sound secret. `env_files` are named.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attribute, Class, Kind};
use serde_json::Value;

use super::literals::{literals, sounds_secret};
use super::text::is_reference;
use super::{FileAt, Format, FormatSpec, Found, Seen, Thing, tree};

/// More services than this in one file are not looked at.
const SERVICES_MAX: usize = 500;
/// Services that extend one another are followed no further than this.
const EXTENDS_MAX: usize = 8;

pub(super) struct Compose;

impl Format for Compose {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "compose",
            reads: "services of compose files, the secrets they are given, and values written down",
            places: &["compose.yaml", "docker-compose.yml", "docker-compose.*.yml"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        let stem = name
            .strip_suffix(".yml")
            .or_else(|| name.strip_suffix(".yaml"));
        stem.is_some_and(|stem| {
            ["docker-compose", "compose", "podman-compose"]
                .iter()
                .filter_map(|start| stem.strip_prefix(start))
                .any(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']))
        })
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let Some(value) = tree::yaml(file, seen) else {
            return;
        };
        tree::expect_tables(&value, "services", seen);
        let mut users: BTreeMap<(String, &'static str), BTreeSet<String>> = BTreeMap::new();
        for (name, service) in tree::members(&value, &["services"]).take(SERVICES_MAX) {
            let service = &extended(service, &value);
            let field = format!("service {name}");
            for part in [&["environment"][..], &["build", "args"], &["labels"]] {
                let pairs = pairs(service, part);
                let within = format!("services.{name}.{}", part.join("."));
                let values = pairs.iter().copied();
                literals(values, &within, file.bytes, seen, |found| {
                    found.used_in_file_by(&field)
                });
                for (variable, value) in pairs {
                    let given = fallback(value);
                    if let Some(given) = given {
                        let value = [(variable, given)];
                        literals(value, &within, file.bytes, seen, |found| {
                            found.used_in_file_by(&field)
                        });
                    }
                    if sounds_secret(variable) && given.is_none() && is_reference(value) {
                        let key = (variable.to_owned(), "the environment of whoever starts it");
                        users.entry(key).or_default().insert(field.clone());
                    }
                }
            }
            for secret in secrets(service) {
                let key = (secret.to_owned(), kept_in(&value, secret));
                users.entry(key).or_default().insert(field.clone());
            }
            seen.thing(told(name, &field, service));
        }
        for ((name, kept_in), users) in users {
            let mut found = Found::referenced(format!("secret {name}"), &name, kept_in);
            for user in users {
                found = found.used_in_file_by(&user);
            }
            seen.found(found);
        }
    }
}

fn told(name: &str, field: &str, service: &Value) -> Thing {
    let image = tree::text(service, &["image"]);
    let flag = |name: &str| service.get(name).and_then(Value::as_bool);
    let volumes = tree::list(service, &["volumes"]).iter();
    let sources = volumes.filter_map(|one| one.as_str().or_else(|| tree::text(one, &["source"])));
    let socket = sources
        .filter(|source| source.contains("docker.sock") || source.contains("podman.sock"))
        .count();
    let host = tree::text(service, &["network_mode"]) == Some("host");
    let mut files = tree::texts(service, &["env_file"]);
    files.extend(
        tree::list(service, &["env_file"])
            .iter()
            .filter_map(|one| tree::text(one, &["path"])),
    );
    let files: Vec<String> = files.into_iter().map(str::to_owned).collect();
    Thing::new(Kind::Identity, field, "compose_service")
        .is(Attribute::NAME, name)
        .is(Attribute::CLASS, Class::Workload)
        .maybe(Attribute::named("package"), image)
        .maybe(
            Attribute::named("pinned"),
            image.map(|image| image.contains("@sha256:")),
        )
        .maybe(Attribute::USER, tree::text(service, &["user"]))
        .maybe(
            Attribute::named("env_files"),
            (!files.is_empty()).then_some(files),
        )
        .maybe(Attribute::named("privileged"), flag("privileged"))
        .maybe(Attribute::named("host_network"), host.then_some(true))
        .maybe(
            Attribute::named("container_socket"),
            (socket > 0).then_some(true),
        )
}

/// The names and values at `path`, in either form: a table, or a list of `NAME=value`.
fn pairs<'a>(value: &'a Value, path: &[&str]) -> Vec<(&'a str, &'a str)> {
    let mut out = tree::pairs(value, path);
    for text in tree::list(value, path).iter().filter_map(Value::as_str) {
        out.push(text.split_once('=').unwrap_or((text, "")));
    }
    // A name without a value is filled in from the shell.
    let empty = tree::members(value, path).filter(|(_, value)| value.is_null());
    out.extend(empty.map(|(name, _)| (name, "")));
    out
}

/// What is taken where the shell has no such variable: `${NAME:-this}`.
fn fallback(value: &str) -> Option<&str> {
    let inner = value.trim().strip_prefix("${")?.strip_suffix('}')?;
    let (_, given) = inner.split_once(":-").or_else(|| inner.split_once('-'))?;
    (!given.is_empty() && !is_reference(given)).then_some(given)
}

/// A service with what the service of this file that it extends brings; its own wins.
fn extended(service: &Value, whole: &Value) -> Value {
    let mut out = service.clone();
    let mut from = service;
    for _ in 0..EXTENDS_MAX {
        let elsewhere = tree::text(from, &["extends", "file"]).is_some();
        let base = tree::text(from, &["extends", "service"]).or(tree::text(from, &["extends"]));
        let base = base
            .filter(|_| !elsewhere)
            .and_then(|name| whole.get("services")?.get(name));
        let (Some(base), Value::Object(own)) = (base, &mut out) else {
            break;
        };
        for (name, value) in tree::members(base, &[]) {
            match (own.get_mut(name), value) {
                (Some(Value::Object(own)), Value::Object(table)) => {
                    for (name, value) in table {
                        own.entry(name.clone()).or_insert_with(|| value.clone());
                    }
                }
                // A list of variables and one of secrets add up.
                (Some(Value::Array(own)), Value::Array(list)) => own.extend(list.iter().cloned()),
                (Some(_), _) => {}
                (None, value) => {
                    own.insert(name.to_owned(), value.clone());
                }
            }
        }
        from = base;
    }
    out
}

/// The secrets a service, or its build, is given.
fn secrets(service: &Value) -> Vec<&str> {
    let lists = [&["secrets"][..], &["build", "secrets"]];
    lists
        .iter()
        .flat_map(|path| tree::list(service, path))
        .filter_map(|one| one.as_str().or_else(|| tree::text(one, &["source"])))
        .collect()
}

/// Where the secret `name` comes from.
fn kept_in(whole: &Value, name: &str) -> &'static str {
    let told = whole.get("secrets").and_then(|all| all.get(name));
    match told {
        Some(told) if told.get("file").is_some() => "a file",
        Some(told) if told.get("environment").is_some() => "the environment of whoever starts it",
        _ => "the engine's secrets",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<(String, bool)> {
        let mut seen = Seen::default();
        let file = FileAt {
            path: "/c/compose.yaml",
            bytes: text.as_bytes(),
        };
        Compose.read(&file, &mut seen);
        assert!(seen.gaps.is_empty(), "{:?}", seen.gaps);
        let found = seen.found.into_iter();
        found.map(|one| (one.field, one.secret.is_some())).collect()
    }

    #[test]
    fn what_stands_in_for_a_missing_variable_is_a_secret_written_down() {
        let text = "services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: ${PW:-tR7uJmN3bVc}\n      OTHER_PASSWORD: ${OTHER:?needed}\n      POSTGRES_PASSWORD_FILE: /run/secrets/pw\n";
        assert_eq!(
            fields(text),
            [
                ("services.db.environment.POSTGRES_PASSWORD".to_owned(), true),
                ("secret OTHER_PASSWORD".to_owned(), false),
            ]
        );
    }

    #[test]
    fn a_service_is_what_it_extends_or_merges_as_well() {
        let text = "x-env: &env {API_TOKEN: eX4cVbN8mKl2}\nservices:\n  base:\n    secrets: [shared]\n  a:\n    extends: {service: base}\n    environment:\n      <<: *env\n  loop:\n    extends: loop\n";
        let told = fields(text);
        assert!(
            told.contains(&("services.a.environment.API_TOKEN".to_owned(), true)),
            "{told:?}"
        );
        assert!(
            told.contains(&("secret shared".to_owned(), false)),
            "{told:?}"
        );
    }
}
