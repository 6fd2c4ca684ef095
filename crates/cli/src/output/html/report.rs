//! The report of findings: one page that somebody can keep and show to an auditor.
//!
//! It fetches nothing and runs nothing. Findings are written as they come; what they come to in
//! all is written last and shown first, by the order of boxes, so that no finding is held.

use std::collections::BTreeMap;
use std::io::{self, Write};

use model::{Severity, Timestamp};
use serde_json::Value;

use super::super::list::{Emit, plain};
use super::super::{Fields, Row};
use super::{begin, end, escaped};

const STYLE: &str = "\
<style>main{display:flex;flex-direction:column}.sum{order:-1;margin-bottom:24px}\
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(96px,1fr));gap:12px;margin:16px 0 24px;padding:0;list-style:none}\
.tiles li{border:1px solid var(--line);border-radius:8px;padding:8px 16px}\
.sum th:nth-child(n+3),td.number{text-align:right}\
.tiles .critical b,.tiles .high b{color:var(--bad)}.tiles .medium b{color:var(--warn)}\
.tiles b{display:block;font-size:24px;font-variant-numeric:tabular-nums}\
article{border:1px solid var(--line);border-left:4px solid var(--soft);border-radius:8px;padding:12px 16px;margin:0 0 12px;break-inside:avoid}\
article.critical,article.high{border-left-color:var(--bad)}article.medium{border-left-color:var(--warn)}\
article.unknown{border-left-style:dashed;background:none;color:var(--ink)}\
article h3{margin:0 0 4px;font-size:16px;overflow-wrap:anywhere}article p{margin:0 0 8px;overflow-wrap:anywhere}\
.word{font-size:12px;font-weight:600;text-transform:uppercase;letter-spacing:.04em;margin-right:8px;color:var(--soft)}\
.critical .word,.high .word{color:var(--bad)}.medium .word{color:var(--warn)}\
article ul{margin:0;padding-left:18px}.guess{color:var(--soft)}code{font-family:ui-monospace,monospace}\
@media(max-width:600px){.sum tr{display:grid;grid-template-columns:1fr 56px 72px;border-bottom:1px solid var(--line)}\
.sum th,.sum td{border:0;padding:2px 0}.sum th:nth-child(2){display:none}.sum td:nth-child(2){grid-row:2;grid-column:1/-1;color:var(--soft)}\
article dl{grid-template-columns:1fr;gap:0}article dt{margin-top:8px}}\
@media print{article{border-color:#999}.tiles li{border-color:#999}:root{--ink:#000;--soft:#444;--page:#fff;--bad:#900;--warn:#630}}</style>";

/// What a rule looks for, and how often it failed and could not judge.
#[derive(Default)]
struct Judged {
    title: String,
    failed: u64,
    unknown: u64,
}

/// Findings as a report.
pub(in super::super) struct Report {
    now: Timestamp,
    begun: bool,
    severities: BTreeMap<Severity, u64>,
    unknown: u64,
    rules: BTreeMap<String, Judged>,
}

impl Report {
    /// A report of what is known now.
    pub(in super::super) fn new(now: Timestamp) -> Self {
        Self {
            now,
            begun: false,
            severities: BTreeMap::new(),
            unknown: 0,
            rules: BTreeMap::new(),
        }
    }

    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        begin(out, "Findings")?;
        let at = escaped(&self.now.to_string());
        writeln!(
            out,
            "{STYLE}<p class=\"note\">Keyroll {}, {at}. Unknown is no pass: it could not be judged, and \
             each says what would let it.</p>\n<main>",
            env!("CARGO_PKG_VERSION")
        )
    }

    fn count(&mut self, fields: &Fields) {
        let severity = crate::words::severity(text(fields, "severity")).unwrap_or(Severity::Info);
        let rule = text(fields, "rule").to_owned();
        let rule = self.rules.entry(rule).or_default();
        text(fields, "title").clone_into(&mut rule.title);
        if text(fields, "verdict") == "unknown" {
            self.unknown += 1;
            rule.unknown += 1;
        } else {
            *self.severities.entry(severity).or_default() += 1;
            rule.failed += 1;
        }
    }

    /// What comes from here on could not be judged, and failures do not follow.
    fn divide(&self, out: &mut dyn Write, fields: &Fields) -> io::Result<()> {
        if self.unknown == 0 && text(fields, "verdict") == "unknown" {
            writeln!(out, "<h2>Not judged</h2>")?;
        }
        Ok(())
    }

    fn summary(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "<section class=\"sum\"><ul class=\"tiles\">")?;
        for severity in Severity::ALL.into_iter().rev() {
            let count = self.severities.get(&severity).copied().unwrap_or_default();
            let word = severity.as_str();
            let class = match count {
                0 => String::new(),
                _ => format!(" class=\"{word}\""),
            };
            writeln!(out, "<li{class}><b>{count}</b>{word}</li>")?;
        }
        writeln!(out, "<li><b>{}</b>unknown</li></ul>", self.unknown)?;
        if !self.rules.is_empty() {
            let heads = ["rule", "what it looks for", "failed", "unknown"].map(str::to_owned);
            super::begin_table(out, &heads)?;
            let mut rules: Vec<_> = self.rules.iter().collect();
            rules.sort_by_key(|(_, judged)| std::cmp::Reverse(judged.failed));
            for (rule, judged) in rules {
                let (rule, title) = (escaped(rule), escaped(&judged.title));
                writeln!(
                    out,
                    "<tr><td class=\"mono\">{rule}</td><td>{title}</td>\
                     <td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
                    judged.failed, judged.unknown
                )?;
            }
            super::end_table(out)?;
        }
        writeln!(out, "</section>")
    }
}

impl Emit for Report {
    fn row(&mut self, out: &mut dyn Write, row: &Row, _: &Fields) -> io::Result<()> {
        self.begin(out)?;
        self.divide(out, &row.fields)?;
        self.count(&row.fields);
        article(out, &row.fields)
    }

    fn end(&mut self, out: &mut dyn Write, footer: &[String]) -> io::Result<()> {
        self.begin(out)?;
        self.summary(out)?;
        writeln!(out, "</main>")?;
        for line in footer {
            writeln!(out, "<p class=\"note\">{}</p>", escaped(line))?;
        }
        end(out)
    }

    fn carries_footer(&self) -> bool {
        true
    }
}

fn article(out: &mut dyn Write, fields: &Fields) -> io::Result<()> {
    let severity = crate::words::severity(text(fields, "severity")).unwrap_or(Severity::Info);
    let (class, word) = match text(fields, "verdict") {
        "unknown" => ("unknown", format!("unknown ({})", severity.as_str())),
        _ => (severity.as_str(), severity.as_str().to_owned()),
    };
    writeln!(
        out,
        "<article class=\"{class}\"><h3><span class=\"word\">{word}</span>{}</h3>\n<p>{}: {}</p>\n<dl>",
        escaped(text(fields, "name")),
        escaped(text(fields, "title")),
        escaped(text(fields, "why")),
    )?;
    let place = match (
        text(fields, "path"),
        fields.get("line").and_then(Value::as_u64),
    ) {
        ("", _) => text(fields, "source").to_owned(),
        (path, Some(line)) => format!("{path}:{line}"),
        (path, None) => path.to_owned(),
    };
    let muted = fields.get("muted_until").map(plain).unwrap_or_default();
    let risk = fields.get("risk").map(plain).unwrap_or_default();
    if !place.is_empty() {
        writeln!(out, "<dt>where</dt><dd>{}</dd>", escaped(&place))?;
    }
    owner(out, fields)?;
    for (name, value) in [
        ("next", text(fields, "next")),
        ("muted until", muted.as_str()),
        ("on the roll", text(fields, "id")),
        ("OWASP NHI", text(fields, "owasp")),
        ("fingerprint", text(fields, "fingerprint")),
        ("risk of 100", risk.as_str()),
    ] {
        if !value.is_empty() {
            writeln!(out, "<dt>{name}</dt><dd>{}</dd>", escaped(value))?;
        }
    }
    let factors = fields.get("factors").and_then(Value::as_array);
    if let Some(factors) = factors.filter(|factors| !factors.is_empty()) {
        writeln!(out, "<dt>because</dt><dd><ul>")?;
        for factor in factors {
            let points = factor["points"].as_i64().unwrap_or_default();
            let why = factor["why"].as_str().unwrap_or_default();
            writeln!(out, "<li>{points:+} {}</li>", escaped(why))?;
        }
        writeln!(out, "</ul></dd>")?;
    }
    writeln!(out, "</dl></article>")
}

/// Who answers for it, else whom the evidence names: a guess that is told as one, with its reasons.
fn owner(out: &mut dyn Write, fields: &Fields) -> io::Result<()> {
    let guess = || fields.get("may_own_it")?["suggested"].get(0);
    let confirmed = text(fields, "owner");
    let Some(one) = guess().filter(|_| confirmed.is_empty()) else {
        let owner = match confirmed {
            "" => "nobody is confirmed",
            owner => owner,
        };
        return writeln!(out, "<dt>owner</dt><dd>{}</dd>", escaped(owner));
    };
    let word = |name: &str| escaped(&plain(&one[name]));
    writeln!(
        out,
        "<dt>owner</dt><dd>{}? <span class=\"guess\">suggested and not confirmed ({}, {} of 100)</span><ul>",
        word("who"),
        word("as"),
        word("score")
    )?;
    for reason in one["because"].as_array().into_iter().flatten() {
        writeln!(out, "<li class=\"guess\">{}</li>", escaped(&plain(reason)))?;
    }
    writeln!(out, "</ul></dd>")
}

fn text<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_could_not_be_judged_stands_under_a_heading_of_its_own() {
        let mut report = Report::new(Timestamp(0));
        let mut out = Vec::new();
        for verdict in ["fail", "unknown", "unknown"] {
            let Value::Object(fields) = json!({"verdict": verdict, "rule": "r", "severity": "low"})
            else {
                unreachable!()
            };
            let row = Row {
                fields,
                ..Row::default()
            };
            report.row(&mut out, &row, &row.fields).unwrap();
        }
        report.end(&mut out, &[]).unwrap();
        let page = String::from_utf8(out).unwrap();
        assert_eq!(page.matches("<h2>Not judged</h2>").count(), 1);
        let counted = "<td class=\"number\">1</td><td class=\"number\">2</td>";
        assert!(page.contains(counted), "{page}");
    }

    #[test]
    fn a_hostile_name_is_text_and_what_it_came_to_is_told() {
        let value = json!({"severity": "high", "verdict": "fail", "title": "t", "rule": "r",
            "name": "<script>alert(1)</script>", "why": "\"><img src=x onerror=y>", "path": "a'b<i>",
            "line": 3, "next": "x", "owner": "</dd><h1>", "factors": [{"points": -20, "why": "<b>"}]});
        let Value::Object(fields) = value else {
            unreachable!()
        };
        let mut report = Report::new(Timestamp(0));
        let mut out = Vec::new();
        let row = Row {
            fields,
            ..Row::default()
        };
        report.row(&mut out, &row, &row.fields).unwrap();
        report.end(&mut out, &["a footer".to_owned()]).unwrap();
        let page = String::from_utf8(out).unwrap();
        for markup in ["<script", "<img", "<i>", "<h1>F<", "<b><", "</dd><h1>"] {
            assert!(!page.contains(markup), "{markup}: {page}");
        }
        for fetch in ["src=\"", "href=", "url(", "@import"] {
            assert!(!page.contains(fetch), "{fetch}");
        }
        assert!(
            page.contains("<li class=\"high\"><b>1</b>high</li>"),
            "{page}"
        );
        assert!(
            page.contains("-20 &lt;b&gt;") && page.contains("a footer"),
            "{page}"
        );
    }
}
