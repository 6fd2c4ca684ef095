//! The credential report: one line a user, the root account first.
//!
//! Source: IAM User Guide, "Getting credential reports for your AWS account".

use base64::Engine as _;
use model::{Timestamp, Told};
use serde::{Deserialize, Serialize};

/// Lines kept; an account has at most 5,000 users.
const LINES_MAX: usize = 100_000;
/// Longer than any name or ARN of a user; the report of an account holds none such.
const FIELD_BYTES_MAX: usize = 800;
/// The columns every version of the report has.
const FIRST_COLUMNS: &str = "user,arn,user_creation_time,";

/// One of the two keys, or one of the two signing certificates, of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub(crate) ordinal: u8,
    pub(crate) active: bool,
    pub(crate) rotated: Option<Timestamp>,
    pub(crate) used: Told<Timestamp>,
    pub(crate) used_for: Option<String>,
}

/// What the report tells of one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) user: String,
    pub(crate) arn: String,
    pub(crate) created: Option<Timestamp>,
    /// `None`: not told, as for the root account.
    pub(crate) password: Option<bool>,
    pub(crate) password_used: Told<Timestamp>,
    pub(crate) password_changed: Option<Timestamp>,
    pub(crate) mfa: Option<bool>,
    pub(crate) keys: Vec<Slot>,
    pub(crate) certificates: Vec<Slot>,
}

impl Line {
    pub(crate) fn is_root(&self) -> bool {
        self.user == "<root_account>" || self.arn.ends_with(":root")
    }
}

/// Whether a text begins like the report.
pub(crate) fn is_report(text: &str) -> bool {
    text.trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with(FIRST_COLUMNS)
}

/// The lines of a report, be it its text or that in base64.
pub(crate) fn lines(content: &str) -> Option<Vec<Line>> {
    if is_report(content) {
        return read(content);
    }
    // As Python writes bytes down.
    if let Some(text) = content
        .strip_prefix("b'")
        .and_then(|rest| rest.strip_suffix('\''))
    {
        let text = text.replace("\\r\\n", "\n").replace("\\n", "\n");
        return is_report(&text).then(|| read(&text))?;
    }
    let plain: String = content.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(plain)
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    is_report(&text).then(|| read(&text))?
}

fn read(text: &str) -> Option<Vec<Line>> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let columns = reader.headers().ok()?.clone();
    let mut lines = Vec::new();
    for record in reader.records().take(LINES_MAX) {
        let record = record.ok()?;
        let get = |name: &str| {
            let at = columns.iter().position(|column| column == name)?;
            record.get(at)
        };
        let short = |name: &str| get(name).filter(|text| text.len() <= FIELD_BYTES_MAX);
        lines.push(Line {
            user: short("user")?.to_owned(),
            arn: short("arn")?.to_owned(),
            created: get("user_creation_time").and_then(time),
            password: get("password_enabled").and_then(flag),
            password_used: used(get("password_last_used")),
            password_changed: get("password_last_changed").and_then(time),
            mfa: get("mfa_active").and_then(flag),
            keys: slots(&get, "access_key"),
            certificates: slots(&get, "cert"),
        });
    }
    Some(lines)
}

fn slots<'a>(get: &impl Fn(&str) -> Option<&'a str>, what: &str) -> Vec<Slot> {
    let mut found = Vec::new();
    for ordinal in 1..=2u8 {
        let column = |name: &str| get(&format!("{what}_{ordinal}_{name}"));
        let active = column("active").and_then(flag).unwrap_or(false);
        let rotated = column("last_rotated").and_then(time);
        if !active && rotated.is_none() {
            continue;
        }
        let service = column("last_used_service").and_then(told);
        let region = column("last_used_region").and_then(told);
        found.push(Slot {
            ordinal,
            active,
            rotated,
            used: used(column("last_used_date")),
            used_for: used_for(service, region),
        });
    }
    found
}

/// `s3 in us-east-1`, or what of it is told.
pub(crate) fn used_for(service: Option<&str>, region: Option<&str>) -> Option<String> {
    match (service, region) {
        (Some(service), Some(region)) => Some(format!("{service} in {region}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

fn told(text: &str) -> Option<&str> {
    (!matches!(text, "" | "N/A" | "no_information" | "not_supported")).then_some(text)
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn time(text: &str) -> Option<Timestamp> {
    told(text)?.parse().ok()
}

/// `N/A` says that there was no use; `no_information` that there is no record of one.
fn used(text: Option<&str>) -> Told<Timestamp> {
    match text {
        Some("N/A") => Told::Absent,
        Some(text) => Told::or_cannot_tell(time(text)),
        None => Told::CannotTell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n\
        <root_account>,arn:aws:iam::111122223333:root,2018-08-12T17:20:55+00:00,not_supported,no_information,not_supported,not_supported,true,true,2018-11-23T16:01:14+00:00,2018-11-27T00:02:00+00:00,us-east-1,ecr,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A\n\
        ann,arn:aws:iam::111122223333:user/ann,2019-05-07T15:35:54+00:00,true,N/A,2019-05-07T15:35:54+00:00,N/A,false,false,2019-05-07T15:35:55+00:00,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,true,2020-01-01T00:00:00+00:00,false,N/A\n";

    #[test]
    fn the_report_reads_the_same_plain_and_in_base64() {
        let plain = lines(TEXT).unwrap();
        let encoded = base64::engine::general_purpose::STANDARD.encode(TEXT);
        assert_eq!(lines(&encoded), Some(plain.clone()));
        let python = format!("b'{}'", TEXT.replace('\n', "\\n"));
        assert_eq!(lines(&python), Some(plain));
        assert_eq!(lines("user,arn"), None);
        assert_eq!(lines("AAAA"), None);
    }

    #[test]
    fn never_used_and_no_information_are_not_the_same() {
        let read = lines(TEXT).unwrap();
        assert!(read[0].is_root() && read[0].password.is_none());
        assert_eq!(read[0].password_used, Told::CannotTell);
        assert_eq!(read[1].password_used, Told::Absent);
        assert_eq!(
            read[0].keys[0].used_for.as_deref(),
            Some("ecr in us-east-1")
        );
    }

    #[test]
    fn an_inactive_key_with_a_date_is_a_key_and_one_without_is_none() {
        let read = lines(TEXT).unwrap();
        assert_eq!(read[0].keys.len(), 1);
        assert_eq!(read[1].keys.len(), 1);
        assert!(!read[1].keys[0].active);
        assert_eq!(read[1].certificates.len(), 1);
    }
}
