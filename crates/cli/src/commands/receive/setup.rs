//! What is to be set up at each platform, and with which permission.

use engine::receive::{EventSource, From, Pull};

use super::file::Receiving;

/// All of it, for whoever sets it up.
pub(super) fn told(receiving: &Receiving) -> String {
    let mut text = String::new();
    for source in &receiving.sources {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&of(source, receiving));
    }
    text
}

fn of(source: &EventSource, receiving: &Receiving) -> String {
    let platform = source.from.platform();
    let name = model::clean(&source.name);
    let at = format!(
        "https://YOUR-HOST/{platform}/{name} (here: {})",
        receiving.listen
    );
    let lines: Vec<String> = match &source.from {
        From::Sent(sender) => {
            let how = match sender.platform() {
                "github" => {
                    "a webhook of the organization or app, application/json, the secret; events: Deploy keys, Installation, Installation repositories, Personal access token requests, Meta"
                }
                "gitlab" => {
                    "a streaming destination of audit events, its token the secret; or a webhook with a signing token"
                }
                "okta" => {
                    "an event hook, authentication field `Authorization` with the secret; events: application.lifecycle.*, app.oauth2.client.lifecycle.*, system.api_token.*"
                }
                "event-grid" => {
                    "a subscription of the Azure subscription's events, endpoint type Web Hook, delivery property `Authorization` with the secret, or Microsoft Entra as `audience` says; events: Resource Write Success, Resource Delete Success, filter `Microsoft.ManagedIdentity`"
                }
                "pubsub" => {
                    "a push subscription with authentication by the service account; a log sink with the filter `protoPayload.serviceName=(\"iam.googleapis.com\" OR \"apikeys.googleapis.com\")`"
                }
                _ => "a subscription of the topic, protocol HTTPS; it is confirmed by itself",
            };
            vec![
                format!("set up: {how}"),
                format!("address: {at}"),
                "permission here: none; the platform comes to us".to_owned(),
            ]
        }
        From::Asked(Pull::Sqs { queue, .. }) => {
            let arn = arn(queue).unwrap_or_else(|| "arn:aws:sqs:REGION:ACCOUNT:NAME".to_owned());
            vec![
                "set up: a rule of EventBridge to the queue, pattern {\"detail-type\":[\"AWS API Call via CloudTrail\"],\"source\":[\"aws.iam\"]}; IAM's events are in us-east-1".to_owned(),
                format!("permission here: {{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":[\"sqs:ReceiveMessage\",\"sqs:DeleteMessage\"],\"Resource\":\"{arn}\"}}]}}"),
            ]
        }
        From::Asked(Pull::PubSub { subscription, .. }) => vec![
            "set up: a log sink to a topic, and a pull subscription of it".to_owned(),
            format!(
                "permission here: roles/pubsub.subscriber on {}",
                model::clean(subscription)
            ),
        ],
    };
    let mut text = format!("{platform}/{name}\n");
    for line in lines {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

/// The ARN of a queue by its address.
fn arn(queue: &str) -> Option<String> {
    let rest = queue.strip_prefix("https://sqs.")?;
    let (host, path) = rest.split_once('/')?;
    let region = host.split('.').next()?;
    let (account, name) = path.split_once('/')?;
    let plain = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    (plain(region) && plain(account) && plain(name))
        .then(|| format!("arn:aws:sqs:{region}:{account}:{name}"))
}
