//! Asking AWS whom a leaked key acts for, on an emulator that checks signatures and status.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Liveness;
use model::{SourceId, Validity};

use crate::account::{Account, Roll};

const READS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

#[test]
fn emulator_ministack_a_leaked_key_is_live_until_it_is_switched_off_and_its_user_is_the_accounts() {
    let Some(endpoint) = testkit::ministack() else {
        return;
    };
    let account = Account::at(endpoint);
    let name = testkit::fresh_name("asked");
    let key = account.user(&name, READS);
    let roll = Roll::over(&account);
    roll.plan(&key);
    let dir = roll.dir.path().join("leaks").canonicalize().unwrap();
    let source = SourceId::new("files", &format!("test:{}", dir.display()));
    let how = Liveness {
        aws: account.options.clone(),
        ..Liveness::default()
    };
    let asked = || {
        let round = roll
            .engine
            .round(std::slice::from_ref(&source), &how)
            .unwrap();
        assert_eq!(round.hosts(), BTreeMap::from([("sts.amazonaws.com", 1)]));
        let stop = Arc::default();
        let asked = roll.engine.ask_round(round, &how, &stop, &mut |_, _| {});
        asked.unwrap().told
    };
    assert_eq!(asked(), BTreeMap::from([(Validity::Live, 1)]));
    // Of two identities by that name nobody could be meant.
    let user = roll.engine.find(&name).unwrap();
    let user = roll.engine.look(&user).unwrap();
    let mut sources: Vec<_> = user
        .entity
        .members
        .iter()
        .map(|one| one.sighting.source.connector())
        .collect();
    sources.sort_unstable();
    assert_eq!(
        sources,
        ["aws_iam", "liveness"],
        "whom STS names is whom IAM lists"
    );
    let off = [
        ("UserName", name.as_str()),
        ("AccessKeyId", &key.id),
        ("Status", "Inactive"),
    ];
    account.iam("UpdateAccessKey", &off);
    assert_eq!(asked(), BTreeMap::from([(Validity::Dead, 1)]));
}
