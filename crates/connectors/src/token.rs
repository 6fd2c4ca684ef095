//! Tokens that say by their form whose they are; the forms are published by their providers.

/// First letters, provider.
const FORMS: &[(&str, &str)] = &[
    ("ghp_", "github"),
    ("gho_", "github"),
    ("ghu_", "github"),
    ("ghs_", "github"),
    ("ghr_", "github"),
    ("github_pat_", "github"),
    ("glpat-", "gitlab"),
    ("gldt-", "gitlab"),
    ("glrt-", "gitlab"),
    ("npm_", "npm"),
    ("pypi-", "pypi"),
    ("cio", "crates_io"),
    ("rubygems_", "rubygems"),
    ("dckr_pat_", "docker"),
    ("sk_live_", "stripe"),
    ("rk_live_", "stripe"),
    ("sk_test_", "stripe"),
    ("xoxb-", "slack"),
    ("xoxp-", "slack"),
    ("xapp-", "slack"),
    ("sk-ant-", "anthropic"),
    ("sk-proj-", "openai"),
    ("AIza", "google"),
    ("ya29.", "google"),
    ("GOCSPX-", "google"),
    ("hf_", "huggingface"),
    ("SG.", "sendgrid"),
    ("dop_v1_", "digitalocean"),
    ("hvs.", "vault"),
    ("hvb.", "vault"),
    ("shpat_", "shopify"),
    ("dapi", "databricks"),
    ("ATATT3", "atlassian"),
    ("lin_api_", "linear"),
    ("sntryu_", "sentry"),
    ("sntrys_", "sentry"),
    ("figd_", "figma"),
    ("ntn_", "notion"),
    ("tvly-", "tavily"),
    ("pplx-", "perplexity"),
    ("gsk_", "groq"),
    ("xai-", "xai"),
    ("r8_", "replicate"),
    ("nvapi-", "nvidia"),
    ("sbp_", "supabase"),
    ("PMAK-", "postman"),
    ("glsa_", "grafana"),
    ("NRAK-", "newrelic"),
    ("lsv2_pt_", "langsmith"),
    ("pcsk_", "pinecone"),
];

/// Whose token `text` is by its form: a known beginning, then at least sixteen plain letters.
pub(crate) fn provider_of(text: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=');
    FORMS.iter().find_map(|(start, provider)| {
        let rest = text.strip_prefix(start)?;
        (rest.len() >= 16 && rest.chars().all(plain)).then_some(*provider)
    })
}
