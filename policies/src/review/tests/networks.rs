//! The same keys, people and coins on two networks (A9): nothing of one counts on the other.

use std::str::FromStr;

use bitcoin::bip32::Xpub;
use bitcoin::{Address, Network, NetworkKind};
use miniscript::{Descriptor, DescriptorPublicKey};

use super::super::world::{Attempt, World};
use crate::descriptor::ScriptKind;
use crate::destination::{DestinationError, parse_destination};
use crate::document::{PolicyDraft, genesis_of, name_of_network};

const NETWORKS: [Network; 4] = [
    Network::Bitcoin,
    Network::Testnet4,
    Network::Signet,
    Network::Regtest,
];

/// The text with every extended key written as networks of this kind write it.
fn with_keys_of(text: &str, kind: NetworkKind) -> String {
    let mut written = text.to_owned();
    for word in text.split(|letter: char| !letter.is_ascii_alphanumeric()) {
        if let Ok(mut xpub) = Xpub::from_str(word) {
            xpub.network = kind;
            written = written.replace(word, &xpub.to_string());
        }
    }
    written
}

/// The document moved to another network: its keys, scripts, people and rules stay what they are.
fn moved(draft: &mut PolicyDraft, network: Network) {
    let kind = NetworkKind::from(network);
    name_of_network(network).clone_into(&mut draft.network);
    draft.genesis = genesis_of(network).to_string();
    let body = draft.spending.descriptor.split('#').next().expect("a text");
    let descriptor: Descriptor<DescriptorPublicKey> =
        with_keys_of(body, kind).parse().expect("a descriptor");
    draft.spending.descriptor = descriptor.to_string();
    for signer in &mut draft.signers {
        signer.key = with_keys_of(&signer.key, kind);
    }
    for entry in draft.lists.iter_mut().flat_map(|list| &mut list.entries) {
        let address: Address<_> = entry.parse().expect("an address");
        let script = address
            .require_network(Network::Regtest)
            .expect("regtest")
            .script_pubkey();
        *entry = Address::from_script(&script, network)
            .expect("an address")
            .to_string();
    }
}

fn on(kind: ScriptKind, network: Network) -> World {
    World::with(kind, |draft| moved(draft, network))
}

/// Every network with every other one.
fn pairs() -> impl Iterator<Item = (Network, Network)> {
    let all = NETWORKS.into_iter();
    all.flat_map(|ours| NETWORKS.into_iter().map(move |theirs| (ours, theirs)))
        .filter(|(ours, theirs)| ours != theirs)
}

/// Does something with every vault and the same one on every other network.
fn with_each_pair(check: impl Fn(&World, &World)) {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let worlds = NETWORKS.map(|network| (network, on(kind, network)));
        for (ours, theirs) in pairs() {
            let of = |network: Network| worlds.iter().find(|(of, _)| *of == network);
            let (Some((_, ours)), Some((_, theirs))) = (of(ours), of(theirs)) else {
                panic!("each network has a vault")
            };
            check(ours, theirs);
        }
    }
}

#[test]
fn a_transfer_of_another_network_is_refused_by_each_other_network_with_the_same_keys() {
    with_each_pair(|ours, theirs| {
        let attempt = theirs.attempt();
        // The very transaction could be mined on both, and is signed where it belongs.
        assert_eq!(attempt.psbt.unsigned_tx, ours.attempt().psbt.unsigned_tx);
        assert!(theirs.refusals(&attempt).is_empty());
        let codes = ours.refusals(&attempt);
        assert!(codes.contains(&"WRONG_POLICY"), "{codes:?}");
        assert!(codes.contains(&"OTHER_VAULT"), "{codes:?}");
    });
}

/// An honest attempt of ours in which one intent was signed and approved on another network.
fn with_their_intent(ours: &World, theirs: &World) -> Attempt {
    let mut plan = ours.plan();
    plan.asked[0].intent = theirs.plan().asked[0].intent.clone();
    ours.build(&plan)
}

#[test]
fn an_intent_of_another_network_is_refused_by_each_other_network() {
    with_each_pair(|ours, theirs| {
        let attempt = with_their_intent(ours, theirs);
        // Its request was signed for the other vault.
        let unsigned = ["REQUEST_WRONG", "REQUEST_UNSIGNED"];
        let expected = [&["OTHER_VAULT", "OTHER_KEYSET"][..], &unsigned].concat();
        assert_eq!(ours.refusals(&attempt), expected);
        // In the place of the same intent for ours, that signature is none.
        let mut renamed = ours.attempt();
        let (old, new) = (attempt.manifest.payments[&0], renamed.manifest.payments[&0]);
        let mut requests = attempt.manifest.request_signatures.iter();
        let request = requests.find(|((hash, _), _)| *hash == old);
        let ((_, key), signature) = request.expect("it is signed");
        let signatures = &mut renamed.manifest.request_signatures;
        signatures.insert((new, *key), signature.clone());
        assert_eq!(ours.refusals(&renamed), unsigned);
    });
}

#[test]
fn keys_of_another_network_are_refused_in_a_document_both_ways() {
    for (network, other) in [
        (Network::Bitcoin, NetworkKind::Test),
        (Network::Testnet4, NetworkKind::Main),
        (Network::Signet, NetworkKind::Main),
        (Network::Regtest, NetworkKind::Main),
    ] {
        let mut draft = crate::document::samples::draft(ScriptKind::Wsh);
        moved(&mut draft, network);
        draft.signers[0].key = with_keys_of(&draft.signers[0].key, other);
        let mistakes = crate::document::Policy::parse(draft.to_toml().as_bytes());
        let mistakes = mistakes.expect_err("a key of another network");
        let codes: Vec<_> = mistakes.iter().map(crate::Mistake::code).collect();
        assert!(codes.contains(&"WRONG_NETWORK"), "{network}: {codes:?}");
    }
}

/// What an address begins with: bech32 tells three kinds of network apart, base58 two.
fn prefix(network: Network, base58: bool) -> &'static str {
    match (
        NetworkKind::from(network),
        base58,
        network == Network::Regtest,
    ) {
        (NetworkKind::Main, _, _) => "main",
        (NetworkKind::Test, false, true) => "regtest",
        (NetworkKind::Test, true | false, _) => "test",
    }
}

#[test]
fn addresses_are_refused_by_every_network_that_writes_them_otherwise() {
    let hash = "5120aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let scripts = [
        (hash.to_owned(), false),
        (hash.replacen("51", "00", 1), false),
        (format!("0014{}", "11".repeat(20)), false),
        (format!("76a914{}88ac", "11".repeat(20)), true),
        (format!("a914{}87", "11".repeat(20)), true),
    ];
    let mut refused = 0;
    for (script, base58) in scripts {
        let script = bitcoin::ScriptBuf::from_hex(&script).expect("hex");
        for (ours, theirs) in pairs() {
            let address = Address::from_script(&script, theirs).expect("an address");
            let found = parse_destination(&address.to_string(), ours);
            if prefix(ours, base58) == prefix(theirs, base58) {
                // One text for both: which of them is meant, the intent's vault says.
                assert_eq!(found.expect("the same text").script_pubkey(), script);
            } else {
                refused += 1;
                let network = ours;
                assert_eq!(
                    found,
                    Err(DestinationError::WrongNetwork { network }),
                    "{address}"
                );
            }
        }
    }
    assert_eq!(refused, 3 * 10 + 2 * 6);
}
