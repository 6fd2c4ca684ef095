//! What the `az` command line, Microsoft Graph and Azure's interfaces printed into files.
//!
//! Files are known by what is in them, never by their names, so any layout will do.

use model::{Reason, Scope};

use crate::microsoft::{Estate, tell};
use crate::{Connector, Context, PortKind, Refusal, Spec, Stop, exports};

/// Exports of Microsoft Entra and Azure in files.
pub(crate) struct EntraExports;

impl Connector for EntraExports {
    fn spec(&self) -> &'static Spec {
        &Spec {
            name: "entra_exports",
            reads: "answers of Microsoft Entra and Azure that lie in files: lists of az, pages of Microsoft Graph, rows of Resource Graph",
            named: "entra-export:PATH or azure-export:PATH",
            target: "a directory or file; option `dirs` names several, one a line",
            port: PortKind::Files,
            needs_to_discover: &["read access to the files"],
            needs_to_act: &[],
            scopes: &[
                "applications | service_principals | federated_credentials | consent | app_roles | directory_roles | managed_identities | role_assignments | vaults | storage",
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
        found.settle();
        Ok(found.tenant().map_or_else(
            || {
                let name = first.trim_end_matches('/').rsplit('/').next();
                name.unwrap_or(&first).to_owned()
            },
            str::to_owned,
        ))
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let mut found = Estate::default();
        let (files, mut trouble) = exports::files(cx);
        let mut ended = Ok(());
        for file in files {
            match exports::take(cx, &file, &mut |value| found.take(value)) {
                Ok(true) => {}
                Ok(false) => cx.set_aside("file that is no export of Microsoft"),
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
        tell(cx, &mut found)?;
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

/// What no file told of, the part it would lie in, and the command whose answer would.
const WANTED: &[(&str, &str, &str)] = &[
    ("applications", "applications", "az ad app list --all"),
    (
        "service principals",
        "service_principals",
        "az ad sp list --all",
    ),
    (
        "federated credentials",
        "federated_credentials",
        "az rest --url 'https://graph.microsoft.com/v1.0/applications?$select=id,appId&$expand=federatedIdentityCredentials'",
    ),
    (
        "consent",
        "consent",
        "az rest --url https://graph.microsoft.com/v1.0/oauth2PermissionGrants",
    ),
    (
        "roles of applications",
        "app_roles",
        "az rest --url https://graph.microsoft.com/v1.0/servicePrincipals/ID/appRoleAssignedTo",
    ),
    (
        "roles of the directory",
        "directory_roles",
        "az rest --url https://graph.microsoft.com/v1.0/roleManagement/directory/roleAssignments",
    ),
    (
        "managed identities",
        "managed_identities",
        "az identity list",
    ),
    (
        "role assignments",
        "role_assignments",
        "az role assignment list --all",
    ),
    ("vaults", "vaults", "az keyvault list"),
    ("storage accounts", "storage", "az storage account list"),
];

fn unmet(cx: &mut Context<'_>, found: &Estate) -> Result<(), Stop> {
    for (what, part, command) in WANTED {
        if !found.met.contains(what) {
            let told = format!("no file holds {what}; add the answer of `{command}`");
            let refusal = Refusal::new(Reason::Unsupported, told);
            cx.gap(&Scope::of(*part), &refusal, None)?;
        }
    }
    Ok(())
}
