//! Which types of Terraform resources are identities, credentials, secrets, keys and grants.
//!
//! Providers name types after their nouns (`aws_iam_user`, `google_service_account_key`,
//! `azurerm_key_vault_secret`), so the last words of a type tell what it is, in providers that
//! nobody here has heard of as well. What would be told wrongly that way stands in [`EXACT`].

use model::{Class, CredentialType};

/// What a type is on the roll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Something that acts.
    Identity(Class),
    /// What an identity shows.
    Credential(CredentialType),
    /// A place for secrets, a key in a key service, a set of rights, a trust: what is reached.
    Resource,
    /// A right of an identity.
    Grant,
}

use What::{Credential, Grant, Identity, Resource};

/// Types whose last words would mislead.
const EXACT: &[(&str, Option<What>)] = &[
    (
        "aws_iam_access_key",
        Some(Credential(CredentialType::AwsAccessKey)),
    ),
    (
        "aws_iam_user_login_profile",
        Some(Credential(CredentialType::AwsConsolePassword)),
    ),
    (
        "aws_iam_service_specific_credential",
        Some(Credential(CredentialType::Password)),
    ),
    ("aws_iam_group", Some(Identity(Class::HumanOperated))),
    ("aws_iam_user", Some(Identity(Class::HumanOperated))),
    ("aws_iam_account_password_policy", None),
    ("aws_iam_policy", Some(Resource)),
    (
        "aws_lightsail_key_pair",
        Some(Credential(CredentialType::SshAuthorizedKey)),
    ),
    ("azurerm_role_definition", Some(Resource)),
    ("azurerm_key_vault", Some(Resource)),
    (
        "azurerm_key_vault_managed_hardware_security_module",
        Some(Resource),
    ),
    ("azurerm_storage_account", Some(Resource)),
    ("google_kms_key_ring", Some(Resource)),
    ("google_kms_crypto_key", Some(Resource)),
    (
        "google_apikeys_key",
        Some(Credential(CredentialType::ApiToken)),
    ),
    (
        "google_storage_hmac_key",
        Some(Credential(CredentialType::ApiToken)),
    ),
    (
        "google_service_account_id_token",
        Some(Credential(CredentialType::Jwt)),
    ),
    (
        "google_service_account_access_token",
        Some(Credential(CredentialType::ApiToken)),
    ),
    ("google_iam_workload_identity_pool", Some(Resource)),
    ("google_iam_workload_identity_pool_provider", Some(Resource)),
    ("kubernetes_role", Some(Resource)),
    ("kubernetes_cluster_role", Some(Resource)),
    (
        "random_password",
        Some(Credential(CredentialType::Password)),
    ),
    (
        "tls_private_key",
        Some(Credential(CredentialType::PrivateKey)),
    ),
    ("tls_public_key", None),
    ("tls_cert_request", None),
    ("vault_mount", Some(Resource)),
    ("vault_policy", Some(Resource)),
    (
        "vault_approle_auth_backend_login",
        Some(Credential(CredentialType::ApiToken)),
    ),
    ("vault_identity_entity", Some(Identity(Class::Workload))),
    ("vault_identity_group", Some(Identity(Class::Workload))),
    ("github_app_installation_repository", Some(Grant)),
    ("gitlab_project_variable", Some(Resource)),
    ("gitlab_group_variable", Some(Resource)),
    ("gitlab_instance_variable", Some(Resource)),
    ("aws_ssm_parameter", Some(Resource)),
    (
        "aws_key_pair",
        Some(Credential(CredentialType::SshAuthorizedKey)),
    ),
    ("aws_iam_openid_connect_provider", Some(Resource)),
    ("aws_iam_saml_provider", Some(Resource)),
    ("aws_rolesanywhere_trust_anchor", Some(Resource)),
    ("aws_rolesanywhere_profile", Some(Resource)),
];

/// Functions: code with variables of its own, which runs as somebody.
const FUNCTIONS: &[&str] = &[
    "aws_lambda_function",
    "google_cloudfunctions_function",
    "google_cloudfunctions2_function",
    "azurerm_function_app",
    "azurerm_linux_function_app",
    "azurerm_windows_function_app",
];

/// Last words, in the order in which they are tried.
const ENDS: &[(&str, What)] = &[
    ("_policy_attachment", Grant),
    ("_policy_attachments_exclusive", Grant),
    ("_policies_exclusive", Grant),
    ("_role_policy", Grant),
    ("_user_policy", Grant),
    ("_group_policy", Grant),
    ("_iam_member", Grant),
    ("_iam_binding", Grant),
    ("_iam_policy", Grant),
    ("_role_assignment", Grant),
    ("_app_role_assignment", Grant),
    ("_role_binding", Grant),
    ("_group_membership", Grant),
    ("_group_member", Grant),
    ("_user_group_membership", Grant),
    ("_key_policy", Grant),
    ("_secret_policy", Grant),
    ("_kms_grant", Grant),
    ("_grant", Grant),
    ("_grant_role", Grant),
    ("_access_policy", Grant),
    ("_federated_identity_credential", Resource),
    (
        "_service_account_key",
        Credential(CredentialType::PrivateKey),
    ),
    (
        "_service_account_token",
        Credential(CredentialType::ApiToken),
    ),
    ("_access_key", Credential(CredentialType::ApiToken)),
    ("_api_key", Credential(CredentialType::ApiToken)),
    ("_app_key", Credential(CredentialType::ApiToken)),
    ("_application_key", Credential(CredentialType::ApiToken)),
    ("_auth_key", Credential(CredentialType::ApiToken)),
    ("_tailnet_key", Credential(CredentialType::ApiToken)),
    ("_hmac_key", Credential(CredentialType::ApiToken)),
    ("_ingest_key", Credential(CredentialType::ApiToken)),
    ("_token", Credential(CredentialType::ApiToken)),
    ("_client_secret", Credential(CredentialType::ApiToken)),
    ("_secret_id", Credential(CredentialType::ApiToken)),
    ("_principal_password", Credential(CredentialType::ApiToken)),
    (
        "_application_password",
        Credential(CredentialType::ApiToken),
    ),
    (
        "_principal_certificate",
        Credential(CredentialType::X509Certificate),
    ),
    (
        "_application_certificate",
        Credential(CredentialType::X509Certificate),
    ),
    ("_credentials", Credential(CredentialType::ApiToken)),
    ("_credential", Credential(CredentialType::ApiToken)),
    ("_password", Credential(CredentialType::Password)),
    ("_private_key", Credential(CredentialType::PrivateKey)),
    ("_ssh_key", Credential(CredentialType::SshAuthorizedKey)),
    (
        "_ssh_public_key",
        Credential(CredentialType::SshAuthorizedKey),
    ),
    ("_deploy_key", Credential(CredentialType::SshAuthorizedKey)),
    ("_keypair", Credential(CredentialType::SshAuthorizedKey)),
    ("_key_pair", Credential(CredentialType::SshAuthorizedKey)),
    (
        "_signing_certificate",
        Credential(CredentialType::X509Certificate),
    ),
    (
        "_server_certificate",
        Credential(CredentialType::X509Certificate),
    ),
    ("_certificate", Credential(CredentialType::X509Certificate)),
    ("_cert", Credential(CredentialType::X509Certificate)),
    ("_custom_role", Resource),
    ("_service_account", Identity(Class::Workload)),
    ("_service_principal", Identity(Class::Workload)),
    ("_assigned_identity", Identity(Class::Workload)),
    ("_service_identity", Identity(Class::Workload)),
    ("_managed_identity", Identity(Class::Workload)),
    ("_instance_profile", Identity(Class::Workload)),
    ("_machine_user", Identity(Class::Workload)),
    ("_service_user", Identity(Class::Workload)),
    ("_application", Identity(Class::Integration)),
    ("_application_registration", Identity(Class::Integration)),
    ("_oauth_client", Identity(Class::Integration)),
    ("_openid_client", Identity(Class::Integration)),
    ("_saml_client", Identity(Class::Integration)),
    ("auth0_client", Identity(Class::Integration)),
    ("_app_oauth", Identity(Class::Integration)),
    ("_app_saml", Identity(Class::Integration)),
    ("_user_pool_client", Identity(Class::Integration)),
    ("_integration", Identity(Class::Integration)),
    ("_service_linked_role", Identity(Class::Workload)),
    ("_backend_role", Identity(Class::Workload)),
    ("_backend_user", Identity(Class::Workload)),
    ("_iam_role", Identity(Class::Workload)),
    ("_role", Identity(Class::Workload)),
    ("_user", Identity(Class::Workload)),
    ("_identity", Identity(Class::Workload)),
];

/// Words anywhere in a type that make it a place of secrets or keys.
const WITHIN: &[&str] = &[
    "_secret",
    "_kms_",
    "_key_vault_",
    "_crypto_key",
    "_key_ring",
    "_encryption_key",
    "_managed_key",
    "_transit_",
    "_ssm_parameter",
    "_identity_provider",
    "_oidc_provider",
    "_openid_connect_provider",
    "_trust_provider",
];

/// What a resource of type `type_` is on the roll; `None` where it is none of its business.
pub(super) fn what(type_: &str) -> Option<What> {
    let type_ = without_version(type_);
    if FUNCTIONS.contains(&type_) {
        return Some(Identity(Class::Workload));
    }
    if let Some((_, what)) = EXACT.iter().find(|(name, _)| *name == type_) {
        return *what;
    }
    if let Some((_, what)) = ENDS.iter().find(|(end, _)| type_.ends_with(end)) {
        return Some(*what);
    }
    let spaced = format!("{type_}_");
    WITHIN
        .iter()
        .any(|word| spaced.contains(word))
        .then_some(Resource)
}

/// Whether secrets in its attributes are handed to what it runs.
pub(super) fn is_function(type_: &str) -> bool {
    FUNCTIONS.contains(&type_)
}

/// A type without the version that some providers put behind it: `kubernetes_secret_v1`.
fn without_version(type_: &str) -> &str {
    match type_.rsplit_once("_v") {
        Some((base, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => base,
        _ => type_,
    }
}

/// The provider of a type, in our words.
pub(super) fn provider(type_: &str) -> &str {
    match type_.split('_').next().unwrap_or_default() {
        "azurerm" | "azuread" | "azapi" => "azure",
        "postgresql" => "postgres",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_a_type_tell_what_it_is() {
        let told = |type_: &str| {
            what(type_).map(|what| match what {
                Identity(_) => "identity",
                Credential(_) => "credential",
                Resource => "resource",
                Grant => "grant",
            })
        };
        for (type_, expected) in [
            ("aws_iam_user", Some("identity")),
            ("aws_iam_role", Some("identity")),
            ("aws_lambda_function", Some("identity")),
            ("aws_lambda_alias", None),
            ("google_service_account", Some("identity")),
            ("azurerm_user_assigned_identity", Some("identity")),
            ("azuread_service_principal", Some("identity")),
            ("kubernetes_service_account_v1", Some("identity")),
            ("vault_approle_auth_backend_role", Some("identity")),
            ("datadog_service_account", Some("identity")),
            ("aws_iam_access_key", Some("credential")),
            ("google_service_account_key", Some("credential")),
            (
                "vault_approle_auth_backend_role_secret_id",
                Some("credential"),
            ),
            ("datadog_api_key", Some("credential")),
            ("tls_private_key", Some("credential")),
            ("random_password", Some("credential")),
            ("aws_key_pair", Some("credential")),
            ("github_repository_deploy_key", Some("credential")),
            ("aws_secretsmanager_secret", Some("resource")),
            ("aws_secretsmanager_secret_version", Some("resource")),
            ("aws_ssm_parameter", Some("resource")),
            ("google_secret_manager_secret_version", Some("resource")),
            ("azurerm_key_vault_secret", Some("resource")),
            ("azurerm_key_vault_key", Some("resource")),
            ("kubernetes_secret_v1", Some("resource")),
            ("vault_kv_secret_v2", Some("resource")),
            ("github_actions_secret", Some("resource")),
            ("aws_kms_key", Some("resource")),
            ("aws_kms_alias", Some("resource")),
            ("google_kms_crypto_key", Some("resource")),
            ("vault_transit_secret_backend_key", Some("resource")),
            ("aws_iam_role_policy_attachment", Some("grant")),
            ("google_project_iam_member", Some("grant")),
            ("azurerm_role_assignment", Some("grant")),
            ("aws_s3_bucket", None),
            ("aws_security_group", None),
            ("aws_iam_account_password_policy", None),
        ] {
            assert_eq!(told(type_), expected, "{type_}");
        }
    }
}
