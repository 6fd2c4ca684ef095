//! Jenkins pipelines: a `Jenkinsfile` is Groovy, of which only the names of credentials, roles,
//! libraries and written-down values are read.
//!
//! The pipeline is one identity. `unpinned_libraries` are shared libraries that are fixed to no
//! commit.

use super::{Job, Jobs};
use crate::formats::literals::literals;
use crate::formats::text::lines;
use crate::formats::{FileAt, Format, FormatSpec, Seen};

/// Names whose quoted value is the id of a stored credential.
const IDS: &[&str] = &[
    "credentialsId:",
    "credentialsId",
    "credentials(",
    "sshagent(",
    "withCredentials(",
    "registryCredentialsId",
    "vaultCredentialId:",
    "tokenCredentialId:",
    "withRegistry(",
    // Bindings that take nothing but the id.
    "azureServicePrincipal(",
    "usernameColonPassword(",
    "amazonWebServicesCredentials(",
];

pub(in crate::formats) struct Jenkins;

impl Format for Jenkins {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "jenkins",
            reads: "Jenkins pipelines: ids of the credentials they use, and values written down",
            places: &["Jenkinsfile", "Jenkinsfile.*", "*.jenkinsfile"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        name.starts_with("Jenkinsfile") || name.ends_with(".jenkinsfile")
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        let mut roll = Jobs::new("jenkins credentials");
        let mut job = Job::new(file.name(), "jenkins_pipeline");
        let mut values = Vec::new();
        for (_, line) in lines(file.text(seen)) {
            let line = line.trim();
            if line.starts_with("//") || line.starts_with('*') {
                continue;
            }
            read_line(line, &mut job);
            values.extend(assigned(line));
        }
        literals(values, "environment", file.bytes, seen, |found| {
            found.used_in_file_by(&job.field)
        });
        roll.add(job, seen);
        roll.settle(seen);
    }
}

fn read_line(line: &str, job: &mut Job) {
    for before in IDS {
        for (at, _) in line.match_indices(before).take(16) {
            let rest = &line[at + before.len()..];
            let ids = match *before {
                "withCredentials(" => None,
                // The address comes first.
                "withRegistry(" => rest.split_once(',').and_then(|(_, id)| quoted(id)),
                _ => quoted(rest),
            };
            job.handed(ids);
        }
    }
    if let Some((_, rest)) = line.split_once("withAWS(") {
        let role = rest.split_once("role:").and_then(|(_, role)| quoted(role));
        let stored = rest
            .split_once("credentials:")
            .and_then(|(_, id)| quoted(id));
        if let Some(role) = role {
            job.tells("assumes", role);
        }
        if let Some(id) = stored {
            job.handed([id]);
            job.tells("static_logins", "aws");
        }
    }
    for (binding, system) in [
        ("AmazonWebServicesCredentialsBinding", "aws"),
        ("azureServicePrincipal(", "azure"),
    ] {
        if line.contains(binding) {
            job.tells("static_logins", system);
        }
    }
    if let Some((_, rest)) = line.split_once("@Library(")
        && let Some(library) = quoted(rest.trim_start_matches('['))
    {
        let version = library.split_once('@').map_or("", |(_, version)| version);
        if version.len() != 40 || !version.chars().all(|c| c.is_ascii_hexdigit()) {
            job.tells("unpinned_libraries", library);
        }
    }
    if let Some((_, rest)) = line.split_once("label ")
        && let Some(label) = quoted(rest)
    {
        job.tells("runs_on", label);
    }
}

/// The quoted text that `rest` begins with, but for signs.
fn quoted(rest: &str) -> Option<&str> {
    let rest = rest.trim_start_matches([' ', ':', '=', '[', '(']);
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let text = rest[1..].split(quote).next()?;
    let plain = |c: char| c.is_alphanumeric() || "-_./@:".contains(c);
    (!text.is_empty() && text.len() <= 200 && text.chars().all(plain)).then_some(text)
}

/// `NAME = 'value'` and `NAME: 'value'`.
fn assigned(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("def ").unwrap_or(line);
    let (name, value) = line.split_once(['=', ':'])?;
    let name = name.trim().trim_start_matches("env.");
    let value = value.trim();
    let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let value = value[1..].split(quote).next()?;
    let plain = name.chars().all(super::is_name) && !name.is_empty();
    (plain && !value.contains('$')).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use model::Attribute;

    use super::*;

    #[test]
    fn a_binding_that_takes_an_id_alone_names_a_credential() {
        for line in [
            "withCredentials([azureServicePrincipal('deploy-azure')]) {",
            "withCredentials([azureServicePrincipal(credentialsId: 'deploy-azure')]) {",
        ] {
            let mut seen = Seen::default();
            let file = FileAt {
                path: "/r/Jenkinsfile",
                bytes: line.as_bytes(),
            };
            Jenkins.read(&file, &mut seen);
            let told = |name: &'static str| {
                let fact = seen.things[0].told.fact(&Attribute::named(name));
                fact.is().map(ToString::to_string).unwrap_or_default()
            };
            assert!(told("secrets").contains("deploy-azure"), "{line}");
            assert!(told("static_logins").contains("azure"), "{line}");
        }
    }
}
