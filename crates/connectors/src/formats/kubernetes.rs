//! Kubernetes manifests: YAML with many documents, JSON, lists, rendered charts, kustomizations.
//!
//! Facts beside the usual ones. Of workloads: `namespace`, `service_account`,
//! `automount_service_account_token` (where stated), `deprecated_service_account_field`,
//! `secrets_in_env` (variables with a literal that sounds secret), `secret_env` (variables filled
//! from secrets), `secret_volumes`, `projected_tokens` (audiences), `host_paths`, `privileged`,
//! `host_namespaces`, `images`. Of roles and bindings: `rights`, `sensitive_rights` (one of
//! `read_secrets`, `exec`, `create_workloads`, `create_tokens`, `approve_certificates`,
//! `escalate`, `impersonate`, `everything`), `role`, `subjects`. Of references: `secret_store`,
//! `remote_keys`. Of service accounts: `federation` (the cloud identity they speak as).

pub(crate) mod object;
pub(crate) mod rbac;
pub(crate) mod reference;
mod secrets;
pub(crate) mod workload;

use object::Manifest;
pub(super) use rbac::federated;
use serde_json::Value;

use super::{FileAt, Format, FormatSpec, Seen, declared, settings, tree};

/// So much of a file of any name is looked at.
const HEAD_BYTES: usize = 4096;
/// Larger files are not read.
const BYTES_MAX: usize = 32 << 20;
/// More documents or items than this in one file are not looked at.
const OBJECTS_MAX: usize = 50_000;
/// Lists within lists.
const DEPTH_MAX: usize = 4;

/// Manifests.
pub(super) struct KubernetesManifest;

impl Format for KubernetesManifest {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "kubernetes_manifest",
            reads: "secrets, service accounts, roles, bindings and workloads in manifests, rendered charts and kustomizations",
            places: &["*.yaml", "*.yml", "*.json", "kustomization.yaml"],
        }
    }

    fn recognises(&self, _path: &str, name: &str) -> bool {
        matches!(
            name,
            "kustomization.yaml" | "kustomization.yml" | "Kustomization"
        )
    }

    fn marks(&self) -> &'static [&'static str] {
        &["apiVersion"]
    }

    fn contained_in(&self, bytes: &[u8]) -> bool {
        let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
        crate::armour::find(head, b"apiVersion").is_some()
            && crate::armour::find(head, b"kind").is_some()
            && begins_as_tree(head)
    }

    fn is_code(&self) -> bool {
        true
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        if file.bytes.len() > BYTES_MAX {
            return seen.unsupported("a manifest of more than 32 MiB");
        }
        let text = file.text(seen);
        let mut objects = Vec::new();
        if text.trim_start().starts_with('{') {
            let Some(value) = tree::json(file, seen) else {
                return;
            };
            items(value, 0, &mut objects);
        } else {
            for value in tree::documents(text, OBJECTS_MAX, seen) {
                items(value, 0, &mut objects);
            }
        }
        if objects.len() >= OBJECTS_MAX {
            seen.unsupported(format!(
                "holds more than {OBJECTS_MAX} objects; the rest was not read"
            ));
        }
        read_all(&objects, seen);
        declared::in_objects(&String::from_utf8_lossy(file.bytes), seen);
        settings::locate(seen, file.bytes);
    }
}

fn read_all(objects: &[Value], seen: &mut Seen) {
    let manifest = Manifest::of(objects);
    for object in manifest.objects() {
        match object.kind {
            "Secret" => secrets::secret(&object, &manifest, seen),
            "ConfigMap" => secrets::config_map(&object, &manifest, seen),
            "Kustomization" | "Component" => secrets::generators(&object, seen),
            "ServiceAccount" => rbac::service_account(&object, seen),
            "Role" | "ClusterRole" => rbac::role(&object, seen),
            "RoleBinding" | "ClusterRoleBinding" => rbac::binding(&object, &manifest, seen),
            "CertificateSigningRequest" => reference::request(&object, seen),
            _ if workload::pod_of(&object).is_some() => {
                workload::workload(&object, &manifest, seen);
            }
            _ => reference::reference(&object, seen),
        }
    }
}

/// An object, or those of a list.
fn items(value: Value, depth: usize, out: &mut Vec<Value>) {
    let list = value
        .get("kind")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.ends_with("List"));
    match value {
        Value::Object(mut members) if list && depth < DEPTH_MAX => {
            if let Some(Value::Array(list)) = members.remove("items") {
                for one in list {
                    items(one, depth + 1, out);
                }
            }
        }
        Value::Array(list) if depth < DEPTH_MAX => {
            for one in list {
                items(one, depth + 1, out);
            }
        }
        Value::Object(_) if out.len() < OBJECTS_MAX => out.push(value),
        _ => {}
    }
}

/// Whether a text begins as YAML or JSON does: code and prose speak of manifests as well.
fn begins_as_tree(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    let Some(first) = lines.next() else {
        return false;
    };
    let starts: [&[u8]; 5] = [b"{", b"[", b"---", b"- ", b"%YAML"];
    let name = first.split(|byte| *byte == b':').next().unwrap_or(first);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"\"'_-./".contains(byte);
    let is_key = name.len() < first.len() && !name.is_empty() && name.iter().all(plain);
    is_key && !first[name.len()..].starts_with(b"::") || starts.iter().any(|s| first.starts_with(s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_prose_that_speak_of_manifests_are_none() {
        let is_one = |text: &str| KubernetesManifest.contained_in(text.as_bytes());
        for text in [
            "# ours\n\napiVersion: v1\nkind: Secret\n",
            "---\nkind: Secret\napiVersion: v1\n",
            "{\"kind\": \"Secret\", \"apiVersion\": \"v1\"}",
            "{{- if .Values.on }}\napiVersion: v1\nkind: Secret\n",
        ] {
            assert!(is_one(text), "{text}");
        }
        for text in [
            "// Made from a schema\nconst KEY: &str = \"apiVersion\"; // kind\n",
            "use k8s::kind;\n\"apiVersion\"\n",
            "std::kind();\n// apiVersion\n",
            "A manifest says:\n\n    apiVersion: v1\n    kind: Secret\n",
            "package rules\napiVersion := input.kind\n",
        ] {
            assert!(!is_one(text), "{text}");
        }
    }

    #[test]
    fn a_chart_template_is_no_broken_manifest() {
        let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ .Values.name }}\n{{- if .x }}\n{{- end }}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: kept}\n";
        let mut seen = Seen::default();
        let file = FileAt {
            path: "/c/templates/a.yaml",
            bytes: text.as_bytes(),
        };
        KubernetesManifest.read(&file, &mut seen);
        assert!(seen.gaps.is_empty());
        assert_eq!(seen.aside, ["template"]);
        assert_eq!(seen.things.len(), 1);
    }

    #[test]
    fn a_variable_that_refers_to_another_holds_no_secret() {
        let read = |value: &str| {
            let text = format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n  - name: app\n    env:\n    - name: DB_PASSWORD\n      value: '{value}'\n"
            );
            let mut seen = Seen::default();
            let file = FileAt {
                path: "/c/pod.yaml",
                bytes: text.as_bytes(),
            };
            KubernetesManifest.read(&file, &mut seen);
            let told = seen.things[0].told.facts.keys();
            let in_clear = told.filter(|one| one.as_str() == "secrets_in_env").count();
            (in_clear, seen.found.len())
        };
        for reference in [
            "$(SHARED_PASSWORD)",
            "$SHARED_PASSWORD",
            "${{ secrets.SHARED }}",
            "${SHARED}",
        ] {
            assert_eq!(read(reference), (0, 0), "{reference}");
        }
        assert_eq!(read("hT5rFvB8nJm2"), (1, 1));
    }
}
