//! Who asks, and what roles permit: one table.

use model::Tenant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whoever asks, as one of the ways in found them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose roll they may ask about; never taken from the request itself.
    pub tenant: Tenant,
    /// As evidence names them: `person:ann`.
    pub id: String,
    /// As a page greets them.
    pub name: String,
    /// Their roles.
    pub roles: Vec<Role>,
    /// How they came in.
    pub how: How,
    /// Their account; whoever comes over the loopback address has none.
    pub account: Option<String>,
    /// The session that they came in by.
    pub session: Option<String>,
    /// What a token is confined to, whatever the roles of its account permit.
    pub scope: Option<Vec<Permission>>,
}

/// How somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Signed in, with a cookie.
    Session,
    /// With a token of the interface.
    Token,
    /// From this machine, as long as no account has been made: **whoever can open a connection
    /// to the loopback address is taken for the machine's own user**, other users of the machine
    /// included.
    Loopback,
}

/// What somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads everything of the tenant.
    Viewer,
    /// Reads everything, and decides about what they own.
    Owner,
    /// Decides and acts.
    Operator,
    /// Reads, and approves what others planned.
    Approver,
    /// All of it, and accounts, tokens and settings.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 5] = [
        Self::Viewer,
        Self::Owner,
        Self::Operator,
        Self::Approver,
        Self::Admin,
    ];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Owner => "owner",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    /// The role of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }

    /// The one table of what a role permits.
    pub const fn permits(self) -> &'static [Permission] {
        use Permission::{Act, Administer, Approve, Decide, Own, Read};
        match self {
            Self::Viewer => &[Read],
            Self::Owner => &[Read, Own],
            Self::Operator => &[Read, Own, Decide, Act],
            Self::Approver => &[Read, Own, Approve],
            Self::Admin => &[Read, Own, Decide, Act, Approve, Administer],
        }
    }
}

/// What a route asks of whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// To read what is known.
    Read,
    /// To decide about a thing that one owns.
    Own,
    /// To decide about any thing: its owner, a mute.
    Decide,
    /// To change the world: plan, apply, run a source.
    Act,
    /// To approve what another planned.
    Approve,
    /// To administer accounts, tokens and settings.
    Administer,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Read,
        Self::Own,
        Self::Decide,
        Self::Act,
        Self::Approve,
        Self::Administer,
    ];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Own => "own",
            Self::Decide => "decide",
            Self::Act => "act",
            Self::Approve => "approve",
            Self::Administer => "administer",
        }
    }

    /// The permission of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

impl Caller {
    /// Whether one of the roles permits it, and the token that was shown as well.
    pub fn may(&self, permission: Permission) -> bool {
        let scope = self.scope.as_ref();
        scope.is_none_or(|scope| scope.contains(&permission)) && { self.roles.iter() }
            .any(|role| role.permits().contains(&permission))
    }

    /// All that the roles permit, in the order of the table.
    pub fn permissions(&self) -> Vec<Permission> {
        let all = Permission::ALL.into_iter();
        all.filter(|one| self.may(*one)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_role_permits_is_this_table_and_no_other() {
        let mut table = String::new();
        for role in Role::ALL {
            let words: Vec<_> = role.permits().iter().map(|one| one.as_str()).collect();
            table.push_str(&format!("{role:?}: {}\n", words.join(" ")));
        }
        assert_eq!(
            table,
            "Viewer: read\nOwner: read own\nOperator: read own decide act\n\
             Approver: read own approve\nAdmin: read own decide act approve administer\n"
        );
    }
}
