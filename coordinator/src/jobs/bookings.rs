//! What an attempt takes out of the vault for good: its payments, what it recovers, its fee.
//!
//! The inputs and the change are the watchtower's entries; together the clearing account is even. A
//! recovery to the policy's address is booked as a withdrawal, since the money is no longer under the
//! vault's descriptor; its cause says what it was. A transfer is a withdrawal and, by the watchtower, a deposit.

use bitcoin::{Amount, BlockHash, Transaction as BitcoinTransaction};
use policies::psbt::{AttemptPurpose, Manifest, read_strict};
use policies::{IntentKind, Keychain};
use watchtower::ledger::{Account, Posting};
use watchtower::store::database::Transaction;
use watchtower::store::{coins, ledger, scripts};

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
    let shown = Shown::of(tx, row).await?;
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
                Account::Withdrawals(reference_of(&withdrawal)),
                shown.amount_paid(&withdrawal),
            ));
        }
    }
    for (output, amount) in recovered(tx, row, &shown).await? {
        postings.push(entry(
            format!("recovery:{}:{output}", row.txid),
            Account::Withdrawals(None),
            amount,
        ));
    }
    let fee = shown.fee.unwrap_or(row.fee);
    postings.push(entry(format!("fee:{}", row.txid), Account::Fees, fee));
    // An entry of nothing is none.
    postings.retain(|posting| posting.amount != Amount::ZERO);
    for posting in &mut postings {
        // What stands is booked and taken back where it stands: earlier versions knew no references of withdrawals.
        if let Some((debit, credit)) = ledger::standing(tx, &posting.cause).await? {
            (posting.debit, posting.credit) = (debit, credit);
        }
    }
    Ok(postings)
}

/// The external reference in whose name a withdrawal is paid, if it has one.
fn reference_of(withdrawal: &WithdrawalRow) -> Option<String> {
    let reference = &withdrawal.intent.reference;
    (!reference.is_empty()).then(|| reference.clone())
}

/// A transaction in a block, as its PSBT has it, or as the chain shows it where nobody kept that.
struct Shown {
    transaction: Option<BitcoinTransaction>,
    manifest: Option<Manifest>,
    /// The fee that the chain shows, where no PSBT says it.
    fee: Option<Amount>,
}

impl Shown {
    async fn of(tx: &mut Transaction, row: &AttemptRow) -> Result<Self, ServiceError> {
        if row.is_remembered() {
            let transaction = match &row.final_transaction {
                Some(known) => Some(known.clone()),
                None => coins::funding_transaction(tx, row.txid).await?,
            };
            let fee = match &transaction {
                Some(transaction) => fee_of(tx, transaction).await?,
                None => None,
            };
            return Ok(Self {
                transaction,
                manifest: None,
                fee,
            });
        }
        let strict = read_strict(&row.psbt).map_err(|refusal| {
            ServiceError::Batch(BatchError::Build {
                reason: refusal.to_string(),
            })
        })?;
        Ok(Self {
            transaction: Some(strict.transaction().clone()),
            manifest: Some(strict.manifest().clone()),
            fee: None,
        })
    }

    /// What the output of a withdrawal pays: its amount, and less in a sweep.
    fn amount_paid(&self, withdrawal: &WithdrawalRow) -> Amount {
        let outputs = self.transaction.iter().flat_map(|one| &one.output);
        let paying = match &self.manifest {
            Some(manifest) => {
                let payments = &manifest.payments;
                payments
                    .iter()
                    .find(|(_, hash)| **hash == withdrawal.hash)
                    .and_then(|(output, _)| usize::try_from(*output).ok())
                    .and_then(|output| outputs.into_iter().nth(output))
            }
            None if withdrawal.intent.kind == IntentKind::Sweep => outputs
                .into_iter()
                .find(|output| output.script_pubkey == withdrawal.intent.script_pubkey),
            None => None,
        };
        paying.map_or(withdrawal.intent.amount, |output| output.value)
    }

    fn is_change(&self, output: u32) -> bool {
        let manifest = self.manifest.as_ref();
        manifest.is_some_and(|manifest| manifest.changes.contains_key(&output))
    }
}

/// What all its inputs hold less what its outputs pay, where all of them are known.
async fn fee_of(
    tx: &mut Transaction,
    transaction: &BitcoinTransaction,
) -> Result<Option<Amount>, ServiceError> {
    let mut spent = Amount::ZERO;
    for input in &transaction.input {
        let Some(coin) = coins::coin(tx, input.previous_output).await? else {
            return Ok(None);
        };
        spent = spent.checked_add(coin.amount).unwrap_or(Amount::MAX_MONEY);
    }
    let mut outputs = transaction.output.iter().map(|output| output.value);
    let paid = outputs.try_fold(Amount::ZERO, Amount::checked_add);
    Ok(paid.and_then(|paid| spent.checked_sub(paid)))
}

/// The outputs of a recovery that do not come back as change.
async fn recovered(
    tx: &mut Transaction,
    row: &AttemptRow,
    shown: &Shown,
) -> Result<Vec<(u32, Amount)>, ServiceError> {
    if row.purpose != AttemptPurpose::Recover {
        return Ok(Vec::new());
    }
    let mut recovered = Vec::new();
    let outputs = shown.transaction.iter().flat_map(|one| &one.output);
    for (output, txout) in (0..).zip(outputs) {
        let watched = scripts::watched_script(tx, &txout.script_pubkey).await?;
        let is_change = shown.is_change(output)
            || watched.is_some_and(|script| {
                script.vault == row.vault && script.keychain == Keychain::Internal
            });
        if !is_change {
            recovered.push((output, txout.value));
        }
    }
    Ok(recovered)
}
