//! How a kubeconfig leads into a cluster: where its interface is, by which authority it is known,
//! and what lets in. Files are read, and programs run, by the engine.
//!
//! Source: Kubernetes, "kubeconfig (v1)", "client-go credential plugins".

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Secret;
use serde_json::Value;

/// A kubeconfig is smaller.
const BYTES_MAX: usize = 4 << 20;
/// Entries of one list beyond these are not looked at.
const ENTRIES_MAX: usize = 10_000;

/// Why a kubeconfig leads nowhere. It repeats nothing that lets in.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Astray(String);

/// The files of a kubeconfig: of entries with one name the first counts.
#[derive(Default)]
pub struct Kubeconfig {
    /// The directory that each lies in, and what it says.
    files: Vec<(String, Value)>,
}

impl fmt::Debug for Kubeconfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kubeconfig of {} files", self.files.len())
    }
}

/// What stands in the file itself, or in another one.
#[derive(Debug)]
pub enum Held {
    /// These bytes.
    Bytes(Secret),
    /// What a file holds, by its path.
    File(String),
}

/// How a cluster is reached and what lets in.
#[derive(Debug, Default)]
pub struct Access {
    /// `https://host:port/prefix`.
    pub server: String,
    /// The name its certificate has to bear, where it is not that of the server.
    pub server_name: Option<String>,
    /// Certificates of the authorities that it is known by; none: those of this machine.
    pub authority: Option<Held>,
    /// Whether nobody checks who answers.
    pub insecure: bool,
    /// The proxy on the way there.
    pub proxy: Option<String>,
    /// A bearer token.
    pub token: Option<Held>,
    /// `user:password`.
    pub basic: Option<Secret>,
    /// A client's certificate and its key.
    pub certificate: Option<(Held, Held)>,
    /// A program that is run for what lets in.
    pub program: Option<Program>,
}

/// A program that prints what lets in.
#[derive(Debug)]
pub struct Program {
    /// What is run: a name, or a path.
    pub command: String,
    /// With what; it may be secret.
    pub arguments: Vec<Secret>,
    /// Variables beside those of the environment.
    pub variables: Vec<(String, Secret)>,
    /// `client.authentication.k8s.io/v1`.
    pub version: String,
}

impl Kubeconfig {
    /// Adds the file at `path`, which says `text`.
    ///
    /// # Errors
    /// It is no kubeconfig.
    pub fn add(&mut self, path: &str, text: &str) -> Result<(), Astray> {
        let astray = || Astray(format!("{} is no kubeconfig", model::clean(path)));
        if text.len() > BYTES_MAX {
            return Err(astray());
        }
        let options = crate::formats::yaml_options();
        let value: Value =
            serde_saphyr::from_str_with_options(text, options).map_err(|_| astray())?;
        if !value.is_object() {
            return Err(astray());
        }
        let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
        self.files.push((dir.to_owned(), value));
        Ok(())
    }

    /// The context that is used where none is named.
    pub fn current(&self) -> Option<&str> {
        let mut all = self.files.iter();
        all.find_map(|(_, file)| {
            file.get("current-context")?
                .as_str()
                .filter(|one| !one.is_empty())
        })
    }

    /// How `context` leads into its cluster.
    ///
    /// # Errors
    /// There is no such context, or it names what is not there.
    pub fn access(&self, context: &str) -> Result<Access, Astray> {
        let (_, found) = self.named("contexts", "context", context)?;
        let text = |name: &str| found.get(name).and_then(Value::as_str).unwrap_or_default();
        let (dir, cluster) = self.named("clusters", "cluster", text("cluster"))?;
        let mut access = of_cluster(dir, cluster)?;
        if !text("user").is_empty() {
            let (dir, user) = self.named("users", "user", text("user"))?;
            of_user(dir, user, &mut access)?;
        }
        Ok(access)
    }

    /// The entry called `name` of `list`, with the directory of its file.
    fn named(&self, list: &str, part: &str, name: &str) -> Result<(&str, &Value), Astray> {
        let found = self.files.iter().find_map(|(dir, file)| {
            let mut entries = file.get(list)?.as_array()?.iter().take(ENTRIES_MAX);
            let entry =
                entries.find(|one| one.get("name").and_then(Value::as_str) == Some(name))?;
            Some((dir.as_str(), entry.get(part)?))
        });
        found.ok_or_else(|| {
            Astray(format!(
                "the kubeconfig has no {part} `{}`",
                model::shorten(&model::clean(name), 120)
            ))
        })
    }
}

fn of_cluster(dir: &str, cluster: &Value) -> Result<Access, Astray> {
    let text = |name: &str| text_of(cluster, name);
    Ok(Access {
        server: text("server")
            .ok_or_else(|| Astray("the kubeconfig names no server".to_owned()))?
            .to_owned(),
        server_name: text("tls-server-name").map(str::to_owned),
        authority: held(dir, cluster, "certificate-authority")?,
        insecure: cluster
            .get("insecure-skip-tls-verify")
            .and_then(Value::as_bool)
            == Some(true),
        proxy: text("proxy-url").map(str::to_owned),
        ..Access::default()
    })
}

fn of_user(dir: &str, user: &Value, access: &mut Access) -> Result<(), Astray> {
    let text = |name: &str| text_of(user, name);
    // As everybody else who reads these files: what stands there comes before its file.
    access.token = match (text("token"), text("tokenFile")) {
        (Some(token), _) => Some(Held::Bytes(Secret::from(token))),
        (None, Some(file)) => Some(Held::File(beside(dir, file))),
        (None, None) => None,
    };
    access.basic = match (text("username"), text("password")) {
        (Some(user), Some(password)) => Some(Secret::from(format!("{user}:{password}").as_str())),
        _ => None,
    };
    let certificate = held(dir, user, "client-certificate")?;
    access.certificate = match (certificate, held(dir, user, "client-key")?) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            let told = "the kubeconfig has a client certificate without its key, or a key alone";
            return Err(Astray(told.to_owned()));
        }
    };
    if let Some(helper) = user.get("auth-provider") {
        let name = text_of(helper, "name").unwrap_or_default();
        return Err(Astray(format!(
            "the kubeconfig logs in by `auth-provider` `{}`, which Kubernetes itself gave up; \
             write an `exec` or a token",
            model::shorten(&model::clean(name), 80)
        )));
    }
    access.program = user
        .get("exec")
        .map(|exec| program(dir, exec))
        .transpose()?;
    Ok(())
}

fn program(dir: &str, exec: &Value) -> Result<Program, Astray> {
    let command = text_of(exec, "command");
    let command =
        command.ok_or_else(|| Astray("the kubeconfig's `exec` names no command".to_owned()))?;
    let list = |name: &str| {
        let list = exec.get(name).and_then(Value::as_array);
        list.into_iter().flatten().take(ENTRIES_MAX)
    };
    let variables = list("env").filter_map(|one| {
        let value = one.get("value")?.as_str()?;
        Some((text_of(one, "name")?.to_owned(), Secret::from(value)))
    });
    Ok(Program {
        // A name is looked for where programs are, a path begins at the kubeconfig.
        command: match command.contains('/') {
            true => beside(dir, command),
            false => command.to_owned(),
        },
        arguments: list("args")
            .filter_map(|one| one.as_str().map(Secret::from))
            .collect(),
        variables: variables.collect(),
        version: text_of(exec, "apiVersion").unwrap_or_default().to_owned(),
    })
}

/// What stands in `name-data`, in Base64, or in the file that `name` is.
fn held(dir: &str, value: &Value, name: &str) -> Result<Option<Held>, Astray> {
    if let Some(text) = text_of(value, &format!("{name}-data")) {
        let bytes = STANDARD.decode(text.trim());
        let bytes =
            bytes.map_err(|_| Astray(format!("the kubeconfig's `{name}-data` is no Base64")))?;
        return Ok(Some(Held::Bytes(Secret::new(bytes))));
    }
    let file = text_of(value, name);
    Ok(file.map(|file| Held::File(beside(dir, file))))
}

/// A path in a kubeconfig is one from the directory that it lies in.
fn beside(dir: &str, file: &str) -> String {
    if file.starts_with('/') || dir.is_empty() {
        file.to_owned()
    } else {
        format!("{dir}/{file}")
    }
}

fn text_of<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// What a program printed to let in (client-go's `ExecCredential`).
#[derive(Debug, Default)]
pub struct Printed {
    /// A bearer token.
    pub token: Option<Secret>,
    /// A client's certificate and its key, in PEM.
    pub certificate: Option<(Secret, Secret)>,
}

impl Printed {
    /// Reads it.
    ///
    /// # Errors
    /// It is none, or lets nobody in. What it says is not repeated.
    pub fn read(text: &[u8]) -> Result<Self, Astray> {
        let astray = || {
            Astray(
                "expected an ExecCredential with a token or a certificate, got something else"
                    .to_owned(),
            )
        };
        let value: Value = serde_json::from_slice(text).map_err(|_| astray())?;
        let status = value.get("status").ok_or_else(astray)?;
        let text = |name: &str| text_of(status, name).map(Secret::from);
        let printed = Self {
            token: text("token"),
            certificate: text("clientCertificateData").zip(text("clientKeyData")),
        };
        if printed.token.is_none() && printed.certificate.is_none() {
            return Err(astray());
        }
        Ok(printed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r"
apiVersion: v1
kind: Config
current-context: dev
clusters:
- name: kind
  cluster: {server: 'https://127.0.0.1:6443', certificate-authority: ca.crt, tls-server-name: kube}
contexts:
- {name: dev, context: {cluster: kind, user: ann}}
- {name: lost, context: {cluster: gone, user: ann}}
- {name: run, context: {cluster: kind, user: aws}}
users:
- name: ann
  user: {tokenFile: secrets/token, client-certificate-data: Y2VydA==, client-key-data: a2V5}
- name: aws
  user: {exec: {command: aws, args: [eks, get-token], env: [{name: AWS_PROFILE, value: prod}], apiVersion: client.authentication.k8s.io/v1}}
";

    fn config() -> Kubeconfig {
        let mut config = Kubeconfig::default();
        config.add("/home/ann/.kube/config", CONFIG).unwrap();
        config
    }

    #[test]
    fn a_context_leads_to_a_server_and_to_what_lets_in() {
        let config = config();
        let access = config.access(config.current().unwrap()).unwrap();
        assert_eq!(access.server, "https://127.0.0.1:6443");
        assert!(
            matches!(access.authority, Some(Held::File(path)) if path == "/home/ann/.kube/ca.crt")
        );
        assert!(
            matches!(access.token, Some(Held::File(path)) if path == "/home/ann/.kube/secrets/token")
        );
        let Some((Held::Bytes(certificate), Held::Bytes(key))) = access.certificate else {
            panic!("a certificate and its key stand in the file");
        };
        assert_eq!(
            (certificate.expose(), key.expose()),
            (&b"cert"[..], &b"key"[..])
        );
        let program = config.access("run").unwrap().program.unwrap();
        assert_eq!(
            (program.command.as_str(), program.arguments.len()),
            ("aws", 2)
        );
    }

    #[test]
    fn of_several_files_the_first_that_has_a_name_counts() {
        let mut several = Kubeconfig::default();
        several
            .add("/a/one", "contexts: [{name: dev, context: {cluster: mine}}]\nclusters: [{name: mine, cluster: {server: 'https://mine'}}]")
            .unwrap();
        several.add("/b/two", CONFIG).unwrap();
        assert_eq!(several.current(), Some("dev"));
        assert_eq!(several.access("dev").unwrap().server, "https://mine");
    }

    #[test]
    fn what_leads_nowhere_says_why_and_repeats_no_secret() {
        let told = config().access("lost").unwrap_err().to_string();
        assert_eq!(told, "the kubeconfig has no cluster `gone`");
        let mut odd = Kubeconfig::default();
        assert!(
            odd.add("/a", "hunter2")
                .unwrap_err()
                .to_string()
                .ends_with("/a is no kubeconfig")
        );
        let told = Printed::read(br#"{"status":{"tokn":"hunter2"}}"#)
            .unwrap_err()
            .to_string();
        assert!(!told.contains("hunter2"), "{told}");
        assert!(!format!("{:?}", config()).contains("Y2VydA"));
    }
}
