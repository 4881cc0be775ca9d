//! `/vaults/{vault}/approvals`.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::approvals::{self, RecordApprovals};
use crate::service::withdrawals::WithdrawalView;

/// Hands in an approval or rejection of one or many intents, signed with the approver's own tool.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/approvals", tag = "approvals",
    params(("vault" = String, Path)), request_body = RecordApprovals,
    responses((status = 200, body = Vec<WithdrawalView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn record(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<RecordApprovals>,
) -> Result<Json<Vec<WithdrawalView>>, Problem> {
    Ok(Json(
        approvals::record_approvals(&service, &actor, named.vault()?, &request).await?,
    ))
}
