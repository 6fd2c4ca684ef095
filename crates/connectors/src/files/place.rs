//! What a path says of what lies there.

/// What kind of place a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Somebody's own: what lies there is in use.
    Own,
    /// Where private things lie: a certificate there is not published.
    Private,
    /// Part of a published package: what lies there is known to everybody.
    Package,
    /// Code of others that a project carries along: an example of theirs is nobody's login here,
    /// but somebody may have changed it.
    Vendored,
    /// A project's data for its own tests.
    TestData,
}

impl Place {
    /// Whether keys lie there for everybody to see, and broken files for a reason.
    pub(crate) fn is_for_show(self) -> bool {
        matches!(self, Self::Package | Self::Vendored | Self::TestData)
    }
}

/// Components in a row that packages are unpacked under.
const PACKAGES: &[&str] = &[
    "/node_modules/",
    "/site-packages/",
    "/dist-packages/",
    "/go/pkg/mod/",
    "/.cargo/registry/",
    "/.cargo/git/",
    "/.rustup/",
    "/.m2/repository/",
    "/.gradle/caches/",
    "/.nuget/packages/",
    "/.cache/",
];
const PACKAGE_STARTS: &[&str] = &[
    "/usr/share/",
    "/usr/lib/",
    "/usr/lib64/",
    "/usr/src/",
    "/usr/include/",
];
/// Directories that a project keeps code of others in.
const VENDORED: &[&str] = &[
    "/third_party/",
    "/third-party/",
    "/thirdparty/",
    "/bower_components/",
    "/.terraform/modules/",
    "/.terraform/providers/",
    "/ansible_collections/",
];
/// Directories below `vendor`, which is also a word of trade, that only package managers make.
const BELOW_VENDOR: &[&str] = &["bundle", "cache", "composer", "gems"];
const PRIVATE_STARTS: &[&str] = &["/etc/letsencrypt/", "/etc/kubernetes/pki/"];

/// Where tools keep what they log in with, though it is called a cache.
const KEPT_IN_CACHE: &[&str] = &[
    "/.cache/huggingface/token",
    "/.cache/huggingface/stored_tokens",
];

/// What kind of place `path` is.
pub(crate) fn place(path: &str) -> Place {
    if KEPT_IN_CACHE.iter().any(|end| path.ends_with(end)) {
        return Place::Own;
    }
    if PACKAGE_STARTS.iter().any(|start| path.starts_with(start))
        || PACKAGES.iter().any(|part| path.contains(part))
    {
        Place::Package
    } else if path.contains("/testdata/") {
        Place::TestData
    } else if path.contains("/private/")
        || PRIVATE_STARTS.iter().any(|start| path.starts_with(start))
    {
        Place::Private
    } else {
        Place::Own
    }
}

/// What kind of place `path` is for whoever named `root`: who develops a collection of Ansible
/// has it in a directory of that name, and it is not code of others.
pub(crate) fn place_below(root: &str, path: &str) -> Place {
    match place(path) {
        Place::Package => Place::Package,
        _ if is_vendored(path.strip_prefix(root).unwrap_or(path)) => Place::Vendored,
        other => other,
    }
}

fn is_vendored(path: &str) -> bool {
    // Go keeps modules below their domain: `vendor/github.com/`.
    let by_manager = |rest: &str| {
        let first = rest.split('/').next().unwrap_or_default();
        BELOW_VENDOR.contains(&first) || first.contains('.') && first != rest
    };
    VENDORED.iter().any(|part| path.contains(part))
        || path.split("/vendor/").skip(1).any(by_manager)
}

/// What kind of place `path` is that lies in the archive at `archive`: a project's data for
/// tests may be packed.
pub(super) fn place_in(archive: &str, path: &str) -> Place {
    match place(archive) {
        outer @ (Place::Package | Place::Vendored | Place::TestData) => outer,
        Place::Own | Place::Private => place_below("", path),
    }
}

/// Directories in which everybody of a machine has a home.
const HOMES: &[&str] = &["/home/", "/Users/", "/var/lib/", "/var/home/"];
/// What a home holds for programs beside what begins with a dot.
const FOR_PROGRAMS: &[&str] = &["Library", "AppData"];

/// Whether `path` is where a tool keeps what it logs in with: in `home` or another one, behind a
/// dot, in the settings of a machine, or within a repository where git keeps its own. A copy in a
/// project, on a share, or in an archive lies astray.
pub(super) fn is_for_tools(path: &str, home: Option<&str>) -> bool {
    if path.contains("!/") {
        return false;
    }
    let below_home = |rest: &str| {
        let first = rest.split('/').next().unwrap_or_default();
        first.starts_with('.') || FOR_PROGRAMS.contains(&first)
    };
    let own = home.and_then(|home| {
        path.strip_prefix(home.trim_end_matches('/'))?
            .strip_prefix('/')
    });
    let others = HOMES
        .iter()
        .find_map(|homes| path.strip_prefix(homes)?.split_once('/'));
    path.starts_with("/etc/")
        || path.contains("/.git/")
        || own.is_some_and(below_home)
        || path.strip_prefix("/root/").is_some_and(below_home)
        || others.is_some_and(|(_, rest)| below_home(rest))
}

/// Files that hold no text and no key: they are not opened.
pub(super) fn is_dull(name: &str) -> bool {
    const ENDS: &[&str] = &[
        ".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".woff", ".woff2", ".ttf", ".mp3",
        ".mp4", ".mov", ".deb", ".rpm", ".so", ".a", ".o", ".rlib", ".rmeta", ".exe", ".dll",
        ".dylib", ".pyc", ".class", ".wasm", ".pdf", ".db", ".sqlite", ".sqlite3", ".parquet",
        ".bin", ".iso", ".img",
    ];
    let name = name.to_ascii_lowercase();
    ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_a_place_that_everybody_knows() {
        for (path, expected) in [
            ("/home/ann/p/node_modules/x/test/key.pem", Place::Package),
            (
                "/usr/lib/python3/dist-packages/x/tests/a.pem",
                Place::Package,
            ),
            ("/home/ann/go/pkg/mod/x@v1/testdata/k.pem", Place::Package),
            ("/home/ann/p/testdata/k.pem", Place::TestData),
            ("/etc/ssl/private/k.pem", Place::Private),
            ("/home/ann/p/k.pem", Place::Own),
            ("/home/ann/.cache/huggingface/token", Place::Own),
            ("/home/ann/.cache/huggingface/hub/k.pem", Place::Package),
        ] {
            assert_eq!(place(path), expected, "{path}");
        }
    }

    #[test]
    fn what_a_tool_keeps_lies_in_a_home_or_in_the_settings_of_a_machine() {
        for (path, own) in [
            ("/home/ann/.npmrc", true),
            ("/root/.config/gh/hosts.yml", true),
            ("/Users/ann/Library/Preferences/netlify/config.json", true),
            ("/var/lib/jenkins/.docker/config.json", true),
            ("/tmp/x/.pypirc", true),
            ("/etc/pip.conf", true),
            ("/srv/shop/.git/config", true),
            ("/home/ann/shop/.npmrc", false),
            ("/srv/shop/.npmrc", false),
            ("/srv/backup/ann/.aws/credentials", false),
            ("/srv/ann.tar!/home/ann/.npmrc", false),
            (
                "/srv/sysvol/Policies/Machine/Preferences/Groups/Groups.xml",
                false,
            ),
            ("/tmp/xy/.pypirc", false),
        ] {
            assert_eq!(is_for_tools(path, Some("/tmp/x")), own, "{path}");
        }
    }

    #[test]
    fn code_of_others_is_told_by_where_it_lies_below_what_was_named() {
        for (path, expected) in [
            ("/p/third_party/x/test/key.pem", Place::Vendored),
            ("/p/third_party/x/testdata/key.pem", Place::Vendored),
            ("/p/vendor/github.com/x/y/k.go", Place::Vendored),
            ("/p/vendor/bundle/ruby/k.rb", Place::Vendored),
            ("/p/vendor/settings.py", Place::Own),
            ("/p/vendor/portal/settings.py", Place::Own),
            ("/p/.terraform/modules/vpc/main.tf", Place::Vendored),
            ("/p/third_party/node_modules/x/k.pem", Place::Package),
            (
                "/p/collections/ansible_collections/a/b/k.yml",
                Place::Vendored,
            ),
        ] {
            assert_eq!(place_below("/p", path), expected, "{path}");
        }
        let own = "/home/ann/ansible_collections/acme/shop";
        assert_eq!(place_below(own, &format!("{own}/k.yml")), Place::Own);
    }
}
