//! Drafts of transfers between vaults: an intent for a requester to sign with their own tool, which the
//! paying vault's rules and signers then judge like any other.

use bitcoin::ScriptBuf;
use policies::{Intent, IntentKind, Keychain, RequesterName, UnixTime, VaultId, WithdrawalId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;

use super::addresses::{NewAddress, issue_address};
use super::balancing::{money, pinned};
use super::{Actor, Right, Service, ServiceError, VaultError, WithdrawalError};
use crate::store::addresses;

/// How long a draft may be paid, in seconds.
const DRAFT_SECONDS: u64 = 86_400;

/// Asks for the draft of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftTransfer {
    /// The vault to pay.
    #[schema(value_type = String)]
    pub to: VaultId,
    /// How much.
    pub amount_sat: u64,
    /// The requester who will sign.
    #[schema(value_type = String)]
    pub requester: RequesterName,
    /// The id of the withdrawal.
    #[schema(value_type = String)]
    pub id: WithdrawalId,
}

/// An intent to be signed by its requester.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TransferDraft {
    /// The intent's canonical JSON, to be signed as it is.
    pub intent: String,
    /// The vault that is paid.
    #[schema(value_type = String)]
    pub to: VaultId,
    /// Its fresh address.
    pub address: String,
    /// How much.
    pub amount_sat: u64,
    /// When it ends (unix seconds).
    #[schema(value_type = u64)]
    pub expires: UnixTime,
    /// The words that make and sign an equal intent with the requester's own tool.
    pub request: String,
}

/// Drafts a transfer to a fresh address of another vault.
///
/// # Errors
/// [`VaultError::NotPinned`], [`VaultError::BeyondReach`]; an unknown requester.
pub async fn draft_transfer(
    service: &Service,
    actor: &Actor,
    from: VaultId,
    request: &DraftTransfer,
) -> Result<TransferDraft, ServiceError> {
    actor.require(Right::Batch, from)?;
    actor.require(Right::IssueAddress, request.to)?;
    let amount = money("amount_sat", request.amount_sat)?;
    let (policy, index, reach) = {
        let mut tx = service.database().begin_read().await?;
        let (_, policy) = service.vault(&mut tx, from).await?;
        let (to, _) = service.vault(&mut tx, request.to).await?;
        let reach = pinned(service, &mut tx, from, request.to).await?;
        let index = addresses::next_index(&mut tx, to.keychain, Keychain::External).await?;
        (policy, index, reach)
    };
    if policy.requester(request.requester.as_str()).is_none() {
        return Err(ServiceError::Malformed {
            field: "requester",
            expected: "the name of a requester in the paying vault's policy",
        });
    }
    if index >= reach {
        let to = request.to;
        return Err(VaultError::BeyondReach { to, index, reach }.into());
    }
    let reference = format!("transfer {} from {}", request.id, policy.name);
    let wanted = NewAddress {
        reference: String::new(),
        metadata: Map::from_iter([("transfer".to_owned(), json!(reference))]),
    };
    let issued = issue_address(service, actor, request.to, &wanted).await?;
    let script_pubkey = ScriptBuf::from_hex(&issued.script_pubkey)
        .map_err(|_| ServiceError::Withdrawal(WithdrawalError::TransferToStranger))?;
    let now = service.now();
    let intent = Intent {
        vault: from,
        keyset: policy.keyset,
        requester: request.requester.clone(),
        id: request.id.clone(),
        kind: IntentKind::Transfer,
        script_pubkey,
        amount,
        min: amount,
        created: now,
        expires: now.saturating_add(DRAFT_SECONDS),
        replaces: None,
        repeats: None,
        reference,
    };
    let bytes = intent.encode();
    // What cannot be read back must not be signed.
    Intent::decode(&bytes)?;
    Ok(TransferDraft {
        intent: String::from_utf8_lossy(&bytes).into_owned(),
        to: request.to,
        request: format!(
            "countersign-signer request --kind transfer --to {} --amount-sat {} --id {}",
            issued.address, request.amount_sat, request.id
        ),
        address: issued.address,
        amount_sat: request.amount_sat,
        expires: intent.expires,
    })
}
