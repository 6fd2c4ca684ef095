//! This machine: credentials and keys in files.
//!
//! Two ways in. `known=1` looks at the places where tools keep what they log in with, in `home`,
//! in `/etc` and where cron keeps its tables; what is not there is simply absent. `dirs` names directories or single files,
//! one a line, that are searched in full; archives and container images in them are opened.
//!
//! Options: `known` (`1`), `home` (absolute path), `places` (more known files, one a line, such
//! as those of `KUBECONFIG`), `dirs` (one a line), `no_history` (who wrote what is found in a
//! repository is not asked of its history). The environment is read by the caller alone.
//!
//! A part of this source is a path by its components: `["/", "home", "ann", ".env"]`, the same
//! from wherever a search began.

mod allowed;
mod archive;
mod batch;
mod handed;
mod image;
mod kept;
mod known;
mod lines;
mod pairs;
mod place;
mod reported;
mod search;
mod sight;
mod walk;

use std::collections::BTreeMap;

use model::Secret;

pub(crate) use allowed::{allow_no_more, is_allowed};
pub(crate) use kept::{Kept, beside_servers, digest, within_the_file};
pub(crate) use pairs::At;
pub(crate) use place::{Place, place_below};
pub use search::ALLOWED;
pub(crate) use search::{secret_in, secrets_of, seen_in};
pub(crate) use sight::{scope, scrub, split_native};
pub use walk::{bytes_worth_reading, is_text};

use crate::{Connector, Context, Error, PortKind, Refusal, Spec, Stop};
use walk::Walk;

/// Credentials and keys in files of this machine.
pub(crate) struct Files;

/// A file that a format knows by name is read up to here: states of Terraform, reports and
/// rendered charts grow, and are nothing by half. One such file is held at a time.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// A file that no format knows by name is searched up to here.
const SEARCH_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Where cron keeps the tables of users.
const SPOOL: &str = "/var/spool/cron";

impl Connector for Files {
    fn spec(&self) -> &'static Spec {
        &Spec {
            name: "files",
            reads: "credentials and keys in files of this machine",
            named: "nothing, or PATH",
            target: "the machine's name",
            port: PortKind::Files,
            needs_to_discover: &["read permission on the files and directories it looks at"],
            needs_to_act: &[],
            scopes: &["directory", "file"],
        }
    }

    /// The machine, and which directories: a search of `/srv` proves nothing about `/home`, so
    /// each is a source of its own, and sightings of one file by two of them are one thing.
    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        let mut target = cx.target().to_owned();
        let dirs = list(cx.option("dirs"));
        if dirs.is_empty() {
            return Ok(target);
        }
        if is_on(cx.option("known")) {
            target.push_str(":~");
        }
        for dir in dirs {
            target.push(':');
            target.push_str(&dir);
        }
        Ok(target)
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let home = cx.option("home").map(plain);
        let dirs = list(cx.option("dirs"));
        let places = list(cx.option("places"));
        let known = is_on(cx.option("known"));
        let mut walk = Walk::new(cx, !known && dirs.len() == 1);
        let done = search_all(&mut walk, known, home.as_deref(), &places, &dirs);
        walk.finish();
        done
    }

    fn read_again(&self, cx: &mut Context<'_>, native: &str) -> Result<Secret, Error> {
        let not_ours = || Error::NotOurs {
            id: model::shorten(&model::clean(native), 80),
            form: "/path/to/file#FIELD@0123456789abcdef",
        };
        let (path, field, mark) = sight::split_native(native).ok_or_else(not_ours)?;
        if !holds_secret(field, mark) {
            return Err(Error::NotOffered {
                act: "read a secret where only something public or a name lies",
            });
        }
        let gone = || Error::Gone {
            what: format!("the secret that lay in {}", model::clean(path)),
        };
        let file = match cx.read(path, SEARCH_BYTES_MAX) {
            Ok(file) => file,
            Err(refusal) if walk::is_absent(&refusal) => {
                return archive::read_again(cx, path, mark)?.ok_or_else(gone);
            }
            Err(refusal) => return Err(refusal.into()),
        };
        secret_in(cx, path, file.bytes.expose(), mark).ok_or_else(gone)
    }

    /// Each file once, however many secrets of it are wanted.
    fn read_all_again(&self, cx: &mut Context<'_>, natives: &[&str]) -> BTreeMap<String, Secret> {
        let mut wanted: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
        for native in natives {
            if let Some((path, field, mark)) = sight::split_native(native)
                && holds_secret(field, mark)
            {
                wanted.entry(path).or_default().insert(mark, native);
            }
        }
        let mut found = BTreeMap::new();
        for (path, mut marks) in wanted {
            for secret in secrets_in(cx, path).unwrap_or_default() {
                if let Some(native) = marks.remove(cx.fingerprint(&secret).short()) {
                    found.insert(native.to_owned(), secret);
                }
            }
            // In archives, or found by other rules than those of now.
            for native in marks.into_values() {
                if let Ok(secret) = self.read_again(cx, native) {
                    found.insert(native.to_owned(), secret);
                }
            }
        }
        found
    }
}

/// Whether `native`, an id of a source that reads files or histories, names a secret that lies
/// there: something public, and what is only named, cannot be read again.
pub fn may_be_read_again(native: &str) -> bool {
    sight::split_native(native).is_some_and(|(_, field, mark)| holds_secret(field, mark))
}

/// Whether a native id with these parts names a place in which a secret lies.
fn holds_secret(field: &str, mark: &str) -> bool {
    !matches!(field, "certificate" | "authorized_key") && sight::is_print(mark)
}

/// Every secret that a file holds now.
fn secrets_in(cx: &mut Context<'_>, path: &str) -> Result<Vec<Secret>, Refusal> {
    let file = cx.read(path, SEARCH_BYTES_MAX)?;
    Ok(secrets_of(cx, path, file.bytes.expose()))
}

fn search_all(
    walk: &mut Walk<'_, '_>,
    known: bool,
    home: Option<&str>,
    places: &[String],
    dirs: &[String],
) -> Result<(), Stop> {
    if known {
        known::visit(walk, home, places)?;
    }
    dirs.iter().try_for_each(|dir| walk.root(dir))
}

/// The directories and files that a source with these options may read, for whoever gives it a
/// port: nothing outside of them is ever asked for.
pub fn file_roots(options: &BTreeMap<String, String>) -> Vec<String> {
    let get = |name: &str| options.get(name).map(String::as_str);
    let mut roots = Vec::new();
    if is_on(get("known")) {
        roots.extend(get("home").map(plain));
        roots.push("/etc".to_owned());
        roots.push(SPOOL.to_owned());
        roots.extend(list(get("places")));
    }
    roots.extend(list(get("dirs")));
    roots.extend(list(get("beside")));
    roots
}

fn is_on(option: Option<&str>) -> bool {
    !matches!(option, None | Some("" | "0" | "false"))
}

/// Absolute paths, one a line, sorted, each once.
fn list(option: Option<&str>) -> Vec<String> {
    let mut paths: Vec<String> = option
        .unwrap_or_default()
        .lines()
        .filter(|path| path.starts_with('/'))
        .map(plain)
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// Without slashes at the end.
fn plain(path: &str) -> String {
    match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        path => path.to_owned(),
    }
}
