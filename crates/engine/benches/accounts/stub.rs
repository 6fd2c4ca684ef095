//! A stub of AWS: accounts of 20 regions with keys in each, behind a bucket that fills at a rate.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const REGIONS: usize = 20;
/// What the bucket holds: a tenth of a second's questions.
const BURST_PART: f64 = 0.1;

/// What the stub allows and holds.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Questions a second; none: as many as come.
    pub(crate) per_second: Option<u32>,
    /// How long each answer takes.
    pub(crate) latency: Duration,
    /// Keys of KMS in each region.
    pub(crate) keys: usize,
}

/// What came so far.
#[derive(Clone, Copy)]
pub(crate) struct Told {
    pub(crate) first: Instant,
    pub(crate) last: Instant,
    pub(crate) accepted: u32,
    pub(crate) throttled: u32,
}

struct Bucket {
    tokens: f64,
    filled: Instant,
    told: Option<Told>,
}

/// A listener on loopback.
pub(crate) struct Stub {
    url: String,
    bucket: Arc<Mutex<Bucket>>,
}

impl Stub {
    pub(crate) fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bucket = Arc::new(Mutex::new(Bucket {
            tokens: 0.0,
            filled: Instant::now(),
            told: None,
        }));
        let shared = Arc::clone(&bucket);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let bucket = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, limits, &bucket));
            }
        });
        Self { url, bucket }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn told(&self) -> Told {
        self.bucket.lock().unwrap().told.unwrap()
    }
}

impl Bucket {
    /// Whether one more question may be asked now.
    fn takes(&mut self, per_second: Option<u32>) -> bool {
        let now = Instant::now();
        let takes = per_second.is_none_or(|rate| {
            let rate = f64::from(rate);
            let came = now.duration_since(self.filled).as_secs_f64() * rate;
            self.tokens = (self.tokens + came).min((rate * BURST_PART).max(1.0));
            self.filled = now;
            let takes = self.tokens >= 1.0;
            self.tokens -= if takes { 1.0 } else { 0.0 };
            takes
        });
        let told = self.told.get_or_insert(Told {
            first: now,
            last: now,
            accepted: 0,
            throttled: 0,
        });
        told.last = now;
        if takes {
            told.accepted += 1;
        } else {
            told.throttled += 1;
        }
        takes
    }
}

/// One question, as far as it tells what it asks.
struct Asked {
    region: String,
    account: String,
    target: String,
    path: String,
    body: String,
}

fn serve(stream: TcpStream, limits: Limits, bucket: &Mutex<Bucket>) {
    stream.set_nodelay(true).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        let takes = bucket.lock().unwrap().takes(limits.per_second);
        std::thread::sleep(limits.latency);
        let (status, body) = if takes {
            answer(&asked, limits.keys)
        } else {
            let told = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
            ("400 Bad Request", told.to_owned())
        };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if writer
            .write_all(&[head.as_bytes(), body.as_bytes()].concat())
            .is_err()
        {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let path = line.split(' ').nth(1)?.to_owned();
    let mut asked = Asked {
        region: String::new(),
        account: String::new(),
        target: String::new(),
        path,
        body: String::new(),
    };
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "x-amz-target" => asked.target = value.to_owned(),
            "authorization" => {
                // `Credential=AKIA…/date/region/service/aws4_request`
                let mut parts = value.split("Credential=").nth(1)?.split('/');
                let key = parts.next()?.trim_start_matches("AKIA");
                key.clone_into(&mut asked.account);
                parts.nth(1)?.clone_into(&mut asked.region);
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8(body).ok()?;
    Some(asked)
}

fn answer(asked: &Asked, keys: usize) -> (&'static str, String) {
    let action = asked
        .body
        .split('&')
        .find_map(|part| part.strip_prefix("Action="));
    if let Some(action) = action {
        return ("200 OK", form(action, asked));
    }
    let told = match asked.target.rsplit('.').next().unwrap_or_default() {
        "DescribeOrganization" => {
            let none = json!({"__type": "AWSOrganizationsNotInUseException"});
            return ("400 Bad Request", none.to_string());
        }
        "ListKeys" => json!({"Keys": (0..keys).map(|n| key(asked, n)).collect::<Vec<_>>()}),
        "DescribeKey" => described(asked),
        "ListSecrets" => secrets(asked),
        _ if asked.path.contains("functions") => json!({"Functions": []}),
        _ => json!({}),
    };
    ("200 OK", told.to_string())
}

fn form(action: &str, asked: &Asked) -> String {
    let account = &asked.account;
    if action == "DescribeRegions" {
        let items =
            (0..REGIONS).map(|n| format!("<item><regionName>eu-west-{n}</regionName></item>"));
        return format!(
            "<R><regionInfo>{}</regionInfo></R>",
            items.collect::<String>()
        );
    }
    let inside = match action {
        "GetCallerIdentity" => format!(
            "<Arn>arn:aws:iam::{account}:user/bench</Arn><UserId>AIDA{account}</UserId>\
             <Account>{account}</Account>"
        ),
        "GenerateCredentialReport" => "<State>COMPLETE</State>".to_owned(),
        "GenerateServiceLastAccessedDetails" => format!("<JobId>{account}</JobId>"),
        "GetServiceLastAccessedDetails" => "<JobStatus>COMPLETED</JobStatus>".to_owned(),
        _ => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    format!("<R><{action}Result>{inside}</{action}Result></R>")
}

fn key(asked: &Asked, n: usize) -> Value {
    let (region, account) = (&asked.region, &asked.account);
    json!({"KeyId": format!("{n}"), "KeyArn": format!("arn:aws:kms:{region}:{account}:key/{n}")})
}

fn described(asked: &Asked) -> Value {
    let told: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let arn = told
        .get("KeyId")
        .and_then(Value::as_str)
        .unwrap_or_default();
    json!({"KeyMetadata": {"Arn": arn, "KeyId": arn, "KeyState": "Enabled", "CreationDate": 1.7e9,
        "KeyManager": "CUSTOMER", "Description": "of a benchmark"}})
}

fn secrets(asked: &Asked) -> Value {
    let (region, account) = (&asked.region, &asked.account);
    let one = |n: usize| {
        json!({"Name": format!("s{n}"), "CreatedDate": 1.7e9,
            "ARN": format!("arn:aws:secretsmanager:{region}:{account}:secret:s{n}-AbCdEf")})
    };
    json!({"SecretList": (0..20).map(one).collect::<Vec<_>>()})
}
