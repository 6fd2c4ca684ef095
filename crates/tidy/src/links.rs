//! The links of a Markdown text that point into the tree.

/// Every relative link in `text`, with its line, without its `#fragment`. Code is skipped.
#[must_use]
pub fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            let targets = without_code_spans(line);
            found.extend(targets.match_indices("](").filter_map(|(at, _)| {
                let target = targets[at + 2..].split([')', ' ']).next()?;
                let path = target.split('#').next().unwrap_or_default();
                let elsewhere = path.is_empty() || path.contains("://") || path.contains("mailto:");
                (!elsewhere).then(|| (number + 1, path.to_owned()))
            }));
        }
    }
    found
}

/// `line` with what stands between backticks left out.
fn without_code_spans(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("` `")
}

#[cfg(test)]
mod tests {
    use super::links;

    #[test]
    fn relative_links_are_found_and_others_are_not() {
        let text = "[a](docs/A.md#part) and [`b`](../b.rs \"title\")\n\
                    [web](https://example.org) [here](#part) `[code](x)`\n\
                    ```\n[fenced](y)\n```\n[c](d)";
        let expected = [(1, "docs/A.md"), (1, "../b.rs"), (6, "d")];
        assert_eq!(
            links(text),
            expected.map(|(line, path)| (line, path.to_owned()))
        );
    }
}
