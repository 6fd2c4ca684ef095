//! The messages of SPIRE's interface, as far as they are read.
//!
//! Source: `spire.api.types` and `spire.api.server.*.v1` of SPIRE 1.13, by their field numbers. A
//! field that is not here is passed over.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct ListFiltered {
    #[prost(int32, tag = "3")]
    pub(super) size: i32,
    #[prost(string, tag = "4")]
    pub(super) after: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct List {
    #[prost(int32, tag = "2")]
    pub(super) size: i32,
    #[prost(string, tag = "3")]
    pub(super) after: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Entries {
    #[prost(message, repeated, tag = "1")]
    pub(super) entries: Vec<Entry>,
    #[prost(string, tag = "2")]
    pub(super) next: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Agents {
    #[prost(message, repeated, tag = "1")]
    pub(super) agents: Vec<Agent>,
    #[prost(string, tag = "2")]
    pub(super) next: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Federations {
    #[prost(message, repeated, tag = "1")]
    pub(super) all: Vec<Federation>,
    #[prost(string, tag = "2")]
    pub(super) next: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Id {
    #[prost(string, tag = "1")]
    pub(super) trust_domain: String,
    #[prost(string, tag = "2")]
    pub(super) path: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Selector {
    #[prost(string, tag = "1")]
    pub(super) type_: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(message, optional, tag = "2")]
    pub(super) spiffe_id: Option<Id>,
    #[prost(message, optional, tag = "3")]
    pub(super) parent_id: Option<Id>,
    #[prost(message, repeated, tag = "4")]
    pub(super) selectors: Vec<Selector>,
    #[prost(int32, tag = "5")]
    pub(super) x509_svid_ttl: i32,
    #[prost(string, repeated, tag = "6")]
    pub(super) federates_with: Vec<String>,
    #[prost(bool, tag = "7")]
    pub(super) admin: bool,
    #[prost(bool, tag = "8")]
    pub(super) downstream: bool,
    #[prost(int64, tag = "9")]
    pub(super) expires_at: i64,
    #[prost(string, repeated, tag = "10")]
    pub(super) dns_names: Vec<String>,
    #[prost(bool, tag = "12")]
    pub(super) store_svid: bool,
    #[prost(int32, tag = "13")]
    pub(super) jwt_svid_ttl: i32,
    #[prost(string, tag = "14")]
    pub(super) hint: String,
    #[prost(int64, tag = "15")]
    pub(super) created_at: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Agent {
    #[prost(message, optional, tag = "1")]
    pub(super) id: Option<Id>,
    #[prost(string, tag = "2")]
    pub(super) attestation_type: String,
    #[prost(string, tag = "3")]
    pub(super) serial: String,
    #[prost(int64, tag = "4")]
    pub(super) expires_at: i64,
    #[prost(message, repeated, tag = "5")]
    pub(super) selectors: Vec<Selector>,
    #[prost(bool, tag = "6")]
    pub(super) banned: bool,
    #[prost(bool, tag = "7")]
    pub(super) can_reattest: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Bundle {
    #[prost(string, tag = "1")]
    pub(super) trust_domain: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) x509_authorities: Vec<Root>,
    #[prost(message, repeated, tag = "3")]
    pub(super) jwt_authorities: Vec<JwtKey>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Root {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) asn1: Vec<u8>,
    #[prost(bool, tag = "2")]
    pub(super) tainted: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct JwtKey {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) public_key: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) key_id: String,
    #[prost(int64, tag = "3")]
    pub(super) expires_at: i64,
    #[prost(bool, tag = "4")]
    pub(super) tainted: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Federation {
    #[prost(string, tag = "1")]
    pub(super) trust_domain: String,
    #[prost(string, tag = "2")]
    pub(super) bundle_endpoint_url: String,
    #[prost(message, optional, tag = "3")]
    pub(super) https_web: Option<Web>,
    #[prost(message, optional, tag = "4")]
    pub(super) https_spiffe: Option<Spiffe>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Web {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Spiffe {
    #[prost(string, tag = "1")]
    pub(super) endpoint_spiffe_id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct States {
    #[prost(message, optional, tag = "1")]
    pub(super) active: Option<Authority>,
    #[prost(message, optional, tag = "2")]
    pub(super) prepared: Option<Authority>,
    #[prost(message, optional, tag = "3")]
    pub(super) old: Option<Authority>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Authority {
    #[prost(string, tag = "1")]
    pub(super) authority_id: String,
    #[prost(int64, tag = "2")]
    pub(super) expires_at: i64,
    #[prost(string, tag = "3")]
    pub(super) upstream: String,
}
