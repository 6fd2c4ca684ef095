//! What a connector is.

use std::collections::BTreeMap;

use model::Secret;

use crate::{Context, Refusal, Revoker, Stop};

/// What a connector says of itself: its manual page and the permissions it asks for follow from it.
#[derive(Debug)]
pub struct Spec {
    /// A noun of the system: lower case, digits and underscores.
    pub name: &'static str,
    /// What it reads, in one line.
    pub reads: &'static str,
    /// How a person names such a source: `aws or aws:PROFILE`, `gitlab:HOST/PROJECT`.
    pub named: &'static str,
    /// What a target looks like: `host:port`, a directory, an account.
    pub target: &'static str,
    /// Which port its questions go to.
    pub port: PortKind,
    /// Permissions for discovery, in the provider's words, ready to paste.
    pub needs_to_discover: &'static [&'static str],
    /// Permissions for acting; empty if it cannot act.
    pub needs_to_act: &'static [&'static str],
    /// The parts of a source, outermost first, for people who read gaps.
    pub scopes: &'static [&'static str],
}

/// Which port a connector asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortKind {
    /// Files of this machine, or exports lying in files.
    Files,
    /// The history of a repository of this machine.
    Git,
    /// An HTTP interface; the engine shows whatever lets in.
    Http(Login),
    /// A database that speaks SQL, over its own protocol.
    Sql(Dialect),
    /// Redis or Valkey, over its own protocol.
    Redis,
    /// The interface of a SPIRE server for its administrators.
    Spire,
    /// A directory, over LDAP.
    Ldap,
    /// An endpoint that speaks TLS.
    Tls,
}

/// Whose SQL, and whose protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL's. Values stand at `$1`, `$2`, …
    Postgres,
    /// That of MariaDB and MySQL. Values stand at `?`, in their order.
    Mysql,
}

/// What an HTTP interface wants of whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// A signature of AWS, version 4.
    Aws,
    /// What a kubeconfig says, or what a pod is given.
    Kubernetes,
    /// A token of Microsoft Entra for the interface that a question names: `graph`, `management`.
    Azure,
    /// A token.
    Token(&'static TokenLogin),
}

/// An interface that lets in whoever shows a token: how a source of it is named, and how the
/// token is shown. With this the engine, `keyroll scan` and `keyroll sources` know it.
#[derive(Debug, PartialEq, Eq)]
pub struct TokenLogin {
    /// How a person names a source, `gitlab:HOST/PROJECT`: a word, a colon, and the form of the
    /// target, which begins with the host to ask unless `host` is it.
    pub form: &'static str,
    /// The one host of a system that has no others: `api.example.com`.
    pub host: Option<&'static str>,
    /// How the token is shown.
    pub shown: Shown,
    /// The variable of the environment in which the system's own tools look for the token.
    pub variable: &'static str,
    /// Headers that go with every question, by name: a version of the interface.
    pub headers: &'static [(&'static str, &'static str)],
    /// Questions a second that the system bears; a source's option `requests_per_second` says
    /// otherwise.
    pub per_second: u32,
}

/// How what opens an interface is shown there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A token in a header.
    Header {
        /// `PRIVATE-TOKEN`, `authorization`.
        header: &'static str,
        /// What stands before the token: `Bearer `, or nothing.
        before: &'static str,
    },
    /// `user:password` (RFC 7617).
    Basic,
    /// Several tokens with blanks or lines between them, each in the header at its place.
    Headers(&'static [&'static str]),
    /// A bearer token of Google; or what Google's own tools keep to log in with, which is given one
    /// for `scope`, and another one before that ends.
    Google {
        /// What the token may be used for.
        scope: &'static str,
    },
    /// `id:secret` of a client, which is given a bearer token for them (RFC 6749 section 4.4).
    Client {
        /// The path of the token endpoint, by segments.
        path: &'static [&'static str],
        /// Further parameters, by name: `scope`, `audience`. `HOST` in them is the host asked.
        parameters: &'static [(&'static str, &'static str)],
    },
}

impl TokenLogin {
    /// Questions a second for a system of which nothing else is known.
    pub const PER_SECOND: u32 = 20;

    /// The word before the colon.
    pub fn word(&self) -> &'static str {
        self.form
            .split_once(':')
            .map_or(self.form, |(word, _)| word)
    }
}

/// A right of [`Spec::needs_to_discover`], and whether whoever asks has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// In the provider's words.
    pub name: String,
    /// None where that cannot be told.
    pub given: Option<bool>,
    /// What was said of it, where it is not given.
    pub told: String,
}

/// One system.
pub trait Connector: Sync {
    /// What it is.
    fn spec(&self) -> &'static Spec;

    /// What the target really is, once asked: an account number behind a profile. The source id
    /// is made of it, so it must be stable.
    ///
    /// # Errors
    /// Whatever refused to answer.
    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        Ok(cx.target().to_owned())
    }

    /// Which rights to discover somebody has, each tried by a question that reads as little as it
    /// can; none where the system has no such questions.
    ///
    /// # Errors
    /// [`Stop`] alone.
    fn rights(&self, cx: &mut Context<'_>) -> Result<Vec<Right>, Stop> {
        let _ = cx;
        Ok(Vec::new())
    }

    /// Observes all there is. Read-only. What cannot be read becomes a gap; only [`Stop`] ends
    /// the pass early, and the rest of the source becomes a gap then.
    ///
    /// # Errors
    /// [`Stop`] alone.
    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop>;

    /// Reads one secret again from where it was seen, for a positive control or a probe. The
    /// value must still be the one that `native` names (its fingerprint is part of it).
    ///
    /// # Errors
    /// [`Error::NotOffered`] if this system never shows values, [`Error::Gone`] if another value
    /// lies there now.
    fn read_again(&self, cx: &mut Context<'_>, native: &str) -> Result<Secret, Error> {
        let _ = (cx, native);
        Err(Error::NotOffered {
            act: "read a secret again",
        })
    }

    /// Reads several secrets again, those that still lie where they were seen: by their native
    /// ids. A source that is dear to read is read once.
    fn read_all_again(&self, cx: &mut Context<'_>, natives: &[&str]) -> BTreeMap<String, Secret> {
        let mut found = BTreeMap::new();
        for native in natives {
            if let Ok(secret) = self.read_again(cx, native) {
                found.insert((*native).to_owned(), secret);
            }
        }
        found
    }

    /// How credentials of this system are revoked, if it can.
    fn revoker(&self) -> Option<&'static dyn Revoker> {
        None
    }
}

/// Why a connector could not do what it was asked. Each variant says whose turn it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The world refused, broke, or did not answer; the engine tries again.
    #[error("{0}")]
    Refused(Refusal),

    /// Theirs: the answer breaks the provider's own contract.
    #[error("expected {expected}, got something else: {got}")]
    Misshapen {
        /// What the provider documents.
        expected: &'static str,
        /// What came, cleaned and shortened; never a secret.
        got: String,
    },

    /// The caller's: this system cannot do that.
    #[error("this system offers no way to {act}")]
    NotOffered {
        /// What was asked.
        act: &'static str,
    },

    /// The caller's: the id was not made by this connector.
    #[error("`{id}` is not an id of this system; ids look like `{form}`")]
    NotOurs {
        /// The id, cleaned and shortened.
        id: String,
        /// What ids look like.
        form: &'static str,
    },

    /// The world moved on: what `what` names is not there any more.
    #[error("{what} is not there any more")]
    Gone {
        /// What is gone, for a person.
        what: String,
    },

    /// The roll does not know enough to act.
    #[error("cannot act on this: {missing} is not known; {todo}")]
    Unknown {
        /// What is missing.
        missing: &'static str,
        /// What to do.
        todo: &'static str,
    },
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
