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
    /// A project's data for its own tests.
    TestData,
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

/// What kind of place `path` is that lies in the archive at `archive`: a project's data for
/// tests may be packed.
pub(super) fn place_in(archive: &str, path: &str) -> Place {
    match place(archive) {
        outer @ (Place::Package | Place::TestData) => outer,
        Place::Own | Place::Private => place(path),
    }
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
}
