//! What is asked of Keyroll over a network.
//!
//! Two listeners, each within bounds. `serve.rs` serves the interface and the console
//! ([`Api`], start at `api.rs`). `listen.rs` is that to which platforms send their events: it
//! gives each request, whole, to whoever [`Answers`] it on a thread that may wait.
//!
//! **Invariant:** connections, bytes of a request, the time it may take and the requests that are
//! being answered are bounded. Held by `what_is_too_large_too_slow_or_too_much_is_refused`.
//!
//! **Deliberately absent:** HTTP/2, redirects.

pub mod accounts;
mod api;
mod events;
mod listen;
mod serve;
mod tls;

pub use api::{
    Api, Caller, Gate, How, Keeping, Knock, Loopback, Peer, Permission, Problem, Role, Routed,
    Routes, Told, Way,
};

pub use events::EventsAt;
pub use listen::{Answer, Answers, Asked, Limits, Listener, Running};
pub use serve::{Bound, Bounds, Serving};
pub use tls::Tls;

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened at.
    #[error("cannot listen at {address}")]
    Bind {
        /// It.
        address: std::net::SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Certificate and key cannot be used.
    #[error("the certificate `{}` and its key cannot be used: {why}", path.display())]
    Tls {
        /// The certificate's file.
        path: std::path::PathBuf,
        /// What was expected and what came.
        why: String,
    },
}
