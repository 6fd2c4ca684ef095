//! A real Samba AD, with the accounts of `scripts/samba_domain.py`.

use model::Kind;

use crate::ground::{Pass, pass, rights, text};

/// What somebody may read who may read the domain.
fn domain() -> Option<Pass> {
    let directory = testkit::samba()?;
    Some(pass(&format!("{}?tls=require", directory.url)))
}

#[test]
fn the_accounts_of_programs_are_told_and_those_of_persons_set_aside() {
    let Some(pass) = domain() else { return };
    let expected = [
        "Administrator",
        "DC$",
        "Guest",
        "dns-dc",
        "files$",
        "gmsa-shop$",
        "krbtgt",
        "reader",
        "svc-brief",
        "svc-far",
        "svc-keys",
        "svc-off",
        "svc-open",
        "svc-proxy",
        "svc-roast",
        "svc-web",
    ];
    assert_eq!(pass.names(), expected);
    assert_eq!(pass.aside, 1, "ann");
    assert!(pass.gaps.is_empty(), "{:?}", pass.gaps);
    for (name, type_, class) in [
        ("svc-web", "ad_user", "workload"),
        ("Administrator", "ad_user", "cannot tell"),
        ("files$", "ad_computer", "workload"),
        ("DC$", "ad_domain_controller", "workload"),
        ("gmsa-shop$", "ad_group_managed_service_account", "workload"),
        ("krbtgt", "ad_ticket_granting_account", "workload"),
    ] {
        let account = pass.account(name);
        assert_eq!(text(account, "type"), type_, "{name}");
        assert_eq!(text(account, "class"), class, "{name}");
    }
}

#[test]
fn what_an_account_may_do_is_told_by_its_flags() {
    let Some(pass) = domain() else { return };
    for (name, fact, value) in [
        ("svc-web", "ticket_encryption", "rc4-hmac"),
        ("svc-web", "password_expires", "no"),
        (
            "svc-web",
            "service_names",
            "HTTP/web, HTTP/web.keyroll.test",
        ),
        ("svc-web", "owner_hint", "ann"),
        ("svc-web", "comment", "Runs the web shop"),
        ("svc-roast", "preauthentication", "no"),
        ("svc-off", "preauthentication", "yes"),
        ("svc-off", "status", "inactive"),
        ("svc-far", "delegation", "unconstrained"),
        ("svc-proxy", "delegation", "constrained, of any protocol"),
        ("svc-proxy", "delegates_to", "cifs/files.keyroll.test"),
        ("svc-open", "password_optional", "yes"),
        // It holds its own password.
        ("svc-open", "description_withheld", "yes"),
        ("svc-open", "comment", "cannot tell"),
        ("svc-brief", "expires_at", "2025-12-12T08:00:00Z"),
        ("files$", "acted_to_by", "svc-web"),
        ("gmsa-shop$", "trusts", "files$"),
        ("gmsa-shop$", "rotates_every_days", "30"),
    ] {
        assert_eq!(text(pass.account(name), fact), value, "{name} {fact}");
    }
}

#[test]
fn membership_in_a_group_of_a_group_is_power() {
    let Some(pass) = domain() else { return };
    let web = pass.account("svc-web");
    assert_eq!(text(web, "privilege"), "admin");
    assert_eq!(
        text(web, "member_of"),
        "Administrators, Domain Admins, web-operators"
    );
    assert_eq!(text(pass.account("svc-off"), "privilege"), "absent");
}

#[test]
fn a_password_is_as_old_as_the_domain_says_and_another_one_after_each_change() {
    let Some(pass) = domain() else { return };
    let all = pass.credentials("svc-web");
    assert_eq!(all.len(), 1, "{all:?}");
    let password = all[0];
    assert_eq!(password.kind, Kind::Credential);
    assert_eq!(text(password, "rotated_at"), "2023-01-02T05:04:05Z");
    assert_eq!(text(password, "last_used_at"), "2023-01-02T05:04:05Z");
    assert!(
        password.native.ends_with("/password@1672635845"),
        "{}",
        password.native
    );
    // Nobody logged in as it, and the domain tells that of others.
    assert_eq!(text(pass.account("svc-off"), "last_used_at"), "absent");
    assert_ne!(text(pass.account("reader"), "last_used_at"), "absent");
}

#[test]
fn an_account_bears_every_name_by_which_a_program_may_log_in_as_it() {
    let Some(pass) = domain() else { return };
    let keys: Vec<_> = pass
        .account("svc-web")
        .keys
        .iter()
        .map(|key| key.value.clone())
        .collect();
    for wanted in [
        "kerberos://keyroll.test/http/web.keyroll.test",
        "kerberos://keyroll.test/svc-web",
        "ldap://keyroll.test/svc-web@keyroll.test",
        "ldap://dc.keyroll.test/cn=svc-web,ou=services,dc=keyroll,dc=test",
    ] {
        assert!(
            keys.iter().any(|key| key == wanted),
            "{wanted} is not among {keys:?}"
        );
    }
    assert!(
        keys.iter().any(|key| key.starts_with("S-1-5-21-")),
        "{keys:?}"
    );
}

#[test]
fn a_login_that_is_refused_is_a_gap_of_the_whole_source_and_shows_no_password() {
    let Some(directory) = testkit::samba() else {
        return;
    };
    let url = directory.url_for("reader@keyroll.test", "wrong-of-Tests-1");
    let pass = pass(&format!("{url}?tls=require"));
    assert!(pass.seen.is_empty());
    let told = format!("{:?}", pass.gaps);
    assert!(
        told.contains("invalidCredentials") && !told.contains("wrong-of"),
        "{told}"
    );
}

#[test]
fn whoever_does_not_log_in_learns_which_right_lacks() {
    let Some(directory) = testkit::samba() else {
        return;
    };
    let (_, host) = directory.url.rsplit_once('@').unwrap();
    let pass = pass(&format!("ldaps://{host}?bind=none?tls=require"));
    assert!(pass.seen.is_empty(), "{:?}", pass.names());
    assert!(pass.gap("accounts").needs.is_some(), "{:?}", pass.gaps);
}

#[test]
fn a_password_is_never_sent_in_clear_to_a_server_that_wants_it_encrypted() {
    let Some(directory) = testkit::samba() else {
        return;
    };
    let url = directory.url.replace("ldaps://", "ldap://");
    // StartTLS, as the other server's test shows, works here as well.
    let clear = pass(&format!("{url}?tls=disable"));
    assert!(
        format!("{:?}", clear.gaps).contains("strongerAuthRequired"),
        "{:?}",
        clear.gaps
    );
    let asked = pass(&format!("{url}?tls=require"));
    assert!(
        asked.gaps.is_empty() && asked.seen.len() > 20,
        "{:?}",
        asked.gaps
    );
}

#[test]
fn every_right_of_the_reader_is_given() {
    let Some(directory) = testkit::samba() else {
        return;
    };
    let rights = rights(&format!("{}?tls=require", directory.url));
    assert_eq!(rights.len(), 3);
    assert!(
        rights.values().all(|given| *given == Some(true)),
        "{rights:?}"
    );
}
