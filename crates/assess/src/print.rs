//! The stable fingerprint of a finding: the same on every machine and in every clone.
//!
//! It is made of what a finding is about and where, and never of a secret: no keyed fingerprint,
//! no line and no directory above the one that was read goes into it. So a baseline outlives
//! another scanner, another checkout and lines that move (decision 4). Two secrets in one field
//! of one file have one fingerprint; whoever compares counts them.

use model::{Entity, FindingPrint, Member};

use crate::{Rule, Ruling};

/// Rules about a secret in a place: what one of them says of it is the same finding to all.
const OF_SECRETS: [&str; 2] = ["open-secret", "new-secret"];

/// The fingerprint of what `rule` says of `entity`.
pub(crate) fn of(rule: &Rule, ruling: &Ruling, entity: &Entity) -> FindingPrint {
    let about = if OF_SECRETS.contains(&rule.id) {
        "secret"
    } else {
        rule.id
    };
    let path = ruling.place.as_ref().map(|place| place.path.as_str());
    let lies_there = |member: &&Member| {
        let Some(path) = path else { return false };
        let source = &member.sighting.source;
        // A history names its files from its own root.
        let path = match source.connector() {
            "git_history" => below(path, source.target()),
            _ => path.trim_start_matches('/'),
        };
        member
            .sighting
            .native
            .trim_start_matches('/')
            .starts_with(path)
    };
    let mut members = entity.members.iter();
    let member = members.clone().find(lies_there).or_else(|| members.next());
    let Some(member) = member else {
        return FindingPrint::of(&[about, path.unwrap_or_default()]);
    };
    let (source, native) = (&member.sighting.source, member.sighting.native.as_str());
    match split(native) {
        // What lies in a file is the same from whichever side it was read.
        Some((at, field)) => {
            let place = path.unwrap_or(at);
            FindingPrint::of(&[about, "file", below(place, source.target()), field])
        }
        None => FindingPrint::of(&[about, source.connector(), native, path.unwrap_or_default()]),
    }
}

/// The path and field of `path#field@mark`, the native id of what lies in a file.
fn split(native: &str) -> Option<(&str, &str)> {
    let (rest, _) = native.rsplit_once('@')?;
    rest.rsplit_once('#')
        .filter(|(path, _)| path.starts_with('/'))
}

/// `path` as it reads from the directory that was named: the last part of `host:/dir:/dir`.
fn below<'p>(path: &'p str, target: &str) -> &'p str {
    let dirs = target.split(':').filter(|part| part.starts_with('/'));
    let inside = dirs.filter_map(|dir| {
        path.strip_prefix(dir.trim_end_matches('/'))?
            .strip_prefix('/')
    });
    inside
        .min_by_key(|rest| rest.len())
        .unwrap_or_else(|| path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_from_the_directory_that_was_named() {
        let told = |path, target| below(path, target).to_owned();
        assert_eq!(
            told("/home/ann/shop/a/.env", "laptop:/home/ann/shop"),
            "a/.env"
        );
        assert_eq!(told("a/.env", "laptop:/srv/shop"), "a/.env");
        assert_eq!(
            told("/home/ann/shopping/.env", "laptop:/home/ann/shop"),
            "home/ann/shopping/.env"
        );
        assert_eq!(told("/a/b/c", "laptop:~:/a:/a/b"), "c");
    }

    #[test]
    fn a_native_id_without_a_file_has_no_place() {
        assert_eq!(split("/a/.env#KEY@0123"), Some(("/a/.env", "KEY")));
        assert_eq!(split("role/ann@db"), None);
        assert_eq!(split("arn:aws:iam::1:user/x#y@z"), None);
    }
}
