//! The OpenAPI document, generated from the routes and types themselves.

use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "Countersign coordinator",
    description = "Withdrawals, approvals, batches and signatures. Amounts are satoshi, times unix seconds, feerates sat/kwu.",
))]
struct Head;

/// Returns the document's head: what it is and how to authenticate.
pub(super) fn head() -> OpenApi {
    let mut document = Head::openapi();
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("token", scheme);
    document.security = Some(vec![SecurityRequirement::new(
        "token",
        Vec::<String>::new(),
    )]);
    document
}

/// Returns the whole document.
pub fn document() -> OpenApi {
    named(super::described().into_openapi())
}

/// Gives each operation an id of its own, from its verb and path: generated clients name their calls by it.
pub(super) fn named(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        let words: Vec<&str> = path
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty() && !matches!(*word, "api" | "v1"))
            .collect();
        let name = words.join("_");
        for (verb, operation) in [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("delete", &mut item.delete),
        ] {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{verb}_{name}"));
            }
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    #[test]
    fn every_operation_has_its_own_id_and_every_path_parameter_stands_in_its_path() {
        let document = serde_json::to_value(super::document()).expect("serializes");
        let mut ids = BTreeSet::new();
        let mut queries = 0;
        for (path, item) in document["paths"].as_object().expect("paths") {
            for operation in item.as_object().expect("an item").values() {
                let id = operation["operationId"].as_str().expect("an id");
                assert!(ids.insert(id.to_owned()), "{id}");
                let parameters = operation["parameters"].as_array();
                for parameter in parameters.into_iter().flatten() {
                    let name = parameter["name"].as_str().expect("a name");
                    let in_path = parameter["in"] == "path";
                    assert_eq!(
                        in_path,
                        path.contains(&format!("{{{name}}}")),
                        "{path} {name}"
                    );
                    queries += usize::from(!in_path);
                    assert!(
                        in_path || parameter["required"] != Value::Bool(true),
                        "{path}"
                    );
                }
            }
        }
        assert!(ids.len() > 30 && queries > 10, "{} {queries}", ids.len());
    }
}
