//! What the rules say of the whole roll, the gravest first, in bounded memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use engine::{Engine, Error};
use model::{Finding, Place, Severity, Verdict};

/// So many findings are held; of more, the gravest.
const FINDINGS_MAX: usize = 100_000;

/// In which order findings come: what failed before what nobody could judge, of which there is
/// often much; then the gravest; what lies in one file together.
type Rank = (bool, Reverse<Severity>, Reverse<u8>, Option<Place>, String);

/// Findings, the gravest first.
#[derive(Default)]
pub struct Judged {
    gravest: BTreeMap<Rank, Finding>,
    /// How many more there were than are held.
    pub cut: u64,
}

impl Judged {
    /// The findings, the gravest first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.gravest.values()
    }

    /// These findings.
    pub fn of(findings: Vec<Finding>) -> Self {
        let mut judged = Self::default();
        findings.into_iter().for_each(|one| judged.take(one));
        judged
    }

    /// Leaves out those that `known` knows. Of findings that share a fingerprint, those stay that
    /// come last in their file.
    pub fn leave_out(&mut self, mut known: impl FnMut(&Finding) -> bool) {
        let mut by_place: Vec<_> = self.gravest.iter().collect();
        by_place.sort_by_key(|(rank, finding)| (finding.place.as_ref(), *rank));
        let mut left_out = BTreeSet::new();
        for (rank, finding) in by_place {
            if known(finding) {
                left_out.insert(rank.clone());
            }
        }
        self.gravest.retain(|rank, _| !left_out.contains(rank));
    }

    fn take(&mut self, finding: Finding) {
        let rank = (
            matches!(finding.verdict, Verdict::Unknown(_)),
            Reverse(finding.severity),
            Reverse(finding.risk),
            finding.place.clone(),
            finding.id.0.clone(),
        );
        self.gravest.insert(rank, finding);
        if self.gravest.len() > FINDINGS_MAX {
            self.gravest.pop_last();
            self.cut += 1;
        }
    }
}

/// Judges everything, and keeps the findings that `keep` wants.
///
/// # Errors
/// The store refused or broke.
pub fn judge(engine: &Engine, keep: &dyn Fn(&Finding) -> bool) -> Result<Judged, Error> {
    let mut judged = Judged::default();
    let mut take = |finding: Finding| {
        if keep(&finding) {
            judged.take(finding);
        }
        Ok(())
    };
    engine.findings(&mut take)?;
    Ok(judged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{EntityId, FindingId, Kind, SightingKey};

    fn finding(n: u32, severity: Severity, risk: u8) -> Finding {
        let key = SightingKey {
            source: "test:a".parse().unwrap(),
            kind: Kind::Credential,
            native: n.to_string(),
        };
        let entity = EntityId::of(&key);
        Finding {
            id: FindingId::of("r", "", n, &entity),
            print: model::FindingPrint::of(&[]),
            rule: "r",
            title: "t",
            owasp: "NHI1",
            entity,
            name: String::new(),
            place: None,
            source: None,
            verdict: Verdict::Unknown(String::new()),
            severity,
            risk,
            factors: Vec::new(),
            validity: None,
            owner: None,
            suggested: None,
            next: String::new(),
            mute: None,
        }
    }

    #[test]
    fn what_failed_comes_before_what_nobody_could_judge() {
        let failed = Finding {
            verdict: Verdict::Fail(String::new()),
            ..finding(1, Severity::Low, 1)
        };
        let judged = Judged::of(vec![finding(2, Severity::Critical, 99), failed]);
        let risks: Vec<u8> = judged.findings().map(|finding| finding.risk).collect();
        assert_eq!(risks, [1, 99]);
    }

    #[test]
    fn the_gravest_come_first_and_the_lightest_are_cut() {
        let mut judged = Judged::default();
        for (n, severity, risk) in [
            (1, Severity::Low, 99),
            (2, Severity::Critical, 10),
            (3, Severity::Critical, 90),
        ] {
            judged.take(finding(n, severity, risk));
        }
        let risks: Vec<u8> = judged.findings().map(|finding| finding.risk).collect();
        assert_eq!(risks, [90, 10, 99]);
        for n in 10..u32::try_from(FINDINGS_MAX).unwrap() + 10 {
            judged.take(finding(n, Severity::Info, 0));
        }
        assert_eq!((judged.findings().count(), judged.cut), (FINDINGS_MAX, 3));
        assert_eq!(
            judged.findings().next().map(|finding| finding.risk),
            Some(90)
        );
    }
}
