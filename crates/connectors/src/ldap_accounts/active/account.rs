//! One account of an Active Directory, as its entry tells it.

use crate::ldap_accounts::words;
use crate::port::ldap::Entry;

pub(super) const READERS: &str = "msDS-GroupMSAMembership";
pub(super) const ACTORS: &str = "msDS-AllowedToActOnBehalfOfOtherIdentity";

/// What is asked of every account.
pub(super) const ATTRIBUTES: &[&str] = &[
    "objectGUID",
    "objectSid",
    "objectClass",
    "sAMAccountName",
    "userPrincipalName",
    "servicePrincipalName",
    "userAccountControl",
    "pwdLastSet",
    "lastLogonTimestamp",
    "accountExpires",
    "whenCreated",
    "adminCount",
    "memberOf",
    "primaryGroupID",
    "msDS-SupportedEncryptionTypes",
    "msDS-AllowedToDelegateTo",
    ACTORS,
    READERS,
    "msDS-ManagedPasswordInterval",
    "msDS-KeyVersionNumber",
    "msDS-KeyCredentialLink",
    "userCertificate",
    "altSecurityIdentities",
    "managedBy",
    "manager",
    "description",
    "operatingSystem",
    "ms-Mcs-AdmPwdExpirationTime",
    "msLAPS-PasswordExpirationTime",
];

/// Bits of userAccountControl ([MS-ADTS] section 2.2.16).
pub(super) const OFF: u32 = 0x2;
pub(super) const NO_PASSWORD_NEEDED: u32 = 0x20;
const REVERSIBLE: u32 = 0x80;
const TRUST: u32 = 0x800;
const SERVER_TRUST: u32 = 0x2000;
pub(super) const NEVER_EXPIRES: u32 = 0x1_0000;
pub(super) const UNCONSTRAINED: u32 = 0x8_0000;
pub(super) const DES_ONLY: u32 = 0x20_0000;
pub(super) const NO_PREAUTHENTICATION: u32 = 0x40_0000;
pub(super) const ANY_PROTOCOL: u32 = 0x100_0000;
const READ_ONLY_CONTROLLER: u32 = 0x400_0000;

/// Bits that programs' accounts have, in words.
const SIGNS: &[(u32, &str)] = &[
    (NEVER_EXPIRES, "its password never expires"),
    (NO_PASSWORD_NEEDED, "it may have no password"),
    (REVERSIBLE, "its password is kept so that it can be read"),
    (UNCONSTRAINED, "it is trusted for delegation"),
    (ANY_PROTOCOL, "it may change protocols for delegation"),
    (
        NO_PREAUTHENTICATION,
        "it logs in without pre-authentication",
    ),
];

/// What kind of account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    User,
    Computer,
    Controller,
    Managed,
    GroupManaged,
    /// The account whose key signs every ticket.
    TicketGranting,
    /// Of another domain that is trusted.
    Trust,
}

/// One account.
#[derive(Debug)]
pub(super) struct Account<'a> {
    pub(super) entry: &'a Entry,
    pub(super) guid: String,
    pub(super) sid: String,
    pub(super) name: &'a str,
    pub(super) bits: u32,
    pub(super) sort: Sort,
    /// Why it may be a program's.
    pub(super) signs: Vec<&'static str>,
}

impl<'a> Account<'a> {
    /// Reads an entry; `None` where it does not show what every account has.
    pub(super) fn read(entry: &'a Entry) -> Option<Self> {
        let bits = entry.text("userAccountControl")?.parse::<i64>().ok()?;
        let mut account = Self {
            entry,
            guid: words::guid(&entry.all("objectGUID").first()?.0)?,
            sid: words::sid(&entry.all("objectSid").first()?.0)?,
            name: entry.text("sAMAccountName")?,
            // The highest bits are written as a negative number.
            bits: u32::try_from(bits & 0xffff_ffff).unwrap_or(0),
            sort: Sort::User,
            signs: Vec::new(),
        };
        account.sort = account.sort();
        account.signs = account.signs();
        Some(account)
    }

    pub(super) fn has(&self, bit: u32) -> bool {
        self.bits & bit != 0
    }

    /// The last part of its security identifier.
    pub(super) fn rid(&self) -> &str {
        self.sid.rsplit('-').next().unwrap_or_default()
    }

    fn sort(&self) -> Sort {
        let is = |class: &str| {
            let mut all = self.entry.texts("objectClass");
            all.any(|one| one.eq_ignore_ascii_case(class))
        };
        if is("msDS-GroupManagedServiceAccount") || is("msDS-DelegatedManagedServiceAccount") {
            Sort::GroupManaged
        } else if is("msDS-ManagedServiceAccount") {
            Sort::Managed
        } else if self.has(SERVER_TRUST) || self.has(READ_ONLY_CONTROLLER) {
            Sort::Controller
        } else if self.has(TRUST) {
            Sort::Trust
        } else if is("computer") {
            Sort::Computer
        } else if self.rid() == "502" || self.name.starts_with("krbtgt_") {
            Sort::TicketGranting
        } else {
            Sort::User
        }
    }

    fn signs(&self) -> Vec<&'static str> {
        let mut signs = Vec::new();
        if self.sort != Sort::User {
            signs.push("its kind");
        }
        for (attribute, sign) in [
            ("servicePrincipalName", "it has a service principal name"),
            (
                "msDS-AllowedToDelegateTo",
                "it is trusted for delegation to services",
            ),
            (ACTORS, "others may act to it as anybody"),
            (
                "altSecurityIdentities",
                "a certificate or another realm is mapped to it",
            ),
        ] {
            if !self.entry.all(attribute).is_empty() {
                signs.push(sign);
            }
        }
        let bits = SIGNS.iter().filter(|(bit, _)| self.has(*bit));
        signs.extend(bits.map(|(_, sign)| *sign));
        if self.entry.text("adminCount") == Some("1") {
            signs.push("it is or was in a protected group");
        }
        if words::sounds_like_a_program(self.name, &self.entry.name) {
            signs.push("its name or unit sounds like a program's");
        }
        signs
    }
}

/// Whether a class is one of managed service accounts.
pub(super) fn is_managed(class: &str) -> bool {
    class.eq_ignore_ascii_case("msDS-GroupManagedServiceAccount")
}
