//! The manual page of a described system, made of its description.

use std::fmt::Write as _;

use super::Described;
use super::description::{Description, FactAt, List, LoginAs, See};

impl Described {
    /// Its page in `docs/sources/`, in Markdown.
    pub fn page(&self) -> String {
        let description = &self.description;
        let (title, reads, form) = (&description.title, &description.reads, &description.form);
        let mut text = format!(
            "# {title}\n\nReads {reads}.\n\n```sh\nkeyroll sources add {form} --password-stdin \
             < secret\nkeyroll scan {form}\n```\n\n{}\n\n{}\n\n",
            whom(description),
            wants(description)
        );
        text.push_str("| part | asked | tells |\n|---|---|---|\n");
        for list in &description.list {
            let path = list.path.trim_matches('/');
            // Writing to a text cannot fail.
            let verb = list.post.as_ref().map_or("GET", |_| "POST");
            let _ = writeln!(
                text,
                "| {} | `{verb} /{path}` | {} |",
                list.name,
                tells(list)
            );
        }
        text.push_str(&posts(description));
        for gap in &description.gap {
            let _ = write!(text, "\n**Cannot tell** {}: {}.\n", gap.part, gap.told);
        }
        let _ = write!(
            text,
            "\n**Without asking anybody**: `keyroll scan {form} --saved DIR` reads what was saved. \
             The answer to `GET /a/b` lies in `DIR/a/b.json`, all its pages one after another; a \
             slash in a name is written `%2F`. What was not saved is a gap.\n"
        );
        let tried = match description.tried.as_str() {
            "" => format!("not against {title} itself"),
            tried => tried.to_owned(),
        };
        let (name, manual) = (&description.name, &description.manual);
        let _ = writeln!(
            text,
            "\n**What lacks is a gap**, which names the right that is wanted; what was read of \
             other parts stays. Nothing is changed or revoked here.\n\n**Described** in \
             `crates/connectors/src/described/catalogue/{name}.toml`, after <{manual}>. **Tried \
             against** a recording made by hand from that manual; {tried}."
        );
        text
    }
}

/// What is posted, as it is.
fn posts(description: &Description) -> String {
    let posts = description.list.iter().filter_map(|list| {
        let post = serde_json::to_string(list.post.as_ref()?).ok()?;
        Some(format!(
            "\n**Posted** for {}, and never anything else:\n\n```json\n{post}\n```\n",
            list.name
        ))
    });
    posts.collect()
}

/// Whom it asks, and how fast.
fn whom(description: &Description) -> String {
    let host = description.host.as_deref().map_or_else(
        || {
            "`HOST` is a host, perhaps with a port: Keyroll asks `https://HOST` and nothing else. "
                .to_owned()
        },
        |host| format!("Keyroll asks `https://{host}` and nothing else. "),
    );
    let parts = description.parts().into_iter();
    let others: Vec<_> = parts
        .filter(|part| *part != "HOST")
        .map(|part| format!("`{part}`"))
        .collect();
    let others = match others.as_slice() {
        [] => String::new(),
        others => format!("{}: as the system itself writes it. ", others.join(", ")),
    };
    format!(
        "{host}{others}`--endpoint` names another place for the same interface. At most {} \
         questions a second, read-only.",
        description.requests_per_second
    )
}

/// What it wants, and where that is looked for.
fn wants(description: &Description) -> String {
    let (secret, variable) = secret(&description.login);
    let needs = description.needs.iter();
    let needs: Vec<_> = needs.map(|need| format!("* {need}")).collect();
    format!(
        "**It wants** {secret}, sealed by `sources add` or in `{variable}`, with these rights:\n\n{}",
        needs.join("\n")
    )
}

/// What opens it, in words, and the variable it is looked for in.
fn secret(login: &LoginAs) -> (String, &str) {
    match login {
        LoginAs::Header { variable, .. } => ("a token".to_owned(), variable),
        LoginAs::Basic { variable } => ("`user:password`".to_owned(), variable),
        LoginAs::Headers { headers, variable } => {
            let headers: Vec<_> = headers.iter().map(|one| format!("`{one}`")).collect();
            let told = format!(
                "tokens with a blank between them, for {} in this order",
                headers.join(" and ")
            );
            (told, variable)
        }
        LoginAs::Client { variable, .. } => {
            let told = "`id:secret` of a client (OAuth 2.0 client credentials)";
            (told.to_owned(), variable)
        }
    }
}

fn tells(list: &List) -> String {
    let told: Vec<_> = list.see.iter().map(seen).collect();
    match told.as_slice() {
        [] => "what the lists below are asked for".to_owned(),
        told => told.join("; "),
    }
}

/// `credential api_token: name, created_at`.
fn seen(see: &See) -> String {
    let type_ = see.is.get("type").and_then(model::Value::text);
    let only = match &see.setting {
        Some(setting) => format!(
            " whose value `{}` is one, which is looked at and never told",
            setting.at
        ),
        None => String::new(),
    };
    let facts: Vec<_> = see
        .facts
        .iter()
        .map(|(name, at)| match at {
            FactAt::Plain(path) if path.to_string() == *name => format!("`{name}`"),
            FactAt::Plain(path) => format!("`{name}` (`{path}`)"),
            FactAt::Full(full) => match &full.at {
                Some(path) if path.to_string() != *name => format!("`{name}` (`{path}`)"),
                _ => format!("`{name}`"),
            },
        })
        .collect();
    let type_ = type_.map(|type_| format!(" `{type_}`")).unwrap_or_default();
    format!("{}{type_}{only}: {}", see.kind, facts.join(", "))
}
