//! `keyroll sources policy`: the rights that a source wants, ready to be pasted where they are given.
//!
//! What AWS is asked for is what the connector itself declares, so the two cannot differ.

use std::io::Write;

use connectors::connector;
use serde_json::json;

use crate::error::Error;
use crate::exit::Outcome;
use crate::output::json_text;
use crate::settings::Settings;

/// A system whose rights can be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum System {
    /// An IAM policy, as JSON
    Aws,
    /// Commands of gcloud, for an administrator of the organisation to run
    Gcp,
    /// Application permissions of Microsoft Graph, as JSON for `az ad app create`
    Entra,
    /// A role definition of Azure, as JSON for `az role definition create`
    Azure,
    /// A ClusterRole with its account and bindings, as YAML
    Kubernetes,
    /// SQL, for a superuser to run
    Postgres,
    /// SQL for MariaDB and MySQL, for an administrator to run
    Mysql,
    /// A command for Redis and Valkey, for an administrator to send
    Redis,
}

/// Prints the rights; with `act`, those to revoke with as well.
pub(super) fn print(settings: &Settings, system: System, act: bool) -> Result<Outcome, Error> {
    let text = match system {
        System::Aws => aws(act),
        System::Gcp => read_only(act, &gcp())?,
        System::Entra => read_only(act, &entra())?,
        System::Azure => read_only(act, &azure())?,
        System::Kubernetes => connectors::kubernetes::cluster_role(),
        System::Postgres => postgres(act),
        System::Mysql => read_only(act, MYSQL_TO_READ)?,
        System::Redis => read_only(act, REDIS_TO_READ)?,
    };
    settings.terminal.stdout().write_all(text.as_bytes())?;
    Ok(Outcome::CLEAN)
}

fn aws(act: bool) -> String {
    let spec = connector("aws_iam").map(|one| one.spec());
    let to_read = spec.map_or(&[][..], |spec| spec.needs_to_discover);
    let to_act = spec.map_or(&[][..], |spec| spec.needs_to_act);
    let statement = |sid: &str, actions: &[&str]| json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": "*"});
    let mut statements = vec![statement("KeyrollReads", to_read)];
    if act {
        let more = to_act.iter().filter(|one| !to_read.contains(*one));
        let more: Vec<_> = more.copied().collect();
        statements.push(statement("KeyrollRevokes", &more));
    }
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    format!("{}\n", json_text(&policy))
}

/// PostgreSQL 15 and newer.
const TO_READ: &str = "\
-- What Keyroll reads PostgreSQL with. Run it as a superuser, then give the role a password
-- (`\\password keyroll` in psql) and remember the source:
--   keyroll sources add postgres://keyroll@HOST/postgres --password-stdin
CREATE ROLE keyroll LOGIN;
GRANT CONNECT ON DATABASE postgres TO keyroll;
-- When live sessions began.
GRANT pg_read_all_stats TO keyroll;
-- To compare passwords found elsewhere with the verifiers here: nobody logs in for that.
GRANT SELECT ON pg_catalog.pg_authid TO keyroll;
";

const TO_ACT: &str = "
-- What Keyroll revokes with: cut log-ins, end sessions, drop roles. Not enough for superusers and
-- for what only a superuser may own.
ALTER ROLE keyroll CREATEROLE;
GRANT pg_signal_backend TO keyroll;
-- And once for each role that may be revoked:
--   GRANT ROLE_NAME TO keyroll WITH ADMIN OPTION;
-- In each database that holds something of it:
--   GRANT CONNECT, CREATE ON DATABASE DATABASE_NAME TO keyroll;
";

/// A role of the organisation's own with what the connector declares, and nothing else.
fn gcp() -> String {
    let spec = connector("gcp_assets").map(|one| one.spec());
    let permissions = spec
        .map_or(&[][..], |spec| spec.needs_to_discover)
        .join(",");
    format!(
        "\
# What Keyroll reads Google Cloud with: two permissions, of which none reads a secret's value.
gcloud services enable cloudasset.googleapis.com --project=PROJECT
gcloud iam roles create keyroll --organization=ORGANIZATION --permissions={permissions}
gcloud organizations add-iam-policy-binding ORGANIZATION \\
  --member=serviceAccount:keyroll@PROJECT.iam.gserviceaccount.com \\
  --role=organizations/ORGANIZATION/roles/keyroll
"
    )
}

/// Ids of the application permissions of Microsoft Graph (its permissions reference).
const GRAPH_IDS: &[(&str, &str)] = &[
    (
        "Application.Read.All",
        "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    ),
    ("AuditLog.Read.All", "b0afded3-3588-46d8-8b3d-9842eff778da"),
    (
        "DelegatedPermissionGrant.Read.All",
        "81b4724a-58aa-41c1-8a55-84ef97466587",
    ),
    (
        "Organization.Read.All",
        "498476ce-e0fe-48b0-b801-37ba7e2685c6",
    ),
    (
        "RoleManagement.Read.Directory",
        "483bed4a-2ad3-4361-a73b-c83ccdbdc53c",
    ),
    ("User.ReadBasic.All", "97235f07-e226-4f63-ace3-39588e11d3a1"),
];

/// What the connector declares, as the manifest of an application names it: of none a value of a
/// secret can be read. An administrator consents to it.
fn entra() -> String {
    let spec = connector("entra").map(|one| one.spec());
    let wanted = spec.map_or(&[][..], |spec| spec.needs_to_discover);
    let id = |name: &str| GRAPH_IDS.iter().find(|(one, _)| *one == name);
    let access: Vec<_> = wanted
        .iter()
        .filter_map(|name| id(name))
        .map(|(_, id)| json!({"id": id, "type": "Role"}))
        .collect();
    let graph = "00000003-0000-0000-c000-000000000000";
    let manifest = json!([{"resourceAppId": graph, "resourceAccess": access}]);
    format!("{}\n", json_text(&manifest))
}

/// A role with what the connector declares, and nothing else.
fn azure() -> String {
    let spec = connector("azure").map(|one| one.spec());
    let actions = spec.map_or(&[][..], |spec| spec.needs_to_discover);
    let role = json!({
        "Name": "Keyroll reads",
        "Description": "Reads identities, role assignments and metadata of vaults: no value of a secret, no data",
        "Actions": actions,
        "NotActions": [],
        "DataActions": [],
        "NotDataActions": [],
        "AssignableScopes": ["/subscriptions/SUBSCRIPTION"],
    });
    format!("{}\n", json_text(&role))
}

/// MariaDB 10.4 and newer, MySQL 8.
const MYSQL_TO_READ: &str = "\
-- What Keyroll reads MariaDB or MySQL with. Put the address it comes from and a password of its
-- own here, run it as an administrator, and remember the source:
--   keyroll sources add mysql://keyroll@HOST --password-stdin
CREATE USER keyroll@'ADDRESS' IDENTIFIED BY 'PASSWORD';
-- Accounts with what passwords are known by, their rights, their roles. No table of yours.
GRANT SELECT ON mysql.* TO keyroll@'ADDRESS';
-- How many sessions are live, and whose.
GRANT PROCESS ON *.* TO keyroll@'ADDRESS';
";

/// Redis 7, Valkey.
const REDIS_TO_READ: &str = "\
ACL SETUSER keyroll on >PASSWORD resetkeys resetchannels -@all +acl|users +acl|getuser +client|list
";

fn read_only(act: bool, text: &str) -> Result<String, Error> {
    if act {
        return Err(Error::usage(
            "no password of this system can be revoked yet: leave out `--act`",
        ));
    }
    Ok(text.to_owned())
}

fn postgres(act: bool) -> String {
    if act {
        format!("{TO_READ}{TO_ACT}")
    } else {
        TO_READ.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_entra_is_asked_for_is_what_the_source_declares() {
        let spec = connector("entra").unwrap().spec();
        for name in spec.needs_to_discover {
            let (_, id) = GRAPH_IDS.iter().find(|(one, _)| one == name).unwrap();
            assert_eq!(entra().matches(id).count(), 1, "{name}");
            assert!(name.contains(".Read"), "{name}");
            assert!(!name.contains("Write"), "{name}");
        }
        assert_eq!(
            entra().matches("Role").count(),
            spec.needs_to_discover.len()
        );
    }

    #[test]
    fn a_role_of_azure_reads_and_does_nothing_else() {
        let spec = connector("azure").unwrap().spec();
        let role: serde_json::Value = serde_json::from_str(&azure()).unwrap();
        assert_eq!(role["Actions"], json!(spec.needs_to_discover));
        let reads = |action: &&str| action.ends_with("/read");
        assert!(spec.needs_to_discover.iter().all(reads));
        assert_eq!(role["DataActions"], json!([]));
    }

    #[test]
    fn an_aws_policy_allows_what_the_source_declares_and_nothing_else() {
        let spec = connector("aws_iam").unwrap().spec();
        let read: serde_json::Value = serde_json::from_str(&aws(false)).unwrap();
        assert_eq!(read["Statement"].as_array().unwrap().len(), 1);
        assert_eq!(
            read["Statement"][0]["Action"],
            json!(spec.needs_to_discover)
        );
        let both = aws(true);
        for action in spec.needs_to_discover.iter().chain(spec.needs_to_act) {
            assert_eq!(
                both.matches(&format!("\"{action}\"")).count(),
                1,
                "{action}"
            );
        }
        // A policy that only reads changes nothing.
        let changes = ["Put", "Update", "Delete", "Create", "Attach", "*:"];
        assert!(
            changes
                .iter()
                .all(|verb| !aws(false).contains(&format!(":{verb}")))
        );
    }
}
