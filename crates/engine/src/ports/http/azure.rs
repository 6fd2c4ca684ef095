//! Questions to Microsoft Graph and Azure Resource Manager, with a token of Microsoft Entra for each.
//!
//! Who asks follows from what the usual variables say, in the order of Microsoft's own libraries
//! (`DefaultAzureCredential`): a client's secret, its certificate, a token that a platform gives a
//! workload, the identity of the machine, and then whoever is signed in to the `az` command line.
//!
//! Where questions go: the hosts of the cloud that the authority belongs to, or `endpoint`.

mod assertion;
mod chain;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use connectors::{Refusal, Request, Response, Whom};
use model::{Reason, Secret};
use reqwest::Url;

use self::chain::Chain;
pub(super) use self::chain::{given, program_gives};
use super::Line;
use super::client::{Sealed, sealed};
use super::site::{endpoint_of, is_loopback};
use crate::Error;

/// A token is asked for anew so long before its end.
const BEFORE_END: Duration = Duration::from_secs(120);

/// One of Microsoft's clouds: where it logs in, and where its interfaces are.
pub(super) struct Cloud {
    authority: &'static str,
    graph: &'static str,
    management: &'static str,
}

/// Source: Microsoft, "National cloud deployments" of Graph, "Azure Government", "Azure in China".
const CLOUDS: &[Cloud] = &[
    Cloud {
        authority: "login.microsoftonline.com",
        graph: "graph.microsoft.com",
        management: "management.azure.com",
    },
    Cloud {
        authority: "login.microsoftonline.us",
        graph: "graph.microsoft.us",
        management: "management.usgovcloudapi.net",
    },
    Cloud {
        authority: "login.chinacloudapi.cn",
        graph: "microsoftgraph.chinacloudapi.cn",
        management: "management.chinacloudapi.cn",
    },
    // The same cloud by another of its names.
    Cloud {
        authority: "login.partner.microsoftonline.cn",
        graph: "microsoftgraph.chinacloudapi.cn",
        management: "management.chinacloudapi.cn",
    },
];

impl Cloud {
    /// The cloud of an authority, `https://login.microsoftonline.us/`; the public one without a name.
    fn of(authority: Option<&str>) -> Result<&'static Self, Error> {
        let given = authority.unwrap_or(CLOUDS[0].authority);
        let host = given
            .trim()
            .trim_start_matches("https://")
            .trim_end_matches('/');
        let found = CLOUDS.iter().find(|one| one.authority == host);
        found.ok_or_else(|| {
            let known: Vec<_> = CLOUDS.iter().map(|one| one.authority).collect();
            Error::Unfit(format!(
                "expected one of {} as `AZURE_AUTHORITY_HOST`, got `{}`",
                known.join(", "),
                model::shorten(&model::clean(host), 80)
            ))
        })
    }

    /// The host of an interface.
    fn host(&self, service: &str) -> Result<&'static str, Refusal> {
        match service {
            "graph" => Ok(self.graph),
            "management" => Ok(self.management),
            _ => Err(Refusal::new(
                Reason::Unsupported,
                "expected the name of an interface of Microsoft",
            )),
        }
    }
}

/// Who asks, and where.
pub(super) struct Azure {
    cloud: &'static Cloud,
    endpoint: Option<Url>,
    chain: Chain,
    /// Tokens by interface, and until when each is shown.
    given: BTreeMap<&'static str, (Secret, Instant)>,
}

impl Azure {
    /// As `options` say: `tenant`, `client`, `authority`, `endpoint`, and what the chain takes;
    /// `secret` is the client's.
    ///
    /// # Errors
    /// An option cannot be read.
    pub(super) fn new(
        options: &BTreeMap<String, String>,
        secret: Option<Secret>,
    ) -> Result<Self, Error> {
        let authority = options.get("authority").map(String::as_str);
        let endpoint = options.get("endpoint").map(|text| endpoint_of(text));
        Ok(Self {
            cloud: Cloud::of(authority)?,
            endpoint: endpoint.transpose()?,
            chain: Chain::new(options, secret)?,
            given: BTreeMap::new(),
        })
    }

    /// Whether every question stays on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        self.endpoint.as_ref().is_some_and(is_loopback)
    }

    /// The answer to `request`.
    pub(super) fn answer(
        &mut self,
        line: &mut Line,
        request: &Request,
    ) -> Result<Response, Refusal> {
        let host = self.cloud.host(&request.service)?;
        let base = self.base(host)?;
        let token = match request.whom {
            Whom::Collector => Some(self.token(line, host)?),
            Whom::Nobody => None,
            Whom::Subject | Whom::Held | Whom::Minted => {
                let told = "Microsoft is asked as the source's own identity only";
                return Err(Refusal::new(Reason::Unsupported, told));
            }
        };
        line.exchange(line.tries(request), || {
            shown(&base, request, token.as_ref())
        })
    }

    fn base(&self, host: &str) -> Result<Url, Refusal> {
        match &self.endpoint {
            Some(endpoint) => Ok(endpoint.clone()),
            None => Url::parse(&format!("https://{host}/"))
                .map_err(|_| Refusal::new(Reason::Failed, "this interface has no address")),
        }
    }

    /// A token for the interface at `host`.
    fn token(&mut self, line: &mut Line, host: &'static str) -> Result<Secret, Refusal> {
        if let Some((token, until)) = self.given.get(host)
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let authority = self.base(self.cloud.authority)?;
        let (token, seconds) = self.chain.token(line, &authority, host)?;
        let shown = Duration::from_secs(seconds).saturating_sub(BEFORE_END);
        self.given
            .insert(host, (token.clone(), Instant::now() + shown));
        Ok(token)
    }
}

/// `request` with the token that lets in.
fn shown(base: &Url, request: &Request, token: Option<&Secret>) -> Result<Sealed, Refusal> {
    let mut sealed = sealed(base.clone(), request)?;
    if let Some(token) = token {
        let unfit = || {
            Refusal::new(Reason::Denied, "the token that was given fits no header")
                .code("no_credentials")
        };
        let value = [b"Bearer ", token.expose().trim_ascii()].concat();
        sealed.show("authorization", &value).ok_or_else(unfit)?;
    }
    Ok(sealed)
}

#[cfg(test)]
mod tests;
