//! Earlier attempts: transactions that the file shows fully signed, so that paying the same again in their
//! place grants nothing new.
//!
//! None of it is believed. Every input must be a coin of this vault's descriptor, and its witness a valid
//! satisfaction of an ordinary path, run by an interpreter over our own sighash; previous outputs come from
//! what is tied by txid wherever the file has that, and a valid witness commits to the rest. An outsider's
//! transaction, a recovery and one that could be mined beside the new one are refused by name.

mod fault;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bitcoin::{OutPoint, Transaction, TxOut, Txid};

pub use self::fault::WitnessFault;
use super::Refusal;
use super::refusal::EarlierRefusal;
use super::structure::{SEQUENCE, Structure};
use crate::descriptor::OwnScripts;
use crate::document::Policy;
use crate::journal::{History, SpendMode};
use crate::planted::{Bug, planted};
use crate::psbt::{Manifest, StrictPsbt};
use crate::witness::{AllowedPaths, WitnessChecker};

/// The most earlier attempts that a file may show.
pub(super) const MAX_EARLIER: usize = 16;

/// Returns the earlier attempts that are fully signed and exclusive with the reviewed transaction.
pub(super) fn examine<'a>(
    psbt: &'a StrictPsbt,
    policy: &Policy,
    mode: SpendMode,
    structure: &Structure,
    history: &History,
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
    let outputs = Outputs::of(psbt);
    examine_outputs(manifest, &outputs, refusals);
    let own = OwnScripts::new(&policy.descriptor, history.index_bound());
    let mut shown = Vec::new();
    for (txid, earlier) in &manifest.earlier {
        if !is_exclusive(psbt.transaction(), earlier, &manifest.ancestors)
            && !planted(Bug::EarlierExclusive)
        {
            refusals.push(Refusal::Earlier(EarlierRefusal::NotExclusive {
                txid: *txid,
            }));
            continue;
        }
        let mut previous = Vec::with_capacity(earlier.input.len());
        for (input, txin) in earlier.input.iter().enumerate() {
            match outputs.get(&txin.previous_output) {
                None => refusals.push(Refusal::Earlier(EarlierRefusal::OutputMissing {
                    txid: *txid,
                    input,
                })),
                Some(output) => {
                    let known = own.contains(&output.script_pubkey)
                        || (structure.inputs.iter())
                            .any(|ours| ours.derived.script_pubkey == output.script_pubkey);
                    let known = known || planted(Bug::EarlierForeign);
                    if !known {
                        refusals.push(Refusal::Earlier(EarlierRefusal::ForeignInput {
                            txid: *txid,
                            input,
                        }));
                    }
                    previous.push((output.clone(), known));
                }
            }
        }
        let all_known = previous.iter().all(|(_, known)| *known);
        if previous.len() != earlier.input.len() || !all_known {
            continue;
        }
        let previous: Vec<TxOut> = previous.into_iter().map(|(output, _)| output).collect();
        match fully_signed(earlier, &previous) {
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

/// Previous outputs: those that txids prove, and those that the manifest claims.
struct Outputs<'a> {
    proven: HashMap<OutPoint, &'a TxOut>,
    transactions: BTreeMap<Txid, &'a Transaction>,
    claimed: &'a BTreeMap<OutPoint, TxOut>,
}

impl<'a> Outputs<'a> {
    fn of(psbt: &'a StrictPsbt) -> Self {
        let manifest = psbt.manifest();
        let spends = psbt.transaction().input.iter();
        let proven = spends
            .zip(psbt.previous_outputs())
            .map(|(txin, output)| (txin.previous_output, output));
        let previous = (psbt.psbt().inputs.iter().zip(&psbt.transaction().input)).filter_map(
            |(field, txin)| {
                let previous = field.non_witness_utxo.as_ref()?;
                Some((txin.previous_output.txid, previous))
            },
        );
        let carried = manifest.ancestors.iter().chain(&manifest.earlier);
        Self {
            proven: proven.collect(),
            transactions: previous
                .chain(carried.map(|(txid, transaction)| (*txid, transaction)))
                .collect(),
            claimed: &manifest.earlier_outputs,
        }
    }

    fn proven(&self, outpoint: &OutPoint) -> Option<&'a TxOut> {
        self.proven.get(outpoint).copied().or_else(|| {
            let vout = usize::try_from(outpoint.vout).ok()?;
            self.transactions.get(&outpoint.txid)?.output.get(vout)
        })
    }

    fn get(&self, outpoint: &OutPoint) -> Option<&'a TxOut> {
        self.proven(outpoint).or_else(|| self.claimed.get(outpoint))
    }
}

/// Examines that every claimed previous output is one of an earlier attempt, and not another than proven.
fn examine_outputs(manifest: &Manifest, outputs: &Outputs<'_>, refusals: &mut Vec<Refusal>) {
    let spent: BTreeSet<&OutPoint> = manifest
        .earlier
        .values()
        .flat_map(|earlier| &earlier.input)
        .map(|txin| &txin.previous_output)
        .collect();
    for (outpoint, claimed) in &manifest.earlier_outputs {
        if !spent.contains(outpoint) {
            refusals.push(Refusal::Earlier(EarlierRefusal::OutputUnused {
                outpoint: *outpoint,
            }));
        } else if outputs
            .proven(outpoint)
            .is_some_and(|proven| proven != claimed)
        {
            refusals.push(Refusal::Earlier(EarlierRefusal::OutputMismatch {
                outpoint: *outpoint,
            }));
        }
    }
}

/// Whether the two can never be in one chain: among them and their carried ancestors, two transactions with
/// different txids spend one outpoint.
fn is_exclusive(
    one: &Transaction,
    other: &Transaction,
    ancestors: &BTreeMap<Txid, Transaction>,
) -> bool {
    let mut waiting = vec![one, other];
    let mut seen: BTreeSet<Txid> = BTreeSet::new();
    let mut spent_by: HashMap<OutPoint, Txid> = HashMap::new();
    if one.compute_txid() == other.compute_txid() {
        // The same transaction: it pays the same once.
        return true;
    }
    while let Some(transaction) = waiting.pop() {
        let txid = transaction.compute_txid();
        if !seen.insert(txid) {
            continue;
        }
        for txin in &transaction.input {
            let outpoint = txin.previous_output;
            if outpoint.is_null() {
                continue;
            }
            if spent_by.insert(outpoint, txid).is_some_and(|by| by != txid) {
                return true;
            }
            waiting.extend(ancestors.get(&outpoint.txid));
        }
    }
    false
}
