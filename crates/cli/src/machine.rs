//! What this machine and this user have, as the engine wants to know it for a scan.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use connectors::Shown;
use engine::Machine;
use model::{Secret, Timestamp};

use crate::environment::Environment;

/// Variables that point to a file with credentials.
const FILES: [&str; 8] = [
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "PGPASSFILE",
    "PGSERVICEFILE",
    "NETRC",
    "NPM_CONFIG_USERCONFIG",
    "PIP_CONFIG_FILE",
];

/// Flags about how sources are asked.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Asking {
    /// Of git repositories read only the files of today
    #[arg(long, env = "KEYROLL_NO_HISTORY", value_parser = clap::builder::FalseyValueParser::new())]
    no_history: bool,
    /// Ask AWS, or the interface that is named, here instead
    #[arg(long, value_name = "URL", env = "KEYROLL_ENDPOINT")]
    endpoint: Option<String>,
    /// Ask nobody: read what an interface answered from files below this directory
    #[arg(long, value_name = "DIR", env = "KEYROLL_SAVED")]
    saved: Option<PathBuf>,
    /// AWS region
    #[arg(long, env = "KEYROLL_REGION")]
    region: Option<String>,
    /// Of AWS accounts read these regions alone, with commas between them
    #[arg(long, env = "KEYROLL_REGIONS")]
    regions: Option<String>,
    /// Let a kubeconfig run the program that it logs in by
    #[arg(long, env = "KEYROLL_ALLOW_EXEC", value_parser = clap::builder::FalseyValueParser::new())]
    allow_exec: bool,
    /// Ask a cluster though its kubeconfig says that nobody checks who answers
    #[arg(long, env = "KEYROLL_ALLOW_INSECURE", value_parser = clap::builder::FalseyValueParser::new())]
    allow_insecure: bool,
    /// What these sources are, and so what a proof against them is worth: real, emulator, stub
    #[arg(long, value_name = "KIND", env = "KEYROLL_TARGET_KIND", value_parser = ["real", "emulator", "stub"])]
    target_kind: Option<String>,
}

/// Flags about the other accounts of an organisation.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Accounts {
    /// Read every account of an AWS account's organisation, too
    #[arg(long, env = "KEYROLL_ORGANIZATION", value_parser = clap::builder::FalseyValueParser::new())]
    organization: bool,
    /// The role in each of them that is taken on to read it
    #[arg(
        long,
        value_name = "NAME",
        env = "KEYROLL_ACCOUNT_ROLE",
        default_value = "OrganizationAccountAccessRole"
    )]
    account_role: String,
    /// Leave out those that were read since, to go on with a scan that broke off
    #[arg(long, value_name = "TIME", env = "KEYROLL_UNLESS_READ_SINCE")]
    unless_read_since: Option<Timestamp>,
}

impl Accounts {
    /// This machine, with what is asked of an organisation.
    pub(crate) fn machine(&self, environment: &Environment, asking: &Asking) -> Machine {
        Machine {
            organization_role: self.organization.then(|| self.account_role.clone()),
            unless_read_since: self.unless_read_since,
            ..machine(environment, asking)
        }
    }
}

/// This machine, as the environment has it.
pub(crate) fn machine(environment: &Environment, asking: &Asking) -> Machine {
    let files = FILES
        .iter()
        .filter_map(|name| environment.get(name))
        .map(PathBuf::from);
    let listed = environment.get("KUBECONFIG").unwrap_or_default().split(':');
    let listed = listed.filter(|path| !path.is_empty()).map(PathBuf::from);
    let mut kubeconfig: Vec<PathBuf> = listed.clone().collect();
    if kubeconfig.is_empty() {
        kubeconfig.extend(environment.home().map(|home| home.join(".kube/config")));
    }
    let docker = environment
        .get("DOCKER_CONFIG")
        .map(|dir| Path::new(dir).join("config.json"));
    let absolute = |path: PathBuf| {
        if path.is_absolute() {
            path
        } else {
            environment.here.join(path)
        }
    };
    let options = aws(environment, asking);
    // Nobody proves anything about AWS against an interface that is not AWS's own.
    let kind = asking.target_kind.clone().unwrap_or_else(|| {
        if options.contains_key("endpoint") {
            "emulator"
        } else {
            "real"
        }
        .to_owned()
    });
    let (azure, azure_secret) = azure(environment);
    let tokens = connectors::token_logins().filter_map(|(_, login)| {
        let token = match (environment.get(login.variable), login.shown) {
            (Some(token), _) => Secret::from(token),
            (None, Shown::Google { .. }) => google(environment)?,
            (None, _) => return None,
        };
        Some((login.variable.to_owned(), token))
    });
    Machine {
        // Not what the environment says of AWS: the token of another system would go there.
        endpoint: asking.endpoint.clone(),
        saved: asking.saved.clone(),
        organization_role: None,
        unless_read_since: None,
        tokens: tokens.collect(),
        host: host(),
        kubeconfig: kubeconfig.into_iter().map(absolute).collect(),
        cluster: cluster(environment),
        azure,
        azure_secret,
        allow_exec: asking.allow_exec,
        allow_insecure: asking.allow_insecure,
        home: environment.home(),
        places: files.chain(listed).chain(docker).map(absolute).collect(),
        skip_history: asking.no_history,
        kind_of_target: kind,
        options,
    }
}

/// The options that say where AWS is asked, by flags and by the variables of its own tools.
fn aws(environment: &Environment, asking: &Asking) -> BTreeMap<String, String> {
    let endpoint = asking
        .endpoint
        .as_deref()
        .or_else(|| environment.get("AWS_ENDPOINT_URL_IAM"))
        .or_else(|| environment.get("AWS_ENDPOINT_URL"));
    let region = asking
        .region
        .as_deref()
        .or_else(|| environment.get("AWS_REGION"))
        .or_else(|| environment.get("AWS_DEFAULT_REGION"));
    let named = [
        ("endpoint", endpoint),
        ("region", region),
        ("regions", asking.regions.as_deref()),
    ];
    let given = named
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    given
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Variables that say as whom Microsoft is asked, by the names of a source's options; those of
/// its own libraries.
const AZURE: [(&str, &str); 5] = [
    ("AZURE_TENANT_ID", "tenant"),
    ("AZURE_CLIENT_ID", "client"),
    ("AZURE_AUTHORITY_HOST", "authority"),
    ("AZURE_CLIENT_CERTIFICATE_PATH", "certificate"),
    ("AZURE_FEDERATED_TOKEN_FILE", "token_file"),
];

/// No file of a login of Google is larger.
const LOGIN_BYTES_MAX: u64 = 64 * 1024;

/// What Google's own tools log in with: the file that is named, or the one that
/// `gcloud auth application-default login` leaves.
fn google(environment: &Environment) -> Option<Secret> {
    let path = match environment.get("GOOGLE_APPLICATION_CREDENTIALS") {
        Some(named) => environment.here.join(named),
        None => {
            let dir = environment.get("CLOUDSDK_CONFIG").map(PathBuf::from);
            let usual = || Some(environment.home()?.join(".config/gcloud"));
            dir.or_else(usual)?
                .join("application_default_credentials.json")
        }
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(LOGIN_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(Secret::new(bytes))
}

/// As whom Microsoft is asked, and with what. A client's secret goes before what a platform gives.
fn azure(environment: &Environment) -> (BTreeMap<String, String>, Option<Secret>) {
    let get = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let told = AZURE
        .iter()
        .filter_map(|(variable, option)| Some(((*option).to_owned(), get(variable)?.to_owned())));
    let mut options: BTreeMap<String, String> = told.collect();
    let known = ["tenant", "client"]
        .iter()
        .all(|name| options.contains_key(*name));
    if let Some(secret) = get("AZURE_CLIENT_SECRET").filter(|_| known) {
        return (options, Some(Secret::from(secret)));
    }
    let stored = ["certificate", "token_file"];
    let stored = known && stored.iter().any(|name| options.contains_key(*name));
    match (get("IDENTITY_ENDPOINT"), get("IDENTITY_HEADER")) {
        (Some(endpoint), Some(header)) if !stored => {
            options.insert("managed_endpoint".to_owned(), endpoint.to_owned());
            (options, Some(Secret::from(header)))
        }
        _ => {
            if let Some(host) = get("AZURE_POD_IDENTITY_AUTHORITY_HOST") {
                options.insert("metadata".to_owned(), host.to_owned());
            }
            (options, None)
        }
    }
}

/// Where a pod is told that the interface of its cluster is.
fn cluster(environment: &Environment) -> Option<String> {
    let host = environment.get("KUBERNETES_SERVICE_HOST")?;
    let port = environment.get("KUBERNETES_SERVICE_PORT").unwrap_or("443");
    Some(if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    })
}

/// What this machine calls itself.
pub(crate) fn host() -> String {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy().into_owned();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        model::clean(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_s_secret_goes_before_what_a_platform_gives() {
        let client = [
            ("AZURE_TENANT_ID", "acme.test"),
            ("AZURE_CLIENT_ID", "0a"),
            ("IDENTITY_ENDPOINT", "http://127.0.0.1:1/token"),
            ("IDENTITY_HEADER", "of-the-platform"),
            ("AZURE_CLIENT_SECRET", "of-the-client"),
        ];
        let shown = |secret: Option<Secret>| secret.map(|one| one.expose().to_vec());
        let (options, secret) = azure(&Environment::of(&client));
        assert_eq!(shown(secret).as_deref(), Some(&b"of-the-client"[..]));
        assert!(!options.contains_key("managed_endpoint"));
        let (options, secret) = azure(&Environment::of(&client[..4]));
        assert_eq!(shown(secret).as_deref(), Some(&b"of-the-platform"[..]));
        assert!(options.contains_key("managed_endpoint"));
        let (options, secret) = azure(&Environment::of(&[("AZURE_CLIENT_SECRET", "alone")]));
        assert!(options.is_empty() && secret.is_none());
    }

    #[test]
    fn variables_point_to_places_and_an_endpoint_is_no_real_cloud() {
        let environment = Environment::of(&[
            ("KUBECONFIG", "/a:b"),
            ("PGPASSFILE", "/c"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("HOME", "/home/ann"),
        ]);
        let found = machine(&environment, &Asking::default());
        let places: Vec<_> = found
            .places
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        assert_eq!(places, ["/c", "/a", "/srv/here/b"]);
        assert_eq!(found.kubeconfig.len(), 2);
        let pod = Environment::of(&[("HOME", "/root"), ("KUBERNETES_SERVICE_HOST", "fd00::1")]);
        let found_in_pod = machine(&pod, &Asking::default());
        assert_eq!(found_in_pod.cluster.as_deref(), Some("[fd00::1]:443"));
        assert_eq!(
            found_in_pod.kubeconfig,
            [PathBuf::from("/root/.kube/config")]
        );
        assert_eq!(found.kind_of_target, "emulator");
        assert_eq!(
            machine(&Environment::of(&[]), &Asking::default()).kind_of_target,
            "real"
        );
    }
}
