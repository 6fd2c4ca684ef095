//! Makes the plan of a revocation: immutable, and it leaves no choice to whoever carries it out.

use model::{
    Act, Path, Plan, PlanBody, PlanId, Step, StepKind, Subject, Survivor, Tenant, Timestamp, Window,
};

/// What a plan is made of.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Whose.
    pub tenant: Tenant,
    /// On what.
    pub subject: Subject,
    /// What the connector will do, in order.
    pub steps: Vec<Step>,
    /// What survives the cut.
    pub survives: Vec<Survivor>,
    /// What the proof has to see.
    pub window: Window,
    /// What it has to see on paths that need another window.
    pub windows: Vec<(Path, Window)>,
    /// Derived types, each with how it is dealt with or why none exist (RP-7).
    pub children: Vec<(String, String)>,
    /// Who would notice.
    pub consumers: Vec<String>,
    /// The plan before it for the same subject, and how many there were.
    pub parent: Option<(PlanId, u32)>,
    /// When.
    pub created: Timestamp,
    /// By whom.
    pub by: String,
}

/// Steps that would not prove what they are for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected steps that {expected}, got {got}")]
pub struct Unsound {
    /// What a plan must do.
    expected: &'static str,
    /// What this one would do.
    got: String,
}

/// The plan to revoke `draft.subject`.
///
/// # Errors
/// The steps do not begin with the control, cut before they clean (RP-4), and end with the proof.
pub fn revoke(draft: Draft) -> Result<Plan, Unsound> {
    sound(&draft.steps)?;
    let (parent, before) = draft.parent.map_or((None, 0), |(id, n)| (Some(id), n));
    Ok(Plan::new(PlanBody {
        v: 1,
        tenant: draft.tenant,
        act: Act::Revoke,
        subject: draft.subject,
        steps: draft.steps,
        window: draft.window,
        windows: draft.windows,
        children: draft.children,
        survives: draft.survives,
        consumers: draft.consumers,
        parent,
        generation: before + 1,
        created: draft.created,
        by: draft.by,
    }))
}

fn sound(steps: &[Step]) -> Result<(), Unsound> {
    let kinds: Vec<_> = steps.iter().map(|step| step.kind).collect();
    let unsound = |expected| {
        let words: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
        Err(Unsound {
            expected,
            got: words.join(", "),
        })
    };
    if !(1..).zip(steps).all(|(n, step)| step.ordinal == n) {
        return unsound("are numbered from 1");
    }
    if !kinds.is_sorted() || kinds.windows(2).any(|two| two[0] == two[1]) {
        return unsound("stand in the order of the state machine, each once");
    }
    if kinds.first() != Some(&StepKind::Control) || kinds.last() != Some(&StepKind::Prove) {
        return unsound("begin with the control and end with the proof");
    }
    if !kinds.contains(&StepKind::Cut) {
        return unsound("cut");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use StepKind::{Control, Cut, DenySessions, EndSessions, Prove, Remove};

    fn steps(kinds: &[StepKind]) -> Vec<Step> {
        (1..)
            .zip(kinds)
            .map(|(ordinal, kind)| Step {
                ordinal,
                kind: *kind,
                says: String::new(),
            })
            .collect()
    }

    /// RP-1, RP-4.
    #[test]
    fn a_plan_that_does_not_control_first_cut_and_prove_is_none() {
        for kinds in [
            &[][..],
            &[Cut, Prove],
            &[Control, Cut],
            &[Control, Prove],
            &[Control, Remove, Cut, Prove],
            &[Control, EndSessions, Cut, Prove],
            &[Control, Cut, Cut, Prove],
        ] {
            assert!(sound(&steps(kinds)).is_err(), "{kinds:?}");
        }
        for kinds in [
            &[Control, Cut, EndSessions, Remove, Prove][..],
            &[Control, DenySessions, Cut, Remove, Prove],
        ] {
            assert_eq!(sound(&steps(kinds)), Ok(()), "{kinds:?}");
        }
    }
}
