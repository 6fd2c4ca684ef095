//! Azure, live, over its resource manager: managed identities and what works as them, role
//! assignments, vaults, storage accounts.

use model::{Reason, Scope};

use crate::microsoft::ask::{MANAGEMENT, get, keeps_out, pages};
use crate::microsoft::{Estate, tell};
use crate::{Connector, Context, Login, PortKind, Refusal, Spec, Stop};

/// Azure, live.
pub(crate) struct Azure;

/// A version of the interface of subscriptions.
const SUBSCRIPTIONS: &str = "2022-12-01";
const SUBSCRIPTIONS_READ: &str = "Microsoft.Resources/subscriptions/read";
const FEDERATED_READ: &str =
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read";
const SECRETS_READ: &str = "Microsoft.KeyVault/vaults/secrets/read";
const KEYS_READ: &str = "Microsoft.KeyVault/vaults/keys/read";
/// Resources that are asked one by one.
const EACH_MAX: usize = 50_000;

static SPEC: Spec = Spec {
    name: "azure",
    reads: "managed identities, what works as them, role assignments, metadata of vaults and storage keys of Azure",
    named: "azure or azure:SUBSCRIPTION",
    target: "a subscription by its id, or every one that the login sees",
    port: PortKind::Http(Login::Azure),
    needs_to_discover: &[
        SUBSCRIPTIONS_READ,
        "Microsoft.Resources/subscriptions/resources/read",
        "Microsoft.ManagedIdentity/userAssignedIdentities/read",
        FEDERATED_READ,
        "Microsoft.Authorization/roleAssignments/read",
        "Microsoft.Authorization/roleDefinitions/read",
        "Microsoft.KeyVault/vaults/read",
        SECRETS_READ,
        KEYS_READ,
        "Microsoft.Storage/storageAccounts/read",
    ],
    needs_to_act: &[],
    scopes: &[
        "subscriptions | resources | managed_identities | federated_credentials | role_assignments | vaults | storage",
    ],
};

/// One list of a subscription: part, what it tells, provider and kind, version, what lets it be read.
struct List {
    part: &'static str,
    met: &'static str,
    path: &'static [&'static str],
    version: &'static str,
    needs: &'static str,
}

const LISTS: &[List] = &[
    List {
        part: "role_assignments",
        met: "names of roles",
        path: &["providers", "Microsoft.Authorization", "roleDefinitions"],
        version: "2022-04-01",
        needs: "Microsoft.Authorization/roleDefinitions/read",
    },
    List {
        part: "role_assignments",
        met: "role assignments",
        path: &["providers", "Microsoft.Authorization", "roleAssignments"],
        version: "2022-04-01",
        needs: "Microsoft.Authorization/roleAssignments/read",
    },
    List {
        part: "managed_identities",
        met: "managed identities",
        path: &[
            "providers",
            "Microsoft.ManagedIdentity",
            "userAssignedIdentities",
        ],
        version: "2023-01-31",
        needs: "Microsoft.ManagedIdentity/userAssignedIdentities/read",
    },
    List {
        part: "managed_identities",
        met: "resources",
        path: &["resources"],
        version: "2021-04-01",
        needs: "Microsoft.Resources/subscriptions/resources/read",
    },
    List {
        part: "vaults",
        met: "vaults",
        path: &["providers", "Microsoft.KeyVault", "vaults"],
        version: "2023-07-01",
        needs: "Microsoft.KeyVault/vaults/read",
    },
    List {
        part: "storage",
        met: "storage accounts",
        path: &["providers", "Microsoft.Storage", "storageAccounts"],
        version: "2023-05-01",
        needs: "Microsoft.Storage/storageAccounts/read",
    },
];

/// What is asked below a vault or an identity.
struct Below {
    part: &'static str,
    met: &'static str,
    list: &'static str,
    version: &'static str,
    needs: &'static str,
}

const BELOW_VAULTS: &[Below] = &[
    Below {
        part: "vaults",
        met: "secrets",
        list: "secrets",
        version: "2023-07-01",
        needs: SECRETS_READ,
    },
    Below {
        part: "vaults",
        met: "keys",
        list: "keys",
        version: "2023-07-01",
        needs: KEYS_READ,
    },
];

const BELOW_IDENTITIES: &[Below] = &[Below {
    part: "federated_credentials",
    met: "federated credentials",
    list: "federatedIdentityCredentials",
    version: "2023-01-31",
    needs: FEDERATED_READ,
}];

impl Connector for Azure {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    /// The subscription that is named; where none is, the tenant that they are of.
    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        let mut found = Estate::default();
        pages(cx, subscriptions(), &mut |page| found.take(page))?;
        let target = cx.target().to_ascii_lowercase();
        if target.is_empty() || target == "unknown" {
            let tenant = found.tenant().map(|tenant| format!("tenant/{tenant}"));
            return tenant.ok_or_else(|| nothing(false));
        }
        match found.subscriptions_of(&target).is_empty() {
            true => Err(nothing(true)),
            false => Ok(target),
        }
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let mut found = Estate::default();
        let ended = read(cx, &mut found);
        if let Ok(false) = ended {
            return Ok(());
        }
        let told = tell(cx, &mut found);
        ended.map(drop).and(told)
    }
}

fn subscriptions() -> crate::Request {
    get(
        MANAGEMENT,
        &["subscriptions"],
        &[("api-version", SUBSCRIPTIONS)],
    )
}

/// That there is nothing to read; `named`: of what a person asked for.
fn nothing(named: bool) -> Refusal {
    let told = if named {
        "this login does not see that subscription; give it a role there (`keyroll sources policy azure`)"
    } else {
        "this login sees no subscription, or those of several tenants: give it a role on one \
         (`keyroll sources policy azure`), or name one, `azure:SUBSCRIPTION`"
    };
    Refusal::new(Reason::Denied, told).code("no_subscription")
}

/// Reads all there is; whether anything answered at all.
fn read(cx: &mut Context<'_>, found: &mut Estate) -> Result<bool, Stop> {
    let listed = pages(cx, subscriptions(), &mut |page| found.take(page));
    if let Err(refusal) = listed {
        let out = keeps_out(&refusal);
        let scope = if out {
            Scope::whole()
        } else {
            Scope::of("subscriptions")
        };
        cx.gap(&scope, &refusal, Some(SUBSCRIPTIONS_READ))?;
        if out {
            return Ok(false);
        }
    }
    let target = cx.target().to_ascii_lowercase();
    let wanted = found.subscriptions_of(&target);
    if wanted.is_empty() {
        cx.gap(&Scope::whole(), &nothing(true), Some(SUBSCRIPTIONS_READ))?;
    }
    // A login may see subscriptions of other tenants; what is read is of these alone.
    found.is_of(&wanted);
    let mut refused = std::collections::BTreeSet::new();
    for subscription in &wanted {
        for list in LISTS {
            let path = [&["subscriptions", subscription.as_str()][..], list.path].concat();
            let asked = get(MANAGEMENT, &path, &[("api-version", list.version)]);
            if let Err(refusal) = pages(cx, asked, &mut |page| found.take(page)) {
                refused.insert(list.met);
                let refusal = within(refusal, subscription);
                cx.gap(&Scope::of(list.part), &refusal, Some(list.needs))?;
            } else {
                found.met.insert(list.met);
            }
        }
    }
    below(cx, found, BELOW_IDENTITIES, &mut refused)?;
    below(cx, found, BELOW_VAULTS, &mut refused)?;
    // What one subscription refused is not known of any.
    found.met.retain(|one| !refused.contains(one));
    if !found.resources_below("vaults").is_empty() {
        let told = "certificates of vaults are told by the vaults themselves; add the answer of \
            `az keyvault certificate list --vault-name NAME` as `azure-export:PATH`";
        let refusal = Refusal::new(Reason::Unsupported, told);
        cx.gap(&Scope::of("certificates"), &refusal, None)?;
    }
    Ok(true)
}

fn within(refusal: Refusal, place: &str) -> Refusal {
    Refusal {
        told: format!("{place}: {}", refusal.told),
        ..refusal
    }
}

/// What lies below each identity or vault.
fn below(
    cx: &mut Context<'_>,
    found: &mut Estate,
    kinds: &[Below],
    refused: &mut std::collections::BTreeSet<&'static str>,
) -> Result<(), Stop> {
    for one in kinds {
        let places = found.resources_below(one.part);
        for place in places.iter().take(EACH_MAX) {
            let path: Vec<&str> = place.split('/').filter(|part| !part.is_empty()).collect();
            let path = [path.as_slice(), &[one.list][..]].concat();
            let asked = get(MANAGEMENT, &path, &[("api-version", one.version)]);
            if let Err(refusal) = pages(cx, asked, &mut |page| found.take(page)) {
                refused.insert(one.met);
                let name = place.rsplit('/').next().unwrap_or(place).to_owned();
                cx.gap(
                    &Scope::of(one.part),
                    &within(refusal, &name),
                    Some(one.needs),
                )?;
            }
        }
        if places.len() > EACH_MAX {
            let told = format!(
                "{} are asked one by one, and no more than {EACH_MAX} are",
                places.len()
            );
            let refusal = Refusal::new(Reason::Unsupported, told);
            cx.gap(&Scope::of(one.part), &refusal, None)?;
        }
    }
    Ok(())
}
