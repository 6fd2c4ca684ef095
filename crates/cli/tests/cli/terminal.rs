//! A real pseudo-terminal with the binary in it, and what a person sees there.
//!
//! `script` of util-linux makes the terminal, so that keys go through its line discipline: Ctrl-C
//! is a signal, and input is echoed as the program wants it. An emulator (vt100) draws what comes.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::world::World;

/// Lines of a terminal: more than any command here writes.
const LINES: u16 = 200;
/// Whoever waits longer waits for what never comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// A terminal in which one line was typed.
pub(crate) struct Terminal {
    child: Child,
    keys: ChildStdin,
    bytes: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    raw: Vec<u8>,
}

/// How it ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    /// What stands on the screen.
    pub(crate) screen: String,
    /// Every byte that came.
    pub(crate) raw: String,
    parser: vt100::Parser,
}

impl Terminal {
    /// A terminal so many columns wide, in `world`'s home, in which a shell runs `line`.
    pub(crate) fn open(world: &World, columns: u16, line: &str) -> Self {
        let call = world.command(&[]);
        let binary = Path::new(call.get_program()).parent().unwrap();
        let mut command = Command::new("/usr/bin/env");
        // These tests may run in the background of a script, where Ctrl-C is ignored by all.
        command.args(["--default-signal=INT,TERM,HUP", "script", "-qe", "-c"]);
        command.arg(format!("stty rows {LINES} cols {columns}; {line}"));
        command.arg("/dev/null").env_clear();
        let variables = call.get_envs();
        command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        command
            .env("PATH", format!("{}:/usr/bin:/bin", binary.display()))
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh")
            .current_dir(call.get_current_dir().unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let keys = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let (told, bytes) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = output.read(&mut piece) {
                if told.send(piece[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keys,
            bytes,
            parser: vt100::Parser::new(size(LINES), size(columns), 0),
            raw: Vec::new(),
        }
    }

    /// What stands on the screen now.
    pub(crate) fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// Every byte that came so far.
    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// Waits until the screen is as `wanted`.
    pub(crate) fn until(&mut self, wanted: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        while !wanted(&self.screen()) {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => self.draw(&bytes),
                Err(error) => panic!("{error}; the screen shows:\n{}", self.screen()),
            }
        }
    }

    /// Types.
    pub(crate) fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the program has ended.
    pub(crate) fn ends(mut self) -> Ended {
        loop {
            match self.bytes.recv_timeout(PATIENCE) {
                Ok(bytes) => self.draw(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it goes on:\n{}", self.screen()),
            }
        }
        let status = self.child.wait().unwrap();
        Ended {
            code: status.code().unwrap(),
            screen: self.screen(),
            raw: self.raw(),
            parser: self.parser,
        }
    }

    fn draw(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
        self.raw.extend_from_slice(bytes);
    }
}

impl Ended {
    /// What `line` came to in a terminal of so many columns.
    pub(crate) fn of(world: &World, columns: u16, line: &str) -> Self {
        Terminal::open(world, columns, line).ends()
    }

    /// Whether the first `word` on the screen is drawn in `colour`.
    pub(crate) fn paints(&self, word: &str, colour: vt100::Color) -> bool {
        let place = (0_u16..)
            .zip(self.rows())
            .find_map(|(row, line)| Some((row, line.find(word)?, line)));
        let Some((row, bytes, line)) = place else {
            panic!("`{word}` is not on the screen:\n{}", self.screen)
        };
        let column = u16::try_from(line[..bytes].chars().count()).unwrap();
        let cell = self.parser.screen().cell(row, column);
        cell.unwrap().fgcolor() == colour
    }

    /// The lines that were longer than the terminal is wide.
    pub(crate) fn broken(&self) -> Vec<String> {
        let screen = self.parser.screen();
        let rows = (0_u16..).zip(self.rows());
        rows.filter(|(row, _)| screen.row_wrapped(*row))
            .map(|(_, line)| line)
            .collect()
    }

    /// Each row by itself: a line that was too long is several.
    fn rows(&self) -> Vec<String> {
        let screen = self.parser.screen();
        let (_, columns) = screen.size();
        screen.rows(0, columns.get()).collect()
    }
}

fn size(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}
