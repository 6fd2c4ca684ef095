//! Inventories: lines with hosts in groups, or the same as a tree.

use serde_json::{Map, Value};

use super::variables::Logins;
use crate::formats::text::lines;
use crate::formats::{Seen, tree};

/// Groups lie no deeper than this in one another.
const DEPTH_MAX: usize = 24;
/// More hosts than this in one file are not looked at.
const HOSTS_MAX: usize = 20_000;

/// `[group]`, `[group:vars]`, `host name=value`.
pub(super) fn read_lines(text: &str, logins: &mut Logins, seen: &mut Seen) {
    let mut section = "";
    let mut variables = Map::new();
    let mut hosts = 0;
    for (number, line) in lines(text) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            group(section, &mut variables, logins, seen);
            section = name.0.trim();
        } else if line.starts_with('[') {
            seen.broken(format!(
                "line {number}: expected the name of a group in brackets, got something else"
            ));
        } else if section.ends_with(":vars") {
            if let Some((name, value)) = line.split_once('=') {
                let value = crate::formats::text::unquoted(value);
                variables.insert(name.trim().to_owned(), value.into());
            }
        } else if !section.ends_with(":children") && line.contains('=') {
            hosts += 1;
            if hosts > HOSTS_MAX {
                return seen.unsupported(format!(
                    "holds more than {HOSTS_MAX} hosts; the rest was not read"
                ));
            }
            if is_open(line) {
                seen.broken(format!("line {number}: a quote that does not end"));
            }
            let host = line.split_whitespace().next().unwrap_or_default();
            let table = Value::Object(assignments(line));
            logins.table(&format!("host {host}"), host, &table, seen, |found| found);
        }
    }
    group(section, &mut variables, logins, seen);
}

/// The variables of a group, as far as they were read.
fn group(section: &str, variables: &mut Map<String, Value>, logins: &mut Logins, seen: &mut Seen) {
    let name = section.trim_end_matches(":vars");
    let table = Value::Object(std::mem::take(variables));
    logins.table(&format!("group {name}"), name, &table, seen, |found| found);
}

/// `all: {hosts: …, vars: …, children: …}`.
pub(super) fn read_tree(value: &Value, logins: &mut Logins, seen: &mut Seen) {
    // A plug-in that finds hosts is configured by settings, not by groups.
    let odd = |(_, group): (&str, &Value)| !group.is_object() && !group.is_null();
    if value.get("plugin").is_none() && tree::members(value, &[]).any(odd) {
        seen.broken("expected a table for each group, got something else");
    }
    for (name, group) in tree::members(value, &[]) {
        read_group(name, group, 0, logins, seen);
    }
}

fn read_group(name: &str, group: &Value, depth: usize, logins: &mut Logins, seen: &mut Seen) {
    if depth > DEPTH_MAX {
        return seen.unsupported("groups nested deeper than inventories have them");
    }
    for (host, variables) in tree::members(group, &["hosts"]).take(HOSTS_MAX) {
        logins.table(&format!("host {host}"), host, variables, seen, |found| {
            found
        });
    }
    if let Some(variables) = group.get("vars") {
        logins.table(&format!("group {name}"), name, variables, seen, |found| {
            found
        });
    }
    for (name, child) in tree::members(group, &["children"]) {
        read_group(name, child, depth + 1, logins, seen);
    }
}

/// Whether a quote begins in a line and does not end there.
fn is_open(line: &str) -> bool {
    let mut quote = None;
    let mut before = ' ';
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '#') if before == ' ' => break,
            _ => {}
        }
        before = letter;
    }
    quote.is_some()
}

/// The `name=value` in a line; a pair of quotes holds blanks together.
pub(super) fn assignments(line: &str) -> Map<String, Value> {
    let mut out = Map::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in line.chars().chain([' ']) {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '#') if word.is_empty() => break,
            (None, ' ' | '\t') => {
                if let Some((name, value)) = std::mem::take(&mut word).split_once('=') {
                    out.insert(name.to_owned(), value.into());
                }
            }
            _ => word.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_open_until_its_like() {
        assert!(is_open("db1 a='two words") && is_open("db1 a=\"it's"));
        assert!(!is_open("db1 a=\"it's\"") && !is_open("db1 a=1 # it's"));
    }

    #[test]
    fn quotes_hold_a_value_together_and_a_sign_of_equality_belongs_to_it() {
        let told = assignments("db1 a=1 b='two words' c=x=y # d=no");
        let told: Vec<_> = told
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        assert_eq!(told, [("a", "1"), ("b", "two words"), ("c", "x=y")]);
    }
}
