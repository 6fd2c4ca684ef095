//! Reads what an account holds in each of its regions, list by list.
//!
//! A region is a part of its own: what cannot be read in one says nothing of the others. A region
//! that is switched off for the account holds nothing and is no gap.

use std::collections::{BTreeMap, BTreeSet};

use model::{Reason, Scope};
use serde_json::{Value, json};

use super::account::Account;
use super::ask::{REFUSALS_MAX, answer, gap, needed};
use super::lists::{Ask, Detail, LISTS, List};
use super::{ahead, handed};
use crate::{Context, Refusal, Request, Stop};

/// The part under which all regions lie.
pub(crate) const REGIONS: &str = "regions";
/// AWS has fewer than forty.
const REGIONS_MAX: usize = 100;
/// Pages of one list: at 50 a page, more than any region may hold.
const PAGES_MAX: usize = 2000;
/// Things of one list that are asked about one by one.
const THINGS_MAX: usize = 20_000;
/// Things of all lists that are: at the usual pace this many take most of three hours.
const ALL_MAX: usize = 200_000;
/// What says where AWS offers which service, readable by anybody who may read this path.
const OFFERED: &str = "/aws/service/global-infrastructure/services";

/// The part that a region is, or a part of it.
pub(crate) fn scope(region: &str, part: &str) -> Scope {
    Scope::of(REGIONS).part(region).part(part)
}

/// Reads the account's regions.
pub(super) fn read(
    cx: &mut Context<'_>,
    found: &mut Account,
    regions: &[String],
) -> Result<(), Stop> {
    let mut reader = Reader::default();
    for (at, region) in regions.iter().enumerate() {
        let next = regions.get(at + 1).map(String::as_str);
        let part = format!("{REGIONS}/{region}");
        let own = match cx.kept(&part) {
            Some(own) => own,
            None => {
                let mut own = Account::new(found.now);
                own.own.clone_from(&found.own);
                let ended = reader.region(cx, &mut own, (region, next));
                handed::variables(cx, &mut own);
                if ended.is_err() {
                    found.absorb(own);
                    return ended;
                }
                cx.keep(&part, &own);
                own
            }
        };
        found.absorb(own);
    }
    Ok(())
}

/// Which regions to read: those of the option `regions` (names with commas between them), or all
/// that are switched on. Where AWS does not say which, the source's own alone, by the empty name.
pub(super) fn of(cx: &mut Context<'_>) -> Result<Vec<String>, Stop> {
    let all = Scope::of(REGIONS);
    let named = cx.option("regions").unwrap_or("all").to_owned();
    let wanted = |told: String| Refusal::new(Reason::Unsupported, told);
    if named != "all" {
        let named: BTreeSet<String> = named
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        let told = if named.is_empty() {
            "no region was to be read".to_owned()
        } else {
            let names: Vec<_> = named.iter().map(String::as_str).collect();
            format!("only these regions were to be read: {}", names.join(", "))
        };
        cx.gap(&all, &wanted(told), None)?;
        return Ok(named.into_iter().take(REGIONS_MAX).collect());
    }
    let asked = Request::form(
        "ec2",
        &[("Action", "DescribeRegions"), ("Version", "2016-11-15")],
    );
    match answer(cx, asked).and_then(|told| enabled(&told)) {
        Ok(regions) => Ok(regions),
        Err(refusal) => {
            let told = format!(
                "{}; which regions there are is not known, so the source's own alone was read",
                refusal.told
            );
            let refusal = Refusal { told, ..refusal };
            gap(cx, &all, &refusal, "ec2:DescribeRegions")?;
            Ok(vec![String::new()])
        }
    }
}

/// The regions that are switched on, of the answer that lists them.
fn enabled(told: &Value) -> Result<Vec<String>, Refusal> {
    let misshapen = || {
        Refusal::new(
            Reason::Failed,
            "expected a list of regions, got another answer",
        )
    };
    let list = told
        .get("Regions")
        .and_then(Value::as_array)
        .ok_or_else(misshapen)?;
    let text = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
    let on = list
        .iter()
        .filter(|one| text(one, "OptInStatus").as_deref() != Some("not-opted-in"));
    let names: BTreeSet<String> = on.filter_map(|one| text(one, "RegionName")).collect();
    let plain = |name: &&String| {
        let label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=40).contains(&name.len()) && name.bytes().all(label)
    };
    let names: Vec<String> = names
        .iter()
        .filter(plain)
        .take(REGIONS_MAX)
        .cloned()
        .collect();
    if names.is_empty() {
        Err(misshapen())
    } else {
        Ok(names)
    }
}

/// What was refused of one region.
struct Refused {
    scope: Scope,
    refusal: Refusal,
    right: &'static str,
}

#[derive(Default)]
struct Reader {
    /// Regions in a row that answered and denied a right all the same: it lacks everywhere.
    denied: BTreeMap<&'static str, u32>,
    /// In which regions AWS offers a service, where that had to be asked.
    offered: BTreeMap<&'static str, Option<BTreeSet<String>>>,
    /// Things that were asked about one by one.
    asked: usize,
    /// Rights to ask about one thing that were not refused at last.
    worked: BTreeSet<&'static str>,
}

/// After so many regions in a row a right is taken to be denied in the others.
const DENIED_MAX: u32 = 3;

impl Reader {
    fn region(
        &mut self,
        cx: &mut Context<'_>,
        found: &mut Account,
        (region, next): (&str, Option<&str>),
    ) -> Result<(), Stop> {
        let mut refused: Vec<Refused> = Vec::new();
        // Where this region answers, the next one is taken to do so.
        let lists = [Some(region), next].into_iter().flatten();
        let lists: Vec<_> = lists
            .flat_map(|region| LISTS.iter().map(move |list| (region, list)))
            .collect();
        let mut answered = false;
        let mut silent = 0;
        let mut denied: BTreeSet<&'static str> = BTreeSet::new();
        for (at, list) in LISTS.iter().enumerate() {
            ahead::soon(cx, &lists, (at, false), |(region, list)| {
                let asked = answered && self.asks(list);
                asked.then(|| list.ask.request(region, None))
            });
            let scope = part(region, list.part);
            if !self.asks(list) {
                let told = "denied in other regions, so not asked in this one";
                let refusal = Refusal::new(Reason::Denied, told);
                refused.push(Refused {
                    scope,
                    refusal,
                    right: list.ask.right,
                });
                continue;
            }
            if !answered && silent >= REFUSALS_MAX {
                let refusal = Refusal::new(Reason::Failed, "not asked: the region does not answer");
                refused.push(Refused {
                    scope,
                    refusal,
                    right: list.ask.right,
                });
                continue;
            }
            let before = refused.len();
            match self.list(cx, found, (region, list), &mut refused) {
                Ok(()) => {
                    answered = true;
                    self.denied.remove(list.ask.right);
                }
                Err(refusal) => {
                    let unreachable = matches!(refusal.code.as_str(), "connect" | "timeout");
                    silent += u32::from(unreachable);
                    if refusal.reason == Reason::Denied {
                        denied.insert(list.ask.right);
                    }
                    if unreachable && answered && !self.is_offered(cx, list.ask.service, region)? {
                        continue;
                    }
                    refused.push(Refused {
                        scope,
                        refusal,
                        right: list.ask.right,
                    });
                }
            }
            if let Some(end) = refused[before..].iter().find(|one| one.refusal.stop) {
                let (scope, refusal) = (end.scope.clone(), end.refusal.clone());
                tell(cx, region, std::mem::take(&mut refused), true)?;
                return cx.gap(&scope, &refusal, None);
            }
        }
        // A region that is closed as a whole says nothing of a right.
        for right in denied.into_iter().filter(|_| answered) {
            *self.denied.entry(right).or_default() += 1;
        }
        tell(cx, region, refused, answered)
    }

    /// Whether `list` is asked for in the next region.
    fn asks(&self, list: &List) -> bool {
        let tries = self.denied.get(list.ask.right).copied();
        tries.unwrap_or_default() < DENIED_MAX
    }

    /// Whether `service` is one that AWS offers in `region`; yes, where that cannot be told.
    fn is_offered(
        &mut self,
        cx: &mut Context<'_>,
        service: &'static str,
        region: &str,
    ) -> Result<bool, Stop> {
        if !self.offered.contains_key(service) {
            let known = offered(cx, service);
            if known.as_ref().is_err_and(|refusal| refusal.stop) {
                return Err(Stop);
            }
            self.offered.insert(service, known.ok());
        }
        let known = self.offered.get(service).and_then(Option::as_ref);
        Ok(known.is_none_or(|regions| regions.contains(region)))
    }

    /// Reads a list with its details. What is refused of the details goes to `refused`.
    fn list(
        &mut self,
        cx: &mut Context<'_>,
        found: &mut Account,
        (region, list): (&str, &'static List),
        refused: &mut Vec<Refused>,
    ) -> Result<(), Refusal> {
        let request = list.ask.request(region, None);
        let mut names: Vec<(&'static Detail, Value)> = Vec::new();
        let mut beyond = 0;
        let ended = pages(cx, &list.ask, request, &mut |page| {
            match with_arns(page, region, found.own.as_deref()) {
                Some(page) => found.take(&page),
                None => found.take(page),
            }
            for detail in list.details {
                for name in detail.names(page) {
                    if names.len() < THINGS_MAX {
                        names.push((detail, name));
                    } else {
                        beyond += 1;
                    }
                }
            }
        });
        let mut each = Each {
            scope: part(region, list.part),
            refused: BTreeMap::new(),
        };
        let known = list
            .details
            .iter()
            .all(|one| self.worked.contains(one.ask.right));
        for (at, (detail, name)) in names.iter().enumerate() {
            ahead::soon(cx, &names, (at, known), |(detail, name)| {
                let named = Some((detail.called, name));
                let worth = each.is_worth(detail.ask.right);
                worth.then(|| detail.ask.request(region, named))
            });
            if self.asked >= ALL_MAX {
                beyond += 1;
                continue;
            }
            self.asked += 1;
            each.ask(cx, found, (region, detail, name), refused);
            if refused.last().is_some_and(|one| one.refusal.stop) {
                return Ok(());
            }
        }
        for (right, refusals) in each.refused {
            if refusals == 0 {
                self.worked.insert(right);
            } else {
                self.worked.remove(right);
            }
        }
        if beyond > 0 {
            let told = format!("{beyond} more things were listed than are asked about");
            let refusal = Refusal::new(Reason::Unsupported, told);
            let scope = part(region, list.part);
            refused.push(Refused {
                scope,
                refusal,
                right: list.ask.right,
            });
        }
        ended
    }
}

/// A page of parameters with their ARNs, where it has none: older interfaces tell names alone.
fn with_arns(page: &Value, region: &str, account: Option<&str>) -> Option<Value> {
    let list = page.get("Parameters")?.as_array()?;
    let account = account.filter(|_| !region.is_empty())?;
    let bare = |one: &&Value| one.get("ARN").is_none() && one.get("Arn").is_none();
    list.iter().find(bare)?;
    let partition = match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    let named = list.iter().map(|one| {
        let mut one = one.clone();
        let name = one.get("Name").and_then(Value::as_str).unwrap_or_default();
        let name = name.trim_start_matches('/');
        let arn = format!("arn:{partition}:ssm:{region}:{account}:parameter/{name}");
        if let (true, Some(map)) = (bare(&&one), one.as_object_mut()) {
            map.insert("ARN".to_owned(), arn.into());
        }
        one
    });
    let named: Vec<Value> = named.collect();
    Some(json!({"Parameters": named}))
}

/// The part of a region; of the source's own region where it has no name.
fn part(region: &str, name: &str) -> Scope {
    if region.is_empty() {
        Scope::of(REGIONS)
    } else {
        scope(region, name)
    }
}

/// Asks of each thing in a list. After some refusals in a row the rest is not asked.
struct Each {
    scope: Scope,
    refused: BTreeMap<&'static str, u32>,
}

impl Each {
    /// Whether nothing that wants `right` was refused at last.
    fn is_worth(&self, right: &str) -> bool {
        self.refused.get(right).copied().unwrap_or_default() == 0
    }

    fn ask(
        &mut self,
        cx: &mut Context<'_>,
        found: &mut Account,
        (region, detail, name): (&str, &'static Detail, &Value),
        refused: &mut Vec<Refused>,
    ) {
        let right = detail.ask.right;
        let count = self.refused.entry(right).or_default();
        if *count >= REFUSALS_MAX {
            return;
        }
        let request = detail.ask.request(region, Some((detail.called, name)));
        let asked = pages(
            cx,
            &detail.ask,
            request,
            &mut |page| match (detail.laid_in, page) {
                (true, Value::Object(page)) => {
                    let mut page = page.clone();
                    page.insert(detail.called.to_owned(), name.clone());
                    found.take(&Value::Object(page));
                }
                _ => found.take(page),
            },
        );
        match asked {
            Ok(()) => *count = 0,
            Err(refusal) if is_nothing(&refusal) => *count = 0,
            Err(refusal) => {
                *count += 1;
                let told = match *count {
                    REFUSALS_MAX => format!("{}; not asked of the others", refusal.told),
                    _ => refusal.told.clone(),
                };
                let refusal = Refusal { told, ..refusal };
                refused.push(Refused {
                    scope: self.scope.clone(),
                    refusal,
                    right,
                });
            }
        }
    }
}

/// Whether a refusal says that there is nothing to tell: a certificate that is not issued yet, no
/// policy, or a thing that went between its list and the question.
fn is_nothing(refusal: &Refusal) -> bool {
    const CODES: [&str; 6] = [
        "RequestInProgressException",
        // A private authority that has no certificate yet, or none any more.
        "InvalidStateException",
        "ResourceNotFoundException",
        "NotFoundException",
        "ClientException",
        "KMSInvalidStateException",
    ];
    refusal.reason == Reason::Failed && CODES.contains(&refusal.code.as_str())
}

/// Asks page after page and hands each to `take`.
pub(super) fn pages(
    cx: &mut Context<'_>,
    ask: &Ask,
    mut request: Request,
    take: &mut dyn FnMut(&Value),
) -> Result<(), Refusal> {
    let mut places = BTreeSet::new();
    for _ in 0..PAGES_MAX {
        let page = answer(cx, request.clone())?;
        take(&page);
        let Some(place) = ask.place(&page) else {
            return Ok(());
        };
        if !places.insert(place.to_owned()) {
            let told = "a list repeats itself: the same place in it came twice";
            return Err(Refusal::new(Reason::Failed, told));
        }
        request = ask.onward(request, place);
    }
    let told = format!("a list has more than {PAGES_MAX} pages, the limit");
    Err(Refusal::new(Reason::Unsupported, told))
}

/// In which regions AWS offers a service, as its public parameters say.
fn offered(cx: &mut Context<'_>, service: &str) -> Result<BTreeSet<String>, Refusal> {
    let called = if service == "bedrock-agent" {
        "bedrock"
    } else {
        service
    };
    let path = format!("{OFFERED}/{called}/regions");
    let body = json!({"Path": path, "MaxResults": 10});
    let ask = Ask::parameters();
    let mut request = Request::json("ssm", &[], "AmazonSSM.GetParametersByPath", body);
    request.region.clear();
    let mut regions = BTreeSet::new();
    pages(cx, &ask, request, &mut |page| {
        let list = page.get("Parameters").and_then(Value::as_array);
        let names = list
            .into_iter()
            .flatten()
            .filter_map(|one| one.get("Value")?.as_str());
        regions.extend(names.take(REGIONS_MAX).map(str::to_owned));
    })?;
    Ok(regions)
}

/// Tells what was refused of a region. Where nothing in it answered, one gap says so of all.
fn tell(
    cx: &mut Context<'_>,
    region: &str,
    refused: Vec<Refused>,
    answered: bool,
) -> Result<(), Stop> {
    if let (false, Some(first)) = (answered, refused.first()) {
        let rights: BTreeSet<_> = refused.iter().map(|one| one.right).collect();
        let rights: Vec<_> = rights.into_iter().collect();
        let told = format!("nothing in this region may be read: {}", first.refusal.told);
        let refusal = Refusal {
            told,
            ..first.refusal.clone()
        };
        let scope = match region {
            "" => Scope::of(REGIONS),
            region => Scope::of(REGIONS).part(region),
        };
        return cx.gap(&scope, &refusal, needed(&refusal, &rights.join("; ")));
    }
    for one in refused {
        if !one.refusal.stop {
            gap(cx, &one.scope, &one.refusal, one.right)?;
        }
    }
    Ok(())
}
