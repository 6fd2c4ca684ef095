//! A rule: what one kind of credential looks like and beside which words it stands.

use std::sync::{Arc, OnceLock};

use model::CredentialType;
use regex::bytes::{Regex, RegexBuilder};

use crate::{Check, Confidence, Error};

/// What a rule finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Something that lets its bearer in.
    Credential(CredentialType),
    /// What a password is compared with: it can be guessed at, not used.
    PasswordHash,
    /// No secret: names an account, a client or a resource, and links what stands beside it.
    Identifier,
}

impl std::str::FromStr for What {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "password_hash" => Ok(Self::PasswordHash),
            "identifier" => Ok(Self::Identifier),
            other => other.parse().map(Self::Credential),
        }
    }
}

/// How a rule's regex stands to its keyword.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The secret begins with the keyword.
    Token(String),
    /// The keyword is a part of a name; behind it comes an assignment and then the secret.
    Near { qualifier: String, value: String },
    /// The regex is searched in a window around the keyword; the group holds the secret.
    Free { regex: String, group: Option<usize> },
    /// RFC 7468 armour, read by hand.
    Armour,
    /// Found by the scanner of assignments.
    Assignment,
    /// The password within a URL of one of these schemes (empty: any), found by that scanner.
    Url(Vec<String>),
}

/// One rule. Two rules are the same if their ids are.
#[derive(Debug)]
pub struct Rule {
    /// Unique in the catalogue, in lower case with hyphens.
    pub id: String,
    /// For people.
    pub title: String,
    /// Whose credential it is: `aws`, `github`.
    pub provider: String,
    /// What it finds.
    pub what: What,
    /// How sure a match is before its checksum is looked at.
    pub confidence: Confidence,
    /// The words that must stand near; matched without case.
    pub keywords: Vec<String>,
    pub(crate) form: Form,
    /// Bits a byte that the secret has at least.
    pub(crate) entropy: f64,
    pub(crate) check: Option<Check>,
    /// How many bytes before and behind the keyword are looked at.
    pub(crate) window: (usize, usize),
    /// gitleaks' rules say in which files they look.
    pub(crate) path: Option<Regex>,
    pub(crate) allow: Vec<crate::Allowlist>,
    /// Whether what is plainly a placeholder is left out.
    pub(crate) placeholders: bool,
    compiled: OnceLock<Option<Regex>>,
}

/// The group that holds the secret, where others may stand before it.
pub(crate) const SECRET: &str = "secret";
/// What closes a name before an operator: quotes, brackets of an index, of a call.
const CLOSE: &str = r#"(?:\\?["'`])?[\]})]{0,2}"#;
/// A type between a name and `=`: `token: &str =`, `var token string =`, `char token[] =`.
const TYPE: &str = r"(?:(?:\[\d{0,4}\]|[ \t]?:?[ \t]{1,4}[&*'\w<>\[\]]{1,24})(?:[ \t]{1,4}[\w<>]{1,16})?[ \t]{0,4}=[ \t]{0,4})";
/// What stands between a name and its value: an assignment in any of the usual languages.
const OPERATOR: &str = r"(?:[ \t]{0,24}(?:=>|[?+:]=|:{2,3}=|={1,3}|:|,|\(|>|\|{1,3}|\?\?|or )[ \t\\]{0,24}|[ \t]{1,4})";
/// A name and its value in two fields: `name: X` before `value: Y` (Kubernetes, task
/// definitions), `"key": "X", "value": "Y"`, attributes, and the default of a variable in HCL.
const FIELDS: &str = r#"(?:[,;]?\s{1,40}|,|[ \t]{0,4}\{[^{}]{0,200}?\s)["'\\]{0,2}(?i:value|parametervalue|default|defaultvalue|content|v)["'\\]{0,2}[ \t]{0,4}[:=][ \t]{0,4}"#;
/// A value that begins on the next line: a block of YAML, an element, a property list.
const NEXT: &str = r"(?:[ \t]{0,4}:[ \t]{1,4}[|>][+-]?[ \t]{0,4}\r?\n[ \t]{1,40}|>\s{1,40}|</key>\s{0,40}<string>\s{0,40})";
/// What may open before the value: a call, a prefix of a string, a quote, also an escaped one.
const OPEN: &str =
    r#"(?:(?:new )?[A-Za-z_][\w.:]{0,40}\([ \t]{0,4})?(?:[@$rbufLB]{0,2}\\?["'`]){0,2}"#;
/// Behind a token nothing may go on that could be a part of it.
const TAIL: &str = r"(?:[^0-9A-Za-z_\-]|\z)";

impl Rule {
    pub(crate) fn new(id: String, what: What, form: Form) -> Self {
        let confidence = match form {
            Form::Token(_) | Form::Armour => Confidence::High,
            Form::Near { .. } | Form::Free { .. } | Form::Url(_) => Confidence::Medium,
            Form::Assignment => Confidence::Low,
        };
        Self {
            title: id.clone(),
            provider: String::new(),
            id,
            what,
            confidence,
            keywords: Vec::new(),
            form,
            entropy: 0.0,
            check: None,
            window: (0, crate::window::AHEAD_DEFAULT),
            path: None,
            allow: Vec::new(),
            placeholders: true,
            compiled: OnceLock::new(),
        }
    }

    /// Of matches that overlap, the one whose rule has the greater value stays.
    pub(crate) fn specificity(&self) -> u8 {
        match (&self.form, self.what) {
            (_, What::Identifier) => 1,
            (Form::Assignment, _) => 2,
            (Form::Url(schemes), _) if schemes.is_empty() => 3,
            (Form::Url(_), _) => 4,
            (Form::Near { .. }, _) => 5,
            (Form::Free { .. }, _) => 6,
            (Form::Token(_), _) => 7,
            (Form::Armour, _) => 8,
        }
    }

    /// The regex as it is run, and the group that holds the secret (`None`: the first that matched).
    pub(crate) fn pattern(&self) -> Option<(String, Option<usize>)> {
        match &self.form {
            Form::Token(token) => Some((format!(r"\A({token}){TAIL}"), Some(1))),
            Form::Near { qualifier, value } => {
                let name = match qualifier.as_str() {
                    "" => r"[\w.\- ]{0,24}".to_owned(),
                    words => format!(r"[\w.\- ]{{0,24}}?(?i:{words})[\w.\-]{{0,24}}"),
                };
                let between = format!("(?:{TYPE}|{OPERATOR}|{FIELDS}|{NEXT})");
                let scheme = "(?:(?i:bearer|token|basic|apikey|ssws) )?";
                let regex =
                    format!(r"\A{name}{CLOSE}{between}{OPEN}{scheme}(?P<{SECRET}>{value}){TAIL}");
                Some((regex, None))
            }
            Form::Free { regex, group } => Some((regex.clone(), *group)),
            Form::Armour | Form::Assignment | Form::Url(_) => None,
        }
    }

    /// The regex, compiled at the first call. `None` where the form has none.
    pub(crate) fn regex(&self) -> Option<&Regex> {
        self.compiled
            .get_or_init(|| compile(&self.pattern()?.0).ok())
            .as_ref()
    }

    /// Compiles the regex and says what is wrong with it.
    pub(crate) fn verify(&self) -> Result<(), Error> {
        let Some((pattern, group)) = self.pattern() else {
            return Ok(());
        };
        let regex = compile(&pattern).map_err(|error| Error::Regex {
            rule: self.id.clone(),
            field: "regex",
            reason: error.to_string(),
        })?;
        if group.is_some_and(|group| group >= regex.captures_len()) {
            return Err(Error::Rule {
                rule: self.id.clone(),
                reason: format!(
                    "expected a group {} in the regex, which has {}",
                    group.unwrap_or_default(),
                    regex.captures_len() - 1
                ),
            });
        }
        let _ = self.compiled.set(Some(regex));
        Ok(())
    }

    pub(crate) fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}

/// Compiles for bytes. RE2 speaks of ASCII where it says `\w`, so this does too; a pattern with
/// other letters in a class is compiled a second time, with them.
pub(crate) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    let build = |unicode: bool| {
        RegexBuilder::new(pattern)
            .unicode(unicode)
            .size_limit(16 << 20)
            .dfa_size_limit(256 << 10)
            .build()
    };
    build(false).or_else(|_| build(true))
}
