//! What `spire-server` printed into files: entries, agents, bundle, federation, authorities, as
//! `-output json` writes them.
//!
//! Files are known by what is in them, never by their names, so any layout will do.

use model::{Reason, Scope};

use crate::spire::{Call, Realm, part, tell};
use crate::{Connector, Context, PortKind, Refusal, Spec, Stop, exports};

/// Exports of SPIRE in files.
#[derive(Debug)]
pub(crate) struct SpireExports;

/// What ought to be there, and how it is had.
const WANTED: &[(Call, &str)] = &[
    (Call::GetBundle, "bundle show"),
    (Call::ListEntries, "entry show"),
    (Call::ListAgents, "agent list"),
    (Call::ListFederationRelationships, "federation list"),
    (Call::GetX509AuthorityState, "localauthority x509 show"),
    (Call::GetJwtAuthorityState, "localauthority jwt show"),
];

impl Connector for SpireExports {
    fn spec(&self) -> &'static Spec {
        &Spec {
            name: "spire_exports",
            reads: "what spire-server printed as JSON: entries, agents, bundle, federation, authorities",
            named: "spire-export:PATH",
            target: "a directory or file; option `dirs` names several, one a line",
            port: PortKind::Files,
            needs_to_discover: &["read access to the files"],
            needs_to_act: &[],
            scopes: &["bundle | authorities | federation | agents | entries"],
        }
    }

    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        let (files, trouble) = exports::files(cx);
        if files.is_empty()
            && let Some((_, refusal)) = trouble.into_iter().next()
        {
            return Err(refusal);
        }
        let mut realm = Realm::default();
        for file in files {
            // What cannot be read becomes a gap when the pass reads it.
            drop(exports::take(cx, &file, &mut |value| {
                realm.printed(value);
            }));
        }
        let first = exports::places(cx).into_iter().next().unwrap_or_default();
        Ok(realm.domain().unwrap_or_else(|| {
            let name = first.trim_end_matches('/').rsplit('/').next();
            name.unwrap_or(&first).to_owned()
        }))
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let mut realm = Realm::default();
        let (files, mut trouble) = exports::files(cx);
        let mut ended = Ok(());
        for file in files {
            let mut known = false;
            let read = exports::take(cx, &file, &mut |value| known |= realm.printed(value));
            match read {
                Ok(_) if known => {}
                Ok(_) => cx.set_aside("file that is no export of SPIRE"),
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
        tell(cx, &realm)?;
        // Anything may lie in a file that cannot be read, so its gap is one of the whole source.
        for (place, refusal) in trouble {
            let told = format!("{place}: {}", refusal.told);
            let refusal = Refusal { told, ..refusal };
            cx.gap(&Scope::whole(), &refusal, Some("read access to the file"))?;
        }
        for (call, command) in WANTED.iter().filter(|(call, _)| !realm.met.contains(call)) {
            let told = format!("no file holds it; add `spire-server {command} -output json`");
            let refusal = Refusal::new(Reason::Unsupported, told);
            cx.gap(&Scope::of(part(*call)), &refusal, None)?;
        }
        ended
    }
}
