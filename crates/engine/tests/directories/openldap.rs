//! A real OpenLDAP, with the entries of `scripts/slapd.ldif`.

use engine::LdapLimits;
use model::{KeyKind, Reason};

use crate::ground::{pass, pass_within, rights, text};

const BASE: &str = "ou=services,dc=keyroll,dc=test";

#[test]
fn the_accounts_of_programs_are_told_with_their_passwords_and_keys() {
    let Some(directory) = testkit::slapd() else {
        return;
    };
    let pass = pass(&directory.url);
    assert_eq!(
        pass.names(),
        ["backup", "deploy", "narrow", "old", "reader", "small"]
    );
    assert_eq!(pass.aside, 2, "ann and bob");
    for (name, fact, value) in [
        ("backup", "class", "workload"),
        ("backup", "member_of", "admins"),
        ("backup", "owner_hint", "ann"),
        ("backup", "description_withheld", "yes"),
        ("reader", "comment", "Reads the directory for the tests"),
        ("reader", "created_by", "cn=admin,dc=keyroll,dc=test"),
        ("deploy", "member_of", "ops"),
        ("old", "status", "inactive"),
    ] {
        assert_eq!(text(pass.account(name), fact), value, "{name} {fact}");
    }
    let password = pass.credentials("backup")[0];
    assert_eq!(text(password, "rotated_at"), "2024-01-02T03:04:05Z");
    let keys = pass.credentials("deploy");
    let ssh = keys
        .iter()
        .find(|one| text(one, "type") == "ssh_authorized_key")
        .unwrap();
    let print = ssh
        .keys
        .iter()
        .find(|key| key.kind == KeyKind::SshKeySha256)
        .unwrap();
    assert_eq!(
        print.value,
        "SHA256:ItuR69mJz2Q+FYleKfweh+w6g1SGCc95BVce8h97yC4"
    );
    // It logged in just now.
    assert_ne!(text(pass.account("reader"), "last_used_at"), "cannot tell");
    assert_eq!(text(pass.account("old"), "last_used_at"), "cannot tell");
}

#[test]
fn whom_the_server_refers_to_is_a_gap_and_never_asked() {
    let Some(directory) = testkit::slapd() else {
        return;
    };
    // Nobody listens at 127.0.0.1:9: were it asked, that would be told.
    let pass = pass(&directory.url);
    let gap = pass.gap("accounts/elsewhere/ldap:");
    assert_eq!(gap.reason, Reason::Unsupported);
    assert!(
        gap.told.contains("add it as a source of its own"),
        "{}",
        gap.told
    );
    assert!(pass.gap("server").needs.is_some());
}

#[test]
fn pages_of_one_entry_tell_the_same_as_one_page() {
    let Some(directory) = testkit::slapd() else {
        return;
    };
    let whole = pass(&directory.url);
    let limits = LdapLimits {
        page: 1,
        ..LdapLimits::default()
    };
    let paged = pass_within(&directory.url, limits);
    assert_eq!(paged.names(), whole.names());
    assert_eq!(paged.seen.len(), whole.seen.len());
    assert_eq!(paged.gaps, whole.gaps);
}

#[test]
fn a_size_limit_of_the_server_is_a_gap_that_says_what_lifts_it() {
    let Some(directory) = testkit::slapd() else {
        return;
    };
    let url = directory.url_for(&format!("cn=small,{BASE}"), "small-of-tests");
    let pass = pass(&url);
    let gap = pass.gap("accounts");
    assert!(gap.told.contains("sizeLimitExceeded"), "{}", gap.told);
    assert!(
        gap.needs.as_deref().unwrap().contains("size.prtotal"),
        "{gap:?}"
    );
    // What came before it was told.
    assert!(!pass.seen.is_empty());
}

#[test]
fn attributes_that_are_left_out_without_a_word_are_a_gap() {
    let Some(directory) = testkit::slapd() else {
        return;
    };
    let url = directory.url_for(&format!("cn=narrow,{BASE}"), "narrow-of-tests");
    let pass = pass(&url);
    assert!(pass.seen.is_empty(), "{:?}", pass.names());
    let gap = pass.gap("accounts");
    assert_eq!(gap.reason, Reason::Denied);
    assert!(
        gap.told.contains("entryUUID") && gap.needs.is_some(),
        "{gap:?}"
    );
    let rights = rights(&url);
    assert_eq!(rights["read entryUUID of accounts"], Some(false));
    assert_eq!(rights["read createTimestamp of accounts"], Some(false));
    assert_eq!(rights["read pwdChangedTime of accounts"], None);
}

#[test]
fn only_what_lies_below_a_named_base_is_read() {
    let Some(directory) = testkit::slapd() else {
        return;
    };
    let pass = pass(&format!("{}/ou=people,dc=keyroll,dc=test", directory.url));
    assert!(
        pass.seen.is_empty() && pass.aside == 2,
        "{:?}",
        pass.names()
    );
}

#[test]
fn tls_that_is_asked_for_first_carries_the_password() {
    let Some(directory) = testkit::slapd() else {
        return;
    };
    let encrypted = pass(&format!("{}?tls=require", directory.url));
    assert_eq!(encrypted.names(), pass(&directory.url).names());
    // Nobody signed that certificate, and this machine does not trust it.
    let verified = pass(&format!("{}?tls=verify-full", directory.url));
    assert!(verified.seen.is_empty());
    assert!(!verified.gaps.is_empty());
}

#[test]
fn nobody_is_let_in_with_another_password_or_with_none() {
    let Some(directory) = testkit::slapd() else {
        return;
    };
    let reader = format!("cn=reader,{BASE}");
    for password in ["wrong-of-tests", ""] {
        let pass = pass(&directory.url_for(&reader, password));
        assert!(
            pass.seen.is_empty() && pass.gaps.len() == 1,
            "{:?}",
            pass.gaps
        );
        assert!(
            !format!("{:?}", pass.gaps).contains("wrong-of"),
            "{:?}",
            pass.gaps
        );
    }
}
