//! Questions to an interface that lets in whoever shows a token, in one of the ways of [`Shown`].
//!
//! They go to the host that the source is named by, or the one that its system has, over TLS, or
//! to its `endpoint`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connectors::{Method, Refusal, Request, Response, Shown, TokenLogin, Whom};
use model::{Reason, Secret};
use reqwest::Url;

use super::client::{Sealed, sealed};
use super::google::{self, Kept};
use super::site::{endpoint_of, is_loopback};
use super::{Line, is_host};
use crate::Error;
use crate::ports::Bearer;

/// Who asks an interface, and where.
pub(super) struct Token {
    login: &'static TokenLogin,
    base: Url,
    /// Where tokens are given, if elsewhere than there.
    giver: Option<Url>,
    own: Option<Secret>,
    bearer: Option<Bearer>,
    /// What the source was given for its own secret, and until when it is shown.
    given: Option<(Secret, Instant)>,
}

/// A token that is given for a while is asked for anew so long before its end.
const BEFORE_END: Duration = Duration::from_secs(30);
/// Without a word on it, a token is given for so long (seconds).
const GIVEN_FOR: u64 = 300;

impl Token {
    /// To the host that `target` or `login` names, with the token `secret`.
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
            giver: giver(login, options),
            own: secret,
            bearer,
            given: None,
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
        let kept = self.kept(request.whom)?;
        let standing = self.standing(request.whom);
        let given = match (self.login.shown, self.token(request.whom)?) {
            (Shown::Client { .. } | Shown::Google { .. }, Some(_)) if standing.is_some() => {
                standing
            }
            (Shown::Client { .. }, Some(secret)) => {
                let asked = self.exchange(secret).ok_or_else(|| {
                    let told = "expected `id:secret` of a client; seal it again with \
                        `keyroll sources add … --password-stdin`";
                    Refusal::new(Reason::Denied, told).code("no_credentials")
                });
                Some(self.exchanged(line, request.whom, asked)?)
            }
            (Shown::Google { scope }, Some(_)) => match &kept {
                Some(kept) => Some(self.exchanged(line, request.whom, kept.request(scope))?),
                None => None,
            },
            _ => None,
        };
        line.exchange(line.tries(request), || {
            let mut sealed = self.sealed(request, given.as_ref())?;
            if let Some(project) = kept.as_ref().and_then(Kept::project) {
                sealed.say("x-goog-user-project", project);
            }
            Ok(sealed)
        })
    }

    /// `request` with what lets in: `given`, or the token itself.
    fn sealed(&self, request: &Request, given: Option<&Secret>) -> Result<Sealed, Refusal> {
        let mut sealed = sealed(self.base.clone(), request)?;
        for (name, value) in self.login.headers {
            sealed.say(name, value);
        }
        if let Some(token) = self.token(request.whom)? {
            for (header, value) in self.shown(token, given) {
                // What does not fit is not repeated: it is the token.
                let unfit = || {
                    let told = "the token holds what no header can carry, or is not of the form \
                        that this system wants; seal it again with \
                        `keyroll sources add … --password-stdin`";
                    Refusal::new(Reason::Denied, told).code("no_credentials")
                };
                let value = value.ok_or_else(unfit)?;
                sealed.show(header, value.expose()).ok_or_else(unfit)?;
            }
        }
        Ok(sealed)
    }

    /// The headers that let in, by name; no value where the token is not of that form.
    fn shown(&self, token: &Secret, given: Option<&Secret>) -> Vec<(&'static str, Option<Secret>)> {
        let token = token.expose().trim_ascii();
        let after = |before: &str, token: &[u8]| Secret::new([before.as_bytes(), token].concat());
        match self.login.shown {
            Shown::Header { header, before } => vec![(header, Some(after(before, token)))],
            Shown::Basic => {
                let pair = token.contains(&b':').then(|| STANDARD.encode(token));
                let value = pair.map(|pair| after("Basic ", pair.as_bytes()));
                vec![("authorization", value)]
            }
            Shown::Headers(headers) => {
                let mut tokens = token
                    .split(u8::is_ascii_whitespace)
                    .filter(|one| !one.is_empty());
                let each = headers.iter();
                each.map(|header| (*header, tokens.next().map(|one| after("", one))))
                    .collect()
            }
            Shown::Client { .. } => {
                let value = given.map(|given| after("Bearer ", given.expose()));
                vec![("authorization", value)]
            }
            Shown::Google { .. } => {
                let shown = given.map_or(token, Secret::expose);
                vec![("authorization", Some(after("Bearer ", shown)))]
            }
        }
    }

    /// The login of Google that a question as `whom` goes by, if it outlives its tokens.
    fn kept(&self, whom: Whom) -> Result<Option<Kept>, Refusal> {
        match (self.login.shown, self.token(whom)?) {
            (Shown::Google { .. }, Some(secret)) => Kept::read(secret),
            _ => Ok(None),
        }
    }

    /// The token that was given before, until shortly before its end: a pass may take longer than
    /// any token lives.
    fn standing(&self, whom: Whom) -> Option<Secret> {
        let (given, until) = self.given.as_ref()?;
        let stands = whom == Whom::Collector && Instant::now() < *until;
        stands.then(|| given.clone())
    }

    /// The token that is given for `asked`.
    fn exchanged(
        &mut self,
        line: &mut Line,
        whom: Whom,
        asked: Result<Request, Refusal>,
    ) -> Result<Secret, Refusal> {
        let request = asked?;
        let asked_at = Instant::now();
        let giver = self.giver.as_ref().unwrap_or(&self.base);
        let answer = line.exchange(1, || sealed(giver.clone(), &request))?;
        let (given, seconds) = read(&answer)?;
        if whom == Whom::Collector {
            let shown = Duration::from_secs(seconds).saturating_sub(BEFORE_END);
            self.given = Some((given.clone(), asked_at + shown));
        }
        Ok(given)
    }

    /// The question that a token is given to a client for; `None` where `secret` is no pair.
    fn exchange(&self, secret: &Secret) -> Option<Request> {
        let Shown::Client { path, parameters } = self.login.shown else {
            return None;
        };
        let text = std::str::from_utf8(secret.expose().trim_ascii()).ok()?;
        let (id, secret) = text.split_once(':')?;
        let host = self.base.host_str().unwrap_or_default();
        let mut request = Request::form("", &[("grant_type", "client_credentials")]);
        request.segments = path.iter().map(|one| (*one).to_owned()).collect();
        for (name, value) in parameters {
            request = request.parameter(name, &value.replace("HOST", host));
        }
        request.method = Method::Post;
        Some(
            request
                .parameter("client_id", id)
                .parameter("client_secret", secret),
        )
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

/// Where tokens are given, if that is another host than is asked; never where `endpoint` is asked.
fn giver(login: &TokenLogin, options: &BTreeMap<String, String>) -> Option<Url> {
    let google = matches!(login.shown, Shown::Google { .. });
    let elsewhere = options.contains_key("endpoint");
    (google && !elsewhere).then(google::endpoint).flatten()
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
    let host = login.host.unwrap_or(host);
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

/// No token is shown for longer than this, whatever its giver says (seconds): a day.
pub(super) const SHOWN_MAX: u64 = 86_400;

/// The token in an answer, and for how many seconds it is given.
pub(super) fn read(answer: &Response) -> Result<(Secret, u64), Refusal> {
    #[derive(serde::Deserialize)]
    struct Given {
        access_token: String,
        #[serde(default)]
        expires_in: Option<u64>,
    }
    if answer.status != 200 {
        let reason = match answer.status {
            400 | 401 | 403 => Reason::Denied,
            429 => Reason::Throttled,
            _ => Reason::Failed,
        };
        let told =
            "no token was given for what the source logs in with: it was revoked, or is another's";
        return Err(Refusal::new(reason, told).code(answer.status.to_string()));
    }
    // The parser's own message could repeat a part of the answer.
    let given: Given = serde_json::from_str(&answer.body).map_err(|_| {
        let told = "expected a token for what the source logs in with, got something else";
        Refusal::new(Reason::Failed, told)
    })?;
    let seconds = given.expires_in.unwrap_or(GIVEN_FOR).min(SHOWN_MAX);
    Ok((Secret::from(given.access_token.as_str()), seconds))
}
