//! From a leaked key to its proof on an emulator that checks, and why there is none on one that
//! does not.

use connectors::connector;
use engine::Bearer;
use model::{Duration, Grade, Outcome, Path, Probed, Secret, State, StepKind};

use crate::account::{Account, KeyPair, Roll};

const READS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sns:ListTopics","s3:GetObject"],"Resource":"*"}]}"#;
const PATIENCE: Duration = Duration::minutes(30);

#[test]
fn emulator_ministack_a_leaked_key_and_its_sessions_are_proven_dead() {
    let Some(endpoint) = testkit::ministack() else {
        return;
    };
    let account = Account::at(endpoint);
    let name = testkit::fresh_name("leaked");
    let key = account.user(&name, READS);
    let roll = Roll::over(&account);
    let plan = roll.plan(&key);
    assert_eq!(plan.body.subject.handle["session_probe"], "sns:ListTopics");
    assert!(
        !plan.body.subject.seen_at.is_empty(),
        "the secret can be read again"
    );
    let applied = roll.apply(&plan, PATIENCE);
    let State::Proven { denials, over, .. } = applied.state else {
        panic!("{:?}", applied.state)
    };
    assert!(denials >= 5 && over >= Duration::seconds(60));
    let proof = applied.proof.unwrap();
    assert_eq!((proof.grade, proof.target.as_str()), (Grade::A, "emulator"));
    let denied = |path: Path| {
        let probes = proof.probes.iter().filter(move |probe| probe.path == path);
        probes.filter_map(|probe| match &probe.probed {
            Probed::Denied { code } => Some(code.as_str()),
            _ => None,
        })
    };
    assert!(denied(Path::NewLogin).all(|code| code == "InvalidClientTokenId"));
    assert!(denied(Path::MintedSession).all(|code| code.ends_with("explicit deny")));
    assert!(denied(Path::NewLogin).count() >= 5 && denied(Path::MintedSession).count() >= 5);
    assert_eq!(account.who(&key).status, 403);
    assert_eq!(account.status(&name), "", "the key is deleted");
    let minted = proof
        .probes
        .iter()
        .filter(|probe| probe.path == Path::MintedSession);
    let minted: Vec<_> = minted
        .filter(|probe| matches!(probe.probed, Probed::Denied { .. }))
        .collect();
    let watched = minted[minted.len() - 1].at.since(minted[0].at);
    assert!(watched >= Duration::minutes(10), "section 5.1: {watched}");
    let text = serde_json::to_string(&proof).unwrap();
    assert!(!text.contains(&key.secret), "no evidence holds the secret");
}

/// RP-1: a secret that does not open the key stops the plan before anything is changed.
#[test]
fn emulator_ministack_a_wrong_secret_changes_nothing() {
    let Some(endpoint) = testkit::ministack() else {
        return;
    };
    let account = Account::at(endpoint);
    let name = testkit::fresh_name("wrong");
    let key = account.user(&name, READS);
    let wrong = KeyPair {
        id: key.id.clone(),
        secret: key.secret.chars().rev().collect(),
    };
    let roll = Roll::over(&account);
    let applied = roll.apply(&roll.plan(&wrong), Duration::seconds(20));
    assert!(
        !matches!(applied.state, State::Proven { .. }),
        "{:?}",
        applied.state
    );
    assert_eq!(account.status(&name), "Active");
    assert_eq!(account.who(&key).status, 200);
}

/// RP-7, RP-8: sessions that no harmless read can tell apart are not called dead.
#[test]
fn emulator_ministack_sessions_that_cannot_be_probed_leave_a_residual() {
    let Some(endpoint) = testkit::ministack() else {
        return;
    };
    let account = Account::at(endpoint);
    let name = testkit::fresh_name("rightless");
    let nothing = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}"#;
    let key = account.user(&name, nothing);
    let roll = Roll::over(&account);
    let applied = roll.apply(&roll.plan(&key), PATIENCE);
    let State::Residual { until, why } = &applied.state else {
        panic!("{:?}", applied.state)
    };
    assert!(why.contains("GetSessionToken"), "{why}");
    let left = until.unwrap().since(roll.engine.now());
    assert!(
        left > Duration::hours(35) && left <= Duration::hours(36),
        "{left}"
    );
    assert_eq!(account.who(&key).status, 403);
}

#[test]
fn emulator_ministack_each_step_is_done_once_and_found_done_after() {
    let Some(endpoint) = testkit::ministack() else {
        return;
    };
    let account = Account::at(endpoint);
    let name = testkit::fresh_name("steps");
    let key = account.user(&name, READS);
    let plan = Roll::over(&account).plan(&key);
    let subject = &plan.body.subject;
    let revoker = connector("aws_iam").unwrap().revoker().unwrap();
    let bearer = Bearer {
        user: key.id.clone(),
        secret: Secret::from(key.secret.as_str()),
    };
    let mut port = account.port(Some(bearer));
    let standing = |port: &mut engine::HttpPort| {
        account.with(port, |cx| revoker.standing(cx, subject).unwrap())
    };
    let probe = |port: &mut engine::HttpPort, path| {
        account.with(port, |cx| revoker.probe(cx, subject, path).unwrap())
    };
    for path in [Path::NewLogin, Path::MintedSession] {
        let accepted = Probed::Accepted {
            principal: subject.principal.clone(),
        };
        assert_eq!(probe(&mut port, path), accepted, "{path:?}");
    }
    let before = standing(&mut port);
    assert!(before.present && !before.cut && !before.sessions_denied);
    for step in [StepKind::DenySessions, StepKind::Cut, StepKind::Remove] {
        let done = account
            .with(&mut port, |cx| revoker.act(cx, subject, step))
            .unwrap();
        assert!(matches!(done, Outcome::Done { .. }), "{step:?}: {done:?}");
        if step == StepKind::DenySessions {
            assert!(matches!(
                probe(&mut port, Path::MintedSession),
                Probed::Denied { .. }
            ));
            assert!(matches!(
                probe(&mut port, Path::NewLogin),
                Probed::Accepted { .. }
            ));
        }
    }
    let after = standing(&mut port);
    assert!(!after.present && after.cut && after.sessions_denied);
    assert!(matches!(
        probe(&mut port, Path::NewLogin),
        Probed::Denied { .. }
    ));
    let again = account
        .with(&mut port, |cx| revoker.act(cx, subject, StepKind::Remove))
        .unwrap();
    assert!(matches!(again, Outcome::Already { .. }), "S-4: {again:?}");
}

/// Emulator honesty: an inactive key that is still let in is not proven dead.
#[test]
fn emulator_moto_lets_an_inactive_key_in_and_no_proof_comes_of_it() {
    let Some(endpoint) = testkit::moto() else {
        return;
    };
    let account = Account::at(endpoint);
    let name = testkit::fresh_name("undead");
    let key = account.user(&name, READS);
    let roll = Roll::over(&account);
    let plan = roll.plan(&key);
    let applied = roll.apply(&plan, PATIENCE);
    assert!(
        matches!(applied.state, State::Failed { .. }),
        "{:?}",
        applied.state
    );
    assert_eq!(
        account.status(&name),
        "Inactive",
        "it was cut, as far as IAM says"
    );
    assert_eq!(account.who(&key).status, 200, "and yet it is let in");
    assert_eq!(
        roll.engine.residuals(10).unwrap().len(),
        1,
        "it stays in the queue"
    );
}

/// RP-1: the false success of an unknown key names another principal, and that is caught.
#[test]
fn emulator_moto_false_success_of_an_unknown_key_is_no_positive_control() {
    let Some(endpoint) = testkit::moto() else {
        return;
    };
    let account = Account::at(endpoint);
    let name = testkit::fresh_name("false");
    let key = account.user(&name, READS);
    let roll = Roll::over(&account);
    let plan = roll.plan(&key);
    account.iam(
        "DeleteAccessKey",
        &[("UserName", &name), ("AccessKeyId", &key.id)],
    );
    let revoker = connector("aws_iam").unwrap().revoker().unwrap();
    let bearer = Bearer {
        user: key.id.clone(),
        secret: Secret::from(key.secret.as_str()),
    };
    let mut port = account.port(Some(bearer));
    let probed = account
        .with(&mut port, |cx| {
            revoker.probe(cx, &plan.body.subject, Path::NewLogin)
        })
        .unwrap();
    let Probed::Accepted { principal } = probed else {
        panic!("{probed:?}")
    };
    assert_ne!(principal, plan.body.subject.principal);
    let applied = roll.apply(&plan, PATIENCE);
    assert!(
        matches!(applied.state, State::Unverifiable { .. }),
        "{:?}",
        applied.state
    );
    assert!(applied.proof.is_none_or(|proof| proof.control.is_none()));
}
