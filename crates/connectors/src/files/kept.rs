//! What files hold, made observations: native ids, places, fingerprints, keys of servers.

use std::collections::BTreeSet;

use model::{Attribute, Key, KeyKind, Link, Observation, Secret, Target};

use super::allowed::{allow_no_more, is_allowed};
use super::handed::Handed;
use super::pairs::{At, Pairs};
use super::place::{Place, is_for_tools};
use super::sight::{self, Given};
use crate::Context;
use crate::database;
use crate::formats::{Found, Seen, Thing};
use crate::published;

/// What was seen in files of one directory, until all of it is known.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pairs: Pairs,
    told: Vec<Observation>,
    handed: Handed,
}

impl Kept {
    /// How much waits to be put together.
    pub(crate) fn waiting(&self) -> usize {
        self.pairs.len() + self.told.len()
    }

    /// Takes what one file holds; `false` where something in it cannot be named, because the
    /// path is too long.
    pub(crate) fn take(&mut self, cx: &mut Context<'_>, at: &At, seen: Seen) -> bool {
        for what in seen.aside {
            cx.set_aside(what);
        }
        let secrets: Vec<Secret> = seen
            .found
            .iter()
            .filter_map(|found| found.secret.clone())
            .collect();
        let tools = (!seen.is_code).then(|| whose(cx, &at.path));
        let mut named = self.found(cx, at, (seen.found, tools), &secrets);
        // A key in a variable is armour in the file as well: the variable tells more.
        let told_already: BTreeSet<_> = secrets.iter().map(digest).collect();
        let in_fields: BTreeSet<_> = seen
            .keys
            .iter()
            .filter(|key| !key.field.is_empty())
            .map(|key| digest(&key.body))
            .collect();
        for key in seen.keys {
            let digest = digest(&key.body);
            let again = key.field.is_empty() && in_fields.contains(&digest);
            if !again && !told_already.contains(&digest) {
                named &= self.pairs.key(cx, at, key);
            }
        }
        named &= self.things(cx, at, seen.things, &secrets);
        for public in seen.publics {
            self.pairs.public(&at.path, public);
        }
        for certificate in seen.certificates {
            self.pairs.certificate(at, certificate);
        }
        named
    }

    /// Everything taken so far, put together.
    pub(crate) fn settle(&mut self, cx: &mut Context<'_>) -> Vec<Observation> {
        self.pairs.settle(cx, &mut self.told);
        self.handed.tell(&mut self.told);
        std::mem::take(&mut self.told)
    }

    /// Tells those who waited for it who works with them.
    pub(super) fn hand(&mut self, told: &mut [Observation]) {
        self.handed.tell(told);
    }

    /// Credentials that stand for themselves.
    fn found(
        &mut self,
        cx: &mut Context<'_>,
        at: &At,
        (found, tools): (Vec<Found>, Option<&'static str>),
        secrets: &[Secret],
    ) -> bool {
        let secrets = Given::of(secrets);
        let mut named = true;
        let mut natives = BTreeSet::new();
        for mut found in found {
            if at.place == Place::Package {
                cx.set_aside("example value");
                continue;
            }
            if at.place == Place::Vendored {
                found.told = vendored(found.told);
            }
            sight::scrub_of(&mut found.told, &mut found.field, &secrets);
            let print = found.secret.as_ref().map(|one| cx.fingerprint(one));
            let mark = print
                .as_ref()
                .map_or(found.mark.as_str(), |print| print.short());
            let Some(native) = sight::native(&at.path, &found.field, mark) else {
                named = false;
                continue;
            };
            if !natives.insert(native.clone()) {
                // One line without leave is enough.
                if !is_allowed(&found.told) {
                    let mut kept = self.told.iter_mut().rev();
                    if let Some(kept) = kept.find(|one| one.native == native) {
                        allow_no_more(kept);
                    }
                }
                continue;
            }
            let mut told = sight::rooted(found.told, &at.path);
            let mut field = "";
            if let (Some(print), Some(secret)) = (&print, &found.secret) {
                field = &found.field;
                told = told.key(Key::secret(print));
                told = beside_servers(cx, told, secret);
                told = published::told(cx, told, secret);
                // A rule found it, or its format knows whether it may lie here.
                let said = ["rule", "tool_file"].map(Attribute::named);
                let said = said.iter().any(|one| told.facts.contains_key(one));
                if let Some(whose) = tools.filter(|_| !said) {
                    told = told.is(Attribute::named("tool_file"), whose);
                }
            }
            self.told
                .push(sight::placed(told, native, &at.path, at.mode, field));
        }
        named
    }

    /// Identities and resources that a file tells of.
    fn things(
        &mut self,
        cx: &mut Context<'_>,
        at: &At,
        things: Vec<Thing>,
        secrets: &[Secret],
    ) -> bool {
        let secrets = Given::of(secrets);
        let mut named = true;
        let mut natives = BTreeSet::new();
        for mut thing in things {
            if matches!(at.place, Place::Package | Place::Vendored) {
                cx.set_aside("example configuration");
                continue;
            }
            sight::scrub_of(&mut thing.told, &mut thing.field, &secrets);
            let Some(native) = sight::thing_native(&at.path, thing.told.kind, &thing.field) else {
                named = false;
                continue;
            };
            if natives.insert(native.clone()) {
                let told = sight::rooted(thing.told, &at.path);
                self.told
                    .push(sight::placed(told, native, &at.path, at.mode, &thing.field));
            }
        }
        named
    }
}

/// Whether a file that a tool keeps to log in lies where that tool keeps it.
fn whose(cx: &Context<'_>, path: &str) -> &'static str {
    // A file that somebody's environment names is where they want it.
    let places = super::list(cx.option("places"));
    match is_for_tools(path, cx.option("home")) || places.iter().any(|one| one == path) {
        true => "own",
        false => "astray",
    }
}

pub(crate) fn within_the_file(link: &Link) -> bool {
    matches!(&link.to, Target::Native { native, .. } if native.starts_with('#'))
}

/// What code of others holds, without those who work with it: they are not told.
fn vendored(mut told: Observation) -> Observation {
    told.links.retain(|link| !within_the_file(link));
    told.is(Attribute::named("vendored"), true)
}

/// `told` with the keys by which a server of ours knows this very password (decision 28), and with
/// what it was compared.
pub(crate) fn beside_servers(cx: &Context<'_>, told: Observation, secret: &Secret) -> Observation {
    let login = told.links.iter().find_map(|link| match &link.to {
        Target::Bearer { key, .. } => Some(key),
        Target::Native { .. } => None,
    });
    match login.map(|key| (key.kind, key.value.as_str())) {
        Some((KeyKind::PostgresLogin, login)) => cx.compared(login, secret).told(told),
        Some((KeyKind::DatabaseLogin, login)) => {
            let Some(key) = database::password_key(cx, login, secret) else {
                return told;
            };
            // Whoever keeps an unsalted hash of it bears the same key, now or later.
            told.is(Attribute::named("hashed_for_login"), true).key(key)
        }
        _ => told,
    }
}

/// Tells equal secrets of one file without their values.
pub(crate) fn digest(secret: &Secret) -> [u8; 32] {
    crate::public_key::sha256(secret.expose())
}
