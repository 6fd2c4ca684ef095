//! Event hooks of Okta.
//!
//! Source: "Event hooks" of Okta's developer manual: one-time verification, Authorization header,
//! and `data.events` with entries of the System Log.

use model::{Duration, Secret};
use serde_json::{Value, json};

use super::{Closed, Delivery, Opened, Then, Why, check, lines, posted, refused};
use crate::logs::lenient::time;

/// Okta tries again within minutes, and holds events back for less while it is down.
const WITHIN: Duration = Duration::days(1);
/// A challenge is shorter.
const CHALLENGE_MAX: usize = 512;

pub(super) fn open(secrets: &[Secret], delivery: &Delivery<'_>) -> Result<Opened, Closed> {
    if delivery.method == "GET" {
        return challenge(delivery);
    }
    posted(delivery)?;
    check::shown(secrets, delivery.header("authorization")?)?;
    let mut payload = super::json(delivery.body)?;
    let text = |name: &str| {
        payload
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    check::in_time(time(text("eventTime")), delivery.at, WITHIN)?;
    let id = match text("eventId") {
        "" => check::digest(delivery.body),
        id => id.to_owned(),
    };
    let events = payload.pointer_mut("/data/events").map(Value::take);
    let Some(Value::Array(events)) = events else {
        return Err(refused(Why::Malformed, "expected a list `data.events`"));
    };
    Ok(Opened {
        id,
        then: Then::Take {
            records: lines(&events),
            undated: false,
        },
    })
}

/// Okta asks once, by a text that is to come back, and shows no secret then: it proves that
/// somebody is here, and lets in nobody.
fn challenge(delivery: &Delivery<'_>) -> Result<Opened, Closed> {
    let challenge = delivery.header("x-okta-verification-challenge")?;
    let challenge = challenge.filter(|text| text.len() <= CHALLENGE_MAX);
    let challenge = challenge
        .ok_or_else(|| refused(Why::WrongMethod, "expected POST, or a challenge to answer"))?;
    Ok(Opened {
        id: check::digest(challenge.as_bytes()),
        then: Then::Answer {
            body: json!({"verification": challenge}).to_string(),
            headers: Vec::new(),
        },
    })
}
