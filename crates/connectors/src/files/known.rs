//! Where tools keep what they log in with: what the formats say of their places, and what is said
//! here besides.

use std::collections::{BTreeMap, BTreeSet};

use super::SPOOL;
use super::walk::{Walk, join};
use crate::formats::FORMATS;
use crate::{Entry, EntryKind, Stop};

/// Under a user's home. `*` stands for any one name, `**` for everything below.
const HOME: &[&str] = &[
    ".ssh/*",
    ".config/systemd/user/*",
    ".aws/credentials",
    ".aws/config",
    ".aws/sso/cache/*",
    ".aws/cli/cache/*",
    ".aws/login/cache/*",
    ".kube/config",
    ".docker/config.json",
    ".netrc",
    ".git-credentials",
    ".config/git/credentials",
    ".config/gh/hosts.yml",
    ".config/glab-cli/config.yml",
    ".npmrc",
    ".pypirc",
    ".cargo/credentials.toml",
    ".cargo/credentials",
    ".gem/credentials",
    ".m2/settings.xml",
    ".nuget/NuGet/NuGet.Config",
    ".config/NuGet/NuGet.Config",
    ".pgpass",
    ".env",
    ".config/gcloud/application_default_credentials.json",
    ".config/gcloud/legacy_credentials/*/adc.json",
    ".azure/msal_token_cache.json",
    ".azure/service_principal_entries.json",
    ".azure/accessTokens.json",
    ".microsoft/usersecrets/*/secrets.json",
    ".claude.json",
    ".claude/.credentials.json",
    ".claude/settings.json",
    ".cursor/mcp.json",
    ".codeium/windsurf/mcp_config.json",
    ".config/Claude/claude_desktop_config.json",
    ".codex/auth.json",
    ".gemini/oauth_creds.json",
    ".gemini/settings.json",
    ".config/doctl/config.yaml",
    ".fly/config.yml",
    ".local/share/com.vercel.cli/auth.json",
    ".config/netlify/config.json",
    ".wrangler/config/default.toml",
    ".config/linode-cli",
    ".config/hcloud/cli.toml",
    ".config/scw/config.yaml",
    ".oci/config",
    ".bluemix/config.json",
    ".aliyun/config.json",
    ".terraform.d/credentials.tfrc.json",
    ".vault-token",
    ".config/op/config",
    ".circleci/cli.yml",
    ".sentryclirc",
    ".snowflake/config.toml",
    ".snowflake/connections.toml",
    ".snowsql/config",
    ".databrickscfg",
    ".dbt/profiles.yml",
    ".dbt/dbt_cloud.yml",
    ".kaggle/kaggle.json",
    ".jfrog/jfrog-cli.conf.v6",
    ".config/helm/repositories.yaml",
    ".config/argocd/config",
    ".config/rclone/rclone.conf",
    ".s3cfg",
    ".boto",
    ".mc/config.json",
    ".ansible/galaxy_token",
    ".composer/auth.json",
    ".config/composer/auth.json",
    ".bundle/config",
    ".config/hub",
    ".config/Bitwarden CLI/data.json",
    ".config/stripe/config.toml",
    ".twilio-cli/config.json",
    ".config/ngrok/ngrok.yml",
    ".ngrok2/ngrok.yml",
    ".cloudflared/*",
    ".pulumi/credentials.json",
    ".huggingface/token",
    ".railway/config.json",
    ".config/configstore/firebase-tools.json",
    ".yarnrc.yml",
    ".config/pip/pip.conf",
    ".pip/pip.conf",
    ".config/pypoetry/auth.toml",
    ".local/share/uv/credentials/credentials.toml",
    ".gradle/gradle.properties",
    ".my.cnf",
    ".edgerc",
    ".config/atlascli/config.toml",
    ".config/github-copilot/hosts.json",
    ".config/github-copilot/apps.json",
    ".config/tea/config.yml",
    ".supabase/access-token",
    ".config/planetscale/access-token",
    ".config/neonctl/credentials.json",
    ".config/turso/settings.json",
    ".expo/state.json",
    ".config/gcloud/configurations/config_default",
    ".nomad-token",
    ".config/helm/registry/config.json",
    ".config/pnpm/rc",
    ".config/pnpm/auth.ini",
    ".mcp.json",
    ".qwen/settings.json",
    ".codex/config.toml",
    ".roo/mcp.json",
    ".junie/mcp/mcp.json",
    ".kiro/settings/mcp.json",
    ".aws/amazonq/mcp.json",
    ".aws/amazonq/cli-agents/*",
    ".copilot/mcp-config.json",
    ".lmstudio/mcp.json",
    ".continue/config.json",
    ".continue/config.yaml",
    ".continue/mcpServers/*",
    ".config/goose/config.yaml",
    ".config/goose/secrets.yaml",
    ".config/opencode/opencode.json",
    ".config/opencode/config.json",
    ".local/share/opencode/auth.json",
    ".config/crush/crush.json",
    ".config/zed/settings.json",
    ".config/Code/User/mcp.json",
    ".config/Code/User/settings.json",
    ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
    ".config/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json",
    ".config/Cursor/User/settings.json",
    "Library/Application Support/Claude/claude_desktop_config.json",
    "Library/Application Support/Code/User/mcp.json",
    "Library/Application Support/Code/User/settings.json",
    ".aider.conf.yml",
    ".cache/huggingface/token",
    ".cache/huggingface/stored_tokens",
    ".replicate/auth",
    ".config/replicate/token",
    ".config/openai/api_key",
    ".openai/api_key",
    ".openai_api_key",
    ".anthropic/api_key",
    ".config/anthropic/api_key",
    ".mistral/api_key",
    ".config/groq/api_key",
    ".together/api_key",
    ".config/openrouter/api_key",
    ".deepseek/api_key",
    ".xai/api_key",
    ".config/io.datasette.llm/keys.json",
    "Library/Application Support/io.datasette.llm/keys.json",
    ".command/config.json",
    ".cohere/config.json",
    ".grok/user-settings.json",
    ".config/aichat/config.yaml",
    ".config/mods/mods.yml",
    ".config/shell_gpt/.sgptrc",
    "/.cache/huggingface/token",
    "/.cache/huggingface/stored_tokens",
];

/// Under `/etc`.
const ETC: &[&str] = &[
    "environment",
    "crontab",
    "cron.d/*",
    "systemd/system/*",
    "systemd/system/*/*",
    "ssh/*",
    "ssl/private/**",
    "pki/tls/private/**",
    "letsencrypt/archive/**",
    "kubernetes/**",
    "rancher/k3s/k3s.yaml",
    "docker/certs.d/**",
    "wireguard/*",
    "gitlab-runner/config.toml",
    "pip.conf",
];

/// Where tables of cron lie that users make, by system.
const CRON: &[&str] = &["*", "crontabs/*", "tabs/*"];

/// Visits the known places under `home`, `/etc` and where cron keeps tables of users, and the
/// files in `places`.
///
/// What is not listed is not there, so a missing place costs no question and leaves no gap.
pub(super) fn visit(
    walk: &mut Walk<'_, '_>,
    home: Option<&str>,
    places: &[String],
) -> Result<(), Stop> {
    let mut visit = Visit {
        walk,
        listed: BTreeMap::new(),
        files: BTreeMap::new(),
        below: BTreeSet::new(),
    };
    if let Some(home) = home {
        visit.patterns(home, &with_told(HOME, "~/"))?;
    }
    visit.patterns("/etc", &with_told(ETC, "/etc/"))?;
    visit.patterns(SPOOL, &CRON.iter().copied().collect())?;
    let Visit { files, below, .. } = visit;
    for (dir, files) in files {
        walk.files(&dir, &files.into_iter().collect::<Vec<_>>())?;
    }
    for dir in below {
        walk.below(&dir)?;
    }
    for place in places {
        walk.place(place)?;
    }
    Ok(())
}

/// `patterns`, and the places below `base` of which the formats say that their files lie there.
fn with_told(patterns: &[&'static str], base: &str) -> BTreeSet<&'static str> {
    let places = FORMATS.iter().flat_map(|format| format.spec().places);
    let told = places.filter_map(|place| place.strip_prefix(base));
    patterns.iter().copied().chain(told).collect()
}

struct Visit<'w, 'cx, 'a> {
    walk: &'w mut Walk<'cx, 'a>,
    listed: BTreeMap<String, Vec<Entry>>,
    /// Files to read, by directory, so that neighbours are read together.
    files: BTreeMap<String, BTreeSet<Entry>>,
    /// Directories to search in full.
    below: BTreeSet<String>,
}

impl Visit<'_, '_, '_> {
    fn patterns(&mut self, base: &str, patterns: &BTreeSet<&str>) -> Result<(), Stop> {
        for pattern in patterns {
            let mut dirs = vec![base.to_owned()];
            for part in pattern.split('/') {
                dirs = self.step(&dirs, part)?;
            }
        }
        Ok(())
    }

    /// One component of a pattern further: the directories that match it. Files that match are
    /// kept to be read.
    fn step(&mut self, dirs: &[String], part: &str) -> Result<Vec<String>, Stop> {
        let mut next = Vec::new();
        for dir in dirs {
            if part == "**" {
                self.below.insert(dir.clone());
                continue;
            }
            for entry in self.list(dir)? {
                if part != "*" && entry.name != part {
                    continue;
                }
                let path = join(dir, &entry.name);
                match entry.kind {
                    EntryKind::Directory => next.push(path),
                    EntryKind::File => {
                        self.files.entry(dir.clone()).or_default().insert(entry);
                    }
                    // A known name that leads elsewhere may hold what we look for.
                    EntryKind::Link if part != "*" => self.walk.link(&path)?,
                    EntryKind::Other if part != "*" => self.walk.other(&path)?,
                    EntryKind::Link | EntryKind::Other => {}
                }
            }
        }
        Ok(next)
    }

    fn list(&mut self, dir: &str) -> Result<Vec<Entry>, Stop> {
        if let Some(entries) = self.listed.get(dir) {
            return Ok(entries.clone());
        }
        let entries = self.walk.list(dir)?.unwrap_or_default();
        self.listed.insert(dir.to_owned(), entries.clone());
        Ok(entries)
    }
}
