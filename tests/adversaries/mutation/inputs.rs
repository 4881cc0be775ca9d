//! Lies about inputs: what is spent, whose it is, what it holds, and how it is signed.

use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint};
use bitcoin::hashes::Hash as _;
use bitcoin::psbt::{Input, PsbtSighashType};
use bitcoin::script::Builder;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, TxIn, TxOut, Txid, Witness, opcodes};

use super::super::attempt::Case;
use super::super::oracle::Spend;
use super::super::vault::stranger;
use super::outputs::foreign_key;
use super::{Class, Expected, class};

pub(super) const CLASSES: &[Class] = &[
    class("foreign input", foreign_input),
    class("own key in a foreign script", own_key_in_a_foreign_script),
    class("origins of another index", origins_of_another_index),
    class("origins of another account", origins_of_another_account),
    class("origins too deep", origins_too_deep),
    class("amount lied about", amount_lied_about),
    class("amounts exchanged between inputs", amounts_exchanged),
    class("previous script lied about", previous_script_lied_about),
    class(
        "previous transaction left out",
        previous_transaction_left_out,
    ),
    class("no previous output at all", no_previous_output),
    class("previous transaction of another id", previous_of_another_id),
    class(
        "previous transaction without outputs",
        previous_without_outputs,
    ),
    class("output beyond the previous transaction", output_beyond),
    class("another coin under the same fields", another_coin),
    class("sighash type", sighash_type),
    class("sighash type of the other kind", sighash_of_the_other_kind),
    class(
        "sighash type that changes nothing",
        sighash_that_changes_nothing,
    ),
    class("input twice", input_twice),
    class("input removed", input_removed),
    class("coin added for the miners", coin_added_for_the_miners),
    class("too many inputs", too_many_inputs),
];

/// An input that spends something, with its fields.
fn add_input(case: &mut Case<'_>, outpoint: OutPoint, fields: Input) {
    case.attempt.psbt.unsigned_tx.input.push(TxIn {
        previous_output: outpoint,
        script_sig: ScriptBuf::new(),
        sequence: Sequence(0xffff_fffd),
        witness: Witness::new(),
    });
    case.attempt.psbt.inputs.push(fields);
}

/// A transaction of somebody else that pays a script, and its outpoint.
fn made(script_pubkey: ScriptBuf, sat: u64) -> (bitcoin::Transaction, OutPoint, TxOut) {
    let output = TxOut {
        value: Amount::from_sat(sat),
        script_pubkey,
    };
    let transaction = bitcoin::Transaction {
        version: bitcoin::transaction::Version::TWO,
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::new(Txid::from_byte_array([9; 32]), 0),
            ..TxIn::default()
        }],
        output: vec![output.clone()],
    };
    let outpoint = OutPoint::new(transaction.compute_txid(), 0);
    (transaction, outpoint, output)
}

fn foreign_input(case: &mut Case<'_>) -> Option<Expected> {
    let script = stranger(case.draw.byte());
    let (previous, outpoint, output) = made(script, 5_000);
    let fields = Input {
        witness_utxo: Some(output),
        non_witness_utxo: Some(previous),
        ..Input::default()
    };
    add_input(case, outpoint, fields);
    Some(Expected::Refused("FOREIGN_INPUT"))
}

fn own_key_in_a_foreign_script(case: &mut Case<'_>) -> Option<Expected> {
    if case.vault.kind.is_tr() {
        return None;
    }
    let own = case.attempt.psbt.inputs[0].clone();
    let thief = foreign_key(case);
    let keys: Vec<_> = own.bip32_derivation.keys().copied().collect();
    let key = *case.draw.one(&keys);
    let script = Builder::new()
        .push_int(1)
        .push_key(&bitcoin::PublicKey::new(key))
        .push_key(&thief)
        .push_int(2)
        .push_opcode(opcodes::all::OP_CHECKMULTISIG)
        .into_script();
    let (previous, outpoint, output) = made(script.to_p2wsh(), 50_000);
    let spend = Spend::Wsh(script.clone());
    case.truth.coins.insert(outpoint, (output.clone(), spend));
    let fields = Input {
        witness_utxo: Some(output),
        non_witness_utxo: Some(previous),
        witness_script: Some(script),
        bip32_derivation: own.bip32_derivation,
        ..Input::default()
    };
    add_input(case, outpoint, fields);
    Some(Expected::Refused("INPUT_PATH_MISMATCH"))
}

/// Alters every path to a key of an input.
pub(super) fn with_paths(
    case: &mut Case<'_>,
    input: usize,
    mut alter: impl FnMut(&mut Fingerprint, &mut DerivationPath),
) {
    let fields = &mut case.attempt.psbt.inputs[input];
    for (fingerprint, path) in fields.bip32_derivation.values_mut() {
        alter(fingerprint, path);
    }
    for (_, (fingerprint, path)) in fields.tap_key_origins.values_mut() {
        alter(fingerprint, path);
    }
}

/// A path with one step replaced, counted from its end.
fn replace_step(path: &mut DerivationPath, from_end: usize, step: ChildNumber) {
    let mut steps: Vec<ChildNumber> = path.into_iter().copied().collect();
    // The key that nobody knows has a path of two steps only.
    if let Some(place) = steps.len().checked_sub(from_end) {
        steps[place] = step;
    }
    *path = steps.into();
}

fn origins_of_another_index(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let other = u32::try_from(case.draw.from_to(100, 2_000)).ok()?;
    let step = ChildNumber::from_normal_idx(other).ok()?;
    with_paths(case, input, |_, path| replace_step(path, 1, step));
    Some(Expected::Refused("INPUT_PATH_MISMATCH"))
}

fn origins_of_another_account(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let place = *case.draw.one(&[3, 4, 5, 6]);
    let step = ChildNumber::from_hardened_idx(77).ok()?;
    with_paths(case, input, |_, path| replace_step(path, place, step));
    Some(Expected::Refused("FOREIGN_INPUT"))
}

fn origins_too_deep(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let step = if case.draw.coin() {
        ChildNumber::from_normal_idx(0).ok()?
    } else {
        ChildNumber::from_hardened_idx(0).ok()?
    };
    with_paths(case, input, |_, path| *path = path.child(step));
    Some(Expected::Refused("FOREIGN_INPUT"))
}

fn amount_lied_about(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let sat = Amount::from_sat(*case.draw.one(&[1, 2, 1_000]));
    let up = case.draw.coin();
    let output = case.attempt.psbt.inputs[input].witness_utxo.as_mut()?;
    if up {
        output.value += sat;
    } else {
        output.value -= sat;
    }
    Some(if case.vault.kind.is_tr() {
        Expected::Worthless
    } else {
        Expected::Refused("PREVIOUS_OUTPUT_MISMATCH")
    })
}

fn amounts_exchanged(case: &mut Case<'_>) -> Option<Expected> {
    for (input, sat) in [(0, 1_000_i64), (1, -1_000)] {
        let output = case.attempt.psbt.inputs[input].witness_utxo.as_mut()?;
        let value = i64::try_from(output.value.to_sat()).ok()? + sat;
        output.value = Amount::from_sat(u64::try_from(value).ok()?);
    }
    Some(if case.vault.kind.is_tr() {
        Expected::Worthless
    } else {
        Expected::Refused("PREVIOUS_OUTPUT_MISMATCH")
    })
}

fn previous_script_lied_about(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let other = stranger(case.draw.byte());
    case.attempt.psbt.inputs[input]
        .witness_utxo
        .as_mut()?
        .script_pubkey = other;
    Some(Expected::Refused(if case.vault.kind.is_tr() {
        "INPUT_PATH_MISMATCH"
    } else {
        "PREVIOUS_OUTPUT_MISMATCH"
    }))
}

fn previous_transaction_left_out(case: &mut Case<'_>) -> Option<Expected> {
    if case.vault.kind.is_tr() {
        return None;
    }
    let input = case.any_input();
    case.attempt.psbt.inputs[input].non_witness_utxo = None;
    Some(Expected::Refused("PREVIOUS_TRANSACTION_MISSING"))
}

fn no_previous_output(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let fields = &mut case.attempt.psbt.inputs[input];
    fields.non_witness_utxo = None;
    fields.witness_utxo = None;
    Some(Expected::Refused("PREVIOUS_OUTPUT_MISSING"))
}

/// The whole transaction that made a coin.
fn funding(case: &Case<'_>, input: usize) -> bitcoin::Transaction {
    let outpoint = case.attempt.psbt.unsigned_tx.input[input].previous_output;
    let coin = case
        .vault
        .coins
        .iter()
        .find(|coin| coin.outpoint == outpoint);
    coin.expect("a coin of the vault").funding.clone()
}

fn previous_of_another_id(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let mut previous = funding(case, input);
    match case.draw.below(4) {
        0 => previous.version = bitcoin::transaction::Version(3),
        1 => previous.input[0].sequence = Sequence(7),
        2 => previous.output[0].value += Amount::ONE_SAT,
        _ => {
            for output in &mut previous.output {
                output.value += Amount::from_sat(50_000);
            }
            let fields = &mut case.attempt.psbt.inputs[input];
            fields.witness_utxo.as_mut()?.value += Amount::from_sat(50_000);
        }
    }
    case.attempt.psbt.inputs[input].non_witness_utxo = Some(previous);
    Some(Expected::Refused("PREVIOUS_OUTPUT_MISMATCH"))
}

fn previous_without_outputs(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let mut previous = funding(case, input);
    previous.output.clear();
    case.attempt.psbt.inputs[input].non_witness_utxo = Some(previous);
    Some(Expected::Refused("PREVIOUS_OUTPUT_MISMATCH"))
}

fn output_beyond(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let previous = funding(case, input);
    let outputs = u32::try_from(previous.output.len()).ok()?;
    case.attempt.psbt.inputs[input].non_witness_utxo = Some(previous);
    let vout = *case.draw.one(&[outputs, outputs + 1, 1_000, u32::MAX]);
    case.attempt.psbt.unsigned_tx.input[input]
        .previous_output
        .vout = vout;
    Some(Expected::Refused("PREVIOUS_OUTPUT_MISMATCH"))
}

fn another_coin(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let unused = (0..case.vault.coins.len())
        .filter(|place| !case.plan.coins.contains(place))
        .collect::<Vec<_>>();
    let place = *case.draw.one(&unused);
    let other = case.vault.coins[place].outpoint;
    case.attempt.psbt.unsigned_tx.input[input].previous_output = other;
    Some(if case.vault.kind.is_tr() {
        Expected::Worthless
    } else {
        Expected::Refused("PREVIOUS_OUTPUT_MISMATCH")
    })
}

fn sighash_type(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let any = case.draw.word().to_le_bytes();
    let any = u32::from_le_bytes([any[0], any[1], any[2], any[3]]);
    let kind = *case.draw.one(&[
        2,
        3,
        0x81,
        0x82,
        0x83,
        4,
        0x80,
        0xff,
        0x100,
        0x101,
        any | 0x200,
    ]);
    case.attempt.psbt.inputs[input].sighash_type = Some(PsbtSighashType::from_u32(kind));
    Some(Expected::Refused("SIGHASH"))
}

fn sighash_of_the_other_kind(case: &mut Case<'_>) -> Option<Expected> {
    if case.vault.kind.is_tr() {
        return None;
    }
    let input = case.any_input();
    case.attempt.psbt.inputs[input].sighash_type = Some(PsbtSighashType::from_u32(0));
    Some(Expected::Refused("SIGHASH"))
}

fn sighash_that_changes_nothing(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let kind = u32::from(!case.vault.kind.is_tr() || case.draw.coin());
    case.attempt.psbt.inputs[input].sighash_type = Some(PsbtSighashType::from_u32(kind));
    Some(Expected::Signed)
}

fn input_twice(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    let outpoint = case.attempt.psbt.unsigned_tx.input[input].previous_output;
    let fields = case.attempt.psbt.inputs[input].clone();
    add_input(case, outpoint, fields);
    Some(Expected::Refused("INPUT_TWICE"))
}

fn input_removed(case: &mut Case<'_>) -> Option<Expected> {
    let input = case.any_input();
    case.attempt.psbt.unsigned_tx.input.remove(input);
    case.attempt.psbt.inputs.remove(input);
    Some(Expected::Refused("OUTPUTS_EXCEED_INPUTS"))
}

/// Adds a coin of the vault with all its fields.
fn add_coin(case: &mut Case<'_>) -> Option<()> {
    let used = |outpoint| {
        let inputs = &case.attempt.psbt.unsigned_tx.input;
        inputs.iter().any(|input| input.previous_output == outpoint)
    };
    let coin = case.vault.coins.iter().find(|coin| !used(coin.outpoint))?;
    let mut fields = Input {
        witness_utxo: Some(coin.output.clone()),
        ..Input::default()
    };
    if !case.vault.kind.is_tr() {
        fields.non_witness_utxo = Some(coin.funding.clone());
    }
    let descriptor = &case.vault.policy.descriptor;
    descriptor
        .at(coin.keychain, coin.index)
        .update_input(&mut fields);
    add_input(case, coin.outpoint, fields);
    Some(())
}

fn coin_added_for_the_miners(case: &mut Case<'_>) -> Option<Expected> {
    add_coin(case)?;
    Some(Expected::Refused("FEE_ABOVE_CAP"))
}

fn too_many_inputs(case: &mut Case<'_>) -> Option<Expected> {
    while case.attempt.psbt.inputs.len() < 5 {
        add_coin(case)?;
    }
    Some(Expected::Refused("TOO_MANY_INPUTS"))
}
