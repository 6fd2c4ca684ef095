//! What either program found, by path and line.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use testkit::planted::Planted;

/// Places, by path from the root of what was searched, and line.
pub(crate) type Places = BTreeSet<(String, u64)>;

/// The places that our report names.
pub(crate) fn by_keyroll(report: &Path, root: &Path) -> Places {
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let findings = report.as_array().unwrap().iter();
    findings.filter_map(|one| place(one, root)).collect()
}

/// The places that Kingfisher's report names; what it has to say behind that is passed over.
pub(crate) fn by_kingfisher(report: &Path, root: &Path) -> Places {
    let text = std::fs::read(report).unwrap();
    let first = serde_json::Deserializer::from_slice(&text)
        .into_iter::<Value>()
        .next();
    let report = first.unwrap().unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .filter_map(|one| place(&one["finding"], root))
        .collect()
}

fn place(finding: &Value, root: &Path) -> Option<(String, u64)> {
    let path = Path::new(finding["path"].as_str()?);
    let path = path.strip_prefix(root).unwrap_or(path);
    Some((path.to_str()?.to_owned(), finding["line"].as_u64()?))
}

/// Which of the planted are not among `places`.
pub(crate) fn missed<'a>(planted: &'a [Planted], places: &Places) -> Vec<&'a Planted> {
    let is_there = |one: &Planted| places.contains(&(one.path.clone(), one.line as u64));
    planted.iter().filter(|one| !is_there(one)).collect()
}

/// Prints what each found of the planted, kind by kind where one missed some; answers both counts.
pub(crate) fn table(planted: &[Planted], ours: &Places, theirs: &Places) -> (usize, usize) {
    let (we, they) = (missed(planted, ours), missed(planted, theirs));
    let found = |missed: &[&Planted]| planted.len() - missed.len();
    println!(
        "  planted {}: keyroll found {}, Kingfisher {}",
        planted.len(),
        found(&we),
        found(&they)
    );
    println!("  {:<34} {:>7} {:>10}", "missed", "keyroll", "Kingfisher");
    let names: BTreeSet<_> = we
        .iter()
        .chain(&they)
        .map(|one| (one.provider, one.name))
        .collect();
    for (provider, name) in names {
        let of = |missed: &[&Planted]| {
            missed
                .iter()
                .filter(|one| (one.provider, one.name) == (provider, name))
                .count()
        };
        println!("  {name:<34} {:>7} {:>10}", of(&we), of(&they));
    }
    (found(&we), found(&they))
}
