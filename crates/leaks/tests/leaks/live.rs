//! The data by which providers are asked, and what is made of answers.

use std::collections::BTreeSet;
use std::fmt::Write;

use leaks::builtin;
use leaks::live::{Check, Checks, Unasked};
use model::{Secret, Validity};

fn checks() -> &'static Checks {
    Checks::builtin().unwrap()
}

fn secret() -> Secret {
    Secret::from("s3cr3t-of-a-test:0123")
}

#[test]
fn at_least_twenty_five_providers_are_asked() {
    let providers: BTreeSet<_> = checks().checks.iter().map(|one| &one.provider).collect();
    assert!(providers.len() >= 25, "{}", providers.len());
}

#[test]
fn every_check_is_for_a_rule_of_its_provider_and_no_rule_has_two() {
    let rules = builtin().unwrap();
    let provider = |id: &str| {
        let rule = rules.iter().find(|rule| rule.id == id);
        rule.unwrap_or_else(|| panic!("there is no rule {id}"))
            .provider
            .clone()
    };
    let mut seen = BTreeSet::new();
    for check in &checks().checks {
        for rule in &check.rules {
            assert_eq!(provider(rule), check.provider, "{rule}");
            assert!(seen.insert(rule.clone()), "{rule} is asked for twice");
        }
    }
    for rule in checks().unasked.iter().flat_map(|one| &one.rules) {
        provider(rule);
        assert!(seen.insert(rule.clone()), "{rule} is asked for and is not");
    }
}

#[test]
fn every_question_reads_and_goes_to_a_name() {
    // Words in a path that would change something (revocation.md RP-5).
    const WRITES: [&str; 9] = [
        "revoke", "rotate", "delete", "create", "refresh", "renew", "roll", "logout", "reset",
    ];
    for check in &checks().checks {
        let what = format!("{} {:?}", check.provider, check.rules);
        assert!(
            !WRITES.iter().any(|word| check.path.contains(word)),
            "{what}"
        );
        assert!(check.path.starts_with('/'), "{what}");
        match check.method.as_str() {
            "GET" => assert!(check.body.is_none(), "{what}"),
            // Where a provider takes no other way to read, the table says so.
            "POST" => assert!(
                check.asks.contains("POST") || check.signed.is_some(),
                "{what}"
            ),
            other => panic!("{what}: {other}"),
        }
        if let Some(host) = &check.host {
            assert!(
                host.contains('.') && host.parse::<std::net::IpAddr>().is_err(),
                "{what}"
            );
        }
        assert!(!check.live.is_empty() && !check.dead.is_empty(), "{what}");
        for sign in &check.live {
            assert!(
                sign.field.is_some() || sign.contains.is_some(),
                "{what}: a bare status is what any gateway answers"
            );
        }
        let sent = |text: &String| text.contains("{secret}");
        let ways = usize::from(check.is_in_address())
            + usize::from(check.headers.values().any(sent))
            + usize::from(check.basic.as_ref().is_some_and(sent))
            + usize::from(check.signed.is_some());
        assert_eq!(ways, 1, "{what}: the secret goes one way");
    }
}

#[test]
fn what_no_sign_names_is_unknown() {
    let bodies: [&[u8]; 6] = [
        b"",
        b"<html>log in to the wireless network</html>",
        b"{}",
        b"[]",
        b"null",
        b"{\"message\":\"something else\"}",
    ];
    for check in &checks().checks {
        for status in [200, 204, 301, 302, 403, 404, 407, 418, 429, 500, 502, 503] {
            for body in bodies {
                let answer = check.judge(status, body, &secret(), true);
                assert_eq!(
                    answer.validity,
                    Validity::Unknown,
                    "{} {status} {}: {}",
                    check.provider,
                    String::from_utf8_lossy(body),
                    answer.because
                );
            }
        }
    }
}

#[test]
fn a_denial_where_another_host_may_have_issued_it_is_unknown_until_one_is_named() {
    let check = checks().of("gitlab-personal-token").unwrap();
    let denied = br#"{"message":"401 Unauthorized"}"#;
    assert_eq!(
        check.judge(401, denied, &secret(), false).validity,
        Validity::Unknown
    );
    assert_eq!(
        check.judge(401, denied, &secret(), true).validity,
        Validity::Dead
    );
}

#[test]
fn a_principal_that_repeats_the_secret_names_nobody() {
    let check = checks().of("github-personal-token").unwrap();
    let echo = br#"{"login":"I am s3cr3t-of-a-test:0123","id":7}"#;
    let answer = check.judge(200, echo, &secret(), false);
    let principal = answer.principal.unwrap();
    assert_eq!((principal.id.as_str(), principal.name), ("7", None));
}

#[test]
fn a_question_shows_nothing_when_debugged_and_takes_no_odd_letters() {
    let check = checks().of("telegram-bot-token").unwrap();
    let ask = check.ask(&secret(), None, None).unwrap();
    assert!(!format!("{ask:?}").contains("s3cr3t"));
    for odd in ["a/../b", "a b", "a\r\nx: y", "a?b", "\u{e9}", ""] {
        let told = check.ask(&Secret::from(odd), None, None).unwrap_err();
        assert_eq!(told, Unasked::Odd, "{odd}");
    }
    let shopify = checks().of("shopify-shpat").unwrap();
    assert!(matches!(
        shopify.ask(&secret(), None, None),
        Err(Unasked::NoHost(_))
    ));
    let twilio = checks().of("twilio-auth-token").unwrap();
    assert_eq!(
        twilio.ask(&secret(), None, None).unwrap_err(),
        Unasked::NoUser
    );
}

fn how(check: &Check) -> String {
    let holds = |(_, value): &(&String, &String)| value.contains("{secret}");
    if let Some(signed) = &check.signed {
        return format!("signs it ({signed}); the secret stays here");
    }
    if check.is_in_address() {
        return "**in the address**".to_owned();
    }
    match check.headers.iter().find(holds) {
        Some((name, value)) => {
            let shown = value.replace("{secret}", "…");
            format!("header `{name}: {shown}`")
        }
        None => "basic authentication".to_owned(),
    }
}

/// One sign in a few words.
fn sign(sign: &leaks::live::Sign) -> String {
    let status: Vec<_> = sign.status.iter().map(u16::to_string).collect();
    let mut told = status.join(" or ");
    if let Some(field) = &sign.field {
        let _ = write!(told, ", `{field}`");
    }
    match (&sign.is, &sign.contains) {
        (Some(is), _) => {
            let _ = write!(told, " is `{}`", is.to_string().trim_matches('"'));
        }
        (None, Some(text)) => {
            let _ = write!(told, " says `{text}`");
        }
        (None, None) => {}
    }
    told
}

fn table() -> String {
    let mut page = String::from(
        "# What is asked of providers\n\n\
        What `keyroll scan --check-live` asks, by provider ([guide](../guides/liveness.md)). This page is made from `crates/leaks/live/` by a test; the data was written from what is known of the manuals named here; none was looked up for it, and no provider was asked.\n\n\
        | provider | credentials (rules) | request | the secret goes | live | dead | whom it names | source |\n\
        |---|---|---|---|---|---|---|---|\n",
    );
    let mut all: Vec<_> = checks().checks.iter().collect();
    all.sort_by_key(|one| (&one.provider, &one.rules));
    for one in all {
        let host = one.host.as_deref().unwrap_or("the host you name");
        let signs = |signs: &[leaks::live::Sign]| {
            let told: Vec<_> = signs.iter().map(sign).collect();
            told.join("; ")
        };
        let mut dead = signs(&one.dead);
        if let Some(elsewhere) = &one.elsewhere {
            let _ = write!(
                dead,
                " (only of a host you name: else it may be of {elsewhere})"
            );
        }
        let rules: Vec<_> = one.rules.iter().map(|rule| format!("`{rule}`")).collect();
        let _ = writeln!(
            page,
            "| {} | {} | `{} {host}{}`: {} | {} | {} | {dead} | {} | {} |",
            one.provider,
            rules.join(", "),
            one.method,
            one.path.replace("{secret}", "…"),
            one.asks,
            how(one),
            signs(&one.live),
            one.principal
                .as_ref()
                .map_or("nobody", |named| &named.type_),
            one.source,
        );
    }
    page.push_str("\n## Not asked for\n\n| credentials (rules) | why |\n|---|---|\n");
    let mut unasked: Vec<_> = checks().unasked.iter().collect();
    unasked.sort_by_key(|one| &one.rules);
    for one in unasked {
        let rules: Vec<_> = one.rules.iter().map(|rule| format!("`{rule}`")).collect();
        let _ = writeln!(page, "| {} | {} |", rules.join(", "), one.why);
    }
    page.push_str("\nOf all other rules no check is known.\n");
    page
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test compares a page of the tree with the data"
)]
fn the_page_of_the_manual_says_what_the_data_says() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/liveness.md"
    );
    if std::env::var_os("KEYROLL_WRITE_DOCS").is_some() {
        std::fs::write(path, table()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        page == table(),
        "docs/reference/liveness.md is not what the data says; make it anew: KEYROLL_WRITE_DOCS=1 cargo test -p leaks --test leaks live"
    );
}
