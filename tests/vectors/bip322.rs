//! The test vectors of BIP 322: message hashes, both transactions, and signatures that hold or do not.
//!
//! Signatures with timelocks are refused here: no ordinary quorum of a vault needs one.

use bitcoin::Address;
use bitcoin::address::NetworkUnchecked;
use bitcoin::hex::DisplayHex as _;
use policies::proof::{message_hash, to_sign, to_spend, verify_full};
use serde::Deserialize;

use crate::golden::read;

#[derive(Deserialize)]
struct Vectors {
    transactions: Vec<Made>,
    valid: Vec<Signed>,
    invalid: Vec<Signed>,
    timelocked: Vec<Signed>,
}

#[derive(Deserialize)]
struct Made {
    message: String,
    address: Address<NetworkUnchecked>,
    message_hash: String,
    to_spend_tx_hash: String,
    to_sign_tx_hash: String,
}

#[derive(Deserialize)]
struct Signed {
    case: String,
    message: String,
    address: Address<NetworkUnchecked>,
    signature: String,
}

impl Signed {
    /// None where it holds, else the code of the reason.
    fn refused(&self) -> Option<&'static str> {
        let address = self.address.clone();
        let address = address
            .require_network(bitcoin::Network::Bitcoin)
            .expect("is of the main chain");
        let verified = verify_full(&address.script_pubkey(), &self.message, &self.signature);
        verified.err().map(|error| error.code())
    }
}

fn vectors() -> Vectors {
    read("bip/bip0322.json")
}

#[test]
fn hashes_and_transactions_are_those_of_bip_322() {
    for made in vectors().transactions {
        let hash = message_hash(&made.message).to_lower_hex_string();
        assert_eq!(hash, made.message_hash);
        let address = made
            .address
            .require_network(bitcoin::Network::Bitcoin)
            .expect("is of the main chain");
        let spent = to_spend(&address.script_pubkey(), &made.message);
        assert_eq!(spent.compute_txid().to_string(), made.to_spend_tx_hash);
        let signed = to_sign(&spent);
        assert_eq!(signed.compute_txid().to_string(), made.to_sign_tx_hash);
    }
}

#[test]
fn signatures_of_bip_322_hold_and_what_is_invalid_there_is_refused() {
    let Vectors { valid, invalid, .. } = vectors();
    assert_eq!((valid.len(), invalid.len()), (10, 36));
    for vector in valid {
        assert_eq!(vector.refused(), None, "{}", vector.case);
    }
    for vector in invalid {
        assert_ne!(vector.refused(), None, "{}", vector.case);
    }
}

#[test]
fn signatures_with_timelocks_are_refused_by_name() {
    for vector in vectors().timelocked {
        // Before the prefixes, or of a transaction that is not ours.
        let code = vector.refused().expect("is refused");
        let named = ["PROOF_OTHER_MESSAGE", "PROOF_UNREADABLE"].contains(&code);
        assert!(named, "{}: {code}", vector.case);
    }
}
