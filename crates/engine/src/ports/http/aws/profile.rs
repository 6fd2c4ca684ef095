//! What a profile of a person's own configuration says of how it lets in: by what at first, and
//! which roles are taken on from there.
//!
//! Source: AWS SDKs and Tools Reference Guide: shared config and credentials files, Assume role,
//! IAM Identity Center and Process credential providers. In what order a profile's words count
//! is aws-config's own (`profile/credentials/repr.rs`).

use aws_config::profile::{Profile, ProfileSet};
use aws_credential_types::Credentials;
use connectors::Refusal;

use super::center::Center;
use super::chain::{nobody, shown};
use crate::ports::http::sign::Role;

/// Profiles that one may lead to through others.
const PROFILES_MAX: usize = 16;

/// How a profile lets in.
pub(super) struct Way {
    /// The profile that was chosen.
    pub(super) profile: String,
    /// The one whose credentials come first.
    pub(super) by: String,
    pub(super) first: First,
    /// The roles that are taken on from there, in their order.
    pub(super) roles: Vec<Role>,
}

/// By what a profile lets in at first.
pub(super) enum First {
    /// A key pair in the files themselves.
    Keys(Credentials),
    /// A role that IAM Identity Center gives whoever signed in.
    Center(Center),
    /// A program that prints it.
    Program(String),
    /// A role that is given for a token in a file.
    Token { file: String, role: Role },
    /// What `credential_source` names: the environment, the container, the instance.
    Named(String),
}

/// How the profile that `set` has chosen lets in; nothing where it says nothing of that. That it
/// is not there is a refusal where it was `named`.
pub(super) fn way(set: &ProfileSet, named: bool) -> Result<Option<Way>, Refusal> {
    let chosen = set.selected_profile();
    let mut name = chosen;
    let mut met: Vec<&str> = Vec::new();
    let mut roles = Vec::new();
    let first = loop {
        let Some(profile) = set.get_profile(name) else {
            if met.is_empty() && !named && chosen == "default" {
                return Ok(None);
            }
            return Err(nobody(&format!(
                "`~/.aws/config` and `~/.aws/credentials` have no profile `{}`; \
                 `aws configure list-profiles` shows those that there are",
                shown(name)
            )));
        };
        if met.contains(&name) || met.len() >= PROFILES_MAX {
            return Err(nobody(&format!(
                "the profile `{}` leads back to itself by `source_profile`",
                shown(chosen)
            )));
        }
        // Where another profile starts from this one, its keys come before its role.
        let keys = if met.is_empty() { None } else { keys(profile)? };
        met.push(name);
        if let Some(keys) = keys {
            break Some(First::Keys(keys));
        }
        let Some(role) = role(profile)? else {
            break first(set, profile)?;
        };
        let source = profile.get("source_profile");
        if source.is_none() && profile.get("credential_source").is_none() {
            return Err(nobody(&format!(
                "the profile `{}` has a `role_arn`, and neither `source_profile` nor \
                 `credential_source` to take it on from",
                shown(name)
            )));
        }
        roles.push(role);
        match source {
            Some(other) if other != name => name = other,
            _ => break first(set, profile)?,
        }
    };
    let Some(first) = first else {
        if met.len() == 1 && roles.is_empty() {
            return Ok(None);
        }
        return Err(nobody(&format!(
            "the profile `{}` is to let in first, and holds nothing that does",
            shown(name)
        )));
    };
    roles.reverse();
    Ok(Some(Way {
        profile: chosen.to_owned(),
        by: name.to_owned(),
        first,
        roles,
    }))
}

/// By what `profile` lets in without another.
fn first(set: &ProfileSet, profile: &Profile) -> Result<Option<First>, Refusal> {
    if let Some(source) = profile.get("credential_source") {
        return Ok(Some(First::Named(source.to_owned())));
    }
    if let (Some(file), Some(arn)) = (
        profile.get("web_identity_token_file"),
        profile.get("role_arn"),
    ) {
        return Ok(Some(First::Token {
            file: file.to_owned(),
            role: told(profile, arn)?,
        }));
    }
    if let Some(center) = center(set, profile)? {
        return Ok(Some(First::Center(center)));
    }
    if profile.get("login_session").is_some() {
        return Err(nobody(&format!(
            "the profile `{0}` signs in by `aws login`, which Keyroll cannot read; run first: \
             eval \"$(aws configure export-credentials --profile {0} --format env)\", then name \
             no profile",
            shown(profile.name())
        )));
    }
    if let Some(program) = profile.get("credential_process") {
        return Ok(Some(First::Program(program.to_owned())));
    }
    Ok(keys(profile)?.map(First::Keys))
}

fn keys(profile: &Profile) -> Result<Option<Credentials>, Refusal> {
    let get = |name| profile.get(name).map(str::to_owned);
    match (get("aws_access_key_id"), get("aws_secret_access_key")) {
        (Some(id), Some(secret)) => {
            let token = get("aws_session_token");
            Ok(Some(Credentials::new(id, secret, token, None, "profile")))
        }
        (None, None) => Ok(None),
        _ => Err(nobody(&format!(
            "the profile `{}` holds one half of a key pair: it wants `aws_access_key_id` and \
             `aws_secret_access_key`",
            shown(profile.name())
        ))),
    }
}

/// The role that is taken on from another profile; a token in a file is no such start.
fn role(profile: &Profile) -> Result<Option<Role>, Refusal> {
    if profile.get("web_identity_token_file").is_some() {
        return Ok(None);
    }
    let Some(arn) = profile.get("role_arn") else {
        return Ok(None);
    };
    if profile.get("mfa_serial").is_some() {
        return Err(nobody(&format!(
            "the role of the profile `{0}` wants a code of a second factor (`mfa_serial`), which \
             nobody is asked for here; run first: eval \"$(aws configure export-credentials \
             --profile {0} --format env)\", then name no profile",
            shown(profile.name())
        )));
    }
    told(profile, arn).map(Some)
}

/// What a profile says of a role.
fn told(profile: &Profile, arn: &str) -> Result<Role, Refusal> {
    let seconds = profile.get("duration_seconds").map(|text| {
        let seconds = text.trim().parse::<u32>().ok();
        seconds
            .filter(|n| (900..=43_200).contains(n))
            .ok_or_else(|| {
                nobody(&format!(
                    "expected `duration_seconds` from 900 to 43200 in the profile `{}`",
                    shown(profile.name())
                ))
            })
    });
    Ok(Role {
        arn: arn.to_owned(),
        external_id: profile.get("external_id").map(str::to_owned),
        session: profile.get("role_session_name").map(str::to_owned),
        seconds: seconds.transpose()?,
    })
}

/// What a profile says of IAM Identity Center, in a section of its own or, as before that, in
/// itself.
fn center(set: &ProfileSet, profile: &Profile) -> Result<Option<Center>, Refusal> {
    let session = profile.get("sso_session");
    let mut place = (profile.get("sso_region"), profile.get("sso_start_url"));
    let given = (profile.get("sso_account_id"), profile.get("sso_role_name"));
    let some = [session, place.0, place.1, given.0, given.1];
    if some.iter().all(Option::is_none) {
        return Ok(None);
    }
    if let Some(session) = session {
        let Some(section) = set.sso_session(session) else {
            return Err(nobody(&format!(
                "the profile `{}` names `[sso-session {}]`, which is not in `~/.aws/config`",
                shown(profile.name()),
                shown(session)
            )));
        };
        place = (section.get("sso_region"), section.get("sso_start_url"));
    }
    let ((Some(region), Some(start)), (Some(account), Some(role))) = (place, given) else {
        return Err(nobody(&format!(
            "the profile `{}` signs in by IAM Identity Center: it wants `sso_start_url`, \
             `sso_region`, `sso_account_id` and `sso_role_name`",
            shown(profile.name())
        )));
    };
    Ok(Some(Center {
        session: session.map(str::to_owned),
        start: start.to_owned(),
        region: region.to_owned(),
        account: account.to_owned(),
        role: role.to_owned(),
    }))
}
