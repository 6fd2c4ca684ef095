//! `keyroll up`: the interface and the console over a roll, until somebody stops it.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use engine::Engine;
use model::Duration;
use server::{Api, Bound, Bounds, Keeping, Loopback, Tls, accounts};

use crate::error::Error;
use crate::exit::Outcome;
use crate::machine::{Asking, machine};
use crate::roll::{Roll, location};
use crate::settings::Settings;

/// Serve the interface and the console
///
/// Runs in the foreground until it is stopped; then nobody more is let in, and what is being
/// answered comes to its end. The first start prints a link that makes an administrator. Until it
/// is followed, whoever can connect to the loopback address is taken for you, other users of this
/// machine included.
#[derive(Debug, clap::Args)]
pub(crate) struct Up {
    /// Where to listen
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "KEYROLL_LISTEN",
        default_value = "127.0.0.1:7310"
    )]
    listen: SocketAddr,
    /// The certificate, and those above it, in PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "KEYROLL_TLS_CERT",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// Its key, in PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "KEYROLL_TLS_KEY",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// Read each remembered source again so long after its last run began; `0s`: only when asked
    #[arg(long, value_name = "SPAN", env = "KEYROLL_EVERY", default_value = "1h", value_parser = super::apply::wait)]
    every: Duration,
    /// Listen beyond this machine although what is sent can be read on the way, or nobody can sign in
    #[arg(long, env = "KEYROLL_INSECURE_BEYOND_LOOPBACK", value_parser = FalseyValueParser::new())]
    insecure_beyond_loopback: bool,
}

impl Up {
    /// Serves until somebody stops it.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                let read = Tls::read(certificate, key);
                Some(read.map_err(Error::because("cannot show who we are"))?)
            }
            _ => None,
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let engine = Roll::open_or_make(settings, &location(settings)?)?.engine(settings)?;
        self.refuse_what_is_open(&engine)?;
        let loopback = Loopback {
            tenant: settings.tenant.clone(),
            actor: engine.actor.clone(),
        };
        let gate = accounts::gate(&engine, loopback);
        let link = engine
            .setup_link()
            .map_err(Error::from_denied("cannot serve"))?;
        let link = link.map(|link| {
            let secret = link.secret.secret().expose();
            String::from_utf8_lossy(secret).into_owned()
        });
        let keeping = Keeping {
            every: self.every,
            machine: machine(&settings.environment, &Asking::default()),
        };
        let api = Api::new(engine, gate, keeping);
        let bound = Bound::bind(self.listen, tls, Bounds::default())
            .map_err(Error::because("cannot serve"))?;
        serve(settings, api, bound, scheme, link)
    }

    /// Beyond this machine what is sent is to be unreadable, and somebody is to answer for it.
    fn refuse_what_is_open(&self, engine: &Engine) -> Result<(), Error> {
        if self.listen.ip().to_canonical().is_loopback() || self.insecure_beyond_loopback {
            return Ok(());
        }
        let administered = engine
            .is_administered()
            .map_err(Error::from_denied("cannot serve"))?;
        let lacks = match (&self.tls_cert, administered) {
            (Some(_), true) => return Ok(()),
            (None, true) => "a certificate (`--tls-cert`, `--tls-key`)",
            (Some(_), false) => "an administrator",
            (None, false) => "a certificate (`--tls-cert`, `--tls-key`) and an administrator",
        };
        let told = format!("listening at {} needs {lacks}", self.listen);
        Err(Error::usage(told).hint(
            "listen at 127.0.0.1:7310 behind a proxy of yours; make an administrator by `keyroll account add NAME --role admin`, or say `--insecure-beyond-loopback`",
        ))
    }
}

/// Answers until a signal ends the process. Whoever follows `link` is the first administrator.
pub(super) fn serve(
    settings: &Settings,
    api: Api,
    bound: Bound,
    scheme: &str,
    link: Option<String>,
) -> Result<Outcome, Error> {
    let runtime = api.engine().runtime();
    let runtime = runtime.map_err(Error::from_engine("cannot serve"))?;
    let serving = bound
        .serve(&runtime, api.router(accounts::routes))
        .map_err(Error::because("cannot serve"))?;
    if !settings.quiet {
        let told = format!("Keyroll is at {scheme}://{}\n", serving.address);
        settings.terminal.stderr().write_all(told.as_bytes())?;
    }
    if let Some(link) = link {
        let told = format!(
            "Nobody administers it yet. Within a day, make yourself an account at\n\
             {scheme}://{}/set-up#{link}\n",
            serving.address
        );
        settings.terminal.stderr().write_all(told.as_bytes())?;
    }
    api.begin().map_err(Error::because("cannot serve"))?;
    settings.interrupt.ends(api, serving);
    // What is said meanwhile is said by those who answer.
    loop {
        std::thread::park();
    }
}
