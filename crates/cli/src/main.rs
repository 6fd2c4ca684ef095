//! `keyroll`: the roll of every machine identity, from the command line.
//!
//! Three steps: [`arguments`] is what was typed, [`settings`] what it means once the environment
//! and configuration files are read, [`commands`] what is done. Data goes to standard output,
//! all else to standard error.

mod arguments;
mod baseline;
mod commands;
mod configuration;
mod environment;
mod error;
mod exit;
mod interrupt;
mod machine;
mod moment;
mod output;
mod progress;
mod roll;
mod rules;
mod settings;
mod shown;
mod systems;
mod terminal;
mod words;

use std::process::ExitCode;

/// A scan makes and drops many small things, which the allocator of libc does slowly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keep_no_core();
    // Help, version and usage errors end here: no runtime is started and no file is read.
    let typed = match arguments::parse() {
        Ok(typed) => typed,
        Err(refused) => {
            return exit::of_usage(&refused, &refused.print());
        }
    };
    let environment = environment::Environment::read();
    let mut terminal = terminal::Terminal::plain(&environment);
    match run(typed, environment, &mut terminal) {
        Ok(outcome) => exit::of(&outcome),
        Err(error) => {
            error.print(&terminal);
            exit::of_error(&error)
        }
    }
}

/// What crashes with a secret in its memory must not leave it on a disk, and what it starts must
/// not either. Where the system does not take the limit, nothing else is lost.
fn keep_no_core() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
}

/// Resolves what was typed and does it.
fn run(
    typed: arguments::Typed,
    environment: environment::Environment,
    terminal: &mut terminal::Terminal,
) -> Result<exit::Outcome, error::Error> {
    let layers = configuration::Layers::load(&environment)?;
    let settings = settings::Settings::resolve(&typed, &layers, environment)?;
    *terminal = settings.terminal.clone();
    settings.interrupt.watch();
    let outcome = commands::run(typed.command, &settings, &layers);
    settings.interrupt.wait_out();
    outcome
}
