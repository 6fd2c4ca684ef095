//! Where questions meet the world: one port a kind of system.

mod files;
mod http;
mod sql;

pub use files::{FileLimits, FilesPort};
pub use http::{HttpLimits, HttpPort};
pub use sql::{Bearer, SqlLimits, SqlPort};
