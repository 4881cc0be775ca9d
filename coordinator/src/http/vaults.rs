//! `/vaults`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::devices::OfDevices;
use crate::service::vaults::{self, VaultView};

/// A vault to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewVault {
    /// The policy document, exactly as it was reviewed.
    document: String,
    /// Whether it is added although devices cannot sign it as far as is known here.
    #[serde(default)]
    despite_devices: bool,
}

/// Adds a vault by its policy document. The same document again gives the same answer.
#[utoipa::path(
    post, path = "/api/v1/vaults", tag = "vaults", request_body = NewVault,
    responses((status = 200, body = VaultView), (status = "4XX", body = Problem)),
)]
pub(super) async fn create(
    State(service): State<Service>,
    Caller(actor): Caller,
    JsonBody(new): JsonBody<NewVault>,
) -> Result<Json<VaultView>, Problem> {
    let of_devices = OfDevices::despite(new.despite_devices);
    let document = new.document.as_bytes();
    Ok(Json(
        vaults::create_vault(&service, &actor, document, of_devices).await?,
    ))
}

/// Lists vaults.
#[utoipa::path(
    get, path = "/api/v1/vaults", tag = "vaults",
    responses((status = 200, body = Vec<VaultView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
) -> Result<Json<Vec<VaultView>>, Problem> {
    Ok(Json(vaults::list_vaults(&service, &actor).await?))
}

/// Shows one vault.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}", tag = "vaults", params(("vault" = String, Path)),
    responses((status = 200, body = VaultView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<VaultView>, Problem> {
    Ok(Json(
        vaults::show_vault(&service, &actor, named.vault()?).await?,
    ))
}
