//! Where questions meet the world: one port a kind of system.

mod files;
mod git;
mod http;
mod sql;
mod tls;

pub use files::{FileLimits, FilesPort};
pub(crate) use git::GitPort;
pub use git::index_paths;
pub use http::{HttpLimits, HttpPort};
pub use sql::{Bearer, SqlLimits, SqlPort};
pub use tls::{TlsLimits, TlsPort};
