//! Progress on standard error, only where somebody watches (CL-16).

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::settings::Settings;

/// So often the line is drawn while nothing else is told.
const TICK: std::time::Duration = std::time::Duration::from_millis(250);

/// A line that says what is being done; nothing where nobody watches.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Starts.
    pub(crate) fn start(settings: &Settings) -> Self {
        let target = if settings.progress {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {elapsed}") {
            bar.set_style(style);
        }
        if settings.progress {
            // Whoever waits for a silent server sees that it is waited for, and how long.
            bar.enable_steady_tick(TICK);
        }
        Self(bar)
    }

    /// Says what is being done now.
    pub(crate) fn says(&self, what: &str) {
        self.0.set_message(model::shorten(&model::clean(what), 100));
        self.0.tick();
    }

    /// Does `write` while the line is out of the way.
    pub(crate) fn aside(&self, write: impl FnOnce()) {
        self.0.suspend(write);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
