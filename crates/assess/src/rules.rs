//! The list of rules, in the order of the manual.

mod across_environments;
mod agent_unasked;
mod cloned_identity;
mod cluster;
mod cluster_takeover;
mod dangling_account;
mod dead_entry;
mod default_account;
mod expired;
mod expiring;
mod idle_account;
mod joined_by_token;
mod leaked_live;
mod long_lived;
mod long_svid;
mod never_rotated;
mod new_credential;
mod new_secret;
mod no_password;
mod node_credentials;
mod not_proven_gone;
mod open_secret;
mod orphaned;
mod password_optional;
mod pipeline_too_open;
mod preauthentication_off;
mod privileged_key;
mod refused_merge;
mod secret_in_image;
mod secret_in_text;
mod secret_in_variable;
mod several_vaults;
mod shadow;
mod shared;
mod sighted;
mod static_login;
mod third_party_grant;
mod token_mounted;
mod trust_too_wide;
mod two_active_keys;
mod unconstrained_delegation;
mod unowned;
mod unused;
mod weak_key;
mod weak_ticket_encryption;
mod wide_selectors;

use crate::Rule;

/// Every rule, in the order of the manual.
pub static RULES: &[&Rule] = &[
    &open_secret::RULE,
    &new_secret::RULE,
    &leaked_live::RULE,
    &not_proven_gone::RULE,
    &secret_in_text::RULE,
    &secret_in_image::RULE,
    &secret_in_variable::RULE,
    &privileged_key::RULE,
    &no_password::RULE,
    &cluster_takeover::RULE,
    &node_credentials::RULE,
    &default_account::RULE,
    &token_mounted::RULE,
    &trust_too_wide::RULE,
    &wide_selectors::RULE,
    &preauthentication_off::RULE,
    &unconstrained_delegation::RULE,
    &weak_ticket_encryption::RULE,
    &password_optional::RULE,
    &joined_by_token::RULE,
    &third_party_grant::RULE,
    &pipeline_too_open::RULE,
    &agent_unasked::RULE,
    &shadow::RULE,
    &new_credential::RULE,
    &static_login::RULE,
    &expired::RULE,
    &expiring::RULE,
    &never_rotated::RULE,
    &long_lived::RULE,
    &long_svid::RULE,
    &two_active_keys::RULE,
    &unused::RULE,
    &idle_account::RULE,
    &dangling_account::RULE,
    &dead_entry::RULE,
    &shared::RULE,
    &several_vaults::RULE,
    &across_environments::RULE,
    &cloned_identity::RULE,
    &weak_key::RULE,
    &orphaned::RULE,
    &unowned::RULE,
    &refused_merge::RULE,
];
