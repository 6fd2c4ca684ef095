//! Systems that are described and not programmed: a file says who is let in, what is listed, how
//! it goes on and what of that is told (decision 22: field paths and templates, no expressions, no
//! control flow).
//!
//! To add one: write `described/catalogue/<system>.toml`, add it to [`CATALOGUE`], put a recording
//! under `testdata/<system>/` and let the manual write its page.

mod description;
mod manual;
mod pages;
mod setting;
mod sight;
mod template;

use std::collections::BTreeSet;
use std::sync::{LazyLock, PoisonError, RwLock};

use model::{Kind, Reason, Scope};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{Connector, Context, Login, PortKind, Refusal, Shown, Spec, Stop, TokenLogin};
pub use description::Unfit;
use description::{Description, List, LoginAs, Parents};
use pages::Pages;
use template::{Here, Template};

/// Every description that comes with Keyroll, in the order of the manual.
const CATALOGUE: &[&str] = &[
    include_str!("described/catalogue/anthropic.toml"),
    include_str!("described/catalogue/auth0.toml"),
    include_str!("described/catalogue/azure_devops.toml"),
    include_str!("described/catalogue/azure_devops_tokens.toml"),
    include_str!("described/catalogue/cloudflare.toml"),
    include_str!("described/catalogue/databricks.toml"),
    include_str!("described/catalogue/datadog.toml"),
    include_str!("described/catalogue/fastly.toml"),
    include_str!("described/catalogue/github_organization.toml"),
    include_str!("described/catalogue/gitlab_group.toml"),
    include_str!("described/catalogue/gitlab_instance.toml"),
    include_str!("described/catalogue/google_workspace.toml"),
    include_str!("described/catalogue/grafana.toml"),
    include_str!("described/catalogue/heroku.toml"),
    include_str!("described/catalogue/huggingface.toml"),
    include_str!("described/catalogue/huggingface_endpoints.toml"),
    include_str!("described/catalogue/jenkins.toml"),
    include_str!("described/catalogue/keystone.toml"),
    include_str!("described/catalogue/mlflow.toml"),
    include_str!("described/catalogue/okta.toml"),
    include_str!("described/catalogue/openai.toml"),
    include_str!("described/catalogue/pinecone.toml"),
    include_str!("described/catalogue/pinecone_project.toml"),
    include_str!("described/catalogue/qdrant.toml"),
    include_str!("described/catalogue/qdrant_cloud.toml"),
    include_str!("described/catalogue/rabbitmq.toml"),
    include_str!("described/catalogue/slack.toml"),
    include_str!("described/catalogue/snowflake.toml"),
    include_str!("described/catalogue/tailscale.toml"),
    include_str!("described/catalogue/vault.toml"),
    include_str!("described/catalogue/weaviate.toml"),
];

/// So many settings are looked at together.
const SETTINGS_MAX: usize = 10_000;

/// More things than this of one source are not told.
const THINGS_MAX: usize = 2_000_000;

/// A described system.
#[derive(Debug)]
pub struct Described {
    spec: &'static Spec,
    description: Description,
    /// As it was written.
    text: String,
    /// The segments of the path of each list.
    segments: Vec<Vec<Template>>,
}

/// The systems that are described.
pub(crate) static DESCRIBED: LazyLock<Vec<Described>> = LazyLock::new(|| {
    // What does not come through here is told by the test below before anybody builds it.
    let read = CATALOGUE
        .iter()
        .filter_map(|text| Described::read(text).ok());
    read.collect()
});

/// The systems that a person described, in the order in which they were.
static ADDED: RwLock<Vec<&'static Described>> = RwLock::new(Vec::new());

/// The systems that a person described.
pub(crate) fn added() -> Vec<&'static Described> {
    ADDED.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Whether `text` is a description; nothing is kept of it.
///
/// # Errors
/// It is none.
pub fn check_description(text: &str) -> Result<(), Unfit> {
    Description::parse(text).map(drop)
}

/// Words that begin other sources.
const TAKEN: [&str; 9] = [
    "here",
    "aws",
    "export",
    "leavers",
    "collection",
    "tls",
    "postgres",
    "postgresql",
    "https",
];

/// Takes a description (TOML) that a person wrote, for as long as the program runs: sources of
/// it are known from now on. The same one again changes nothing.
///
/// # Errors
/// It is none, it posts, or another system is called so or named by that word.
pub fn describe(text: &str) -> Result<&'static Described, Unfit> {
    let described = Described::read(text)?;
    let mut added = ADDED.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = added.iter().find(|one| one.text == text) {
        return Ok(known);
    }
    // Nobody looked at whether what it posts changes something.
    if let Some(list) = described
        .description
        .list
        .iter()
        .find(|one| one.post.is_some())
    {
        let place = format!("list `{}`: post", list.name);
        let expected = "lists that are read by GET; only systems that come with Keyroll may post";
        return Err(Unfit::new(place, expected, &list.path));
    }
    let (name, word) = (described.spec.name, described.word());
    let taken = crate::WRITTEN.iter().any(|one| {
        let spec = one.spec();
        spec.name == name || spec.named.split(':').next() == Some(word)
    });
    let mut others = DESCRIBED.iter().chain(added.iter().copied());
    if taken
        || TAKEN.contains(&word)
        || others.any(|one| one.spec.name == name || one.word() == word)
    {
        let expected = "a name, and a word before the colon of `form`, that no other system has";
        return Err(Unfit::new("name", expected, &format!("{name}, {word}")));
    }
    let described: &'static Described = Box::leak(Box::new(described));
    added.push(described);
    Ok(described)
}

impl Described {
    /// The word before the colon.
    fn word(&self) -> &'static str {
        self.spec.named.split(':').next().unwrap_or_default()
    }

    /// Reads a description. It lives as long as the program: whoever is asked by it is named by
    /// what it says.
    pub(crate) fn read(text: &str) -> Result<Self, Unfit> {
        let description = Description::parse(text)?;
        let segments = description.list.iter().map(List::segments);
        Ok(Self {
            segments: segments.collect::<Result<_, _>>()?,
            spec: Box::leak(Box::new(spec(&description))),
            text: text.to_owned(),
            description,
        })
    }
}

fn leaked(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn leaked_all<'t>(texts: impl IntoIterator<Item = &'t str>) -> &'static [&'static str] {
    let texts: Vec<&'static str> = texts.into_iter().map(leaked).collect();
    Box::leak(texts.into_boxed_slice())
}

fn spec(description: &Description) -> Spec {
    let pairs = |map: &std::collections::BTreeMap<String, String>| {
        let pairs: Vec<_> = map
            .iter()
            .map(|(name, value)| (leaked(name), leaked(value)))
            .collect();
        &*Box::leak(pairs.into_boxed_slice())
    };
    let (shown, variable) = match &description.login {
        LoginAs::Header {
            header,
            before,
            variable,
        } => {
            let (header, before) = (leaked(header), leaked(before));
            (Shown::Header { header, before }, variable)
        }
        LoginAs::Basic { variable } => (Shown::Basic, variable),
        LoginAs::Headers { headers, variable } => {
            let headers = leaked_all(headers.iter().map(String::as_str));
            (Shown::Headers(headers), variable)
        }
        LoginAs::Client {
            path,
            parameters,
            variable,
        } => {
            let (path, parameters) = (leaked_all(path.split('/')), pairs(parameters));
            (Shown::Client { path, parameters }, variable)
        }
    };
    let login = TokenLogin {
        form: leaked(&description.form),
        host: description.host.as_deref().map(leaked),
        shown,
        variable: leaked(variable),
        headers: pairs(&description.headers),
        per_second: description.requests_per_second,
    };
    let lists = description.list.iter().map(|list| list.name.as_str());
    Spec {
        name: leaked(&description.name),
        reads: leaked(&description.reads),
        named: leaked(&description.form),
        target: leaked(&description.parts().join("/")),
        port: PortKind::Http(Login::Token(Box::leak(Box::new(login)))),
        needs_to_discover: leaked_all(description.needs.iter().map(String::as_str)),
        needs_to_act: &[],
        scopes: leaked_all(lists),
    }
}

impl Connector for Described {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    /// The target is what it is called; the first list is asked for once, so that whoever adds
    /// the source learns what lacks.
    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        let target = cx.target().to_owned();
        Pass::of(self, &target).pages(0, &[])?.next(cx)?;
        Ok(target)
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let target = cx.target().to_owned();
        for one in &self.description.gap {
            let refusal = Refusal::new(Reason::Unsupported, &one.told);
            cx.gap(&Scope::of(&one.part), &refusal, None)?;
        }
        let mut pass = Pass::of(self, &target);
        for (at, list) in self.description.list.iter().enumerate() {
            if list.for_each.is_none() {
                pass.read(cx, at, &[], &Scope::of(&list.name))?;
            }
        }
        Ok(())
    }
}

/// One pass over a described system.
struct Pass<'d> {
    described: &'d Described,
    /// The parts of the target by name.
    target: Vec<(&'d str, &'d str)>,
    /// What was seen, by digest: lists that shift while they are read show a thing twice.
    met: BTreeSet<[u8; 16]>,
}

impl<'d> Pass<'d> {
    fn of(described: &'d Described, target: &'d str) -> Self {
        let names = described.description.parts();
        // The last part may have slashes in it: `group/project`.
        let values = target.splitn(names.len(), '/');
        Self {
            described,
            target: names.into_iter().zip(values).collect(),
            met: BTreeSet::new(),
        }
    }

    /// The pages of a list, for the items that enclose it.
    fn pages(&self, at: usize, above: &[&Value]) -> Result<Pages<'d>, Refusal> {
        let description = &self.described.description;
        let items: Vec<&Value> = above.iter().copied().chain([&Value::Null]).collect();
        let here = Here {
            items: &items,
            target: &self.target,
        };
        let (list, segments) = (&description.list[at], &self.described.segments[at]);
        Pages::of(list, segments, description.fails.as_ref(), &here)
    }

    /// Reads a list and what is asked for each of its items. What cannot be read is a gap.
    fn read(
        &mut self,
        cx: &mut Context<'_>,
        at: usize,
        above: &[&Value],
        scope: &Scope,
    ) -> Result<(), Stop> {
        let list = &self.described.description.list[at];
        let needs = list.needs.as_deref();
        let mut pages = match self.pages(at, above) {
            Ok(pages) => pages,
            Err(refusal) => return cx.gap(scope, &refusal, needs),
        };
        let mut settings = Vec::new();
        let sets = list.see.iter().any(|see| see.setting.is_some());
        loop {
            match pages.next(cx) {
                Ok(None) => return self.settings(cx, list, (above, &settings), scope),
                Ok(Some(items)) => {
                    for item in &items {
                        let items: Vec<&Value> = above.iter().copied().chain([item]).collect();
                        self.item(cx, at, &items, scope)?;
                    }
                    if sets {
                        settings.extend(items);
                    }
                    if settings.len() > SETTINGS_MAX {
                        let some = std::mem::take(&mut settings);
                        self.settings(cx, list, (above, &some), scope)?;
                    }
                }
                Err(refusal) => {
                    self.settings(cx, list, (above, &settings), scope)?;
                    return cx.gap(scope, &refusal, needs);
                }
            }
            if self.met.len() > THINGS_MAX {
                let told = format!("more than {THINGS_MAX} things");
                return cx.gap(scope, &Refusal::new(Reason::Unsupported, told), None);
            }
        }
    }

    fn item(
        &mut self,
        cx: &mut Context<'_>,
        at: usize,
        items: &[&Value],
        scope: &Scope,
    ) -> Result<(), Stop> {
        let lists = &self.described.description.list;
        let list = &lists[at];
        if !sight::is_meant(list.only.as_ref(), items) {
            return Ok(());
        }
        let target = self.target.clone();
        let here = Here {
            items,
            target: &target,
        };
        for see in list.see.iter().filter(|see| see.setting.is_none()) {
            match sight::observed(see, &here, scope) {
                Ok(Some(one)) if self.is_new(one.kind, &one.native) => cx.observe(one),
                Ok(_) => {}
                Err(()) => {
                    let told = format!("expected `{}` in an item, got none", see.native);
                    cx.gap(scope, &Refusal::new(Reason::Failed, told), None)?;
                }
            }
        }
        let asked = lists.iter().enumerate();
        for (inner, below) in asked.filter(|(_, one)| is_below(one, &list.name)) {
            // Where that stands is written as the asked list writes it, from the item's inside.
            let whom: Vec<&Value> = items.iter().copied().chain([&Value::Null]).collect();
            if !sight::is_meant(below.asked_if.as_ref(), &whom) {
                continue;
            }
            let called = list.called.as_ref().and_then(|called| called.one(&here));
            let scope = scope.part(called.unwrap_or_default()).part(&below.name);
            self.read(cx, inner, items, &scope)?;
        }
        Ok(())
    }

    /// Tells which items of a list of settings are credentials.
    fn settings(
        &mut self,
        cx: &mut Context<'_>,
        list: &List,
        items: (&[&Value], &[Value]),
        scope: &Scope,
    ) -> Result<(), Stop> {
        for see in &list.see {
            let Some(of) = &see.setting else { continue };
            let (told, nameless) = setting::told(cx, (see, of), items, &self.target, scope);
            for one in told {
                if self.is_new(one.kind, &one.native) {
                    cx.observe(one);
                }
            }
            if nameless > 0 {
                let told = format!("expected `{}` in an item, got none", see.native);
                cx.gap(scope, &Refusal::new(Reason::Failed, told), None)?;
            }
        }
        Ok(())
    }

    fn is_new(&mut self, kind: Kind, native: &str) -> bool {
        let mut hash = [0; 16];
        let whole = Sha256::digest(format!("{kind} {native}"));
        hash.copy_from_slice(&whole[..16]);
        self.met.insert(hash)
    }
}

/// Whether a list is asked for each item of the one called `name`.
fn is_below(list: &List, name: &str) -> bool {
    let parents = list.for_each.iter().flat_map(Parents::names);
    parents.into_iter().any(|parent| parent == name)
}

#[cfg(test)]
mod tests;
