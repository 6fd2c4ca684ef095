//! From a secret to the question about it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Secret;

use super::Check;

/// No credential that is asked for is longer; a longer one is something else.
const SECRET_BYTES_MAX: usize = 8 * 1024;

/// One question about one secret. What may hold it is a [`Secret`] itself.
#[derive(Debug)]
pub struct Ask {
    /// `GET` or `POST`.
    pub method: String,
    /// Host name, perhaps with a port.
    pub host: String,
    /// Path and query.
    pub path: Secret,
    /// Headers.
    pub headers: Vec<(String, Secret)>,
    /// Body; empty: none.
    pub body: String,
}

/// Why a secret is not asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unasked {
    /// Its provider has no host that is everybody's.
    #[error("where it is from is not known; name the host: `--live-host {0}=HOST`")]
    NoHost(String),
    /// The provider wants a name beside it.
    #[error("the account or user that goes with it is not known")]
    NoUser,
    /// It holds what cannot be written there.
    #[error("it holds letters that no such credential has")]
    Odd,
}

pub(super) fn fill(
    check: &Check,
    secret: &Secret,
    user: Option<&str>,
    host: Option<&str>,
) -> Result<Ask, Unasked> {
    let host = host.or(check.host.as_deref());
    let host = host.ok_or_else(|| Unasked::NoHost(check.provider.clone()))?;
    let text = std::str::from_utf8(secret.expose()).map_err(|_| Unasked::Odd)?;
    let text = text.trim();
    // One line of visible ASCII: nothing that could end a header or begin another.
    if text.is_empty()
        || text.len() > SECRET_BYTES_MAX
        || !text.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(Unasked::Odd);
    }
    if check.is_in_address() && !text.bytes().all(is_plain) {
        return Err(Unasked::Odd);
    }
    let wants_user = |template: &str| template.contains("{user}");
    let user = match user {
        Some(user) if user.bytes().all(|byte| is_plain(byte) || byte == b'@') => user,
        Some(_) => return Err(Unasked::Odd),
        None if wants_user(&check.path) || check.basic.as_deref().is_some_and(wants_user) => {
            return Err(Unasked::NoUser);
        }
        None => "",
    };
    let put = |template: &str| {
        let filled = template.replace("{user}", user).replace("{secret}", text);
        Secret::new(filled.into_bytes())
    };
    let mut headers: Vec<_> = check
        .headers
        .iter()
        .map(|(name, template)| (name.clone(), put(template)))
        .collect();
    if let Some(template) = &check.basic {
        let mut value = "Basic ".to_owned();
        STANDARD.encode_string(put(template).expose(), &mut value);
        headers.push(("authorization".to_owned(), Secret::new(value.into_bytes())));
    }
    Ok(Ask {
        method: check.method.clone(),
        host: host.to_owned(),
        path: put(&check.path),
        headers,
        body: check.body.clone().unwrap_or_default(),
    })
}

/// What stands for itself in a path and in a query (RFC 3986 section 3.3).
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':' | b'+')
}
