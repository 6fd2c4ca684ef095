//! The index of a repository: what its next commit would hold (gitformat-index(5)).

use connectors::Refusal;
use gix_hash::Kind;
use model::Reason;

use super::repository::unsupported;

/// Reads an index whose objects are named by `hash`.
pub(super) fn read(hash: Kind, bytes: &[u8]) -> Result<gix_index::State, Refusal> {
    let options = gix_index::decode::Options {
        thread_limit: Some(1),
        alloc_limit_bytes: Some(bytes.len().saturating_mul(16)),
        ..Default::default()
    };
    let never = gix_index::State::new(hash).timestamp();
    let (state, _) = gix_index::State::from_bytes(bytes, never, hash, options).map_err(|_| {
        Refusal::new(
            Reason::Failed,
            "its index is broken, or of a kind that is not known",
        )
    })?;
    if state.link().is_some() {
        return Err(unsupported(
            "its index is split over two files; `git update-index --no-split-index` makes it one",
        ));
    }
    Ok(state)
}

/// The paths that an index holds, for whoever has its bytes alone.
///
/// # Errors
/// It is no index, or one that is not read.
pub fn index_paths(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
    let state = read(Kind::Sha1, bytes)?;
    let entries = state.entries().iter();
    Ok(entries.map(|entry| entry.path(&state).to_vec()).collect())
}
