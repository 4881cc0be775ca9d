//! The faults that BIP 174 lists for signers to check, in vaults of ours.

use bitcoin::ScriptBuf;
use bitcoin::hashes::Hash;

use super::super::world::{World, stranger};
use crate::descriptor::ScriptKind;
use crate::ids::Keychain;
use crate::psbt::read_strict;

#[test]
fn each_fault_that_bip_174_lists_for_signers_is_refused_in_our_own_vaults() {
    let world = World::new(ScriptKind::Wsh);

    // A witness UTXO for an input that is none: the coin is the old kind's, whatever is claimed.
    let mut old = world.coin(Keychain::External, 4, 60_000_000);
    let hash = bitcoin::PubkeyHash::from_byte_array([7; 20]);
    old.previous.output[1].script_pubkey = ScriptBuf::new_p2pkh(&hash);
    let mut attempt = world.attempt();
    attempt.psbt.unsigned_tx.input[0] = old.spend();
    world.fill(&mut attempt.psbt.inputs[0], &old);
    attempt.psbt.inputs[0].non_witness_utxo = None;
    assert_eq!(world.refusals(&attempt), ["INPUT_PATH_MISMATCH"]);
    // Of ours, where the whole transaction would prove it.
    let mut attempt = world.attempt();
    attempt.psbt.inputs[0].non_witness_utxo = None;
    assert_eq!(world.refusals(&attempt), ["PREVIOUS_TRANSACTION_MISSING"]);

    // A script that does not hash to what the whole previous transaction pays.
    let mut attempt = world.attempt();
    attempt.psbt.inputs[0].witness_script = attempt.psbt.inputs[1].witness_script.clone();
    assert_eq!(world.refusals(&attempt), ["INPUT_FIELD"]);

    // A script that does not hash to what the witness UTXO claims: the claim is what is contradicted.
    let mut attempt = world.attempt();
    let claimed = attempt.psbt.inputs[0].witness_utxo.as_mut();
    claimed.expect("given").script_pubkey = stranger(66);
    let refusal = read_strict(&attempt.bytes()).expect_err("refused");
    assert_eq!(refusal.code(), "PREVIOUS_OUTPUT_MISMATCH");

    // A script inside of a script: none is nested in what we sign.
    let mut attempt = world.attempt();
    let inner = attempt.psbt.inputs[0]
        .witness_script
        .clone()
        .expect("given");
    attempt.psbt.inputs[0].redeem_script = Some(inner.to_p2wsh());
    let refusal = read_strict(&attempt.bytes()).expect_err("refused");
    assert_eq!(refusal.code(), "PSBT_UNEXPECTED_FIELD");
}
