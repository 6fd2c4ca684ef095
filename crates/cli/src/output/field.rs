//! The fields of a list, and what each holds: formats with types need to know before the first
//! row.

/// One field of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// Its name, as `--json` selects it.
    pub(crate) name: &'a str,
    /// What it holds where it is not null.
    pub(crate) holds: Holds,
}

/// What a field holds where it is not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// A text.
    Text,
    /// A whole number.
    Count,
    /// A number with a fraction.
    Real,
    /// Yes or no.
    Flag,
    /// An instant, as RFC 3339 has it.
    Time,
    /// An instant, or `never` where a source says that there is none.
    When,
    /// Texts.
    List,
    /// Anything, as JSON.
    Any,
}

impl<'a> Field<'a> {
    const fn of(name: &'a str, holds: Holds) -> Self {
        Self { name, holds }
    }
    /// A text.
    pub(crate) const fn text(name: &'a str) -> Self {
        Self::of(name, Holds::Text)
    }
    /// A whole number.
    pub(crate) const fn count(name: &'a str) -> Self {
        Self::of(name, Holds::Count)
    }
    /// Yes or no.
    pub(crate) const fn flag(name: &'a str) -> Self {
        Self::of(name, Holds::Flag)
    }
    /// An instant.
    pub(crate) const fn time(name: &'a str) -> Self {
        Self::of(name, Holds::Time)
    }
    /// An instant, or `never`.
    pub(crate) const fn when(name: &'a str) -> Self {
        Self::of(name, Holds::When)
    }
    /// Texts.
    pub(crate) const fn list(name: &'a str) -> Self {
        Self::of(name, Holds::List)
    }
    /// Anything.
    pub(crate) const fn any(name: &'a str) -> Self {
        Self::of(name, Holds::Any)
    }

    /// The field of a column of which only the values are known.
    pub(crate) fn told_by<'v>(
        name: &'a str,
        values: impl Iterator<Item = &'v serde_json::Value>,
    ) -> Self {
        let mut holds = None;
        for value in values {
            let this = match value {
                serde_json::Value::Null => continue,
                serde_json::Value::Bool(_) => Holds::Flag,
                serde_json::Value::Number(n) if n.is_i64() => Holds::Count,
                serde_json::Value::Number(_) => Holds::Real,
                serde_json::Value::String(_) => Holds::Text,
                _ => Holds::Any,
            };
            holds = match (holds, this) {
                (None, this) => Some(this),
                (Some(before), this) if before == this => Some(this),
                (Some(Holds::Count | Holds::Real), Holds::Count | Holds::Real) => Some(Holds::Real),
                // One column of two kinds: as SQLite allows.
                _ => Some(Holds::Any),
            };
        }
        Self::of(name, holds.unwrap_or(Holds::Text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_column_is_what_all_its_values_are() {
        for (values, holds) in [
            (json!([]), Holds::Text),
            (json!([null, 1, 2]), Holds::Count),
            (json!([1, 2.5]), Holds::Real),
            (json!([true]), Holds::Flag),
            (json!([1, "a"]), Holds::Any),
            (json!([18_446_744_073_709_551_615_u64]), Holds::Real),
        ] {
            let values = values.as_array().unwrap();
            assert_eq!(
                Field::told_by("x", values.iter()).holds,
                holds,
                "{values:?}"
            );
        }
    }
}
