//! GitLab: access tokens of projects.
//!
//! Source: GitLab REST API, "Project access tokens".

use model::{
    Attribute, CredentialType, Kind, Observation, Reason, Relation, Scope, Timestamp, Told,
};
use serde::Deserialize;

use crate::{Connector, Context, Login, PortKind, Refusal, Request, Shown, Spec, Stop, TokenLogin};

/// Access tokens of GitLab projects.
#[derive(Debug)]
pub(crate) struct GitlabProjectTokens;

/// At 100 a page, more than any project has.
const PAGES_MAX: u32 = 100;

static LOGIN: TokenLogin = TokenLogin {
    form: "gitlab:HOST/PROJECT",
    host: None,
    shown: Shown::Header {
        header: "PRIVATE-TOKEN",
        before: "",
    },
    variable: "GITLAB_TOKEN",
    headers: &[],
    per_second: TokenLogin::PER_SECOND,
};

static SPEC: Spec = Spec {
    name: "gitlab_project_tokens",
    reads: "access tokens of one project, and the bot users behind them",
    named: LOGIN.form,
    target: "host/project id",
    port: PortKind::Http(Login::Token(&LOGIN)),
    needs_to_discover: &["a token with the scope read_api and the role Maintainer"],
    needs_to_act: &[],
    scopes: &["tokens"],
};

/// One token, as GitLab lists it. The value is shown once, when it is made, and never here.
#[derive(Deserialize)]
struct Token {
    id: u64,
    name: String,
    revoked: bool,
    user_id: u64,
    created_at: Timestamp,
    /// The day at whose beginning, in UTC, it stops working; none for one of an old GitLab.
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    scopes: Vec<String>,
}

impl Connector for GitlabProjectTokens {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    /// The project is what it is called; asked once, so that whoever adds it learns what lacks.
    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        read(cx, 1)?;
        Ok(cx.target().to_owned())
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let scope = Scope::of("tokens");
        for page in 1..=PAGES_MAX {
            match read(cx, page) {
                Ok(tokens) if tokens.is_empty() => return Ok(()),
                Ok(tokens) => tokens
                    .into_iter()
                    .for_each(|token| observe(cx, &scope, token)),
                // Whatever was not read is a gap at its scope: nothing there is called missing.
                Err(refusal) => return cx.gap(&scope, &refusal, Some("read_api")),
            }
        }
        let endless = Refusal::new(Reason::Unsupported, format!("more than {PAGES_MAX} pages"));
        cx.gap(&scope, &endless, None)
    }
}

fn read(cx: &mut Context<'_>, page: u32) -> Result<Vec<Token>, Refusal> {
    // Its number or its path, `group/project`: what is foreign in a segment is escaped.
    let (_, project) = cx.target().split_once('/').unwrap_or_default();
    let project = project.to_owned();
    let request = Request::get(&["api", "v4", "projects", &project, "access_tokens"])
        .parameter("page", &page.to_string())
        .parameter("per_page", "100");
    let response = cx.http(request)?;
    let reason = match response.status {
        200 => {
            // The parser's own message could repeat a part of the answer.
            return serde_json::from_str(&response.body).map_err(|_| {
                Refusal::new(
                    Reason::Failed,
                    "expected a list of tokens, got something else",
                )
            });
        }
        401 | 403 => Reason::Denied,
        429 => Reason::Throttled,
        _ => Reason::Failed,
    };
    Err(Refusal::new(reason, "GitLab did not list the tokens").code(response.status.to_string()))
}

fn observe(cx: &mut Context<'_>, scope: &Scope, token: Token) {
    let user = format!("user/{}", token.user_id);
    // Each token has a bot user of its own, whose login name says less than the token's.
    cx.observe(
        Observation::new(Kind::Identity, &user, scope)
            .is(Attribute::TYPE, "gitlab_bot")
            .is(Attribute::NAME, token.name.clone()),
    );
    cx.observe(
        Observation::new(Kind::Credential, format!("token/{}", token.id), scope)
            .is(Attribute::TYPE, CredentialType::ApiToken)
            .is(Attribute::PROVIDER, "gitlab")
            .is(Attribute::NAME, token.name)
            .is(Attribute::CREATED_AT, token.created_at)
            .told(Attribute::EXPIRES_AT, Told::or_absent(token.expires_at))
            .is(
                Attribute::STATUS,
                if token.revoked { "inactive" } else { "active" },
            )
            .is(Attribute::RIGHTS, token.scopes)
            // GitLab states "never"; a source without the field would be `Told::CannotTell`.
            .told(Attribute::LAST_USED_AT, Told::or_absent(token.last_used_at))
            .link(Relation::Holder, Kind::Identity, &user),
    );
}
