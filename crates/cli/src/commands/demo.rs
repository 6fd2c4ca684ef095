//! `keyroll demo`: a made-up organisation, to look around without a credential.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::builder::FalseyValueParser;
use demo::Organisation;
use engine::{Engine, KeyPaths};
use model::{Kind, Ownership};
use server::{Api, Bound, Bounds, Gate, Loopback};
use store::{Filter, Page};

use crate::error::Error;
use crate::exit::Outcome;
use crate::progress::Progress;
use crate::roll::{Ephemeral, Roll};
use crate::settings::Settings;
use crate::words::count;

/// Serve a made-up organisation, to look around without a credential
///
/// Users, service accounts, apps, roles, agents and certificates of six systems over two years,
/// with what goes wrong in real ones. Nothing of it is anybody's. Its roll lies in the temporary
/// directory and goes with the command, which runs until it is stopped.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Where to listen; on this machine alone
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "KEYROLL_LISTEN",
        default_value = "127.0.0.1:7310"
    )]
    listen: SocketAddr,
    /// About how many identities
    #[arg(
        long,
        value_name = "COUNT",
        env = "KEYROLL_IDENTITIES",
        default_value_t = 20_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    identities: u32,
    /// With names that are markup, formulas and paths, to try what shows them
    #[arg(long, env = "KEYROLL_HOSTILE_NAMES", value_parser = FalseyValueParser::new())]
    hostile_names: bool,
}

/// The same organisation every time.
const SEED: u64 = 0x006b_6579_726f_6c6c;
/// Owners that somebody confirmed, of as many as suggest themselves.
const CONFIRMED: usize = 200;

impl Demo {
    /// Serves it until somebody stops it.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        if !self.listen.ip().to_canonical().is_loopback() {
            let told = format!(
                "expected an address of this machine alone, got {}",
                self.listen
            );
            return Err(Error::usage(told).hint("`keyroll up` serves a roll of yours to others"));
        }
        let dir = Ephemeral::make(settings)?;
        let engine = opened(settings, &dir)?;
        let failed = || Error::from_engine("cannot make the organisation up");
        let identities = usize::try_from(self.identities).unwrap_or(usize::MAX);
        let made = Organisation::made_up(SEED, identities, self.hostile_names, engine.now());
        {
            let progress = Progress::start(settings);
            let all = made.passes().count();
            for (pass, n) in made.passes().zip(1..) {
                progress.says(&format!(
                    "making up {} identities: pass {n} of {all}",
                    count(u64::from(self.identities))
                ));
                let bytes = serde_json::to_vec(&pass)
                    .map_err(Error::because("cannot make the organisation up"))?;
                engine.push(&*bytes).map_err(failed())?;
            }
            progress.says("confirming some of the owners");
            confirm(&engine).map_err(failed())?;
        }
        let gate = Gate::default().or(Loopback {
            tenant: settings.tenant.clone(),
            actor: engine.actor.clone(),
        });
        let bound = Bound::bind(self.listen, None, Bounds::default())
            .map_err(Error::because("cannot serve"))?;
        super::up::serve(settings, Api::of_demo(engine, gate), bound, "http", None)
    }
}

/// An engine over an empty roll with keys of its own.
fn opened(settings: &Settings, dir: &Ephemeral) -> Result<Engine, Error> {
    let location = dir.location();
    let roll = Roll::open_or_make(settings, &location)?;
    let failed = || Error::from_engine("cannot make the keys of the demo");
    let paths = KeyPaths::for_store(&location, None, None).map_err(failed())?;
    let environment = settings.environment.clone();
    let clock = Arc::new(move || environment.now());
    let person = settings.environment.person();
    Engine::open(roll.store, roll.tenant, &paths, &person, clock).map_err(failed())
}

/// Confirms what sources suggest of the first identities, so that the log has something in it.
fn confirm(engine: &Engine) -> Result<(), engine::Error> {
    let filter = Filter {
        kind: Some(Kind::Identity),
        missing: Some(false),
        ..Filter::default()
    };
    let page = Page {
        limit: CONFIRMED * 2,
        ..Page::default()
    };
    let rows = engine
        .store
        .read(|reading| reading.roll(&engine.tenant, &filter, &page))?;
    let hinted = rows
        .rows
        .iter()
        .filter_map(|row| Some((row, row.owner_hint.as_deref()?)));
    for (row, owner) in hinted.take(CONFIRMED) {
        engine.set_owner(&row.id, Some(owner), Ownership::Business)?;
    }
    Ok(())
}
