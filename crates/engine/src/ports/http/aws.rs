//! Questions to AWS: signed by the usual chain or the source's own key, by the bearer of a key
//! under revocation, or with a session which that bearer minted before the cut.
//!
//! With the option `assume_role` the collector takes that role on first.
//!
//! Whose credentials the usual chain finds stands in `aws/chain.rs`, and how a profile lets in in
//! `aws/profile.rs`.
//!
//! Where they go: `endpoint`, `region`, `profile`, and the service that the connector names.

mod center;
mod chain;
mod profile;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_types::os_shim_internal::Env;
use connectors::{Refusal, Request, Response, Whom};
use model::{Reason, Secret};
use tokio::runtime::Handle;

pub(super) use self::center::{given as center_gives, is_kept_session};
pub(super) use self::chain::program_gives;
use self::chain::{Chain, taken_on};
use super::ahead::Ahead;
use super::client::{Sealed, sealed};
use super::sign::{self, Role};
use super::site::Site;
use super::{Line, wait};
use crate::Error;
use crate::ports::Bearer;

/// The code of a refusal that says that a role cannot be taken on.
pub(crate) const NOT_TAKEN: &str = "not_assumed";

/// The session that the bearer minted: not yet, held, or out of reach for ever.
enum Minted {
    Never,
    Held(Credentials),
    Gone(Refusal),
}

/// Who asks an account, and where.
pub(super) struct Aws {
    site: Arc<Site>,
    chain: Chain,
    ahead: Ahead,
    own: Option<Bearer>,
    bearer: Option<Bearer>,
    minted: Minted,
    /// The role that the collector takes on before it asks.
    role: Option<Role>,
    /// Its session, and when it was given.
    taken: Option<(Credentials, Instant)>,
}

/// A session is asked for anew when this much of it is over, long before its end.
const TAKEN_ANEW: Duration = Duration::from_secs(sign::ROLE_SECONDS as u64 / 4 * 3);

impl Aws {
    /// As `options` say; with `secret` as the secret of the option `access_key_id`.
    pub(super) fn new(
        (runtime, stop): (&Handle, &AtomicBool),
        options: &BTreeMap<String, String>,
        secret: Option<Secret>,
        bearer: Option<Bearer>,
    ) -> Result<Self, Error> {
        let profile = options.get("profile").cloned();
        let chain = Chain::new(profile, options.get("region").cloned(), Env::real());
        let told = wait(runtime, stop, chain.told()).map_err(Error::Refused)?;
        let own = options.get("access_key_id").cloned().zip(secret);
        Ok(Self {
            site: Arc::new(Site::new(options, told)?),
            chain,
            ahead: Ahead::default(),
            own: own.map(|(user, secret)| Bearer { user, secret }),
            bearer,
            minted: Minted::Never,
            role: options.get("assume_role").map(|arn| Role::of(arn)),
            taken: None,
        })
    }

    /// Whether every question stays on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        self.site.is_loopback()
    }

    /// The answer to `request`.
    pub(super) fn answer(
        &mut self,
        line: &mut Line,
        request: &Request,
    ) -> Result<Response, Refusal> {
        if let Some(answer) = self.ahead.take(line, request) {
            return answer;
        }
        let credentials = self.credentials(line, request.whom)?;
        line.exchange(line.tries(request), || {
            signed(&self.site, request, credentials.as_ref())
        })
    }

    /// Puts `request`, a read, on its way. Who cannot be let in is told so when it is asked for.
    pub(super) fn soon(&mut self, line: &mut Line, request: &Request) {
        if self.ahead.holds(request) {
            return;
        }
        let Ok(credentials) = self.credentials(line, request.whom) else {
            return;
        };
        let (wire, site) = (Arc::clone(&line.wire), Arc::clone(&self.site));
        let (tries, asked) = (line.tries(request), request.clone());
        let answer = line.runtime.spawn(async move {
            let seal = || signed(&site, &asked, credentials.as_ref());
            wire.exchange(tries, seal).await
        });
        self.ahead.push(request.clone(), answer);
    }

    /// The credentials with which a question as `whom` is signed; `None`: with none.
    fn credentials(&mut self, line: &mut Line, whom: Whom) -> Result<Option<Credentials>, Refusal> {
        match whom {
            Whom::Nobody => Ok(None),
            Whom::Collector => self.collector(line).map(Some),
            Whom::Subject => self.subject().map(Some),
            Whom::Minted => self.session(line).map(Some),
            Whom::Held => Err(Refusal::new(
                Reason::Unsupported,
                "AWS has no sessions that are held open",
            )),
        }
    }

    /// The collector's own credentials, or those of the role that it takes on.
    fn collector(&mut self, line: &mut Line) -> Result<Credentials, Refusal> {
        let Some(role) = self.role.clone() else {
            return self.own(line);
        };
        if let Some((session, since)) = &self.taken
            && since.elapsed() < TAKEN_ANEW
        {
            return Ok(session.clone());
        }
        let own = self.own(line)?;
        let session = taken_on(line, &self.site, &own, &role)?;
        self.taken = Some((session.clone(), Instant::now()));
        Ok(session)
    }

    fn own(&mut self, line: &mut Line) -> Result<Credentials, Refusal> {
        match &self.own {
            Some(own) => sign::of_bearer(own),
            None => self.chain.credentials(line, &self.site),
        }
    }

    fn subject(&self) -> Result<Credentials, Refusal> {
        let bearer = self.bearer.as_ref().ok_or_else(|| {
            Refusal::new(Reason::Unsupported, "the secret is not at hand").code("no_secret")
        })?;
        sign::of_bearer(bearer)
    }

    /// The session minted as the subject. The first question mints it, before the cut; later
    /// ones never mint another, for that one would be younger than the cut.
    fn session(&mut self, line: &mut Line) -> Result<Credentials, Refusal> {
        if matches!(self.minted, Minted::Never) {
            let minted = self.subject().and_then(|subject| {
                let request = sign::session_request();
                let response = line.exchange(1, || signed(&self.site, &request, Some(&subject)))?;
                sign::session_in(&response)
            });
            self.minted = match minted {
                Ok(session) => Minted::Held(session),
                Err(refusal) => Minted::Gone(Refusal {
                    told: format!("no session could be minted: {}", refusal.told),
                    code: "not_minted".to_owned(),
                    reason: Reason::Unsupported,
                    stop: refusal.stop,
                }),
            };
        }
        match &self.minted {
            Minted::Held(session) => Ok(session.clone()),
            Minted::Gone(refusal) => Err(refusal.clone()),
            Minted::Never => {
                Err(Refusal::new(Reason::Failed, "no session was minted").code("not_minted"))
            }
        }
    }
}

/// `request` as it is sent to `site`, signed by `credentials` where there are some.
fn signed(
    site: &Site,
    request: &Request,
    credentials: Option<&Credentials>,
) -> Result<Sealed, Refusal> {
    let (url, region) = site.of(&request.service, &request.region)?;
    let mut sealed = sealed(url, request)?;
    if let Some(credentials) = credentials {
        let host = match (sealed.url.host_str(), sealed.url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => {
                return Err(Refusal::new(Reason::Failed, "this address names no host"));
            }
        };
        for (name, value) in
            sign::headers(credentials, (&request.service, region), (&host, &sealed))?
        {
            let unsigned = || Refusal::new(Reason::Failed, "this request cannot be signed");
            sealed.show(&name, value.as_bytes()).ok_or_else(unsigned)?;
        }
    }
    Ok(sealed)
}

#[cfg(test)]
mod tests;
