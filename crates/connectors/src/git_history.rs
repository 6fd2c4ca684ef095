//! The history of a git repository: what lay in any file of any commit.
//!
//! Options: `repository` (absolute path of a work tree or a bare repository). Each content is
//! read once, however many commits and paths hold it; the commit that brought it in, its author
//! and whether the newest commit still holds it are told with what was found. Work trees are
//! searched as directories; here only the history is.
//!
//! With the option `change` it is one change that is read and not the history: `staged` (what the
//! next commit would bring; `index` names another index file) or `commits` (what those bring that
//! `head` reaches and `base` does not). Secrets are told then, public keys that let somebody in,
//! and things such as jobs and roles, but only those that the files which the change replaces did
//! not hold, or not so; how such a thing was before is told beside it, with `replaced`.
//!
//! A part of this source is a path inside the repository. Objects that lie elsewhere (shallow
//! and partial clones, alternates, submodules) are gaps.
//!
//! A secret that is taken out of a file is still in its history, and so in every clone: what
//! makes it harmless is its revocation.

mod authors;
mod change;

use std::collections::BTreeMap;

use authors::Authors;
use change::{Before, asked};
use model::{Attribute, Fact, Kind, Observation, Scope, Secret, Told, Value};

use crate::code_owners::{self, CodeOwners};
use crate::context::of_each;
use crate::files::{
    At, Kept, Place, allow_no_more, is_allowed, place_below, scope, secret_in, secrets_of, seen_in,
    split_native, within_the_file,
};
use crate::formats::Seen;
use crate::{Blob, Blobs, Change, Connector, Context, Error, PortKind, Refusal, Spec, Stop};

/// The history of a git repository.
pub(crate) struct GitHistory;

/// What is found is kept in memory until the last commit is read; more than this is not.
const FOUND_MAX: usize = 200_000;
/// More contents than this are not asked for.
const CONTENTS_MAX: u64 = 100_000_000;

impl Connector for GitHistory {
    fn spec(&self) -> &'static Spec {
        &Spec {
            name: "git_history",
            reads: "credentials and keys in the history of a git repository",
            named: "PATH of a repository",
            target: "the machine's name and the repository's directory",
            port: PortKind::Git,
            needs_to_discover: &["read permission on the repository's `.git` directory"],
            needs_to_act: &[],
            scopes: &["directory", "file"],
        }
    }

    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        Ok(format!("{}:{}", cx.target(), repository(cx)?))
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let mut found = BTreeMap::new();
        let mut whose = Whose::default();
        let change = asked(cx);
        let mut before = change.as_ref().map(|_| Before::default());
        let done = each_answer(cx, change.as_ref(), |cx, some| {
            // First what is replaced, then what takes its place.
            if let Some(before) = &mut before {
                before.take(cx, &some.replaced);
            }
            let detector = cx.detector();
            let seen = of_each(cx.workers(), &some.blobs, |blob| {
                seen_in(detector, &path_of(blob), blob.bytes.expose())
            });
            for (blob, seen) in some.blobs.iter().zip(seen) {
                // What a change brings is a part: it tells neither who wrote most nor all owners.
                if change.is_none() {
                    whose.learn(blob);
                }
                let (told, named) = read(cx, blob, seen, before.as_ref());
                for one in told {
                    keep(&mut found, one, blob, change.as_ref());
                }
                if !named {
                    let told = "it cannot be named: its path is too long";
                    cx.gap(&scope(&blob.path), &unsupported(told), None)?;
                }
                if found.len() >= FOUND_MAX {
                    let told = "more was found than is kept of one repository";
                    cx.gap(&Scope::whole(), &unsupported(told), None)?;
                    return Ok(false);
                }
            }
            Ok(true)
        });
        let dir = repository(cx).ok().filter(|_| change.is_none());
        for told in found.into_values() {
            let told = whose.tell(told);
            cx.observe(match &dir {
                Some(dir) => in_repository(told, dir),
                None => told,
            });
        }
        done
    }

    fn read_again(&self, cx: &mut Context<'_>, native: &str) -> Result<Secret, Error> {
        let Some((path, _, mark)) = split_native(native) else {
            return Err(Error::NotOurs {
                id: model::shorten(&model::clean(native), 80),
                form: "/path/in/repository#FIELD@0123456789abcdef",
            });
        };
        if mark.parse::<Kind>().is_ok() {
            return Err(Error::NotOffered {
                act: "read a secret where only something public lies",
            });
        }
        let dir = repository(cx)?;
        let mut next = Some(0);
        while let Some(from) = next {
            let some = cx.git(&dir, from)?;
            for blob in some.blobs.iter().filter(|blob| blob.path == path[1..]) {
                if let Some(secret) = secret_with(cx, blob, mark) {
                    return Ok(secret);
                }
            }
            next = some.next.filter(|next| *next > from);
        }
        Err(Error::Gone {
            what: format!("the secret that lay in {}", model::clean(path)),
        })
    }

    /// The history once, however many secrets of it are wanted.
    fn read_all_again(&self, cx: &mut Context<'_>, natives: &[&str]) -> BTreeMap<String, Secret> {
        let mut wanted: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
        for native in natives {
            if let Some((path, _, mark)) = split_native(native)
                && mark.parse::<Kind>().is_err()
            {
                wanted.entry(&path[1..]).or_default().insert(mark, native);
            }
        }
        let mut found = BTreeMap::new();
        let Ok(dir) = repository(cx) else {
            return found;
        };
        let mut next = Some(0);
        while let Some(from) = next {
            let Ok(some) = cx.git(&dir, from) else { break };
            for blob in &some.blobs {
                let Some(marks) = wanted.get(blob.path.as_str()) else {
                    continue;
                };
                for secret in secrets_in(cx, blob) {
                    if let Some(native) = marks.get(cx.fingerprint(&secret).short()) {
                        found.insert((*native).to_owned(), secret);
                    }
                }
            }
            next = some
                .next
                .filter(|next| *next > from && found.len() < natives.len());
        }
        found
    }
}

fn repository(cx: &Context<'_>) -> Result<String, Refusal> {
    let dir = cx.option("repository").filter(|dir| dir.starts_with('/'));
    dir.map(str::to_owned).ok_or_else(|| {
        Refusal::new(
            model::Reason::Failed,
            "expected the option `repository`, an absolute path",
        )
    })
}

/// Asks for the whole history, or for `change`, and hands on one answer after the other, as long
/// as `each` wants more.
fn each_answer(
    cx: &mut Context<'_>,
    change: Option<&Change>,
    mut each: impl FnMut(&mut Context<'_>, &Blobs) -> Result<bool, Stop>,
) -> Result<(), Stop> {
    let whole = Scope::whole();
    let needs = "read permission on the repository, or run as its owner";
    let dir = match repository(cx) {
        Ok(dir) => dir,
        Err(refusal) => return cx.gap(&whole, &refusal, None),
    };
    let mut next = Some(0);
    while let Some(from) = next {
        if from > CONTENTS_MAX {
            let told = "the history is longer than is read";
            return cx.gap(&whole, &unsupported(told), None);
        }
        let answer = match change {
            Some(change) => cx.git_change(&dir, change, from),
            None => cx.git(&dir, from),
        };
        let some = match answer {
            Ok(some) => some,
            Err(refusal) => return cx.gap(&whole, &refusal, Some(needs)),
        };
        for (path, refusal) in &some.gaps {
            cx.gap(&scope(path), refusal, Some(needs))?;
        }
        if !each(cx, &some)? {
            return Ok(());
        }
        // An answer that leads nowhere would be asked for ever.
        next = some.next.filter(|next| *next > from);
    }
    Ok(())
}

fn unsupported(told: &str) -> Refusal {
    Refusal::new(model::Reason::Unsupported, told)
}

/// Where a content lay, from the root of its repository.
fn path_of(blob: &Blob) -> String {
    format!("/{}", blob.path)
}

/// What was `seen` in one content and was not there `before`, and whether all of it could be
/// named.
fn read(
    cx: &mut Context<'_>,
    blob: &Blob,
    mut seen: Seen,
    before: Option<&Before>,
) -> (Vec<Observation>, bool) {
    let path = path_of(blob);
    // A broken file of long ago is nobody's business; what is in it now, the work tree tells.
    seen.gaps.clear();
    let mut replaced = Vec::new();
    match before {
        Some(before) => replaced = before.keep_new(blob, &mut seen),
        // Who works with what is told by the files of today.
        None => seen.things.clear(),
    }
    seen.found.retain(|found| !found.is_reference());
    for found in &mut seen.found {
        found.told.links.retain(|link| !within_the_file(link));
        if found.secret.is_none() {
            // Declared here, or public: no clone has a secret by it.
            let flag = Fact::stated(Told::Is(Value::Flag(true)));
            found.told.facts.insert(Attribute::named("no_secret"), flag);
        }
    }
    let at = At {
        place: match place_below("", &path) {
            Place::Private => Place::Own,
            other => other,
        },
        path,
        mode: 0,
    };
    let mut kept = Kept::default();
    let mut named = kept.take(cx, &at, seen);
    let mut told = kept.settle(cx);
    if !replaced.is_empty() {
        let seen = Seen {
            things: replaced,
            ..Seen::default()
        };
        named &= kept.take(cx, &at, seen);
        told.extend(kept.settle(cx).into_iter().map(|mut one| {
            one.native.push_str(REPLACED);
            one.is(Attribute::named("replaced"), true)
        }));
    }
    (told, named)
}

/// What the native id of a thing ends with that a change replaces: how it was before.
pub const REPLACED: &str = "~replaced";

/// Whose the files are: who wrote them, and whom `CODEOWNERS` of the newest commit names.
#[derive(Default)]
struct Whose {
    authors: Authors,
    /// By its rank among the places where the file may lie; of one place the last version.
    code_owners: BTreeMap<usize, CodeOwners>,
}

impl Whose {
    fn learn(&mut self, blob: &Blob) {
        self.authors.count(blob);
        let rank = code_owners::PLACES.iter().position(|at| *at == blob.path);
        if let (Some(rank), true) = (rank, blob.in_head) {
            let text = String::from_utf8_lossy(blob.bytes.expose());
            self.code_owners.insert(rank, CodeOwners::parse(&text));
        }
    }

    fn tell(&self, mut told: Observation) -> Observation {
        let place = told.fact(&Attribute::PLACE);
        let Some(path) = place.is().and_then(|place| place.text()).map(str::to_owned) else {
            return told;
        };
        if let Some(author) = self.authors.main_of(&path) {
            told = told.is(Attribute::MAIN_AUTHOR, author);
        }
        match self.code_owners.first_key_value() {
            Some((_, owners)) => owners.tell(told, &path),
            None => told,
        }
    }
}

/// `told` with its place as a path of this machine, so that what lies in a work tree and what its
/// history holds are told in one way. A change is told as it is shown elsewhere: from its root.
fn in_repository(told: Observation, dir: &str) -> Observation {
    let place = told.fact(&Attribute::PLACE);
    match place.is().and_then(|place| place.text()) {
        Some(path) => {
            let path = format!("{}/{path}", dir.trim_end_matches('/'));
            told.is(Attribute::PLACE, path)
        }
        None => told,
    }
}

/// Keeps what one content told, with where it came in: the first commit tells when, and whether
/// the newest one still holds it is true of any content that does.
fn keep(
    found: &mut BTreeMap<String, Observation>,
    told: Observation,
    blob: &Blob,
    change: Option<&Change>,
) {
    let in_head = Attribute::named("in_head");
    if let Some(first) = found.get_mut(&told.native) {
        // One commit in which nothing allows it is enough.
        if !is_allowed(&told) {
            allow_no_more(first);
        }
        if blob.in_head {
            let still = Fact::stated(Told::Is(true.into()));
            first.facts.insert(in_head, still);
        }
        return;
    }
    let told = told.is(Attribute::PLACE, blob.path.as_str());
    let told = match change {
        None => told,
        Some(Change::Commits { .. }) => told.is(Attribute::named("change"), "committed"),
        Some(Change::Staged { .. }) => {
            let mut told = told.is(Attribute::named("change"), "staged");
            told.facts.remove(&Attribute::FILE_MODE);
            // Nobody has committed it yet.
            found.insert(told.native.clone(), told);
            return;
        }
    };
    let mut told = told
        .is(Attribute::named("commit"), blob.commit.as_str())
        .is(Attribute::AUTHOR, model::shorten(&blob.author, 200))
        .is(in_head, blob.in_head);
    told.facts.remove(&Attribute::FILE_MODE);
    if let Some(at) = blob.at {
        told = told.is(Attribute::COMMITTED_AT, Value::from(at));
    }
    found.insert(told.native.clone(), told);
}

/// The secret in this content that bears `mark`.
fn secret_with(cx: &Context<'_>, blob: &Blob, mark: &str) -> Option<Secret> {
    secret_in(cx, &path_of(blob), blob.bytes.expose(), mark)
}

/// Every secret in this content.
fn secrets_in(cx: &Context<'_>, blob: &Blob) -> Vec<Secret> {
    secrets_of(cx, &path_of(blob), blob.bytes.expose())
}
