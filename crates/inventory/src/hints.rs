//! What might be one thing: scored, with reasons, never merged (CV-33).

use std::collections::BTreeMap;

use model::{EntityId, Kind};

/// One thing with its soft keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hinted {
    /// Its id.
    pub id: EntityId,
    /// What it is.
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// The account, database, project or cluster it belongs to, if told.
    pub account: Option<String>,
    /// Its soft keys: kind of hint to value.
    pub hints: BTreeMap<String, String>,
}

/// Two things that might be one, for a person to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The smaller id.
    pub a: EntityId,
    /// The larger id.
    pub b: EntityId,
    /// 1 to 99: never certain. Each further reason halves what is left of the doubt.
    pub score: u8,
    /// What they have in common.
    pub reasons: Vec<String>,
}

/// What more than this many things have in common tells nothing of two of them.
const BEARERS_MAX: usize = 20;

/// Pairs of `things` of one kind that have soft keys, or name and account, in common; the
/// likeliest first. The same for `things` in any order.
///
/// What more than 20 things share is passed over: pairs grow with the square of it.
pub fn suggest(things: &[Hinted]) -> Vec<Suggestion> {
    let mut bearers: BTreeMap<(Kind, &str, &str, &str), Vec<&EntityId>> = BTreeMap::new();
    for thing in things {
        for (hint, value) in thing.hints.iter().filter(|(_, value)| !value.is_empty()) {
            let shared = (thing.kind, hint.as_str(), value.as_str(), "");
            bearers.entry(shared).or_default().push(&thing.id);
        }
        if let Some(account) = &thing.account
            && !thing.name.is_empty()
        {
            let shared = (thing.kind, "", thing.name.as_str(), account.as_str());
            bearers.entry(shared).or_default().push(&thing.id);
        }
    }
    let mut pairs: BTreeMap<(&EntityId, &EntityId), Vec<String>> = BTreeMap::new();
    for ((_, hint, value, account), mut ids) in bearers {
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > BEARERS_MAX {
            continue;
        }
        for (n, a) in ids.iter().enumerate() {
            for b in &ids[n + 1..] {
                pairs
                    .entry((a, b))
                    .or_default()
                    .push(reason(hint, value, account));
            }
        }
    }
    let mut suggestions: Vec<_> = pairs
        .into_iter()
        .map(|((a, b), reasons)| Suggestion {
            a: a.clone(),
            b: b.clone(),
            score: score(reasons.len()),
            reasons,
        })
        .collect();
    suggestions.sort_by(|x, y| {
        y.score
            .cmp(&x.score)
            .then_with(|| (&x.a, &x.b).cmp(&(&y.a, &y.b)))
    });
    suggestions
}

fn reason(hint: &str, value: &str, account: &str) -> String {
    let value = model::shorten(&model::clean(value), 80);
    if hint.is_empty() {
        let account = model::shorten(&model::clean(account), 80);
        format!("same name `{value}` in `{account}`")
    } else {
        format!("same {} `{value}`", model::shorten(&model::clean(hint), 40))
    }
}

fn score(reasons: usize) -> u8 {
    let doubt = 100u32 >> reasons.min(7);
    u8::try_from((100 - doubt).clamp(1, 99)).unwrap_or(99)
}

#[cfg(test)]
mod tests {
    use model::SightingKey;

    use super::*;

    fn thing(native: &str, name: &str, account: Option<&str>, hints: &[(&str, &str)]) -> Hinted {
        let sighting = SightingKey {
            source: "test:a".parse().unwrap(),
            kind: Kind::Identity,
            native: native.to_owned(),
        };
        Hinted {
            id: EntityId::of(&sighting),
            kind: Kind::Identity,
            name: name.to_owned(),
            account: account.map(str::to_owned),
            hints: hints
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn more_in_common_is_likelier_and_never_certain() {
        let things = [
            thing("1", "ci", Some("42"), &[("arn", "arn:ci")]),
            thing("2", "ci", Some("42"), &[("arn", "arn:ci")]),
            thing("3", "ci", Some("42"), &[]),
        ];
        let suggested = suggest(&things);
        let scores: Vec<_> = suggested
            .iter()
            .map(|one| (one.score, one.reasons.len()))
            .collect();
        assert_eq!(scores, [(75, 2), (50, 1), (50, 1)]);
        assert!(
            suggested[0]
                .reasons
                .contains(&"same arn `arn:ci`".to_owned())
        );
    }

    #[test]
    fn one_name_in_two_accounts_or_in_none_is_no_reason() {
        let things = [
            thing("1", "ci", Some("42"), &[]),
            thing("2", "ci", Some("43"), &[]),
            thing("3", "ci", None, &[]),
            thing("4", "ci", None, &[]),
        ];
        assert_eq!(suggest(&things), []);
    }

    #[test]
    fn what_everybody_has_in_common_is_no_reason() {
        let things: Vec<_> = (0..=BEARERS_MAX)
            .map(|n| thing(&n.to_string(), "x", None, &[("comment", "generated")]))
            .collect();
        assert_eq!(suggest(&things), []);
        assert!(!suggest(&things[1..]).is_empty());
    }
}
