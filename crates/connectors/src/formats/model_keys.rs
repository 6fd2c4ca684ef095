//! Keys of model providers where their tools keep them.
//!
//! Read are files of one token (Hugging Face, Replicate) and tables of keys by provider (llm,
//! Cohere, Groq, Ollama's and other tools' configurations). `provider` is told by the place.

use model::{Attribute, Class, CredentialType};
use serde_json::Value;

use super::text::{ini, is_placeholder, secret, unquoted};
use super::{FileAt, Format, FormatSpec, Found, Seen, tree};

/// A longer text is no token.
const TOKEN_BYTES_MAX: usize = 4096;

/// Files that hold one token and nothing else: the end of the path, the provider.
const TOKENS: &[(&str, &str)] = &[
    ("/.huggingface/token", "huggingface"),
    ("/.cache/huggingface/token", "huggingface"),
    ("/.config/huggingface/token", "huggingface"),
    ("/.replicate/auth", "replicate"),
    ("/.config/replicate/token", "replicate"),
    ("/.config/openai/api_key", "openai"),
    ("/.openai/api_key", "openai"),
    ("/.openai_api_key", "openai"),
    ("/.config/openai.token", "openai"),
    ("/.anthropic/api_key", "anthropic"),
    ("/.config/anthropic/api_key", "anthropic"),
    ("/.mistral/api_key", "mistral"),
    ("/.config/groq/api_key", "groq"),
    ("/.together/api_key", "together"),
    ("/.config/openrouter/api_key", "openrouter"),
    ("/.deepseek/api_key", "deepseek"),
    ("/.xai/api_key", "xai"),
    ("/.config/cohere/api_key", "cohere"),
];
/// Files of sections or of single assignments.
const LINES: &[(&str, &str)] = &[
    ("/.cache/huggingface/stored_tokens", "huggingface"),
    ("/shell_gpt/.sgptrc", ""),
];
/// Tables whose texts are keys: the end of the path, the provider where there is one.
const TABLES: &[(&str, &str)] = &[
    ("/io.datasette.llm/keys.json", ""),
    ("/.command/config.json", "cohere"),
    ("/.cohere/config.json", "cohere"),
    ("/.config/cohere/config.json", "cohere"),
    ("/.grok/user-settings.json", "xai"),
    ("/.config/shell_gpt/config.json", ""),
    ("/.config/aichat/config.yaml", ""),
    ("/aichat/config.yaml", ""),
    ("/.config/mods/mods.yml", ""),
    ("/mods/mods.yml", ""),
    ("/.config/tgpt/config.json", ""),
    ("/.wandb/settings.json", "wandb"),
];

pub(super) struct ModelKeys;

impl Format for ModelKeys {
    fn spec(&self) -> &'static FormatSpec {
        &FormatSpec {
            name: "model_keys",
            reads: "keys of model providers where their tools keep them",
            places: &[
                "~/.cache/huggingface/token",
                "~/.config/io.datasette.llm/keys.json",
                "~/.config/openai/api_key",
                "~/.config/aichat/config.yaml",
            ],
        }
    }

    fn recognises(&self, path: &str, _name: &str) -> bool {
        [TOKENS, LINES, TABLES]
            .iter()
            .any(|list| provider(list, path).is_some())
    }

    fn read(&self, file: &FileAt<'_>, seen: &mut Seen) {
        if let Some(of) = provider(TOKENS, file.path) {
            let text = file.text(seen).trim();
            let one_word = !text.is_empty() && !text.contains(char::is_whitespace);
            if one_word && text.len() <= TOKEN_BYTES_MAX && !is_placeholder(text) {
                seen.found(key("token", text, of));
            }
            return;
        }
        if let Some(of) = provider(LINES, file.path) {
            for section in ini(file.text(seen)) {
                for (name, value, line) in &section.entries {
                    let value = unquoted(value);
                    if is_key(name) && value.len() >= 8 && !is_placeholder(value) {
                        let field = format!("{} {name}", section.name);
                        seen.found(key(field.trim(), value, of).line(*line));
                    }
                }
            }
            return;
        }
        let value = if file.name().ends_with(".json") {
            tree::json_with_comments(file, seen)
        } else {
            tree::yaml(file, seen)
        };
        let (Some(value), Some(of)) = (value, provider(TABLES, file.path)) else {
            return;
        };
        if file.name() == "keys.json" {
            // Each key by the name of its provider, beside a note to the reader.
            for (name, text) in tree::pairs(&value, &[]) {
                if !name.starts_with("//") && !is_placeholder(text) && text.len() >= 8 {
                    seen.found(key(name, text, name));
                }
            }
            return;
        }
        table("", of, &value, 0, seen);
    }
}

/// Keys in a table, which stands at `way`, and below.
fn table(way: &str, of: &str, value: &Value, depth: usize, seen: &mut Seen) {
    /// Tables nested deeper than this hold no configuration.
    const DEPTH_MAX: usize = 8;
    if depth > DEPTH_MAX {
        return;
    }
    let named = ["type", "name", "provider"];
    let named = named.iter().find_map(|name| tree::text(value, &[name]));
    let of = if of.is_empty() {
        named.unwrap_or("")
    } else {
        of
    };
    for (name, inner) in tree::members(value, &[]) {
        let at = if way.is_empty() {
            name.to_owned()
        } else {
            model::shorten(&format!("{way}.{name}"), 100)
        };
        match inner {
            Value::String(text) if is_key(name) && text.len() >= 8 && !is_placeholder(text) => {
                seen.found(key(&at, text, of));
            }
            Value::Object(_) | Value::Array(_) => table(&at, of, inner, depth + 1, seen),
            _ => {}
        }
    }
    for (n, inner) in (1..).zip(value.as_array().into_iter().flatten()) {
        table(&format!("{way}.{n}"), of, inner, depth + 1, seen);
    }
}

fn is_key(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['-', '_'], "");
    name.ends_with("apikey") || name.ends_with("token") || name == "key"
}

fn key(field: &str, text: &str, of: &str) -> Found {
    Found::secret(CredentialType::ApiToken, field, secret(text))
        .is(
            Attribute::PROVIDER,
            crate::token::provider_of(text).unwrap_or(of),
        )
        .is(Attribute::CLASS, Class::Agentic)
        .is(Attribute::PURPOSE, "calls a model provider")
}

fn provider(of: &[(&str, &'static str)], path: &str) -> Option<&'static str> {
    let found = of.iter().find(|(end, _)| path.ends_with(end));
    found.map(|(_, provider)| *provider)
}
