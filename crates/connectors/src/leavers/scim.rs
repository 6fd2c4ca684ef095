//! Users as SCIM writes them: a list response, several of them, an array, or one user a line.

use serde::Deserialize;
use serde_json::Value;

use super::{List, PEOPLE_MAX, Person};

/// RFC 7643 section 4.1. Names of attributes are compared without regard to case (section 2.1),
/// but exports write them as the RFC does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    user_name: Option<String>,
    display_name: Option<String>,
    #[serde(default)]
    emails: Vec<Email>,
    /// Some write the text `False`.
    active: Option<Value>,
}

#[derive(Deserialize)]
struct Email {
    value: Option<String>,
    #[serde(default)]
    primary: bool,
}

pub(super) fn read(bytes: &[u8]) -> Result<List, String> {
    let mut list = List::default();
    let (mut seen, mut promised) = (0, 0);
    for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
        let value = value.map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!(
                "expected users as SCIM writes them, got broken JSON at line {line} column {column}"
            )
        })?;
        let users = match value {
            Value::Array(users) => users,
            Value::Object(mut response) if response.contains_key("Resources") => {
                let total = response.get("totalResults").and_then(Value::as_u64);
                promised = promised.max(total.unwrap_or(0));
                match response.remove("Resources") {
                    Some(Value::Array(users)) => users,
                    _ => return Err("expected a list under `Resources`".to_owned()),
                }
            }
            user => vec![user],
        };
        seen += users.len() as u64;
        if seen > PEOPLE_MAX as u64 {
            let told = format!("more than {PEOPLE_MAX} users; the rest was not read");
            list.trouble.push(told);
            return Ok(list);
        }
        for user in users {
            take(user, &mut list);
        }
    }
    if promised > seen {
        let told = format!(
            "holds {seen} of {promised} users; export all pages into one file, one after the other"
        );
        list.trouble.push(told);
    }
    Ok(list)
}

fn take(user: Value, list: &mut List) {
    let unclear = "users without a name, or of whom it is not told whether they are active";
    let Ok(user) = serde_json::from_value::<User>(user) else {
        return trouble(list, unclear);
    };
    let active = match &user.active {
        Some(Value::Bool(active)) => Some(*active),
        Some(Value::String(text)) => text.to_ascii_lowercase().parse().ok(),
        _ => None,
    };
    let mut emails: Vec<&Email> = user.emails.iter().collect();
    emails.sort_by_key(|email| !email.primary);
    let mails = emails.iter().filter_map(|email| email.value.as_deref());
    let name = user.user_name.as_deref();
    let address = name.filter(|name| name.contains('@'));
    let person = Person::called(mails.chain(address), name.into_iter());
    match (active, person) {
        (Some(true), _) => list.staying += 1,
        (Some(false), Some(person)) => list.left.push(person.named(user.display_name.as_deref())),
        _ => trouble(list, unclear),
    }
}

fn trouble(list: &mut List, told: &str) {
    if !list.trouble.iter().any(|known| known == told) {
        list.trouble.push(told.to_owned());
    }
}
