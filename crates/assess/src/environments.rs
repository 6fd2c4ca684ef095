//! Environments: one word for each, and names that differ in nothing else.

/// Words for environments, the one that we use first, the best guarded first.
const WORDS: &[&[&str]] = &[
    &["prod", "prd", "production", "live"],
    &["staging", "stg", "stage", "preprod", "pre-production"],
    &["test", "testing", "qa", "ci"],
    &["dev", "development", "local"],
];

/// One word for an environment: people write `prod`, `prd` and `Production`.
pub fn environment(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let known = WORDS.iter().find(|words| words.contains(&name.as_str()));
    known.map_or(name, |words| words[0].to_owned())
}

/// How well guarded an environment tends to be: production is 0, one that we do not know comes last.
pub(crate) fn rank(environment: &str) -> usize {
    let at = WORDS.iter().position(|words| words[0] == environment);
    at.unwrap_or(WORDS.len())
}

/// The names that something called `name` would bear in other environments: the same one, and
/// those with another word for an environment where `name` has one between other letters than
/// letters and digits: `deploy-prod` may be `deploy-dev` elsewhere. A word of two parts, such as
/// `pre-production`, is not looked for.
pub fn namesakes(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    let is_word = |part: &str| {
        let part = part.to_ascii_lowercase();
        WORDS.iter().any(|words| words.contains(&part.as_str()))
    };
    let parts = parts(name);
    if !parts.iter().any(|part| is_word(part)) {
        return names;
    }
    for word in WORDS.iter().flat_map(|words| *words) {
        let other: String = parts
            .iter()
            .map(|part| match is_word(part) {
                true => written_as(word, part),
                false => (*part).to_owned(),
            })
            .collect();
        if !names.contains(&other) {
            names.push(other);
        }
    }
    names
}

/// The runs of letters and digits in `name`, and what stands between them.
fn parts(name: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let plain = first.is_alphanumeric();
        let end = rest.find(|c: char| c.is_alphanumeric() != plain);
        let (part, behind) = rest.split_at(end.unwrap_or(rest.len()));
        parts.push(part);
        rest = behind;
    }
    parts
}

/// `word` as `like` is written: `Prod`, `PROD` or `prod`.
fn written_as(word: &str, like: &str) -> String {
    let mut letters = like.chars();
    let first = letters.next().is_some_and(char::is_uppercase);
    let others = letters.next().is_some_and(char::is_uppercase);
    match (first, others) {
        (true, true) => word.to_ascii_uppercase(),
        (true, false) => {
            let (head, tail) = word.split_at(1);
            format!("{}{tail}", head.to_ascii_uppercase())
        }
        (false, _) => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_differs_in_the_word_for_its_environment_and_in_nothing_else() {
        assert_eq!(namesakes("deploy"), ["deploy"]);
        assert_eq!(namesakes("reproduce"), ["reproduce"]);
        let names = namesakes("shop-prod/deploy");
        for name in ["shop-prod/deploy", "shop-dev/deploy", "shop-staging/deploy"] {
            assert!(names.contains(&name.to_owned()), "{names:?}");
        }
        assert!(!names.contains(&"shop-prod/dev".to_owned()));
        assert!(namesakes("ShopDeploy_DEV").contains(&"ShopDeploy_PROD".to_owned()));
        assert!(namesakes("Prod deploy").contains(&"Dev deploy".to_owned()));
    }

    #[test]
    fn many_words_are_one_environment_and_others_stay_what_they_are() {
        assert_eq!(environment("Production"), "prod");
        assert_eq!(environment("Blue"), "blue");
        assert!(rank("prod") < rank("staging") && rank("dev") < rank("blue"));
    }
}
