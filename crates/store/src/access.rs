//! Who may call: accounts and what is handed out to them.
//!
//! Of a session, a token, a link and a known device only the SHA-256 of its secret is kept. Each
//! is found by an id that is the beginning of that hash; whoever finds it compares the whole.

mod accounts;
mod attempts;
mod sessions;
mod tokens;

pub use accounts::{Account, Invitation};
pub use attempts::Attempt;
pub use sessions::{SessionRow, Stage};
pub use tokens::ApiToken;
