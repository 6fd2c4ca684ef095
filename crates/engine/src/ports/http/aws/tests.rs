//! Profiles of every kind, with a stub of the portal and of STS where those are asked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::*;
use crate::ports::http::client::{Door, Sender};
use crate::ports::http::pace::Pace;
use crate::ports::http::tests::{http, listener};
use crate::ports::http::{HttpLimits, Wire};

/// A home with what AWS's tools keep in it.
struct Home {
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    stop: Arc<AtomicBool>,
}

impl Home {
    fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join(".aws/sso/cache")).unwrap();
        std::fs::write(dir.path().join(".aws/config"), config).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self {
            dir,
            runtime,
            stop: Arc::default(),
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn env(&self, beside: &[(&str, &str)]) -> Env {
        let mut told = vec![("HOME", self.dir.path().to_str().unwrap())];
        told.extend(beside);
        Env::from_slice(&told)
    }

    fn line(&self) -> Line {
        let limits = HttpLimits {
            tries_max: 1,
            ..HttpLimits::default()
        };
        Line {
            wire: Arc::new(Wire {
                sender: Sender::new(Door::public(true).unwrap(), &limits).unwrap(),
                pace: Mutex::new(Pace::new(1000)),
            }),
            runtime: self.runtime.handle().clone(),
            limits,
            stop: Arc::clone(&self.stop),
        }
    }

    fn chain(&self, profile: Option<&str>, beside: &[(&str, &str)]) -> Chain {
        Chain::new(profile.map(str::to_owned), None, self.env(beside))
    }

    /// What `profile` gives, with `endpoint` as all of AWS.
    fn given(
        &self,
        profile: Option<&str>,
        beside: &[(&str, &str)],
        endpoint: &str,
    ) -> Result<Credentials, Refusal> {
        self.chain(profile, beside)
            .credentials(&mut self.line(), &site(endpoint))
    }

    /// The session of the portal under the digest that AWS's tools keep it by.
    fn keep(&self, digest: &str, session: &str) -> std::path::PathBuf {
        let path = self.path(&format!(".aws/sso/cache/{digest}.json"));
        std::fs::write(&path, session).unwrap();
        path
    }
}

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

fn site(endpoint: &str) -> Site {
    let options = BTreeMap::from([("endpoint".to_owned(), endpoint.to_owned())]);
    Site::new(&options, sign::Told::default()).unwrap()
}

const CENTER: &str = "\
[profile new]
sso_session = work
sso_account_id = 111122223333
sso_role_name = Reader
[sso-session work]
sso_region = eu-west-1
sso_start_url = https://d-1.awsapps.com/start
[profile old]
sso_region = eu-west-1
sso_start_url = https://d-1.awsapps.com/start
sso_account_id = 111122223333
sso_role_name = Reader
";
/// SHA-1 of `work`, and of the address it starts at.
const OF_SESSION: &str = "e274eeff768c6396088ec6eb091f4bf4d47ab1e0";
const OF_START: &str = "0c54b6c27e90660baa89eaad85ac1d5dae26cb7d";
const GIVEN: &str = r#"{"roleCredentials":{"accessKeyId":"ASIAPORTAL","secretAccessKey":"s-1","sessionToken":"t-1","expiration":4102444800000}}"#;

#[test]
fn a_stubbed_portal_gives_the_role_of_a_profile_in_either_form() {
    let home = Home::new(CENTER);
    for (profile, digest, ends) in [
        ("new", OF_SESSION, "2100-01-01T00:00:00Z"),
        ("old", OF_START, "2100-01-01T00:00:00UTC"),
    ] {
        let kept = format!(r#"{{"accessToken":"token-7","expiresAt":"{ends}"}}"#);
        home.keep(digest, &kept);
        let (portal, asked) = listener(vec![http("200 OK", GIVEN)]);
        let given = home
            .given(Some(profile), &[("AWS_ENDPOINT_URL_SSO", &portal)], NOWHERE)
            .unwrap();
        assert_eq!(given.access_key_id(), "ASIAPORTAL");
        assert!(given.expiry().is_some());
        let text = asked.recv().unwrap();
        let line = "GET /federation/credentials?account_id=111122223333&role_name=Reader HTTP/1.1";
        assert!(text.starts_with(line), "{text}");
        assert!(text.contains("x-amz-sso_bearer_token: token-7"), "{text}");
    }
}

#[test]
fn a_session_that_is_over_names_the_command_that_signs_in_again() {
    let home = Home::new(CENTER);
    let told = |answers: Vec<String>| {
        let (portal, asked) = listener(answers);
        let beside = [("AWS_ENDPOINT_URL_SSO", portal.as_str())];
        let refusal = home.given(Some("new"), &beside, NOWHERE).unwrap_err();
        assert_eq!(refusal.code, "no_credentials");
        (refusal.told, asked.try_recv().is_ok())
    };
    let (missing, asked) = told(vec![]);
    assert!(missing.contains("is not there") && !asked, "{missing}");
    home.keep(
        OF_SESSION,
        r#"{"accessToken":"token-7","expiresAt":"2020-01-01T00:00:00Z"}"#,
    );
    let (expired, asked) = told(vec![http("200 OK", GIVEN)]);
    assert!(expired.contains("has expired") && !asked, "{expired}");
    let good = r#"{"accessToken":"token-7","expiresAt":"2100-01-01T00:00:00Z"}"#;
    home.keep(OF_SESSION, good);
    let (revoked, asked) = told(vec![http("401 Unauthorized", "{}")]);
    assert!(revoked.contains("not taken any more") && asked, "{revoked}");
    for told in [missing, expired, revoked] {
        assert!(told.ends_with("aws sso login --profile new"), "{told}");
        assert!(!told.contains("token-7"));
    }
    let (other, _) = told(vec![http("403 Forbidden", r#"{"message":"No access"}"#)]);
    assert!(other.contains("does not give") && other.contains("`Reader`"));
}

#[test]
fn a_stubbed_session_that_may_be_prolonged_is_and_is_kept_where_it_was() {
    let home = Home::new(CENTER);
    let path = home.keep(
        OF_SESSION,
        r#"{"startUrl":"https://d-1.awsapps.com/start","accessToken":"token-7",
            "expiresAt":"2020-01-01T00:00:00Z","clientId":"c","clientSecret":"cs",
            "refreshToken":"r-1","registrationExpiresAt":"2100-01-01T00:00:00Z"}"#,
    );
    let longer = r#"{"accessToken":"token-8","expiresIn":3600,"refreshToken":"r-2"}"#;
    let (oidc, prolonged) = listener(vec![http("200 OK", longer)]);
    let (portal, asked) = listener(vec![http("200 OK", GIVEN)]);
    let beside = [
        ("AWS_ENDPOINT_URL_SSO", portal.as_str()),
        ("AWS_ENDPOINT_URL_SSO_OIDC", oidc.as_str()),
    ];
    home.given(Some("new"), &beside, NOWHERE).unwrap();
    let text = prolonged.recv().unwrap();
    assert!(text.starts_with("POST /token HTTP/1.1"), "{text}");
    assert!(text.contains(r#""refreshToken":"r-1""#), "{text}");
    assert!(asked.recv().unwrap().contains("token-8"));
    let kept = std::fs::read_to_string(&path).unwrap();
    for word in ["token-8", "r-2", "startUrl", "cs"] {
        assert!(kept.contains(word), "{word}");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let beside_it = path.parent().unwrap().read_dir().unwrap();
    assert_eq!(beside_it.count(), 1, "nothing is left beside it");
    // What prolongs it is over itself.
    let over = r#"{"accessToken":"token-8","expiresAt":"2020-01-01T00:00:00Z","clientId":"c",
        "clientSecret":"cs","refreshToken":"r-2","registrationExpiresAt":"2020-02-01T00:00:00Z"}"#;
    home.keep(OF_SESSION, over);
    let refusal = home.given(Some("new"), &beside, NOWHERE).unwrap_err();
    assert!(refusal.told.contains("has expired"), "{refusal:?}");
}

fn program(command: &str) -> Home {
    Home::new(&format!("[profile tool]\ncredential_process = {command}\n"))
}

#[test]
fn a_program_of_a_profile_lets_in_and_is_not_run_twice() {
    let home = program(
        r#"echo x >> "$RAN"; echo '{"Version":1,"AccessKeyId":"AKIATOOL","SecretAccessKey":"s-2"}'"#,
    );
    let ran = home.path("ran");
    let config = home.path(".aws/config");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("$RAN", ran.to_str().unwrap())).unwrap();
    let mut chain = home.chain(Some("tool"), &[]);
    for _ in 0..3 {
        let given = chain.credentials(&mut home.line(), &site(NOWHERE)).unwrap();
        assert_eq!(given.access_key_id(), "AKIATOOL");
    }
    assert_eq!(std::fs::read_to_string(&ran).unwrap(), "x\n");
    let nobody = home.given(Some("other"), &[], NOWHERE).unwrap_err();
    assert!(nobody.told.contains("no profile `other`"), "{nobody:?}");
    assert_eq!(std::fs::read_to_string(&ran).unwrap(), "x\n");
}

#[test]
fn a_program_that_fails_floods_or_prints_something_else_lets_nobody_in_and_nothing_is_shown() {
    for (command, word) in [
        ("echo hunter2 >&2; exit 3", "failed"),
        ("head -c 200000 /dev/zero", "printed more than 64 KiB"),
        ("echo hunter2", "got something else"),
        (
            r#"echo '{"Version":2,"AccessKeyId":"a","SecretAccessKey":"hunter2"}'"#,
            "version 1",
        ),
        (
            r#"echo '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"hunter2","Expiration":"2020-01-01T00:00:00Z"}'"#,
            "have expired",
        ),
    ] {
        let refusal = program(command)
            .given(Some("tool"), &[], NOWHERE)
            .unwrap_err();
        assert!(refusal.told.contains(word), "{command}: {refusal:?}");
        assert!(refusal.told.contains("`tool`"), "{refusal:?}");
        assert!(!format!("{refusal:?}").contains("hunter2"), "{refusal:?}");
    }
}

#[test]
fn a_program_that_does_not_end_is_left_once_the_pass_is_stopped() {
    let home = program(r#"touch "$RAN"; exec sleep 600"#);
    let ran = home.path("ran");
    let config = home.path(".aws/config");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("$RAN", ran.to_str().unwrap())).unwrap();
    let stop = Arc::clone(&home.stop);
    let stopping = std::thread::spawn(move || {
        while !ran.exists() {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(home.given(Some("tool"), &[], NOWHERE).is_err());
    stopping.join().unwrap();
}

fn session(id: &str) -> String {
    let body = format!(
        "<R><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
         <SessionToken>t</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></R>"
    );
    http("200 OK", &body)
}

const ROLES: &str = "\
[profile far]
role_arn = arn:aws:iam::333333333333:role/far
source_profile = near
external_id = our-id
duration_seconds = 900
[profile near]
role_arn = arn:aws:iam::222222222222:role/near
source_profile = base
role_session_name = ann
[profile base]
aws_access_key_id = AKIABASE
aws_secret_access_key = s-3
[profile round]
role_arn = arn:aws:iam::222222222222:role/round
source_profile = about
[profile about]
role_arn = arn:aws:iam::222222222222:role/about
source_profile = round
[profile second]
role_arn = arn:aws:iam::222222222222:role/second
source_profile = base
mfa_serial = arn:aws:iam::111111111111:mfa/ann
[profile alone]
role_arn = arn:aws:iam::222222222222:role/alone
[profile half]
aws_access_key_id = AKIAHALF
[profile portal]
sso_session = gone
sso_account_id = 1
sso_role_name = r
[profile console]
login_session = arn:aws:iam::111111111111:user/ann
[profile pod]
role_arn = arn:aws:iam::222222222222:role/pod
web_identity_token_file = TOKEN
";

#[test]
fn stubbed_roles_are_taken_on_one_after_the_other_and_kept() {
    let home = Home::new(ROLES);
    let (sts, asked) = listener(vec![session("ASIANEAR"), session("ASIAFAR")]);
    let mut chain = home.chain(Some("far"), &[]);
    for _ in 0..2 {
        let given = chain.credentials(&mut home.line(), &site(&sts)).unwrap();
        assert_eq!(given.access_key_id(), "ASIAFAR");
    }
    let (near, far) = (asked.recv().unwrap(), asked.recv().unwrap());
    for (text, by, words) in [
        (
            &near,
            "Credential=AKIABASE",
            ["role%2Fnear", "RoleSessionName=ann"],
        ),
        (
            &far,
            "Credential=ASIANEAR",
            ["ExternalId=our-id", "DurationSeconds=900"],
        ),
    ] {
        assert!(text.contains(by), "{text}");
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
}

#[test]
fn a_stubbed_role_is_given_for_the_token_of_a_workload_which_nobody_signs() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "jwt-1\n").unwrap();
    let home = Home::new(&ROLES.replace("TOKEN", token.path().to_str().unwrap()));
    let (sts, asked) = listener(vec![session("ASIAPOD")]);
    let given = home.given(Some("pod"), &[], &sts).unwrap();
    assert_eq!(given.access_key_id(), "ASIAPOD");
    let text = asked.recv().unwrap();
    assert!(text.contains("WebIdentityToken=jwt-1"), "{text}");
    assert!(!text.contains("authorization"), "{text}");
    std::fs::remove_file(token.path()).unwrap();
    let refusal = home.given(Some("pod"), &[], &sts).unwrap_err();
    assert!(
        refusal.told.contains("none can be read there"),
        "{refusal:?}"
    );
}

#[test]
fn a_role_that_is_refused_is_not_asked_for_again_at_once() {
    let home = Home::new(ROLES);
    let (sts, _asked) = listener(vec![http("403 Forbidden", "<R/>")]);
    let mut chain = home.chain(Some("near"), &[]);
    for _ in 0..3 {
        let told = chain.credentials(&mut home.line(), &site(&sts));
        let refusal = told.unwrap_err();
        assert_eq!(refusal.code, NOT_TAKEN, "{refusal:?}");
    }
}

#[test]
fn what_a_profile_lacks_is_said_with_what_to_do() {
    let home = Home::new(ROLES);
    for (profile, word) in [
        ("round", "leads back to itself"),
        ("second", "wants a code of a second factor"),
        ("alone", "neither `source_profile` nor `credential_source`"),
        ("half", "one half of a key pair"),
        ("portal", "`[sso-session gone]`, which is not in"),
        (
            "console",
            "aws configure export-credentials --profile console",
        ),
        ("nowhere", "aws configure list-profiles"),
    ] {
        let refusal = home.given(Some(profile), &[], NOWHERE).unwrap_err();
        assert!(refusal.told.contains(word), "{profile}: {refusal:?}");
        assert_eq!(refusal.code, "no_credentials");
    }
    std::fs::write(home.path(".aws/config"), "[profile x\nhunter2").unwrap();
    let refusal = home.given(Some("x"), &[], NOWHERE).unwrap_err();
    assert!(!refusal.told.contains("hunter2"), "{refusal:?}");
}

#[test]
fn a_profile_that_is_named_comes_before_the_environment() {
    let home = Home::new(ROLES);
    let beside = [
        ("AWS_ACCESS_KEY_ID", "AKIAENV"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    let given = home.given(Some("base"), &beside, NOWHERE).unwrap();
    assert_eq!(given.access_key_id(), "AKIABASE");
    let given = home.given(None, &[("AWS_PROFILE", "base")], NOWHERE);
    assert_eq!(given.unwrap().access_key_id(), "AKIABASE");
}
