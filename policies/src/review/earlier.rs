//! Earlier attempts: transactions that the file shows fully signed, so that paying the same again in their
//! place grants nothing new.
//!
//! None of it is believed. Every coin that it spends must be spent here too: then it could be mined whenever
//! this transaction can, and what died long ago, such as what a cancellation took the place of, grants nothing.
//! So its previous outputs are those of this transaction, coins of this vault. Each of its witnesses must be a
//! valid satisfaction of an ordinary path, run by an interpreter over our own sighash. A recovery is refused.

mod fault;

use std::collections::{BTreeSet, HashMap};

use bitcoin::{OutPoint, Transaction, TxOut};

pub use self::fault::WitnessFault;
use super::Refusal;
use super::refusal::EarlierRefusal;
use super::structure::SEQUENCE;
use crate::journal::SpendMode;
use crate::planted::{Bug, planted};
use crate::psbt::StrictPsbt;
use crate::witness::{AllowedPaths, WitnessChecker};

/// The most earlier attempts that a file may show.
pub(super) const MAX_EARLIER: usize = 16;

/// Returns the earlier attempts that are fully signed and whose place the reviewed transaction takes.
pub(super) fn examine<'a>(
    psbt: &'a StrictPsbt,
    mode: SpendMode,
    refusals: &mut Vec<Refusal>,
) -> Vec<&'a Transaction> {
    let manifest = psbt.manifest();
    if mode != SpendMode::Pay && !manifest.earlier.is_empty() {
        refusals.push(Refusal::Earlier(EarlierRefusal::WithoutPayment));
        return Vec::new();
    }
    if manifest.earlier.len() > MAX_EARLIER {
        refusals.push(Refusal::Earlier(EarlierRefusal::TooMany {
            found: manifest.earlier.len(),
            max: MAX_EARLIER,
        }));
        return Vec::new();
    }
    let previous: HashMap<OutPoint, &TxOut> = (psbt.transaction().input.iter())
        .map(|txin| txin.previous_output)
        .zip(psbt.previous_outputs())
        .collect();
    let mut shown = Vec::new();
    for (txid, earlier) in &manifest.earlier {
        let spends = earlier.input.iter().map(|txin| txin.previous_output);
        let mut outputs = Vec::with_capacity(earlier.input.len());
        for (input, outpoint) in spends.enumerate() {
            match previous.get(&outpoint) {
                Some(output) => outputs.push((*output).clone()),
                None if planted(Bug::EarlierNotReplaced) => {}
                None => refusals.push(Refusal::Earlier(EarlierRefusal::NotReplaced {
                    txid: *txid,
                    input,
                })),
            }
        }
        if outputs.len() != earlier.input.len() {
            if planted(Bug::EarlierNotReplaced) {
                shown.push(earlier);
            }
            continue;
        }
        match fully_signed(earlier, &outputs) {
            Ok(()) => shown.push(earlier),
            Err(_) if planted(Bug::EarlierSigned) => shown.push(earlier),
            Err((input, fault)) => refusals.push(Refusal::Earlier(EarlierRefusal::NotSigned {
                txid: *txid,
                input,
                fault,
            })),
        }
    }
    shown
}

/// Runs every input's witness.
fn fully_signed(earlier: &Transaction, previous: &[TxOut]) -> Result<(), (usize, WitnessFault)> {
    let mut spent = BTreeSet::new();
    let mut checker = WitnessChecker::new(earlier, previous, AllowedPaths::Ordinary);
    for (input, txin) in earlier.input.iter().enumerate() {
        if !spent.insert(txin.previous_output) {
            return Err((input, WitnessFault::SpentTwice));
        }
        // A recovery grants nothing, whichever path its signatures open.
        if txin.sequence != SEQUENCE && !planted(Bug::EarlierRecovery) {
            return Err((input, WitnessFault::NotOrdinary));
        }
        if !txin.script_sig.is_empty() {
            return Err((input, WitnessFault::ScriptSig));
        }
        checker
            .check(input, &txin.witness)
            .map_err(|error| (input, error.into()))?;
    }
    Ok(())
}
