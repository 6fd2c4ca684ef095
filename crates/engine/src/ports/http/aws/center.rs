//! Roles that IAM Identity Center gives whoever signed in by `aws sso login`.
//!
//! Source: AWS SDKs and Tools Reference Guide, "IAM Identity Center credential provider"; IAM
//! Identity Center Portal API Reference, `GetRoleCredentials`; OIDC API Reference, `CreateToken`.
//!
//! The session lies in `~/.aws/sso/cache`, where AWS's tools put it. Where it may be prolonged it
//! is, and what came is put back there as those tools do: the token that prolongs may be good once.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_lc_rs::digest;
use aws_types::os_shim_internal::Env;
use connectors::{Refusal, Request, Response};
use model::{Secret, Timestamp};
use reqwest::Url;
use serde_json::{Map, Value, json};

use super::chain::{nobody, shown};
use crate::ports::http::Line;
use crate::ports::http::client::{Sealed, sealed};
use crate::ports::http::site::{endpoint_of, is_label, suffix};

/// A session is prolonged so long before its end.
const BEFORE_END: model::Duration = model::Duration::minutes(5);
/// No kept session is larger.
const KEPT_MAX: u64 = 64 * 1024;

/// What a profile says of IAM Identity Center.
pub(super) struct Center {
    /// The name of the session, where it has a section of its own.
    pub(super) session: Option<String>,
    pub(super) start: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) role: String,
}

/// A session that AWS's tools kept.
struct Kept {
    path: PathBuf,
    whole: Map<String, Value>,
    token: Secret,
    ends: Timestamp,
}

impl Center {
    /// Credentials of the role, for whoever signed in with `profile`.
    ///
    /// # Errors
    /// Nobody did, it was too long ago, or the portal does not give this role.
    pub(super) fn credentials(
        &self,
        line: &mut Line,
        env: &Env,
        profile: &str,
    ) -> Result<Credentials, Refusal> {
        let mut kept = self.kept(env, profile)?;
        let now = now();
        if kept.ends.since(now) <= BEFORE_END
            && let Some(prolonged) = self.prolonged(line, env, &kept, now)?
        {
            kept = prolonged;
        }
        if kept.ends <= now {
            return Err(again(profile, "has expired"));
        }
        let base = self.address(env, "portal.sso", "AWS_ENDPOINT_URL_SSO")?;
        let request = Request::get(&["federation", "credentials"])
            .parameter("role_name", &self.role)
            .parameter("account_id", &self.account);
        let response = line.exchange(line.tries(&request), || {
            showing(&base, &request, &kept.token)
        })?;
        match response.status {
            200 => given(&response),
            401 => Err(again(profile, "is not taken any more")),
            403 | 404 => Err(nobody(&format!(
                "IAM Identity Center does not give whoever signed in with the profile `{}` the \
                 role `{}` in the account `{}`: have it assigned, or name another in the profile",
                shown(profile),
                shown(&self.role),
                shown(&self.account)
            ))),
            status => Err(nobody(&format!(
                "IAM Identity Center did not answer for the profile `{}`: HTTP status {status}",
                shown(profile)
            ))),
        }
    }

    /// The session that `aws sso login` kept.
    fn kept(&self, env: &Env, profile: &str) -> Result<Kept, Refusal> {
        let home = env.get("HOME").or_else(|_| env.get("USERPROFILE"));
        let home = home.map_err(|_| nobody("no home directory is known: `HOME` is not set"))?;
        let key = self.session.as_ref().unwrap_or(&self.start);
        let name = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
        let name: String = name.as_ref().iter().map(|n| format!("{n:02x}")).collect();
        let path = Path::new(&home)
            .join(".aws/sso/cache")
            .join(format!("{name}.json"));
        let bytes = bytes_of(&path).ok_or_else(|| again(profile, "is not there"))?;
        Kept::of(path, &bytes).ok_or_else(|| again(profile, "cannot be read"))
    }

    /// The session with a later end, where it has what prolongs it and that was taken.
    fn prolonged(
        &self,
        line: &mut Line,
        env: &Env,
        kept: &Kept,
        now: Timestamp,
    ) -> Result<Option<Kept>, Refusal> {
        let text = |name: &str| kept.whole.get(name).and_then(Value::as_str);
        let registered = text("registrationExpiresAt").and_then(time);
        let (Some(client), Some(secret), Some(refresh), true) = (
            text("clientId"),
            text("clientSecret"),
            text("refreshToken"),
            self.session.is_some() && registered.is_some_and(|until| until > now),
        ) else {
            return Ok(None);
        };
        let base = self.address(env, "oidc", "AWS_ENDPOINT_URL_SSO_OIDC")?;
        // What cannot be kept is not asked for: it would be spent, and the one of before lasts.
        let Ok(room) = Room::beside(&kept.path) else {
            return Ok(None);
        };
        let body = json!({
            "clientId": client,
            "clientSecret": secret,
            "grantType": "refresh_token",
            "refreshToken": refresh,
        });
        let request = Request::json("", &["token"], "", body);
        // What prolongs may be good once, so it is sent once.
        let Ok(response) = line.exchange(1, || sealed(base.clone(), &request)) else {
            return Ok(None);
        };
        let told: Option<Map<String, Value>> = serde_json::from_str(&response.body).ok();
        let Some(told) = told.filter(|_| response.status == 200) else {
            return Ok(None);
        };
        let (Some(token), Some(seconds)) = (
            told.get("accessToken").and_then(Value::as_str),
            told.get("expiresIn").and_then(Value::as_i64),
        ) else {
            return Ok(None);
        };
        let mut whole = kept.whole.clone();
        let ends = Timestamp::from_seconds(now.seconds().saturating_add(seconds));
        whole.insert("accessToken".to_owned(), json!(token));
        whole.insert("expiresAt".to_owned(), json!(ends.to_string()));
        if let Some(next) = told.get("refreshToken") {
            whole.insert("refreshToken".to_owned(), next.clone());
        }
        let Some(prolonged) = Kept::read(kept.path.clone(), whole) else {
            return Ok(None);
        };
        prolonged.keep(room).map_err(|error| {
            nobody(&format!(
                "the prolonged session of IAM Identity Center cannot be kept in `{}`: {error}",
                model::clean(&kept.path.display().to_string())
            ))
        })?;
        Ok(Some(prolonged))
    }

    /// Where one of its interfaces is: what `variable` says, or the region's own.
    fn address(&self, env: &Env, service: &str, variable: &str) -> Result<Url, Refusal> {
        if let Ok(named) = env.get(variable) {
            return endpoint_of(&named).map_err(|error| nobody(&format!("`{variable}`: {error}")));
        }
        let unfit = || nobody("expected a region such as `eu-west-1` as `sso_region`");
        if !is_label(&self.region) {
            return Err(unfit());
        }
        let suffix = suffix(&self.region);
        Url::parse(&format!("https://{service}.{}.{suffix}/", self.region)).map_err(|_| unfit())
    }
}

/// Whether `bytes` are a session that AWS's tools kept.
pub(in super::super) fn is_kept_session(bytes: &Secret) -> bool {
    Kept::of(PathBuf::new(), bytes).is_some()
}

impl Kept {
    fn of(path: PathBuf, bytes: &Secret) -> Option<Self> {
        Self::read(path, serde_json::from_slice(bytes.expose()).ok()?)
    }

    fn read(path: PathBuf, whole: Map<String, Value>) -> Option<Self> {
        let token = Secret::from(whole.get("accessToken")?.as_str()?);
        let ends = time(whole.get("expiresAt")?.as_str()?)?;
        Some(Self {
            path,
            whole,
            token,
            ends,
        })
    }

    /// Puts it where it was: whole or not at all, for its owner alone.
    fn keep(&self, mut room: Room) -> std::io::Result<()> {
        let whole = Value::Object(self.whole.clone()).to_string();
        room.file.write_all(whole.as_bytes())?;
        room.file.sync_all()?;
        std::fs::rename(&room.path, &self.path)
    }
}

/// A new file that only its owner may read; gone again unless it took another's place.
struct Room {
    path: PathBuf,
    file: std::fs::File,
}

impl Room {
    fn beside(path: &Path) -> std::io::Result<Self> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // Processes of containers that share a home have the same number.
        let nanos = since.map_or(0, |since| since.as_nanos());
        let path = path.with_extension(format!("{}-{nanos}.keyroll", std::process::id()));
        let mut open = std::fs::OpenOptions::new();
        open.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
        let file = open.open(&path)?;
        Ok(Self { path, file })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

fn bytes_of(path: &Path) -> Option<Secret> {
    let file = std::fs::File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(KEPT_MAX + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= KEPT_MAX).then(|| Secret::new(bytes))
}

/// The time that older tools wrote with `UTC` behind it, too.
fn time(text: &str) -> Option<Timestamp> {
    text.replace("UTC", "Z").parse().ok()
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}

fn showing(base: &Url, request: &Request, token: &Secret) -> Result<Sealed, Refusal> {
    let mut sealed = sealed(base.clone(), request)?;
    let unfit = || nobody("the session of IAM Identity Center fits no header");
    sealed
        .show("x-amz-sso_bearer_token", token.expose())
        .ok_or_else(unfit)?;
    Ok(sealed)
}

/// The credentials in an answer of the portal.
pub(in super::super) fn given(response: &Response) -> Result<Credentials, Refusal> {
    let odd = || nobody("expected credentials of IAM Identity Center, got another answer");
    let told: Value = serde_json::from_str(&response.body).map_err(|_| odd())?;
    let held = told.get("roleCredentials").ok_or_else(odd)?;
    let text = |name: &str| held.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(id), Some(secret), Some(token)) = (
        text("accessKeyId"),
        text("secretAccessKey"),
        text("sessionToken"),
    ) else {
        return Err(odd());
    };
    let ends = held.get("expiration").and_then(Value::as_u64);
    let ends =
        ends.and_then(|millis| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis)));
    Ok(Credentials::new(id, secret, Some(token), ends, "center"))
}

/// The session of `profile` is of no use any more: whoever owns it has to sign in again.
fn again(profile: &str, what: &str) -> Refusal {
    let profile = shown(profile);
    nobody(&format!(
        "the session of IAM Identity Center for the profile `{profile}` {what}; sign in, then ask \
         again: aws sso login --profile {profile}"
    ))
}
