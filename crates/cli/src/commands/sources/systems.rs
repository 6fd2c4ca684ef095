//! `keyroll sources systems`: what can be read, how it is named, and what opens it.

use connectors::{Login, PortKind, Shown, TokenLogin, catalog};
use serde_json::json;

use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Cell, Column, Field, Fields, Gauge, List, Row, Sheet};
use crate::settings::Settings;

static SHEET: Sheet<'_> = Sheet {
    title: "Systems",
    columns: &[
        Column::text("named by"),
        Column::text("opened by"),
        Column::text("reads"),
    ],
    fields: &[
        Field::text("name"),
        Field::text("named_by"),
        Field::text("variable"),
        Field::text("secret"),
        Field::text("reads"),
        Field::list("needs"),
        Field::flag("can_revoke"),
    ],
    empty: "",
};

/// Lists every connector.
pub(super) fn list(settings: &Settings) -> Result<Outcome, Error> {
    let mut list = List::begin(settings, &SHEET)?;
    for connector in catalog() {
        let spec = connector.spec();
        let login = match spec.port {
            PortKind::Http(Login::Token(login)) => Some(login),
            _ => None,
        };
        let opened = match (login, spec.port) {
            (Some(login), _) => login.variable,
            (None, PortKind::Http(Login::Aws | Login::Azure)) => "the usual credential chain",
            (None, PortKind::Sql(_) | PortKind::Redis | PortKind::Ldap) => "its password",
            (None, PortKind::Spire) => "the server's socket, or an SVID",
            (None, PortKind::Http(Login::Kubernetes)) => "a kubeconfig, or the token of a pod",
            _ => "",
        };
        let fields = Fields::from_iter([
            ("name".to_owned(), json!(spec.name)),
            ("named_by".to_owned(), json!(spec.named)),
            (
                "variable".to_owned(),
                json!(login.map(|login| login.variable)),
            ),
            ("secret".to_owned(), json!(login.map(secret))),
            ("reads".to_owned(), json!(spec.reads)),
            ("needs".to_owned(), json!(spec.needs_to_discover)),
            (
                "can_revoke".to_owned(),
                json!(connector.revoker().is_some()),
            ),
        ]);
        list.row(&Row {
            cells: vec![
                Cell::new(spec.named),
                Cell::new(opened),
                Cell::new(spec.reads),
            ],
            fields,
            ..Row::default()
        })?;
    }
    list.end(
        &Gauge::none(),
        &["`keyroll sources add NAMED --password-stdin` seals what opens one".to_owned()],
    )?;
    Ok(Outcome::CLEAN)
}

/// What is written where a secret is asked for.
const fn secret(login: &TokenLogin) -> &'static str {
    match login.shown {
        Shown::Header { .. } => "a token",
        Shown::Basic => "user:password",
        Shown::Headers(_) => "tokens with a blank between them",
        Shown::Client { .. } => "id:secret of a client",
        Shown::Google { .. } => "a token, or the file of a login of Google",
    }
}
