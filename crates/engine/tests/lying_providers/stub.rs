//! A provider of ours that keeps what it is in a file, counts what is done to it, and lies as told.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use connectors::{Declared, Refusal, Standing};
use engine::{Advance, Applied, Bearer, Engine, KeyPaths, Provider, World};
use evidence::Leaf;
use lifecycle::Draft;
use model::{
    CredentialType, Duration, EntityId, Kind, Outcome, Path, Plan, Probed, Reason, Secret,
    SightingKey, Step, StepKind, Subject, Survivor, Tenant, Timestamp, Window,
};
use serde::{Deserialize, Serialize};
use store::{Durability, Location, Options, Store};

/// How a provider lies or fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// It does not.
    None,
    /// Says 200 to the cut and shows it, and lets everybody in as before.
    DoesNothing,
    /// Says 200 to the cut and does not even show it.
    ShowsNothing,
    /// Lets in so many more after the cut.
    Late(u32),
    /// Denies so many after the cut, then lets everybody in for ever.
    DeniesThenAllows(u32),
    /// Denies new logins and keeps answering the held session.
    KeepsTheSession,
    /// Shows a session again and again after they were ended.
    SessionsComeBack,
    /// Answers 503 to every probe after the cut.
    Unclear,
    /// Answers 503 to every second round of probes after the cut.
    HalfUnclear,
    /// Lets the secret in as somebody else.
    AnotherPrincipal,
    /// Turns our address away while it lets others in.
    DeniesUsAlways,
    /// Is gone from the list after the cut, and lets in.
    GoneFromTheList,
    /// Refuses every act for want of a permission.
    Forbids,
    /// Answers nothing at all for so many questions.
    Down(u32),
    /// Does what it is told and answers 503.
    LosesAnswers,
    /// Refuses to remove it, so many times.
    WillNotRemove(u32),
}

/// What the stub is, kept in a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) present: bool,
    pub(crate) cut: bool,
    /// Sessions minted from it are refused.
    pub(crate) denied: bool,
    pub(crate) sessions: u32,
    /// How often each act was done.
    pub(crate) effects: BTreeMap<String, u32>,
    /// Probes since the cut.
    pub(crate) probed: u32,
    /// Questions of any kind.
    pub(crate) asked: u32,
    pub(crate) removals: u32,
}

/// What kind of provider the stub is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Like {
    /// A database: whoever is in stays in until ended.
    Postgres,
    /// AWS: the key mints sessions, which are denied by a policy.
    Aws,
}

/// A stub behind an engine with a store of its own.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) plan: Plan,
    pub(crate) lie: std::cell::Cell<Lie>,
    pub(crate) secret: std::cell::Cell<bool>,
    like: Like,
    file: PathBuf,
    ahead: Arc<AtomicI64>,
}

static DECLARED: Declared = Declared {
    credential: CredentialType::ApiToken,
    calls: &["cut", "end", "remove"],
    denials: &["bad_credential"],
    already_absent: &["404"],
    window: WINDOW,
    windows: &[],
    paths: &[Path::NewLogin, Path::HeldSession],
    children: &[("held_session", "ended and counted")],
    revives: "never",
    probe_pause_ms: 100,
};

static DECLARED_AWS: Declared = Declared {
    credential: CredentialType::ApiToken,
    calls: &["deny", "cut", "remove"],
    denials: &["bad_credential"],
    already_absent: &["404"],
    window: WINDOW,
    windows: &MINTED,
    paths: &[Path::NewLogin, Path::MintedSession],
    children: &[("minted_session", "denied by a policy")],
    revives: "never",
    probe_pause_ms: 100,
};

/// Sessions are watched for longer than the key that minted them.
const MINTED: [(Path, Window); 1] = [(
    Path::MintedSession,
    Window {
        denials: 3,
        over: Duration::seconds(20),
        first_after: Duration::seconds(2),
    },
)];

const WINDOW: Window = Window {
    denials: 3,
    over: Duration::seconds(5),
    first_after: Duration::seconds(0),
};

impl Stage {
    /// A stage in `dir` that is like a database; what is there already is found again.
    pub(crate) fn open(dir: &FilePath, lie: Lie) -> Self {
        Self::open_like(Like::Postgres, dir, lie)
    }

    pub(crate) fn open_like(like: Like, dir: &FilePath, lie: Lie) -> Self {
        let location = Location::Sqlite(dir.join("roll.db"));
        let store = Store::open(&location, &Options::default()).unwrap();
        let paths = KeyPaths::for_store(&location, None, None).unwrap();
        let ahead = Arc::new(AtomicI64::new(0));
        let clock = {
            let ahead = Arc::clone(&ahead);
            Arc::new(move || Timestamp(engine::system_clock().0 + ahead.load(Ordering::SeqCst)))
        };
        let engine = Engine::open(store, Tenant::local(), &paths, "person:test", clock).unwrap();
        let file = dir.join("provider.json");
        if !file.exists() {
            keep(
                &file,
                &Kept {
                    present: true,
                    cut: false,
                    denied: false,
                    sessions: 2,
                    effects: BTreeMap::new(),
                    probed: 0,
                    asked: 0,
                    removals: 0,
                },
            );
        }
        let plan = plan(like);
        engine
            .store
            .write(Durability::Full, |writing| {
                writing.put_plan(&Tenant::local(), &plan)
            })
            .unwrap();
        Self {
            engine,
            plan,
            lie: std::cell::Cell::new(lie),
            secret: std::cell::Cell::new(true),
            like,
            file,
            ahead,
        }
    }

    pub(crate) fn kept(&self) -> Kept {
        serde_json::from_slice(&std::fs::read(&self.file).unwrap()).unwrap()
    }

    /// All that the log holds.
    pub(crate) fn leaves(&self) -> Vec<Leaf> {
        let tenant = Tenant::local();
        let all = |reading: &mut store::Reading<'_>| reading.evidence_leaves(&tenant, 0, 100_000);
        let leaves = self.engine.store.read(all).unwrap();
        let read = |(_, bytes): (u64, Vec<u8>)| Leaf::from_bytes(&bytes).unwrap();
        leaves.into_iter().map(read).collect()
    }

    /// Somebody else changes what the provider is.
    pub(crate) fn change(&self, by: impl FnOnce(&mut Kept)) {
        let mut kept = self.kept();
        by(&mut kept);
        keep(&self.file, &kept);
    }

    /// Lets time go by, for this stage and those opened after it by the same hand.
    pub(crate) fn later(&self, by: Duration) {
        self.ahead.fetch_add(by.0, Ordering::SeqCst);
    }

    pub(crate) fn apply(&self) -> Applied {
        self.apply_for(Duration::seconds(60), &mut |_| {}).unwrap()
    }

    pub(crate) fn apply_for(
        &self,
        patience: Duration,
        told: &mut dyn FnMut(Advance<'_>),
    ) -> Result<Applied, engine::Error> {
        self.engine.apply_to(self, &self.plan.id, patience, told)
    }
}

impl World for Stage {
    fn secret(&self, _: &Subject) -> Option<Secret> {
        self.secret.get().then(|| Secret::from("the secret"))
    }

    fn provider(
        &self,
        _: &Subject,
        bearer: Option<Bearer>,
    ) -> Result<Box<dyn Provider + '_>, engine::Error> {
        Ok(Box::new(Stub {
            stage: self,
            bearer: bearer.is_some(),
        }))
    }

    fn wait(&self, pause: Duration) {
        self.later(Duration(pause.0.max(0)));
    }
}

struct Stub<'s> {
    stage: &'s Stage,
    bearer: bool,
}

impl Stub<'_> {
    /// Reads what is kept, counts the question, and is down if it is to be.
    fn ask(&self) -> Result<Kept, connectors::Error> {
        let mut kept = self.stage.kept();
        kept.asked += 1;
        keep(&self.stage.file, &kept);
        match self.stage.lie.get() {
            Lie::Down(until) if kept.asked <= until => {
                Err(Refusal::new(Reason::Failed, "503").code("503").into())
            }
            _ => Ok(kept),
        }
    }
}

impl Provider for Stub<'_> {
    fn declares(&self) -> &'static Declared {
        match self.stage.like {
            Like::Postgres => &DECLARED,
            Like::Aws => &DECLARED_AWS,
        }
    }

    fn label(&self) -> String {
        "stub".to_owned()
    }

    fn standing(&mut self, _: &Subject) -> Result<Standing, connectors::Error> {
        let kept = self.ask()?;
        let lie = self.stage.lie.get();
        Ok(Standing {
            present: kept.present && !(lie == Lie::GoneFromTheList && kept.cut),
            sessions_denied: kept.denied,
            cut: kept.cut && lie != Lie::ShowsNothing,
            sessions: (self.stage.like == Like::Postgres).then_some(match lie {
                Lie::SessionsComeBack if kept.cut => 1,
                _ => kept.sessions,
            }),
        })
    }

    fn act(&mut self, _: &Subject, step: StepKind) -> Result<Outcome, connectors::Error> {
        let mut kept = self.ask()?;
        let lie = self.stage.lie.get();
        if lie == Lie::Forbids {
            return Err(Refusal::new(Reason::Denied, "403").code("403").into());
        }
        *kept.effects.entry(step.as_str().to_owned()).or_default() += 1;
        let sessions = (step == StepKind::EndSessions).then_some(kept.sessions);
        match step {
            StepKind::DenySessions => kept.denied = true,
            StepKind::Cut => kept.cut = true,
            StepKind::EndSessions => kept.sessions = 0,
            _ => {
                kept.removals += 1;
                if let Lie::WillNotRemove(times) = lie
                    && kept.removals <= times
                {
                    keep(&self.stage.file, &kept);
                    return Err(Refusal::new(Reason::Failed, "something holds it").into());
                }
                kept.present = false;
            }
        }
        keep(&self.stage.file, &kept);
        if lie == Lie::LosesAnswers {
            return Err(Refusal::new(Reason::Failed, "503").code("503").into());
        }
        Ok(Outcome::Done {
            told: "200".to_owned(),
            count: sessions,
        })
    }

    fn probe(&mut self, _: &Subject, path: Path) -> Result<Probed, connectors::Error> {
        let mut kept = self.ask()?;
        if kept.cut {
            kept.probed += 1;
            keep(&self.stage.file, &kept);
        }
        let unclear = || Probed::Unclear {
            why: "503".to_owned(),
        };
        if !self.bearer {
            return Ok(unclear());
        }
        let denied = Probed::Denied {
            code: "bad_credential".to_owned(),
        };
        let accepted = Probed::Accepted {
            principal: "user/7".to_owned(),
        };
        let dead = match path {
            Path::HeldSession => kept.sessions == 0,
            Path::MintedSession => kept.denied,
            _ => kept.cut,
        };
        let honest = if dead {
            denied.clone()
        } else {
            accepted.clone()
        };
        Ok(match self.stage.lie.get() {
            Lie::AnotherPrincipal => Probed::Accepted {
                principal: "user/8".to_owned(),
            },
            Lie::DeniesUsAlways => denied,
            Lie::DoesNothing | Lie::GoneFromTheList => accepted,
            Lie::Late(more) if kept.cut && kept.probed <= more => accepted,
            Lie::DeniesThenAllows(times) if kept.probed > times => accepted,
            Lie::KeepsTheSession if path != Path::NewLogin => accepted,
            Lie::Unclear if kept.cut => unclear(),
            Lie::HalfUnclear if kept.cut && kept.probed / 2 % 2 == 1 => unclear(),
            _ => honest,
        })
    }
}

fn keep(file: &FilePath, kept: &Kept) {
    let new = file.with_extension("new");
    std::fs::write(&new, serde_json::to_vec(kept).unwrap()).unwrap();
    std::fs::rename(&new, file).unwrap();
}

fn plan(like: Like) -> Plan {
    let sighting = SightingKey {
        source: "stub:provider".parse().unwrap(),
        kind: Kind::Credential,
        native: "token/7".to_owned(),
    };
    let step = |(ordinal, kind)| Step {
        ordinal,
        kind,
        says: String::new(),
    };
    use StepKind::{Control, Cut, DenySessions, EndSessions, Prove, Remove};
    let kinds = match like {
        Like::Postgres => [Control, Cut, EndSessions, Remove, Prove],
        Like::Aws => [Control, DenySessions, Cut, Remove, Prove],
    };
    let minted = Survivor {
        what: "sessions minted from it".to_owned(),
        lives_at_most: Some(Duration::hours(36)),
        cut_by_plan: true,
    };
    let (survives, windows) = match like {
        Like::Postgres => (Vec::new(), Vec::new()),
        Like::Aws => (vec![minted], MINTED.to_vec()),
    };
    lifecycle::revoke(Draft {
        tenant: Tenant::local(),
        subject: Subject {
            entity: EntityId::of(&sighting),
            name: "token".to_owned(),
            credential: CredentialType::ApiToken,
            source: sighting.source,
            native: sighting.native,
            handle: [("user".to_owned(), "seven".to_owned())].into(),
            principal: "user/7".to_owned(),
            seen_at: Vec::new(),
            fingerprints: Vec::new(),
        },
        steps: (1..).zip(kinds).map(step).collect(),
        survives,
        window: WINDOW,
        windows,
        children: Vec::new(),
        consumers: Vec::new(),
        parent: None,
        created: Timestamp(0),
        by: "person:test".to_owned(),
    })
    .unwrap()
}
