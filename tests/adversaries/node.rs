//! Bitcoin Core as a judge: does the chain take what was signed?

use std::collections::BTreeMap;

use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::Secp256k1;
use serde_json::{Value, json};

use super::vault::{SIGNERS, Vault, master};
use crate::{Bitcoind, Failure};

/// Whether the node takes the transaction of these signatures, when everybody else of the vault signs
/// whatever is put before them.
pub(super) fn accepts(node: &Bitcoind, vault: &Vault, signed: &Psbt) -> Result<bool, Failure> {
    let mut psbt = Psbt::from_unsigned_tx(signed.unsigned_tx.clone())?;
    for (index, input) in signed.unsigned_tx.input.iter().enumerate() {
        let outpoint = input.previous_output;
        let Some(coin) = vault.coins.iter().find(|coin| coin.outpoint == outpoint) else {
            return Ok(false);
        };
        let fields = &mut psbt.inputs[index];
        fields.witness_utxo = Some(coin.output.clone());
        if !vault.kind.is_tr() {
            fields.non_witness_utxo = Some(coin.funding.clone());
        }
        vault
            .policy
            .descriptor
            .at(coin.keychain, coin.index)
            .update_input(fields);
    }
    // The recovery key would need another sequence; the others sign anything.
    let secp = Secp256k1::new();
    let mut accomplices = psbt.clone();
    for name in SIGNERS.iter().take(3) {
        let (Ok(_) | Err(_)) = accomplices.sign(&master(name), &secp);
    }
    let both = |own: usize, others: usize| own + others >= 2;
    let inputs = psbt
        .inputs
        .iter_mut()
        .zip(&signed.inputs)
        .zip(&accomplices.inputs);
    for ((fields, own), others) in inputs {
        fields.partial_sigs = own.partial_sigs.clone();
        fields.tap_script_sigs = own.tap_script_sigs.clone();
        fields.tap_key_sig = own.tap_key_sig;
        // Only as many accomplices as are needed, so that the signer's own signature decides.
        for (key, signature) in &others.partial_sigs {
            if both(fields.partial_sigs.len(), 0) {
                break;
            }
            fields.partial_sigs.entry(*key).or_insert(*signature);
        }
        for (place, signature) in &others.tap_script_sigs {
            if fields.tap_key_sig.is_some() || both(fields.tap_script_sigs.len(), 0) {
                break;
            }
            let same_leaf = fields
                .tap_script_sigs
                .keys()
                .all(|(_, leaf)| *leaf == place.1);
            if same_leaf {
                fields.tap_script_sigs.entry(*place).or_insert(*signature);
            }
        }
    }
    finalizes(node, &psbt)
}

/// Whether the node finalizes a PSBT and takes the result into its mempool.
pub(super) fn finalizes(node: &Bitcoind, psbt: &Psbt) -> Result<bool, Failure> {
    let text = BASE64_STANDARD.encode(psbt.serialize());
    let finalized: Value = match node.try_call("finalizepsbt", json!([text]))? {
        Ok(finalized) => finalized,
        Err(_) => return Ok(false),
    };
    match finalized["hex"].as_str() {
        None => Ok(false),
        Some(hex) => takes(node, hex),
    }
}

/// Whether the node would take a transaction into its mempool.
pub(super) fn takes(node: &Bitcoind, hex: &str) -> Result<bool, Failure> {
    let answer: Vec<BTreeMap<String, Value>> = node.call("testmempoolaccept", json!([[hex], 0]))?;
    Ok(answer
        .first()
        .and_then(|answer| answer.get("allowed"))
        .and_then(Value::as_bool)
        .unwrap_or(false))
}
