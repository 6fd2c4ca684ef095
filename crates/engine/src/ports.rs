//! Where questions meet the world: one port a kind of system.

mod amqp;
mod archive;
mod bounded;
mod files;
mod git;
mod grpc;
mod http;
mod ldap;
mod mysql;
mod redis;
mod saved;
mod socket;
mod spire;
mod sql;
mod tls;

#[doc(hidden)]
pub use amqp::read_method;
pub(crate) use amqp::try_login as try_amqp_login;
pub use archive::ArchiveLimits;
#[doc(hidden)]
pub use archive::unpack_all;
pub use files::{FileLimits, FilesPort};
pub(crate) use git::GitPort;
pub use git::index_paths;
#[doc(hidden)]
pub use grpc::says as grpc_says;
#[doc(hidden)]
pub use http::foreign;
pub use http::{HttpLimits, HttpPort, OutsideLimits};
pub(crate) use http::{NOT_TAKEN, Outside, fetch, is_host, program_of};
pub use ldap::{LdapLimits, LdapPort, read_page};
pub use mysql::MysqlPort;
pub use redis::{RedisLimits, RedisPort, Said, read_reply};
pub(crate) use saved::SavedPort;
#[doc(hidden)]
pub use spire::read_spire_page;
pub use spire::{SpireLimits, SpirePort};
pub(crate) use sql::Encrypting;
pub use sql::{Bearer, SqlLimits, SqlPort};
#[doc(hidden)]
pub use tls::leads_to_tls;
pub use tls::{TlsLimits, TlsPort};
