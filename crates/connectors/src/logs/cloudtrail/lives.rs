//! Whose beginning, change or end an event of IAM is.

use std::borrow::Cow;

use model::{Kind, Life, Party, Turn};
use serde::Deserialize;

use super::super::lenient::{Object, Text};
use super::{access_key, handle, principal};
use crate::aws_key_id::is_aws_key_id;

/// What an event about identities says of them; read only where it is one.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Details<'a> {
    #[serde(borrow)]
    request_parameters: Object<Named<'a>>,
    #[serde(borrow)]
    pub(super) response_elements: Object<Answer<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    #[serde(borrow, rename = "ConsoleLogin")]
    pub(super) console_login: Text<'a>,
    #[serde(borrow)]
    user: Object<Named<'a>>,
    #[serde(borrow)]
    role: Object<Named<'a>>,
    #[serde(borrow)]
    access_key: Object<Named<'a>>,
    #[serde(borrow)]
    service_specific_credential: Object<Named<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Named<'a> {
    #[serde(borrow)]
    user_name: Text<'a>,
    #[serde(borrow)]
    user_id: Text<'a>,
    #[serde(borrow)]
    role_name: Text<'a>,
    #[serde(borrow)]
    role_id: Text<'a>,
    #[serde(borrow)]
    arn: Text<'a>,
    #[serde(borrow)]
    access_key_id: Text<'a>,
    #[serde(borrow)]
    service_specific_credential_id: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
}

/// What is asked for and told in an account by a caller.
struct Call<'c, 'a> {
    account: &'c str,
    caller: Option<&'c Party<'a>>,
}

/// What an event of this name says.
pub(super) fn lives<'a>(
    name: &str,
    account: &str,
    details: Details<'a>,
    caller: Option<&Party<'a>>,
) -> Vec<Life<'a>> {
    let (asked, told) = (details.request_parameters.0, details.response_elements.0);
    let call = Call { account, caller };
    let switched = match asked.status.as_str() {
        "Inactive" => Turn::Off,
        _ => Turn::On,
    };
    let life = match name {
        "CreateUser" => identity(call.user(&told.user), Turn::Born),
        "DeleteUser" => identity(call.user(&asked), Turn::Ended),
        "CreateRole" | "CreateServiceLinkedRole" => identity(call.role(&told.role), Turn::Born),
        "DeleteRole" => identity(call.role(&asked), Turn::Ended),
        "CreateAccessKey" => call.key(&told.access_key, Turn::Born),
        "UpdateAccessKey" => call.key(&asked, switched),
        "DeleteAccessKey" => call.key(&asked, Turn::Ended),
        "CreateServiceSpecificCredential" => {
            call.service(&told.service_specific_credential, Turn::Born)
        }
        "UpdateServiceSpecificCredential" => call.service(&asked, switched),
        "DeleteServiceSpecificCredential" => call.service(&asked, Turn::Ended),
        _ if name.contains("RolePolicy") || name == "UpdateRole" => {
            identity(call.role(&asked), Turn::Changed)
        }
        _ if name.contains("UserPolicy")
            || name.contains("LoginProfile")
            || matches!(
                name,
                "UpdateUser" | "AddUserToGroup" | "RemoveUserFromGroup"
            ) =>
        {
            identity(call.user(&asked), Turn::Changed)
        }
        _ => None,
    };
    life.into_iter().collect()
}

fn identity(of: Option<Party<'_>>, turn: Turn) -> Option<Life<'_>> {
    of.map(|of| life(Kind::Identity, of, turn, None))
}

const fn life<'a>(kind: Kind, of: Party<'a>, turn: Turn, holder: Option<Party<'a>>) -> Life<'a> {
    Life {
        kind,
        of,
        turn,
        holder,
        expires: None,
    }
}

impl<'a> Call<'_, 'a> {
    fn user(&self, named: &Named<'a>) -> Option<Party<'a>> {
        let id = named.user_id.0.clone();
        let party = principal(id, &named.arn, &named.user_name, self.account);
        (!party.handle.is_empty() || !party.native.is_empty()).then_some(Party {
            type_: "aws_iam_user",
            ..party
        })
    }

    fn role(&self, named: &Named<'a>) -> Option<Party<'a>> {
        let arn = if named.arn.is_empty() {
            let arn = handle("role", self.account, named.role_name.as_str());
            Text(Cow::Owned(arn))
        } else {
            named.arn.clone()
        };
        let id = named.role_id.0.clone();
        let party = principal(id, &arn, &named.role_name, self.account);
        (!named.role_name.is_empty()).then_some(party)
    }

    /// Whose credential it is: a call that names no user is about the caller's own.
    fn holder(&self, named: &Named<'a>) -> Option<Party<'a>> {
        let own = || self.caller.filter(|caller| caller.type_ == "aws_iam_user");
        self.user(named).or_else(|| own().cloned())
    }

    fn key(&self, named: &Named<'a>, turn: Turn) -> Option<Life<'a>> {
        let id = &named.access_key_id;
        let ours = is_aws_key_id(id.as_str());
        ours.then(|| life(Kind::Credential, access_key(id), turn, self.holder(named)))
    }

    fn service(&self, named: &Named<'a>, turn: Turn) -> Option<Life<'a>> {
        let id = &named.service_specific_credential_id;
        let of = Party {
            type_: "api_token",
            provider: "aws",
            native: id.0.clone(),
            name: id.0.clone(),
            ..Party::default()
        };
        (!id.is_empty()).then(|| life(Kind::Credential, of, turn, self.holder(named)))
    }
}
