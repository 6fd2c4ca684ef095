//! Rule files in gitleaks' form (`.gitleaks.toml`, CL-12).
//!
//! Read as gitleaks 8 documents them: rules with regex, `secretGroup`, `keywords`, `entropy` and
//! `path`; allow-lists in both spellings; `extend`. Two things differ, and are meant to:
//! `useDefault` adds Keyroll's own rules, and a rule with keywords looks at a window around
//! them, not at the whole file.
//!
//! Whose file it is decides what it may do: one that a person named is in charge
//! ([`GitleaksConfig::rules`]); one that lies in what is read stands beside our own rules and
//! takes none of them away ([`GitleaksConfig::apart`]).

mod apart;
mod re2;

use regex::bytes::Regex;
use serde::Deserialize;

use crate::allow::{Against, Allowlist, Condition};
use crate::rule::{Form, Rule, What, compile};
use crate::window::BACK_MAX;
use crate::{Confidence, Error, builtin};

pub use apart::Apart;

/// How far behind its keyword such a rule looks; its author thought of the whole file.
const AHEAD: usize = 8 * 1024;

/// A parsed rule file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct GitleaksConfig {
    extend: Extend,
    rules: Vec<WrittenRule>,
    allowlist: Option<WrittenList>,
    allowlists: Vec<WrittenList>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Extend {
    use_default: bool,
    path: Option<String>,
    disabled_rules: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WrittenRule {
    id: String,
    description: Option<String>,
    regex: Option<String>,
    secret_group: Option<usize>,
    entropy: Option<f64>,
    keywords: Option<Vec<String>>,
    path: Option<String>,
    allowlist: Option<WrittenList>,
    allowlists: Vec<WrittenList>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WrittenList {
    condition: Option<String>,
    regex_target: Option<String>,
    regexes: Vec<String>,
    paths: Vec<String>,
    commits: Vec<String>,
    stopwords: Vec<String>,
    target_rules: Vec<String>,
}

impl GitleaksConfig {
    /// Reads the text of a rule file.
    ///
    /// # Errors
    /// Where it is no TOML of that form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let upto = error.span().and_then(|span| text.get(..span.start));
            Error::Gitleaks {
                line: upto.map_or(1, |upto| upto.matches('\n').count() + 1),
                reason: error.message().to_owned(),
            }
        })
    }

    /// The file that this one extends, if it names one; it is the caller's to read it and to
    /// give it to [`GitleaksConfig::over`].
    pub fn extends(&self) -> Option<&str> {
        self.extend.path.as_deref()
    }

    /// This file laid over the one that it extends: a rule of the same id replaces what it states.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        let mut rules = base.rules;
        for rule in self.rules {
            match rules.iter_mut().find(|other| other.id == rule.id) {
                Some(other) => other.replace(rule),
                None => rules.push(rule),
            }
        }
        rules.retain(|rule| !self.extend.disabled_rules.contains(&rule.id));
        let mut allowlists = base.allowlists;
        allowlists.extend(base.allowlist);
        allowlists.extend(self.allowlists);
        let mut disabled_rules = base.extend.disabled_rules;
        disabled_rules.extend(self.extend.disabled_rules);
        Self {
            extend: Extend {
                use_default: self.extend.use_default || base.extend.use_default,
                path: base.extend.path,
                disabled_rules,
            },
            rules,
            allowlist: self.allowlist,
            allowlists,
        }
    }

    /// Whether our own rules stay beside those of the file.
    pub const fn uses_ours(&self) -> bool {
        self.extend.use_default
    }

    /// How many rules the file states.
    pub fn stated(&self) -> usize {
        self.rules.len()
    }

    /// Rules and allow-lists of the whole file, which is in charge: a rule under the id of one of
    /// ours replaces it, or, without a regex of its own, adds its allow-lists to it.
    pub(crate) fn rules(self) -> Result<(Vec<Rule>, Vec<Allowlist>), Error> {
        let mut rules = match self.extend.use_default {
            true => builtin()?,
            false => Vec::new(),
        };
        rules.retain(|rule| !self.extend.disabled_rules.contains(&rule.id));
        for written in self.rules {
            if self.extend.use_default && written.refines() {
                if let Some(ours) = rules.iter_mut().find(|rule| rule.id == written.id) {
                    ours.allow.extend(written.lists()?);
                }
                continue;
            }
            rules.retain(|rule| rule.id != written.id);
            rules.extend(written.rule()?);
        }
        let lists = self.allowlists.into_iter().chain(self.allowlist);
        let lists: Result<Vec<_>, _> = lists.map(|list| list.list("allowlist")).collect();
        Ok((rules, lists?))
    }
}

impl WrittenRule {
    /// Whether it says something of a rule that is stated elsewhere: gitleaks' own have ids that
    /// are none of ours, and what a file says of such a one says nothing here.
    fn refines(&self) -> bool {
        !self.id.is_empty() && self.regex.is_none() && self.path.is_none()
    }

    fn lists(self) -> Result<Vec<Allowlist>, Error> {
        let lists = self.allowlists.into_iter().chain(self.allowlist);
        lists.map(|list| list.list(&self.id)).collect()
    }

    fn replace(&mut self, by: Self) {
        let Self {
            description,
            regex,
            secret_group,
            entropy,
            keywords,
            path,
            allowlist,
            allowlists,
            ..
        } = by;
        self.description = description.or(self.description.take());
        self.regex = regex.or(self.regex.take());
        self.secret_group = secret_group.or(self.secret_group);
        self.entropy = entropy.or(self.entropy);
        self.keywords = keywords.or(self.keywords.take());
        self.path = path.or(self.path.take());
        self.allowlists.extend(allowlist);
        self.allowlists.extend(allowlists);
    }

    /// The rule; `None` for one that looks at names of files alone, which hold no bytes to match.
    fn rule(self) -> Result<Option<Rule>, Error> {
        let wrong = |reason: &str| Error::Rule {
            rule: self.id.clone(),
            reason: reason.to_owned(),
        };
        if self.id.is_empty() {
            return Err(wrong("expected an `id`"));
        }
        let Some(regex) = &self.regex else {
            return match self.path {
                Some(_) => Ok(None),
                None => Err(wrong("expected a `regex` or a `path`")),
            };
        };
        let form = Form::Free {
            regex: re2::translate(regex),
            group: self.secret_group.filter(|group| *group > 0),
        };
        let credential = What::Credential(model::CredentialType::ApiToken);
        let mut rule = Rule::new(self.id.clone(), credential, form);
        rule.title = self.description.unwrap_or_else(|| self.id.clone());
        rule.keywords = self.keywords.unwrap_or_default();
        rule.keywords.retain(|word| !word.is_empty());
        rule.entropy = self.entropy.unwrap_or_default();
        rule.window = (BACK_MAX, AHEAD);
        rule.confidence = Confidence::Medium;
        rule.placeholders = false;
        rule.path = self
            .path
            .map(|path| regex_of(&self.id, "path", &path))
            .transpose()?;
        for list in self.allowlists.into_iter().chain(self.allowlist) {
            rule.allow.push(list.list(&self.id)?);
        }
        rule.verify()?;
        Ok(Some(rule))
    }
}

impl WrittenList {
    fn list(self, rule: &str) -> Result<Allowlist, Error> {
        let wrong = |reason: String| Error::Rule {
            rule: rule.to_owned(),
            reason,
        };
        let condition = match self
            .condition
            .as_deref()
            .map(str::to_ascii_uppercase)
            .as_deref()
        {
            None | Some("" | "OR" | "||") => Condition::Or,
            Some("AND" | "&&") => Condition::And,
            Some(other) => {
                return Err(wrong(format!(
                    "expected the condition `OR` or `AND`, got `{other}`"
                )));
            }
        };
        let against = match self.regex_target.as_deref() {
            None | Some("" | "secret") => Against::Secret,
            Some("match") => Against::Match,
            Some("line") => Against::Line,
            Some(other) => {
                return Err(wrong(format!(
                    "expected the regexTarget `secret`, `match` or `line`, got `{other}`"
                )));
            }
        };
        let all = |field, texts: Vec<String>| {
            let each = texts.iter().map(|text| regex_of(rule, field, text));
            each.collect::<Result<Vec<Regex>, Error>>()
        };
        Ok(Allowlist {
            condition,
            against,
            regexes: all("allowlist.regexes", self.regexes)?,
            paths: all("allowlist.paths", self.paths)?,
            commits: self.commits,
            stopwords: self
                .stopwords
                .iter()
                .map(|word| word.to_ascii_lowercase())
                .collect(),
            rules: self.target_rules,
        })
    }
}

fn regex_of(rule: &str, field: &'static str, text: &str) -> Result<Regex, Error> {
    compile(&re2::translate(text)).map_err(|error| Error::Regex {
        rule: rule.to_owned(),
        field,
        reason: error.to_string(),
    })
}
