//! Questions to an interface that lets in whoever shows a token in a header.
//!
//! They go to the host that the source is named by, over TLS, or to its `endpoint`.

use std::collections::BTreeMap;

use connectors::{Refusal, Request, Response, TokenLogin, Whom};
use model::{Reason, Secret};
use reqwest::Url;

use super::client::{Sealed, sealed};
use super::site::{endpoint_of, is_loopback};
use super::{Line, is_host};
use crate::Error;
use crate::ports::Bearer;

/// Who asks an interface, and where.
pub(super) struct Token {
    login: &'static TokenLogin,
    base: Url,
    own: Option<Secret>,
    bearer: Option<Bearer>,
}

impl Token {
    /// To the host with which `target` begins, with the token `secret`.
    pub(super) fn new(
        login: &'static TokenLogin,
        target: &str,
        options: &BTreeMap<String, String>,
        secret: Option<Secret>,
        bearer: Option<Bearer>,
    ) -> Result<Self, Error> {
        Ok(Self {
            login,
            base: base(login, target, options)?,
            own: secret,
            bearer,
        })
    }

    /// Whether every question stays on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    /// The answer to `request`.
    pub(super) fn answer(
        &mut self,
        line: &mut Line,
        request: &Request,
    ) -> Result<Response, Refusal> {
        line.exchange(line.tries(request), || self.sealed(request))
    }

    fn sealed(&self, request: &Request) -> Result<Sealed, Refusal> {
        let mut sealed = sealed(self.base.clone(), request)?;
        if let Some(token) = self.token(request.whom)? {
            let value = [self.login.before.as_bytes(), token.expose().trim_ascii()].concat();
            // What does not fit is not repeated: it is the token.
            let unfit = || {
                let told = "the token holds what no header can carry; seal it again with \
                    `keyroll sources add … --password-stdin`";
                Refusal::new(Reason::Denied, told).code("no_credentials")
            };
            sealed.show(self.login.header, &value).ok_or_else(unfit)?;
        }
        Ok(sealed)
    }

    /// The token that a question as `whom` shows; `None`: none.
    fn token(&self, whom: Whom) -> Result<Option<&Secret>, Refusal> {
        match whom {
            Whom::Nobody => Ok(None),
            Whom::Collector => self.own.as_ref().map(Some).ok_or_else(|| {
                let told = format!(
                    "no token is at hand; set `{}` for `keyroll scan`, or seal one: \
                     `keyroll sources add {} --password-stdin`",
                    self.login.variable, self.login.form
                );
                Refusal::new(Reason::Denied, told).code("no_credentials")
            }),
            Whom::Subject => {
                let secret = self.bearer.as_ref().map(|bearer| &bearer.secret);
                secret.map(Some).ok_or_else(|| {
                    Refusal::new(Reason::Unsupported, "the secret is not at hand").code("no_secret")
                })
            }
            Whom::Held | Whom::Minted => Err(Refusal::new(
                Reason::Unsupported,
                "this interface has no sessions beside its tokens",
            )),
        }
    }
}

fn base(
    login: &TokenLogin,
    target: &str,
    options: &BTreeMap<String, String>,
) -> Result<Url, Error> {
    if let Some(endpoint) = options.get("endpoint") {
        return endpoint_of(endpoint);
    }
    let host = target.split('/').next().unwrap_or_default();
    let url = Some(host).filter(|host| is_host(host));
    let url = url.and_then(|host| Url::parse(&format!("https://{host}/")).ok());
    url.ok_or_else(|| {
        Error::Unfit(format!(
            "expected `{}`, with a host in small letters and perhaps a port, got `{}`",
            login.form,
            model::shorten(&model::clean(target), 80)
        ))
    })
}
