//! The Updater: everything that signers and their devices need to know (BIP 174).
//!
//! Inputs carry `witness_utxo`, for segwit v0 the whole funding transaction as well, their scripts
//! and the origins of all keys; taproot inputs the internal key, merkle root, every leaf and the
//! origins with their leaves (BIP 371). Change carries the same of its own script. The extended key of every
//! cosigner stands in the global map, the key that nobody knows (NUMS) does not. No sighash field
//! is written: everybody signs everything.

use std::collections::BTreeMap;

use bitcoin::{OutPoint, Psbt, Transaction, Txid, psbt::Error as PsbtError};
use policies::descriptor::{DerivedScript, ScriptKind, VaultDescriptor};

use super::issued::IssuedTransaction;

/// Why a PSBT could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum UpdaterError {
    /// The transaction is signed already, or is none that a PSBT can carry.
    #[error("the transaction cannot stand in a PSBT: {0}")]
    NotUnsigned(#[from] PsbtError),
    /// The funding transaction is needed and was not given.
    #[error("the funding transaction {txid} of input {input} is missing")]
    NoFunding {
        /// The input.
        input: usize,
        /// The transaction that is needed.
        txid: Txid,
    },
    /// The funding transaction does not contain the coin.
    #[error("the funding transaction given for input {input} does not contain the coin {outpoint}")]
    OtherFunding {
        /// The input.
        input: usize,
        /// The coin.
        outpoint: OutPoint,
    },
    /// The output named as change does not pay the change script.
    #[error("output {output} does not pay the change script")]
    NotChange {
        /// The output.
        output: u32,
    },
}

/// Fills a PSBT for `issued`: `fundings` are whole transactions by txid, needed unless the vault is
/// taproot; `change` is its output and script.
///
/// # Errors
/// Returns the first thing that does not fit together.
pub fn update(
    issued: &IssuedTransaction,
    descriptor: &VaultDescriptor,
    fundings: &BTreeMap<Txid, Transaction>,
    change: Option<(u32, &DerivedScript)>,
) -> Result<Psbt, UpdaterError> {
    let mut psbt = Psbt::from_unsigned_tx(issued.unsigned().clone())?;
    for position in descriptor.key_positions() {
        psbt.xpub
            .insert(position.xpub, (position.fingerprint, position.path.clone()));
    }
    let spent = issued.previous_outputs().iter().zip(issued.scripts());
    let inputs = psbt.unsigned_tx.input.iter().zip(&mut psbt.inputs);
    for (input, ((txin, fields), (prevout, derived))) in inputs.zip(spent).enumerate() {
        let outpoint = txin.previous_output;
        fields.witness_utxo = Some(prevout.clone());
        match descriptor.kind() {
            ScriptKind::Wsh | ScriptKind::Wpkh => {
                let txid = outpoint.txid;
                let funding = fundings
                    .get(&txid)
                    .ok_or(UpdaterError::NoFunding { input, txid })?;
                let made = usize::try_from(outpoint.vout)
                    .ok()
                    .and_then(|place| funding.output.get(place));
                if funding.compute_txid() != txid || made != Some(prevout) {
                    return Err(UpdaterError::OtherFunding { input, outpoint });
                }
                fields.non_witness_utxo = Some(funding.clone());
            }
            ScriptKind::Tr => {}
        }
        derived.update_input(fields);
    }
    if let Some((output, derived)) = change {
        let place = usize::try_from(output).ok();
        let txout = place.and_then(|place| psbt.unsigned_tx.output.get(place));
        let fields = place.and_then(|place| psbt.outputs.get_mut(place));
        match (txout, fields) {
            (Some(txout), Some(fields)) if txout.script_pubkey == derived.script_pubkey => {
                derived.update_output(fields);
            }
            (None | Some(_), None | Some(_)) => return Err(UpdaterError::NotChange { output }),
        }
    }
    Ok(psbt)
}
