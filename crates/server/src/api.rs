//! The interface `/v1` and the console: what is asked over HTTP, who may, how it is answered.
//!
//! Start at [`Api::router`]. A request passes `around` (its id, its time, the headers of the
//! answer), then the gate (`gate.rs`: who asks, and may they), then its handler, which does what
//! waits for the store on a bounded pool.
//!
//! **Invariant:** no route is reached past the gate. Held by the type: [`Routes`] is the only way
//! to add one, and asks what it needs; by `a_stranger_is_told_nothing_by_any_route`.

mod around;
mod ask;
mod busy;
mod caller;
mod counts;
mod events;
mod evidence;
mod expiry;
mod findings;
mod gate;
mod graph;
mod health;
mod home;
mod keeper;
mod me;
mod openapi;
mod pages;
mod past;
mod plans;
mod pool;
mod problem;
mod roll;
mod routes;
mod sources;
mod timeline;
mod told;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use engine::Engine;
use model::Timestamp;
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

pub use caller::{Caller, How, Permission, Role};
pub use gate::{Gate, Knock, Loopback, Peer, Way};
pub use keeper::Keeping;
pub use problem::Problem;
pub use routes::{Routed, Routes};
pub use told::Told;

/// Bytes of a body: what is sent are decisions, not collections.
const BODY_MAX: usize = 64 * 1024;

/// What every request has at hand.
#[derive(Clone)]
pub struct Api(pub(crate) Arc<Parts>);

/// The parts of [`Api`].
pub(crate) struct Parts {
    /// The roll that is served.
    pub(crate) engine: Engine,
    /// Whether it is made up.
    pub(crate) is_demo: bool,
    /// Who may come in.
    pub(crate) gate: Gate,
    /// What the server counts of itself.
    pub(crate) counts: counts::Counts,
    /// How sources are read again.
    pub(crate) keeping: Keeping,
    /// Who reads them again.
    pub(crate) keeper: keeper::Keeper,
    /// What goes on after its answer.
    pub(crate) busy: busy::Busy,
    /// What the rules said last.
    pub(crate) judgement: findings::Judgement,
    /// Streams of events.
    pub(crate) streams: events::Streams,
    moments: past::Moments,
    pool: pool::Pool,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Api")
    }
}

impl Api {
    /// The interface to what `engine` works on, for those whom `gate` lets in.
    pub fn new(engine: Engine, gate: Gate, keeping: Keeping) -> Self {
        Self::of(engine, gate, keeping, false)
    }

    /// The same to an organisation that is made up, which whoever asks who they are is told;
    /// nothing is read again.
    pub fn of_demo(engine: Engine, gate: Gate) -> Self {
        Self::of(engine, gate, Keeping::default(), true)
    }

    fn of(engine: Engine, gate: Gate, keeping: Keeping, is_demo: bool) -> Self {
        Self(Arc::new(Parts {
            engine,
            is_demo,
            gate,
            counts: counts::Counts::default(),
            keeping,
            keeper: keeper::Keeper::default(),
            busy: busy::Busy::default(),
            judgement: findings::Judgement::default(),
            streams: events::Streams::default(),
            moments: past::Moments::default(),
            pool: pool::Pool::default(),
        }))
    }

    /// Begins what goes on by itself: telling what happens, and reading sources again.
    ///
    /// # Errors
    /// No thread is left.
    pub fn begin(&self) -> std::io::Result<()> {
        events::begin(self)?;
        let api = self.clone();
        let keeping = move || api.0.keeper.keep(&api);
        std::thread::Builder::new().spawn(keeping).map(drop)
    }

    /// Ends what goes on by itself, and every stream of events.
    pub fn end(&self) {
        self.0.keeper.end();
        self.0.streams.end();
    }

    /// Does `work` on a thread that may wait.
    ///
    /// # Errors
    /// Too much waits already, or `work` says so.
    pub async fn waiting<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let api = self.clone();
        self.0.pool.run(move || work(&api)).await
    }

    /// Asks the roll of the caller's tenant, in the caller's name, on a thread that may wait.
    ///
    /// # Errors
    /// No roll of that tenant is served, too much waits already, or `work` says so.
    pub async fn asking<T: Send + 'static>(
        &self,
        caller: &Caller,
        work: impl FnOnce(&Engine) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        if caller.tenant != self.0.engine.tenant {
            let told = "no roll of your tenant is served here";
            return Err(Problem::forbidden(told, "ask the server of your tenant"));
        }
        let engine = self.0.engine.acting_as(&caller.id);
        self.0.pool.run(move || work(&engine)).await
    }

    /// Asks the roll as it was at `moment`, as known now; `None`, or what is yet to come: as it is.
    ///
    /// # Errors
    /// As for [`Api::asking`].
    pub async fn asking_at<T: Send + 'static>(
        &self,
        caller: &Caller,
        moment: Option<Timestamp>,
        work: impl FnOnce(&Engine) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let api = self.clone();
        let then = move |engine: &Engine| match moment.filter(|at| *at < engine.now()) {
            None => work(engine),
            Some(at) => work(&api.0.moments.of(engine, at)?),
        };
        self.asking(caller, then).await
    }

    /// The engine of the roll that is served, as the server itself works with it.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Everything that is answered. `more` adds routes of other parts: accounts, signing in.
    pub fn router(&self, more: impl FnOnce(Routes) -> Routes) -> Router {
        let (router, document) = self.routes(more).split();
        // Written once: it does not change while the server runs.
        let document = document.to_json().unwrap_or_default();
        let kind = [(header::CONTENT_TYPE, "application/json")];
        router
            .route(
                "/openapi.json",
                get(move || async move { (kind, document) }),
            )
            .fallback(pages::page)
            .layer(DefaultBodyLimit::max(BODY_MAX))
            .layer(from_fn_with_state(self.clone(), around::around))
            .with_state(self.clone())
    }

    /// The interface as OpenAPI 3.1.
    pub fn document(&self, more: impl FnOnce(Routes) -> Routes) -> OpenApi {
        self.routes(more).split().1
    }

    fn routes(&self, more: impl FnOnce(Routes) -> Routes) -> Routes {
        let routes = Routes::of(self)
            .for_anybody(routes!(health::healthz))
            .for_anybody(routes!(health::readyz))
            .needing(Permission::Read, routes!(health::metrics))
            .needing(Permission::Read, routes!(me::me));
        more(Self::decided(Self::read(routes)))
    }

    /// Routes that tell.
    fn read(routes: Routes) -> Routes {
        let read = |routes: Routes, routed| routes.needing(Permission::Read, routed);
        let told = [
            routes!(roll::list),
            routes!(roll::facets),
            routes!(roll::one),
            routes!(roll::why),
            routes!(timeline::timeline),
            routes!(graph::graph),
            routes!(findings::list),
            routes!(findings::one),
            routes!(sources::list),
            routes!(sources::runs),
            routes!(sources::gaps),
            routes!(expiry::list),
            routes!(expiry::days),
            routes!(home::home),
            routes!(plans::list),
            routes!(plans::one),
            routes!(plans::residual),
            routes!(evidence::list),
            routes!(evidence::one),
            routes!(events::events),
        ];
        told.into_iter().fold(routes, read)
    }

    /// Routes that decide or act.
    fn decided(routes: Routes) -> Routes {
        routes
            .needing(Permission::Decide, routes!(roll::own, roll::disown))
            .needing(
                Permission::Decide,
                routes!(findings::mute, findings::unmute),
            )
            .needing(Permission::Act, routes!(plans::make))
            .needing(Permission::Act, routes!(plans::apply))
            .needing(Permission::Act, routes!(keeper::run))
    }
}
