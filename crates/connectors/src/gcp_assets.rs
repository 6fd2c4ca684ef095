//! Google Cloud, live, by its asset inventory: one interface and one permission for a project, a
//! folder or a whole organisation.
//!
//! Source: Cloud Asset Inventory API v1, `assets.list`.

use std::collections::BTreeSet;

use model::{Reason, Scope};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::gcp::Estate;
use crate::gcp_exports::tell;
use crate::{Connector, Context, Login, PortKind, Refusal, Request, Shown, Spec, Stop, TokenLogin};

/// Google Cloud, live.
pub(crate) struct GcpAssets;

static LOGIN: TokenLogin = TokenLogin {
    form: "gcp:KIND/ID",
    host: Some("cloudasset.googleapis.com"),
    shown: Shown::Google {
        scope: "https://www.googleapis.com/auth/cloud-platform.read-only",
    },
    variable: "CLOUDSDK_AUTH_ACCESS_TOKEN",
    headers: &[],
    // 100 a minute for an organisation, and others ask as well.
    per_second: 1,
};

/// What is asked for: part of the source, kind of content, type of asset.
const ASKED: &[(&str, &str, Option<&str>)] = &[
    (
        "service_accounts",
        "RESOURCE",
        Some("iam.googleapis.com/ServiceAccount"),
    ),
    (
        "keys",
        "RESOURCE",
        Some("iam.googleapis.com/ServiceAccountKey"),
    ),
    ("api_keys", "RESOURCE", Some("apikeys.googleapis.com/Key")),
    (
        "secrets",
        "RESOURCE",
        Some("secretmanager.googleapis.com/Secret"),
    ),
    (
        "secrets",
        "RESOURCE",
        Some("secretmanager.googleapis.com/SecretVersion"),
    ),
    (
        "workload_identity",
        "RESOURCE",
        Some("iam.googleapis.com/WorkloadIdentityPoolProvider"),
    ),
    ("policies", "IAM_POLICY", None),
];

/// More pages than any list has.
const PAGES_MAX: usize = 10_000;

/// The largest page there is.
const PAGE: &str = "1000";

static SPEC: Spec = Spec {
    name: "gcp_assets",
    reads: "service accounts, keys, API keys, secrets, workload identity and grants of Google Cloud",
    named: "gcp:projects/ID or gcp:organizations/NUMBER",
    target: "a project, a folder or an organisation",
    port: PortKind::Http(Login::Token(&LOGIN)),
    needs_to_discover: &[
        "cloudasset.assets.listResource",
        "cloudasset.assets.listIamPolicy",
    ],
    needs_to_act: &[],
    scopes: &["service_accounts | keys | api_keys | secrets | workload_identity | policies"],
};

impl Connector for GcpAssets {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let Some((kind, id)) = parent(cx.target()) else {
            let told = "expected projects/ID, folders/NUMBER or organizations/NUMBER";
            return cx.gap(
                &Scope::whole(),
                &Refusal::new(Reason::Unsupported, told),
                None,
            );
        };
        let mut found = Estate::default();
        let mut ended = Ok(());
        let mut answered = false;
        for (part, content, of_type) in ASKED {
            let needs = match *content {
                "IAM_POLICY" => "cloudasset.assets.listIamPolicy",
                _ => "cloudasset.assets.listResource",
            };
            match list(cx, (&kind, &id), content, *of_type, &mut found) {
                Ok(()) => answered = true,
                // Who is not let in is not let in for the next question either.
                Err(refusal) if !answered && keeps_out(&refusal) => {
                    return cx.gap(&Scope::whole(), &refusal, Some(needs));
                }
                Err(refusal) => {
                    answered = true;
                    ended = cx.gap(&Scope::of(*part), &refusal, Some(needs));
                    if ended.is_err() {
                        break;
                    }
                }
            }
        }
        tell(cx, &found)?;
        ended
    }
}

/// Whether Google heard no question at all: no token, a wrong one, nobody there.
fn keeps_out(refusal: &Refusal) -> bool {
    let code = refusal.code.as_str();
    matches!(
        code,
        "" | "no_credentials" | "UNAUTHENTICATED" | "401" | "connect" | "timeout"
    )
}

fn parent(target: &str) -> Option<(String, String)> {
    let (kind, id) = target.split_once('/')?;
    let kinds = ["projects", "folders", "organizations"];
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
    let fits = kinds.contains(&kind) && !id.is_empty() && id.len() <= 64 && id.chars().all(plain);
    fits.then(|| (kind.to_owned(), id.to_owned()))
}

/// Every page of one list.
fn list(
    cx: &mut Context<'_>,
    (kind, id): (&str, &str),
    content: &str,
    of_type: Option<&str>,
    found: &mut Estate,
) -> Result<(), Refusal> {
    let mut token = String::new();
    let mut met = BTreeSet::new();
    for _ in 0..PAGES_MAX {
        let mut request = Request::get(&["v1", kind, id, "assets"])
            .parameter("contentType", content)
            .parameter("pageSize", PAGE);
        if let Some(of_type) = of_type {
            request = request.parameter("assetTypes", of_type);
        }
        if !token.is_empty() {
            request = request.parameter("pageToken", &token);
        }
        let response = cx.http(request)?;
        let answer = answer(response.status, &response.body)?;
        if !met.insert(<[u8; 32]>::from(Sha256::digest(&response.body))) {
            let told = "the same page came twice; what follows it was not read";
            return Err(Refusal::new(Reason::Failed, told));
        }
        found.take(&answer);
        match answer.get("nextPageToken").and_then(Value::as_str) {
            Some(next) if !next.is_empty() => next.clone_into(&mut token),
            _ => return Ok(()),
        }
    }
    let told = format!("more than {PAGES_MAX} pages");
    Err(Refusal::new(Reason::Unsupported, told))
}

/// The answer, or why there is none, in Google's own words (its API design guide, "Errors").
fn answer(status: u16, body: &str) -> Result<Value, Refusal> {
    let value = serde_json::from_str::<Value>(body)
        .ok()
        .filter(Value::is_object);
    let error = value.as_ref().and_then(|value| value.get("error"));
    let said = |name: &str| error.and_then(|one| one.get(name)?.as_str());
    if status == 200 && error.is_none() {
        let told = "expected a list of assets, got something else";
        let value = value.filter(|value| value.get("assets").is_none_or(Value::is_array));
        return value.ok_or_else(|| Refusal::new(Reason::Failed, told));
    }
    let reason = match status {
        401 | 403 => Reason::Denied,
        429 => Reason::Throttled,
        404 => Reason::Unsupported,
        _ => Reason::Failed,
    };
    let told = said("message").unwrap_or("Google gave no reason");
    let code = said("status").map_or_else(|| status.to_string(), str::to_owned);
    Err(Refusal::new(reason, model::shorten(told, 400)).code(model::shorten(&code, 60)))
}
