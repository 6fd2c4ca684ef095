//! File formats in which credentials and keys lie about: one file each.
//!
//! To add one: write `formats/<format>.rs`, add it to [`FORMATS`], put a recording under
//! `testdata/files/<format>/`. The tests over the catalogue hold it from then on.
//!
//! A format reads bytes and says what it [`Seen`]; it asks nothing, knows no fingerprint key
//! and makes no observation, so each one can be fuzzed alone.
//!
//! **Invariant:** arbitrary bytes end in findings and gaps, never in a panic, a hang or a
//! flood. Held by `arbitrary_bytes_never_panic_a_format`.

mod agent_config;
mod ansible;
mod arm_template;
mod authorized_keys;
mod aws_cache;
mod aws_profile;
mod azure;
mod cargo_credentials;
mod ci;
mod cli_tokens;
mod cloudformation;
mod compose;
mod credstore;
mod crontab;
mod cyclonedx;
mod declared;
mod directory_client;
mod docker_config;
mod dockerfile;
pub(crate) mod dotenv;
mod gcloud;
mod gcloud_store;
mod gem_credentials;
mod gh_hosts;
mod git_credentials;
mod helm_values;
mod image_config;
mod json_lines;
mod key_store;
mod keytab;
mod known_hosts;
mod kubeconfig;
pub(crate) mod kubernetes;
mod literals;
mod marks;
mod maven_settings;
mod mcp_server;
mod model_keys;
mod netrc;
mod notebook;
mod npmrc;
mod pgpass;
mod policy;
mod private_key;
mod pypirc;
mod sarif;
mod seen;
pub(crate) mod settings;
mod short_lived;
mod ssh_certificate;
pub(crate) mod ssh_public_key;
mod systemd_unit;
mod terraform;
pub(crate) mod text;
mod tree;
mod utf16;
mod windows;
pub(crate) mod x509;
mod xml;

pub(crate) use ci::SHORT_LIVED;
pub(crate) use seen::blank;
pub use seen::{Certificate, Found, PrivateKey, PublicHalf, Seen, Text, Thing};
pub(crate) use settings::of_variables;
pub use short_lived::ShortLived;
pub(crate) use tree::{documents_of as yaml_documents, options as yaml_options, text as tree_text};
pub use utf16::as_utf8;

/// What a format says of itself.
#[derive(Debug)]
pub struct FormatSpec {
    /// A noun: lower case, digits and underscores.
    pub name: &'static str,
    /// What it reads, in one line.
    pub reads: &'static str,
    /// Where such files usually lie, for the manual; those that begin with `~/` or `/etc/` are
    /// looked at when nothing is named. `*` stands for any one name there.
    pub places: &'static [&'static str],
}

/// A file to be read.
#[derive(Clone, Copy)]
pub struct FileAt<'a> {
    /// Its absolute path.
    pub path: &'a str,
    /// What it holds, or the beginning of it; its text in UTF-8 ([`as_utf8`]).
    pub bytes: &'a [u8],
}

impl<'a> FileAt<'a> {
    /// The last part of the path.
    pub fn name(&self) -> &'a str {
        name_of(self.path)
    }

    /// The bytes as text, up to the first that is no UTF-8; a gap says so.
    pub(crate) fn text(&self, seen: &mut Seen) -> &'a str {
        let bytes = self
            .bytes
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(self.bytes);
        match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(odd) => {
                let good = odd.valid_up_to();
                seen.broken(format!(
                    "expected UTF-8 text, got other bytes at byte {good}"
                ));
                std::str::from_utf8(&bytes[..good]).unwrap_or_default()
            }
        }
    }
}

/// One format.
pub trait Format: Sync {
    /// What it is.
    fn spec(&self) -> &'static FormatSpec;

    /// Whether a file at `path`, called `name`, is of this format by its name.
    fn recognises(&self, path: &str, name: &str) -> bool;

    /// Whether an empty file of this format is broken: others are empty before they are filled.
    fn holds_something(&self) -> bool {
        false
    }

    /// Whether its files are kept with code, where many read what stands in them; others are
    /// there to hold secrets.
    fn is_code(&self) -> bool {
        false
    }

    /// Words, each far from usual, of which a file of this format and any name has one near its
    /// beginning: only where one stands is [`Format::contained_in`] asked. None: it always is.
    fn marks(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a file of any name is of this format by what it holds.
    fn contained_in(&self, bytes: &[u8]) -> bool {
        let _ = bytes;
        false
    }

    /// Reads it. What it cannot read becomes a gap in `seen`.
    fn read(&self, file: &FileAt<'_>, seen: &mut Seen);
}

/// Every format, in the order of the manual.
pub static FORMATS: &[&dyn Format] = &[
    &x509::X509,
    &private_key::PrivateKeys,
    &ssh_public_key::SshPublicKey,
    &authorized_keys::AuthorizedKeys,
    &aws_profile::AwsProfile,
    &aws_cache::AwsCache,
    &dotenv::Dotenv,
    &pgpass::Pgpass,
    &directory_client::DirectoryClient,
    &keytab::Keytab,
    &kubeconfig::Kubeconfig,
    &git_credentials::GitCredentials,
    &netrc::Netrc,
    &gh_hosts::GhHosts,
    &npmrc::Npmrc,
    &pypirc::Pypirc,
    &cargo_credentials::CargoCredentials,
    &docker_config::DockerConfig,
    &maven_settings::MavenSettings,
    &gem_credentials::GemCredentials,
    &gcloud::Gcloud,
    &gcloud_store::GcloudStore,
    &azure::Azure,
    &agent_config::AgentConfig,
    &mcp_server::McpServer,
    &notebook::Notebook,
    &model_keys::ModelKeys,
    &ci::GithubActions,
    &ci::GitlabCi,
    &ci::Jenkins,
    &ci::AzurePipelines,
    &ci::Circleci,
    &ci::Buildkite,
    &ci::Drone,
    &ci::BitbucketPipelines,
    &dockerfile::Dockerfile,
    &image_config::ImageConfig,
    &compose::Compose,
    &cyclonedx::Cyclonedx,
    &sarif::Sarif,
    &key_store::KeyStore,
    &kubernetes::KubernetesManifest,
    &helm_values::HelmValues,
    &ansible::Ansible,
    &terraform::TerraformPlan,
    &terraform::TerraformState,
    &terraform::TerraformConfig,
    &cloudformation::Cloudformation,
    &arm_template::ArmTemplate,
    &ssh_certificate::SshCertificate,
    &known_hosts::KnownHosts,
    &cli_tokens::CliTokens,
    &systemd_unit::SystemdUnit,
    &credstore::Credstore,
    &crontab::Crontab,
    &windows::WindowsTask,
    &windows::WindowsService,
    &windows::RegistryExport,
    &windows::Unattend,
    &windows::GroupPolicy,
    &windows::DotnetConfig,
];

/// The format called `name`.
pub fn format(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|one| one.spec().name == name)
}

/// Reads `file` by every format that knows it by name or content.
pub(crate) fn read_all(file: &FileAt<'_>) -> Seen {
    if json_lines::is_one(file.name()) && !known_by_name(file.path) {
        return json_lines::read(file, &|line| read_if(line, |_| false));
    }
    read_if(file, |format| format.recognises(file.path, file.name()))
}

/// Reads `file` by every format that knows it by name, as `is_named` says, or by content.
fn read_if(file: &FileAt<'_>, is_named: impl Fn(&dyn Format) -> bool) -> Seen {
    let mut seen = Seen::default();
    let marked = marks::formats_in(file.bytes);
    for (at, format) in FORMATS.iter().enumerate() {
        let may_be_in = || format.marks().is_empty() || marked.contains(&at);
        if is_named(*format) || may_be_in() && format.contained_in(file.bytes) {
            seen.is_code |= format.is_code();
            format.read(file, &mut seen);
        }
    }
    seen
}

/// Whether some format knows a file by its name alone.
pub(crate) fn known_by_name(path: &str) -> bool {
    let name = name_of(path);
    FORMATS.iter().any(|format| format.recognises(path, name))
}

/// Whether a file at `path` is broken where it is empty.
pub(crate) fn holds_something(path: &str) -> bool {
    let name = name_of(path);
    let mut known = FORMATS.iter().filter(|one| one.recognises(path, name));
    known.any(|format| format.holds_something())
}

/// The last part of a path.
pub(crate) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
