//! What an attempt takes out of the vault for good: its payments, what it recovers, its fee.
//!
//! The inputs and the change are the watchtower's entries; together the clearing account is even. A
//! recovery to the policy's address is booked as a withdrawal, since the money is no longer under the
//! vault's descriptor; its cause says what it was. A transfer is a withdrawal and, by the watchtower, a deposit.

use bitcoin::{Amount, BlockHash};
use policies::Keychain;
use policies::psbt::{AttemptPurpose, StrictPsbt, read_strict};
use watchtower::ledger::{Account, Posting};
use watchtower::store::database::Transaction;
use watchtower::store::scripts;

use crate::service::{BatchError, ServiceError};
use crate::store::attempts::AttemptRow;
use crate::store::payments;
use crate::store::withdrawals::{self, WithdrawalRow};

/// The entries of an attempt in a block; the same are taken back when the block goes.
pub(super) async fn postings(
    tx: &mut Transaction,
    row: &AttemptRow,
    block: BlockHash,
) -> Result<Vec<Posting>, ServiceError> {
    let strict = read_strict(&row.psbt).map_err(|refusal| {
        ServiceError::Batch(BatchError::Build {
            reason: refusal.to_string(),
        })
    })?;
    let times = row.confirmations;
    let entry = |cause: String, debit: Account, amount: Amount| Posting {
        vault: row.vault,
        cause: format!("{cause}:{block}:{times}"),
        debit,
        credit: Account::Clearing,
        amount,
    };
    let mut postings = Vec::new();
    for key in payments::of_attempt(tx, row.txid).await? {
        if let Some(withdrawal) = withdrawals::lookup(tx, &key).await? {
            postings.push(entry(
                format!("payment:{}:{}:{}", row.txid, key.requester, key.id),
                Account::Withdrawals,
                amount_paid(&strict, &withdrawal),
            ));
        }
    }
    for (output, amount) in recovered(tx, row, &strict).await? {
        postings.push(entry(
            format!("recovery:{}:{output}", row.txid),
            Account::Withdrawals,
            amount,
        ));
    }
    postings.push(entry(format!("fee:{}", row.txid), Account::Fees, row.fee));
    // An entry of nothing is none.
    postings.retain(|posting| posting.amount != Amount::ZERO);
    Ok(postings)
}

/// What the output of a withdrawal pays: its amount, and less in a sweep.
fn amount_paid(strict: &StrictPsbt, withdrawal: &WithdrawalRow) -> Amount {
    let payments = &strict.manifest().payments;
    payments
        .iter()
        .find(|(_, hash)| **hash == withdrawal.hash)
        .and_then(|(output, _)| usize::try_from(*output).ok())
        .and_then(|output| strict.transaction().output.get(output))
        .map_or(withdrawal.intent.amount, |output| output.value)
}

/// The outputs of a recovery that do not come back as change.
async fn recovered(
    tx: &mut Transaction,
    row: &AttemptRow,
    strict: &StrictPsbt,
) -> Result<Vec<(u32, Amount)>, ServiceError> {
    let manifest = strict.manifest();
    if manifest.purpose != AttemptPurpose::Recover {
        return Ok(Vec::new());
    }
    let mut recovered = Vec::new();
    for (output, txout) in (0..).zip(&strict.transaction().output) {
        let watched = scripts::watched_script(tx, &txout.script_pubkey).await?;
        let is_change = manifest.changes.contains_key(&output)
            || watched.is_some_and(|script| {
                script.vault == row.vault && script.keychain == Keychain::Internal
            });
        if !is_change {
            recovered.push((output, txout.value));
        }
    }
    Ok(recovered)
}
