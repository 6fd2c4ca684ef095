//! Which roles let their bearer do everything, or make itself able to.
//!
//! Source: Microsoft Entra, "Best practices for Microsoft Entra roles" and "Privileged roles and
//! permissions"; Microsoft Graph permissions reference; Azure built-in roles.

/// Roles of the directory, by the ids of their templates, which are those of the roles.
const DIRECTORY: &[&str] = &[
    // Global Administrator
    "62e90394-69f5-4237-9190-012177145e10",
    // Privileged Role Administrator
    "e8611ab8-c189-46e8-94e1-60213ab1f814",
    // Privileged Authentication Administrator
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
    // Application Administrator: adds a credential to any application, and acts as it.
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    // Cloud Application Administrator
    "158c047a-c907-4556-b7ef-446551a6b5f7",
    // Hybrid Identity Administrator
    "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
    // Partner Tier2 Support
    "e00e864a-17c5-4a4b-9c06-f5b95a8d5bd8",
];

/// Application permissions of Microsoft Graph that give themselves any other.
const GRAPH: &[&str] = &[
    "RoleManagement.ReadWrite.Directory",
    "AppRoleAssignment.ReadWrite.All",
    "Application.ReadWrite.All",
];

/// Roles of Azure.
const AZURE: &[&str] = &[
    // Owner
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    // User Access Administrator
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    // Role Based Access Control Administrator
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
];

/// Permissions beyond those that reach what everybody of a tenant has: mail, files, chats, the
/// directory. What a permission says of itself begins or ends so.
const WIDE_ENDS: &[&str] = &[
    ".ReadWrite.All",
    ".Read.All",
    ".FullControl.All",
    ".Manage.All",
];
const WIDE: &[&str] = &[
    "Mail.Read",
    "Mail.ReadWrite",
    "Mail.Send",
    "MailboxSettings.ReadWrite",
    "Calendars.ReadWrite",
    "Contacts.ReadWrite",
    "Files.ReadWrite",
    "full_access_as_app",
    "full_access_as_user",
    "user_impersonation",
    "EWS.AccessAsUser.All",
    "Directory.AccessAsUser.All",
];

/// Whether a role of the directory is one of an administrator of all of it. One that is given over
/// a part alone is none.
pub(super) fn administers_directory(role: &str, scope: &str) -> bool {
    scope == "/" && DIRECTORY.contains(&role)
}

/// Whether a role of Azure at `scope` rules a subscription or more.
pub(super) fn administers_azure(role: &str, scope: &str) -> bool {
    let parts = scope
        .trim_matches('/')
        .split('/')
        .filter(|part| !part.is_empty());
    let parts: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
    let kinds: Vec<&str> = parts.iter().map(String::as_str).collect();
    let whole = matches!(
        kinds.as_slice(),
        [] | ["subscriptions", _] | ["providers", "microsoft.management", "managementgroups", _]
    );
    whole && AZURE.contains(&role)
}

/// Whether a permission as an application gives itself any other.
pub(super) fn administers_graph(permission: &str) -> bool {
    GRAPH.contains(&permission)
}

/// Whether a permission reaches what is of everybody, or what is private to whoever consents.
pub(super) fn is_wide(permission: &str) -> bool {
    WIDE.contains(&permission) || WIDE_ENDS.iter().any(|end| permission.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_of_a_subscription_administers_and_one_of_a_group_does_not() {
        let owner = AZURE[0];
        for (scope, rules) in [
            ("/", true),
            ("/subscriptions/1", true),
            ("/SUBSCRIPTIONS/1/", true),
            (
                "/providers/Microsoft.Management/managementGroups/root",
                true,
            ),
            ("/subscriptions/1/resourceGroups/shop", false),
        ] {
            assert_eq!(administers_azure(owner, scope), rules, "{scope}");
        }
        assert!(!administers_azure(
            "acdd72a7-3385-48ef-bd42-f606fba81ae7",
            "/"
        ));
    }

    #[test]
    fn a_permission_on_mail_is_wide_and_one_to_sign_in_is_not() {
        for (permission, wide) in [
            ("Mail.Read", true),
            ("User.Read.All", true),
            ("Sites.FullControl.All", true),
            ("User.Read", false),
            ("openid", false),
        ] {
            assert_eq!(is_wide(permission), wide, "{permission}");
        }
    }
}
