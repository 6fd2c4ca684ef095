//! One question after the other, each host at its own pace.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use connectors::{Answer as Got, Port, Question, Refusal, Request, Whom};
use leaks::live::Answer;
use model::Validity;

use super::{Asked, Liveness, Query, Round, Way};
use crate::decide::Decision;
use crate::ports::{Bearer, HttpPort, Outside};
use crate::{Engine, Error};

/// Hosts that one leaf tells by name.
const HOSTS_MAX: usize = 500;
/// Bytes of them, with their counts: a leaf holds 65,535.
const HOST_BYTES_MAX: usize = 48 << 10;

impl Engine {
    /// Asks every question of `round`, and brings each answer into the roll before the next goes
    /// out. `progress` hears how many were asked.
    ///
    /// # Errors
    /// The store gave out, or nothing can be sent from here. What a provider does not answer is
    /// no error: it is unknown.
    pub fn ask_round(
        &self,
        round: Round,
        how: &Liveness,
        stop: &Arc<AtomicBool>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Asked, Error> {
        let mut asked = Asked {
            unasked: round.unasked,
            ..Asked::default()
        };
        if round.questions.is_empty() {
            return Ok(asked);
        }
        let own = round.questions.iter().filter(|one| !one.named);
        let hosts: BTreeSet<String> = own.map(|one| one.host.clone()).collect();
        let outside = Outside::new(
            self.runtime()?,
            how.endpoint.as_deref(),
            hosts,
            &how.limits,
            Arc::clone(stop),
        )?;
        self.tell_asking(&round.questions, how)?;
        let all = round.questions.len();
        let mut turns = Turns::new(round.questions, how.pause);
        let mut done = 0;
        while let Some(query) = turns.next() {
            progress(done, all);
            let answer = match self.exchange(&outside, &query, how, stop) {
                Ok(answer) => answer,
                Err(refusal) if refusal.stop => break,
                Err(refusal) => Answer {
                    validity: Validity::Unknown,
                    because: refusal.to_string(),
                    principal: None,
                },
            };
            self.record(&query, &answer)?;
            *asked.told.entry(answer.validity).or_default() += 1;
            if answer.validity == Validity::Unknown {
                let why = format!("{}: {}", query.host, answer.because);
                *asked.unknown.entry(why).or_default() += 1;
            }
            done += 1;
        }
        Ok(asked)
    }

    /// That found credentials are shown to somebody is in the log before the first one is.
    fn tell_asking(&self, questions: &[Query], how: &Liveness) -> Result<(), Error> {
        let mut hosts = BTreeMap::<String, usize>::new();
        for one in questions {
            *hosts.entry(one.host.clone()).or_default() += 1;
        }
        few(&mut hosts);
        let decision = Decision::LiveChecked {
            hosts: &hosts,
            elsewhere: how.endpoint.is_some(),
        };
        self.decide(self.tenant.as_str(), self.now(), &decision, |_| Ok(()))?;
        Ok(())
    }

    fn exchange(
        &self,
        outside: &Outside,
        query: &Query,
        how: &Liveness,
        stop: &Arc<AtomicBool>,
    ) -> Result<Answer, Refusal> {
        match &query.way {
            Way::Sent(check, ask) => {
                let (status, body) = outside.send(ask)?;
                Ok(check.judge(status, &body, &query.secret, query.named))
            }
            Way::Login(login, password) => self.try_login(login, password, &how.limits, stop),
            Way::Signed(check, pair) => {
                let bearer = Bearer {
                    user: pair.id.clone(),
                    secret: query.secret.clone(),
                };
                let runtime = self.runtime().map_err(unready)?;
                let options = aws_options(how, &query.host);
                let mut port = HttpPort::new(
                    runtime,
                    connectors::Login::Aws,
                    ("", &options),
                    None,
                    Some(bearer),
                    Arc::clone(stop),
                )
                .map_err(unready)?;
                let parameters = [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")];
                let request = Request::form("sts", &parameters).asked_as(Whom::Subject);
                let Got::Http(response) = port.ask(&Question::Http(request))? else {
                    return Err(Refusal::new(
                        model::Reason::Failed,
                        "another kind of answer",
                    ));
                };
                let told = connectors::aws_answer(&response.body).unwrap_or_default();
                Ok(check.judge_value(response.status, &told, &query.secret, query.named))
            }
        }
    }
}

/// Where AWS is asked: where the source's own options say, else with all the others.
fn aws_options(how: &Liveness, host: &str) -> BTreeMap<String, String> {
    let mut options = how.aws.clone();
    if let (false, Some(endpoint)) = (options.contains_key("endpoint"), &how.endpoint) {
        let endpoint = format!("{}/{host}", endpoint.trim_end_matches('/'));
        options.insert("endpoint".to_owned(), endpoint);
    }
    // Without a region the chain would ask this machine's metadata service for one.
    let region = options.entry("region".to_owned());
    region.or_insert_with(|| "us-east-1".to_owned());
    options
}

pub(super) fn unready(error: Error) -> Refusal {
    Refusal::new(model::Reason::Failed, error.to_string())
}

/// Questions in turn: each host's one after the other with a pause, the hosts beside one another.
struct Turns {
    hosts: VecDeque<(Instant, VecDeque<Query>)>,
    pause: std::time::Duration,
}

impl Turns {
    fn new(questions: Vec<Query>, pause: std::time::Duration) -> Self {
        let mut hosts: BTreeMap<String, VecDeque<Query>> = BTreeMap::new();
        for one in questions {
            hosts.entry(one.host.clone()).or_default().push_back(one);
        }
        let now = Instant::now();
        Self {
            hosts: hosts.into_values().map(|queue| (now, queue)).collect(),
            pause,
        }
    }

    /// The next question, once its host has had its pause.
    fn next(&mut self) -> Option<Query> {
        let (ready, mut queue) = self.hosts.pop_front()?;
        let query = queue.pop_front()?;
        std::thread::sleep(ready.saturating_duration_since(Instant::now()));
        if !queue.is_empty() {
            self.hosts.push_back((Instant::now() + self.pause, queue));
        }
        Some(query)
    }
}

/// Leaves as many hosts as a leaf holds, and one line for all others: how many went to each of
/// those is on the roll.
fn few(hosts: &mut BTreeMap<String, usize>) {
    let mut bytes = 0;
    let mut room = |(n, host): (usize, &String)| {
        bytes += host.len() + 16;
        n >= HOSTS_MAX || bytes > HOST_BYTES_MAX
    };
    let mut places = hosts.keys().enumerate();
    let Some(first) = places
        .find(|place| room(*place))
        .map(|(_, host)| host.clone())
    else {
        return;
    };
    let rest: usize = hosts.split_off(&first).into_values().sum();
    // No host is called so.
    hosts.insert("(others)".to_owned(), rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_hosts_a_leaf_names_as_many_as_it_holds_and_counts_the_rest() {
        for (name, count) in [("db", 501), ("zz", 2_000), (&*"x".repeat(250), 300)] {
            let mut hosts: BTreeMap<_, _> = (0..count)
                .map(|n| (format!("{name}{n:04}:5432"), 2))
                .collect();
            few(&mut hosts);
            assert!(hosts.len() <= HOSTS_MAX + 1);
            assert!(hosts.keys().map(String::len).sum::<usize>() <= HOST_BYTES_MAX);
            assert_eq!(hosts.values().sum::<usize>(), 2 * count);
        }
        let mut one = BTreeMap::from([("db:5432".to_owned(), 1)]);
        few(&mut one);
        assert_eq!(one, BTreeMap::from([("db:5432".to_owned(), 1)]));
    }
}
