//! The root of a server (RFC 4512 section 5.1): what it is, and what it holds.

use crate::port::ldap::{Depth, Filter, Search};
use crate::{Context, Refusal};
use model::Reason;

use super::words::{domain_of, host_and_port};

/// Among the capabilities of every Active Directory.
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";
/// Parts that a server may hold and that are read.
const CONTEXTS_MAX: usize = 32;

/// Whose directory it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Active Directory, Microsoft's or Samba's.
    Active,
    /// Any other.
    Plain,
}

/// What the root of a server tells.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) dialect: Dialect,
    /// Below which entries accounts are looked for.
    pub(super) bases: Vec<String>,
    /// The domain, in an Active Directory: `acme.test`.
    pub(super) domain: String,
    /// The entry of the server's own configuration, where it has one in its directory.
    pub(super) configuration: Option<String>,
    /// Every `host` and port by which this server is known.
    pub(super) places: Vec<(String, u16)>,
}

impl Root {
    /// Asks for it.
    pub(super) fn read(cx: &mut Context<'_>) -> Result<Self, Refusal> {
        let wanted = [
            "namingContexts",
            "defaultNamingContext",
            "supportedCapabilities",
            "dnsHostName",
            "configContext",
        ];
        let page = cx.ldap(Search {
            base: String::new(),
            depth: Depth::Base,
            filter: Filter::has("objectClass"),
            attributes: wanted.iter().map(|one| (*one).to_owned()).collect(),
            names_only: false,
            page: String::new(),
        })?;
        let Some(root) = page.entries.first() else {
            let told = "the server does not show its root (RFC 4512 section 5.1)";
            return Err(Refusal::new(Reason::Denied, told));
        };
        let text = |name: &str| root.text(name).unwrap_or_default().to_owned();
        let active = root
            .texts("supportedCapabilities")
            .any(|one| one == ACTIVE_DIRECTORY);
        let own = text("defaultNamingContext");
        let (host, base) = cx.target().split_once('/').unwrap_or((cx.target(), ""));
        let base = cx.option("base").unwrap_or(base).to_owned();
        let bases = if !base.is_empty() {
            vec![base]
        } else if active {
            vec![own.clone()]
        } else {
            let contexts = root.texts("namingContexts").take(CONTEXTS_MAX);
            contexts.map(str::to_owned).collect()
        };
        if bases.iter().all(String::is_empty) {
            let told =
                "the server does not say what it holds; name a base: `ldap://USER@HOST/BASE`";
            return Err(Refusal::new(Reason::Denied, told));
        }
        let domain = domain_of(&own);
        let mut places: Vec<_> = host_and_port(host).into_iter().collect();
        let standard = places.iter().any(|(_, port)| matches!(port, 389 | 636));
        // A domain's name leads to each of its controllers.
        if active && standard {
            let named = [text("dnsHostName").to_lowercase(), domain.clone()];
            let named = named.into_iter().filter(|one| !one.is_empty());
            places.extend(named.map(|one| (one, 389)));
        }
        let aliases = cx.option("aliases").unwrap_or_default();
        places.extend(aliases.split(',').filter_map(host_and_port));
        Ok(Self {
            dialect: if active {
                Dialect::Active
            } else {
                Dialect::Plain
            },
            bases,
            domain,
            configuration: Some(text("configContext")).filter(|one| !one.is_empty()),
            places,
        })
    }
}
