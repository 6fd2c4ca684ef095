//! One file a system: what it holds (`discover`), how to change it (`act`), and how to tell
//! that the change took (`probe`).
//!
//! To add one: describe it ([`described`]) or write `src/<system>.rs` and add it to [`WRITTEN`], and
//! put a recording under `testdata/<system>/`. Its manual page, the permissions it asks for and its tests follow.
//!
//! **Invariant:** a connector holds no client and no credential. It asks typed questions of a
//! [`Port`] and says as whom; the engine does the rest, so a hostile answer finds nothing to steal.
//!
//! **Invariant:** what could not be read is a [`Gap`](model::Gap), never an absence. Held by
//! `a_refused_question_is_a_gap_and_never_an_empty_source`.
//!
//! **Deliberately absent:** async, retries, rate limits, clocks. They are the engine's.

mod armour;
mod aws_credential;
mod aws_exports;
mod aws_iam;
mod aws_key_id;
mod azure;
mod code_owners;
mod collection_json;
mod connection_string;
mod connector;
mod context;
mod database;
mod der;
mod described;
mod entra;
mod entra_exports;
pub mod events;
mod exports;
mod files;
pub mod formats;
mod gcp;
mod gcp_assets;
mod gcp_exports;
mod git_history;
mod gitlab_project_tokens;
mod jwt;
pub mod kubernetes;
mod kubernetes_exports;
mod ldap_accounts;
mod leavers;
mod login;
mod logs;
mod microsoft;
mod mysql_accounts;
mod packing;
mod port;
pub mod postgres_roles;
mod public_key;
mod published;
mod recording;
mod redis_users;
mod revoker;
pub mod spire;
mod spire_exports;
mod sqlite;
mod tls_endpoint;
mod token;
mod variable;

pub use aws_iam::organization::{AwsAccount, aws_accounts};
pub use aws_key_id::{aws_account_of, is_aws_key_id};
pub use collection_json::{CollectionError, Header, Pushed, read_collection};
pub use connector::{Connector, Dialect, Error, Login, PortKind, Right, Shown, Spec, TokenLogin};
pub use context::{
    Context, Detected, Detections, Detector, Event, Fingerprints, Journal, Stop, Workers,
};
pub use database::Hashed;
pub use described::{Described, Unfit, check_description, describe};
pub use files::{ALLOWED, bytes_worth_reading, file_roots, is_text, may_be_read_again};
pub use git_history::REPLACED;
pub use login::ServerLogin;
pub use packing::{Packing, is_tar_header};
pub use port::ldap;
pub use port::{
    Answer, Blob, Blobs, Change, Entry, EntryKind, File, Greeting, Handshake, Json, LineAt, Method,
    Packed, Piece, Port, Question, Refusal, Replaced, Reply, Request, Response, Rows, Statement,
    Unpacked, Whom, Written, line_mark,
};
pub use postgres_roles::{Compared, ScramSalt, endpoint_with as endpoint};
pub use recording::Recording;
pub use revoker::{Declared, Handle, Revoker, Standing};

/// An answer of an AWS Query interface in the JSON shape of AWS's own command line, without its
/// root; `None` where it is none.
pub fn aws_answer(body: &str) -> Option<serde_json::Value> {
    aws_iam::xml::to_json(body).ok()
}

/// The SPIFFE id that a certificate in DER is of; none where it bears none or several (X509-SVID
/// section 2).
pub fn spiffe_id(certificate: &[u8]) -> Option<String> {
    let told = formats::x509::certificate(certificate)?.told;
    let names = told.fact(&model::Attribute::ALT_NAMES);
    let names = names.is().and_then(|names| names.list())?;
    let mut ids = names.iter().filter(|name| name.contains("://"));
    let id = ids.next().filter(|id| id.starts_with("spiffe://"))?;
    ids.next().is_none().then(|| id.clone())
}

/// The connectors that are written here, in the order of the manual.
static WRITTEN: &[&dyn Connector] = &[
    &files::Files,
    &git_history::GitHistory,
    &aws_exports::AwsExports,
    &aws_iam::AwsIam,
    &gcp_exports::GcpExports,
    &gcp_assets::GcpAssets,
    &entra_exports::EntraExports,
    &entra::Entra,
    &azure::Azure,
    &kubernetes_exports::KubernetesExports,
    &kubernetes::Kubernetes,
    &postgres_roles::PostgresRoles,
    &mysql_accounts::MysqlAccounts,
    &redis_users::RedisUsers,
    &spire_exports::SpireExports,
    &spire::Spire,
    &ldap_accounts::LdapAccounts,
    &gitlab_project_tokens::GitlabProjectTokens,
    &leavers::Leavers,
    &logs::Logs,
    &tls_endpoint::TlsEndpoint,
];

/// Every connector, in the order of the manual: those that are written, those described, and
/// those that a person described ([`describe`]).
pub fn catalog() -> impl Iterator<Item = &'static dyn Connector> {
    let described = described::DESCRIBED.iter().chain(described::added());
    let described = described.map(|one| one as &'static dyn Connector);
    WRITTEN.iter().copied().chain(described)
}

/// Every system that is described and comes with Keyroll.
pub fn described() -> impl Iterator<Item = &'static Described> {
    described::DESCRIBED.iter()
}

/// Every interface that wants a token, with its connector.
pub fn token_logins() -> impl Iterator<Item = (&'static dyn Connector, &'static TokenLogin)> {
    catalog().filter_map(|one| match one.spec().port {
        PortKind::Http(Login::Token(login)) => Some((one, login)),
        _ => None,
    })
}

/// Whether the connector called `name` is described: by Keyroll, or by a person.
pub fn is_described(name: &str) -> bool {
    let mut all = described::DESCRIBED.iter().chain(described::added());
    all.any(|one| one.spec().name == name)
}

/// The connector called `name`.
pub fn connector(name: &str) -> Option<&'static dyn Connector> {
    // Those described are read from their files when they are first asked for.
    let written = WRITTEN.iter().copied().find(|one| one.spec().name == name);
    written.or_else(|| catalog().find(|one| one.spec().name == name))
}
