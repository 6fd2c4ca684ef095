//! Secrets that rules find in the text of a file, beside what its formats told.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Attribute, Confidence, CredentialType, Fact, Key, KeyKind, Secret, Told, Value};

use super::allowed;
use super::kept::digest;
use super::place::is_for_tools;
use crate::formats::{self, FileAt, Found, Seen, as_utf8};
use crate::{Context, Detected, Detections, Detector, aws_account_of, is_aws_key_id};

/// An AWS key id and its secret are written down together: so many lines apart at most.
const PAIR_LINES_MAX: usize = 10;
/// Words that are held against a fingerprint: of so many, and so long.
const WORDS_MAX: usize = 200_000;
const WORD_BYTES_MIN: usize = 6;
const WORD_BYTES_MAX: usize = 1024;
/// What a comment on its line or an allow-list says is known.
pub const ALLOWED: &str = "match allowed by a comment or an allow-list";

/// What formats and rules see in a file at `path`.
pub(crate) fn seen_in(detector: Option<&dyn Detector>, path: &str, bytes: &[u8]) -> Seen {
    let bytes = as_utf8(bytes);
    let file = FileAt {
        path,
        bytes: &bytes,
    };
    let mut seen = formats::read_all(&file);
    search(detector, &file, &mut seen);
    seen
}

/// Every secret in what a file at `path` holds.
pub(crate) fn secrets_of(cx: &Context<'_>, path: &str, bytes: &[u8]) -> Vec<Secret> {
    let seen = seen_in(cx.detector(), path, bytes);
    let told = seen.found.into_iter().filter_map(|found| found.secret);
    told.chain(seen.keys.into_iter().map(|key| key.body))
        .collect()
}

/// The secret among them that bears `mark`.
pub(crate) fn secret_in(cx: &Context<'_>, path: &str, bytes: &[u8], mark: &str) -> Option<Secret> {
    let bears = |secret: &Secret| cx.fingerprint(secret).short() == mark;
    let told = secrets_of(cx, path, bytes).into_iter().find(bears);
    told.or_else(|| words(&as_utf8(bytes)).find(bears))
}

/// What stands in a text as a word or between quotes: a secret that was found by rules of another
/// day, or of a file that was named then, is still known by its fingerprint.
fn words(bytes: &[u8]) -> impl Iterator<Item = Secret> {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`<>".contains(byte);
    let is_sign = |byte: &u8| is_blank(byte) || b"=:,;()[]{}&@|".contains(byte);
    let long = bytes.split(move |byte| is_blank(byte));
    let short = bytes.split(move |byte| is_sign(byte));
    let fits = |word: &&[u8]| (WORD_BYTES_MIN..=WORD_BYTES_MAX).contains(&word.len());
    let words: Vec<Secret> = short
        .chain(long)
        .filter(fits)
        .take(WORDS_MAX)
        .map(|word| Secret::new(word.to_vec()))
        .collect();
    words.into_iter()
}

/// Adds the secrets that rules find in `file` and no format told of: a format knows more.
fn search(detector: Option<&dyn Detector>, file: &FileAt<'_>, seen: &mut Seen) {
    let by_formats = allowed::mark(file.bytes, seen);
    search_text(detector, file, seen);
    // What formats and rules both found counts once.
    let by_rules = seen.aside.iter().filter(|what| **what == ALLOWED).count();
    for _ in by_rules..by_formats {
        seen.set_aside(ALLOWED);
    }
}

/// What a format hands on as text is searched first, because its place is told better there.
fn search_text(detector: Option<&dyn Detector>, file: &FileAt<'_>, seen: &mut Seen) {
    // What is allowed where a format read it is told again where it stands without leave.
    let found = seen
        .found
        .iter()
        .filter(|one| !allowed::is_allowed(&one.told));
    let found = found.filter_map(|found| found.secret.as_ref());
    let keys = seen.keys.iter().map(|key| &key.body);
    let mut told: BTreeSet<_> = found.chain(keys).map(digest).collect();
    let mut ids: BTreeSet<Key> = seen
        .found
        .iter()
        .flat_map(|found| found.told.keys.iter().cloned())
        .collect();
    for text in std::mem::take(&mut seen.texts) {
        let detected = detect(detector, file.path, text.text.expose(), seen);
        for one in new(detected, &mut told, &mut ids) {
            seen.found(one.within(&text));
        }
    }
    if seen.texts_are_all {
        return;
    }
    let mut detected = detect(detector, file.path, file.bytes, seen);
    let mut aside = 0;
    // What a tool keeps for itself is a text like others where it lies astray.
    if seen.is_code || !is_for_tools(file.path, None) {
        confirm(&detected, seen);
    }
    detected.retain(|one| {
        let host = one.facts.iter().find(|(name, _)| name.as_str() == "host");
        let host = host.and_then(|(_, host)| host.text());
        let ends = seen.short_lived.covers(&one.secret, host);
        if ends && !told.contains(&digest(&one.secret)) {
            aside += 1;
        }
        !ends
    });
    for _ in 0..aside {
        seen.set_aside(formats::SHORT_LIVED);
    }
    if !seen.keys.is_empty() {
        // Armour was read as keys already, with what their bodies tell.
        detected.retain(|one| one.credential != CredentialType::PrivateKey);
    }
    for one in new(detected, &mut told, &mut ids) {
        seen.found(one);
    }
}

/// What rules find in `bytes`; what is allowed there is set aside, so that it can be counted.
fn detect(
    detector: Option<&dyn Detector>,
    path: &str,
    bytes: &[u8],
    seen: &mut Seen,
) -> Vec<Detected> {
    let told = detector.map_or_else(Detections::default, |one| one.detect(path, bytes));
    for _ in 0..told.allowed {
        seen.set_aside(ALLOWED);
    }
    told.found
}

/// Says which rule is sure of what a format told, and whose the rule says it is: what is kept
/// with code is a text like others. A word that no rule takes for a password, such as that of a
/// database for development, may be none that matters anywhere else.
fn confirm(detected: &[Detected], seen: &mut Seen) {
    let detection = Attribute::named("detection");
    let is_low = |one: &Detected| {
        let word = one.facts.iter().find(|(name, _)| *name == detection);
        word.is_none_or(|(_, word)| word.text() == Some("low"))
    };
    let sure: BTreeMap<_, _> = detected
        .iter()
        .filter(|one| !is_low(one))
        .map(|one| (digest(&one.secret), one))
        .collect();
    for found in &mut seen.found {
        let Some(secret) = &found.secret else {
            continue;
        };
        let Some(one) = sure.get(&digest(secret)) else {
            if is_plain_word(secret) {
                let low = Fact::stated(Told::Is(Value::from("low")));
                found.told.facts.entry(detection.clone()).or_insert(low);
            }
            continue;
        };
        let rule = (Attribute::named("rule"), Value::from(one.rule.as_str()));
        let of_form = |(attribute, _): &&(Attribute, Value)| {
            *attribute == Attribute::PROVIDER || *attribute == Attribute::ENVIRONMENT
        };
        for (attribute, value) in std::iter::once(&rule).chain(one.facts.iter().filter(of_form)) {
            let fact = Fact::stated(Told::Is(value.clone()));
            let known = &mut found.told.facts;
            known.entry(attribute.clone()).or_insert(fact);
        }
    }
}

/// Whether a secret is letters alone, perhaps with a number behind them: `postgres`, `admin123`.
fn is_plain_word(secret: &Secret) -> bool {
    let bytes = secret.expose();
    let digits = bytes
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_digit())
        .count();
    let letters = &bytes[..bytes.len() - digits];
    bytes.len() <= 16 && letters.iter().all(u8::is_ascii_lowercase)
}

/// Whether `secret` is told already, as it stands or without what dresses it up: base64, also
/// of a login, and the brackets and quotes in which a flow of YAML ends.
fn is_told(secret: &Secret, told: &BTreeSet<[u8; 32]>) -> bool {
    let known = |bytes: &[u8]| told.contains(&crate::public_key::sha256(bytes));
    let bytes = secret.expose();
    let dressed = |byte: &u8| matches!(byte, b'}' | b']' | b',' | b'"' | b'\'' | b' ');
    let end = bytes
        .iter()
        .rposition(|byte| !dressed(byte))
        .map_or(0, |at| at + 1);
    let bare = &bytes[..end];
    if known(bytes) || known(bare) {
        return true;
    }
    let Ok(plain) = STANDARD.decode(bare).map(Secret::new) else {
        return false;
    };
    let plain = plain.expose();
    let colon = plain.iter().position(|byte| *byte == b':');
    known(plain) || colon.is_some_and(|at| known(&plain[at + 1..]))
}

/// What was detected and is not told yet. An access key id names its key and is no secret: it
/// goes to the secret beside it, or stands alone.
fn new(
    detected: Vec<Detected>,
    told: &mut BTreeSet<[u8; 32]>,
    ids: &mut BTreeSet<Key>,
) -> Vec<Found> {
    let (mut named, secrets): (Vec<_>, Vec<_>) = detected
        .into_iter()
        .map(|one| (key_id(&one), one))
        .partition(|(id, _)| id.is_some());
    let mut found = Vec::new();
    for (_, one) in secrets {
        if is_told(&one.secret, told) {
            continue;
        }
        told.insert(digest(&one.secret));
        let line = one.line;
        let pair = (one.credential == CredentialType::AwsAccessKey)
            .then(|| nearest(&named, line))
            .flatten();
        let one = Found::detected(one);
        found.push(match pair.and_then(|at| named.swap_remove(at).0) {
            Some(id) => {
                ids.insert(Key::new(KeyKind::AwsAccessKeyId, id.as_str()));
                of_key(one, &id)
            }
            None => one,
        });
    }
    for (id, one) in named {
        if let Some(id) = id
            && ids.insert(Key::new(KeyKind::AwsAccessKeyId, id.as_str()))
        {
            let alone = Found::public(one.credential, &one.rule, &id)
                .is(Attribute::named("id_only"), true)
                .line(one.line);
            found.push(of_key(alone, &id));
        }
    }
    found
}

fn key_id(one: &Detected) -> Option<String> {
    let text = std::str::from_utf8(one.secret.expose()).ok()?;
    is_aws_key_id(text).then(|| text.to_owned())
}

/// The id that stands nearest to `line`, if one is near enough.
fn nearest(named: &[(Option<String>, Detected)], line: usize) -> Option<usize> {
    let far = |at: &usize| {
        named
            .get(*at)
            .map_or(usize::MAX, |one| one.1.line.abs_diff(line))
    };
    (0..named.len())
        .min_by_key(far)
        .filter(|at| far(at) <= PAIR_LINES_MAX)
}

/// With what the id of an AWS key tells.
fn of_key(found: Found, id: &str) -> Found {
    let found = found
        .is(Attribute::NAME, id)
        .is(Attribute::PROVIDER, "aws")
        .key(Key::new(KeyKind::AwsAccessKeyId, id));
    match aws_account_of(id) {
        Some(account) => {
            found.with(|told| told.concluded(Attribute::ACCOUNT, account, Confidence::Derived))
        }
        None => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Secret;

    fn detected(secret: &str, line: usize) -> Detected {
        Detected {
            rule: "rule".to_owned(),
            credential: CredentialType::AwsAccessKey,
            secret: Secret::from(secret),
            line,
            confidence: Confidence::Derived,
            facts: Vec::new(),
        }
    }

    fn ids(found: &[Found]) -> Vec<(bool, Vec<String>)> {
        let key = |found: &Found| {
            found
                .told
                .keys
                .iter()
                .map(|key| key.value.clone())
                .collect()
        };
        found
            .iter()
            .map(|found| (found.secret.is_some(), key(found)))
            .collect()
    }

    #[test]
    fn an_access_key_id_goes_to_the_secret_beside_it_and_is_no_secret_itself() {
        let near = vec![
            detected("AKIAQ3EGWHX5JKPLTRMN", 4),
            detected("AKIAQ3EGWHX5JKPLTRMO", 90),
            detected("vH06BizfoCA5rqartfkqT0jX7qDFG4FeX9fgMi1o", 5),
        ];
        let found = new(near, &mut BTreeSet::new(), &mut BTreeSet::new());
        assert_eq!(
            ids(&found),
            [
                (true, vec!["AKIAQ3EGWHX5JKPLTRMN".to_owned()]),
                (false, vec!["AKIAQ3EGWHX5JKPLTRMO".to_owned()]),
            ]
        );
    }

    #[test]
    fn what_a_rule_is_sure_of_in_code_bears_its_name_and_whose_it_is() {
        let sure = |word: &str| Detected {
            facts: vec![
                (Attribute::named("detection"), word.into()),
                (Attribute::PROVIDER, "stripe".into()),
            ],
            ..detected("sk_live_0123456789", 1)
        };
        let told = |word: &str| {
            let mut seen = Seen::default();
            let secret = Secret::from("sk_live_0123456789");
            seen.found(Found::secret(CredentialType::ApiToken, "KEY", secret));
            confirm(&[sure(word)], &mut seen);
            let facts = &seen.found[0].told.facts;
            let told =
                [Attribute::named("rule"), Attribute::PROVIDER].map(|one| facts.contains_key(&one));
            assert_eq!(told[0], told[1]);
            told[0]
        };
        assert!(told("high") && told("medium") && !told("low"));
    }

    #[test]
    fn a_plain_word_in_code_is_a_question_unless_a_rule_is_sure_of_it() {
        let is_low = |secret: &str, detected: &[Detected]| {
            let mut seen = Seen::default();
            seen.found(Found::secret(
                CredentialType::Password,
                "KEY",
                Secret::from(secret),
            ));
            confirm(detected, &mut seen);
            let told = seen.found[0].told.fact(&Attribute::named("detection"));
            told.is().and_then(|word| word.text()) == Some("low")
        };
        assert!(is_low("postgres", &[]) && is_low("admin123", &[]));
        assert!(!is_low("correct-rxSO4ttW", &[]));
        let sure = Detected {
            facts: vec![(Attribute::named("detection"), "medium".into())],
            ..detected("rabbit2024", 1)
        };
        assert!(!is_low("rabbit2024", &[sure]));
    }

    #[test]
    fn one_secret_in_two_forms_is_told_once() {
        let told = BTreeSet::from([digest(&Secret::from("hunter2-correct"))]);
        for again in [
            "hunter2-correct",
            "hunter2-correct}",
            "aHVudGVyMi1jb3JyZWN0",
            "YW5uOmh1bnRlcjItY29ycmVjdA==",
        ] {
            assert!(is_told(&Secret::from(again), &told), "{again}");
        }
        // `hunter2-correcu`, and the one with another letter behind it.
        for other in ["aHVudGVyMi1jb3JyZWN1", "hunter2-correctx"] {
            assert!(!is_told(&Secret::from(other), &told), "{other}");
        }
    }

    #[test]
    fn what_a_format_told_is_not_told_again() {
        let key = Key::new(KeyKind::AwsAccessKeyId, "AKIAQ3EGWHX5JKPLTRMN");
        let again = vec![detected("AKIAQ3EGWHX5JKPLTRMN", 4)];
        let found = new(again, &mut BTreeSet::new(), &mut BTreeSet::from([key]));
        assert_eq!(found.len(), 0);
    }
}
