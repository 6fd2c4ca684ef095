//! A pass over an account that is killed half-way goes on from what it had read. The account is a
//! recording, the kill is a real one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connectors::{Answer, Port, Question, Recording, Refusal, Response};
use engine::{Engine, KeyPaths, Pass, PassReport};
use model::{Duration, Scope, SourceId, Tenant, Timestamp};
use store::{Filter, Location, Options, Page, Store};
use testkit::kill;

const ME: &str = "resume::recording_a_pass_that_is_killed_goes_on_from_what_it_had_read";
/// The account is read as of here.
const NOW: Timestamp = Timestamp::from_seconds(1_796_000_000);
const REGIONS: [&str; 4] = ["eu-west-1", "eu-west-2", "us-east-1", "us-west-2"];

/// The recorded account, in several regions that hold the same, with a file of what was asked.
struct Account {
    recording: Recording,
    asked: PathBuf,
}

impl Account {
    fn new(asked: PathBuf) -> Self {
        let root = env!("CARGO_MANIFEST_DIR");
        let path = format!("{root}/../connectors/testdata/aws_iam/answers.json");
        Self {
            recording: Recording::parse(&std::fs::read_to_string(path).unwrap()).unwrap(),
            asked,
        }
    }
}

impl Port for Account {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let line = Recording::line(question);
        let mut open = std::fs::OpenOptions::new();
        let mut file = open.append(true).create(true).open(&self.asked).unwrap();
        writeln!(file, "{line}").unwrap();
        let Question::Http(request) = question else {
            panic!("only HTTP is asked");
        };
        if line.contains("Action=DescribeRegions") {
            let items = REGIONS.map(|name| format!("<item><regionName>{name}</regionName></item>"));
            return Ok(Answer::Http(Response {
                status: 200,
                request_id: String::new(),
                body: format!("<R><regionInfo>{}</regionInfo></R>", items.concat()),
                next: BTreeMap::new(),
                whole: false,
            }));
        }
        let mut here = request.clone();
        if !here.region.is_empty() {
            here.region = "us-east-1".to_owned();
        }
        let Answer::Http(mut answer) = self.recording.ask(&Question::Http(here))? else {
            panic!("another kind of answer");
        };
        // Each region has its own things.
        if !request.region.is_empty() {
            answer.body = answer.body.replace("us-east-1", &request.region);
        }
        Ok(Answer::Http(answer))
    }
}

fn engine_at(dir: &Path, later: Duration) -> Engine {
    let location = Location::Sqlite(dir.join("roll.db"));
    let store = Store::open(&location, &Options::default()).unwrap();
    let paths = KeyPaths::for_store(&location, None, None).unwrap();
    let now = Timestamp(NOW.0 + later.0);
    Engine::open(
        store,
        Tenant::local(),
        &paths,
        "person:test",
        Arc::new(move || now),
    )
    .unwrap()
}

fn source() -> SourceId {
    SourceId::new("aws_iam", "111122223333")
}

/// One pass; what it asks is written to the file `asked`.
fn pass(dir: &Path, asked: &str, later: Duration) -> PassReport {
    let engine = engine_at(dir, later);
    let mut account = Account::new(dir.join(asked));
    let pass = Pass {
        connector: connectors::connector("aws_iam").unwrap(),
        source: source(),
        scope: Scope::whole(),
        port: &mut account,
        options: &BTreeMap::new(),
    };
    engine.collect(pass, &mut |_| {}).unwrap()
}

fn asked(dir: &Path, name: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(dir.join(name)).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// What the roll holds, line by line. Ids follow from fingerprints, and each roll has its own key.
fn roll(dir: &Path) -> Vec<String> {
    let engine = engine_at(dir, Duration::hours(3));
    let page = Page {
        limit: 1000,
        ..Page::default()
    };
    let read =
        |reading: &mut store::Reading<'_>| reading.roll(&engine.tenant, &Filter::default(), &page);
    let rows = engine.store.read(read).unwrap().rows;
    let mut names: Vec<_> = rows.into_iter().map(|row| row.name).collect();
    names.sort();
    names
}

#[test]
fn recording_a_pass_that_is_killed_goes_on_from_what_it_had_read() {
    if let Some(child) = kill::child() {
        child.arm(engine::crash::arm);
        pass(&child.dir, "before", Duration::seconds(0));
        return;
    }
    let whole = tempfile::tempdir().unwrap();
    let report = pass(whole.path(), "all", Duration::seconds(0));
    let all = asked(whole.path(), "all");
    // After the account itself, and after two and three regions.
    for at in [1, 3, 4] {
        let dir = tempfile::tempdir().unwrap();
        assert!(!kill::at(at, ME, dir.path(), &[]));
        let went_on = pass(dir.path(), "after", Duration::hours(2));
        let (before, after) = (asked(dir.path(), "before"), asked(dir.path(), "after"));
        let twice: Vec<_> = before.intersection(&after).collect();
        assert_eq!(twice, Vec::<&String>::new(), "{at}");
        let both: BTreeSet<_> = before.union(&after).cloned().collect();
        assert_eq!(both, all, "{at}");
        assert_eq!(went_on.started, NOW, "it is the pass that was killed");
        assert_eq!(
            (went_on.counts, went_on.outcome),
            (report.counts, report.outcome)
        );
        assert_eq!(went_on.gaps, report.gaps);
        assert_eq!(roll(dir.path()), roll(whole.path()));
        // It came to its end: the next one asks for everything anew.
        pass(dir.path(), "anew", Duration::hours(3));
        assert_eq!(asked(dir.path(), "anew"), all);
    }
}

#[test]
fn recording_what_was_read_a_day_ago_is_read_again() {
    const ME: &str = "resume::recording_what_was_read_a_day_ago_is_read_again";
    if let Some(child) = kill::child() {
        child.arm(engine::crash::arm);
        pass(&child.dir, "before", Duration::seconds(0));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(!kill::at(3, ME, dir.path(), &[]));
    let anew = pass(dir.path(), "after", Duration::hours(25));
    assert!(anew.started > NOW);
    assert!(asked(dir.path(), "after").is_superset(&asked(dir.path(), "before")));
}
