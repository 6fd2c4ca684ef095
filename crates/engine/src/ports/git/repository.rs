//! Where a repository's own directory is, and what of it lies elsewhere.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use connectors::Refusal;
use gix_hash::{Kind, ObjectId};
use gix_pack::cache::lru::MemoryCappedHashmap;
use model::Reason;

use super::GitLimits;

/// Files of a repository that say something about it are read up to here.
const SMALL_BYTES_MAX: u64 = 1 << 20;
/// An index is read up to here: of ten million files.
const INDEX_BYTES_MAX: u64 = 1 << 30;

/// Memory for objects from which others are unpacked.
const PACK_CACHE_BYTES: usize = 32 << 20;

/// A repository that may be read.
#[derive(Debug)]
pub(super) struct Repository {
    /// Its `.git` directory, or the bare repository itself; free of links.
    pub(super) git_dir: PathBuf,
    /// Where its objects and references are: `git_dir`, unless this is one of several work trees.
    pub(super) common: PathBuf,
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
        if !git_dir.starts_with(&root) {
            return Err(unsupported(
                "it lies outside of the named directory, behind a link",
            ));
        }
        Self::at(git_dir.clone(), git_dir)
    }

    /// The repository of the work tree at `dir`, which may be one of several work trees: its
    /// repository has to say that it is, so that no file can lead to a repository elsewhere.
    pub(super) fn of_work_tree(root: &Path, dir: &str) -> Result<Self, Refusal> {
        let link = Path::new(dir).join(".git");
        if !link.symlink_metadata().is_ok_and(|link| link.is_file()) {
            return Self::find(root, dir);
        }
        let link = real(&link)?;
        let line = |path: &Path| small(path).map(|text| text.trim_end().to_owned());
        let elsewhere = || {
            unsupported(
                "a submodule, or a work tree that its repository does not know; name that \
                 repository",
            )
        };
        let named = line(&link).and_then(|text| text.strip_prefix("gitdir: ").map(str::to_owned));
        let named = named.ok_or_else(elsewhere)?;
        let git_dir = real(&real(Path::new(dir))?.join(named))?;
        let back = line(&git_dir.join("gitdir")).ok_or_else(elsewhere)?;
        let common = line(&git_dir.join("commondir")).ok_or_else(elsewhere)?;
        let common = real(&git_dir.join(common))?;
        let known = real(&git_dir.join(back)).is_ok_and(|back| back == link);
        if !known || git_dir.parent() != Some(common.join("worktrees").as_path()) {
            return Err(elsewhere());
        }
        Self::at(git_dir, common)
    }

    /// The repository with its own directory here and its objects there, if it may be read.
    fn at(git_dir: PathBuf, common: PathBuf) -> Result<Self, Refusal> {
        let objects = real(&common.join("objects"))?;
        if objects != common.join("objects") {
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
        if common.join("reftable").is_dir() {
            return Err(unsupported(
                "its references are a reftable, which is not read yet",
            ));
        }
        let hash = object_format(&common)?;
        let gaps = missing(&common);
        Ok(Self {
            git_dir,
            common,
            hash,
            gaps,
        })
    }

    /// Where its objects lie.
    pub(super) fn objects(&self) -> PathBuf {
        self.common.join("objects")
    }

    /// Its objects, opened.
    pub(super) fn open(&self, limits: GitLimits) -> Result<gix_odb::Handle, Refusal> {
        let options = gix_odb::store::init::Options {
            alloc_limit_bytes: usize::try_from(limits.blob_bytes_max).ok(),
            ..Default::default()
        };
        let mut objects = gix_odb::at_opts(self.objects(), self.hash, None, options)
            .map_err(|told| Refusal::new(Reason::Failed, told.to_string()))?;
        objects.set_pack_cache(|| Box::new(MemoryCappedHashmap::new(PACK_CACHE_BYTES)));
        Ok(objects)
    }

    /// The checked-out commit.
    pub(super) fn head(&self) -> Option<ObjectId> {
        self.follow("HEAD")
    }

    /// The object that the reference `name` leads to.
    pub(super) fn follow(&self, name: &str) -> Option<ObjectId> {
        let store = self.references();
        let mut name = name.to_owned();
        // A reference to a reference to a reference is no honest repository's.
        for _ in 0..5 {
            match store.try_find(name.as_str()).ok()??.target {
                gix_ref::Target::Object(id) => return Some(id),
                gix_ref::Target::Symbolic(next) => name = next.as_bstr().to_string(),
            }
        }
        None
    }

    /// Its references.
    pub(super) fn references(&self) -> gix_ref::file::Store {
        let (own, common) = (self.git_dir.clone(), self.common.clone());
        if own == common {
            gix_ref::file::Store::at(own, self.hash)
        } else {
            gix_ref::file::Store::for_linked_worktree(own, common, self.hash)
        }
    }

    /// Its index, or another one in its directory: git names one to its hooks. Of no repository
    /// that has none yet.
    pub(super) fn index(&self, named: Option<&str>) -> Result<Option<Vec<u8>>, Refusal> {
        let path = match named {
            None => self.git_dir.join("index"),
            Some(named) => real(Path::new(named))?,
        };
        let Ok(file) = path.symlink_metadata() else {
            return Ok(None);
        };
        if !path.starts_with(&self.git_dir) || !file.is_file() {
            return Err(unsupported("its index lies outside of its directory"));
        }
        if file.len() > INDEX_BYTES_MAX {
            return Err(unsupported("its index is longer than is read"));
        }
        let bytes = std::fs::read(&path).map_err(|told| refused(&path, &told))?;
        Ok(Some(bytes))
    }

    /// Commits whose parents were not fetched.
    pub(super) fn shallow(&self) -> Vec<ObjectId> {
        let text = small(&self.common.join("shallow")).unwrap_or_default();
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
    path.canonicalize().map_err(|told| refused(path, &told))
}

fn refused(path: &Path, told: &std::io::Error) -> Refusal {
    let reason = match told.kind() {
        std::io::ErrorKind::PermissionDenied => Reason::Denied,
        _ => Reason::Failed,
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Refusal::new(reason, format!("{}: {told}", model::clean(&name)))
}

pub(super) fn unsupported(told: &str) -> Refusal {
    Refusal::new(Reason::Unsupported, told)
}
