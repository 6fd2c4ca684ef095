//! What a provider or a server answers when it is asked about a credential.

use leaks::live::Checks;
use model::{Secret, Validity};

use super::Listed;

pub(super) const TARGETS: &[Listed] = &[
    (
        "amqp",
        "what a server says of a login is read within bounds, and shown without control characters",
        amqp,
    ),
    (
        "live_answer",
        "an answer names nobody by the secret, and makes nothing dead or live but by the signs of its check",
        live_answer,
    ),
];

/// Must never come out.
const PLANTED: &str = "Pl4nted-t0ken-of-a-test";

/// The first two bytes are the status, the others the body.
fn live_answer(input: &[u8]) {
    let Ok(checks) = Checks::builtin() else {
        return;
    };
    let (head, body) = input.split_at(input.len().min(2));
    let status = match head {
        [a, b] => 100 + u16::from_be_bytes([*a, *b]) % 500,
        _ => 200,
    };
    let secret = Secret::from(PLANTED);
    for check in &checks.checks {
        let answer = check.judge(status, body, &secret, true);
        let mut told = vec![answer.because.as_str()];
        if let Some(principal) = &answer.principal {
            assert_eq!(answer.validity, Validity::Live);
            told.push(&principal.id);
            told.extend(principal.name.as_deref());
        }
        for text in told {
            assert!(!text.contains(PLANTED));
            assert_eq!(model::clean(text), text);
        }
        let listed = check.live.iter().chain(&check.dead);
        let known = listed
            .flat_map(|sign| &sign.status)
            .any(|one| *one == status);
        assert!(known || answer.validity == Validity::Unknown);
    }
}

/// What a server of AMQP says before and after a login.
fn amqp(input: &[u8]) {
    if let Ok(told) = engine::read_method(input) {
        assert_eq!(model::clean(&told), told);
    }
}
