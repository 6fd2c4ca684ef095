//! How directories write names, times and ids.

use model::{Attribute, Observation, Timestamp, Told};

/// Seconds from the first day of Windows (1601) to that of Unix.
const WINDOWS_EPOCH: i64 = 11_644_473_600;

/// A time in units of 100 ns since 1601; `0` and the largest number say that there is none.
pub(super) fn windows_time(text: Option<&str>) -> Told<Timestamp> {
    let Some(ticks) = text.and_then(|text| text.parse::<i64>().ok()) else {
        return Told::CannotTell;
    };
    if ticks <= 0 || ticks == i64::MAX {
        return Told::Absent;
    }
    let at = seconds(ticks / 10_000_000 - WINDOWS_EPOCH);
    Told::or_cannot_tell(at)
}

/// A moment, if it lies between the years 1900 and 9999.
fn seconds(at: i64) -> Option<Timestamp> {
    (-2_208_988_800..253_402_300_800)
        .contains(&at)
        .then(|| Timestamp::from_seconds(at))
}

/// A generalized time in UTC (RFC 4517 section 3.3.13): `20260301083000Z`, `20260301083000.0Z`.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let digits = text.get(..14)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || !text.ends_with('Z') {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let written = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    );
    written.parse().ok()
}

/// A GUID as Windows writes it, from its 16 bytes.
pub(super) fn guid(bytes: &[u8]) -> Option<String> {
    let b: &[u8; 16] = bytes.try_into().ok()?;
    let hex =
        |order: &[usize]| -> String { order.iter().map(|at| format!("{:02x}", b[*at])).collect() };
    let parts = [
        hex(&[3, 2, 1, 0]),
        hex(&[5, 4]),
        hex(&[7, 6]),
        hex(&[8, 9]),
        hex(&[10, 11, 12, 13, 14, 15]),
    ];
    Some(parts.join("-"))
}

/// A security identifier as text ([MS-DTYP] section 2.4.2), with how many bytes it takes.
pub(super) fn sid_and_length(bytes: &[u8]) -> Option<(String, usize)> {
    let (head, rest) = bytes.split_at_checked(8)?;
    let count = usize::from(head[1]);
    if head[0] != 1 || count > 15 {
        return None;
    }
    let authority = head[2..]
        .iter()
        .fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
    let parts = rest.get(..count * 4)?;
    let mut text = format!("S-1-{authority}");
    for part in parts.chunks_exact(4) {
        let number = part
            .iter()
            .rev()
            .fold(0u32, |sum, byte| (sum << 8) | u32::from(*byte));
        text.push_str(&format!("-{number}"));
    }
    Some((text, 8 + count * 4))
}

/// A security identifier, whole.
pub(super) fn sid(bytes: &[u8]) -> Option<String> {
    let (text, length) = sid_and_length(bytes)?;
    (length == bytes.len()).then_some(text)
}

/// `acme.test` of `DC=acme,DC=test`.
pub(super) fn domain_of(name: &str) -> String {
    let parts = name.split(',').filter_map(|part| {
        let (kind, value) = part.trim().split_once('=')?;
        kind.eq_ignore_ascii_case("dc")
            .then(|| value.trim().to_lowercase())
    });
    parts.collect::<Vec<_>>().join(".")
}

/// The value of the first part of a distinguished name: `ann` of `cn=ann,ou=people`.
pub(super) fn first_of(name: &str) -> String {
    let mut out = String::new();
    let mut escaped = false;
    let value = name.split_once('=').map_or(name, |(_, value)| value);
    for c in value.chars() {
        match c {
            _ if escaped => {
                escaped = false;
                out.push(c);
            }
            '\\' => escaped = true,
            ',' => break,
            _ => out.push(c),
        }
    }
    out.trim().to_owned()
}

/// A name of an account in one form: a distinguished name without the blanks between its parts.
pub(super) fn folded_name(name: &str) -> String {
    let name = name.trim().to_lowercase();
    if !name.contains('=') {
        return name;
    }
    let parts: Vec<_> = name
        .split(',')
        .map(|part| match part.split_once('=') {
            Some((kind, value)) => format!("{}={}", kind.trim(), value.trim()),
            None => part.trim().to_owned(),
        })
        .collect();
    parts.join(",")
}

/// `host`, `host:port` or `[address]:port`; 389 where no port is told.
pub(super) fn host_and_port(text: &str) -> Option<(String, u16)> {
    let text = text.trim().to_lowercase();
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, behind)) => (host, behind.strip_prefix(':')),
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text.as_str(), None),
        },
    };
    let port = port.map_or(Some(389), |port| port.parse().ok())?;
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

/// Whether names of an account, or of the units around it, are those that programs are given.
pub(super) fn sounds_like_a_program(account: &str, name: &str) -> bool {
    const WORDS: &[&str] = &[
        "svc",
        "srv",
        "service",
        "services",
        "serviceaccounts",
        "app",
        "apps",
        "bot",
        "bots",
        "robot",
        "daemon",
        "batch",
        "cron",
        "job",
        "jobs",
        "backup",
        "sync",
        "bind",
        "ldap",
        "sql",
        "task",
        "tasks",
        "automation",
        "deploy",
        "jenkins",
        "gitlab",
        "ansible",
        "scanner",
        "monitoring",
        "api",
        "machine",
        "machines",
        "system",
        "technical",
        "functional",
    ];
    let units = name
        .split(',')
        .filter_map(|part| part.trim().split_once('='));
    let units = units
        .skip(1)
        .filter(|(kind, _)| !kind.eq_ignore_ascii_case("dc"));
    std::iter::once(account)
        .chain(units.map(|(_, value)| value))
        .flat_map(|one| one.split(|c: char| !c.is_alphanumeric()))
        .any(|word| WORDS.contains(&word.to_lowercase().as_str()))
}

/// With what people wrote about an account, unless it may hold a password: then only that.
pub(super) fn comment(told: Observation, text: &str) -> Observation {
    if may_hold_a_password(text) {
        return told.is(Attribute::named("description_withheld"), true);
    }
    told.is(Attribute::COMMENT, model::shorten(text, 300))
}

/// Whether a description may itself hold a password, as descriptions of accounts often do.
fn may_hold_a_password(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "pass", "pwd", "pw:", "pw=", "pw ", "kennwort", "secret", "token", "mdp", "contras",
        "senha",
    ];
    let low = text.to_lowercase();
    // A word of many kinds of letters is no word of a language.
    let mixed = |word: &str| {
        let any = |test: fn(&char) -> bool| word.chars().any(|c| test(&c));
        word.len() >= 6
            && any(char::is_ascii_digit)
            && any(|c| c.is_alphabetic())
            && any(|c| c.is_uppercase() || !c.is_alphanumeric())
    };
    WORDS.iter().any(|word| low.contains(word)) || text.split_whitespace().any(mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_both_forms() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(
            windows_time(Some("133171094450000000")),
            Told::Is(at("2023-01-02T05:04:05Z"))
        );
        for none in ["0", "9223372036854775807", "-1"] {
            assert_eq!(windows_time(Some(none)), Told::Absent);
        }
        assert_eq!(windows_time(Some("soon")), Told::CannotTell);
        assert_eq!(windows_time(Some("9223372036854775806")), Told::CannotTell);
        assert_eq!(time("20240102030405Z"), Some(at("2024-01-02T03:04:05Z")));
        assert_eq!(time("20240102030405.0Z"), Some(at("2024-01-02T03:04:05Z")));
        for wrong in [
            "000001010000Z",
            "20240102030405",
            "2024",
            "20241302030405Z",
            "ä0240102030405Z",
        ] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ids_of_windows_are_read_and_broken_ones_are_none() {
        let bytes: Vec<u8> = (1..=16).collect();
        assert_eq!(
            guid(&bytes).unwrap(),
            "04030201-0605-0807-090a-0b0c0d0e0f10"
        );
        assert_eq!(guid(&bytes[1..]), None);
        let administrators = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];
        assert_eq!(sid(&administrators).unwrap(), "S-1-5-32-544");
        for cut in 0..administrators.len() {
            assert_eq!(sid(&administrators[..cut]), None);
        }
    }

    #[test]
    fn names_are_folded_and_taken_apart() {
        assert_eq!(domain_of("DC=Acme, DC=test"), "acme.test");
        assert_eq!(first_of(r"CN=Doe\, Ann,OU=People"), "Doe, Ann");
        assert_eq!(folded_name(" CN=Web , DC = Acme"), "cn=web,dc=acme");
        assert_eq!(folded_name(r"ACME\Web"), r"acme\web");
        assert_eq!(host_and_port("[::1]:636"), Some(("::1".to_owned(), 636)));
        assert_eq!(host_and_port("DC1"), Some(("dc1".to_owned(), 389)));
        assert!(sounds_like_a_program("svc-web", "cn=x,dc=y"));
        assert!(sounds_like_a_program("x", "cn=x,ou=Service Accounts,dc=y"));
        assert!(!sounds_like_a_program(
            "sandra",
            "cn=sandra,ou=people,dc=service"
        ));
        assert!(may_hold_a_password("Passwort: x") && may_hold_a_password("Winter2026!"));
        assert!(!may_hold_a_password("Runs the web shop"));
    }
}
