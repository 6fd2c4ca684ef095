//! Secrets in the variables that a workload is given.

use model::{Attribute, CredentialType, Kind, Observation, Relation};

use crate::Context;
use crate::files::scrub;
use crate::formats::Found;

/// A secret that is written into a variable of the workload `run`, known by its fingerprint; none
/// where only a name stands there.
pub(crate) fn told(cx: &Context<'_>, mut found: Found, run: &Observation) -> Option<Observation> {
    let secret = found.secret.take()?;
    let print = cx.fingerprint(&secret);
    let mut told = found.told;
    scrub(&mut told, &mut found.field, std::slice::from_ref(&secret));
    told.links.clear();
    told.scope = run.scope.clone();
    let field = model::shorten(&found.field, 300);
    told.native = format!("variable/{}#{field}@{}", run.native, print.short());
    let name = model::shorten(&found.field, 200);
    let is_key = told
        .fact(&Attribute::TYPE)
        .is()
        .and_then(|held| held.text())
        == Some(CredentialType::PrivateKey.as_str());
    // The same key in another form has another fingerprint, and one public half.
    if told.keys.is_empty() || !is_key {
        told = told.key(model::Key::secret(&print));
        told = crate::published::told(cx, told, &secret);
    }
    Some(
        told.is(Attribute::NAME, name.as_str())
            .is(Attribute::FIELD, name)
            .link(Relation::UsedBy, Kind::Identity, run.native.as_str()),
    )
}
