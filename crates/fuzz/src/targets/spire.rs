//! A SPIRE server that answers with the input, and what its program printed.

use std::collections::BTreeMap;

use connectors::spire::Call;
use connectors::{Answer, Port, Question, Refusal, connector};
use model::Reason;

use super::Listed;
use crate::answers::{OneFile, pass};
use crate::witness::Witness;

pub(super) const TARGETS: &[Listed] = &[
    (
        "spire",
        "any message that a SPIRE server answers with ends in observations and gaps",
        spire,
    ),
    (
        "spire_exports",
        "any file among exports of SPIRE ends in observations and gaps",
        spire_exports,
    ),
];

/// Answers one call with a message, and all others with nothing.
struct Message<'a> {
    call: Call,
    bytes: &'a [u8],
}

impl Port for Message<'_> {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        match question {
            Question::Spire { call, .. } if *call == self.call => {
                let page = engine::read_spire_page(*call, self.bytes)?;
                Ok(Answer::Spire(Box::new(page)))
            }
            _ => Err(Refusal::new(Reason::Denied, "another call")),
        }
    }
}

/// The first byte says which call is answered.
fn spire(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else {
        return;
    };
    let call = match first % 6 {
        0 => Call::GetBundle,
        1 => Call::ListEntries,
        2 => Call::ListAgents,
        3 => Call::ListFederationRelationships,
        4 => Call::GetX509AuthorityState,
        _ => Call::GetJwtAuthorityState,
    };
    told("spire", &mut Message { call, bytes }, &BTreeMap::new());
}

fn spire_exports(input: &[u8]) {
    let path = "/srv/export.json";
    let mut port = OneFile { path, bytes: input };
    let options = BTreeMap::from([("dirs".to_owned(), "/srv".to_owned())]);
    told("spire_exports", &mut port, &options);
}

fn told(name: &str, port: &mut dyn Port, options: &BTreeMap<String, String>) {
    let witness = Witness::default();
    if let Some(connector) = connector(name) {
        let out = pass(connector, port, &witness, "keyroll.test", options);
        witness.finds_nothing_in(&out.text, "keyroll.test");
    }
}
