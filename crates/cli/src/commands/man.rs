//! `keyroll man`: the manual, one page a verb.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap_mangen::Man as Manual;

use crate::error::Error;
use crate::exit::Outcome;
use crate::settings::Settings;

/// Print the manual page, or write all pages into a directory
///
/// `keyroll man | man -l -` reads the first page; `keyroll man ~/.local/share/man/man1` installs
/// all of them.
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// A directory for `keyroll.1` and one page a verb
    directory: Option<PathBuf>,
}

impl Man {
    /// Prints or writes.
    pub(crate) fn run(self, settings: &Settings) -> Result<Outcome, Error> {
        let mut tree = crate::arguments::tree();
        tree.build();
        match self.directory {
            Some(directory) => pages(&tree, "keyroll", &directory)?,
            None => settings
                .terminal
                .stdout()
                .write_all(&page(tree, "keyroll")?)?,
        }
        Ok(Outcome::CLEAN)
    }
}

fn page(command: clap::Command, name: &str) -> Result<Vec<u8>, Error> {
    let mut page = Vec::new();
    Manual::new(command).title(name).render(&mut page)?;
    Ok(page)
}

/// Writes `name.1`, then those of what is below.
fn pages(command: &clap::Command, name: &str, directory: &Path) -> Result<(), Error> {
    let path = directory.join(format!("{name}.1"));
    let doing = format!("cannot write `{}`", path.display());
    std::fs::write(&path, page(command.clone(), name)?).map_err(Error::because(doing))?;
    for below in command
        .get_subcommands()
        .filter(|one| one.get_name() != "help")
    {
        pages(below, &format!("{name}-{}", below.get_name()), directory)?;
    }
    Ok(())
}
