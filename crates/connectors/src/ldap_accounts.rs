//! Accounts of a directory over LDAP: those of programs, in Active Directory (Microsoft's and
//! Samba's) and in any other server (RFC 4519, RFC 2307, with password policies).
//!
//! Which of both it is, the root of the server tells. Persons have accounts there as well: they
//! are counted and set aside, unless something about one is a program's.

mod active;
mod ask;
mod login;
mod plain;
mod public;
mod root;
mod words;

use model::Scope;

use crate::{Connector, Context, PortKind, Refusal, Right, Spec, Stop};

pub(crate) use login::{kerberos_key, login_key};
use root::{Dialect, Root};

/// Accounts of a directory.
#[derive(Debug)]
pub(crate) struct LdapAccounts;

/// The provider in facts and logins.
pub(crate) const LDAP: &str = "ldap";

const ACTIVE_NEEDS: &str = "Active Directory: any user of the domain, with the right to read all properties of users, computers and managed service accounts";
const PLAIN_NEEDS: &str = "other servers: `read` on all entries and attributes below the base but userPassword, operational ones included";
const LIMIT_NEEDS: &str = "a size limit that lets all entries be read in pages (OpenLDAP: `limits dn.exact=\"…\" size.prtotal=unlimited`)";

static SPEC: Spec = Spec {
    name: "ldap_accounts",
    reads: "accounts of programs in Active Directory, Samba AD, OpenLDAP and other directories: what they may do, how they log in, their keys",
    named: "ldap://USER@HOST or ldaps://USER@HOST",
    target: "host:port or host:port/base",
    port: PortKind::Ldap,
    needs_to_discover: &[ACTIVE_NEEDS, PLAIN_NEEDS, LIMIT_NEEDS],
    needs_to_act: &[],
    scopes: &["accounts | groups | service_accounts | laps | server"],
};

impl Connector for LdapAccounts {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn identify(&self, cx: &mut Context<'_>) -> Result<String, Refusal> {
        // Asked once, so that whoever adds it learns what lacks.
        Root::read(cx)?;
        Ok(cx.target().to_owned())
    }

    fn rights(&self, cx: &mut Context<'_>) -> Result<Vec<Right>, Stop> {
        match Root::read(cx) {
            Ok(root) if root.dialect == Dialect::Active => active::rights(cx, &root),
            Ok(root) => plain::rights(cx, &root),
            Err(refusal) if refusal.stop => Err(Stop),
            Err(refusal) => Ok(vec![Right {
                name: "log in and read the root of the server".to_owned(),
                given: Some(false),
                told: refusal.to_string(),
            }]),
        }
    }

    fn discover(&self, cx: &mut Context<'_>) -> Result<(), Stop> {
        let root = match Root::read(cx) {
            Ok(root) => root,
            // A server that refuses the login is not tried again.
            Err(refusal) => return cx.gap(&Scope::whole(), &refusal, Some(PLAIN_NEEDS)),
        };
        match root.dialect {
            Dialect::Active => active::discover(cx, &root),
            Dialect::Plain => plain::discover(cx, &root),
        }
    }
}
