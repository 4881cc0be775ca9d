//! An attempt as papers have it: what it spends and pays, and who signed it.

use std::collections::BTreeSet;

use bitcoin::Weight;
use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, TxIn, TxOut};
use policies::document::Policy;
use policies::journal::{SignedTransaction, SpendMode};
use policies::psbt::AttemptPurpose;
use policies::{Keychain, PolicyId, UnixTime};

use super::Mistake;

/// An attempt that papers know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// What it spends and pays.
    pub record: SignedTransaction,
    /// What it is for, as far as that is known.
    pub purpose: AttemptPurpose,
    /// The version that it was made under, where its PSBT says so.
    pub policy: Option<PolicyId>,
    /// The signers whose journals hold it.
    pub signed_by: BTreeSet<String>,
    /// Its PSBT as it was issued, where there is one.
    pub psbt: Option<Vec<u8>>,
}

impl Remembered {
    /// What one journal's entry says.
    pub fn by_journal(record: SignedTransaction, signer: &str) -> Self {
        Self {
            purpose: match record.mode {
                SpendMode::Pay => AttemptPurpose::Pay,
                SpendMode::SelfSpend => AttemptPurpose::Consolidate,
                SpendMode::Recovery => AttemptPurpose::Recover,
            },
            record: normalized(record),
            policy: None,
            signed_by: BTreeSet::from([signer.to_owned()]),
            psbt: None,
        }
    }

    /// What its PSBT says, as it was issued.
    pub fn by_transfer(
        record: SignedTransaction,
        (purpose, policy): (AttemptPurpose, PolicyId),
        psbt: Vec<u8>,
    ) -> Self {
        Self {
            purpose,
            record: normalized(record),
            policy: Some(policy),
            signed_by: BTreeSet::new(),
            psbt: Some(psbt),
        }
    }

    /// What two papers say together. The order of the two does not matter.
    ///
    /// # Errors
    /// [`Mistake::Disagree`], where they cannot both be true.
    pub fn with(mut self, other: Self) -> Result<Self, Mistake> {
        let (one, two) = (&mut self.record, other.record);
        let facts = |record: &SignedTransaction| {
            let (inputs, intents) = (record.inputs.clone(), record.intents.clone());
            (record.txid, record.mode, inputs, intents)
        };
        if facts(one) != facts(&two) {
            return Err(Mistake::Disagree { txid: one.txid });
        }
        for ancestor in two.ancestors {
            match (one.ancestors.iter()).find(|known| known.txid == ancestor.txid) {
                None => one.ancestors.push(ancestor),
                Some(known) if *known == ancestor => {}
                Some(_) => return Err(Mistake::Disagree { txid: one.txid }),
            }
        }
        one.ancestors.sort_by_key(|ancestor| ancestor.txid);
        for replaced in two.replaced {
            if !one.replaced.contains(&replaced) {
                one.replaced.push(replaced);
            }
        }
        one.replaced.sort_by_key(policies::Intent::hash);
        for (rule, other) in one.rules.iter_mut().zip(two.rules) {
            // Of two names under two versions the same one is taken whichever came first.
            if rule.is_empty() || (!other.is_empty() && other < *rule) {
                *rule = other;
            }
        }
        // A transfer does not say when it was made: what a journal says is later and known.
        one.at = match (self.signed_by.is_empty(), other.signed_by.is_empty()) {
            (true, false) => two.at,
            (false, true) => one.at,
            (true, true) | (false, false) => one.at.min(two.at),
        };
        // It may have been issued again with more approvals: any of them is the same transaction.
        let better = match (&self.psbt, &other.psbt) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(own), Some(theirs)) => theirs < own,
        };
        // The PSBT shows its own fee and change. Of two journals one that overstates a fee is not heard: what takes
        // the attempt's place would pay more than it has to.
        if better {
            one.change_indexes = two.change_indexes;
            one.fee = two.fee;
            self.purpose = other.purpose;
            self.policy = other.policy;
            self.psbt = other.psbt;
        } else if self.psbt.is_none() {
            let indexes: BTreeSet<u32> = (one.change_indexes.iter().chain(&two.change_indexes))
                .copied()
                .collect();
            one.change_indexes = indexes.into_iter().collect();
            one.fee = one.fee.min(two.fee);
        }
        self.signed_by.extend(other.signed_by);
        Ok(self)
    }

    /// Whether a transaction of that id spends and pays just this.
    pub fn fits(&self, transaction: &Transaction) -> bool {
        let record = &self.record;
        let spent = (transaction.input.iter()).map(|input| input.previous_output);
        let spent: BTreeSet<OutPoint> = spent.collect();
        let said: BTreeSet<OutPoint> = record.inputs.iter().copied().collect();
        let mut left: Vec<&TxOut> = transaction.output.iter().collect();
        let mut paid = record.intents.iter().map(|intent| {
            let pays = |output: &&TxOut| {
                output.script_pubkey == intent.script_pubkey
                    && (intent.min..=intent.amount).contains(&output.value)
            };
            let place = left.iter().position(pays);
            place.map(|place| left.swap_remove(place)).is_some()
        });
        spent == said && paid.all(|is_paid| is_paid)
    }

    /// When it was first signed, as far as papers know.
    pub const fn at(&self) -> UnixTime {
        self.record.at
    }
}

/// The same in an order that does not depend on who wrote it, without what one receipt says.
fn normalized(mut record: SignedTransaction) -> SignedTransaction {
    record.inputs.sort_unstable();
    record.ancestors.sort_by_key(|ancestor| ancestor.txid);
    record.replaced.sort_by_key(policies::Intent::hash);
    let mut paid: Vec<_> = record.intents.into_iter().zip(record.rules).collect();
    paid.sort_by_key(|(intent, _)| intent.hash());
    (record.intents, record.rules) = paid.into_iter().unzip();
    record.change_indexes.sort_unstable();
    record.given = None;
    record
}

/// The weight of a transaction that spends and pays this, every input spent through the heaviest ordinary path.
pub fn weight_of(policy: &Policy, record: &SignedTransaction) -> Weight {
    let descriptor = &policy.descriptor;
    let change = descriptor.script_pubkey(Keychain::Internal, 0);
    let paid = record.intents.iter();
    let mut scripts: Vec<ScriptBuf> = paid.map(|intent| intent.script_pubkey.clone()).collect();
    scripts.extend(record.change_indexes.iter().map(|_| change.clone()));
    if scripts.is_empty() {
        scripts.push(change);
    }
    let outputs = scripts.into_iter().map(|script_pubkey| TxOut {
        value: Amount::ZERO,
        script_pubkey,
    });
    let unsigned = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: record
            .inputs
            .iter()
            .map(|input| TxIn {
                previous_output: *input,
                ..TxIn::default()
            })
            .collect(),
        output: outputs.collect(),
    };
    let inputs = u64::try_from(record.inputs.len()).unwrap_or(u64::MAX);
    let witnesses = descriptor
        .max_satisfaction_weight()
        .checked_mul(inputs)
        .unwrap_or(Weight::MAX);
    // The marker and the flag of a transaction with witnesses.
    let flagged = Weight::from_wu(2);
    unsigned
        .weight()
        .checked_add(witnesses)
        .and_then(|weight| weight.checked_add(flagged))
        .unwrap_or(Weight::MAX)
}
