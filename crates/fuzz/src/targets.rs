//! The targets, by what they parse.

pub(crate) mod formats;

mod answers_of_others;
mod archive;
mod archives;
mod detector;
mod events;
mod evidence;
mod keys;
mod ldap;
mod live;
mod logs;
mod pushed;
mod repository;
mod sources;
mod spire;
mod texts;

use crate::{Run, Target};

/// A target as its list has it: name, claim, function.
type Listed = (&'static str, &'static str, fn(&[u8]));

/// Every target: those listed here, and each file format of the catalogue.
#[must_use]
pub fn all() -> Vec<Target> {
    let lists: [&[Listed]; 15] = [
        sources::TARGETS,
        pushed::TARGETS,
        events::TARGETS,
        evidence::TARGETS,
        keys::TARGETS,
        archive::TARGETS,
        archives::TARGETS,
        detector::TARGETS,
        texts::TARGETS,
        repository::TARGETS,
        live::TARGETS,
        logs::TARGETS,
        spire::TARGETS,
        ldap::TARGETS,
        answers_of_others::TARGETS,
    ];
    let listed = lists.into_iter().flatten();
    listed
        .map(|(name, claim, run)| Target {
            name: (*name).to_owned(),
            claim,
            run: Run::Bytes(*run),
        })
        .chain(formats::targets())
        .collect()
}
