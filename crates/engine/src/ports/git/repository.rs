//! Where a repository's own directory is, and what of it lies elsewhere.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use connectors::Refusal;
use gix_hash::{Kind, ObjectId};
use model::Reason;

/// Files of a repository that say something about it are read up to here.
const SMALL_BYTES_MAX: u64 = 1 << 20;

/// A repository that may be read.
#[derive(Debug)]
pub(super) struct Repository {
    /// Its `.git` directory, or the bare repository itself; free of links.
    pub(super) git_dir: PathBuf,
    /// How its objects are named.
    pub(super) hash: Kind,
    /// What is known to be missing from it: the history ends early, or objects lie elsewhere.
    pub(super) gaps: Vec<(String, Refusal)>,
}

impl Repository {
    /// The repository at `dir`, which must lie at or below `root`.
    pub(super) fn find(root: &Path, dir: &str) -> Result<Self, Refusal> {
        let root = real(root)?;
        let dir = real(Path::new(dir))?;
        let git_dir = [dir.join(".git"), dir]
            .into_iter()
            .find(|path| path.join("HEAD").symlink_metadata().is_ok() || path.is_file())
            .ok_or_else(|| unsupported("no git repository: neither `.git` nor `HEAD` is there"))?;
        if git_dir.is_file() {
            return Err(unsupported(
                "a work tree whose repository lies elsewhere; name that repository",
            ));
        }
        let git_dir = real(&git_dir)?;
        let objects = real(&git_dir.join("objects"))?;
        if !git_dir.starts_with(&root) || objects != git_dir.join("objects") {
            return Err(unsupported(
                "its objects lie outside of the named directory, behind a link",
            ));
        }
        for name in ["alternates", "http-alternates"] {
            if objects.join("info").join(name).symlink_metadata().is_ok() {
                return Err(unsupported(
                    "it borrows objects of another repository (alternates); name that one, or \
                     `git repack -ad` a clone of it",
                ));
            }
        }
        for part in ["pack", "info"] {
            let path = objects.join(part);
            if path.symlink_metadata().is_ok() && real(&path)? != path {
                return Err(unsupported("a part of its objects lies behind a link"));
            }
        }
        if git_dir.join("reftable").is_dir() {
            return Err(unsupported(
                "its references are a reftable, which is not read yet",
            ));
        }
        let hash = object_format(&git_dir)?;
        let gaps = missing(&git_dir);
        Ok(Self {
            git_dir,
            hash,
            gaps,
        })
    }

    /// Where its objects lie.
    pub(super) fn objects(&self) -> PathBuf {
        self.git_dir.join("objects")
    }

    /// Commits whose parents were not fetched.
    pub(super) fn shallow(&self) -> Vec<ObjectId> {
        let text = small(&self.git_dir.join("shallow")).unwrap_or_default();
        text.lines()
            .filter_map(|line| ObjectId::from_hex(line.trim().as_bytes()).ok())
            .collect()
    }
}

fn missing(git_dir: &Path) -> Vec<(String, Refusal)> {
    let mut gaps = Vec::new();
    if git_dir.join("shallow").is_file() {
        gaps.push((
            "/".to_owned(),
            unsupported("a shallow clone: history before its first commits is not here; `git fetch --unshallow` brings it"),
        ));
    }
    let packs = std::fs::read_dir(git_dir.join("objects/pack"));
    let partial = packs.into_iter().flatten().flatten().any(|entry| {
        Path::new(&entry.file_name())
            .extension()
            .is_some_and(|end| end == "promisor")
    });
    if partial {
        gaps.push((
            "/".to_owned(),
            unsupported("a partial clone: some contents are not here; `git fetch --refetch --no-filter` brings them"),
        ));
    }
    gaps
}

/// `extensions.objectFormat`, the one thing that is needed of the configuration.
fn object_format(git_dir: &Path) -> Result<Kind, Refusal> {
    let text = small(&git_dir.join("config")).unwrap_or_default();
    let mut within = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            within = line.eq_ignore_ascii_case("[extensions]");
        } else if within
            && let Some((name, value)) = line.split_once('=')
            && name.trim().eq_ignore_ascii_case("objectformat")
        {
            return match value.trim() {
                "sha1" => Ok(Kind::Sha1),
                "sha256" => Ok(Kind::Sha256),
                _ => Err(unsupported("its object format is neither sha1 nor sha256")),
            };
        }
    }
    Ok(Kind::Sha1)
}

/// A small regular file's text; no link is followed.
fn small(path: &Path) -> Option<String> {
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(SMALL_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

fn real(path: &Path) -> Result<PathBuf, Refusal> {
    path.canonicalize().map_err(|told| {
        let reason = match told.kind() {
            std::io::ErrorKind::PermissionDenied => Reason::Denied,
            _ => Reason::Failed,
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Refusal::new(reason, format!("{}: {told}", model::clean(&name)))
    })
}

pub(super) fn unsupported(told: &str) -> Refusal {
    Refusal::new(Reason::Unsupported, told)
}
