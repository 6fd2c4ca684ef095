//! What lies in one directory, put together: keys with their public halves and certificates.
//!
//! A certificate is a credential only where its key is near it, or where it lies in a private
//! place; all others are published things, counted and set aside.

use model::{Attribute, CredentialType, Key, Observation, Told};

use super::allowed;
use super::place::Place;
use super::sight;
use crate::Context;
use crate::formats::{Certificate, PrivateKey, PublicHalf};
use crate::public_key::PublicKey;

/// What was seen in one directory and waits for its neighbours.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    keys: Vec<(At, KeyTold)>,
    publics: Vec<(String, PublicHalf)>,
    certificates: Vec<(At, Certificate)>,
}

/// Where something lies.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) path: String,
    pub(crate) mode: u32,
    pub(crate) place: Place,
}

/// What is kept of a private key: everything but the key.
#[derive(Debug)]
struct KeyTold {
    native: String,
    field: String,
    fingerprint: Key,
    public: Option<PublicKey>,
    algorithm: Option<String>,
    comment: Option<String>,
    told: Observation,
}

impl Pairs {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.keys.len() + self.publics.len() + self.certificates.len()
    }

    /// Keeps what is known of a private key; the key itself is wiped. `false` where its path
    /// is too long to name it.
    pub(super) fn key(&mut self, cx: &Context<'_>, at: &At, key: PrivateKey) -> bool {
        let fingerprint = cx.fingerprint(&key.body);
        let field = if key.field.is_empty() {
            "private_key"
        } else {
            &key.field
        };
        let Some(native) = sight::native(&at.path, field, fingerprint.short()) else {
            return false;
        };
        let mut told = crate::formats::blank(CredentialType::PrivateKey)
            .told(Attribute::ENCRYPTED, key.encrypted)
            .is(Attribute::named("form"), key.form);
        if let Some(line) = key.line {
            told = told.is(Attribute::LINE, i64::try_from(line).unwrap_or(i64::MAX));
        }
        if key.allowed {
            allowed::allow(&mut told);
        }
        if matches!(key.form, "openssh" | "putty") {
            told = told.is(Attribute::PROVIDER, "ssh");
        }
        let known = KeyTold {
            native,
            field: key.field,
            fingerprint: Key::secret(&fingerprint),
            public: key.public,
            algorithm: key.algorithm,
            comment: key.comment,
            told,
        };
        self.keys.push((at.clone(), known));
        true
    }

    /// Keeps a public half.
    pub(super) fn public(&mut self, path: &str, public: PublicHalf) {
        self.publics.push((path.to_owned(), public));
    }

    /// Keeps a certificate.
    pub(super) fn certificate(&mut self, at: &At, certificate: Certificate) {
        self.certificates.push((at.clone(), certificate));
    }

    /// Tells what they are together, and forgets them.
    pub(super) fn settle(&mut self, cx: &mut Context<'_>, out: &mut Vec<Observation>) {
        let mut used = vec![false; self.publics.len()];
        for (at, key) in &mut self.keys {
            let beside = format!("{}.pub", at.path);
            let half = self.publics.iter().position(|(path, half)| {
                *path == beside
                    && key
                        .public
                        .as_ref()
                        .is_none_or(|public| public.same_as(&half.key))
            });
            if let Some(n) = half {
                used[n] = true;
                let half = &self.publics[n].1;
                key.public.get_or_insert_with(|| half.key.clone());
                key.comment = key.comment.take().or_else(|| half.comment.clone());
                key.told.facts.insert(
                    Attribute::PROVIDER,
                    model::Fact::stated(Told::Is("ssh".into())),
                );
            }
        }
        for (at, certificate) in std::mem::take(&mut self.certificates) {
            let has_key = self
                .keys
                .iter()
                .any(|(key_at, key)| belong(&certificate, &at, key, key_at));
            out.extend(settle_certificate(cx, &at, certificate, has_key));
        }
        for (at, key) in std::mem::take(&mut self.keys) {
            out.extend(settle_key(cx, &at, key));
        }
        for used in used {
            if !used {
                cx.set_aside("public key");
            }
        }
        self.publics.clear();
    }
}

/// Whether a certificate is for this key. Where the key does not tell its public half, files of
/// one name and one algorithm are taken for a pair.
fn belong(certificate: &Certificate, at: &At, key: &KeyTold, key_at: &At) -> bool {
    match &key.public {
        Some(public) => public.same_as(&certificate.key),
        None => {
            let alike = key
                .algorithm
                .as_ref()
                .is_none_or(|name| *name == certificate.key.algorithm);
            alike && (stem(&at.path) == stem(&key_at.path)) && !certificate.authority
        }
    }
}

fn stem(path: &str) -> &str {
    let name = crate::formats::name_of(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

fn settle_certificate(
    cx: &mut Context<'_>,
    at: &At,
    certificate: Certificate,
    has_key: bool,
) -> Option<Observation> {
    let aside = match at.place {
        place if place.is_for_show() && has_key => Some("test key"),
        _ if !has_key && certificate.authority => Some("trust anchor"),
        Place::Private => None,
        _ if has_key => None,
        _ => Some("public certificate"),
    };
    if let Some(what) = aside {
        cx.set_aside(what);
        return None;
    }
    let mark = certificate.sha256.get(..16).unwrap_or_default();
    let native = sight::native(&at.path, "certificate", mark)?;
    let told = certificate
        .told
        .told(Attribute::named("key_beside"), Told::Is(has_key));
    Some(sight::placed(told, native, &at.path, at.mode, ""))
}

fn settle_key(cx: &mut Context<'_>, at: &At, key: KeyTold) -> Option<Observation> {
    if at.place.is_for_show() {
        cx.set_aside("test key");
        return None;
    }
    let mut told = key.told;
    match &key.public {
        Some(public) => {
            for one in public.keys() {
                told = told.key(one);
            }
        }
        // Only where nothing better is known: the same key in another form has another one.
        None => told = told.key(key.fingerprint),
    }
    let algorithm = key.public.map(|public| public.algorithm).or(key.algorithm);
    told = told.told(Attribute::ALGORITHM, Told::or_cannot_tell(algorithm));
    if let Some(comment) = key.comment {
        told = told
            .hint("ssh_comment", comment.as_str())
            .is(Attribute::COMMENT, comment);
    }
    Some(sight::placed(
        told, key.native, &at.path, at.mode, &key.field,
    ))
}
