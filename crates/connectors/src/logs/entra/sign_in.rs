//! Sign-ins of service principals, managed identities and people.

use std::borrow::Cow;

use model::{Activity, AuditEvent, EventClass, EventOutcome};
use serde::Deserialize;

use super::super::lenient::{List, Object, Text};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SignIn<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    created_date_time: Text<'a>,
    #[serde(borrow)]
    app_id: Text<'a>,
    #[serde(borrow)]
    app_display_name: Text<'a>,
    #[serde(borrow)]
    service_principal_id: Text<'a>,
    #[serde(borrow)]
    service_principal_name: Text<'a>,
    #[serde(borrow)]
    service_principal_credential_key_id: Text<'a>,
    #[serde(borrow)]
    service_principal_credential_thumbprint: Text<'a>,
    #[serde(borrow)]
    sign_in_event_types: List<Text<'a>>,
    #[serde(borrow)]
    user_principal_name: Text<'a>,
    #[serde(borrow)]
    ip_address: Text<'a>,
    #[serde(borrow)]
    user_agent: Text<'a>,
    #[serde(borrow)]
    resource_display_name: Text<'a>,
    #[serde(borrow)]
    resource_tenant_id: Text<'a>,
    #[serde(borrow)]
    status: Object<Status<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status<'a> {
    #[serde(borrow)]
    error_code: Text<'a>,
}

impl<'a> SignIn<'a> {
    /// As an event in `tenant`, where the record says itself which that is.
    pub(super) fn event(self, tenant: Cow<'a, str>, part: Cow<'a, str>) -> AuditEvent<'a> {
        let tenant = if tenant.is_empty() {
            self.resource_tenant_id.0
        } else {
            tenant
        };
        let error = self.status.0.error_code.0;
        let let_in = matches!(&*error, "" | "0");
        let service = !self.service_principal_id.is_empty();
        let name = [self.service_principal_name, self.app_display_name];
        let name = name
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or_default();
        let actor = service.then(|| {
            super::service_principal(
                self.service_principal_id.0,
                self.app_id.as_str(),
                &tenant,
                name.0.clone(),
            )
        });
        let certificate = !self.service_principal_credential_thumbprint.is_empty();
        let credential = super::credential(
            self.service_principal_credential_key_id.0,
            if certificate {
                "x509_certificate"
            } else {
                "password"
            },
            Cow::Owned(format!("credential of {}", name.as_str())),
        );
        let people = self.user_principal_name.0;
        // The Graph says of each what kind it is; one of a person tells nothing of services.
        let kind = self
            .sign_in_event_types
            .0
            .into_iter()
            .next()
            .map(|kind| kind.0);
        AuditEvent {
            id: self.id.0,
            at: self.created_date_time.time(),
            log: super::SIGN_INS.log,
            part: if service {
                part
            } else {
                kind.unwrap_or_else(|| "people".into())
            },
            action: Cow::Borrowed("sign in"),
            class: EventClass::Authentication,
            activity: Activity::Other,
            outcome: if let_in {
                EventOutcome::Success
            } else {
                EventOutcome::NotLetIn
            },
            error: if let_in { Cow::default() } else { error },
            account: tenant,
            by: if service { name.0 } else { people },
            actor,
            credential: credential.filter(|_| service),
            address: self.ip_address.0,
            user_agent: self.user_agent.0,
            resource: self.resource_display_name.0,
            ..AuditEvent::default()
        }
    }
}
