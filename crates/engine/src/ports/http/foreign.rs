//! What reads headers and answers of others, and the files and prints that let in, by themselves:
//! for fuzzing. Nothing here asks anybody.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use connectors::{Refusal, Response};
use model::Secret;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::budget::Asks;
use super::pace::{Pace, pause_before};
use super::{aws, azure, client, google, sign, token};

/// The parameters of the next page that `headers` tell.
#[must_use]
pub fn next_page(headers: &[(&str, &str)]) -> BTreeMap<String, String> {
    client::next(&map(headers))
}

/// How long is waited because of `headers`: before the same question, and before the next one.
#[must_use]
pub fn waits(headers: &[(&str, &str)]) -> (Duration, Duration) {
    let asks = Asks::of(
        &map(headers),
        SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 31),
    );
    let (now, mut pace) = (Instant::now(), Pace::new(10));
    if let Some(budget) = asks.budget {
        pace.spread(now, budget);
    }
    (
        pause_before(1, asks.wait),
        pace.next(now).duration_since(now),
    )
}

/// The tokens that an answer gives, each with how long it is shown, by OAuth 2.0 and by
/// Microsoft's form of it.
#[must_use]
pub fn tokens(status: u16, body: &str) -> Vec<Result<(Secret, Duration), Refusal>> {
    let answer = answer(status, body);
    [token::read(&answer), azure::given(&answer)]
        .into_iter()
        .map(|given| given.map(|(token, seconds)| (token, Duration::from_secs(seconds))))
        .collect()
}

/// Whether an answer gives a session, by STS and by IAM Identity Center.
#[must_use]
pub fn sessions(status: u16, body: &str) -> Vec<Result<(), Refusal>> {
    let answer = answer(status, body);
    let sessions = [sign::session_in(&answer), aws::center_gives(&answer)];
    sessions.into_iter().map(|one| one.map(drop)).collect()
}

/// Whether `bytes` let in: as a file of Google, as what the program of an AWS profile prints, and
/// as what `az` prints. What is none is refused in words.
#[must_use]
pub fn logins(bytes: &Secret) -> Vec<Result<(), Refusal>> {
    vec![
        google::Kept::read(bytes).map(drop),
        aws::program_gives(bytes).map(drop),
        azure::program_gives(bytes).map(drop),
    ]
}

/// Whether `bytes` are a session of IAM Identity Center as AWS's tools keep it.
#[must_use]
pub fn is_kept_session(bytes: &Secret) -> bool {
    aws::is_kept_session(bytes)
}

fn answer(status: u16, body: &str) -> Response {
    Response {
        status,
        request_id: String::new(),
        body: body.to_owned(),
        next: BTreeMap::new(),
        whole: false,
    }
}

fn map(headers: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value.as_bytes()),
        ) {
            map.append(name, value);
        }
    }
    map
}
