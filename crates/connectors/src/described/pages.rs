//! Asks for a list, page by page.

use std::collections::{BTreeMap, BTreeSet};

use model::Reason;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::description::{Fails, List, Paging};
use super::template::{Here, Template, as_text};
use crate::login::decoded;
use crate::{Context, Refusal, Request};

/// More pages than any list has.
const PAGES_MAX: u64 = 10_000;

/// A list on its way: where it goes on.
pub(super) struct Pages<'d> {
    list: &'d List,
    segments: Vec<String>,
    parameters: BTreeMap<String, String>,
    fails: Option<&'d Fails>,
    asked: u64,
    items: u64,
    /// Answers that came, by digest.
    met: BTreeSet<[u8; 32]>,
    /// The last answer was cut short by who gave it.
    cut: bool,
    ended: bool,
}

impl<'d> Pages<'d> {
    /// The pages of `list`, whose places are filled from `here`.
    pub(super) fn of(
        list: &'d List,
        segments: &[Template],
        fails: Option<&'d Fails>,
        here: &Here<'_>,
    ) -> Result<Self, Refusal> {
        let lacking = || Refusal::new(Reason::Failed, "what it is asked for has no name");
        let filled = |template: &Template| template.one(here).ok_or_else(lacking);
        let parameters = list.parameters.iter();
        let parameters = parameters.map(|(name, value)| Ok((name.clone(), filled(value)?)));
        Ok(Self {
            list,
            segments: segments.iter().map(filled).collect::<Result<_, _>>()?,
            parameters: parameters.collect::<Result<_, Refusal>>()?,
            fails,
            asked: 0,
            items: 0,
            met: BTreeSet::new(),
            cut: false,
            ended: false,
        })
    }

    /// The items of the next page; `None` after the last.
    ///
    /// # Errors
    /// The page could not be read, or the list does not end.
    pub(super) fn next(&mut self, cx: &mut Context<'_>) -> Result<Option<Vec<Value>>, Refusal> {
        if self.cut {
            let told = "the answer holds but the first of them; what follows was not read";
            return Err(Refusal::new(Reason::Unsupported, told));
        }
        if self.ended {
            return Ok(None);
        }
        if self.asked >= PAGES_MAX {
            let told = format!("more than {PAGES_MAX} pages");
            return Err(Refusal::new(Reason::Unsupported, told));
        }
        let mut request = match &self.list.post {
            Some(post) => Request::json("", &[], "", posted(post)),
            None => Request::get(&[]),
        };
        request.segments.clone_from(&self.segments);
        request.parameters.clone_from(&self.parameters);
        self.begin(&mut request.parameters);
        self.asked += 1;
        let response = cx.http(request)?;
        if self.list.none_on.contains(&response.status) {
            self.ended = true;
            return Ok(None);
        }
        if response.whole {
            self.ended = true;
            return self.saved(&response.body).map(Some);
        }
        let answer = read(response.status, &response.body, self.fails)?;
        // An interface that repeats itself would be asked for ever.
        if !self.met.insert(Sha256::digest(&response.body).into()) && self.asked > 1 {
            let told = "the same page came twice; what follows it was not read";
            return Err(Refusal::new(Reason::Failed, told));
        }
        let items = self.items(&answer)?;
        self.cut = self.is_cut(&answer);
        self.go_on(&answer, &items, response.next);
        Ok(Some(items))
    }

    /// The items of all pages that were saved one after another; or as one list of pages.
    fn saved(&mut self, body: &str) -> Result<Vec<Value>, Refusal> {
        let mut items = Vec::new();
        for page in serde_json::Deserializer::from_str(body).into_iter::<Value>() {
            let page = page.map_err(|_| not_json())?;
            let pages = match page {
                Value::Array(pages) if self.are_pages(&pages) => pages,
                page => vec![page],
            };
            for page in &pages {
                match self.fails.and_then(|fails| failure(fails, page)) {
                    Some(refusal) => return Err(refusal),
                    None => {
                        self.cut |= self.is_cut(page);
                        items.extend(self.items(page)?);
                    }
                }
            }
        }
        Ok(items)
    }

    /// Whether an answer says that it holds but a part, and nothing leads on.
    fn is_cut(&self, answer: &Value) -> bool {
        let at = self.list.cut_if.as_ref();
        at.is_some_and(|at| at.one(&[answer]).is_some())
    }

    /// Whether what is an array holds pages and not items.
    fn are_pages(&self, all: &[Value]) -> bool {
        let is_page = |page: &Value| match self.list.items.is_whole() {
            true => page.is_array(),
            false => page.is_object(),
        };
        !all.is_empty() && all.iter().all(is_page)
    }

    /// What the first question says of its page.
    fn begin(&self, parameters: &mut BTreeMap<String, String>) {
        if let Some(Paging::Number { parameter, first } | Paging::Offset { parameter, first }) =
            &self.list.page
            && self.asked == 0
        {
            parameters.insert(parameter.clone(), first.to_string());
        }
    }

    fn items(&self, answer: &Value) -> Result<Vec<Value>, Refusal> {
        let items = self.list.items.one(&[answer]);
        match items {
            Some(item @ Value::Object(_)) if self.list.single => Ok(vec![item.clone()]),
            Some(Value::Array(items)) => Ok(items.clone()),
            Some(Value::Object(map)) => Ok(map.iter().map(named).collect()),
            // An empty list is left out by some.
            None | Some(Value::Null)
                if self.asked > 1 || (self.list.may_lack && answer.is_object()) =>
            {
                Ok(Vec::new())
            }
            _ => Err(Refusal::new(
                Reason::Failed,
                format!(
                    "expected a list at `{}`, got something else",
                    self.list.items
                ),
            )),
        }
    }

    /// Goes on with these parameters; without any the list has ended.
    fn go_to(&mut self, told: BTreeMap<String, String>) {
        self.ended = told.is_empty();
        self.parameters.extend(told);
    }

    /// Sets what the next question asks.
    fn go_on(&mut self, answer: &Value, items: &[Value], told: BTreeMap<String, String>) {
        self.items += items.len() as u64;
        let next = match &self.list.page {
            None => None,
            Some(_) if items.is_empty() => None,
            Some(Paging::Number { parameter, first }) => {
                Some((parameter, (first + self.asked).to_string()))
            }
            Some(Paging::Offset { parameter, first }) => {
                Some((parameter, (first + self.items).to_string()))
            }
            Some(Paging::Cursor { parameter, at }) => {
                let cursor = at.one(&[answer]).and_then(as_text);
                cursor.map(|cursor| (parameter, cursor))
            }
            Some(Paging::After {
                parameter,
                at,
                more,
            }) => {
                let more = more.one(&[answer]) == Some(&Value::Bool(true));
                let last = items.last().and_then(|item| at.one(&[item]));
                let last = last.and_then(as_text).filter(|_| more);
                last.map(|last| (parameter, last))
            }
            Some(Paging::Link) => return self.go_to(told),
            Some(Paging::Next { at }) => {
                let address = at.one(&[answer]).and_then(as_text);
                return self.go_to(address.map(|one| parameters_of(&one)).unwrap_or_default());
            }
        };
        match next {
            Some((parameter, value)) => {
                self.parameters.insert(parameter.clone(), value);
            }
            None => self.ended = true,
        }
    }
}

/// What is posted, as one object.
fn posted(post: &BTreeMap<String, Value>) -> Value {
    let fields = post.iter();
    fields
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The parameters of an address.
fn parameters_of(address: &str) -> BTreeMap<String, String> {
    /// No page is asked for by more.
    const PARAMETERS_MAX: usize = 32;
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let decoded = |text: &str| decoded(&text.replace('+', " "));
    let pairs = pairs.map(|(name, value)| (decoded(name), decoded(value)));
    pairs.take(PARAMETERS_MAX).collect()
}

/// An element of an object: what it says, and under `@key` what it is called, a slash at its end
/// left out: it would be escaped in a path.
fn named((key, value): (&String, &Value)) -> Value {
    let mut item = match value {
        Value::Object(map) => map.clone(),
        other => serde_json::Map::from_iter([("@value".to_owned(), other.clone())]),
    };
    item.insert("@key".to_owned(), key.trim_end_matches('/').into());
    Value::Object(item)
}

fn read(status: u16, body: &str, fails: Option<&Fails>) -> Result<Value, Refusal> {
    let reason = match status {
        200 => {
            // The parser's own message could repeat a part of the answer.
            let answer: Value = serde_json::from_str(body).map_err(|_| not_json())?;
            return match fails.and_then(|fails| failure(fails, &answer)) {
                Some(refusal) => Err(refusal),
                None => Ok(answer),
            };
        }
        401 | 403 => Reason::Denied,
        429 => Reason::Throttled,
        _ => Reason::Failed,
    };
    Err(Refusal::new(reason, "the interface did not give the list").code(status.to_string()))
}

fn not_json() -> Refusal {
    Refusal::new(Reason::Failed, "expected JSON, got something else")
}

/// The refusal that an answer with status 200 holds.
fn failure(fails: &Fails, answer: &Value) -> Option<Refusal> {
    if fails.unless.one(&[answer]) != Some(&Value::Bool(false)) {
        return None;
    }
    let why = fails.why.one(&[answer]).and_then(as_text);
    let why = why.unwrap_or_default();
    let reason = if fails.denied.contains(&why) {
        Reason::Denied
    } else if fails.throttled.contains(&why) {
        Reason::Throttled
    } else {
        Reason::Failed
    };
    let code = model::shorten(&model::clean(&why), 64);
    Some(Refusal::new(reason, "the interface did not give the list").code(code))
}
