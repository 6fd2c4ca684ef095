//! A secret that lies in a container image.
//!
//! Whoever can pull the image has the secret: layers are archives, and an image carries all of
//! them. A later layer that deletes or replaces the file takes it from what a container sees and
//! from nobody who has the image. Revoke it; build without it (`RUN --mount=type=secret`), and
//! hand it to the container when it starts or, better, give the workload an identity.

use model::{Attribute, CredentialType, Severity, SourcedFact, Told, Verdict};

use super::sighted::{beside, names_only, place};
use crate::{Ground, Rule, Ruling, Thing};

pub(super) const RULE: Rule = Rule {
    id: "secret-in-image",
    title: "a secret is built into a container image",
    owasp: "NHI2",
    severity: Severity::High,
    next: "keyroll why {id}",
    check,
};

fn check(thing: &Thing<'_>, ground: &Ground) -> Vec<Ruling> {
    let public = [
        CredentialType::X509Certificate,
        CredentialType::SshAuthorizedKey,
    ];
    if !thing.is_live_credential() || public.iter().any(|one| one.as_str() == thing.type_()) {
        return Vec::new();
    }
    let parts = thing.entity.facts.get(&Attribute::named("image_part"));
    let mut rulings: Vec<_> = parts
        .into_iter()
        .flatten()
        .filter(|part| !names_only(thing.entity, part))
        .filter_map(|part| {
            Some(Ruling {
                verdict: verdict(thing, part, ground),
                place: Some(place(thing.entity, part)?),
            })
        })
        .collect();
    rulings.sort_by(|a, b| a.place.cmp(&b.place));
    rulings.dedup_by(|a, b| a.place == b.place);
    rulings
}

/// What is said of the secret by whoever saw it in this part of an image.
fn verdict(thing: &Thing<'_>, part: &SourcedFact, ground: &Ground) -> Verdict {
    let end = thing.entity.time(&Attribute::EXPIRES_AT);
    if matches!(end, Told::Is(end) if end <= ground.now) || thing.is_off() {
        return Verdict::Pass;
    }
    let here = |name: &'static str| beside(thing.entity, part, &Attribute::named(name));
    let text = |name: &'static str| here(name)?.text();
    let image = match (here("image"), text("image")) {
        (_, Some(name)) => format!("the image `{}`", model::clean(name)),
        (Some(_), None) => "several images".to_owned(),
        (None, None) => "the image".to_owned(),
    };
    let why = match part.told.is().and_then(|part| part.text()) {
        Some("layer") => in_layer(&image, text("layer"), text("removed_in_layer")),
        _ => format!("it is in the configuration of {image}: whoever pulls it reads it"),
    };
    if text("detection") == Some("low") {
        return Verdict::Unknown(format!(
            "only its name speaks of a secret; if it is one, {why}"
        ));
    }
    if here("encrypted").and_then(model::Value::flag) == Some(true) {
        return Verdict::Unknown(format!("a pass phrase protects it, but {why}"));
    }
    Verdict::Fail(why)
}

fn in_layer(image: &str, layer: Option<&str>, removed_in: Option<&str>) -> String {
    let layer = layer.map_or_else(|| "a layer".to_owned(), short);
    match removed_in.map(short) {
        Some(later) => format!(
            "{later} takes the file away, but {image} still carries {layer}, and the secret in it"
        ),
        None => format!("it is in {layer} of {image}: whoever pulls it has it"),
    }
}

/// `layer 0a1b2c3d4e5f`.
fn short(digest: &str) -> String {
    let hex = digest.rsplit(':').next().unwrap_or(digest);
    let hex: String = hex.chars().take(12).collect();
    format!("layer {}", model::clean(&hex))
}
