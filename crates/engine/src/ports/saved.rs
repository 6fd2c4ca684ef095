//! Answers questions to an HTTP interface from files that somebody saved: a copy of the interface,
//! `DIR/orgs/acme/hooks.json` for `GET /orgs/acme/hooks`. Opens no socket.
//!
//! A file holds every page of a list, one after another, as `gh api --paginate` prints them.
//!
//! **Invariant:** no question leads out of the directory. Held by
//! `a_name_with_slashes_or_points_stays_below_the_directory`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use connectors::{Answer, Method, Port, Question, Refusal, Response};
use model::Reason;

use super::{FileLimits, FilesPort};

/// A list of an organisation is shorter. It is parsed whole, which takes several times as much.
const BYTES_MAX: u64 = 64 << 20;

/// Answers from the files below a directory.
#[derive(Debug)]
pub(crate) struct SavedPort {
    dir: String,
    files: FilesPort,
}

impl SavedPort {
    /// A port to the answers that lie below `dir`.
    pub(crate) fn new(dir: &str, stop: Arc<AtomicBool>) -> Self {
        let limits = FileLimits {
            file_bytes_max: BYTES_MAX,
            ..FileLimits::default()
        };
        Self {
            dir: dir.trim_end_matches('/').to_owned(),
            files: FilesPort::new(vec![PathBuf::from(dir)])
                .limits(limits)
                .stopped_by(stop),
        }
    }

    fn read(&mut self, segments: &[String]) -> Result<Answer, Refusal> {
        let asked = segments
            .iter()
            .map(|one| file_name(one))
            .collect::<Vec<_>>();
        let asked = asked.join("/");
        let path = format!("{}/{asked}.json", self.dir);
        let question = Question::Read {
            path,
            bytes_max: BYTES_MAX,
        };
        let Answer::File(file) = self.files.ask(&question).map_err(|refusal| {
            let absent = refusal.code == "ENOENT";
            if absent { lacking(&asked) } else { refusal }
        })?
        else {
            return Err(Refusal::new(Reason::Failed, "expected a file"));
        };
        if file.cut {
            let told = format!(
                "`{asked}.json` is larger than the limit of {} MiB",
                BYTES_MAX >> 20
            );
            return Err(Refusal::new(Reason::Unsupported, told));
        }
        let body = connectors::formats::as_utf8(file.bytes.expose());
        let body = String::from_utf8_lossy(&body);
        Ok(Answer::Http(Response {
            status: 200,
            request_id: String::new(),
            body: body.trim_start_matches('\u{feff}').to_owned(),
            next: std::collections::BTreeMap::new(),
            whole: true,
        }))
    }
}

/// What was not saved, and how that is done.
fn lacking(asked: &str) -> Refusal {
    let told = format!(
        "was not saved: put what `GET /{asked}` answers, all its pages, into `{asked}.json`"
    );
    Refusal::new(Reason::Unsupported, told)
}

/// A segment of a path as the name of a file: no slash and no point leads anywhere.
fn file_name(segment: &str) -> String {
    let name = segment
        .replace('%', "%25")
        .replace('/', "%2F")
        .replace('\0', "%00");
    match name.as_str() {
        "" => "%".to_owned(),
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => name,
    }
}

impl Port for SavedPort {
    fn ask(&mut self, question: &Question) -> Result<Answer, Refusal> {
        match question {
            Question::Http(request) if request.method == Method::Get && !request.changes => {
                self.read(&request.segments)
            }
            _ => Err(Refusal::new(
                Reason::Unsupported,
                "answers that were saved cannot be asked for this",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use connectors::Request;

    use super::*;

    fn ask(port: &mut SavedPort, segments: &[&str]) -> Result<String, String> {
        match port.ask(&Question::Http(Request::get(segments))) {
            Ok(Answer::Http(response)) => Ok(response.body),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err(refusal.told),
        }
    }

    #[test]
    fn what_was_saved_is_the_answer_and_what_was_not_says_where_it_belongs() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("orgs/acme")).unwrap();
        std::fs::write(
            dir.path().join("orgs/acme/hooks.json"),
            "\u{feff}[{\"id\":1}]\n[]",
        )
        .unwrap();
        let mut port = SavedPort::new(dir.path().to_str().unwrap(), Arc::default());
        assert_eq!(
            ask(&mut port, &["orgs", "acme", "hooks"]).unwrap(),
            "[{\"id\":1}]\n[]"
        );
        let told = ask(&mut port, &["orgs", "acme", "keys"]).unwrap_err();
        assert!(told.contains("`GET /orgs/acme/keys`"), "{told}");
        assert!(told.contains("`orgs/acme/keys.json`"), "{told}");
        let request = Request::get(&["orgs", "acme", "hooks"]).changing();
        assert!(
            port.ask(&Question::Http(request)).is_err(),
            "nothing is changed"
        );
    }

    #[test]
    fn a_name_with_slashes_or_points_stays_below_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("below");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(dir.path().join("out.json"), "[]").unwrap();
        std::fs::write(below.join("a%2Fb.json"), "[7]").unwrap();
        let mut port = SavedPort::new(below.to_str().unwrap(), Arc::default());
        for out in [&["..", "out"][..], &["../out"], &["", "..", "out"]] {
            assert!(ask(&mut port, out).is_err(), "{out:?}");
        }
        assert_eq!(ask(&mut port, &["a/b"]).unwrap(), "[7]");
    }
}
