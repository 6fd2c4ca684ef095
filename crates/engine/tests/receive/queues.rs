//! A queue of SQS, at emulators.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use connectors::{Answer, Login, Port, Question, Request};
use engine::HttpPort;
use engine::receive::{EventSource, From, Pull, Receiver};
use model::Secret;
use serde_json::{Value, json};

use crate::world::{Clock, drain, engine_at, rows};

const PATH: &str = "/sqs/trail";

/// A queue at an emulator, whose root `test` is.
struct Queue {
    runtime: tokio::runtime::Runtime,
    options: BTreeMap<String, String>,
    url: String,
}

impl Queue {
    fn at(endpoint: &str) -> Self {
        let options = [
            ("endpoint", endpoint),
            ("region", "us-east-1"),
            ("access_key_id", "test"),
        ];
        let options = options.map(|(name, held)| (name.to_owned(), held.to_owned()));
        let mut queue = Self {
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
            options: BTreeMap::from(options),
            url: String::new(),
        };
        let made = queue.ask(
            "CreateQueue",
            json!({"QueueName": testkit::fresh_name("births")}),
        );
        queue.url = made["QueueUrl"].as_str().unwrap().to_owned();
        queue
    }

    fn ask(&self, operation: &str, body: Value) -> Value {
        let handle = self.runtime.handle().clone();
        let secret = Some(Secret::from("test"));
        let at = ("", &self.options);
        let mut port = HttpPort::new(handle, Login::Aws, at, secret, None, Arc::default()).unwrap();
        let request = Request::json("sqs", &[], &format!("AmazonSQS.{operation}"), body).changing();
        let Ok(Answer::Http(answer)) = port.ask(&Question::Http(request)) else {
            panic!("{operation} is not answered");
        };
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    fn send(&self, body: &Value) {
        self.ask(
            "SendMessage",
            json!({"QueueUrl": self.url, "MessageBody": body.to_string()}),
        );
    }

    /// Messages that lie in it, those that somebody holds as well.
    fn len(&self) -> u64 {
        let names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ];
        let told = self.ask(
            "GetQueueAttributes",
            json!({"QueueUrl": self.url, "AttributeNames": names}),
        );
        let count =
            |name: &&str| -> u64 { told["Attributes"][*name].as_str().unwrap().parse().unwrap() };
        names.iter().map(count).sum()
    }

    fn source(&self) -> EventSource {
        EventSource {
            name: "trail".to_owned(),
            from: From::Asked(Pull::Sqs {
                queue: self.url.clone(),
                options: self.options.clone(),
                secret: Some(Secret::from("test")),
                wait: 0,
            }),
            keys: None,
            certificate: None,
        }
    }
}

/// What a rule of EventBridge writes into a queue when somebody makes a user.
fn made(name: &str, id: &str) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": "AWS API Call via CloudTrail", "source": "aws.iam",
        "detail": {
            "eventVersion": "1.09", "eventID": id, "eventTime": "2026-11-30T11:59:00Z",
            "eventSource": "iam.amazonaws.com", "eventName": "CreateUser", "recipientAccountId": "111122223333",
            "userIdentity": {"type": "Root", "accountId": "111122223333"},
            "requestParameters": {"userName": name},
            "responseElements": {"user": {"userName": name, "userId": id, "arn": format!("arn:aws:iam::111122223333:user/{name}")}},
        },
    })
}

fn a_queue_is_emptied_once_its_births_are_kept(endpoint: &str) {
    let queue = Queue::at(endpoint);
    queue.send(&made("ci", "AIDAQEXAMPLECI000001"));
    queue.send(&made("cd", "AIDAQEXAMPLECD000001"));
    queue.send(&json!("no event at all"));
    let clock = Clock::new();
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_at(dir.path(), &clock);
    let stop = Arc::new(AtomicBool::new(false));
    let open = || Receiver::open(&engine, vec![queue.source()], None, Arc::clone(&stop)).unwrap();

    // Where no more may wait, nothing is taken out of it.
    let full = open().with_queue(3);
    assert_eq!(full.pull(PATH).unwrap().given, 0);
    assert_eq!(queue.len(), 3);

    let receiver = open();
    let mut done = 0;
    // An emulator may give fewer than there are, as SQS may.
    for _ in 0..20 {
        done += receiver.pull(PATH).unwrap().done;
        if done == 3 {
            break;
        }
    }
    assert_eq!((done, queue.len()), (3, 0));
    let names: Vec<_> = drain(&receiver, false)
        .into_iter()
        .map(|alert| alert.name)
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let users = rows(&engine)
        .into_iter()
        .filter(|row| row.type_ == "aws_iam_user");
    let users: Vec<_> = users.map(|row| row.name).collect();
    assert_eq!(users.len(), 2, "{users:?}");
    // The same once more, as a queue gives it that promises no more than at least once.
    queue.send(&made("ci", "AIDAQEXAMPLECI000001"));
    for _ in 0..20 {
        if receiver.pull(PATH).unwrap().done == 1 {
            break;
        }
    }
    assert_eq!((drain(&receiver, true), queue.len()), (Vec::new(), 0));
}

#[test]
fn emulator_ministack_a_queue_is_emptied_once_its_births_are_kept() {
    if let Some(endpoint) = testkit::ministack() {
        a_queue_is_emptied_once_its_births_are_kept(&endpoint);
    }
}

#[test]
fn emulator_moto_a_queue_is_emptied_once_its_births_are_kept() {
    if let Some(endpoint) = testkit::moto() {
        a_queue_is_emptied_once_its_births_are_kept(&endpoint);
    }
}
