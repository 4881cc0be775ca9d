//! Orders of a service and the intents that they become.

use bitcoin::{Address, Amount, address::NetworkUnchecked};
use policies::destination::check_destination;
use policies::{Intent, IntentKind, Policy, RequesterName, UnixTime, WithdrawalId};

use super::error::ClientError;

/// What a service wants paid.
#[derive(Debug, Clone)]
pub struct Order {
    /// The service's own id of it.
    pub id: WithdrawalId,
    /// A payment, or a transfer to a script of a pinned vault.
    pub kind: IntentKind,
    /// Whom to pay.
    pub to: Address<NetworkUnchecked>,
    /// How much.
    pub amount: Amount,
    /// When the order ends.
    pub expires: UnixTime,
    /// The service's own words.
    pub reference: String,
    /// The first id of the line that this replaces.
    pub replaces: Option<WithdrawalId>,
    /// Earlier intents that this pays again, oldest first; the last one is named. Both may be paid.
    pub repeats: Vec<Intent>,
}

impl Order {
    /// A plain payment that replaces and repeats nothing.
    pub fn payment(
        id: WithdrawalId,
        to: Address<NetworkUnchecked>,
        amount: Amount,
        expires: UnixTime,
    ) -> Self {
        Self {
            id,
            kind: IntentKind::Payment,
            to,
            amount,
            expires,
            reference: String::new(),
            replaces: None,
            repeats: Vec::new(),
        }
    }
}

/// An intent, and what was changed to make it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Built {
    /// The intent.
    pub intent: Intent,
    /// Says that the amount was lowered, and why it had to be.
    pub lowered: Option<Lowered>,
}

/// A repeated payment must differ from what it repeats, so that no output can pay both.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{asked} lowered to {written}: withdrawal {repeats} may still pay the same script the same amount, and both may be paid"
)]
pub struct Lowered {
    /// The amount of the order.
    pub asked: Amount,
    /// The amount of the intent.
    pub written: Amount,
    /// The withdrawal that is paid again.
    pub repeats: WithdrawalId,
}

/// Makes the intent of an order.
pub(super) fn build(
    policy: &Policy,
    requester: &RequesterName,
    order: &Order,
    now: UnixTime,
) -> Result<Built, ClientError> {
    let address =
        check_destination(order.to.clone(), policy.network).map_err(ClientError::Destination)?;
    let script_pubkey = address.script_pubkey();
    let taken: Vec<Amount> = order
        .repeats
        .iter()
        .filter(|earlier| earlier.script_pubkey == script_pubkey)
        .map(|earlier| earlier.amount)
        .collect();
    let mut amount = order.amount;
    while taken.contains(&amount) {
        amount = amount
            .checked_sub(Amount::ONE_SAT)
            .filter(|lowered| *lowered > Amount::ZERO)
            .ok_or(ClientError::CannotDiffer {
                amount: order.amount,
            })?;
    }
    let repeats = order.repeats.last().map(|earlier| earlier.id.clone());
    let lowered = repeats
        .clone()
        .filter(|_| amount != order.amount)
        .map(|repeats| Lowered {
            asked: order.amount,
            written: amount,
            repeats,
        });
    let intent = Intent {
        vault: policy.vault,
        keyset: policy.keyset,
        requester: requester.clone(),
        id: order.id.clone(),
        kind: order.kind,
        script_pubkey,
        amount,
        min: amount,
        created: now,
        expires: order.expires,
        replaces: order.replaces.clone(),
        repeats,
        reference: order.reference.clone(),
    };
    // What cannot be read back must not be signed.
    Intent::decode(&intent.encode())?;
    Ok(Built { intent, lowered })
}
