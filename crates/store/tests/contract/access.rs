//! Accounts and what is handed out: of another tenant nothing is seen, changed or used.

use model::Tenant;
use store::{
    Account, ApiToken, Attempt, Durability, Error, Invitation, Reading, SessionRow, Stage,
};

use crate::world::{World, time};

contract![another_tenant_sees_and_changes_nothing_of_who_may];

const HASH: [u8; 32] = [7; 32];

fn fill(world: &World) -> Result<(), Error> {
    let tenant = &world.tenant;
    let account = Account {
        id: "acc-1".into(),
        issuer: String::new(),
        subject: "ann".into(),
        name: "ann".into(),
        roles: vec!["admin".into()],
        ready: Some(time(1)),
        totp_step: Some(5),
        made: time(1),
        made_by: "person:root".into(),
        disabled: None,
        signed_in: None,
    };
    let link = Invitation {
        id: "l1".into(),
        hash: HASH.to_vec(),
        account: "acc-1".into(),
        name: None,
        roles: vec!["admin".into()],
        purpose: "setup".into(),
        made: time(1),
        made_by: "person:root".into(),
        ends: time(90),
        used: None,
    };
    let session = SessionRow {
        id: "s1".into(),
        hash: HASH.to_vec(),
        account: "acc-1".into(),
        stage: Stage::In,
        made: time(1),
        seen: time(1),
        ends: time(90),
        address: "192.0.2.1".into(),
        agent: String::new(),
    };
    let token = ApiToken {
        id: "t1".into(),
        hash: HASH.to_vec(),
        account: "acc-1".into(),
        name: "nightly".into(),
        permissions: vec!["read".into()],
        made: time(1),
        made_by: "person:ann".into(),
        ends: time(90),
        fingerprint: "key.mac".into(),
        last_used: None,
        revoked: None,
        revoked_by: None,
    };
    let attempt = Attempt {
        bucket: "b".into(),
        spent: 1,
        at: time(1),
        untold: 2,
    };
    world.store.write(Durability::Full, |writing| {
        writing.put_account(tenant, &account)?;
        writing.put_recovery_codes(tenant, "acc-1", &[HASH.to_vec()])?;
        writing.put_invitation(tenant, &link)?;
        writing.put_session(tenant, &session)?;
        writing.put_device(tenant, ("d1", &HASH), "acc-1", (time(1), time(90)))?;
        writing.put_api_token(tenant, &token)?;
        writing.put_attempt(tenant, &attempt)
    })
}

/// All that is read of who may, a line each.
fn read(reading: &mut Reading<'_>, tenant: &Tenant) -> Result<Vec<String>, Error> {
    Ok(vec![
        format!("{:?}", reading.accounts(tenant)?),
        format!("{:?}", Vec::from_iter(reading.account(tenant, "acc-1")?)),
        format!(
            "{:?}",
            Vec::from_iter(reading.account_of(tenant, "", "ann")?)
        ),
        format!("{:?}", reading.recovery_codes(tenant, "acc-1")?),
        format!("{:?}", Vec::from_iter(reading.invitation(tenant, "l1")?)),
        format!("{:?}", reading.invitations(tenant, time(2))?),
        format!("{:?}", Vec::from_iter(reading.session(tenant, "s1")?)),
        format!("{:?}", reading.sessions(tenant, "acc-1")?),
        format!(
            "{:?}",
            Vec::from_iter(reading.device(tenant, "d1", "acc-1", time(2))?)
        ),
        format!("{:?}", reading.api_tokens(tenant)?),
        format!("{:?}", Vec::from_iter(reading.api_token(tenant, "t1")?)),
        format!("{:?}", Vec::from_iter(reading.attempt(tenant, "b")?)),
    ])
}

fn another_tenant_sees_and_changes_nothing_of_who_may(world: &World) {
    fill(world).unwrap();
    let look = |tenant: &Tenant| world.store.read(|reading| read(reading, tenant)).unwrap();
    let before = look(&world.tenant);
    assert!(before.iter().all(|line| line != "[]"), "{before:?}");
    let other: Tenant = "stranger".parse().unwrap();
    assert!(look(&other).iter().all(|line| line == "[]"));
    let used = world
        .store
        .write(Durability::Full, |writing| {
            writing.saw_session(&other, "s1", time(50))?;
            writing.used_api_token(&other, "t1", time(50))?;
            writing.put_recovery_codes(&other, "acc-1", &[])?;
            writing.forget_attempts(&other, time(1_000))?;
            Ok::<_, Error>([
                writing.use_totp_step(&other, "acc-1", 9)?,
                writing.use_recovery_code(&other, "acc-1", &HASH, time(2))?,
                writing.use_invitation(&other, "l1", time(2))?,
                writing.end_session(&other, "acc-1", "s1")?,
                writing.end_sessions(&other, "acc-1")? > 0,
                writing.revoke_api_token(&other, "t1", "stranger", time(2))?,
            ])
        })
        .unwrap();
    assert_eq!(used, [false; 6]);
    assert_eq!(look(&world.tenant), before);
}
