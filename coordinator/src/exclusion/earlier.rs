//! One transaction that was issued before, as its own file and every signer's journal have it.

use std::collections::{BTreeMap, HashMap};

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, OutPoint, Transaction, TxOut, Txid, Weight};
use policies::intent::IntentError;
use policies::journal::{AncestorInputs, SpendMode};
use policies::psbt::{AttemptPurpose, PsbtRefusal, read_strict};
use policies::{History, Intent, SignedTransaction, UnixTime};

/// A transaction that was issued before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// What a signer who signed it remembers; its rules are empty, so that it counts in no window again.
    pub record: SignedTransaction,
    /// The ancestors that its file carried, whole.
    pub ancestors: BTreeMap<Txid, Transaction>,
    /// Its weight with the heaviest witnesses.
    pub weight: Weight,
    /// Whether it is in a mempool or may enter one: nothing exclusive with it is in the chain.
    pub live: bool,
    /// The transaction with all its witnesses, where they are known.
    pub complete: Option<Transaction>,
}

/// Why a stored attempt cannot be read as an earlier transaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EarlierError {
    /// Its PSBT is not one that was issued.
    #[error("{0}")]
    Psbt(#[from] PsbtRefusal),
    /// An intent that it carries is none.
    #[error("{0}")]
    Intent(#[from] IntentError),
    /// Its outputs are worth more than its inputs, or the sums do not fit.
    #[error("the amounts of {txid} do not add up")]
    Amounts {
        /// The transaction.
        txid: Txid,
    },
}

impl Earlier {
    /// Reads the PSBT of an attempt as it was issued at a time, with the weight that was stored for it.
    ///
    /// # Errors
    /// [`EarlierError`], where it is not what this coordinator issued.
    pub fn read(psbt: &[u8], issued_at: UnixTime, weight: Weight) -> Result<Self, EarlierError> {
        let strict = read_strict(psbt)?;
        let manifest = strict.manifest();
        let transaction = strict.transaction().clone();
        let txid = strict.txid();
        let mut intents = Vec::new();
        let mut replaced = Vec::new();
        for (hash, bytes) in &manifest.intents {
            let intent = Intent::decode(bytes)?;
            if manifest.payments.values().any(|paid| paid == hash) {
                intents.push(intent);
            } else {
                replaced.push(intent);
            }
        }
        let inputs: Vec<OutPoint> = inputs_of(&transaction);
        let spent = strict.previous_outputs().iter();
        let fee = fee(&transaction, spent).ok_or(EarlierError::Amounts { txid })?;
        let record = SignedTransaction {
            txid,
            mode: mode(manifest.purpose),
            inputs,
            ancestors: manifest
                .ancestors
                .iter()
                .map(|(txid, ancestor)| AncestorInputs {
                    txid: *txid,
                    inputs: inputs_of(ancestor),
                })
                .collect(),
            rules: vec![String::new(); intents.len()],
            intents,
            replaced,
            change_indexes: manifest.changes.values().map(|(_, index)| *index).collect(),
            fee,
            at: issued_at,
            given: None,
        };
        Ok(Self {
            record,
            ancestors: manifest.ancestors.clone(),
            weight,
            live: true,
            complete: None,
        })
    }

    /// One whose file nobody kept: what signers' journals or the chain say of it.
    pub fn remembered(record: SignedTransaction, weight: Weight) -> Self {
        let rules = vec![String::new(); record.intents.len()];
        Self {
            record: SignedTransaction { rules, ..record },
            ancestors: BTreeMap::new(),
            weight,
            live: true,
            complete: None,
        }
    }

    /// The same, where something exclusive with it is in the chain, or it is itself.
    #[must_use]
    pub fn gone(self) -> Self {
        Self {
            live: false,
            ..self
        }
    }

    /// The same with all witnesses known.
    #[must_use]
    pub fn completed(self, transaction: Transaction) -> Self {
        Self {
            complete: Some(transaction),
            ..self
        }
    }

    /// Its txid.
    pub const fn txid(&self) -> Txid {
        self.record.txid
    }

    /// Its fee.
    pub const fn fee(&self) -> Amount {
        self.record.fee
    }

    /// Whether the two can never be in one chain, as their files show (M2).
    pub fn excludes(&self, other: &Self) -> bool {
        let spent: HashMap<OutPoint, Txid> = self.spends().collect();
        let mut theirs = other.spends();
        theirs.any(|(outpoint, by)| spent.get(&outpoint).is_some_and(|own| *own != by))
    }

    /// What it and its carried ancestors spend, and which of them spends each; coins of nobody left out.
    pub(crate) fn spends(&self) -> impl Iterator<Item = (OutPoint, Txid)> {
        let own = (self.record.inputs.iter()).map(|input| (*input, self.record.txid));
        let carried = self.record.ancestors.iter().flat_map(|ancestor| {
            let inputs = ancestor.inputs.iter();
            inputs.map(|input| (*input, ancestor.txid))
        });
        own.chain(carried).filter(|(input, _)| !input.is_null())
    }
}

/// Those of the earlier transactions that were issued for the lines of what is to be paid, as journals
/// draw them: by id, by what replaces it or is replaced, and by every output that would satisfy it.
pub fn of_lines(paid: &[Intent], replaced: &[Intent], all: Vec<Earlier>) -> Vec<Earlier> {
    let mut history = History::none();
    for earlier in &all {
        history.record(earlier.record.clone());
    }
    // It spends nothing, so that it excludes nothing: what stands against it is all of the lines.
    let probe = SignedTransaction {
        txid: Txid::all_zeros(),
        mode: SpendMode::Pay,
        inputs: Vec::new(),
        ancestors: Vec::new(),
        intents: paid.to_vec(),
        rules: vec![String::new(); paid.len()],
        replaced: replaced.to_vec(),
        change_indexes: Vec::new(),
        fee: Amount::ZERO,
        at: UnixTime::ZERO,
        given: None,
    };
    let missing = history.conflicts_missing(&probe);
    let of_lines = |earlier: &Earlier| missing.iter().any(|(txid, _, _)| *txid == earlier.txid());
    all.into_iter().filter(of_lines).collect()
}

fn inputs_of(transaction: &Transaction) -> Vec<OutPoint> {
    let inputs = transaction.input.iter();
    inputs.map(|input| input.previous_output).collect()
}

fn fee<'a>(transaction: &Transaction, previous: impl Iterator<Item = &'a TxOut>) -> Option<Amount> {
    let spent = sum(previous.map(|output| output.value))?;
    let paid = sum(transaction.output.iter().map(|output| output.value))?;
    spent.checked_sub(paid)
}

fn sum(amounts: impl Iterator<Item = Amount>) -> Option<Amount> {
    let mut amounts = amounts;
    amounts.try_fold(Amount::ZERO, Amount::checked_add)
}

const fn mode(purpose: AttemptPurpose) -> SpendMode {
    match purpose {
        AttemptPurpose::Pay | AttemptPurpose::Bump => SpendMode::Pay,
        AttemptPurpose::Consolidate
        | AttemptPurpose::Refresh
        | AttemptPurpose::Cancel
        | AttemptPurpose::Drain => SpendMode::SelfSpend,
        AttemptPurpose::Recover => SpendMode::Recovery,
    }
}
