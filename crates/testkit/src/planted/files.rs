//! Files in which secrets are forgotten, in the words of several languages.

use crate::chance::Chance;

/// A way to write a name with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `.env`.
    Env,
    /// Python.
    Python,
    /// TypeScript.
    TypeScript,
    /// Go.
    Go,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
    /// Variables of Terraform.
    Terraform,
    /// A shell script.
    Shell,
    /// Java properties.
    Properties,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Env,
        Self::Python,
        Self::TypeScript,
        Self::Go,
        Self::Yaml,
        Self::Json,
        Self::Terraform,
        Self::Shell,
        Self::Properties,
    ];

    /// Where such a file lies below a service's directory.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Env => ".env.production",
            Self::Python => "config/settings.py",
            Self::TypeScript => "src/config.ts",
            Self::Go => "internal/config/config.go",
            Self::Yaml => "deploy/values.yaml",
            Self::Json => "config/default.json",
            Self::Terraform => "terraform/prod.tfvars",
            Self::Shell => "scripts/deploy.sh",
            Self::Properties => "src/main/resources/application.properties",
        }
    }

    /// A file that assigns `value` to `name`, and the line (from 1) on which the value begins.
    pub fn file(self, name: &str, value: &str, chance: &mut Chance) -> (String, usize) {
        let lower = name.to_ascii_lowercase();
        let dotted = lower.replace('_', ".");
        let camel = camel(&lower);
        // A value of several lines is written as its language writes it.
        let escaped = value.replace('\n', "\\n");
        let port = 3000 + chance.below(5000);
        let level = chance.one(&["info", "warn", "debug"]);
        let region = chance.one(&["eu-west-1", "us-east-1", "ap-south-1"]);
        let (before, line, after) = match self {
            Self::Env => (
                format!(
                    "# Settings of the service in production\nPORT={port}\nLOG_LEVEL={level}\n"
                ),
                format!("{name}=\"{escaped}\""),
                format!("REGION={region}\nFEATURE_CHECKOUT=on\n"),
            ),
            Self::Python => (
                format!(
                    "\"\"\"Settings of the service.\"\"\"\n\nimport os\n\nDEBUG = False\nPORT = {port}\nLOG_LEVEL = os.environ.get(\"LOG_LEVEL\", \"{level}\")\n\n"
                ),
                format!("{name} = \"{escaped}\""),
                format!(
                    "REGION = \"{region}\"\n\n\ndef address(host):\n    return f\"https://{{host}}:{{PORT}}\"\n"
                ),
            ),
            Self::TypeScript => (
                format!(
                    "import type {{ Config }} from \"./types\";\n\nexport const config: Config = {{\n  port: {port},\n  logLevel: \"{level}\",\n"
                ),
                format!("  {camel}: \"{escaped}\","),
                format!("  region: \"{region}\",\n}};\n"),
            ),
            Self::Go => (
                format!(
                    "// Package config holds what the service is started with.\npackage config\n\nconst (\n\tport     = {port}\n\tlogLevel = \"{level}\"\n"
                ),
                format!("\t{camel} = \"{escaped}\""),
                format!("\tregion = \"{region}\"\n)\n"),
            ),
            Self::Yaml => (
                format!("replicas: 3\nservice:\n  port: {port}\nlogLevel: {level}\nenv:\n"),
                format!("  {name}: \"{escaped}\""),
                format!("  REGION: {region}\nresources:\n  limits:\n    memory: 512Mi\n"),
            ),
            Self::Json => (
                format!("{{\n  \"port\": {port},\n  \"logLevel\": \"{level}\",\n"),
                format!("  \"{camel}\": \"{escaped}\","),
                format!("  \"region\": \"{region}\"\n}}\n"),
            ),
            Self::Terraform => (
                format!("region    = \"{region}\"\nport      = {port}\nlog_level = \"{level}\"\n"),
                format!("{lower} = \"{escaped}\""),
                "replicas  = 3\n".to_owned(),
            ),
            Self::Shell => (
                format!("#!/bin/sh\nset -eu\n\nexport PORT={port}\nexport LOG_LEVEL={level}\n"),
                format!("export {name}=\"{escaped}\""),
                format!("export REGION={region}\n\nexec ./serve\n"),
            ),
            Self::Properties => (
                format!("server.port={port}\nlogging.level.root={level}\n"),
                format!("{dotted}={escaped}"),
                format!("cloud.region={region}\nspring.main.banner-mode=off\n"),
            ),
        };
        let at = before.lines().count() + 1;
        (format!("{before}{line}\n{after}"), at)
    }
}

/// `stripe_secret_key` as `stripeSecretKey`.
fn camel(lower: &str) -> String {
    let mut words = lower.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(rest);
    }
    name
}
