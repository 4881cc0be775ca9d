//! What a request carries, parsed at the edge, with refusals that say which field is wrong.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use bitcoin::Txid;
use policies::VaultId;
use policies::psbt::PsbtVersion;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Problem, problem};
use crate::service::Service;

/// A JSON body. Unknown fields are refused by the types themselves.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Service> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, service: &Service) -> Result<Self, Problem> {
        match axum::Json::<T>::from_request(request, service).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => {
                let code = match &rejection {
                    JsonRejection::MissingJsonContentType(_) => "not_json",
                    JsonRejection::JsonSyntaxError(_) => "bad_json",
                    JsonRejection::JsonDataError(_) => "malformed",
                    JsonRejection::BytesRejection(_) | _ => {
                        return Err(unread(rejection.status(), rejection.body_text()));
                    }
                };
                Err(Problem::new(
                    rejection.status(),
                    code,
                    rejection.body_text(),
                ))
            }
        }
    }
}

/// A body of bytes, of whatever content type.
#[derive(Debug)]
pub(super) struct RawBody(pub(super) Bytes);

impl FromRequest<Service> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, service: &Service) -> Result<Self, Problem> {
        Bytes::from_request(request, service)
            .await
            .map(Self)
            .map_err(|rejection| unread(rejection.status(), rejection.body_text()))
    }
}

/// The problem of a body that did not come to its end.
fn unread(status: StatusCode, detail: String) -> Problem {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        let (code, detail) = problem::words(status);
        return Problem::new(status, code, detail);
    }
    Problem::new(status, "bad_body", detail)
}

/// How much of a list to answer with, and which part.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// At most this many items.
    pub(super) limit: Option<u32>,
    /// Only items in this state, where the items have one.
    pub(super) state: Option<String>,
    /// Only items after this number, where the items have one.
    pub(super) after: Option<u64>,
}

/// A query, with problems as problem documents.
#[derive(Debug)]
pub(super) struct Asked(pub(super) Page);

impl FromRequestParts<Service> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        match Query::<Page>::from_request_parts(parts, service).await {
            Ok(Query(page)) => Ok(Self(page)),
            Err(QueryRejection::FailedToDeserializeQueryString(error)) => {
                Err(Problem::malformed("query", error))
            }
            Err(error) => Err(Problem::malformed("query", error)),
        }
    }
}

/// A query of its own type, with problems as problem documents.
#[derive(Debug)]
pub(super) struct AskedFor<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Service> for AskedFor<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let Query(asked) = Query::<T>::from_request_parts(parts, service)
            .await
            .map_err(|error| Problem::malformed("query", error))?;
        Ok(Self(asked))
    }
}

/// In which version to answer with a PSBT.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Version {
    /// The PSBT's version: 0 (the default) or 2.
    pub(super) version: Option<u32>,
}

/// A query for a PSBT, with problems as problem documents.
#[derive(Debug)]
pub(super) struct AskedVersion(pub(super) PsbtVersion);

impl FromRequestParts<Service> for AskedVersion {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let Query(asked) = Query::<Version>::from_request_parts(parts, service)
            .await
            .map_err(|error| Problem::malformed("query", error))?;
        PsbtVersion::of_number(asked.version.unwrap_or_default())
            .map(Self)
            .ok_or_else(|| Problem::malformed("version", "neither 0 nor 2"))
    }
}

/// The parts of a path, by name.
#[derive(Debug)]
pub(super) struct Named(Vec<(String, String)>);

impl FromRequestParts<Service> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let named = RawPathParams::from_request_parts(parts, service)
            .await
            .map_err(|error| Problem::malformed("path", error))?;
        Ok(Self(
            named
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        ))
    }
}

impl Named {
    /// Parses the part of this name.
    pub(super) fn get<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<T, Problem> {
        self.text(name)?
            .parse()
            .map_err(|error| Problem::malformed(name, error))
    }

    /// Returns the part of this name as it is.
    pub(super) fn text(&self, name: &str) -> Result<&str, Problem> {
        let found = self.0.iter().find(|(found, _)| found == name);
        found
            .map(|(_, value)| value.as_str())
            .ok_or_else(|| Problem::malformed(name, "missing"))
    }

    /// Parses the vault of the path.
    pub(super) fn vault(&self) -> Result<VaultId, Problem> {
        self.get("vault")
    }

    /// Parses the attempt of the path.
    pub(super) fn txid(&self) -> Result<Txid, Problem> {
        self.get("txid")
    }
}
