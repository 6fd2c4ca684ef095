//! `keyroll verify-revoked`: is what was revoked still dead?

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::Verified;
use model::{Probed, State};
use serde_json::json;

use super::apply::probed;
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Page, Section, Tone, show};
use crate::roll::Roll;
use crate::settings::Settings;
use crate::shown;

/// Try a revoked credential again: is it still dead?
///
/// Tries it once on every path and asks the provider. What is let in opens the revocation again.
/// Exits with 0 if it is refused, with 3 if it is alive, with 5 if that cannot be told.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyRevoked {
    /// An id, the beginning of one, or a name
    id: String,
}

/// What trying again shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Dead,
    Alive,
    Unclear,
}

impl VerifyRevoked {
    /// Tries.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let roll = Roll::open(settings)?;
        let engine = roll.engine(settings)?;
        let stop = Arc::new(AtomicBool::new(false));
        let verified = engine
            .find(&self.id)
            .and_then(|id| engine.verify_revoked(&id, &stop))
            .map_err(Error::from_engine("cannot try it again"))?;
        let told = told(&verified);
        show(settings, &page(&verified, told, settings))?;
        Ok(Outcome {
            findings: told == Told::Alive,
            incomplete: told == Told::Unclear,
            ..Outcome::CLEAN
        })
    }
}

fn told(verified: &Verified) -> Told {
    let let_in = |probed: &Probed| matches!(probed, Probed::Accepted { .. });
    let denied = |probed: &Probed| matches!(probed, Probed::Denied { .. });
    if verified.probes.iter().any(|probe| let_in(&probe.probed))
        || verified.read_back == Some(false)
    {
        return Told::Alive;
    }
    let all_denied =
        !verified.probes.is_empty() && verified.probes.iter().all(|probe| denied(&probe.probed));
    if all_denied || verified.read_back == Some(true) {
        Told::Dead
    } else {
        Told::Unclear
    }
}

fn page(verified: &Verified, told: Told, settings: &Settings) -> Page {
    // Green is for what is proven: a single denial now is not, unless a proof stands behind it.
    let stands = matches!(verified.state, State::Proven { .. });
    let lead = match told {
        Told::Dead if stands => {
            Cell::toned("refused again: it is as dead as it was proven", Tone::Good)
        }
        Told::Dead => Cell::new("refused now, but it was never proven dead"),
        Told::Alive => Cell::toned(
            "ALIVE: it is accepted again, and its revocation is open again",
            Tone::Bad,
        ),
        Told::Unclear => Cell::toned("nobody gave a clear answer", Tone::Unknown),
    };
    let mut probes: Vec<Cell> = verified
        .probes
        .iter()
        .map(|probe| Cell::new(probed(probe)))
        .collect();
    if !verified.replayed {
        probes.push(Cell::toned(
            "the secret is not at hand, so it was not tried itself",
            Tone::Unknown,
        ));
    }
    probes.push(match verified.read_back {
        Some(true) => Cell::new("its provider: refused or absent, without sessions"),
        Some(false) => Cell::toned("its provider: it has it, and lets it in", Tone::Bad),
        None => Cell::toned("its provider did not answer", Tone::Unknown),
    });
    let mut hints = Vec::new();
    if told == Told::Alive {
        hints.push(format!("`keyroll apply {}` cuts it again", verified.plan));
    }
    Page {
        title: format!("Plan {}", verified.plan),
        lead: vec![lead],
        sections: vec![
            Section::lines("Now", probes),
            Section::lines("Stands", vec![shown::state(&verified.state, settings.now)]),
        ],
        hints,
        footer: Vec::new(),
        record: json!({
            "plan": verified.plan,
            "state": verified.state,
            "probes": verified.probes,
            "replayed": verified.replayed,
            "read_back": verified.read_back,
            "reopened": verified.reopened,
        }),
    }
}
