//! What the scanner of assignments takes and what it leaves.

use super::*;

fn found(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    memchr::memchr2_iter(b'=', b':', bytes)
        .filter_map(|place| at(bytes, place))
        .map(|found| match found {
            Found::Assigned { range, .. } | Found::Url { range, .. } => text[range].to_owned(),
        })
        .collect()
}

#[test]
fn assignments_of_the_usual_languages_are_found() {
    for text in [
        "password = \"Tr0ub4dor&3\"",
        "DB_PASSWORD=Tr0ub4dor&3\n",
        "export DB_PASSWORD='Tr0ub4dor&3'",
        "  password: Tr0ub4dor&3\n",
        "{\"password\": \"Tr0ub4dor&3\"}",
        "{\\\"password\\\": \\\"Tr0ub4dor&3\\\"}",
        "'password' => 'Tr0ub4dor&3',",
        "password := \"Tr0ub4dor&3\"",
        "let password: &str = \"Tr0ub4dor&3\";",
        "const password: string = 'Tr0ub4dor&3';",
        "spring.datasource.password=Tr0ub4dor&3",
        "config[\"password\"] = \"Tr0ub4dor&3\"",
        "- DB_PASSWORD=Tr0ub4dor&3",
        "ENV DB_PASSWORD=Tr0ub4dor&3",
    ] {
        assert_eq!(found(text), ["Tr0ub4dor&3"], "{text}");
    }
}

#[test]
fn random_values_of_names_that_speak_of_secrets_are_found() {
    for name in [
        "api_key",
        "apiKey",
        "client_secret",
        "AUTH_TOKEN",
        "x-api-key",
        "signingKey",
    ] {
        let text = format!("{name} = \"x7Kp2Qm9Zt4Lw8aR\"");
        assert_eq!(found(&text), ["x7Kp2Qm9Zt4Lw8aR"], "{text}");
    }
}

#[test]
fn code_placeholders_names_and_hashes_are_left() {
    for text in [
        "password = \"${DB_PASSWORD}\"",
        "password = \"changeme\"",
        "password = getPassword(user1)",
        "password: string;",
        "password: str = Field(min_length=8)",
        "password == \"Tr0ub4dor&3\"",
        "api_key = \"<your key>\"",
        "api_key = os.environ[\"API_KEY_2\"]",
        "token = tokenizer.next_token2()",
        "secret_name = \"x7Kp2Qm9Zt4Lw8aR\"",
        "passwordHash = \"x7Kp2Qm9Zt4Lw8aR\"",
        "checksum = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
        "token: 123e4567-e89b-12d3-a456-426614174000",
        "password = \"user.password1\"",
        "password: xxxxxxxxxxxx",
        "secret_path = \"/run/secrets/db_1\"",
        "token = &self.tokens[17]",
        "Token::Secret => \"value-of-it\"",
    ] {
        assert!(found(text).is_empty(), "{text}: {:?}", found(text));
    }
}

#[test]
fn the_password_of_a_url_is_found_with_its_place() {
    let text = "DATABASE_URL=postgres://app:S3cr3t9x@db.example:5432/orders?x=1";
    let at = at(text.as_bytes(), text.find("://").unwrap()).unwrap();
    let Found::Url {
        scheme,
        range,
        facts,
        ..
    } = at
    else {
        panic!("expected a URL");
    };
    assert_eq!((scheme.as_str(), &text[range]), ("postgres", "S3cr3t9x"));
    let facts: Vec<_> = facts.iter().map(|fact| fact.value.as_str()).collect();
    assert_eq!(facts, ["postgres", "app", "db.example:5432", "orders"]);
}

#[test]
fn urls_without_a_real_password_are_left() {
    for text in [
        "http://example.org:80/@x",
        "postgres://user:${PASSWORD}@localhost/db",
        "https://user@host/a:b",
        "redis://:@host",
        "https://{user}:{pass}@host",
    ] {
        assert!(found(text).is_empty(), "{text}");
    }
}
