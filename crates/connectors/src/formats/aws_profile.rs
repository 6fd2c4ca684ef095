//! AWS profiles: `~/.aws/credentials` and `~/.aws/config`.

use std::collections::BTreeMap;

use super::text::{Section, expect_ini, ini, is_reference, secret};
use super::{FileAt, Format, FormatSpec, Seen};
use crate::aws_credential::aws_credential;

pub(super) struct AwsProfile;

impl Format for AwsProfile {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "aws_profile",
            reads: "access keys and sessions in AWS profiles",
            places: &["~/.aws/credentials", "~/.aws/config"],
        }
    }

    fn recognises(&self, path: &str, _name: &str) -> bool {
        path.ends_with("/.aws/credentials") || path.ends_with("/.aws/config")
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        // Readers of these files join sections of one name; `[profile x]` and `[x]` are one.
        let mut profiles: BTreeMap<&str, Section<'_>> = BTreeMap::new();
        let text = file.text(seen);
        expect_ini(text, &['='], seen);
        for section in ini(text) {
            let name = section.name.trim_start_matches("profile ").trim();
            profiles
                .entry(name)
                .or_default()
                .entries
                .extend(section.entries);
        }
        for (name, profile) in profiles {
            read_profile(name, &profile, seen);
        }
    }
}

fn read_profile(name: &str, profile: &Section<'_>, seen: &mut Seen) {
    let Some((value, line)) = profile.get("aws_secret_access_key") else {
        // A role to take on, single sign-on, a process to ask: no secret lies here.
        for word in [
            "role_arn",
            "sso_start_url",
            "sso_session",
            "credential_process",
        ] {
            if profile.get(word).is_some() {
                seen.set_aside("profile without a secret");
                break;
            }
        }
        return;
    };
    if is_reference(value) {
        return;
    }
    let key_id = profile
        .get("aws_access_key_id")
        .map_or("", |(value, _)| value);
    let session = profile.get("aws_session_token").is_some();
    match aws_credential(name, key_id, secret(value), session) {
        Some(found) => seen.found(found.line(line)),
        None => seen.broken(format!(
            "line {line}: expected an access key id beside the secret, got none of that form"
        )),
    }
}
