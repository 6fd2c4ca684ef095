//! Microsoft Entra, live, over Microsoft Graph.

use model::Scope;

use crate::microsoft::ask::{GRAPH, get, keeps_out, one, pages};
use crate::microsoft::{Estate, tell};
use crate::{Connector, Context, Login, PortKind, Refusal, Request, Spec, Stop};

/// Microsoft Entra, live.
pub(crate) struct Entra;

/// What reads applications, service principals, their credentials, owners and grants.
const APPLICATIONS: &str = "Application.Read.All";
const GRANTS: &str = "DelegatedPermissionGrant.Read.All";
const ROLES: &str = "RoleManagement.Read.Directory";
const REPORTS: &str = "AuditLog.Read.All";
const TENANT: &str = "Organization.Read.All";
/// What tells the names of owners.
const PEOPLE: &str = "User.ReadBasic.All";

/// The largest page of most lists.
const PAGE: &str = "999";
/// Owners as far as they are told: names, and nothing else of a person.
const OWNERS: &str = "owners($select=id,displayName,userPrincipalName,mail)";
/// Service principals whose grants are asked for one by one, and applications whose certificates are.
const EACH_MAX: usize = 50_000;

static SPEC: Spec = Spec {
    name: "entra",
    reads: "applications, service principals, credentials, federated credentials, consent, roles and sign-in activity of Microsoft Entra",
    named: "entra or entra:TENANT",
    target: "a tenant: its id, or a domain of it; without one, that of the login",
    port: PortKind::Http(Login::Azure),
    needs_to_discover: &[APPLICATIONS, GRANTS, ROLES, REPORTS, PEOPLE, TENANT],
    needs_to_act: &[],
    scopes: &[
        "applications | service_principals | federated_credentials | consent | app_roles | directory_roles | agents | sign_ins | owners",
    ],
};

/// One list: its part of the source, where it is, how it is asked for, what lets it be read.
struct List {
    part: &'static str,
    met: &'static str,
    path: &'static [&'static str],
    parameters: &'static [(&'static str, &'static str)],
    needs: &'static str,
}

const LISTS: &[List] = &[
    List {
        part: "applications",
        met: "applications",
        path: &["v1.0", "applications"],
        parameters: &[
            (
                "$select",
                "id,appId,displayName,createdDateTime,signInAudience,serviceManagementReference,notes,verifiedPublisher,passwordCredentials,keyCredentials",
            ),
            ("$expand", OWNERS),
            ("$top", PAGE),
        ],
        needs: APPLICATIONS,
    },
    List {
        part: "service_principals",
        met: "service principals",
        path: &["v1.0", "servicePrincipals"],
        parameters: &[
            (
                "$select",
                "id,appId,displayName,createdDateTime,accountEnabled,appOwnerOrganizationId,servicePrincipalType,signInAudience,alternativeNames,notes,verifiedPublisher,appRoles,passwordCredentials,keyCredentials",
            ),
            ("$expand", OWNERS),
            ("$top", PAGE),
        ],
        needs: APPLICATIONS,
    },
    List {
        part: "federated_credentials",
        met: "federated credentials",
        path: &["v1.0", "applications"],
        parameters: &[
            ("$select", "id,appId"),
            ("$expand", "federatedIdentityCredentials"),
            ("$top", PAGE),
        ],
        needs: APPLICATIONS,
    },
    List {
        part: "agents",
        met: "agents",
        path: &["v1.0", "servicePrincipals", "microsoft.graph.agentIdentity"],
        parameters: &[],
        needs: APPLICATIONS,
    },
    List {
        part: "consent",
        met: "consent",
        path: &["v1.0", "oauth2PermissionGrants"],
        parameters: &[("$top", PAGE)],
        needs: GRANTS,
    },
    List {
        part: "directory_roles",
        met: "names of roles",
        path: &["v1.0", "roleManagement", "directory", "roleDefinitions"],
        parameters: &[("$select", "id,displayName,rolePermissions")],
        needs: ROLES,
    },
    List {
        part: "directory_roles",
        met: "roles of the directory",
        path: &["v1.0", "roleManagement", "directory", "roleAssignments"],
        parameters: &[],
        needs: ROLES,
    },
    List {
        part: "sign_ins",
        met: "sign-ins",
        path: &["beta", "reports", "servicePrincipalSignInActivities"],
        parameters: &[],
        needs: REPORTS,
    },
    List {
        part: "sign_ins",
        met: "sign-ins by key",
        path: &["beta", "reports", "appCredentialSignInActivities"],
        parameters: &[],
        needs: REPORTS,
    },
];

impl Connector for Entra {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        let mut found = Estate::default();
        let asked = get(
            GRAPH,
            &["v1.0", "organization"],
            &[("$select", "id,displayName,verifiedDomains")],
        );
        match pages(cx, asked, &mut |page| found.take(page)) {
            Ok(()) => {}
            Err(refusal) if keeps_out(&refusal) || refusal.stop => return Err(refusal),
            // Who may not read what the tenant is knows it by the name it was given.
            Err(refusal) if cx.target().is_empty() || cx.target() == "unknown" => {
                return Err(refusal);
            }
            Err(_) => {}
        }
        let target = cx.target().to_ascii_lowercase();
        Ok(found.tenant().map_or(target, str::to_owned))
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let mut found = Estate::default();
        found.state(cx.target());
        let ended = read(cx, &mut found);
        if let Ok(false) = ended {
            return Ok(());
        }
        let told = tell(cx, &mut found);
        ended.map(drop).and(told)
    }
}

/// Reads all there is; whether anything answered at all.
fn read(cx: &mut Context<'_>, found: &mut Estate) -> Result<bool, Stop> {
    for (n, list) in LISTS.iter().enumerate() {
        let asked = get(GRAPH, list.path, list.parameters);
        match pages(cx, asked, &mut |page| found.take(page)) {
            Ok(()) => drop(found.met.insert(list.met)),
            // Who is not let in is not let in for the next question either.
            Err(refusal) if n == 0 && keeps_out(&refusal) => {
                cx.gap(&Scope::whole(), &refusal, Some(list.needs))?;
                return Ok(false);
            }
            Err(refusal) => {
                found.met.remove(list.met);
                cx.gap(&Scope::of(list.part), &refusal, Some(list.needs))?;
            }
        }
    }
    roles(cx, found)?;
    certificates(cx, found)?;
    Ok(true)
}

/// Who has which role of which interface: asked for at each that has roles for programs.
fn roles(cx: &mut Context<'_>, found: &mut Estate) -> Result<(), Stop> {
    let givers = found.role_givers();
    let mut whole = found.met.contains("service principals");
    for id in givers.iter().take(EACH_MAX) {
        let path = ["v1.0", "servicePrincipals", id, "appRoleAssignedTo"];
        let asked = get(GRAPH, &path, &[("$top", PAGE)]);
        if let Err(refusal) = pages(cx, asked, &mut |page| found.take(page)) {
            whole = false;
            cx.gap(&Scope::of("app_roles"), &refusal, Some(APPLICATIONS))?;
            // The others would be refused for the same reason.
            if refusal.code == "Authorization_RequestDenied" {
                break;
            }
        }
    }
    if givers.len() > EACH_MAX {
        whole = false;
        cx.gap(&Scope::of("app_roles"), &too_many(givers.len()), None)?;
    }
    if whole {
        found.met.insert("roles of applications");
    } else {
        found.met.remove("roles of applications");
    }
    Ok(())
}

/// Certificates come with one application at a time alone.
fn certificates(cx: &mut Context<'_>, found: &mut Estate) -> Result<(), Stop> {
    let wanted = found.without_certificates();
    for (part, list, id) in wanted.iter().take(EACH_MAX) {
        let request = certificate_of(list, id);
        match one(cx, request) {
            Ok(object) => found.take(&object),
            Err(refusal) => cx.gap(&Scope::of(*part), &refusal, Some(APPLICATIONS))?,
        }
    }
    match wanted.len() > EACH_MAX {
        true => cx.gap(&Scope::of("applications"), &too_many(wanted.len()), None),
        false => Ok(()),
    }
}

fn certificate_of(list: &str, id: &str) -> Request {
    let selected = match list {
        "applications" => "id,appId,signInAudience,keyCredentials",
        _ => "id,appId,servicePrincipalType,keyCredentials",
    };
    get(GRAPH, &["v1.0", list, id], &[("$select", selected)])
}

fn too_many(count: usize) -> Refusal {
    let told = format!("{count} are asked one by one, and no more than {EACH_MAX} are");
    Refusal::new(model::Reason::Unsupported, told)
}
