//! A small world for tests: deposits, transactions of ours, one of the chains that can be, and the journal
//! that judges.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash as _;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Weight, Witness,
};
use policies::ids::{Keychain, Keyset, VaultId};
use policies::journal::{AncestorInputs, SpendMode};
use policies::{Intent, IntentKind, SignedTransaction, UnixTime};

use super::{Anchors, Earlier};
use crate::coin_selection::Candidate;

/// A payment of withdrawal `id` to the script of a number.
pub(crate) fn payment(id: &str, script: u8) -> Intent {
    let amount = Amount::from_sat(50_000);
    Intent {
        vault: VaultId::from_bytes([0x11; 32]),
        keyset: Keyset::from_bytes([0x11; 32]),
        requester: "exchange".parse().expect("a name"),
        id: id.parse().expect("an id"),
        kind: IntentKind::Payment,
        script_pubkey: ScriptBuf::from_bytes([vec![0x00, 0x14], vec![script; 20]].concat()),
        amount,
        min: amount,
        created: UnixTime::from_secs(1_795_478_400),
        expires: UnixTime::from_secs(1_795_564_800),
        replaces: None,
        repeats: None,
        reference: String::new(),
    }
}

/// An outpoint that is nobody's of ours.
pub(crate) fn foreign(number: u8) -> OutPoint {
    OutPoint::new(Txid::from_byte_array([number; 32]), u32::from(number))
}

/// A transaction with some outputs; `label` makes it another one.
pub(crate) fn transaction(label: u32, inputs: &[OutPoint], outputs: u64) -> Transaction {
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::from_consensus(label),
        input: inputs
            .iter()
            .map(|outpoint| TxIn {
                previous_output: *outpoint,
                script_sig: ScriptBuf::new(),
                sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                witness: Witness::new(),
            })
            .collect(),
        output: (0..outputs)
            .map(|number| TxOut {
                value: Amount::from_sat(10_000 + number),
                script_pubkey: ScriptBuf::from_bytes(vec![0x51]),
            })
            .collect(),
    }
}

pub(crate) fn inputs_of(transaction: &Transaction) -> Vec<OutPoint> {
    let inputs = transaction.input.iter();
    inputs.map(|input| input.previous_output).collect()
}

pub(crate) fn coin(transaction: &Transaction, vout: u32) -> Candidate {
    Candidate {
        outpoint: OutPoint::new(transaction.compute_txid(), vout),
        txout: TxOut {
            value: Amount::from_sat(10_000),
            script_pubkey: ScriptBuf::new(),
        },
        keychain: Keychain::External,
        index: vout,
        height: 100,
        frozen: false,
    }
}

pub(crate) fn record(
    transaction: &Transaction,
    carried: &BTreeMap<Txid, Transaction>,
    intents: &[Intent],
) -> SignedTransaction {
    SignedTransaction {
        txid: transaction.compute_txid(),
        mode: SpendMode::Pay,
        inputs: inputs_of(transaction),
        ancestors: carried
            .iter()
            .map(|(txid, ancestor)| AncestorInputs {
                txid: *txid,
                inputs: inputs_of(ancestor),
            })
            .collect(),
        intents: intents.to_vec(),
        rules: vec![String::new(); intents.len()],
        replaced: Vec::new(),
        change_indexes: Vec::new(),
        fee: Amount::from_sat(1_000),
        at: UnixTime::from_secs(1_795_478_500),
        given: None,
    }
}

/// A transaction that was issued, with what its file carried.
pub(crate) fn earlier(
    transaction: &Transaction,
    carried: &[&Transaction],
    intents: &[Intent],
) -> Earlier {
    let ancestors = known(carried);
    Earlier {
        record: record(transaction, &ancestors, intents),
        ancestors,
        weight: Weight::from_wu(1_000),
        live: true,
        complete: None,
    }
}

pub(crate) fn known(transactions: &[&Transaction]) -> BTreeMap<Txid, Transaction> {
    let transactions = transactions.iter();
    transactions
        .map(|one| (one.compute_txid(), (*one).clone()))
        .collect()
}

/// The known ancestors of coins, all of them.
pub(crate) fn ancestors_of(
    coins: &[OutPoint],
    known: &BTreeMap<Txid, Transaction>,
) -> BTreeMap<Txid, Transaction> {
    let mut all = BTreeMap::new();
    let mut open: Vec<Txid> = coins.iter().map(|coin| coin.txid).collect();
    let mut seen = BTreeSet::new();
    while let Some(txid) = open.pop() {
        if let Some(found) = known.get(&txid)
            && seen.insert(txid)
        {
            open.extend(found.input.iter().map(|input| input.previous_output.txid));
            all.insert(txid, found.clone());
        }
    }
    all
}

/// The transaction that the planner's answer leads to, as a journal will see it.
pub(crate) fn planned(anchors: &Anchors, intents: &[Intent]) -> SignedTransaction {
    let required: Vec<OutPoint> = anchors.required.iter().map(|coin| coin.outpoint).collect();
    record(
        &transaction(99_999, &required, 1),
        &anchors.carried,
        intents,
    )
}
