//! SPIRE: registration entries, agents, authorities and federation of one trust domain.
//!
//! Source: SPIRE 1.13, `spire.api.server`. A server is asked over the socket for its administrators
//! or, as somebody whose entry says `admin`, over the network.
//!
//! An entry is a grant: who shows its selectors below its parent is given its SPIFFE id. Several
//! entries may give one id, so the id is the identity, by its URI a hard key, and each entry tells
//! of one way to it.

mod realm;
pub mod said;
mod told;

use model::{Reason, Scope};

use crate::{Connector, Context, PortKind, Refusal, Spec, Stop};

pub(crate) use realm::{Realm, part};
pub use said::{
    Agent, Authority, Bundle, Call, Entry, Federation, Id, JwtKey, Page, Root, Selector, Spiffe,
    Web,
};
pub(crate) use told::tell;

/// One SPIRE server.
#[derive(Debug)]
pub(crate) struct Spire;

/// Pages of one list. At 500 things each it is more than any server has.
const PAGES_MAX: usize = 20_000;

/// What lets any of this be read.
const NEEDS: &str = "the server's socket, or an SVID whose entry says admin";

static SPEC: Spec = Spec {
    name: "spire",
    reads: "registration entries, agents and their certificates, authorities and federation of a SPIRE server",
    named: "spire:SOCKET",
    target: "trust domain",
    port: PortKind::Spire,
    needs_to_discover: &[NEEDS],
    needs_to_act: &[],
    scopes: &["bundle | authorities | federation | agents | entries"],
};

impl Connector for Spire {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        let page = cx.spire(Call::GetBundle, "")?;
        let bundle = page.bundle.unwrap_or_default();
        let id = Id {
            trust_domain: bundle.trust_domain,
            path: String::new(),
        };
        // A foreign text does not become the name of a source.
        id.uri().map(|_| id.trust_domain).ok_or_else(|| {
            Refusal::new(
                Reason::Failed,
                "expected the name of a trust domain, got something else",
            )
        })
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let mut realm = Realm::default();
        for call in [
            Call::GetBundle,
            Call::GetX509AuthorityState,
            Call::GetJwtAuthorityState,
            Call::ListFederationRelationships,
            // Entries before agents: a parent that joins in between is then none that is gone.
            Call::ListEntries,
            Call::ListAgents,
        ] {
            match read(cx, call, &mut realm) {
                Ok(()) => {
                    realm.met.insert(call);
                }
                Err(refusal) => {
                    let scope = Scope::of(part(call));
                    let stopped = cx.gap(&scope, &refusal, Some(NEEDS));
                    if stopped.is_err() {
                        tell(cx, &realm)?;
                        return stopped;
                    }
                }
            }
        }
        tell(cx, &realm)
    }
}

/// Reads all that `call` gives.
fn read(cx: &mut Context<'_>, call: Call, realm: &mut Realm) -> Result<(), Refusal> {
    let mut after = String::new();
    for _ in 0..PAGES_MAX {
        let page = cx.spire(call, &after)?;
        let next = page.next_page_token.clone();
        let is_empty = realm.take(call, page) == 0;
        if next.is_empty() {
            return Ok(());
        }
        // A page that brings nothing and yet goes on never ends.
        if next == after || is_empty {
            let told = format!("{} repeats a page", call.method());
            return Err(Refusal::new(Reason::Failed, told));
        }
        after = next;
    }
    let told = format!("{} has more than {PAGES_MAX} pages", call.method());
    Err(Refusal::new(Reason::Unsupported, told))
}
