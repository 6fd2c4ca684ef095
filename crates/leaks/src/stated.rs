//! Whether an assignment says what is in use: in a file of settings, or by a literal in code.
//!
//! A name that speaks of a secret and a value that looks like one are a guess by themselves:
//! manuals, tests and docstrings are full of them. Where programs take their settings from, and
//! where code itself sets a name, the same two are what they say.

use crate::placeholder;

/// Lines longer than this were made by programs, which keep nothing of what a name meant.
const LINE_BYTES_MAX: usize = 600;

/// What kind of text a file holds, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    /// Programs take their settings from it.
    Settings,
    /// A program, or a part of one.
    Code,
    /// Prose, or nobody knows.
    Other,
}

/// An assignment as it stands there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assignment<'a> {
    pub(crate) path: Option<&'a str>,
    /// The line on which it stands.
    pub(crate) line: &'a [u8],
    /// `=` or `:`.
    pub(crate) operator: u8,
    pub(crate) is_quoted: bool,
    pub(crate) value: &'a [u8],
}

impl Assignment<'_> {
    /// Whether it says what is in use.
    pub(crate) fn is_in_use(&self) -> bool {
        let Some(path) = self.path else {
            return false;
        };
        let line = self.line.trim_ascii();
        if is_for_show(path) || is_comment(line) || placeholder::is_tame(self.value) {
            return false;
        }
        match text(path) {
            Text::Settings => true,
            Text::Code => {
                let is_shell = ends(path, &["sh", "bash", "zsh", "ksh", "bat", "cmd", "mk"]);
                let sets = self.operator == b'=' || !ends(path, &["py", "pyi", "pl", "pm", "r"]);
                line.len() <= LINE_BYTES_MAX && (self.is_quoted && sets || is_shell)
            }
            Text::Other => false,
        }
    }
}

fn text(path: &str) -> Text {
    const SETTINGS: &[&str] = &[
        "yml",
        "yaml",
        "json",
        "jsonc",
        "json5",
        "toml",
        "ini",
        "cfg",
        "cnf",
        "conf",
        "config",
        "properties",
        "props",
        "env",
        "envrc",
        "tfvars",
        "tf",
        "hcl",
        "xml",
        "plist",
        "reg",
        "settings",
        "inventory",
        "hosts",
        "service",
        "netrc",
        "npmrc",
        "pypirc",
        "ipynb",
    ];
    const CODE: &[&str] = &[
        "py", "pyi", "js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte", "go",
        "java", "kt", "kts", "scala", "groovy", "gradle", "rb", "erb", "php", "cs", "vb", "fs",
        "swift", "m", "rs", "c", "cc", "cpp", "cxx", "h", "hpp", "pl", "pm", "lua", "sh", "bash",
        "zsh", "ksh", "ps1", "psm1", "bat", "cmd", "dart", "ex", "exs", "clj", "r", "jl", "sql",
        "mk",
    ];
    let name = name(path);
    if ends(path, SETTINGS) || name.starts_with(".env") || name.ends_with("_inventory") {
        Text::Settings
    } else if ends(path, CODE) || matches!(name, "Dockerfile" | "Makefile" | "Jenkinsfile") {
        Text::Code
    } else {
        Text::Other
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether the file's name ends in one of `ends`, behind a point.
fn ends(path: &str, ends: &[&str]) -> bool {
    let end = name(path).rsplit_once('.').map(|(_, end)| end);
    end.is_some_and(|end| ends.iter().any(|one| one.eq_ignore_ascii_case(end)))
}

/// Whether a file is there to be looked at or to be copied and filled in, by its name or by that
/// of a directory on the way.
fn is_for_show(path: &str) -> bool {
    const WORDS: &[&str] = &[
        "example",
        "examples",
        "sample",
        "samples",
        "template",
        "templates",
        "tmpl",
        "dist",
        "demo",
        "doc",
        "docs",
        "documentation",
        "test",
        "tests",
        "mock",
        "mocks",
        "fixture",
        "fixtures",
        "spec",
        "locale",
        "locales",
        "i18n",
        "translations",
        "molecule",
        "openapi",
        "swagger",
        "changelog",
        "min",
    ];
    path.split(['/', '.', '-', '_'])
        .any(|word| WORDS.iter().any(|one| one.eq_ignore_ascii_case(word)))
}

/// Whether the line is a comment.
fn is_comment(line: &[u8]) -> bool {
    [&b"#"[..], b"//", b"*", b"/*", b"--", b";", b"<!--", b"%"]
        .iter()
        .any(|mark| line.starts_with(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in_use(path: &str, line: &str) -> bool {
        let at = line.find(['=', ':']).unwrap();
        let value = line[at + 1..].trim_matches([' ', '"', '\'', ';', ',', '\n', '=', '>']);
        let assignment = Assignment {
            path: Some(path),
            line: line.as_bytes(),
            operator: line.as_bytes()[at],
            is_quoted: line.contains(['"', '\'']),
            value: value.as_bytes(),
        };
        assignment.is_in_use()
    }

    #[test]
    fn settings_and_literals_in_code_say_what_is_in_use() {
        for (path, line) in [
            (".env", "DB_PASSWORD=hunter2hunter"),
            ("deploy/.env.production", "DB_PASSWORD=hunter2hunter"),
            ("config/application.yml", "    password: hunter2hunter"),
            ("app.properties", "db.password=hunter2hunter"),
            ("settings.json", "\"password\": \"hunter2hunter\","),
            ("prod.tfvars", "password = \"hunter2hunter\""),
            ("app/settings.py", "DB_PASSWORD = \"hunter2hunter\""),
            ("src/db.ts", "  password: 'hunter2hunter',"),
            ("main.go", "password := \"hunter2hunter\""),
            ("run.sh", "export DB_PASSWORD=hunter2hunter"),
        ] {
            assert!(is_in_use(path, line), "{path}: {line}");
        }
    }

    #[test]
    fn prose_examples_comments_and_words_of_manuals_do_not() {
        for (path, line) in [
            ("README.md", "password: hunter2hunter"),
            ("notes", "password = hunter2hunter"),
            ("plugins/modules/user.py", "    password: hunter2hunter"),
            ("plugins/modules/user.py", "    password: \"hunter2hunter\""),
            ("config.example.yml", "password: hunter2hunter"),
            ("docs/conf.py", "password = \"hunter2hunter\""),
            ("tests/conf.py", "password = \"hunter2hunter\""),
            ("config/application.yml", "  # password: hunter2hunter"),
            ("src/db.ts", "  // password: 'hunter2hunter',"),
            ("config/application.yml", "password: Password123!"),
            ("app/settings.py", "DB_PASSWORD = \"Testing@123\""),
        ] {
            assert!(!is_in_use(path, line), "{path}: {line}");
        }
        let made = format!("a.password=\"hunter2hunter\";{}", "x();".repeat(300));
        assert!(!is_in_use("app.js", &made));
    }
}
