//! What formats made of lines share: numbered lines, `name = value` files, placeholders.

use model::Secret;

use super::Seen;

/// More lines than this in one file are not looked at.
pub(super) const LINES_MAX: usize = 200_000;

/// A section of an INI file.
#[derive(Debug, Default)]
pub(super) struct Section<'a> {
    /// What stands between the brackets; empty before the first.
    pub(super) name: &'a str,
    /// Name, value, line from 1.
    pub(super) entries: Vec<(&'a str, &'a str, usize)>,
}

impl<'a> Section<'a> {
    /// The last value of `name`, as the readers of such files take it, with its line.
    pub(super) fn get(&self, name: &str) -> Option<(&'a str, usize)> {
        self.entries
            .iter()
            .rev()
            .find(|(key, _, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value, line)| (*value, *line))
    }
}

/// The lines of a text with their numbers, from 1.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .take(LINES_MAX)
        .enumerate()
        .map(|(n, line)| (n + 1, line))
}

/// The sections of an INI file. Indented lines belong to a nested table and are kept as entries.
pub(super) fn ini(text: &str) -> Vec<Section<'_>> {
    ini_by(text, &['='])
}

/// The sections of an INI file in which any of `signs` stands between name and value.
pub(super) fn ini_by<'a>(text: &'a str, signs: &[char]) -> Vec<Section<'a>> {
    let mut out = vec![Section::default()];
    for (number, line) in lines(text) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            out.push(Section {
                name: name.0.trim(),
                entries: Vec::new(),
            });
        } else if let (Some((name, value)), Some(section)) =
            (line.split_once(signs), out.last_mut())
        {
            section.entries.push((name.trim(), value.trim(), number));
        }
    }
    out
}

/// A gap at the first line of an INI file that is neither section, value nor comment. One that
/// is indented, or follows a backslash at an end, goes on with what stands above it; a template
/// is no such file yet, and where the text is no text one gap says enough.
pub(super) fn expect_ini(text: &str, signs: &[char], seen: &mut Seen) {
    if !seen.gaps.is_empty() || is_template(text) {
        return;
    }
    let mut goes_on = false;
    for (number, line) in lines(text) {
        let line = line.trim_end();
        let begins = |first: &[char]| line.starts_with(first);
        if line.is_empty() || begins(&['#', ';']) {
            continue;
        }
        let section = begins(&['[']) && line.contains(']');
        if !goes_on && !section && !begins(&[' ', '\t']) && !line.contains(signs) {
            return seen.broken(format!(
                "line {number}: expected a section or a value, got something else"
            ));
        }
        goes_on = line.ends_with('\\');
    }
}

/// Whether another program makes the file out of it.
pub(super) fn is_template(text: &str) -> bool {
    ["{{", "{%", "<%"].iter().any(|sign| text.contains(sign))
}

/// A text without the one pair of quotes round it.
pub(super) fn unquoted(text: &str) -> &str {
    let text = text.trim();
    ['"', '\'']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(text)
}

/// Whether a value is filled in from somewhere else, so that no secret lies here:
/// `${DB_PASSWORD}`, `{{ vault.x }}`, `<password>`, `****`.
pub(crate) fn is_reference(value: &str) -> bool {
    let value = value.trim();
    let same = value
        .chars()
        .next()
        .is_some_and(|first| value.chars().all(|c| c == first));
    value.is_empty()
        || value.contains("${")
        || value.contains("$(")
        || value.contains("{{")
        || value.starts_with('<') && value.ends_with('>')
        || value.starts_with('%') && value.ends_with('%')
        || value.starts_with('$')
            && value[1..]
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_')
        || is_elsewhere(value)
        || same
}

/// Whether a value names where another program will get the secret, or is sealed under a key
/// that lies elsewhere: SOPS, Ansible Vault, vals, Bank-Vaults, 1Password.
fn is_elsewhere(value: &str) -> bool {
    ["ENC[", "$ANSIBLE_VAULT;", "ref+", "op://", "secretref+"]
        .iter()
        .any(|start| value.starts_with(start))
        || value.starts_with("vault:") && value.contains('#')
}

/// Whether a value is there to be replaced: `changeme`, `your-token-here`.
pub(crate) fn is_placeholder(value: &str) -> bool {
    const WORDS: &[&str] = &[
        "changeme",
        "change_me",
        "change-me",
        "replaceme",
        "replace_me",
        "replace-me",
        "example",
        "placeholder",
        "your_",
        "your-",
        "yourpass",
        "xxxx",
        "insert_",
        "todo",
        "dummy",
        "redacted",
        "not-set",
        "undefined",
    ];
    let lower = value.to_ascii_lowercase();
    is_reference(value) || WORDS.iter().any(|word| lower.contains(word))
}

/// A secret made of a text that stays where it is.
pub(super) fn secret(text: &str) -> Secret {
    Secret::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_name_in_a_section_counts() {
        let sections = ini("a=0\n[one]\n# no\nKey = x\nkey=y=z\n[two]\nkey=q");
        assert_eq!(sections[1].get("KEY"), Some(("y=z", 5)));
        assert_eq!(sections[2].get("key"), Some(("q", 7)));
        assert_eq!(sections[0].get("key"), None);
    }

    #[test]
    fn what_is_filled_in_from_elsewhere_is_no_secret() {
        for value in [
            "",
            "${PW}",
            "$PW",
            "<password>",
            "*****",
            "{{ pw }}",
            "%PW%",
            "ENC[AES256_GCM,data:Zm9v,type:str]",
            "$ANSIBLE_VAULT;1.1;AES256\n6132",
            "ref+vault://secret/db#/password",
            "vault:secret/data/db#password",
            "op://infra/db/password",
        ] {
            assert!(is_reference(value), "{value}");
        }
        for value in ["hunter2", "a$b", "pa<ss>word"] {
            assert!(!is_reference(value), "{value}");
        }
    }
}
