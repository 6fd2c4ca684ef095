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
fn the_checksum_of_a_file_is_no_secret_whatever_the_file_is_called() {
    let sum = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    for name in ["src/api/secret.rs", "docs/token.md", "session_token.py"] {
        assert!(
            found(&format!("{{\"{name}\":\"{sum}\"}}")).is_empty(),
            "{name}"
        );
    }
    assert_eq!(found(&format!("{{\"session_token\":\"{sum}\"}}")), [sum]);
    assert_eq!(found(&format!("session.token.key={sum}\n")), [sum]);
    assert!(found("SOURCE[secret]=x7Kp2Qm9Zt4Lw8aR.c\n").is_empty());
    assert!(found("GENERATE[html/PrivateKey.html]=man3/d2i_RSA9PrivateKey2.pod\n").is_empty());
}

#[test]
fn a_list_of_checksums_holds_none_and_a_path_may_lead_to_a_secret() {
    let sum = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let list = format!(
        "{{\"files\":{{\"tests/keys/private_key\":\"{sum}\",\"etc/password\":\"{sum}\",\"src/token/mod.rs\":\"{sum}\"}},\"package\":\"{sum}\"}}"
    );
    assert!(found(&list).is_empty(), "{:?}", found(&list));
    let one = "x7Kp2Qm9Zt4Lw8aR";
    assert_eq!(found(&format!("{{\"shop/api_key\":\"{one}\"}}")), [one]);
    assert_eq!(found(&format!("{{\"private_key\":\"{sum}\"}}")), [sum]);
}

#[test]
fn the_digest_of_a_password_is_none_and_a_password_in_hexadecimal_is_one() {
    let sum = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    for text in [
        format!("assert sha256(password) == \"{sum}\""),
        format!("check(\"sha256\", password=\"{sum}\")"),
        format!("{{\"algorithm\": \"SHA-256\", \"password\": \"{sum}\"}}"),
        format!("sha512_password: {sum}{sum}\n"),
    ] {
        assert!(found(&text).is_empty(), "{text}");
    }
    for text in [
        format!("login(user, password=\"{sum}\")"),
        format!("sha256(x)\npassword = \"{sum}\""),
        format!("hmac_sha256_secret = \"{sum}\""),
    ] {
        assert_eq!(found(&text), [sum], "{text}");
    }
}

#[test]
fn what_a_pipeline_or_shell_fills_in_is_left() {
    for value in [
        "${{ secrets.DB_PASSWORD_1 }}",
        "$(DB_PASSWORD_1)",
        "$DB_PASSWORD_1",
        "$dbPassword1",
        "$env:DB_PASSWORD_1",
        "%DB_PASSWORD_1%",
        "$[variables.dbPassword1]",
    ] {
        for text in [
            format!("DB_PASSWORD: {value}\n"),
            format!("DB_PASSWORD: \"{value}\"\n"),
            format!("API_TOKEN={value}\n"),
        ] {
            assert!(found(&text).is_empty(), "{text}: {:?}", found(&text));
        }
    }
    assert_eq!(found("DB_PASSWORD: $Tr0ub4dor3\n"), ["$Tr0ub4dor3"]);
}

#[test]
fn a_secret_is_found_in_every_shape_of_an_assignment() {
    for text in [
        "- name: API_KEY\n  value: x7Kp2Qm9Zt4Lw8aR\n",
        "{\"name\": \"API_KEY\", \"value\": \"x7Kp2Qm9Zt4Lw8aR\"}",
        "variable \"api_key\" {\n  type = string\n  default = \"x7Kp2Qm9Zt4Lw8aR\"\n}",
        "<add key=\"ApiKey\" value=\"x7Kp2Qm9Zt4Lw8aR\"/>",
        "api_key: |\n  x7Kp2Qm9Zt4Lw8aR\n",
        "api_key = SecretStr(\"x7Kp2Qm9Zt4Lw8aR\")",
        "String apiKey = new String(\"x7Kp2Qm9Zt4Lw8aR\");",
        "if token == \"x7Kp2Qm9Zt4Lw8aR\" {",
        "if (apiKey !== 'x7Kp2Qm9Zt4Lw8aR') {",
        "API_KEY ?= x7Kp2Qm9Zt4Lw8aR\n",
        "X-Api-Key: x7Kp2Qm9Zt4Lw8aR\n",
    ] {
        assert_eq!(found(text), ["x7Kp2Qm9Zt4Lw8aR"], "{text}");
    }
}

#[test]
fn a_key_in_the_form_of_a_uuid_is_found_under_the_name_of_a_key() {
    let uuid = "9b2f6c1e-7d43-4a58-8e0b-5f7c2d91a36e";
    assert_eq!(found(&format!("api_key = \"{uuid}\"")), [uuid]);
    assert!(found(&format!("secret = \"{uuid}\"")).is_empty());
    assert!(found("api_key = \"123e4567-e89b-12d3-a456-426614174000\"").is_empty());
}

#[test]
fn a_weak_password_is_found_beside_a_user_in_settings_only() {
    assert_eq!(found("user = app\npassword = hunter\n"), ["hunter"]);
    for text in [
        "password = hunter\n",
        "user = app\npassword = \"hunter\"\n",
        "user = app\npassword = $hunter\n",
        "user: string,\npassword: string\n",
        "user: LPWSTR,\n    password: LPWSTR,\n",
        "x?user=app&password=hunter",
    ] {
        assert!(found(text).is_empty(), "{text}: {:?}", found(text));
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
        "if password == \"open-sesame\" {",
        "if password == other.password2 {",
        "api_key = \"<your key>\"",
        "api_key = os.environ[\"API_KEY_2\"]",
        "token = tokenizer.next_token2()",
        "secret_name = \"x7Kp2Qm9Zt4Lw8aR\"",
        "passwordHash = \"x7Kp2Qm9Zt4Lw8aR\"",
        "checksum = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
        "token: 123e4567-e89b-12d3-a456-426614174000",
        "password = \"user.password1\"",
        "password: xxxxxxxxxxxx",
        "password = \"super$ecret\"",
        "ftp.password = \"anonymous@\"",
        "cache_key = \"x7Kp2Qm9Zt4Lw8aR\"",
        "- name: API_KEY_NAME\n  value: x7Kp2Qm9Zt4Lw8aR\n",
        "api_key: ded7db27a4558e2ea9bbf0bf36ae0e8521618f366c",
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
        "postgres://user:secret@192.0.2.7/db",
        "https://{user}:{pass}@host",
    ] {
        assert!(found(text).is_empty(), "{text}");
    }
}

#[test]
fn a_password_that_repeats_its_user_on_a_host_of_ones_own_is_a_word() {
    let is_word = |text: &str| {
        let place = text.find("://").unwrap();
        match at(text.as_bytes(), place) {
            Some(Found::Url { is_word, .. }) => is_word,
            other => panic!("expected a URL, got {other:?}"),
        }
    };
    assert!(is_word("db+mysql://airflow:airflow@localhost:3306/airflow"));
    assert!(is_word("postgresql://postgres:airflow@postgres/airflow"));
    assert!(!is_word("mysql://airflow:airflow@db.acme.test/airflow"));
    assert!(!is_word("mysql://airflow:q8Zr1kVb@localhost/airflow"));
}
