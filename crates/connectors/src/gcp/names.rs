//! Names of resources: `//iam.googleapis.com/projects/shop/serviceAccounts/…`, with or without
//! the service before it.

use super::{Object, text};

/// `projects/shop/…` of `//iam.googleapis.com/projects/shop/…`.
pub(super) fn relative(name: &str) -> &str {
    match name
        .strip_prefix("//")
        .and_then(|rest| rest.split_once('/'))
    {
        Some((_, path)) => path,
        None => name,
    }
}

/// Whether a text names a resource, and not something of somebody's own.
pub(super) fn is_resource(text: &str) -> bool {
    let begins = ["//", "projects/", "folders/", "organizations/"];
    begins.iter().any(|one| text.starts_with(one)) && text.len() <= 1024
}

/// The resource that an answer speaks of: where a policy is attached, or an asset's own name.
pub(super) fn resource_of(object: &Object) -> Option<String> {
    let fields = [
        "attached_resource",
        "attachedResource",
        "full_resource_name",
        "fullResourceName",
        "name",
        "resource",
    ];
    let named = fields
        .iter()
        .find_map(|field| text(object, field).filter(|one| is_resource(one)));
    named.map(str::to_owned)
}

/// The segment behind `collection` in a name: `shop` of `projects/shop/secrets/x` for `projects`.
pub(super) fn part<'n>(name: &'n str, collection: &str) -> Option<&'n str> {
    let mut segments = relative(name).split('/');
    while let Some(segment) = segments.next() {
        if segment == collection {
            return segments.next().filter(|part| !part.is_empty());
        }
    }
    None
}

/// Whether `name` is one of `collection`, and nothing below it.
pub(super) fn is_one_of(name: &str, collection: &str) -> bool {
    let mut back = relative(name).rsplit('/');
    let id = back.next().unwrap_or_default();
    !id.is_empty() && back.next() == Some(collection)
}

/// The project that a name lies in.
pub(super) fn project_of(name: &str) -> Option<&str> {
    part(name, "projects").filter(|project| *project != "-")
}

/// The project in the mail address of a service account, if it is one of a project's own.
pub(super) fn project_of_mail(mail: &str) -> Option<&str> {
    mail.split_once('@')?
        .1
        .strip_suffix(".iam.gserviceaccount.com")
        .filter(|one| !one.starts_with("gcp-sa-"))
}

/// Whether Google itself works under this address: no key and no owner of anybody's.
pub(super) fn is_google_s_own(mail: &str) -> bool {
    let Some((_, domain)) = mail.split_once('@') else {
        return false;
    };
    domain.starts_with("gcp-sa-")
        || domain == "cloudservices.gserviceaccount.com"
        || domain == "system.gserviceaccount.com"
        || domain.ends_with(".google.com.iam.gserviceaccount.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_with_its_service_before_it() {
        let whole = "//iam.googleapis.com/projects/shop/serviceAccounts/1/keys/2";
        assert_eq!(relative(whole), "projects/shop/serviceAccounts/1/keys/2");
        assert_eq!(part(whole, "serviceAccounts"), Some("1"));
        assert_eq!(project_of(whole), Some("shop"));
        assert!(is_one_of(whole, "keys") && !is_one_of(whole, "serviceAccounts"));
        assert_eq!(project_of("projects/-/serviceAccounts/1"), None);
    }

    #[test]
    fn accounts_that_google_works_under_are_told_from_those_of_a_project() {
        assert_eq!(
            project_of_mail("ci@shop.iam.gserviceaccount.com"),
            Some("shop")
        );
        for own in [
            "service-1@gcp-sa-cloudbuild.iam.gserviceaccount.com",
            "1@cloudservices.gserviceaccount.com",
        ] {
            assert!(is_google_s_own(own), "{own}");
            assert_eq!(project_of_mail(own), None, "{own}");
        }
        for other in [
            "ci@shop.iam.gserviceaccount.com",
            "1-compute@developer.gserviceaccount.com",
            "shop@appspot.gserviceaccount.com",
        ] {
            assert!(!is_google_s_own(other), "{other}");
        }
    }
}
