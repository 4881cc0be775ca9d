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
    super::described().into_openapi()
}
