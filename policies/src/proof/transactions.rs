//! The two transactions of BIP 322, which stand for a message and its signature.

use bitcoin::absolute::LockTime;
use bitcoin::hashes::{Hash, HashEngine, sha256};
use bitcoin::opcodes::all::OP_RETURN;
use bitcoin::script::Builder;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, Script, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};

/// The tag of a message's hash (BIP 322).
const TAG: &[u8] = b"BIP0322-signed-message";

/// The hash of a message: tagged as BIP 340 has it.
pub fn message_hash(message: &str) -> [u8; 32] {
    let tag = sha256::Hash::hash(TAG).to_byte_array();
    let mut engine = sha256::Hash::engine();
    engine.input(&tag);
    engine.input(&tag);
    engine.input(message.as_bytes());
    sha256::Hash::from_engine(engine).to_byte_array()
}

/// The transaction that is spent: it pays nothing to the script, out of nothing.
///
/// Its only input is that of a coinbase (a null outpoint), and no block of BIP 34 has it as that: the script
/// begins with `OP_0`, which is the height of no block but the first.
pub fn to_spend(script_pubkey: &Script, message: &str) -> Transaction {
    let input = TxIn {
        previous_output: OutPoint::null(),
        script_sig: Builder::new()
            .push_int(0)
            .push_slice(message_hash(message))
            .into_script(),
        sequence: Sequence::ZERO,
        witness: Witness::new(),
    };
    let output = TxOut {
        value: Amount::ZERO,
        script_pubkey: script_pubkey.to_owned(),
    };
    transaction(input, output)
}

/// The transaction that is signed: it spends the other one, and pays nothing to nobody.
pub fn to_sign(to_spend: &Transaction) -> Transaction {
    let input = TxIn {
        previous_output: OutPoint::new(to_spend.compute_txid(), 0),
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ZERO,
        witness: Witness::new(),
    };
    let output = TxOut {
        value: Amount::ZERO,
        script_pubkey: Builder::new().push_opcode(OP_RETURN).into_script(),
    };
    transaction(input, output)
}

/// The same as devices know transactions, which the full form allows: of version 2, and replaceable. Handed one of
/// version 0 or sequence 0, embit (in SeedSigner, Krux, Specter) signs another one, of version 2 and sequence 0xffffffff.
pub(super) fn for_devices(to_sign: Transaction) -> Transaction {
    let input = to_sign.input.into_iter().map(|input| TxIn {
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        ..input
    });
    Transaction {
        version: Version::TWO,
        input: input.collect(),
        ..to_sign
    }
}

fn transaction(input: TxIn, output: TxOut) -> Transaction {
    Transaction {
        version: Version(0),
        lock_time: LockTime::ZERO,
        input: vec![input],
        output: vec![output],
    }
}
