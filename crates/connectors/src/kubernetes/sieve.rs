//! Objects of Kubernetes as they are read: without what nobody may read and what nobody needs.
//!
//! **Invariant:** no value of a secret is taken from where it lies. What is left out here is
//! skipped by the parser and becomes nothing: `data` but for the names in [`DATA`], `stringData`,
//! `binaryData`, annotations but for [`ANNOTATIONS`] (`kubectl apply` writes whole secrets into
//! one). Held by `no_value_of_a_secret_passes_the_sieve`.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// What is kept of `metadata`.
const METADATA: &[&str] = &[
    "name",
    "generateName",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "ownerReferences",
    "continue",
];
/// The annotations that are kept.
const ANNOTATIONS: &[&str] = &[
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "azure.workload.identity/client-id",
    "azure.workload.identity/tenant-id",
    "kubernetes.io/service-account.name",
    "kubernetes.io/service-account.uid",
    "cert-manager.io/certificate-name",
];
/// What is kept of `data`: who of AWS is who here, since when old tokens are watched, and the
/// public half of a TLS secret.
const DATA: &[&str] = &["mapRoles", "mapUsers", "since", "tls.crt"];
/// What is kept of `status`.
const STATUS: &[&str] = &["certificate", "conditions", "notAfter", "notBefore"];
/// Lists within lists.
const DEPTH_MAX: usize = 4;

/// What a list says of its items.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    /// `PodList`.
    pub(super) kind: String,
    /// `v1`.
    pub(super) version: String,
}

/// Takes each object of a document: itself, or those of its list.
pub(super) struct Sieve<'s> {
    /// Of the list round it.
    pub(super) head: &'s Head,
    pub(super) depth: usize,
    pub(super) each: &'s mut dyn FnMut(Value),
}

impl<'de> DeserializeSeed<'de> for Sieve<'_> {
    /// What is left of the document itself; null where it is no object.
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(Sifted {
            way: Way::Object,
            sieve: Some(self),
        })
    }
}

/// Which part of an object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Object,
    /// Only the members of these names, as they are.
    Named(&'static [&'static str]),
    Metadata,
}

impl Way {
    /// How the member called `name` is read; none: not at all.
    fn to(self, name: &str) -> Option<Option<Self>> {
        match self {
            Self::Object => match name {
                "metadata" => Some(Some(Self::Metadata)),
                "data" => Some(Some(Self::Named(DATA))),
                "status" => Some(Some(Self::Named(STATUS))),
                "stringData" | "binaryData" => None,
                _ => Some(None),
            },
            Self::Metadata if name == "annotations" => Some(Some(Self::Named(ANNOTATIONS))),
            Self::Metadata => METADATA.contains(&name).then_some(None),
            Self::Named(names) => names.contains(&name).then_some(None),
        }
    }
}

struct Sifted<'s> {
    way: Way,
    sieve: Option<Sieve<'s>>,
}

impl<'de> DeserializeSeed<'de> for Sifted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

/// One object, as it is read.
pub(super) struct Kept(pub(super) Value);

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let way = Way::Object;
        let object = Sifted { way, sieve: None }.deserialize(from)?;
        Ok(Self(object))
    }
}

/// What stands where a table should is nothing.
macro_rules! nothing {
    ($($visit:ident: $of:ty),*) => {
        $(fn $visit<E: serde::de::Error>(self, _: $of) -> Result<Value, E> {
            Ok(Value::Null)
        })*
    };
}

impl<'de> Visitor<'de> for Sifted<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of Kubernetes")
    }

    nothing!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    /// A list that is a document by itself.
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value, A::Error> {
        match self.sieve {
            Some(sieve) => Items(sieve).visit_seq(seq)?,
            None => drop(IgnoredAny.visit_seq(seq)?),
        }
        Ok(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if let ("items", Some(sieve)) = (name.as_str(), &mut self.sieve)
                && sieve.depth < DEPTH_MAX
            {
                map.next_value_seed(Items(Sieve {
                    head: sieve.head,
                    depth: sieve.depth + 1,
                    each: sieve.each,
                }))?;
                // That there was a list is told; what was in it was handed out.
                kept.insert(name, Value::Null);
                continue;
            }
            let value = match self.way.to(&name) {
                None => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                Some(None) => map.next_value::<Value>()?,
                Some(Some(way)) => map.next_value_seed(Sifted { way, sieve: None })?,
            };
            kept.insert(name, value);
        }
        Ok(Value::Object(kept))
    }
}

/// The items of a list.
struct Items<'s>(Sieve<'s>);

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects of Kubernetes")
    }

    /// An empty list of a server may be none.
    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Sieve { head, depth, each } = self.0;
        while let Some(item) = seq.next_element_seed(Sieve { head, depth, each })? {
            each(named(item, head));
        }
        Ok(())
    }
}

/// An item of a typed list says its kind through the list alone.
fn named(mut item: Value, head: &Head) -> Value {
    if let (Value::Object(members), Some(kind)) = (&mut item, head.kind.strip_suffix("List"))
        && !kind.is_empty()
        && !members.contains_key("kind")
    {
        members.insert("kind".to_owned(), kind.into());
        members.insert("apiVersion".to_owned(), head.version.as_str().into());
    }
    item
}

/// Reads one document of JSON or YAML: hands each object of its list to `each`, or itself, and
/// gives what is left of the document.
pub(super) fn sift<'de, D: Deserializer<'de>>(
    from: D,
    head: &Head,
    each: &mut dyn FnMut(Value),
) -> Result<Value, D::Error> {
    let left = Sieve {
        head,
        depth: 0,
        each,
    }
    .deserialize(from)?;
    if left.is_object() && left.get("items").is_none() {
        each(named(left.clone(), head));
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, kind: &str) -> (Vec<Value>, Value) {
        let mut out = Vec::new();
        let head = Head {
            kind: kind.to_owned(),
            version: "v1".to_owned(),
        };
        let mut from = serde_json::Deserializer::from_str(text);
        let left = sift(&mut from, &head, &mut |one| out.push(one)).unwrap();
        (out, left)
    }

    #[test]
    fn no_value_of_a_secret_passes_the_sieve() {
        let text = r#"{"kind":"SecretList","apiVersion":"v1","metadata":{"continue":"next"},"items":[
            {"metadata":{"name":"db","uid":"1","annotations":{
                "kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"password\":\"hidden-1\"}}",
                "kubernetes.io/service-account.name":"app"},
                "managedFields":[{"x":"hidden-2"}]},
             "type":"Opaque","data":{"password":"hidden-3","tls.crt":"public"},
             "stringData":{"a":"hidden-4"},"binaryData":{"b":"hidden-5"},"status":{"x":"hidden-6"}},
            7, null, "odd", {"metadata":"odd","data":3}]}"#;
        let (seen, left) = read(text, "SecretList");
        let told = serde_json::to_string(&(&seen, &left)).unwrap();
        assert!(!told.contains("hidden"), "{told}");
        assert_eq!(seen.len(), 5);
        assert_eq!(seen[0]["kind"], "Secret");
        assert_eq!(seen[0]["data"]["tls.crt"], "public");
        assert_eq!(
            seen[0]["metadata"]["annotations"]["kubernetes.io/service-account.name"],
            "app"
        );
        assert_eq!(left["metadata"]["continue"], "next");
    }

    #[test]
    fn a_document_is_an_object_or_the_objects_of_its_list() {
        let (seen, _) = read(r#"{"kind":"Pod","metadata":{"name":"a"}}"#, "Pod");
        assert_eq!(seen.len(), 1);
        let (seen, _) = read(
            r#"{"kind":"List","items":[{"kind":"List","items":[{"kind":"Pod"}]},{"kind":"Role"}]}"#,
            "List",
        );
        let kinds: Vec<_> = seen.iter().filter_map(|one| one["kind"].as_str()).collect();
        assert!(
            kinds.contains(&"Pod") && kinds.contains(&"Role"),
            "{kinds:?}"
        );
        let (seen, left) = read(r#"{"kind":"PodList","items":null}"#, "PodList");
        assert!(seen.is_empty() && left.get("items").is_some());
    }
}
