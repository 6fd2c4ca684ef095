//! What a SPIRE server says, in the words of its own interface.
//!
//! Source: SPIRE 1.13, `spire.api.server.*.v1` and `spire.api.types`. The names are those of its
//! messages, as `spire-server … -output json` prints them, so an export and a live answer are read
//! by the same code. Numbers of 64 bits are printed as texts; both forms are taken.

use serde::{Deserialize, Deserializer, Serialize};

/// One call of the interface for administrators; each of them reads alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// The trust domain's own bundle.
    GetBundle,
    /// Registration entries, by pages.
    ListEntries,
    /// Attested agents, by pages.
    ListAgents,
    /// Foreign trust domains whose bundles are fetched, by pages.
    ListFederationRelationships,
    /// The authorities that sign X.509-SVIDs.
    GetX509AuthorityState,
    /// The authorities that sign JWT-SVIDs.
    GetJwtAuthorityState,
}

impl Call {
    /// The service, and its method.
    pub const fn path(self) -> &'static str {
        match self {
            Self::GetBundle => "spire.api.server.bundle.v1.Bundle/GetBundle",
            Self::ListEntries => "spire.api.server.entry.v1.Entry/ListEntries",
            Self::ListAgents => "spire.api.server.agent.v1.Agent/ListAgents",
            Self::ListFederationRelationships => {
                "spire.api.server.trustdomain.v1.TrustDomain/ListFederationRelationships"
            }
            Self::GetX509AuthorityState => {
                "spire.api.server.localauthority.v1.LocalAuthority/GetX509AuthorityState"
            }
            Self::GetJwtAuthorityState => {
                "spire.api.server.localauthority.v1.LocalAuthority/GetJWTAuthorityState"
            }
        }
    }

    /// The method alone: `ListEntries`.
    pub fn method(self) -> &'static str {
        let path = self.path();
        path.rsplit_once('/').map_or(path, |(_, method)| method)
    }
}

/// One answer: what the call gives, and nothing of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Page {
    /// To [`Call::ListEntries`].
    pub entries: Vec<Entry>,
    /// To [`Call::ListAgents`].
    pub agents: Vec<Agent>,
    /// To [`Call::ListFederationRelationships`].
    pub federation_relationships: Vec<Federation>,
    /// What a list goes on after; empty at its end.
    pub next_page_token: String,
    /// To [`Call::GetBundle`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Bundle>,
    /// To the calls for authorities: the one that signs now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<Authority>,
    /// The one that will sign next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepared: Option<Authority>,
    /// The one that signed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Authority>,
}

/// A SPIFFE id in its two parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Id {
    /// `example.org`.
    pub trust_domain: String,
    /// `/ns/shop/sa/app`.
    pub path: String,
}

/// What a workload or a node shows itself by.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Selector {
    /// `unix`, `k8s`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `uid:1000`, `ns:shop`.
    pub value: String,
}

/// A registration entry: who is given which SPIFFE id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// The server's own id for it.
    pub id: String,
    /// What is given.
    pub spiffe_id: Id,
    /// Below which agent or node.
    pub parent_id: Id,
    /// All of these have to be shown.
    pub selectors: Vec<Selector>,
    /// Seconds; 0 is the server's default.
    pub x509_svid_ttl: i32,
    /// Seconds; 0 is the server's default.
    pub jwt_svid_ttl: i32,
    /// Foreign trust domains.
    pub federates_with: Vec<String>,
    /// May use the interface for administrators.
    pub admin: bool,
    /// May sign as an authority below this server.
    pub downstream: bool,
    /// Seconds since 1970; 0 is never.
    #[serde(deserialize_with = "whole")]
    pub expires_at: i64,
    /// Names in the certificate beside the id.
    pub dns_names: Vec<String>,
    /// Whether SVIDs are put into a store for platforms without agents.
    pub store_svid: bool,
    /// Which of several a workload should take.
    pub hint: String,
    /// Seconds since 1970; 0 where an old server did not note it.
    #[serde(deserialize_with = "whole")]
    pub created_at: i64,
}

/// An attested agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Agent {
    /// Its SPIFFE id.
    pub id: Id,
    /// `join_token`, `k8s_psat`.
    pub attestation_type: String,
    /// Of its present certificate, decimal.
    pub x509svid_serial_number: String,
    /// Seconds since 1970.
    #[serde(deserialize_with = "whole")]
    pub x509svid_expires_at: i64,
    /// What its node showed itself by.
    pub selectors: Vec<Selector>,
    /// Whether it is locked out.
    pub banned: bool,
    /// Whether it may prove itself again once its certificate has ended.
    pub can_reattest: bool,
}

/// What a trust domain is verified by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bundle {
    /// Whose it is.
    pub trust_domain: String,
    /// Roots of X.509-SVIDs.
    pub x509_authorities: Vec<Root>,
    /// Keys of JWT-SVIDs.
    pub jwt_authorities: Vec<JwtKey>,
}

/// A root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Root {
    /// The certificate in DER, base64.
    pub asn1: String,
    /// Whether nothing that it signed is to be trusted any more.
    pub tainted: bool,
}

/// A public key of JWT-SVIDs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JwtKey {
    /// SubjectPublicKeyInfo in DER, base64.
    pub public_key: String,
    /// `kid`.
    pub key_id: String,
    /// Seconds since 1970; 0 where it is not told.
    #[serde(deserialize_with = "whole")]
    pub expires_at: i64,
    /// Whether nothing that it signed is to be trusted any more.
    pub tainted: bool,
}

/// A foreign trust domain whose bundle this server fetches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Federation {
    /// Which.
    pub trust_domain: String,
    /// Where its bundle is.
    pub bundle_endpoint_url: String,
    /// Told where a public authority vouches for that place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https_web: Option<Web>,
    /// Told where the trust domain itself does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https_spiffe: Option<Spiffe>,
}

/// Nothing more is told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Web {}

/// Who answers there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spiffe {
    /// Its SPIFFE id.
    pub endpoint_spiffe_id: String,
}

/// An authority that signs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Authority {
    /// Subject key id of its certificate, or the `kid` of its key.
    pub authority_id: String,
    /// Seconds since 1970.
    #[serde(deserialize_with = "whole")]
    pub expires_at: i64,
    /// Of X.509 alone: who is above it; empty where it is a root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_authority_subject_key_id: Option<String>,
}

impl Id {
    /// `spiffe://example.org/ns/shop`; `None` where it is none (SPIFFE-ID sections 2.1 to 2.3).
    pub fn uri(&self) -> Option<String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let domain = &self.trust_domain;
        let is_domain = (1..=255).contains(&domain.len())
            && domain.bytes().all(|b| plain(b) && !b.is_ascii_uppercase());
        let mut parts = self.path.split('/');
        let is_path = parts.next() == Some("")
            && (self.path.is_empty()
                || parts.all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(plain)));
        let uri = format!("spiffe://{domain}{}", self.path);
        (is_domain && is_path && uri.len() <= 2048).then_some(uri)
    }

    /// The two parts of `spiffe://example.org/ns/shop`.
    pub fn of(uri: &str) -> Option<Self> {
        let rest = uri.strip_prefix("spiffe://")?;
        let at = rest.find('/').unwrap_or(rest.len());
        let (trust_domain, path) = rest.split_at(at);
        let id = Self {
            trust_domain: trust_domain.to_owned(),
            path: path.to_owned(),
        };
        id.uri().map(|_| id)
    }
}

/// A number of 64 bits, which JSON of protocol buffers writes as a text.
fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(i64),
        Text(String),
    }
    match Written::deserialize(from)? {
        Written::Number(number) => Ok(number),
        Written::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_spiffe_id_is_none() {
        for (domain, path) in [
            ("", "/a"),
            ("Example.org", "/a"),
            ("example.org", "a"),
            ("example.org", "/a/"),
            ("example.org", "/a//b"),
            ("example.org", "/a/../b"),
            ("example.org", "/a b"),
            ("u@example.org", "/a"),
            ("example.org:80", "/a"),
        ] {
            let id = Id {
                trust_domain: domain.to_owned(),
                path: path.to_owned(),
            };
            assert_eq!(id.uri(), None, "{id:?}");
        }
        let id = Id::of("spiffe://example.org/ns/shop").unwrap();
        assert_eq!(id.path, "/ns/shop");
        assert_eq!(id.uri().unwrap(), "spiffe://example.org/ns/shop");
        assert_eq!(Id::of("spiffe://example.org").unwrap().path, "");
        assert_eq!(Id::of("https://example.org/a"), None);
    }
}
