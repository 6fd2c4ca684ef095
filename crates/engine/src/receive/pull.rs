//! Asks for events where a platform keeps them until they are asked for: queues of Amazon SQS and
//! subscriptions of Google Pub/Sub.
//!
//! A message is given back as done only when what it brings is durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::events::{pulled_messages, sqs_messages};
use connectors::{Answer, Login, Port, Question, Refusal, Request, Response, Shown, TokenLogin};
use model::{Reason, Secret};
use serde_json::json;

use super::door::{Door, name_of};
use super::{Came, From, Kept, Receiver, lock};
use crate::ports::HttpPort;
use crate::{Error, crash};

/// Messages that are asked for at once: no queue gives more.
const MESSAGES: u32 = 10;
/// A queue waits so long for the first one (long polling).
const WAIT_SECONDS: u32 = 20;

static PUBSUB: TokenLogin = TokenLogin {
    form: "pubsub",
    host: Some("pubsub.googleapis.com"),
    shown: Shown::Google {
        scope: "https://www.googleapis.com/auth/pubsub",
    },
    variable: "CLOUDSDK_AUTH_ACCESS_TOKEN",
    headers: &[],
    per_second: 10,
};

/// Where events are asked for.
#[derive(Clone, Debug)]
pub enum Pull {
    /// A queue of Amazon SQS, signed for as the usual chain says.
    Sqs {
        /// `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`.
        queue: String,
        /// `region`, `profile`, `endpoint`, `assume_role`, as for an account that is read.
        options: BTreeMap<String, String>,
        /// The secret of the option `access_key_id`, where the usual chain is not to be asked.
        secret: Option<Secret>,
        /// How long one question may wait for a message, in seconds; 20 at most.
        wait: u32,
    },
    /// A subscription of Google Pub/Sub.
    PubSub {
        /// `projects/P/subscriptions/S`.
        subscription: String,
        /// `endpoint`.
        options: BTreeMap<String, String>,
        /// A key file of a service account, a file of gcloud's, or an access token.
        secret: Option<Secret>,
    },
}

impl Pull {
    /// What the platform is called.
    pub const fn platform(&self) -> &'static str {
        match self {
            Self::Sqs { .. } => "sqs",
            Self::PubSub { .. } => "pubsub-pull",
        }
    }
}

/// What came of asking once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Messages that were given.
    pub given: usize,
    /// Those that are kept and given back as done.
    pub done: usize,
}

/// One message: its id, by what it is given back, and its records.
type Message = (String, String, Vec<u8>);

impl Receiver {
    /// The paths of the sources that are asked.
    pub fn asked(&self) -> Vec<String> {
        let asked = self
            .doors
            .values()
            .filter(|door| matches!(door.source.from, From::Asked(_)));
        asked.map(|door| door.path.clone()).collect()
    }

    /// Asks the source at `path` once, and waits as long as it lets wait. Must be called from a
    /// plain thread.
    ///
    /// # Errors
    /// It refused, or the store gave out. What was not given back comes again.
    pub fn pull(&self, path: &str) -> Result<Pulled, Error> {
        let Some((door, pull)) = self
            .doors
            .get(path)
            .and_then(|door| match &door.source.from {
                From::Asked(pull) => Some((door, pull)),
                From::Sent(_) => None,
            })
        else {
            return Err(Error::Unfit(format!(
                "no source of events at `{path}` is asked"
            )));
        };
        let room = self
            .engine
            .store
            .read(|reading| reading.journal_len(&self.engine.tenant, &door.waiting))?;
        if room + u64::from(MESSAGES) > self.queue_max {
            self.count(path, "queue_full");
            return Ok(Pulled::default());
        }
        let mut kept_port = lock(&door.port);
        // One that failed is made anew: its credentials may be others by now.
        let mut port = match kept_port.take() {
            Some(port) => port,
            None => self.port(pull)?,
        };
        let answer = asked(&mut port, receive(pull)).map_err(Error::Refused)?;
        let messages = messages(pull, &answer).map_err(Error::Refused)?;
        let mut pulled = Pulled {
            given: messages.len(),
            ..Pulled::default()
        };
        for (id, receipt, records) in messages {
            if !self.kept(door, &id, &records)? {
                continue;
            }
            crash::point("a message is kept");
            asked(&mut port, done(pull, &receipt)).map_err(Error::Refused)?;
            pulled.done += 1;
        }
        *kept_port = Some(port);
        Ok(pulled)
    }

    /// Keeps what a message brings. Whether it may be given back.
    fn kept(&self, door: &Door, id: &str, records: &[u8]) -> Result<bool, Error> {
        // A queue gives what was written under an id again as it was written: nothing is another.
        let id = format!("{id} {}", name_of(records));
        let came = Came {
            id: &id,
            same: records,
            records,
            undated: false,
            at: self.engine.now(),
        };
        let kept = self.keep(door, &came)?;
        let word = match kept {
            Kept::Taken => "taken",
            Kept::Nothing => "nothing_kept",
            Kept::Again | Kept::Other => "repeated",
            Kept::Full => "queue_full",
        };
        self.count(&door.path, word);
        Ok(!matches!(kept, Kept::Full))
    }

    fn port(&self, pull: &Pull) -> Result<HttpPort, Error> {
        let (login, options, secret) = match pull {
            Pull::Sqs {
                options, secret, ..
            } => (Login::Aws, options, secret.clone()),
            Pull::PubSub {
                options, secret, ..
            } => (Login::Token(&PUBSUB), options, secret.clone()),
        };
        HttpPort::new(
            self.engine.runtime()?,
            login,
            ("", options),
            secret,
            None,
            Arc::clone(&self.stop),
        )
    }
}

fn asked(port: &mut HttpPort, request: Request) -> Result<Response, Refusal> {
    let Answer::Http(response) = port.ask(&Question::Http(request))? else {
        return Err(Refusal::new(Reason::Failed, "expected an answer of HTTP"));
    };
    let reason = match response.status {
        200 => return Ok(response),
        401 | 403 => Reason::Denied,
        429 => Reason::Throttled,
        _ => Reason::Failed,
    };
    let denied =
        response.body.contains("AccessDenied") || response.body.contains("InvalidClientTokenId");
    let reason = if denied { Reason::Denied } else { reason };
    Err(Refusal::new(reason, "the queue refused").code(response.status.to_string()))
}

fn receive(pull: &Pull) -> Request {
    match pull {
        Pull::Sqs { queue, wait, .. } => {
            let body = json!({
                "QueueUrl": queue,
                "MaxNumberOfMessages": MESSAGES,
                "WaitTimeSeconds": (*wait).min(WAIT_SECONDS),
            });
            Request::json("sqs", &[], "AmazonSQS.ReceiveMessage", body)
        }
        Pull::PubSub { subscription, .. } => {
            let body = json!({"maxMessages": MESSAGES});
            of_subscription(subscription, "pull", body)
        }
    }
}

fn done(pull: &Pull, receipt: &str) -> Request {
    match pull {
        Pull::Sqs { queue, .. } => {
            let body = json!({"QueueUrl": queue, "ReceiptHandle": receipt});
            Request::json("sqs", &[], "AmazonSQS.DeleteMessage", body).changing()
        }
        Pull::PubSub { subscription, .. } => {
            of_subscription(subscription, "acknowledge", json!({"ackIds": [receipt]})).changing()
        }
    }
}

fn of_subscription(subscription: &str, verb: &str, body: serde_json::Value) -> Request {
    let path = format!("v1/{subscription}:{verb}");
    let segments: Vec<_> = path.split('/').collect();
    Request::json("", &segments, "", body)
}

fn messages(pull: &Pull, answer: &Response) -> Result<Vec<Message>, Refusal> {
    let read = match pull {
        Pull::Sqs { .. } => sqs_messages(&answer.body).map(|all| {
            let all = all.into_iter();
            all.map(|one| (one.id, one.receipt, one.records)).collect()
        }),
        Pull::PubSub { .. } => pulled_messages(&answer.body).map(|all| {
            let all = all.into_iter();
            all.map(|one| (one.id, one.ack, one.records)).collect()
        }),
    };
    read.ok_or_else(|| {
        Refusal::new(
            Reason::Failed,
            "expected a list of messages, got something else",
        )
    })
}
