//! Asking the interface of a cluster: refusals in the words of gaps, pages to a named bound.
//!
//! Source: Kubernetes, "Kubernetes API Concepts": lists in chunks, an expired `continue`,
//! metadata alone.

use std::collections::BTreeSet;

use model::{Reason, Scope};
use serde_json::Value;

use super::cluster::Cluster;
use super::documents;
use super::parts::{CONFIG_MAPS, MAPS, PARTS, Part, SYSTEM};
use super::table::{self, TABLE};
use crate::{Context, Refusal, Request, Response, Stop};

/// Objects of one page; fewer where an answer is too large.
const PAGE: usize = 500;
/// Pages of one list.
const PAGES_MAX: usize = 20_000;
/// How often a list is begun anew because its place in it was forgotten.
const RESTARTS_MAX: usize = 2;
/// Names and labels of objects, and nothing that they hold.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const JSON: &str = "application/json";

/// Types of secrets that are asked for one by one where no table tells them.
const TYPES: &[&str] = &[
    "kubernetes.io/service-account-token",
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/dockercfg",
    "kubernetes.io/tls",
    "kubernetes.io/basic-auth",
    "kubernetes.io/ssh-auth",
    "bootstrap.kubernetes.io/token",
    "Opaque",
];
/// What charts leave behind: counted among no secrets.
const RELEASE: &str = "helm.sh/release.v1";

/// Asks one page; where the next begins.
type AsksPage<'f> = dyn FnMut(&mut Context<'_>, Request) -> Result<Option<String>, Refusal> + 'f;

/// Reads all there is. What cannot be read becomes a gap.
pub(super) fn read(cx: &mut Context<'_>, cluster: &mut Cluster) -> Result<(), Stop> {
    for part in PARTS {
        let read = match part.plural {
            "secrets" => secrets(cx, part, cluster),
            _ => list(cx, part, cluster),
        };
        match read {
            Ok(()) => drop(cluster.met.insert(part.plural)),
            Err(refusal) => {
                cluster.unread.insert(part.plural);
                cx.gap(&Scope::of(part.plural), &refusal, Some(&part.needs()))?;
            }
        }
    }
    for name in MAPS {
        if let Err(refusal) = map(cx, name, cluster) {
            let needs = format!("get configmaps/{name} in {SYSTEM}");
            cx.gap(
                &Scope::of(CONFIG_MAPS.plural).part(name),
                &refusal,
                Some(&needs),
            )?;
        }
    }
    Ok(())
}

/// The uid of the namespace that stands for the cluster.
pub(super) fn uid(cx: &mut Context<'_>) -> Result<Option<String>, Refusal> {
    let request = Request::get(&["api", "v1", "namespaces", SYSTEM]).accepting(JSON);
    let response = cx.http(request)?;
    if response.status == 403 {
        return Ok(None);
    }
    let object = object(&response)?;
    let uid = object.pointer("/metadata/uid").and_then(Value::as_str);
    match uid.filter(|uid| (1..=64).contains(&uid.len())) {
        Some(uid) => Ok(Some(model::clean(uid))),
        None => Err(Refusal::new(
            Reason::Failed,
            "expected the namespace kube-system, got something else",
        )),
    }
}

/// One map, if there is one.
fn map(cx: &mut Context<'_>, name: &str, cluster: &mut Cluster) -> Result<(), Refusal> {
    let path = ["api", "v1", "namespaces", SYSTEM, CONFIG_MAPS.plural, name];
    let response = cx.http(Request::get(&path).accepting(JSON))?;
    if response.status == 404 {
        return Ok(());
    }
    object(&response).map(|object| cluster.take(&object))
}

/// A part, in the best version that there is of it.
fn list(cx: &mut Context<'_>, part: &Part, cluster: &mut Cluster) -> Result<(), Refusal> {
    let mut last = Ok(());
    for version in part.versions {
        last = pages(cx, &asked(part, version), &mut |one| cluster.take(&one));
        match &last {
            Err(refusal) if refusal.code == "404" => {}
            _ => return last,
        }
    }
    // An extension that is not installed hides nothing.
    if part.extension { Ok(()) } else { last }
}

/// Secrets as a table: of none is more than its metadata and its type asked for.
fn secrets(cx: &mut Context<'_>, part: &Part, cluster: &mut Cluster) -> Result<(), Refusal> {
    let request = asked(part, part.versions[0])
        .parameter("fieldSelector", &format!("type!={RELEASE}"))
        .accepting(TABLE);
    let read = all(cx, &request, &mut |cx, request| {
        let response = cx.http(request)?;
        if response.status != 200 {
            return Err(refusal(&response));
        }
        let mut take = |one, type_: &str| cluster.take(&typed(one, part, type_));
        table::read(&response.body, &mut take)
    });
    match read {
        Err(refusal) if [table::NONE, "406"].contains(&refusal.code.as_str()) => {
            by_types(cx, part, cluster)
        }
        read => read,
    }
}

/// Secrets of a server that makes no tables: by their types, which metadata alone does not tell.
fn by_types(cx: &mut Context<'_>, part: &Part, cluster: &mut Cluster) -> Result<(), Refusal> {
    let others: Vec<_> = TYPES
        .iter()
        .chain([&RELEASE])
        .map(|one| format!("type!={one}"))
        .collect();
    let of = TYPES.iter().map(|one| (format!("type={one}"), *one));
    for (which, type_) in of.chain([(others.join(","), "")]) {
        let request = asked(part, part.versions[0])
            .parameter("fieldSelector", &which)
            .accepting(METADATA);
        pages(cx, &request, &mut |one| {
            cluster.take(&typed(one, part, type_))
        })?;
    }
    Ok(())
}

/// What comes as metadata alone, as what it is.
fn typed(mut object: Value, part: &Part, type_: &str) -> Value {
    if let Value::Object(members) = &mut object {
        members.insert("kind".to_owned(), part.kind.into());
        members.insert("apiVersion".to_owned(), "v1".into());
        if type_.is_empty() {
            members.remove("type");
        } else {
            members.insert("type".to_owned(), type_.into());
        }
    }
    object
}

fn asked(part: &Part, version: &str) -> Request {
    let request = match part.group {
        "" => Request::get(&["api", version, part.plural]),
        group => Request::get(&["apis", group, version, part.plural]),
    };
    request.accepting(JSON)
}

/// Asks page after page and hands each object to `take`.
fn pages(
    cx: &mut Context<'_>,
    request: &Request,
    take: &mut dyn FnMut(Value),
) -> Result<(), Refusal> {
    all(cx, request, &mut |cx, request| page(cx, request, take))
}

/// Asks page after page of `page`, which says where the next begins. What was read before a refusal
/// counts; an object that comes twice is one.
fn all(cx: &mut Context<'_>, request: &Request, page: &mut AsksPage<'_>) -> Result<(), Refusal> {
    let (mut place, mut restarts, mut size) = (String::new(), 0, PAGE);
    let mut places = BTreeSet::new();
    for _ in 0..PAGES_MAX {
        let mut next = request.clone().parameter("limit", &size.to_string());
        if !place.is_empty() {
            next = next.parameter("continue", &place);
        }
        match page(cx, next) {
            Ok(None) => return Ok(()),
            Ok(Some(further)) if places.insert(further.clone()) => place = further,
            Ok(Some(_)) => {
                let told = "a list repeats itself: the same place in it came twice";
                return Err(Refusal::new(Reason::Failed, told));
            }
            // The place was forgotten, as it is after some minutes.
            Err(refusal) if refusal.code == "410" && restarts < RESTARTS_MAX => {
                restarts += 1;
                place.clear();
                places.clear();
            }
            Err(refusal) if refusal.code == "too_large" && size > 1 => size = size.div_ceil(4),
            Err(refusal) => return Err(refusal),
        }
    }
    let told = format!("a list has more than {PAGES_MAX} pages, the limit");
    Err(Refusal::new(Reason::Unsupported, told))
}

/// One page, and where the next begins.
fn page(
    cx: &mut Context<'_>,
    request: Request,
    take: &mut dyn FnMut(Value),
) -> Result<Option<String>, Refusal> {
    let response = cx.http(request)?;
    if response.status != 200 {
        return Err(refusal(&response));
    }
    let mut objects = Vec::new();
    let left = documents::answer(&response.body, &mut |one| objects.push(one))?;
    let list = left.get("kind").and_then(Value::as_str);
    if left.get("items").is_none() || !list.is_some_and(|kind| kind.ends_with("List")) {
        let told = "expected a list of objects, got something else";
        return Err(Refusal::new(Reason::Failed, told));
    }
    objects.into_iter().for_each(take);
    let place = left.pointer("/metadata/continue").and_then(Value::as_str);
    Ok(place.filter(|place| !place.is_empty()).map(str::to_owned))
}

fn object(response: &Response) -> Result<Value, Refusal> {
    if response.status != 200 {
        return Err(refusal(response));
    }
    let mut first = None;
    documents::answer(&response.body, &mut |one| first = Some(one))?;
    first.ok_or_else(|| Refusal::new(Reason::Failed, "expected an object, got a list"))
}

/// Why a cluster did not answer, in the words of gaps.
fn refusal(response: &Response) -> Refusal {
    let status: Value = serde_json::from_str(&response.body).unwrap_or_default();
    let is_status = status.get("kind").and_then(Value::as_str) == Some("Status");
    let message = status.get("message").and_then(Value::as_str);
    let told = message.filter(|_| is_status && response.status == 403);
    let reason = match response.status {
        401 | 403 => Reason::Denied,
        429 | 503 => Reason::Throttled,
        404 | 406 => Reason::Unsupported,
        _ => Reason::Failed,
    };
    let told = match (told, response.status) {
        (Some(told), _) => model::shorten(told, 240),
        (None, 401) => "the cluster does not know whoever asks: the credential of the kubeconfig \
            is wrong or has expired"
            .to_owned(),
        (None, status) => format!("HTTP status {status}"),
    };
    Refusal::new(reason, told).code(response.status.to_string())
}
