//! Which rules for secrets a scan goes by, and whose they are (CL-12).
//!
//! A file in gitleaks' form that a person named is in charge. One that lies in what is read is
//! data of whoever wrote the tree: it stands beside our rules, takes nothing away uncounted, and
//! is given up where it cannot be used or costs too much time.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use connectors::{Answer, Connector, Port, PortKind, Question};
use leaks::{Apart, Detector, GitleaksConfig};
use model::{Gap, Reason, Scope};

use crate::Error;
use crate::ports::FilesPort;
use crate::secrets::{Beside, Secrets};

/// What such a file is called at the top of a tree.
pub(crate) const FILE: &str = ".gitleaks.toml";
/// A file that lies in what is read is read up to here; gitleaks' own rules take 160 KiB.
const BYTES_MAX: u64 = 1 << 20;
/// How many files may extend one another, as gitleaks has it.
const EXTENDED_MAX: usize = 2;

/// The rules that a scan goes by.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    given: Option<Arc<Detector>>,
    tree_is_left_alone: bool,
}

/// What a file that a person named comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stated {
    /// How many rules it states.
    pub rules: usize,
    /// Whether ours stay beside them.
    pub with_ours: bool,
}

impl Rules {
    /// Ours alone: what lies in what is read has no say.
    pub const fn ours() -> Self {
        Self {
            given: None,
            tree_is_left_alone: true,
        }
    }

    /// Those of a file in gitleaks' form, which is in charge; `read` gives the text of a file
    /// that it extends.
    ///
    /// # Errors
    /// The text is none of that form, a rule in it is wrong, or `read` refuses.
    pub fn given<E>(
        text: &str,
        wrong: impl Fn(Error) -> E,
        mut read: impl FnMut(&str) -> Result<String, E>,
    ) -> Result<(Self, Stated), E> {
        let parse = |text: &str| GitleaksConfig::parse(text).map_err(unfit);
        let mut config = parse(text).map_err(&wrong)?;
        for _ in 0..EXTENDED_MAX {
            let Some(path) = config.extends().map(str::to_owned) else {
                break;
            };
            config = config.over(parse(&read(&path)?).map_err(&wrong)?);
        }
        let stated = Stated {
            rules: config.stated(),
            with_ours: config.uses_ours(),
        };
        let detector = Detector::from_gitleaks(config).map_err(|why| wrong(unfit(why)))?;
        let rules = Self {
            given: Some(Arc::new(detector)),
            tree_is_left_alone: true,
        };
        Ok((rules, stated))
    }

    /// The rules for what `connector` reads of `target`, as the source calls itself; none for one
    /// that searches no text. A file of the tree that cannot be used is a gap of them.
    ///
    /// # Errors
    /// Our own rules are broken, which the tests of the catalogue exclude.
    pub(crate) fn at(
        &self,
        connector: &dyn Connector,
        target: &str,
    ) -> Result<Option<Secrets>, Error> {
        if !matches!(connector.spec().port, PortKind::Files | PortKind::Git) {
            return Ok(None);
        }
        // `machine:/directory`, as it was named; the places of a machine that nobody named have none.
        let root = target.split_once(':').map_or("", |(_, root)| root);
        let ours = match &self.given {
            Some(given) => Arc::clone(given),
            None => ours()?,
        };
        let secrets = Secrets::new(Arc::clone(&ours), root);
        if self.tree_is_left_alone || !Path::new(root).is_dir() {
            return Ok(Some(secrets));
        }
        Ok(Some(match in_tree(root, &ours) {
            Ok(None) => secrets,
            Ok(Some(apart)) => secrets.beside(Beside::new(apart)),
            Err(gap) => secrets.without(gap),
        }))
    }
}

/// Our own rules, built once in this process.
///
/// # Errors
/// They are broken, which the tests of the catalogue exclude.
pub(crate) fn ours() -> Result<Arc<Detector>, Error> {
    static OURS: OnceLock<Arc<Detector>> = OnceLock::new();
    if let Some(ours) = OURS.get() {
        return Ok(Arc::clone(ours));
    }
    let built = Detector::new().map_err(unfit)?;
    // Of two that build it at once, one is kept.
    Ok(Arc::clone(OURS.get_or_init(|| Arc::new(built))))
}

fn unfit(why: leaks::Error) -> Error {
    Error::Unfit(format!("the rules for secrets cannot be used: {why}"))
}

/// The text of the file `name` at the top of the tree `root`, if there is one: no link is
/// followed, nothing but a file is opened, and no more of it is read than such a file needs.
///
/// # Errors
/// It cannot be read, or is no text; nothing of it is repeated.
pub fn text_in_tree(root: &str, name: &str) -> Result<Option<String>, (Reason, String)> {
    let path = format!("{}/{name}", root.trim_end_matches('/'));
    let mut port = FilesPort::new(vec![root.into()]);
    let question = Question::Read {
        path,
        bytes_max: BYTES_MAX,
    };
    let file = match port.ask(&question) {
        Ok(Answer::File(file)) => file,
        Ok(_) => return Ok(None),
        Err(refusal) if refusal.code == "ENOENT" => return Ok(None),
        Err(refusal) => return Err((refusal.reason, refusal.told)),
    };
    if file.cut {
        let told = format!("larger than {} KiB", BYTES_MAX >> 10);
        return Err((Reason::Unsupported, told));
    }
    match std::str::from_utf8(file.bytes.expose()) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err((Reason::Failed, "no text in UTF-8".to_owned())),
    }
}

/// The rules of the file at the top of the tree `root` beside `ours`, if there is one. A gap repeats nothing of
/// it: whoever wrote the tree chose what stands there.
fn in_tree(root: &str, ours: &Detector) -> Result<Option<Apart>, Gap> {
    let text = text_in_tree(root, FILE).map_err(|(reason, why)| gap(reason, &why))?;
    let Some(text) = text else {
        return Ok(None);
    };
    let config = GitleaksConfig::parse(&text).map_err(|why| wrong(&why))?;
    if config.extends().is_some() {
        let told = "it extends another file, which only one that you name may do";
        return Err(gap(Reason::Unsupported, told));
    }
    config.apart(ours).map(Some).map_err(|why| wrong(&why))
}

fn wrong(why: &leaks::Error) -> Gap {
    let told = match why {
        leaks::Error::Gitleaks { line, .. } => format!("line {line} is not of gitleaks' form"),
        leaks::Error::Large { .. } => why.to_string(),
        _ => "a rule or an allow-list in it is wrong; named with `--rules`, it is told which"
            .to_owned(),
    };
    gap(Reason::Failed, &told)
}

/// That the file of a tree has no say. Nothing of the tree is called missing then: its rules may
/// have found it.
pub(crate) fn gap(reason: Reason, why: &str) -> Gap {
    let told = format!("the rules in `{FILE}` are not used: {why}");
    Gap::new(&Scope::whole(), reason, told)
}
