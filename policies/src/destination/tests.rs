//! The address vectors of BIP 173, BIP 350 and Bitcoin Core (`tests/vectors/addresses`).

use bitcoin::ScriptBuf;
use serde_json::Value;

use super::*;

fn vectors(text: &str) -> Vec<Value> {
    serde_json::from_str(text).expect("a list")
}

fn network(name: &Value) -> Network {
    match name.as_str().expect("a name") {
        "main" => Network::Bitcoin,
        "testnet4" => Network::Testnet4,
        "signet" => Network::Signet,
        "regtest" => Network::Regtest,
        other => panic!("no network {other}"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

#[test]
fn addresses_of_the_bips_are_accepted_or_refused_by_their_codes() {
    let vectors = vectors(include_str!("../../../tests/vectors/addresses/bips.json"));
    assert!(vectors.len() > 40);
    for vector in vectors {
        let found = parse_destination(text(&vector["address"]), network(&vector["network"]));
        match found {
            Ok(address) => assert_eq!(
                address.script_pubkey().to_hex_string(),
                text(&vector["accepted"]),
                "{vector}"
            ),
            Err(error) => {
                assert_eq!(error.code(), text(&vector["refused"]), "{vector}");
                assert!(!error.hint().is_empty());
            }
        }
    }
}

#[test]
fn valid_addresses_of_bitcoin_core_pay_their_scripts_and_unknown_versions_nobody() {
    let mut paid = 0;
    let mut unknown = 0;
    for vector in vectors(include_str!(
        "../../../tests/vectors/addresses/key_io_valid.json"
    )) {
        let [address, script, about] = [&vector[0], &vector[1], &vector[2]];
        let network = network(&about["chain"]);
        let found = parse_destination(text(address), network);
        if about["isPrivkey"] == true {
            assert_eq!(found, Err(DestinationError::NotAnAddress), "{vector}");
            continue;
        }
        let script = ScriptBuf::from_hex(text(script)).expect("hex");
        let version = script
            .witness_version()
            .map(bitcoin::WitnessVersion::to_num);
        if version.is_some_and(|version| version > 1) {
            unknown += 1;
            assert_eq!(found, Err(DestinationError::ScriptKind), "{vector}");
            assert!(!is_payable(&script, network), "{vector}");
            continue;
        }
        paid += 1;
        assert_eq!(
            found.map(|address| address.script_pubkey()),
            Ok(script),
            "{vector}"
        );
        if about["tryCaseFlip"] == true {
            let flipped = text(address).to_ascii_uppercase();
            assert!(parse_destination(&flipped, network).is_ok(), "{vector}");
        }
    }
    assert_eq!((paid, unknown), (46, 8));
}

#[test]
fn invalid_addresses_of_bitcoin_core_are_none_on_any_network() {
    for vector in vectors(include_str!(
        "../../../tests/vectors/addresses/key_io_invalid.json"
    )) {
        for network in [
            Network::Bitcoin,
            Network::Testnet4,
            Network::Signet,
            Network::Regtest,
        ] {
            assert_eq!(
                parse_destination(text(&vector[0]), network),
                Err(DestinationError::NotAnAddress),
                "{vector}"
            );
        }
    }
}

#[test]
fn scripts_are_paid_or_not_as_the_vectors_say() {
    for vector in vectors(include_str!(
        "../../../tests/vectors/addresses/scripts.json"
    )) {
        let script = ScriptBuf::from_hex(text(&vector["script"])).expect("hex");
        for network in [Network::Bitcoin, Network::Regtest] {
            assert_eq!(
                is_payable(&script, network),
                vector["paid"] == true,
                "{vector}"
            );
        }
    }
}
