//! A made-up cloud account that shows as many service accounts as are asked for, in no order.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use connectors::{
    Answer, Connector, Context, Fingerprints, Port, PortKind, Question, Refusal, Spec, Stop,
};
use model::{
    Attribute, Fingerprint, Key, KeyKind, Kind, Observation, Reason, Relation, Scope, Secret,
    SourceId, Timestamp, Told,
};

pub(crate) struct Cloud;

static SPEC: Spec = Spec {
    name: "bench",
    reads: "a made-up account",
    named: "nothing: it is made",
    target: "a name",
    port: PortKind::Files,
    needs_to_discover: &[],
    needs_to_act: &[],
    scopes: &["the account"],
};

/// The option that says how many identities there are.
pub(crate) const COUNT: &str = "count";

impl Connector for Cloud {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let count: u64 = cx.option(COUNT).unwrap().parse().unwrap();
        let scope = Scope::of("iam");
        for n in 0..count {
            let n = scattered(n, count);
            cx.observe(identity(n, &scope));
            cx.observe(credential(n, &scope));
        }
        Ok(())
    }
}

pub(crate) fn source() -> SourceId {
    SourceId::new(SPEC.name, "cloud")
}

/// Every number below `count` once, in no order: a step that shares no divisor with it.
fn scattered(n: u64, count: u64) -> u64 {
    let step = (count * 5 / 8 + 1..).find(|step| gcd(*step, count) == 1);
    n * step.unwrap() % count
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

pub(crate) fn name(n: u64) -> String {
    let team = ["pay", "web", "etl", "ci", "ml", "ops", "crm", "iot"][(n % 8) as usize];
    format!("svc-{team}-{n:08}")
}

fn user(n: u64) -> String {
    format!("arn:aws:iam::{:012}:user/{}", n % 997, name(n))
}

fn identity(n: u64, scope: &Scope) -> Observation {
    let account = format!("{:012}", n % 997);
    let class = ["workload", "integration", "human_operated", "agentic"][(n / 8 % 4) as usize];
    let seen = Observation::new(Kind::Identity, user(n), scope)
        .key(Key::new(
            KeyKind::AwsPrincipalId,
            format!("{account}/AIDA{n:016}"),
        ))
        .is(Attribute::NAME, name(n))
        .is(Attribute::TYPE, "aws_iam_user")
        .is(Attribute::PROVIDER, "aws")
        .is(Attribute::CLASS, class)
        .is(Attribute::ACCOUNT, account)
        .is(
            Attribute::STATUS,
            if n.is_multiple_of(10) {
                "inactive"
            } else {
                "active"
            },
        )
        .is(Attribute::CREATED_AT, created(n))
        .told(Attribute::LAST_USED_AT, Told::<Timestamp>::CannotTell);
    let seen = match n % 3 {
        0 => seen,
        1 => seen.is(Attribute::ENVIRONMENT, "prod"),
        _ => seen.is(Attribute::ENVIRONMENT, "staging"),
    };
    if n.is_multiple_of(1_000) {
        seen.is(Attribute::PRIVILEGE, "admin")
    } else {
        seen
    }
}

fn credential(n: u64, scope: &Scope) -> Observation {
    let id = format!("AKIA{n:016}");
    let seen = Observation::new(Kind::Credential, id.clone(), scope)
        .key(Key::new(KeyKind::AwsAccessKeyId, id.clone()))
        .is(Attribute::NAME, id)
        .is(Attribute::TYPE, "aws_access_key")
        .is(Attribute::PROVIDER, "aws")
        .is(
            Attribute::STATUS,
            if n.is_multiple_of(10) {
                "inactive"
            } else {
                "active"
            },
        )
        .is(Attribute::CREATED_AT, created(n))
        .is(Attribute::ROTATED_AT, created(n))
        .link(Relation::Holder, Kind::Identity, user(n));
    let seen = if n.is_multiple_of(4) {
        seen.told(Attribute::LAST_USED_AT, Told::<Timestamp>::Absent)
    } else {
        seen.is(
            Attribute::LAST_USED_AT,
            Timestamp::from_seconds(1_690_000_000 + n as i64 * 10),
        )
    };
    if n.is_multiple_of(20) {
        seen.is(
            Attribute::EXPIRES_AT,
            Timestamp::from_seconds(1_900_000_000 + n as i64),
        )
    } else {
        seen
    }
}

fn created(n: u64) -> Timestamp {
    Timestamp::from_seconds(1_600_000_000 + n as i64)
}

/// How long the source alone takes.
pub(crate) fn time(count: u64) -> Duration {
    let options = BTreeMap::from([(COUNT.to_owned(), count.to_string())]);
    let mut seen = 0;
    let mut sink = |_| seen += 1;
    let began = Instant::now();
    let mut nothing = Nothing;
    let mut cx = Context::new(
        &mut nothing,
        &Nothing,
        "cloud",
        &options,
        Timestamp(0),
        &mut sink,
    );
    Cloud.discover(&mut cx).unwrap();
    let took = began.elapsed();
    assert_eq!(seen, 2 * count);
    took
}

/// A port that answers nothing, and no key: this source asks nothing and shows no secret.
pub(crate) struct Nothing;

impl Port for Nothing {
    fn ask(&mut self, _: &Question) -> Result<Answer, Refusal> {
        Err(Refusal::new(
            Reason::Unsupported,
            "this source asks nothing",
        ))
    }
}

impl Fingerprints for Nothing {
    fn fingerprint(&self, _: &Secret) -> Fingerprint {
        unreachable!("this source shows no secret")
    }

    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}
