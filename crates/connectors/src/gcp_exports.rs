//! What `gcloud` and Google's interfaces printed into files: service accounts, keys, policies,
//! secrets, workload identity, exports of the asset inventory.
//!
//! Files are known by what is in them, never by their names, so any layout will do.

use model::{Reason, Scope};

use crate::gcp::Estate;
use crate::{Connector, Context, PortKind, Refusal, Spec, Stop, exports};

/// Exports of Google Cloud in files.
pub(crate) struct GcpExports;

impl Connector for GcpExports {
    fn spec(&self) -> &'static Spec {
        &Spec {
            name: "gcp_exports",
            reads: "answers of Google Cloud that lie in files: exports of the asset inventory, lists of gcloud",
            named: "gcp-export:PATH",
            target: "a directory or file; option `dirs` names several, one a line",
            port: PortKind::Files,
            needs_to_discover: &["read access to the files"],
            needs_to_act: &[],
            scopes: &[
                "service_accounts | keys | api_keys | secrets | workload_identity | policies",
            ],
        }
    }

    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        let first = exports::places(cx).into_iter().next().unwrap_or_default();
        let (files, trouble) = exports::files(cx);
        if files.is_empty()
            && let Some((_, refusal)) = trouble.into_iter().next()
        {
            return Err(refusal);
        }
        let mut found = Estate::default();
        for file in files {
            // What cannot be read becomes a gap when the pass reads it.
            drop(exports::take(cx, &file, &mut |value| found.take(value)));
        }
        Ok(found.project().unwrap_or_else(|| {
            let name = first.trim_end_matches('/').rsplit('/').next();
            name.unwrap_or(&first).to_owned()
        }))
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let mut found = Estate::default();
        let (files, mut trouble) = exports::files(cx);
        let mut ended = Ok(());
        for file in files {
            match exports::take(cx, &file, &mut |value| found.take(value)) {
                Ok(true) => {}
                Ok(false) => cx.set_aside("file that is no export of Google Cloud"),
                Err(refusal) => {
                    let stop = refusal.stop;
                    trouble.push((file, refusal));
                    if stop {
                        ended = Err(Stop);
                        break;
                    }
                }
            }
        }
        tell(cx, &found)?;
        // Anything may lie in a file that cannot be read, so its gap is one of the whole source.
        for (place, refusal) in trouble {
            let told = format!("{place}: {}", refusal.told);
            let refusal = Refusal { told, ..refusal };
            cx.gap(&Scope::whole(), &refusal, Some("read access to the file"))?;
        }
        unmet(cx, &found)?;
        ended
    }
}

/// What was found, what was set aside, and that there was more than is kept.
pub(crate) fn tell(cx: &mut Context<'_>, found: &Estate) -> Result<(), Stop> {
    for one in found.observations() {
        cx.observe(one);
    }
    for (what, count) in &found.set_aside {
        for _ in 0..*count {
            cx.set_aside(what);
        }
    }
    if found.beyond > 0 {
        let told = format!(
            "{} more things than the limit of {}",
            found.beyond,
            crate::gcp::THINGS_MAX
        );
        cx.gap(
            &Scope::whole(),
            &Refusal::new(Reason::Unsupported, told),
            None,
        )?;
    }
    Ok(())
}

/// What no file told of, with the call whose answer would.
fn unmet(cx: &mut Context<'_>, found: &Estate) -> Result<(), Stop> {
    for (what, part, call) in [
        (
            "service accounts",
            "service_accounts",
            "gcloud iam service-accounts list --format=json",
        ),
        (
            "keys of service accounts",
            "keys",
            "gcloud iam service-accounts keys list --iam-account=MAIL --format=json",
        ),
        (
            "policies",
            "policies",
            "gcloud asset export --content-type=iam-policy",
        ),
    ] {
        if !found.met.contains(what) {
            let told = format!("no file holds {what}; add the answer of `{call}`");
            cx.gap(
                &Scope::of(part),
                &Refusal::new(Reason::Unsupported, told),
                None,
            )?;
        }
    }
    Ok(())
}
