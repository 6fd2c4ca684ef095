//! The verbs, one file each, in the order of the manual.

mod account;
mod apply;
mod backup;
mod completion;
mod config;
mod demo;
mod diff;
mod doctor;
mod enrol;
mod evidence;
mod findings;
mod gaps;
mod get;
mod key;
mod ls;
mod man;
mod metrics;
mod migrate;
mod mute;
mod owner;
mod places;
mod plan;
mod query;
mod receive;
mod residual;
mod restore;
mod scan;
mod sources;
mod token;
mod up;
mod verify_revoked;
mod why;

use clap::Subcommand;

use crate::configuration::Layers;
use crate::error::Error;
use crate::exit::Outcome;
use crate::settings::Settings;

/// A verb with its arguments. What help says of it stands with its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Scan(Box<scan::Scan>),
    Ls(ls::Ls),
    Get(get::Get),
    Why(why::Why),
    Query(query::Query),
    Diff(diff::Diff),
    Findings(findings::Findings),
    Gaps(gaps::Gaps),
    #[command(subcommand)]
    Owner(owner::Owner),
    #[command(subcommand)]
    Mute(mute::Mute),
    #[command(subcommand)]
    Sources(sources::Sources),
    #[command(subcommand)]
    Plan(plan::Plan),
    Apply(apply::Apply),
    VerifyRevoked(verify_revoked::VerifyRevoked),
    Residual(residual::Residual),
    Up(up::Up),
    Demo(demo::Demo),
    #[command(subcommand)]
    Account(account::Account),
    #[command(subcommand)]
    Token(token::Token),
    Receive(receive::Receive),
    Metrics(metrics::Metrics),
    #[command(subcommand)]
    Evidence(evidence::Evidence),
    #[command(subcommand)]
    Enrol(enrol::Enrol),
    #[command(subcommand)]
    Key(key::Key),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Migrate(migrate::Migrate),
    Doctor(doctor::Doctor),
    Completion(completion::Completion),
    Man(man::Man),
    #[command(subcommand)]
    Config(config::Config),
}

/// Does what a verb says.
///
/// # Errors
/// It could not be done.
pub(crate) fn run(
    command: Command,
    settings: &Settings,
    layers: &Layers,
) -> Result<Outcome, Error> {
    if matches!(
        command,
        Command::Scan(_) | Command::Sources(_) | Command::Up(_) | Command::Demo(_)
    ) {
        crate::systems::read(settings)?;
    }
    match command {
        Command::Scan(scan) => scan.run(settings),
        Command::Ls(ls) => ls.run(settings),
        Command::Get(get) => get.run(settings),
        Command::Why(why) => why.run(settings),
        Command::Query(query) => query.run(settings),
        Command::Diff(diff) => diff.run(settings),
        Command::Findings(findings) => findings.run(settings),
        Command::Gaps(gaps) => gaps.run(settings),
        Command::Owner(owner) => owner.run(settings),
        Command::Mute(mute) => mute.run(settings),
        Command::Sources(sources) => sources.run(settings),
        Command::Plan(plan) => plan.run(settings),
        Command::Apply(apply) => apply.run(settings),
        Command::VerifyRevoked(verify) => verify.run(settings),
        Command::Residual(residual) => residual.run(settings),
        Command::Up(up) => up.run(settings),
        Command::Demo(demo) => demo.run(settings),
        Command::Account(account) => account.run(settings),
        Command::Token(token) => token.run(settings),
        Command::Receive(receive) => receive.run(settings),
        Command::Metrics(metrics) => metrics.run(settings),
        Command::Evidence(evidence) => evidence.run(settings),
        Command::Enrol(enrol) => enrol.run(settings),
        Command::Key(key) => key.run(settings),
        Command::Backup(backup) => backup.run(settings),
        Command::Restore(restore) => restore.run(settings),
        Command::Migrate(migrate) => migrate.run(settings),
        Command::Doctor(doctor) => doctor.run(settings, layers),
        Command::Completion(completion) => completion.run(settings),
        Command::Man(man) => man.run(settings),
        Command::Config(config) => config.run(settings, layers),
    }
}
