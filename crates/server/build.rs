//! Builds the console into the program: `web/dist` where it was made, else the page in `pages/`,
//! so that the workspace compiles without Node.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let built = here.join("../../web/dist");
    println!("cargo::rerun-if-changed={}", here.join("pages").display());
    println!(
        "cargo::rerun-if-changed={}",
        here.join("../../web").display()
    );
    let root = if built.join("index.html").is_file() {
        println!("cargo::rerun-if-changed={}", built.display());
        built.canonicalize()?
    } else {
        here.join("pages")
    };
    let mut files = Vec::new();
    walk(&root, &mut files)?;
    files.sort();
    let mut code = String::from("static PAGES: &[Page] = &[\n");
    for file in files {
        let Ok(below) = file.strip_prefix(&root) else {
            continue;
        };
        let path = format!("/{}", below.display());
        let (kind, tag) = (kind(&file), tag(&fs::read(&file)?));
        let _ = writeln!(
            code,
            "Page {{ path: {path:?}, kind: {kind:?}, tag: {tag:?}, bytes: include_bytes!({file:?}) }},"
        );
    }
    code.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("pages.rs"), code)
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        // Maps of the sources are for whoever builds.
        match path.extension().and_then(|one| one.to_str()) {
            _ if path.is_dir() => walk(&path, files)?,
            Some("map") => {}
            _ => files.push(path),
        }
    }
    Ok(())
}

fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|one| one.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "webmanifest") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// FNV-1a of the bytes: it tells versions of our own files apart.
fn tag(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("\"{hash:016x}\"")
}
