//! Who asks: the bearer token of a request becomes an [`Actor`], or the request goes no further.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::Problem;
use crate::service::{Actor, Service, ServiceError, tokens};

/// The one who asks. A handler that takes it cannot be reached without a valid token.
#[derive(Debug)]
pub(super) struct Caller(pub(super) Actor);

impl FromRequestParts<Service> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let token = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or(ServiceError::Unauthorized)?;
        Ok(Self(tokens::authenticate(service, token).await?))
    }
}
