//! Descriptors as existing wallets export them, and each mistake by its name.

use super::super::samples::{named, ranged, with_checksum};
use super::*;

/// The text with the checksum of BIP 380, whatever else is wrong with it.
fn summed(body: &str) -> String {
    let mut engine = miniscript::descriptor::checksum::Engine::new();
    engine.input(body).expect("letters of a descriptor");
    format!("{body}#{}", engine.checksum())
}

fn refused(text: &str) -> DescriptorError {
    VaultDescriptor::parse(text, Network::Regtest).expect_err("refused")
}

fn code(body: &str) -> &'static str {
    let error = refused(&summed(body));
    assert!(!error.hint().is_empty());
    error.code()
}

#[test]
fn descriptors_of_existing_wallets_keep_their_paths_and_hardened_marks() {
    let [a, b, c, _] = NAMES.map(ranged);
    let quoted = |key: &str| {
        let (origin, rest) = key.split_once(']').expect("has an origin");
        format!("{}]{rest}", origin.replace('h', "'"))
    };
    let (qa, qb, qc) = (quoted(&a), quoted(&b), quoted(&c));
    let other = |key: &str| key.replace("<0;1>", "<2;3>");
    let deeper = |key: &str| key.replace("<0;1>", "7/<0;1>");
    let foreign_chain = format!("{}/<0;1>/*", nums_xpub(&[], bitcoin::NetworkKind::Test));
    for (wallet, body) in [
        ("Sparrow", format!("wsh(sortedmulti(2,{a},{b},{c}))")),
        ("Specter", format!("wsh(sortedmulti(2,{qa},{qb},{qc}))")),
        ("Nunchuk", format!("wsh(sortedmulti(2,{qa},{b},{qc}))")),
        ("Bitcoin Core", format!("wsh(multi(2,{a},{b},{c}))")),
        ("Caravan", format!("wsh(sortedmulti(1,{qa},{qb}))")),
        ("a hot wallet", format!("wpkh({qa})")),
        (
            "one key in two branches",
            format!(
                "wsh(or_d(multi(2,{a},{b}),and_v(v:pkh({}),older(52560))))",
                other(&a)
            ),
        ),
        (
            "a deeper path",
            format!("wsh(sortedmulti(2,{},{}))", deeper(&a), deeper(&b)),
        ),
        (
            "taproot without a key path",
            format!("tr({foreign_chain},multi_a(2,{a},{b},{c}))"),
        ),
    ] {
        let text = summed(&body);
        let descriptor = VaultDescriptor::parse(&text, Network::Regtest)
            .unwrap_or_else(|error| panic!("{wallet}: {error}"));
        assert_eq!(descriptor.text(), text, "{wallet}");
        // What is kept is what derives: compare with the single-path descriptor a node would use.
        for (keychain, branch) in [(Keychain::External, 0), (Keychain::Internal, 1)] {
            let single = body
                .replace("<0;1>", &branch.to_string())
                .replace("<2;3>", &(branch + 2).to_string());
            let single: miniscript::Descriptor<miniscript::DescriptorPublicKey> =
                single.parse().expect("single-path");
            let expected = single
                .at_derivation_index(5)
                .expect("derives")
                .script_pubkey();
            assert_eq!(descriptor.script_pubkey(keychain, 5), expected, "{wallet}");
        }
    }
}

#[test]
fn the_hint_to_an_export_of_one_keychain_gives_the_checksum_of_both() {
    let [a, b, _, _] = NAMES.map(ranged);
    let both = summed(&format!("wsh(sortedmulti(2,{a},{b}))"));
    let checksum = both.split_once('#').expect("has a checksum").1;
    for tail in ["/0/*", "/1/*", "/**"] {
        let single = both
            .split_once('#')
            .expect("has a checksum")
            .0
            .replace("/<0;1>/*", tail);
        let error = refused(&summed(&single));
        assert_eq!(error.code(), "DESCRIPTOR_NOT_RANGED", "{tail}");
        assert!(error.hint().contains("/<0;1>/*"), "{}", error.hint());
        assert!(
            error.hint().ends_with(&format!("#{checksum}")),
            "{}",
            error.hint()
        );
    }
    let body = both.split_once('#').expect("has a checksum").0;
    let error = refused(body);
    assert_eq!(error.code(), "DESCRIPTOR_CHECKSUM");
    assert!(error.hint().contains(&format!("#{checksum}")));
    // The right checksum of an altered text is never told.
    let altered = refused(&format!(
        "{}#{checksum}",
        body.replace("multi(2", "multi(1")
    ));
    assert!(matches!(altered, DescriptorError::WrongChecksum));
    assert!(!altered.hint().contains('#'));
}

#[test]
fn each_mistake_in_a_key_has_its_name() {
    let [a, b, _, _] = NAMES.map(ranged);
    let bare = a.split_once(']').expect("has an origin").1.to_owned();
    let two = |key: &str| format!("wsh(multi(2,{b},{key}))");
    let account = named("alice", Network::Regtest).key;
    let child = account
        .xpub
        .derive_pub(
            &secp(),
            &[bitcoin::bip32::ChildNumber::from_normal_idx(3).expect("normal")],
        )
        .expect("derives");
    let master = xpriv("alice", Network::Regtest);
    let root = bitcoin::bip32::Xpub::from_priv(&secp(), &master);
    let origin = a.split_once(']').expect("has an origin").0;
    let compressed = account.xpub.public_key.to_string();
    let uncompressed = bitcoin::hex::DisplayHex::to_lower_hex_string(
        &account.xpub.public_key.serialize_uncompressed()[..],
    );
    let x_only = account.xpub.public_key.x_only_public_key().0.to_string();
    let mut slip = bitcoin::base58::decode_check(&account.xpub.to_string()).expect("base58");
    slip[..4].copy_from_slice(&[0x02, 0x57, 0x54, 0x83]);
    let vpub = bitcoin::base58::encode_check(&slip);
    let mainnet = named("alice", Network::Bitcoin).key;
    for (key, expected) in [
        (bare.clone(), "DESCRIPTOR_NO_ORIGIN"),
        (
            format!("{origin}/3]{child}/<0;1>/*"),
            "DESCRIPTOR_UNHARDENED_ACCOUNT",
        ),
        (
            format!("[{}]{root}/<0;1>/*", root.fingerprint()),
            "DESCRIPTOR_UNHARDENED_ACCOUNT",
        ),
        (format!("{mainnet}/<0;1>/*"), "WRONG_NETWORK"),
        (a.replace("<0;1>/*", "<0;1>/*h"), "DESCRIPTOR_HARDENED_STEP"),
        (
            a.replace("<0;1>/*", "<0h;1h>/*"),
            "DESCRIPTOR_HARDENED_STEP",
        ),
        (a.replace("<0;1>/*", "<0;1>"), "DESCRIPTOR_NOT_RANGED"),
        (a.replace("<0;1>/*", "<0;1;2>/*"), "DESCRIPTOR_NOT_RANGED"),
        (format!("{origin}]{compressed}"), "DESCRIPTOR_SINGLE_KEY"),
        (x_only, "DESCRIPTOR_SINGLE_KEY"),
        (uncompressed, "DESCRIPTOR_UNCOMPRESSED_KEY"),
        (
            a.replace(&account.xpub.to_string(), &vpub),
            "DESCRIPTOR_SLIP_132",
        ),
        (
            a.replace(&account.xpub.to_string(), &master.to_string()),
            "DESCRIPTOR_PRIVATE_KEY",
        ),
        (b.clone(), "DESCRIPTOR_REPEATED_KEY"),
        (b.replace("48h", "49h"), "DESCRIPTOR_REPEATED_KEY"),
    ] {
        assert_eq!(code(&two(&key)), expected, "{key}");
    }
    let slip = refused(&summed(&two(&a.replace(&account.xpub.to_string(), &vpub))));
    assert_eq!(slip.hint(), format!("write {}", account.xpub));
    let private = refused(&summed(&two(
        &a.replace(&account.xpub.to_string(), &master.to_string())
    )));
    let said = format!("{private} {private:?} {}", private.hint());
    assert!(!said.contains(&master.to_string()), "{said}");
}

#[test]
fn each_mistake_in_a_script_has_its_name() {
    let [a, b, _, v] = NAMES.map(ranged);
    let many: Vec<String> = (0..21).map(|i| ranged(&format!("signer-{i}"))).collect();
    let deep = (0..30).fold(format!("pk({})", ranged("deep")), |inner, i| {
        format!("and_v(v:pk({}),{inner})", ranged(&format!("deep-{i}")))
    });
    for (body, expected) in [
        (format!("sh(wsh(multi(2,{a},{b})))"), "DESCRIPTOR_KIND"),
        (format!("pkh({a})"), "DESCRIPTOR_KIND"),
        (
            format!("wsh(or_i(pk({a}),older(144)))"),
            "DESCRIPTOR_NO_SIGNATURE",
        ),
        (
            format!("wsh(and_v(v:pk({a}),or_i(older(16),older(7))))"),
            "DESCRIPTOR_MALLEABLE",
        ),
        (
            format!("wsh(and_v(and_v(v:pk({a}),v:older(144)),older(4194305)))"),
            "DESCRIPTOR_MIXED_TIMELOCKS",
        ),
        (
            format!("wsh(and_v(v:pk({a}),sha256({})))", "00".repeat(32)),
            "DESCRIPTOR_HASH_LOCK",
        ),
        (
            format!("wsh(and_v(v:pk({a}),older(144)))"),
            "DESCRIPTOR_NO_ORDINARY_PATH",
        ),
        (format!("wsh(and_v(v:pk({a}),after(900000)))"), "NOT_YET"),
        (
            format!("wsh(or_d(pk({a}),and_v(v:pk({b}),older(4194305))))"),
            "NOT_YET",
        ),
        (
            format!("wsh(multi(2,{}))", many.join(",")),
            "BAD_DESCRIPTOR",
        ),
        (format!("wsh(multi_a(2,{a},{b}))"), "BAD_DESCRIPTOR"),
        (format!("tr({v},multi(2,{a},{b}))"), "BAD_DESCRIPTOR"),
        (format!("wsh({deep}"), "BAD_DESCRIPTOR"),
    ] {
        assert_eq!(code(&body), expected, "{body}");
    }
    let wide: Vec<String> = (0..120)
        .map(|i| format!("s:pk({})", ranged(&format!("wide-{i}"))))
        .collect();
    let body = format!("wsh(thresh(110,pk({a}),{}))", wide.join(","));
    assert_eq!(code(&body), "DESCRIPTOR_RESOURCE_LIMITS");
}

#[test]
fn the_resources_of_a_script_are_counted_against_what_nodes_accept() {
    let used = |text: &str| -> Vec<(&str, usize, usize)> {
        vault(text)
            .resources()
            .iter()
            .map(|resource| (resource.name, resource.used, resource.most))
            .collect()
    };
    let [a, b, c, _] = NAMES.map(ranged);
    // OP_2, three pushes of 33 bytes, OP_3 and OP_CHECKMULTISIG.
    let expected = [
        ("script bytes", 3 + 3 * 34, 3_600),
        ("opcodes", 4, 201),
        ("witness items", 3, 100),
    ];
    assert_eq!(
        used(&with_checksum(&format!("wsh(multi(2,{a},{b},{c}))"))),
        expected
    );
    assert_eq!(
        used(&with_checksum(&format!("wsh(sortedmulti(2,{a},{b},{c}))"))),
        expected
    );
    assert_eq!(
        used(&with_checksum(&format!("tr({a},{{pk({b}),pk({c})}})"))),
        [("tree depth", 1, 128), ("witness items", 1, 1_000)]
    );
    assert!(used(&with_checksum(&format!("wpkh({a})"))).is_empty());
}
