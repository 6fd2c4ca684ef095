//! A question as a message, and a message as the page that the connector reads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connectors::Refusal;
use connectors::spire::{self, Call, Page};
use model::Reason;
use prost::Message as _;
use prost::encoding::{DecodeContext, decode_key, skip_field};

use super::wire::{
    Agent, Agents, Authority, Bundle, Entries, Entry, Federation, Federations, Id, List,
    ListFiltered, Selector, States,
};

/// The question that `call` is, for `size` things that stand after `after`.
pub(super) fn question(call: Call, size: usize, after: &str) -> Vec<u8> {
    let (size, after) = (i32::try_from(size).unwrap_or(i32::MAX), after.to_owned());
    match call {
        Call::ListEntries | Call::ListAgents => ListFiltered { size, after }.encode_to_vec(),
        Call::ListFederationRelationships => List { size, after }.encode_to_vec(),
        Call::GetBundle | Call::GetX509AuthorityState | Call::GetJwtAuthorityState => Vec::new(),
    }
}

/// What came back, of which a list holds at most `size`: things take much more room than their
/// bytes in a message, so they are counted first.
pub(super) fn page(call: Call, size: usize, message: &[u8]) -> Result<Page, Refusal> {
    // Its own words could repeat a part of the answer.
    let read = |_| misshapen();
    let counted = || match things(message).ok_or_else(misshapen)? {
        count if count > size => {
            let told = format!("expected at most {size} things in one page, got {count}");
            Err(Refusal::new(Reason::Failed, told))
        }
        _ => Ok(message),
    };
    let none = Page::default();
    Ok(match call {
        Call::ListEntries => {
            let all = Entries::decode(counted()?).map_err(read)?;
            Page {
                entries: all.entries.into_iter().map(entry).collect(),
                next_page_token: all.next,
                ..none
            }
        }
        Call::ListAgents => {
            let all = Agents::decode(counted()?).map_err(read)?;
            Page {
                agents: all.agents.into_iter().map(agent).collect(),
                next_page_token: all.next,
                ..none
            }
        }
        Call::ListFederationRelationships => {
            let all = Federations::decode(counted()?).map_err(read)?;
            Page {
                federation_relationships: all.all.into_iter().map(federation).collect(),
                next_page_token: all.next,
                ..none
            }
        }
        Call::GetBundle => Page {
            bundle: Some(bundle(Bundle::decode(message).map_err(read)?)),
            ..none
        },
        Call::GetX509AuthorityState | Call::GetJwtAuthorityState => {
            let all = States::decode(message).map_err(read)?;
            Page {
                active: all.active.map(authority),
                prepared: all.prepared.map(authority),
                old: all.old.map(authority),
                ..none
            }
        }
    })
}

fn misshapen() -> Refusal {
    Refusal::new(
        Reason::Failed,
        "expected a message of SPIRE's interface, got something else",
    )
}

/// How often the field of a list stands in a message; `None` where it is none.
fn things(mut message: &[u8]) -> Option<usize> {
    let mut count = 0;
    while !message.is_empty() {
        let (tag, type_) = decode_key(&mut message).ok()?;
        skip_field(type_, tag, &mut message, DecodeContext::default()).ok()?;
        count += usize::from(tag == 1);
    }
    Some(count)
}

fn id(one: Option<Id>) -> spire::Id {
    let one = one.unwrap_or_default();
    spire::Id {
        trust_domain: one.trust_domain,
        path: one.path,
    }
}

fn selectors(all: Vec<Selector>) -> Vec<spire::Selector> {
    let one = |one: Selector| spire::Selector {
        type_: one.type_,
        value: one.value,
    };
    all.into_iter().map(one).collect()
}

fn entry(one: Entry) -> spire::Entry {
    spire::Entry {
        id: one.id,
        spiffe_id: id(one.spiffe_id),
        parent_id: id(one.parent_id),
        selectors: selectors(one.selectors),
        x509_svid_ttl: one.x509_svid_ttl,
        jwt_svid_ttl: one.jwt_svid_ttl,
        federates_with: one.federates_with,
        admin: one.admin,
        downstream: one.downstream,
        expires_at: one.expires_at,
        dns_names: one.dns_names,
        store_svid: one.store_svid,
        hint: one.hint,
        created_at: one.created_at,
    }
}

fn agent(one: Agent) -> spire::Agent {
    spire::Agent {
        id: id(one.id),
        attestation_type: one.attestation_type,
        x509svid_serial_number: one.serial,
        x509svid_expires_at: one.expires_at,
        selectors: selectors(one.selectors),
        banned: one.banned,
        can_reattest: one.can_reattest,
    }
}

fn bundle(one: Bundle) -> spire::Bundle {
    let roots = one.x509_authorities.into_iter().map(|root| spire::Root {
        asn1: STANDARD.encode(root.asn1),
        tainted: root.tainted,
    });
    let keys = one.jwt_authorities.into_iter().map(|key| spire::JwtKey {
        public_key: STANDARD.encode(key.public_key),
        key_id: key.key_id,
        expires_at: key.expires_at,
        tainted: key.tainted,
    });
    spire::Bundle {
        trust_domain: one.trust_domain,
        x509_authorities: roots.collect(),
        jwt_authorities: keys.collect(),
    }
}

fn federation(one: Federation) -> spire::Federation {
    spire::Federation {
        trust_domain: one.trust_domain,
        bundle_endpoint_url: one.bundle_endpoint_url,
        https_web: one.https_web.map(|_| spire::Web::default()),
        https_spiffe: one.https_spiffe.map(|one| spire::Spiffe {
            endpoint_spiffe_id: one.endpoint_spiffe_id,
        }),
    }
}

fn authority(one: Authority) -> spire::Authority {
    spire::Authority {
        authority_id: one.authority_id,
        expires_at: one.expires_at,
        upstream_authority_subject_key_id: Some(one.upstream).filter(|id| !id.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_more_things_than_were_asked_for_is_refused() {
        let entries = Entries {
            entries: vec![Entry::default(); 3],
            next: String::new(),
        };
        let message = entries.encode_to_vec();
        assert!(page(Call::ListEntries, 2, &message).is_err());
        let whole = page(Call::ListEntries, 3, &message).unwrap();
        assert_eq!(whole.entries.len(), 3);
        for end in 1..message.len() {
            // Cut between two things it is a shorter list, else none.
            let cut = page(Call::ListEntries, 3, &message[..end]);
            assert!(cut.is_ok_and(|page| page.entries.len() == end / 2) == (end % 2 == 0));
        }
        assert!(page(Call::GetBundle, 3, b"\xff\xff").is_err());
    }
}
