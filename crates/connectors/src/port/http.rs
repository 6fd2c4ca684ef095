//! Questions to an HTTP interface, and their answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Whom;

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Posts; reads or changes, as [`Request::changes`] says.
    Post,
    /// Changes.
    Put,
    /// Changes.
    Delete,
}

/// An HTTP request, without host and without credential: the source gives both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// As whom.
    #[serde(default)]
    pub whom: Whom,
    /// Which service of the provider, where it has several: `iam`, `sts`.
    #[serde(default)]
    pub service: String,
    /// In which region of the provider; empty: in the one that the source names.
    #[serde(default)]
    pub region: String,
    /// How.
    pub method: Method,
    /// Path segments, escaped by the engine: foreign text cannot become a path.
    #[serde(default)]
    pub segments: Vec<String>,
    /// Query or form parameters, in the order of their names.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Whether it may change something. Discovery sends none that does.
    #[serde(default)]
    pub changes: bool,
    /// In which form the answer is wanted (RFC 9110, 12.5.1); empty: in any.
    #[serde(default)]
    pub accept: String,
    /// What is posted instead of a form.
    #[serde(default)]
    pub json: Option<Json>,
}

/// A question to an interface that takes JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Json {
    /// What is asked for, where a header says that: `secretsmanager.ListSecrets`. Empty: the
    /// path says it.
    #[serde(default)]
    pub operation: String,
    /// The object posted.
    pub body: serde_json::Value,
}

impl Request {
    /// A form posted to `service`, as AWS Query interfaces take it; `changes` is false.
    pub fn form(service: &str, parameters: &[(&str, &str)]) -> Self {
        Self {
            whom: Whom::Collector,
            service: service.to_owned(),
            method: Method::Post,
            segments: Vec::new(),
            parameters: parameters
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
            changes: false,
            accept: String::new(),
            region: String::new(),
            json: None,
        }
    }

    /// JSON posted to the path made of `segments` at `service`; `changes` is false.
    pub fn json(
        service: &str,
        segments: &[&str],
        operation: &str,
        body: serde_json::Value,
    ) -> Self {
        Self {
            service: service.to_owned(),
            method: Method::Post,
            json: Some(Json {
                operation: operation.to_owned(),
                body,
            }),
            ..Self::get(segments)
        }
    }

    /// A read of the path made of `segments`.
    pub fn get(segments: &[&str]) -> Self {
        Self {
            whom: Whom::Collector,
            service: String::new(),
            method: Method::Get,
            segments: segments.iter().map(|one| (*one).to_owned()).collect(),
            parameters: BTreeMap::new(),
            changes: false,
            accept: String::new(),
            region: String::new(),
            json: None,
        }
    }

    /// Of one service of a provider that has several.
    #[must_use]
    pub fn at(mut self, service: &str) -> Self {
        service.clone_into(&mut self.service);
        self
    }

    /// In a region.
    #[must_use]
    pub fn within(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// With one more parameter.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With the form in which the answer is wanted.
    #[must_use]
    pub fn accepting(mut self, form: &str) -> Self {
        form.clone_into(&mut self.accept);
        self
    }

    /// Asked as somebody else.
    #[must_use]
    pub fn asked_as(mut self, whom: Whom) -> Self {
        self.whom = whom;
        self
    }

    /// Declared to change something.
    #[must_use]
    pub fn changing(mut self) -> Self {
        self.changes = true;
        self
    }
}

/// An HTTP answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Provider's id of the request, where it gives one.
    #[serde(default)]
    pub request_id: String,
    /// The body as text, cut at the engine's limit.
    pub body: String,
    /// The parameters by which the page that follows is asked for, where a header tells them:
    /// those of the address in `Link` that is called `next` (RFC 8288), or a continuation token.
    #[serde(default)]
    pub next: BTreeMap<String, String>,
    /// Whether the body is all pages, one after another, as they were saved; none follows.
    #[serde(default)]
    pub whole: bool,
}
