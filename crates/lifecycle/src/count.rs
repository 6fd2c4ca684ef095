//! What the probes on one path add up to (RP-1 to RP-3).

use model::{Duration, Path, Probe, Probed, Timestamp, Window};

/// What the probes on one path add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathCount {
    /// Denials in a row, since the cut or the last time we were let in.
    pub denials: u32,
    /// When the row of denials began.
    pub first_denied: Option<Timestamp>,
    /// When the last of them came.
    pub last_denied: Option<Timestamp>,
    /// How long the row lasted, by its own probes; see [`count`].
    pub over: Duration,
    /// The last time we were let in, before or after the cut.
    pub last_allowed: Option<Timestamp>,
    /// How often we were let in after the cut.
    pub allowed: u32,
    /// Answers that count for nothing.
    pub unclear: u32,
    /// The last principal found behind the path before the cut: the positive control (RP-1).
    pub control: Option<(Timestamp, String)>,
}

impl PathCount {
    /// Whether the row of denials fills `window` (RP-3).
    pub fn fills(&self, window: &Window) -> bool {
        self.denials >= window.denials && self.over >= window.over
    }
}

/// Folds the probes on `path`; those before the first cut are control, those from when the window
/// began on count: `cut` tells both.
///
/// An unclear answer neither adds to the row nor resets it (RP-2). An answer that lets us in
/// starts it anew and is remembered. The pause between two denials counts for no more than an
/// equal share of the window, so that denials bunched at its ends, a crash in between or a clock
/// that was set forward do not pass for a window watched.
pub fn count(
    probes: &[Probe],
    path: Path,
    cut: Option<(Timestamp, Timestamp)>,
    window: &Window,
) -> PathCount {
    let share = Duration(window.over.0 / i64::from(window.denials.saturating_sub(1).max(1)));
    let mut count = PathCount::default();
    for probe in probes.iter().filter(|probe| probe.path == path) {
        let after = cut.is_some_and(|(cut, _)| probe.at >= cut);
        let counts = cut.is_some_and(|(_, begun)| probe.at >= begun);
        match &probe.probed {
            Probed::Accepted { principal } => {
                count.last_allowed = count.last_allowed.max(Some(probe.at));
                if after {
                    count.allowed += 1;
                    count.denials = 0;
                    count.over = Duration::default();
                    (count.first_denied, count.last_denied) = (None, None);
                } else {
                    count.control = Some((probe.at, principal.clone()));
                }
            }
            Probed::Denied { .. } if after && !counts => {}
            Probed::Denied { .. } if after => {
                if let Some(last) = count.last_denied {
                    let pause = probe.at.since(last).max(Duration::default()).min(share);
                    count.over = Duration(count.over.0.saturating_add(pause.0));
                }
                count.denials += 1;
                count.first_denied = count.first_denied.or(Some(probe.at));
                count.last_denied = Some(probe.at);
            }
            // Refused before the cut: whatever let us in earlier does not any more.
            Probed::Denied { .. } => count.control = None,
            Probed::Unclear { .. } => count.unclear += u32::from(counts),
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WINDOW: Window = Window {
        denials: 3,
        over: Duration::seconds(5),
        first_after: Duration::seconds(0),
    };

    /// `d` denied, `a` let in, `u` unclear, each with its second; the cut is at 10.
    fn after(text: &str) -> PathCount {
        let probes: Vec<_> = text.split_whitespace().map(probe).collect();
        count(
            &probes,
            Path::NewLogin,
            Some((Timestamp::from_seconds(10), Timestamp::from_seconds(10))),
            &WINDOW,
        )
    }

    fn probe(text: &str) -> Probe {
        let probed = match &text[..1] {
            "d" => Probed::Denied {
                code: "28P01".to_owned(),
            },
            "a" => Probed::Accepted {
                principal: "role/1".to_owned(),
            },
            _ => Probed::Unclear {
                why: "53300".to_owned(),
            },
        };
        let at = text[1..].parse::<f64>().unwrap() * 1e6;
        Probe {
            path: Path::NewLogin,
            at: Timestamp(at as i64),
            probed,
        }
    }

    /// RP-3.
    #[test]
    fn denials_count_only_over_the_whole_window() {
        for (probes, fills) in [
            ("a9 d10 d12.5 d15", true),
            ("d10 d11 d12 d13 d14 d15", true),
            ("d10 d15", false),
            ("d10 d11 d12", false),
            ("d10 d10.1 d15", false),
            ("d10 d14.9 d15", false),
            ("d10 d12.5 u13 u14 d15", true),
        ] {
            assert_eq!(after(probes).fills(&WINDOW), fills, "{probes}");
        }
    }

    /// RP-3: any success restarts the count and is recorded.
    #[test]
    fn being_let_in_once_starts_the_row_anew() {
        let counted = after("d10 d12.5 d15 a16 d17 d19");
        assert!(!counted.fills(&WINDOW));
        assert_eq!((counted.denials, counted.allowed), (2, 1));
        assert_eq!(counted.last_allowed, Some(Timestamp::from_seconds(16)));
        assert_eq!(counted.first_denied, Some(Timestamp::from_seconds(17)));
    }

    /// RP-2.
    #[test]
    fn what_is_unclear_proves_nothing_and_forgets_nothing() {
        assert!(!after("u10 u12 u14 u16 u18").fills(&WINDOW));
        assert_eq!(after("d10 u11 u12 d12.5").denials, 2);
    }

    /// A clock that is set forward by an hour between two probes.
    #[test]
    fn a_jump_of_the_clock_is_no_window_watched() {
        assert!(!after("d10 d3610 d3610.1").fills(&WINDOW));
        assert!(!after("d3610 d10 d3610").fills(&WINDOW));
    }

    #[test]
    fn a_denial_before_the_cut_takes_the_control_back() {
        assert!(after("a8 d10").control.is_some());
        assert!(after("a8 d9 d10").control.is_none());
    }

    proptest! {
        /// RP-2: unclear answers may come anywhere.
        #[test]
        fn unclear_answers_change_no_row(kinds in "[dau]{1,20}") {
            let at = |n: usize| Timestamp::from_seconds(10) + Duration::millis(900 * n as i64);
            let all: Vec<_> = kinds.chars().enumerate()
                .map(|(n, kind)| Probe { at: at(n), ..probe(&format!("{kind}1")) }).collect();
            let clear: Vec<_> = all.iter()
                .filter(|one| !matches!(one.probed, Probed::Unclear { .. })).cloned().collect();
            let cut = Some((Timestamp::from_seconds(10), Timestamp::from_seconds(10)));
            let counted = |probes: &[Probe]| PathCount {
                unclear: 0,
                over: Duration(0),
                ..count(probes, Path::NewLogin, cut, &WINDOW)
            };
            prop_assert_eq!(counted(&all), counted(&clear));
        }

        /// The row never counts more than the time that went by.
        #[test]
        fn a_row_never_lasts_longer_than_its_probes(steps in prop::collection::vec(0i64..4_000_000, 1..20)) {
            let mut at = Timestamp::from_seconds(10);
            let probes: Vec<_> = steps.iter().map(|step| {
                at = at + Duration(*step);
                Probe { at, ..probe("d1") }
            }).collect();
            let at = Timestamp::from_seconds(10);
            let counted = count(&probes, Path::NewLogin, Some((at, at)), &WINDOW);
            let real = probes[probes.len() - 1].at.since(probes[0].at);
            prop_assert!(counted.over <= real);
        }
    }
}
