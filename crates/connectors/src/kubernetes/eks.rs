//! Amazon EKS: who of AWS is whom in a cluster, by the map `aws-auth` or by access entries.
//!
//! Source: Amazon EKS User Guide, "Grant IAM users and roles access to Kubernetes APIs"; EKS API
//! Reference, `DescribeAccessEntry`, `ListAssociatedAccessPolicies`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Entries of one map beyond these are not told.
const ENTRIES_MAX: usize = 2_000;
/// No ARN is longer.
const ARN_BYTES_MAX: usize = 800;
/// A longer list is none of a map.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// Who of AWS is whom here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// The role or user of AWS.
    pub(super) arn: String,
    /// As whom it comes.
    pub(super) user: Option<String>,
    /// In which groups.
    pub(super) groups: Vec<String>,
    /// Policies of EKS for it: `AmazonEKSClusterAdminPolicy in the cluster`.
    pub(super) policies: Vec<String>,
    /// Whether an access entry says so, or the map.
    pub(super) by_entry: bool,
}

#[derive(Deserialize)]
struct Mapped {
    #[serde(alias = "rolearn", alias = "userarn")]
    arn: String,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
}

/// The entries of the map `aws-auth`; none where it cannot be read.
pub(super) fn mapped(map: &Value) -> Option<Vec<Entry>> {
    let mut out = Vec::new();
    for list in ["mapRoles", "mapUsers"] {
        let Some(text) = map
            .pointer(&format!("/data/{list}"))
            .and_then(Value::as_str)
        else {
            continue;
        };
        if text.trim().is_empty() {
            continue;
        }
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let options = crate::formats::yaml_options();
        let entries: Vec<Mapped> = serde_saphyr::from_str_with_options(text, options).ok()?;
        let entries = entries.into_iter().take(ENTRIES_MAX);
        let fits = entries.filter(|one| (1..=ARN_BYTES_MAX).contains(&one.arn.len()));
        out.extend(fits.map(|one| Entry {
            arn: one.arn,
            user: one.username,
            groups: one.groups,
            ..Entry::default()
        }));
    }
    Some(out)
}

/// One access entry, or the policies of one, as AWS's command line prints them.
pub(super) fn access_entry(value: &Value) -> Option<Entry> {
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten().take(ENTRIES_MAX);
        list.filter_map(|one| one.as_str().map(str::to_owned))
            .collect()
    };
    if let Some(entry) = value.get("accessEntry") {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        return Some(Entry {
            arn: text("principalArn")
                .filter(|arn| arn.len() <= ARN_BYTES_MAX)?
                .to_owned(),
            user: text("username").map(str::to_owned),
            groups: entry.get("kubernetesGroups").map(texts).unwrap_or_default(),
            policies: Vec::new(),
            by_entry: true,
        });
    }
    let policies = value.get("associatedAccessPolicies")?.as_array()?;
    let arn = value.get("principalArn")?.as_str()?;
    let told = policies.iter().take(ENTRIES_MAX).filter_map(|one| {
        let name = one.get("policyArn")?.as_str()?.rsplit('/').next()?;
        let namespaces = one.pointer("/accessScope/namespaces").map(texts);
        let scope = one.pointer("/accessScope/type").and_then(Value::as_str);
        Some(match (scope, namespaces) {
            (Some("cluster"), _) => format!("{name} in the cluster"),
            (_, Some(some)) if !some.is_empty() => format!("{name} in {}", some.join(", ")),
            _ => name.to_owned(),
        })
    });
    Some(Entry {
        arn: (arn.len() <= ARN_BYTES_MAX).then(|| arn.to_owned())?,
        policies: told.collect(),
        by_entry: true,
        ..Entry::default()
    })
}

/// Whether it is an answer of EKS that tells of nobody: a list of ARNs alone.
pub(super) fn is_answer(value: &Value) -> bool {
    value.get("accessEntries").is_some() || value.get("associatedAccessPolicies").is_some()
}

/// One entry for each of AWS: what several say of it is told together.
pub(super) fn joined(entries: &[Entry]) -> Vec<Entry> {
    let mut out = BTreeMap::<&str, Entry>::new();
    for one in entries {
        let known = out.entry(&one.arn).or_insert_with(|| Entry {
            arn: one.arn.clone(),
            ..Entry::default()
        });
        known.user = known.user.take().or_else(|| one.user.clone());
        known.groups.extend(one.groups.iter().cloned());
        known.policies.extend(one.policies.iter().cloned());
        known.by_entry |= one.by_entry;
    }
    let mut out: Vec<_> = out.into_values().collect();
    for one in &mut out {
        for list in [&mut one.groups, &mut one.policies] {
            list.sort();
            list.dedup();
        }
    }
    out
}

impl Entry {
    /// `admin` where a group or policy of it is that of administrators.
    pub(super) fn is_admin(&self) -> bool {
        let by_policy =
            |one: &String| one.starts_with("AmazonEKSClusterAdminPolicy in the cluster");
        self.groups.iter().any(|one| one == "system:masters") || self.policies.iter().any(by_policy)
    }

    /// `aws_iam_role`, `aws_iam_user`.
    pub(super) fn type_(&self) -> &'static str {
        if self.arn.contains(":user/") || self.arn.ends_with(":root") {
            "aws_iam_user"
        } else {
            "aws_iam_role"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_map_and_an_access_entry_say_of_one_role_is_one_entry() {
        let arn = "arn:aws:iam::111122223333:role/Ops";
        let map = json!({"data": {"mapRoles": format!("- rolearn: {arn}\n  username: ops\n  groups:\n  - system:masters\n"), "mapUsers": ""}});
        let mut entries = mapped(&map).unwrap();
        entries.extend(access_entry(
            &json!({"accessEntry": {"principalArn": arn, "kubernetesGroups": ["view"]}}),
        ));
        entries.extend(access_entry(&json!({"principalArn": arn, "associatedAccessPolicies": [
            {"policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", "accessScope": {"type": "namespace", "namespaces": ["shop"]}}]})));
        let one = &joined(&entries)[..];
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].groups, ["system:masters", "view"]);
        assert_eq!(one[0].policies, ["AmazonEKSViewPolicy in shop"]);
        assert!(one[0].is_admin() && one[0].by_entry);
        assert!(mapped(&json!({"data": {"mapRoles": "{{"}})).is_none());
    }
}
