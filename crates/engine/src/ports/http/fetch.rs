//! Asks one address that a person configured, or that follows from what he configured: keys of an
//! issuer, a certificate, the confirmation of a subscription, a webhook of ours.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use connectors::{Refusal, Request, Response};
use model::Reason;
use reqwest::Url;
use tokio::runtime::Handle;

use super::client::{Door, Sealed, Sender, sealed};
use super::site::{endpoint_of, is_loopback};
use super::{HttpLimits, wait};
use crate::Error;

/// An address that is https, or on this machine, and holds no user.
///
/// # Errors
/// It is none.
pub(crate) fn address(text: &str) -> Result<Url, Error> {
    endpoint_of(text)
}

/// What is at `url`.
///
/// # Errors
/// No answer, or one beyond the bounds.
pub(crate) fn get(
    runtime: &Handle,
    stop: &Arc<AtomicBool>,
    url: &str,
) -> Result<Response, Refusal> {
    send(runtime, stop, url, |url| sealed(url, &Request::get(&[])))
}

/// What is answered to JSON that is posted to `url`, once.
///
/// # Errors
/// No answer, or one beyond the bounds.
pub(crate) fn post(
    runtime: &Handle,
    stop: &Arc<AtomicBool>,
    url: &str,
    headers: &[(&str, String)],
    body: Vec<u8>,
) -> Result<Response, Refusal> {
    let unfit = |_| Refusal::new(Reason::Failed, "what is to be sent is no text");
    let body = String::from_utf8(body).map_err(unfit)?;
    send(runtime, stop, url, |url| {
        let mut one = sealed(url, &Request::get(&[]))?;
        one.method = reqwest::Method::POST;
        one.body.clone_from(&body);
        one.say("content-type", "application/json");
        for (name, value) in headers {
            one.say(name, value);
        }
        Ok(one)
    })
}

fn send(
    runtime: &Handle,
    stop: &Arc<AtomicBool>,
    url: &str,
    seal: impl FnOnce(Url) -> Result<Sealed, Refusal>,
) -> Result<Response, Refusal> {
    let unfit = |error: Error| Refusal::new(Reason::Failed, error.to_string());
    let url = address(url).map_err(unfit)?;
    let limits = HttpLimits {
        connect: Duration::from_secs(5),
        answer: Duration::from_secs(15),
        bytes_max: 1 << 20,
        ..HttpLimits::default()
    };
    let door = Door::public(is_loopback(&url)).map_err(unfit)?;
    let sender = Sender::new(door, &limits).map_err(unfit)?;
    let sealed = seal(url)?;
    let (response, _) = wait(runtime, stop, sender.send(sealed))??;
    Ok(response)
}
