//! Whose credentials sign for the collector: what a profile says of itself, or the usual chain.
//!
//! A profile is followed here as far as it leads (`profile.rs`), so that each step is bounded and
//! says what went wrong; the environment, the container and the instance are aws-config's. A
//! profile that was named comes before what the environment holds, as it does for AWS's own tools.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use aws_config::profile::ProfileSet;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_types::os_shim_internal::{Env, Fs};
use connectors::{Refusal, Request};
use model::{Reason, Secret, Timestamp};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use super::profile::{First, Way, way};
use super::{NOT_TAKEN, signed};
use crate::ports::http::sign::{self, Role, Told};
use crate::ports::http::site::Site;
use crate::ports::http::{Line, program, wait};

/// What a program prints beside credentials is no longer than this.
const PRINTED_MAX: u64 = 64 * 1024;
/// No token in a file is larger.
const TOKEN_MAX: u64 = 64 * 1024;
/// Credentials are asked for anew so long before their end.
const BEFORE_END: Duration = Duration::from_secs(300);
/// Those that end sooner are shown for so long all the same.
const SHOWN_MIN: Duration = Duration::from_secs(30);
/// Where nobody is let in, nobody is asked again for so long.
const REFUSED_FOR: Duration = Duration::from_secs(300);
/// The usual places of an instance answer at once or never.
const USUAL_MAX: Duration = Duration::from_secs(60);

/// What was got, and until when it holds; for ever where nothing says.
struct Held {
    got: Result<Credentials, Refusal>,
    until: Option<SystemTime>,
}

/// Whose credentials sign.
pub(super) struct Chain {
    profile: Option<String>,
    region: Option<String>,
    env: Env,
    fs: Fs,
    loaded: OnceCell<aws_config::SdkConfig>,
    held: Option<Held>,
}

impl Chain {
    pub(super) fn new(profile: Option<String>, region: Option<String>, env: Env) -> Self {
        Self {
            profile,
            region,
            env,
            fs: Fs::real(),
            loaded: OnceCell::const_new(),
            held: None,
        }
    }

    async fn config(&self) -> &aws_config::SdkConfig {
        self.loaded
            .get_or_init(|| async {
                let mut loader = aws_config::defaults(aws_config::BehaviorVersion::latest());
                if let Some(profile) = &self.profile {
                    loader = loader.profile_name(profile);
                }
                // A named region spares the question to the instance's metadata service.
                if let Some(region) = self.region.clone() {
                    loader = loader.region(aws_config::Region::new(region));
                }
                loader.load().await
            })
            .await
    }

    /// Region and endpoint, where the configuration names them.
    pub(super) async fn told(&self) -> Told {
        let config = self.config().await;
        Told {
            region: config.region().map(|region| region.as_ref().to_owned()),
            endpoint: config.endpoint_url().map(str::to_owned),
        }
    }

    /// The credentials to sign with now. They are kept until shortly before their end, and that
    /// nobody was let in is kept for a while, too.
    pub(super) fn credentials(
        &mut self,
        line: &mut Line,
        site: &Site,
    ) -> Result<Credentials, Refusal> {
        let now = SystemTime::now();
        if let Some(held) = &self.held
            && held.until.is_none_or(|until| now < until)
        {
            return held.got.clone();
        }
        let got = self.asked(line, site);
        let until = match &got {
            Ok(given) => given
                .expiry()
                .map(|end| (end - BEFORE_END).max(now + SHOWN_MIN)),
            Err(refusal) if refusal.code == NOBODY || refusal.code == NOT_TAKEN => {
                Some(now + REFUSED_FOR)
            }
            // Whatever was not reached may be reached the next time.
            Err(_) => return got,
        };
        self.held = Some(Held {
            got: got.clone(),
            until,
        });
        got
    }

    fn asked(&self, line: &mut Line, site: &Site) -> Result<Credentials, Refusal> {
        let set = |name: &str| self.env.get(name).is_ok_and(|value| !value.is_empty());
        let of_environment = set("AWS_ACCESS_KEY_ID") && set("AWS_SECRET_ACCESS_KEY");
        if self.profile.is_none() && of_environment {
            return self.usual(line);
        }
        let profiles = wait(&line.runtime, &line.stop, self.profiles())??;
        let Some(way) = way(&profiles, self.profile.is_some())? else {
            return self.usual(line);
        };
        let mut given = self.first(line, site, &way)?;
        for role in &way.roles {
            given = taken_on(line, site, &given, role)?;
        }
        Ok(given)
    }

    /// The profiles of the user's own files.
    async fn profiles(&self) -> Result<ProfileSet, Refusal> {
        #[expect(
            deprecated,
            reason = "aws-runtime, which has the type under its new name, promises no interface"
        )]
        let files = aws_config::profile::profile_file::ProfileFiles::default();
        let chosen = self.profile.clone().map(Into::into);
        // The reader's own message may quote a line of the files.
        aws_config::profile::load(&self.fs, &self.env, &files, chosen)
            .await
            .map_err(|_| {
                nobody(
                    "expected profiles in `~/.aws/config` and `~/.aws/credentials`, got files that \
                     cannot be read as such",
                )
            })
    }

    fn first(&self, line: &mut Line, site: &Site, way: &Way) -> Result<Credentials, Refusal> {
        match &way.first {
            First::Keys(keys) => Ok(keys.clone()),
            First::Center(center) => center.credentials(line, &self.env, &way.by),
            First::Program(command) => printed(command, &way.by, &line.stop),
            First::Token { file, role } => {
                let token = token_in(file)?;
                let request = sign::token_request(role, &token);
                asked_for(line, site, None, &request, role)
            }
            First::Named(source) => self.named(line, source, &way.profile),
        }
    }

    /// What `credential_source` names.
    fn named(&self, line: &Line, source: &str, profile: &str) -> Result<Credentials, Refusal> {
        let provider: Arc<dyn ProvideCredentials> = match source {
            "Environment" => {
                Arc::new(aws_config::environment::EnvironmentVariableCredentialsProvider::new())
            }
            "Ec2InstanceMetadata" => {
                Arc::new(aws_config::imds::credentials::ImdsCredentialsProvider::builder().build())
            }
            "EcsContainer" => Arc::new(aws_config::ecs::EcsCredentialsProvider::builder().build()),
            other => {
                return Err(nobody(&format!(
                    "expected `Environment`, `Ec2InstanceMetadata` or `EcsContainer` as \
                     `credential_source` of the profile `{}`, got `{}`",
                    shown(profile),
                    shown(other)
                )));
            }
        };
        let none = || {
            nobody(&format!(
                "the profile `{}` starts from `{source}`, which let nobody in",
                shown(profile)
            ))
        };
        provided(&line.runtime, &line.stop, provider.as_ref(), none)
    }

    /// The chain of aws-config: environment, web identity, container, instance.
    fn usual(&self, line: &Line) -> Result<Credentials, Refusal> {
        let none = || {
            nobody(
                "found no credentials of AWS; set a profile (`aws:PROFILE`), `AWS_PROFILE`, or \
                 `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`",
            )
        };
        let config = wait(&line.runtime, &line.stop, self.config())?;
        let provider = config.credentials_provider().ok_or_else(none)?;
        provided(&line.runtime, &line.stop, &provider, none)
    }
}

/// The code of a refusal that says that nobody is let in.
const NOBODY: &str = "no_credentials";

/// Nobody is let in.
pub(super) fn nobody(told: &str) -> Refusal {
    Refusal::new(Reason::Denied, told).code(NOBODY)
}

/// Text of a person's own files, as a message has it.
pub(super) fn shown(text: &str) -> String {
    model::shorten(&model::clean(text), 80)
}

/// What a provider of aws-config gives.
fn provided(
    runtime: &Handle,
    stop: &AtomicBool,
    provider: &dyn ProvideCredentials,
    none: impl Fn() -> Refusal,
) -> Result<Credentials, Refusal> {
    let given = wait(runtime, stop, async {
        tokio::time::timeout(USUAL_MAX, provider.provide_credentials()).await
    })?;
    // The provider's own message is not kept: it may quote a configuration file.
    given.ok().and_then(Result::ok).ok_or_else(none)
}

/// A session of `role`, taken on by `own`.
pub(super) fn taken_on(
    line: &mut Line,
    site: &Site,
    own: &Credentials,
    role: &Role,
) -> Result<Credentials, Refusal> {
    asked_for(line, site, Some(own), &sign::role_request(role), role)
}

fn asked_for(
    line: &mut Line,
    site: &Site,
    own: Option<&Credentials>,
    request: &Request,
    role: &Role,
) -> Result<Credentials, Refusal> {
    let response = line.exchange(line.tries(request), || signed(site, request, own))?;
    sign::session_in(&response).map_err(|_| {
        let permission = if own.is_some() {
            "sts:AssumeRole"
        } else {
            "sts:AssumeRoleWithWebIdentity"
        };
        let told = format!(
            "the role `{}` cannot be taken on (HTTP status {}): it has to be there and trust \
             whoever asks, who has to be allowed `{permission}` on it",
            model::shorten(&model::clean(&role.arn), 200),
            response.status
        );
        Refusal::new(Reason::Denied, told).code(NOT_TAKEN)
    })
}

/// The token in a file that a platform writes anew while it runs.
fn token_in(file: &str) -> Result<String, Refusal> {
    let unread = || {
        nobody(&format!(
            "expected a token in `{}` (`web_identity_token_file`), and none can be read there",
            model::shorten(&model::clean(file), 200)
        ))
    };
    let size = std::fs::metadata(file).map_err(|_| unread())?.len();
    if size > TOKEN_MAX {
        return Err(unread());
    }
    let text = std::fs::read_to_string(file).map_err(|_| unread())?;
    Ok(text.trim().to_owned())
}

/// What the program of a profile prints: version 1 of the form that AWS's tools take. What it
/// says on its standard error is nobody's to see.
fn printed(command: &str, profile: &str, stop: &AtomicBool) -> Result<Credentials, Refusal> {
    let (shell, flag) = if cfg!(windows) {
        ("cmd.exe", "/C")
    } else {
        ("sh", "-c")
    };
    let mut program = Command::new(shell);
    program.arg(flag).arg(command);
    let printed = program::printed_until(program, PRINTED_MAX, stop).ok_or_else(|| {
        nobody(&format!(
            "the `credential_process` of the profile `{0}` failed, took longer than {1} seconds \
             or printed more than {2} KiB; see what it says: \
             aws configure export-credentials --profile {0}",
            shown(profile),
            program::PROGRAM_MAX.as_secs(),
            PRINTED_MAX / 1024
        ))
    })?;
    program_gives(&printed).map_err(|what| {
        nobody(&format!(
            "expected credentials from the `credential_process` of the profile `{}`, got {}",
            shown(profile),
            what.told
        ))
    })
}

/// The credentials that the program of a profile printed; what came instead is told.
pub(in super::super) fn program_gives(printed: &Secret) -> Result<Credentials, Refusal> {
    let odd = nobody;
    let other = "something else than an object of version 1 with `AccessKeyId` and \
                 `SecretAccessKey`";
    let told: Value = serde_json::from_slice(printed.expose()).map_err(|_| odd(other))?;
    let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(1), Some(id), Some(secret)) = (
        told.get("Version").and_then(Value::as_u64),
        text("AccessKeyId"),
        text("SecretAccessKey"),
    ) else {
        return Err(odd(other));
    };
    let end = text("Expiration").map(|end| end.parse::<Timestamp>());
    let end = end
        .transpose()
        .map_err(|_| odd("an `Expiration` that is no time"))?;
    let end = end.map(|end| {
        let seconds = u64::try_from(end.seconds()).unwrap_or(0);
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    });
    if end.is_some_and(|end| end <= SystemTime::now()) {
        return Err(odd("some that have expired"));
    }
    let token = text("SessionToken");
    Ok(Credentials::new(id, secret, token, end, "program"))
}
