//! `keyroll receive`: platforms send their events, and whoever is born is told within seconds.

mod file;
mod refused;
mod setup;

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver as Wakes, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::builder::FalseyValueParser;
use engine::Engine;
use engine::receive::{Alert, Receiver};
use server::{EventsAt, Limits, Listener, Running};

use crate::error::Error;
use crate::exit::Outcome;
use crate::output::Format;
use crate::roll::{Roll, location};
use crate::settings::Settings;
use crate::terminal::Terminal;
use file::Receiving;
use refused::Refused;

/// Receive events as platforms send them, and tell who is born
///
/// FILE says who may send, and what shows that it is they. Webhooks of GitHub and GitLab, event
/// hooks of Okta, subscriptions of Azure Event Grid, Google Pub/Sub and Amazon SNS are listened
/// for; queues of Amazon SQS and subscriptions of Pub/Sub are asked. What comes is checked, kept
/// before it is answered, and brought into the roll like a file of logs. Each birth is a line, or
/// with `-o ndjson` an object, once it stands on the roll. It runs until it is stopped, and may be
/// killed at any time: what it answered for waits in the store.
///
///     listen = "127.0.0.1:8478"
///
///     [[source]]
///     platform = "github"
///     name = "acme"
///     secret_file = "/etc/keyroll/github-acme"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Receive {
    /// What is received, in TOML
    file: PathBuf,
    /// Read the file, print what is to be set up at each platform and with which permission, and end
    #[arg(long, env = "KEYROLL_CHECK", value_parser = FalseyValueParser::new())]
    check: bool,
}

/// Without anything that wakes it, it looks so often.
const LOOK: Duration = Duration::from_secs(1);
/// A source that refused is asked again after so long.
const AFTER_REFUSAL: Duration = Duration::from_secs(15);

impl Receive {
    /// Receives until somebody stops it.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let receiving = Receiving::read(&self.file, &settings.environment)?;
        if self.check {
            let text = setup::told(&receiving);
            settings.terminal.stdout().write_all(text.as_bytes())?;
            return Ok(Outcome::CLEAN);
        }
        let location = location(settings)?;
        let engine = Roll::open_or_make(settings, &location)?.engine(settings)?;
        let tls = receiving.tls()?;
        let Receiving {
            listen,
            sources,
            alerts,
            ..
        } = receiving;
        let stop = Arc::new(AtomicBool::new(false));
        let receiver = Receiver::open(&engine, sources, alerts, Arc::clone(&stop))
            .map_err(Error::from_engine("cannot receive"))?;
        let receiver = Arc::new(receiver);
        let (wake, wakes) = mpsc::sync_channel(1);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listens = receiver.paths().next().is_some();
        let running = listens
            .then(|| listening(&engine, &receiver, settings, &wake, (listen, tls)))
            .transpose()?;
        say_where(settings, &receiver, running.as_ref(), scheme)?;
        for path in receiver.asked() {
            ask(&receiver, &path, &wake, settings)?;
        }
        let told = tell(&receiver, settings, &stop, &wakes);
        drop(running);
        told
    }
}

/// Begins to listen.
fn listening(
    engine: &Engine,
    receiver: &Arc<Receiver>,
    settings: &Settings,
    wake: &SyncSender<()>,
    (address, tls): (std::net::SocketAddr, Option<server::Tls>),
) -> Result<Running, Error> {
    let listener = Listener::bind(address, tls, Limits::default())
        .map_err(Error::because("cannot listen for events"))?;
    let environment = settings.environment.clone();
    let clock: engine::Clock = Arc::new(move || environment.now());
    let wake = Mutex::new(wake.clone());
    let woken = move || {
        // A full channel wakes as well.
        let _ = wake
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .try_send(());
    };
    let answers = Arc::new(EventsAt::new(Arc::clone(receiver), clock, woken));
    let runtime = engine
        .runtime()
        .map_err(Error::from_engine("cannot listen for events"))?;
    listener
        .start(&runtime, answers)
        .map_err(Error::because("cannot listen for events"))
}

/// Says on standard error where events are awaited.
fn say_where(
    settings: &Settings,
    receiver: &Receiver,
    running: Option<&Running>,
    scheme: &str,
) -> Result<(), Error> {
    if settings.quiet {
        return Ok(());
    }
    let mut err = settings.terminal.stderr();
    if let Some(running) = running {
        for (path, platform) in receiver.paths() {
            writeln!(
                err,
                "receives from {platform} at {scheme}://{}{path}",
                running.address
            )?;
        }
    }
    for path in receiver.asked() {
        writeln!(err, "asks for events of {}", path.trim_start_matches('/'))?;
    }
    Ok(())
}

/// Asks one source again and again, on a thread of its own.
fn ask(
    receiver: &Arc<Receiver>,
    path: &str,
    wake: &SyncSender<()>,
    settings: &Settings,
) -> Result<(), Error> {
    let (receiver, path, wake) = (Arc::clone(receiver), path.to_owned(), wake.clone());
    let terminal = settings.terminal.clone();
    let asking = move || {
        let mut said = String::new();
        loop {
            match receiver.pull(&path) {
                Ok(pulled) if pulled.given > 0 => {
                    said.clear();
                    let _ = wake.try_send(());
                }
                Ok(_) => std::thread::park_timeout(Duration::from_millis(200)),
                Err(error) => {
                    // The same refusal is said once, not every few seconds.
                    let told = error.to_string();
                    if told != said {
                        let line = format!(
                            "{}: {}\n",
                            path.trim_start_matches('/'),
                            model::clean(&told)
                        );
                        let _ = terminal.stderr().write_all(line.as_bytes());
                        said = told;
                    }
                    std::thread::park_timeout(AFTER_REFUSAL);
                }
            }
        }
    };
    std::thread::Builder::new()
        .spawn(asking)
        .map(drop)
        .map_err(Error::because("no thread is left to ask for events"))
}

/// Brings in what comes, and tells, until nobody reads on.
fn tell(
    receiver: &Arc<Receiver>,
    settings: &Settings,
    stop: &Arc<AtomicBool>,
    wakes: &Wakes<()>,
) -> Result<Outcome, Error> {
    send_on(receiver, stop, settings)?;
    let mut said = String::new();
    let mut refused = Refused::default();
    loop {
        for line in refused.lines(&receiver.counts(), Instant::now()) {
            // Whoever closed it still gets births.
            let _ = settings
                .terminal
                .stderr()
                .write_all(format!("{line}\n").as_bytes());
        }
        let mut unwritten = None;
        let drained = receiver.drain(false, &mut |alert| {
            write(settings, alert).map_err(|error| {
                unwritten = Some(error);
                engine::Error::Unfit("standard output takes no more".to_owned())
            })
        });
        match (drained, unwritten) {
            (_, Some(error)) => return Err(error),
            (Ok(_), None) => said.clear(),
            (Err(error), None) => {
                let told = error.to_string();
                if told != said {
                    let line = format!(
                        "cannot bring events into the roll: {}\n",
                        model::clean(&told)
                    );
                    settings.terminal.stderr().write_all(line.as_bytes())?;
                    said = told;
                }
            }
        }
        if wakes.recv_timeout(LOOK) == Err(RecvTimeoutError::Disconnected) {
            return Ok(Outcome::CLEAN);
        }
    }
}

/// Sends births on from a thread of its own: a slow one that takes them delays no line.
fn send_on(
    receiver: &Arc<Receiver>,
    stop: &Arc<AtomicBool>,
    settings: &Settings,
) -> Result<(), Error> {
    let (receiver, stop) = (Arc::clone(receiver), Arc::clone(stop));
    let terminal: Terminal = settings.terminal.clone();
    let sending = move || {
        let mut said = false;
        loop {
            if receiver.send(&stop).is_err() && !said {
                let _ = terminal.stderr().write_all(b"alerts cannot be sent on\n");
                said = true;
            }
            std::thread::park_timeout(LOOK);
        }
    };
    std::thread::Builder::new()
        .spawn(sending)
        .map(drop)
        .map_err(Error::because("no thread is left to send alerts"))
}

fn write(settings: &Settings, alert: &Alert) -> Result<(), Error> {
    let mut line = if settings.wanted.has(Format::Ndjson) {
        alert.to_json().to_string()
    } else {
        in_words(alert)
    };
    line.push('\n');
    let mut out = settings.terminal.stdout();
    out.write_all(line.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// A birth as a person reads it.
fn in_words(alert: &Alert) -> String {
    let text = |text: &str| model::shorten(&model::clean(text), 120);
    let by = if alert.by.is_empty() {
        "nobody knows whom".to_owned()
    } else {
        text(&alert.by)
    };
    let account = if alert.account.is_empty() {
        String::new()
    } else {
        format!(" of {}", text(&alert.account))
    };
    format!(
        "{} born: {} `{}`{account}, made by {by}; told {:.1} s after; keyroll get {}",
        alert.born_at,
        text(&alert.type_),
        text(&alert.name),
        alert.delay().to_std().as_secs_f64(),
        alert.entity.as_str(),
    )
}
