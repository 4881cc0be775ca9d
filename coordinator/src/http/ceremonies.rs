//! `/ceremonies` and `/sitting`: boards for operators, and each person's own seat.

use axum::Json;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use serde::Deserialize;
use utoipa::ToSchema;

use super::authentication::Caller;
use super::body::{JsonBody, Named};
use super::{Peer, Problem};
use crate::service::ceremonies::activating::{self, ActivatedView};
use crate::service::ceremonies::drafting::{self, SetDraft};
use crate::service::ceremonies::filling::HandIn;
use crate::service::ceremonies::operating::{self, NewCeremony, SeatLink};
use crate::service::ceremonies::sitting::{self, Compared, NewSitting, Ready, SittingView};
use crate::service::ceremonies::view::CeremonyView;
use crate::service::{CeremonyError, Service, ServiceError};

/// The secret of a sitting, in place of a token.
#[derive(Debug)]
pub(super) struct Sitter(String);

impl FromRequestParts<Service> for Sitter {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Service) -> Result<Self, Problem> {
        let secret = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, secret)| secret.trim().to_owned());
        let over = ServiceError::from(CeremonyError::SittingOver);
        secret.map(Self).ok_or_else(|| over.into())
    }
}

/// Where a request comes from.
#[derive(Debug)]
pub(super) struct Place(String);

impl FromRequestParts<Service> for Place {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Service) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        Ok(Self(peer.map_or_else(
            || "unknown".to_owned(),
            |ConnectInfo(Peer(address))| address.ip().to_string(),
        )))
    }
}

/// A link that is used.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UseLink {
    /// What the link ends with.
    secret: String,
}

/// Begins a ceremony: of a new vault, or of one in which signers are replaced.
#[utoipa::path(
    post, path = "/api/v1/ceremonies", tag = "ceremonies", request_body = NewCeremony,
    responses((status = 201, body = CeremonyView), (status = "4XX", body = Problem)),
)]
pub(super) async fn begin(
    State(service): State<Service>,
    Caller(actor): Caller,
    JsonBody(new): JsonBody<NewCeremony>,
) -> Result<(StatusCode, Json<CeremonyView>), Problem> {
    Ok((
        StatusCode::CREATED,
        Json(operating::begin(&service, &actor, &new).await?),
    ))
}

/// Lists ceremonies, the open ones first.
#[utoipa::path(
    get, path = "/api/v1/ceremonies", tag = "ceremonies",
    responses((status = 200, body = Vec<CeremonyView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
) -> Result<Json<Vec<CeremonyView>>, Problem> {
    Ok(Json(operating::list(&service, &actor).await?))
}

/// Shows the board of one ceremony.
#[utoipa::path(
    get, path = "/api/v1/ceremonies/{ceremony}", tag = "ceremonies", params(("ceremony" = String, Path)),
    responses((status = 200, body = CeremonyView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<CeremonyView>, Problem> {
    Ok(Json(
        operating::show(&service, &actor, named.text("ceremony")?).await?,
    ))
}

/// Ends a ceremony of which nothing is to come.
#[utoipa::path(
    delete, path = "/api/v1/ceremonies/{ceremony}", tag = "ceremonies", params(("ceremony" = String, Path)),
    responses((status = 200, body = CeremonyView), (status = "4XX", body = Problem)),
)]
pub(super) async fn end(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<CeremonyView>, Problem> {
    Ok(Json(
        operating::end(&service, &actor, named.text("ceremony")?).await?,
    ))
}

/// Makes a link to a seat, shown this once. The link and the sitting before it are void.
#[utoipa::path(
    post, path = "/api/v1/ceremonies/{ceremony}/seats/{seat}/link", tag = "ceremonies",
    params(("ceremony" = String, Path), ("seat" = String, Path)),
    responses((status = 201, body = SeatLink), (status = "4XX", body = Problem)),
)]
pub(super) async fn invite(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<(StatusCode, Json<SeatLink>), Problem> {
    let (ceremony, seat) = (named.text("ceremony")?, named.text("seat")?);
    Ok((
        StatusCode::CREATED,
        Json(operating::invite(&service, &actor, ceremony, seat).await?),
    ))
}

/// Hands in the key of a seat for a person who sent it on another way.
#[utoipa::path(
    put, path = "/api/v1/ceremonies/{ceremony}/seats/{seat}", tag = "ceremonies",
    params(("ceremony" = String, Path), ("seat" = String, Path)), request_body = HandIn,
    responses((status = 200, body = CeremonyView), (status = "4XX", body = Problem)),
)]
pub(super) async fn fill(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(handed): JsonBody<HandIn>,
) -> Result<Json<CeremonyView>, Problem> {
    let (ceremony, seat) = (named.text("ceremony")?, named.text("seat")?);
    Ok(Json(
        operating::fill_seat(&service, &actor, ceremony, seat, &handed).await?,
    ))
}

/// Empties a seat: with its key goes the document, and all that was confirmed of it.
#[utoipa::path(
    delete, path = "/api/v1/ceremonies/{ceremony}/seats/{seat}", tag = "ceremonies",
    params(("ceremony" = String, Path), ("seat" = String, Path)),
    responses((status = 200, body = CeremonyView), (status = "4XX", body = Problem)),
)]
pub(super) async fn empty(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<CeremonyView>, Problem> {
    let (ceremony, seat) = (named.text("ceremony")?, named.text("seat")?);
    Ok(Json(
        operating::empty_seat(&service, &actor, ceremony, seat).await?,
    ))
}

/// Sets the document once all keys are in; another one voids every confirmation.
#[utoipa::path(
    put, path = "/api/v1/ceremonies/{ceremony}/draft", tag = "ceremonies", params(("ceremony" = String, Path)),
    request_body = SetDraft,
    responses((status = 200, body = CeremonyView), (status = "4XX", body = Problem)),
)]
pub(super) async fn draft(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<SetDraft>,
) -> Result<Json<CeremonyView>, Problem> {
    Ok(Json(
        drafting::set_draft(&service, &actor, named.text("ceremony")?, &request).await?,
    ))
}

/// Makes what all have confirmed active: the vault is added, or the next version proposed.
#[utoipa::path(
    post, path = "/api/v1/ceremonies/{ceremony}/activation", tag = "ceremonies",
    params(("ceremony" = String, Path)),
    responses((status = 200, body = ActivatedView), (status = "4XX", body = Problem)),
)]
pub(super) async fn activate(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<ActivatedView>, Problem> {
    Ok(Json(
        activating::activate(&service, &actor, named.text("ceremony")?).await?,
    ))
}

/// Uses a link up, without a token: answers with the secret of the sitting, shown this once.
#[utoipa::path(
    post, path = "/api/v1/sitting", tag = "ceremonies", request_body = UseLink,
    responses((status = 201, body = NewSitting), (status = "4XX", body = Problem)),
)]
pub(super) async fn sit(
    State(service): State<Service>,
    Place(from): Place,
    JsonBody(link): JsonBody<UseLink>,
) -> Result<(StatusCode, Json<NewSitting>), Problem> {
    Ok((
        StatusCode::CREATED,
        Json(sitting::sit(&service, &from, &link.secret).await?),
    ))
}

/// Shows the own seat, by the secret of the sitting in place of a token.
#[utoipa::path(
    get, path = "/api/v1/sitting", tag = "ceremonies",
    responses((status = 200, body = SittingView), (status = "4XX", body = Problem)),
)]
pub(super) async fn seat(
    State(service): State<Service>,
    Sitter(secret): Sitter,
) -> Result<Json<SittingView>, Problem> {
    Ok(Json(sitting::show_sitting(&service, &secret).await?))
}

/// Hands in the key of the own seat.
#[utoipa::path(
    put, path = "/api/v1/sitting/record", tag = "ceremonies", request_body = HandIn,
    responses((status = 200, body = SittingView), (status = "4XX", body = Problem)),
)]
pub(super) async fn hand_in(
    State(service): State<Service>,
    Sitter(secret): Sitter,
    JsonBody(handed): JsonBody<HandIn>,
) -> Result<Json<SittingView>, Problem> {
    Ok(Json(sitting::hand_in(&service, &secret, &handed).await?))
}

/// Says that words and first address were compared with another person by voice.
#[utoipa::path(
    post, path = "/api/v1/sitting/comparison", tag = "ceremonies", request_body = Compared,
    responses((status = 200, body = SittingView), (status = "4XX", body = Problem)),
)]
pub(super) async fn compare(
    State(service): State<Service>,
    Sitter(secret): Sitter,
    JsonBody(compared): JsonBody<Compared>,
) -> Result<Json<SittingView>, Problem> {
    Ok(Json(sitting::compare(&service, &secret, &compared).await?))
}

/// Says that the own tool and device are ready for the document.
#[utoipa::path(
    post, path = "/api/v1/sitting/readiness", tag = "ceremonies", request_body = Ready,
    responses((status = 200, body = SittingView), (status = "4XX", body = Problem)),
)]
pub(super) async fn ready(
    State(service): State<Service>,
    Sitter(secret): Sitter,
    JsonBody(ready): JsonBody<Ready>,
) -> Result<Json<SittingView>, Problem> {
    Ok(Json(sitting::ready(&service, &secret, &ready).await?))
}
