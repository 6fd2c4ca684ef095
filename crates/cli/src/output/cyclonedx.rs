//! CycloneDX 1.7: the certificates, keys and other credentials of the roll as cryptographic
//! assets (FM-15). A secret's value has no place here: `value` is never written.

use std::io::{self, Write};

use model::{CredentialType, Timestamp};
use serde_json::{Map, Value, json};

use super::list::Emit;
use super::{Fields, Row, json};

/// A bill of materials. Components are written as they come, what is told of all at the end.
pub(super) struct Bill {
    begun: bool,
    now: Timestamp,
    identities: u64,
}

impl Bill {
    /// With nothing in it yet.
    pub(super) const fn new(now: Timestamp) -> Self {
        Self {
            begun: false,
            now,
            identities: 0,
        }
    }

    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.begun {
            return out.write_all(b",\n");
        }
        self.begun = true;
        out.write_all(
            b"{\"$schema\":\"http://cyclonedx.org/schema/bom-1.7.schema.json\",\"bomFormat\":\"CycloneDX\",\
              \"specVersion\":\"1.7\",\"version\":1,\"components\":[\n",
        )
    }
}

impl Emit for Bill {
    fn row(&mut self, out: &mut dyn Write, row: &Row, _: &Fields) -> io::Result<()> {
        // The selection of fields is for people's formats; CycloneDX has its own shape.
        if row.fields.get("kind").and_then(Value::as_str) != Some("credential") {
            self.identities += 1;
            return Ok(());
        }
        self.begin(out)?;
        out.write_all(json::line(&component(row)).as_bytes())
    }

    fn end(&mut self, out: &mut dyn Write, footer: &[String]) -> io::Result<()> {
        if !self.begun {
            self.begin(out)?;
        }
        let mut remarks: Vec<Value> = footer.iter().map(|text| property("remark", text)).collect();
        if self.identities > 0 {
            let told = format!(
                "{} identities are no cryptographic assets and are not in this bill; \
                 `keyroll ls kind=credential -o cyclonedx` writes all credentials",
                self.identities
            );
            remarks.push(property("remark", &told));
        }
        let metadata = json!({
            "timestamp": self.now,
            "tools": {"components": [{
                "type": "application", "name": "keyroll", "version": env!("CARGO_PKG_VERSION"),
            }]},
            "properties": remarks,
        });
        writeln!(out, "\n],\"metadata\":{}}}", json::line(&metadata))
    }
}

fn property(name: &str, value: &str) -> Value {
    json!({"name": format!("keyroll:{name}"), "value": value})
}

/// Fields of a line that have no place of their own in a component.
const OTHERS: [&str; 10] = [
    "type",
    "provider",
    "environment",
    "status",
    "privilege",
    "holder",
    "owner",
    "last_used_at",
    "first_seen",
    "missing_since",
];

fn component(row: &Row) -> Value {
    let fields = &row.fields;
    let word = |name: &str| fields.get(name).and_then(Value::as_str);
    let others = OTHERS
        .iter()
        .filter_map(|name| Some(property(name, word(name)?)));
    let type_ = word("type").unwrap_or_default().parse::<CredentialType>();
    let crypto = match type_ {
        Ok(CredentialType::X509Certificate) => json!({
            "assetType": "certificate",
            "certificateProperties": certificate(row),
        }),
        other => json!({
            "assetType": "related-crypto-material",
            "relatedCryptoMaterialProperties": material(row, other.ok()),
        }),
    };
    json!({
        "type": "cryptographic-asset",
        "bom-ref": word("id"),
        "name": word("name").unwrap_or_default(),
        "cryptoProperties": crypto,
        "properties": others.collect::<Vec<_>>(),
    })
}

/// An instant; `never` and silence have no place in a field for dates.
fn date(row: &Row, name: &str) -> Option<Value> {
    let text = detail(row, name)?;
    text.parse::<Timestamp>().ok().map(|at| json!(at))
}

fn detail<'r>(row: &'r Row, name: &str) -> Option<&'r str> {
    let value = row.detail.get(name).or_else(|| row.fields.get(name));
    value.and_then(Value::as_str)
}

fn told<const N: usize>(pairs: [(&str, Option<Value>); N]) -> Map<String, Value> {
    let told = |(name, value): (&str, Option<Value>)| Some((name.to_owned(), value?));
    pairs.into_iter().filter_map(told).collect()
}

/// A hash as CycloneDX has it, in hex.
fn sha256(row: &Row) -> Option<Value> {
    detail(row, "sha256").map(|hex| json!({"alg": "SHA-256", "content": hex}))
}

fn certificate(row: &Row) -> Value {
    let text = |name: &str| detail(row, name).map(Value::from);
    let mut properties = told([
        ("serialNumber", text("serial")),
        ("subjectName", text("subject")),
        ("issuerName", text("issuer")),
        ("notValidBefore", date(row, "valid_from")),
        ("notValidAfter", date(row, "expires_at")),
        ("certificateFormat", Some(json!("X.509"))),
        ("fingerprint", sha256(row)),
    ]);
    // Where nobody tells, it has no state: an unknown is not called active.
    if let Some(state) = state(row) {
        properties.insert("certificateState".to_owned(), json!([{"state": state}]));
    }
    properties.into()
}

fn material(row: &Row, type_: Option<CredentialType>) -> Value {
    let word = match type_ {
        Some(CredentialType::AwsAccessKey) => "credential",
        Some(
            CredentialType::AwsSession
            | CredentialType::KubernetesToken
            | CredentialType::Jwt
            | CredentialType::ApiToken,
        ) => "token",
        Some(
            CredentialType::AwsConsolePassword
            | CredentialType::PostgresPassword
            | CredentialType::MysqlPassword
            | CredentialType::RedisPassword
            | CredentialType::Password,
        ) => "password",
        Some(CredentialType::PrivateKey) => "private-key",
        Some(CredentialType::SshAuthorizedKey) => "public-key",
        Some(_) => "credential",
        None => "unknown",
    };
    let properties = told([
        ("type", Some(json!(word))),
        ("id", detail(row, "id").map(Value::from)),
        ("state", state(row).map(Value::from)),
        ("creationDate", date(row, "created_at")),
        ("updateDate", date(row, "rotated_at")),
        ("expirationDate", date(row, "expires_at")),
        ("fingerprint", sha256(row)),
    ]);
    properties.into()
}

/// The state in NIST SP 800-57's words, where a source tells one.
fn state(row: &Row) -> Option<&'static str> {
    match detail(row, "status")? {
        "active" => Some("active"),
        "inactive" | "disabled" => Some("suspended"),
        "revoked" => Some("deactivated"),
        _ => None,
    }
}
