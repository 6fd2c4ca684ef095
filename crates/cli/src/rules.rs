//! Which rules for secrets a scan goes by, from where gitleaks' users expect them (CL-12).
//!
//! The first that is given is read and no other: `--rules` or its variable, `GITLEAKS_CONFIG`,
//! `GITLEAKS_CONFIG_TOML`, the configuration's `rules`, the `.gitleaks.toml` of what is read.
//! The last one is not ours to trust: see `engine::Rules`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use engine::{Rules, Stated};

use crate::baseline::Baseline;
use crate::error::Error;
use crate::settings::Settings;
use crate::words::many;

/// A file of rules is read up to here; gitleaks' own takes 160 KiB.
const BYTES_MAX: u64 = 16 << 20;

/// Flags about rules.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ByRules {
    /// Find secrets by the rules in this file, in gitleaks' form; ours stay with `useDefault`
    #[arg(long, value_name = "FILE", env = "KEYROLL_RULES")]
    rules: Option<PathBuf>,
    /// Leave the `.gitleaks.toml` and `.gitleaksignore` of what is read alone
    #[arg(long, env = "KEYROLL_NO_GITLEAKS", value_parser = clap::builder::FalseyValueParser::new())]
    no_gitleaks: bool,
}

impl ByRules {
    /// The rules that were asked for.
    ///
    /// # Errors
    /// A file that was named cannot be read, or is none of gitleaks' form.
    pub(crate) fn rules(&self, settings: &Settings) -> Result<Rules, Error> {
        let variable = |name| {
            settings
                .environment
                .get(name)
                .filter(|text| !text.is_empty())
        };
        let named = self
            .rules
            .clone()
            .or_else(|| variable("GITLEAKS_CONFIG").map(PathBuf::from));
        if let Some(path) = named {
            return of_file(settings, &path);
        }
        if let Some(text) = variable("GITLEAKS_CONFIG_TOML") {
            return given(settings, "GITLEAKS_CONFIG_TOML", text);
        }
        match settings.rules() {
            Some(path) => of_file(settings, &path),
            None if self.no_gitleaks => Ok(Rules::ours()),
            None => Ok(Rules::default()),
        }
    }

    /// The baseline with what the `.gitleaksignore` at the top of each of `trees` knows. One that
    /// cannot be read knows nothing, which is said.
    pub(crate) fn baseline(
        &self,
        settings: &Settings,
        baseline: Option<Baseline>,
        trees: &[String],
    ) -> Result<Baseline, Error> {
        const FILE: &str = ".gitleaksignore";
        let mut baseline = baseline.unwrap_or_default();
        for root in trees {
            let mut ignored = leaks::Baseline::default();
            if !self.no_gitleaks && Path::new(root).is_dir() {
                match engine::text_in_tree(root, FILE) {
                    Ok(text) => ignored = leaks::Baseline::ignored(&text.unwrap_or_default()),
                    Err((_, why)) => {
                        let mut stderr = settings.terminal.stderr();
                        writeln!(stderr, "not read: {FILE}: {}", model::clean(&why))?;
                    }
                }
            }
            baseline.tree(root.clone(), ignored);
        }
        Ok(baseline)
    }
}

fn of_file(settings: &Settings, path: &Path) -> Result<Rules, Error> {
    let shown = model::clean(&path.display().to_string());
    given(settings, &format!("`{shown}`"), &contents(path)?)
}

/// The rules in `text`, which `whence` holds; how many they are is said, and whether ours are with
/// them, because without them much is not looked for.
fn given(settings: &Settings, whence: &str, text: &str) -> Result<Rules, Error> {
    let wrong = |why: engine::Error| Error::usage(format!("{whence}: {why}"));
    let read = |path: &str| contents(&settings.environment.here.join(path));
    let (rules, stated) = Rules::given(text, wrong, read)?;
    if !settings.quiet {
        let Stated { rules, with_ours } = stated;
        let told = many(rules as u64, "rule", "rules");
        let ours = match with_ours {
            true => "beside ours",
            false => "instead of ours: it does not say `useDefault`",
        };
        let mut stderr = settings.terminal.stderr();
        writeln!(stderr, "rules: {told} of {whence}, {ours}")?;
    }
    Ok(rules)
}

fn contents(path: &Path) -> Result<String, Error> {
    let shown = model::clean(&path.display().to_string());
    let doing = || format!("cannot read the rules in `{shown}`");
    let file = std::fs::File::open(path).map_err(Error::because(doing()))?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::because(doing()))?;
    if bytes.len() as u64 > BYTES_MAX {
        let told = format!("{}: expected at most {BYTES_MAX} bytes", doing());
        return Err(Error::usage(told));
    }
    String::from_utf8(bytes)
        .map_err(|_| Error::usage(format!("{}: expected text in UTF-8", doing())))
}
