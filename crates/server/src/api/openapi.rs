//! The interface as OpenAPI 3.1 tells it, made from the routes themselves.

use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, Response};
use utoipa::{PartialSchema, ToSchema};

use super::Permission;
use super::problem::{MEDIA, Problem};

/// What stands before all paths.
pub(crate) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Keyroll")
        .version("1")
        .description(Some(
            "The roll of every machine identity: what there is, whose it is, what is wrong with \
             it, and the proof that it is gone. Errors are `application/problem+json` (RFC 9457). \
             Lists are paged by `after`, which takes the `next` of the page before.",
        ))
        .build();
    let mut document = OpenApiBuilder::new().info(info).build();
    let mut components = utoipa::openapi::Components::new();
    components
        .schemas
        .insert(Problem::name().into_owned(), Problem::schema());
    document.components = Some(components);
    document
}

/// What any route may answer besides what it was written for.
const ANY: [(&str, &str); 6] = [
    ("400", "What was asked makes no sense"),
    ("408", "The request did not come to its end in time"),
    ("413", "The request is too large"),
    ("429", "Too much was asked by one; come again"),
    ("500", "The server broke; its log says how"),
    (
        "503",
        "Too much is going on, or the store is away; come again",
    ),
];
/// What a route may answer that needs a permission.
const GUARDED: [(&str, &str); 2] = [
    ("401", "Nobody is known to ask"),
    ("403", "Whoever asks may not"),
];

/// Adds to each operation of a path what the frame around it answers, and what it needs.
pub(crate) fn complete(item: &mut PathItem, needs: Option<Permission>) {
    let reads = item.get.is_some();
    let each = [
        (&mut item.get, true),
        (&mut item.put, false),
        (&mut item.post, false),
        (&mut item.delete, false),
        (&mut item.patch, false),
    ];
    for (operation, safe) in each {
        let Some(operation) = operation else { continue };
        for (status, told) in ANY {
            answer(operation, status, told);
        }
        if needs.is_some() || !safe {
            for (status, told) in GUARDED {
                answer(operation, status, told);
            }
        }
        if safe && reads && needs.is_some() {
            let unchanged = Response::new("As it was when `If-None-Match` was told");
            operation
                .responses
                .responses
                .insert("304".to_owned(), unchanged.into());
        }
        if !safe {
            answer(operation, "415", "A body that is no JSON");
            answer(operation, "422", "JSON of another shape");
        }
        let needs = needs.map_or("nothing", Permission::as_str);
        let told = ExtensionsBuilder::new().add("x-permission", needs).build();
        operation.extensions = Some(told);
    }
}

fn answer(operation: &mut Operation, status: &str, told: &str) {
    let responses = &mut operation.responses.responses;
    if responses.contains_key(status) {
        return;
    }
    let mut response = Response::new(told);
    let content = Content::new(Some(Ref::from_schema_name(Problem::name())));
    response.content.insert(MEDIA.to_owned(), content.into());
    responses.insert(status.to_owned(), response.into());
}
