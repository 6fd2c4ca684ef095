//! Questions to a cluster, as a kubeconfig leads there or from a pod of it.
//!
//! Everything here is what a person's own files say: a kubeconfig is read as far as its context
//! wants it, a program that it names is run only where a person allowed it, and a server that
//! nobody vouches for is asked only where a person accepted that.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connectors::kubernetes::access::{Access, Held, Kubeconfig, Printed, Program};
use connectors::{Refusal, Request, Response, Whom};
use model::{Reason, Secret};
use reqwest::Url;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Line;
use super::client::{Door, Sealed, sealed, tls};
use super::program;
use super::site::is_loopback;
use crate::Error;

/// Where a pod finds what lets it in.
const MOUNTED: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// No file that is named in a kubeconfig is larger, nor what a program prints.
const BYTES_MAX: u64 = 4 << 20;

/// Who asks a cluster, and where.
pub(super) struct Kubernetes {
    base: Url,
    /// What the server is called, where its certificate bears another name.
    host: Option<String>,
    token: Option<Held>,
    basic: Option<Secret>,
}

impl Kubernetes {
    /// As `options` say: `kubeconfig` (paths, one a line), `context`, or else `cluster`, the
    /// `host:port` that a pod is told. `secret` is a bearer token in the place of what they say.
    ///
    /// # Errors
    /// They lead nowhere, or to what nobody allowed.
    pub(super) fn new(
        options: &BTreeMap<String, String>,
        secret: Option<Secret>,
    ) -> Result<(Self, Door), Error> {
        let mut access = access(options)?;
        if let Some(token) = secret {
            access.token = Some(Held::Bytes(token));
            access.program = None;
        }
        let allowed = |name: &str| options.get(name).is_some_and(|word| word == "allowed");
        if let Some(program) = access.program.take() {
            printed(&program, &mut access, allowed("exec"))?;
        }
        Self::of(access, allowed("insecure"))
    }

    fn of(access: Access, insecure: bool) -> Result<(Self, Door), Error> {
        let mut base = server(&access.server)?;
        let stays = is_loopback(&base);
        if access.insecure && !insecure {
            return Err(unfit(
                "the kubeconfig says `insecure-skip-tls-verify`: nobody would check who answers; \
                 give the cluster's `certificate-authority`, or accept it by `--allow-insecure`",
            ));
        }
        let (mut host, mut named) = (None, None);
        if let Some(name) = &access.server_name {
            let addresses = addresses(&base)?;
            host = Some(authority(&base));
            base.set_host(Some(name))
                .map_err(|_| unfit("`tls-server-name` is no name of a host"))?;
            if base.domain().is_none() {
                return Err(unfit(
                    "`tls-server-name` is an address; it has to be a name",
                ));
            }
            named = Some((name.clone(), addresses));
        }
        let proxy = access.proxy.as_deref().map(Url::parse).transpose();
        let door = Door {
            tls: trusting(&access)?,
            stays: stays && access.proxy.is_none(),
            proxy: proxy.map_err(|_| unfit("`proxy-url` cannot be read"))?,
            named,
        };
        let cluster = Self {
            base,
            host,
            token: access.token,
            basic: access.basic,
        };
        Ok((cluster, door))
    }

    /// The answer to `request`.
    pub(super) fn answer(
        &mut self,
        line: &mut Line,
        request: &Request,
    ) -> Result<Response, Refusal> {
        if !matches!(request.whom, Whom::Collector) {
            let told = "a cluster is asked as the source's own identity only";
            return Err(Refusal::new(Reason::Unsupported, told));
        }
        line.exchange(line.tries(request), || self.sealed(request))
    }

    fn sealed(&self, request: &Request) -> Result<Sealed, Refusal> {
        let mut sealed = sealed(self.base.clone(), request)?;
        if let Some(host) = &self.host {
            sealed.say("host", host);
        }
        let shown = match (&self.token, &self.basic) {
            // A token in a file is given anew while it is used.
            (Some(token), _) => Some([b"Bearer ", bytes(token)?.expose().trim_ascii()].concat()),
            (None, Some(login)) => {
                Some([b"Basic ", STANDARD.encode(login.expose()).as_bytes()].concat())
            }
            (None, None) => None,
        };
        let Some(shown) = shown else {
            return Ok(sealed);
        };
        let odd = || {
            Refusal::new(Reason::Denied, "the token holds what no header can carry")
                .code("no_credentials")
        };
        sealed.show("authorization", &shown).ok_or_else(odd)?;
        Ok(sealed)
    }
}

/// The program that is run for what lets in, if the kubeconfig says and `options` allow it.
pub(crate) fn program_of(options: &BTreeMap<String, String>) -> Option<String> {
    options.get("exec").filter(|word| *word == "allowed")?;
    let program = access(options).ok()?.program?;
    Some(model::shorten(&model::clean(&program.command), 120))
}

/// What the kubeconfig says, or what a pod is given.
fn access(options: &BTreeMap<String, String>) -> Result<Access, Error> {
    let named: Vec<&str> = options
        .get("kubeconfig")
        .map(|paths| paths.lines().collect())
        .unwrap_or_default();
    let there = named.iter().filter(|path| Path::new(path).exists());
    let mut config = Kubeconfig::default();
    let mut any = false;
    for path in there {
        let text = read(path)?;
        let text = std::str::from_utf8(text.expose())
            .map_err(|_| unfit(&format!("{} is no kubeconfig", model::clean(path))))?;
        config.add(path, text).map_err(astray)?;
        any = true;
    }
    match (any, options.get("cluster"), options.get("context")) {
        (true, _, Some(context)) => config.access(context).map_err(astray),
        (true, _, None) => {
            let current = config.current().ok_or_else(|| {
                unfit("the kubeconfig has no `current-context`; name one: `k8s:CONTEXT`")
            })?;
            config.access(current).map_err(astray)
        }
        (false, Some(cluster), None) => Ok(in_cluster(cluster, MOUNTED)),
        (false, _, _) => Err(unfit(
            "no kubeconfig is at hand: `KUBECONFIG` and `~/.kube/config` name none, and this is no pod",
        )),
    }
}

/// What a pod is given: its token, and by whom its cluster is known.
fn in_cluster(cluster: &str, mounted: &str) -> Access {
    Access {
        server: format!("https://{cluster}"),
        authority: Some(Held::File(format!("{mounted}/ca.crt"))),
        token: Some(Held::File(format!("{mounted}/token"))),
        ..Access::default()
    }
}

/// The address of a server: over TLS, or on this machine.
fn server(text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|_| unfit("the kubeconfig's `server` cannot be read"))?;
    let plain = url.scheme() == "http" && is_loopback(&url);
    if !url.username().is_empty() || url.password().is_some() {
        return Err(unfit("the kubeconfig's `server` holds a user"));
    }
    if url.scheme() == "https" || plain {
        Ok(url)
    } else {
        Err(unfit("the kubeconfig's `server` is not https"))
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn addresses(url: &Url) -> Result<Vec<SocketAddr>, Error> {
    let port = url.port_or_known_default().unwrap_or(443);
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = (host, port).to_socket_addrs();
    let found: Vec<_> = found.into_iter().flatten().collect();
    if found.is_empty() {
        return Err(unfit("the kubeconfig's `server` has no address"));
    }
    Ok(found)
}

/// Whom to trust, and what to show.
fn trusting(access: &Access) -> Result<rustls::ClientConfig, Error> {
    if access.authority.is_none() && access.certificate.is_none() && !access.insecure {
        return tls();
    }
    let mut anchors = rustls::RootCertStore::empty();
    match &access.authority {
        Some(held) => {
            let pem = held_bytes(held)?;
            for one in CertificateDer::pem_slice_iter(pem.expose()) {
                let one = one.map_err(|_| unfit("the cluster's authority is no certificate"))?;
                anchors
                    .add(one)
                    .map_err(|_| unfit("the cluster's authority is no certificate"))?;
            }
        }
        None => {
            let (_, _) =
                anchors.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|_| unfit("no version of TLS can be used here"))?;
    let builder = if access.insecure {
        let any = Arc::new(crate::ports::Encrypting(provider));
        builder.dangerous().with_custom_certificate_verifier(any)
    } else {
        builder.with_root_certificates(anchors)
    };
    let Some((certificate, key)) = &access.certificate else {
        return Ok(builder.with_no_client_auth());
    };
    let odd = || unfit("the client certificate or its key cannot be read, or are not of one pair");
    let chain = held_bytes(certificate)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.expose()).collect();
    let key = PrivateKeyDer::from_pem_slice(held_bytes(key)?.expose()).map_err(|_| odd())?;
    builder
        .with_client_auth_cert(chain.map_err(|_| odd())?, key)
        .map_err(|_| odd())
}

/// Runs `program`, where that is allowed, for what lets in.
fn printed(program: &Program, access: &mut Access, allowed: bool) -> Result<(), Error> {
    let shown = model::shorten(&model::clean(&program.command), 120);
    if !allowed {
        return Err(unfit(&format!(
            "the kubeconfig logs in by the program `{shown}`; `--allow-exec` lets it run"
        )));
    }
    let printed =
        run(program).ok_or_else(|| unfit(&format!("`{shown}` did not print what lets in")))?;
    let printed =
        Printed::read(printed.expose()).map_err(|error| unfit(&format!("`{shown}`: {error}")))?;
    if let Some(token) = printed.token {
        access.token = Some(Held::Bytes(token));
    }
    if let Some((certificate, key)) = printed.certificate {
        access.certificate = Some((Held::Bytes(certificate), Held::Bytes(key)));
    }
    Ok(())
}

/// What `program` prints; nothing where it fails, prints too much or takes too long.
fn run(program: &Program) -> Option<Secret> {
    let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
    let told = serde_json::json!({
        "kind": "ExecCredential",
        "apiVersion": program.version,
        "spec": {"interactive": false},
    });
    let mut command = Command::new(&program.command);
    command
        .args(program.arguments.iter().map(text))
        .envs(
            program
                .variables
                .iter()
                .map(|(name, value)| (name, text(value))),
        )
        .env("KUBERNETES_EXEC_INFO", told.to_string());
    program::printed(command, BYTES_MAX)
}

fn held_bytes(held: &Held) -> Result<Secret, Error> {
    match held {
        Held::Bytes(bytes) => Ok(bytes.clone()),
        Held::File(path) => read(path),
    }
}

fn bytes(held: &Held) -> Result<Secret, Refusal> {
    held_bytes(held)
        .map_err(|error| Refusal::new(Reason::Denied, error.to_string()).code("no_credentials"))
}

fn read(path: &str) -> Result<Secret, Error> {
    let doing = |source| Error::Files {
        doing: "reading",
        path: path.into(),
        source,
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(doing)?;
    file.take(BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(doing)?;
    Ok(Secret::new(bytes))
}

fn astray(error: connectors::kubernetes::access::Astray) -> Error {
    unfit(&error.to_string())
}

fn unfit(told: &str) -> Error {
    Error::Unfit(told.to_owned())
}

#[cfg(test)]
mod tests;
