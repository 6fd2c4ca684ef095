//! How many events of CloudTrail one core reads in a second, and whether memory grows with them.
//!
//! Everything is counted: inflating a file of gzip piece by piece, cutting it into records,
//! reading them, folding them, telling what they came to. The events are made here, of about the
//! size that CloudTrail's have (1.3 KB), by a thousand identities over thirty days.
//! `cargo bench -p connectors --bench logs`.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that fails is a benchmark that fails"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads files and clocks"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use connectors::{Answer, Context, Event, Fingerprints, Piece, Port, Question, Refusal, connector};
use flate2::read::MultiGzDecoder;
use model::{Fingerprint, Reason, Secret, Timestamp};

/// Events a second and core, whole.
const BAR: f64 = 100_000.0;
/// Peak of memory at ten times the events, at most so many times that of one.
const GROWTH_MAX: f64 = 1.2;
const EVENTS: u32 = 100_000;
const ROUNDS: usize = 5;

fn main() {
    let dir = std::env::temp_dir().join(format!("keyroll-bench-logs-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (small, large) = (dir.join("small.json.gz"), dir.join("large.json.gz"));
    let bytes = write(&small, EVENTS);
    write(&large, EVENTS * 10);
    println!(
        "{EVENTS} events of {} bytes, gzip, bar {BAR} events/s/core",
        bytes / u64::from(EVENTS)
    );

    read(&small);
    let held = peak_kib();
    let mut rates: Vec<_> = (0..ROUNDS).map(|_| rate(&small, EVENTS)).collect();
    rates.sort_by(f64::total_cmp);
    let median = rates[ROUNDS / 2];
    println!(
        "median of {ROUNDS}: {median:.0} events per CPU second ({:.0} to {:.0}), ratio {:.2}",
        rates[0],
        rates[ROUNDS - 1],
        median / BAR
    );

    let large_rate = rate(&large, EVENTS * 10);
    let grown = peak_kib() / held;
    println!(
        "ten times as many: {large_rate:.0} events per CPU second; peak of memory {:.1} MiB, before {:.1} MiB, grows by {grown:.2} (at most {GROWTH_MAX})",
        peak_kib() / 1024.0,
        held / 1024.0
    );
    std::fs::remove_dir_all(&dir).unwrap();
    if median < BAR || grown > GROWTH_MAX {
        println!("missed");
        std::process::exit(1);
    }
}

fn rate(path: &Path, events: u32) -> f64 {
    let begun = cpu_seconds();
    read(path);
    f64::from(events) / (cpu_seconds() - begun)
}

/// One pass; what it tells is looked at, so that nothing of it is left out.
fn read(path: &Path) {
    let logs = connector("logs").unwrap();
    let path = path.to_str().unwrap();
    let options = BTreeMap::from([("dirs".to_owned(), path.to_owned())]);
    let (mut seen, mut gaps) = (0, Vec::new());
    let mut sink = |event| match event {
        Event::Seen(_) => seen += 1,
        Event::Gap(gap) => gaps.push(gap),
        Event::SetAside { .. } => {}
    };
    let now: Timestamp = "2026-11-29T00:00:00Z".parse().unwrap();
    let mut port = Packed { open: None };
    let mut cx = Context::new(&mut port, &NoKey, path, &options, now, &mut sink);
    logs.discover(&mut cx).unwrap();
    // A thousand roles and users, half of them with a key, and the log.
    assert_eq!((seen, gaps.len()), (1_501, 1), "{gaps:?}");
}

/// One file of gzip, read as the engine reads it.
struct Packed {
    open: Option<(u64, MultiGzDecoder<BufReader<File>>)>,
}

impl Port for Packed {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let Question::Piece { path, from } = question else {
            return Err(Refusal::new(Reason::Failed, "a file").code("ENOTDIR"));
        };
        let (at, stream) = self.open.get_or_insert_with(|| {
            (
                0,
                MultiGzDecoder::new(BufReader::new(File::open(path).unwrap())),
            )
        });
        assert_eq!(at, from);
        let mut bytes = Vec::with_capacity(1 << 20);
        Read::take(stream, 1 << 20).read_to_end(&mut bytes).unwrap();
        *at += bytes.len() as u64;
        Ok(Answer::Piece(Piece {
            next: (bytes.len() == 1 << 20).then_some(*at),
            bytes: Secret::new(bytes),
            refused: None,
        }))
    }
}

struct NoKey;

impl Fingerprints for NoKey {
    fn fingerprint(&self, _: &Secret) -> Fingerprint {
        unreachable!("no secret of a log is looked at")
    }
    fn scram(&self, _: &Secret, _: &str, _: u32) -> Option<Fingerprint> {
        None
    }
}

/// Writes events as CloudTrail does, and gives their size unpacked.
fn write(path: &Path, events: u32) -> u64 {
    let file = BufWriter::new(File::create(path).unwrap());
    let mut file = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    let mut bytes = 0;
    for n in 0..events {
        let text = event(n);
        let before = if n == 0 { "{\"Records\":[" } else { "," };
        file.write_all(before.as_bytes()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        bytes += text.len() as u64;
    }
    file.write_all(b"]}").unwrap();
    file.finish().unwrap();
    bytes
}

fn event(n: u32) -> String {
    const CALLS: [(&str, &str); 8] = [
        ("ec2.amazonaws.com", "DescribeInstances"),
        ("s3.amazonaws.com", "GetBucketLocation"),
        ("sts.amazonaws.com", "GetCallerIdentity"),
        ("kms.amazonaws.com", "Decrypt"),
        ("secretsmanager.amazonaws.com", "GetSecretValue"),
        ("iam.amazonaws.com", "GetRole"),
        ("logs.amazonaws.com", "CreateLogStream"),
        ("ssm.amazonaws.com", "GetParameters"),
    ];
    // Spread by a multiplier without a common factor, so that neighbours differ.
    let (who, turn) = (n.wrapping_mul(7_919) % 1_000, n.wrapping_mul(104_729));
    let (source, name) = CALLS[(turn % 8) as usize];
    let (day, hour, minute) = (1 + turn % 30, turn % 24, turn % 60);
    let account = "111122223333";
    let identity = if who % 2 == 0 {
        format!(
            r#"{{"type":"AssumedRole","principalId":"AROAQEXAMPLEROLE{who:04}:i-0{turn:08x}","arn":"arn:aws:sts::{account}:assumed-role/role-{who}/i-0{turn:08x}","accountId":"{account}","accessKeyId":"ASIAQEXAMPLE{turn:08}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAQEXAMPLEROLE{who:04}","arn":"arn:aws:iam::{account}:role/service/role-{who}","accountId":"{account}","userName":"role-{who}"}},"webIdFederationData":{{}},"attributes":{{"mfaAuthenticated":"false","creationDate":"2026-09-{day:02}T00:00:00Z"}},"ec2RoleDelivery":"2.0"}}}}"#
        )
    } else {
        format!(
            r#"{{"type":"IAMUser","principalId":"AIDAQEXAMPLEUSER{who:04}","arn":"arn:aws:iam::{account}:user/user-{who}","accountId":"{account}","accessKeyId":"AKIAQEXAMPLEKEY0{who:04}","userName":"user-{who}"}}"#
        )
    };
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{identity},"eventTime":"2026-09-{day:02}T{hour:02}:{minute:02}:00Z","eventSource":"{source}","eventName":"{name}","awsRegion":"eu-central-1","sourceIPAddress":"192.0.2.{}","userAgent":"aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5 md/GOOS#linux md/GOARCH#amd64 api/ec2#1.173.0","requestParameters":{{"filterSet":{{"items":[{{"name":"tag:\"Name\"","valueSet":{{"items":[{{"value":"node-{turn}"}}]}}}}]}},"maxResults":1000,"keyId":"arn:aws:kms:eu-central-1:{account}:key/{turn:08x}-0000-4000-8000-000000000000"}},"responseElements":null,"requestID":"{turn:08x}-1111-4111-8111-{n:012x}","eventID":"{n:08x}-2222-4222-8222-{turn:012x}","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"{account}","eventCategory":"Management","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"ec2.eu-central-1.amazonaws.com"}},"sessionCredentialFromConsole":"false","sharedEventID":"{turn:08x}-3333-4333-8333-000000000000"}}"#,
        turn % 250
    )
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

/// The most memory this process held so far.
fn peak_kib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}
