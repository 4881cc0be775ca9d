//! What wallet policies promise; valid and invalid ones are the vectors of BIP 388.

use bitcoin::Network;

use super::*;
use crate::descriptor::ScriptKind;
use crate::descriptor::samples::{self, ranged, with_checksum};

const A: &str = "[6738736c/48'/0'/0'/100']xpub6FC1fXFP1GXQpyRFfSE1vzzySqs3Vg63bzimYLeqtNUYbzA87kMNTcuy9ubr7MmavGRjW2FRYHP4WGKjwutbf1ghgkUW9H7e3ceaPLRcVwa";
const B: &str = "[b2b1f0cf/44'/0'/0'/100']xpub6EYajCJHe2CK53RLVXrN14uWoEttZgrRSaRztujsXg7yRhGtHmLBt9ot9Pd5ugfwWEu6eWyJYKSshyvZFKDXiNbBcoK42KRZbxwjRQpm5Js";
const C: &str = "[a666a867/44'/0'/0'/100']xpub6Dgsze3ujLi1EiHoCtHFMS9VLS1UheVqxrHGfP7sBJ2DBfChEUHV4MDwmxAXR2ayeytpwm3zJEU3H3pjCR6q6U5sP2p2qzAD71x9z5QShK2";
const D: &str = "[bb641298/44'/0'/0'/100']xpub6Dz8PHFmXkYkykQ83ySkruky567XtJb9N69uXScJZqweYiQn6FyieajdiyjCvWzRZ2GoLHMRE1cwDfuJZ6461YvNRGVBJNnLA35cZrQKSRJ";

fn refused(template: &str, keys: &[&str]) -> WalletPolicyError {
    WalletPolicy::parse("name", template, keys).expect_err("refused")
}

#[test]
fn templates_and_keys_of_the_bip_give_its_descriptors_and_come_back_from_them() {
    let single = "[6738736c/84'/0'/2']xpub6CRQzb8u9dmMcq5XAwwRn9gcoYCjndJkhKgD11WKzbVGd932UmrExWFxCAvRnDN3ez6ZujLmMvmLBaSWdfWVn75L83Qxu1qSX4fJNrJg2Gt";
    let multisig = "[6738736c/48'/0'/0'/2']xpub6FC1fXFP1GXLX5TKtcjHGT4q89SDRehkQLtbKJ2PzWcvbBHtyDsJPLtpLtkGqYNYZdVVAjRQ5kug9CsapegmmeRutpP7PW4u4wVF9JfkDhw";
    let second = "[b2b1f0cf/48'/0'/0'/2']xpub6EWhjpPa6FqrcaPBuGBZRJVjzGJ1ZsMygRF26RwN932Vfkn1gyCiTbECVitBjRCkexEvetLdiqzTcYimmzYxyR1BZ79KNevgt61PDcukmC7";
    let cases: [(&str, &[&str], String); 4] = [
        ("wpkh(@0/**)", &[single], format!("wpkh({single}/<0;1>/*)")),
        (
            "wsh(sortedmulti(2,@0/**,@1/**))",
            &[multisig, second],
            format!("wsh(sortedmulti(2,{multisig}/<0;1>/*,{second}/<0;1>/*))"),
        ),
        (
            "wsh(thresh(3,pk(@0/**),s:pk(@1/**),s:pk(@2/**),sln:older(12960)))",
            &[A, B, C],
            format!(
                "wsh(thresh(3,pk({A}/<0;1>/*),s:pk({B}/<0;1>/*),s:pk({C}/<0;1>/*),sln:older(12960)))"
            ),
        ),
        (
            "wsh(or_d(pk(@0/**),and_v(v:multi(2,@1/**,@2/**,@3/**),older(65535))))",
            &[A, B, C, D],
            format!(
                "wsh(or_d(pk({A}/<0;1>/*),and_v(v:multi(2,{B}/<0;1>/*,{C}/<0;1>/*,{D}/<0;1>/*),older(65535))))"
            ),
        ),
    ];
    for (template, keys, body) in cases {
        let policy = WalletPolicy::parse("name", template, keys).expect(template);
        let text = policy.to_descriptor();
        assert_eq!(text.split('#').next(), Some(&*body));
        let descriptor = VaultDescriptor::parse(&text, Network::Bitcoin).expect(template);
        let back = WalletPolicy::from_descriptor("name", &descriptor).expect(template);
        assert_eq!(back, policy);
    }
    // Scripts and keys that no vault has are still read as the standard writes them.
    let template = "tr(@0/**,{sortedmulti_a(1,@0/<2;3>/*,@1/**),or_b(pk(@2/**),s:pk(@3/**))})";
    let [b, c, d] = [B, C, D].map(bare_of);
    let policy = WalletPolicy::parse("name", template, &[A, b, c, d]).expect("valid");
    let body = format!(
        "tr({A}/<0;1>/*,{{sortedmulti_a(1,{A}/<2;3>/*,{b}/<0;1>/*),or_b(pk({c}/<0;1>/*),s:pk({d}/<0;1>/*))}})"
    );
    assert_eq!(policy.to_descriptor().split('#').next(), Some(&*body));
}

#[test]
fn templates_that_the_bip_calls_invalid_are_refused_by_name() {
    use WalletPolicyError as E;
    let foreign = format!("sh(multi(1,@0/**,{}/<0;1>/*))", bare_of(B));
    let (one, two): (&[&str], &[&str]) = (&[A], &[A, B]);
    for (template, keys) in [
        ("pkh(@0)", one),
        ("pkh(@0/0/**)", one),
        (&*foreign, one),
        ("pkh(@0/<0;1;2>/*)", one),
        ("wpkh(@00/**)", one),
        ("wpkh(@0/<1;1>/*)", one),
    ] {
        let error = refused(template, keys);
        assert!(matches!(error, E::Placeholder(_)), "{template}: {error:?}");
    }
    for (template, found, expected) in [
        ("sh(multi(1,@1/**,@0/**))", 1, 0),
        ("sh(multi(1,@0/**,@2/**))", 2, 1),
    ] {
        assert_eq!(refused(template, two), E::Order { found, expected });
    }
    for template in [
        "sh(multi(1,@0/**,@0/**))",
        "sh(multi(1,@0/<0;1>/*,@0/<1;2>/*))",
    ] {
        let error = refused(template, one);
        assert!(matches!(error, E::Overlap { .. }), "{template}: {error:?}");
    }
    assert_eq!(refused("tr(musig(@0/**,@1/**))", two), E::Musig);
}

fn bare_of(key: &str) -> &str {
    key.split_once(']').expect("an origin").1
}

#[test]
fn keys_names_and_letters_that_no_device_takes_are_refused() {
    use WalletPolicyError as E;
    let b = bare_of(B);
    for (bad, listed) in [
        ("not a key", "hello".to_owned()),
        ("a short fingerprint", format!("[6738/48']{b}")),
        ("an open origin", format!("[6738736c/48'{b}")),
        ("a path", format!("[6738736c/48'/x]{b}")),
    ] {
        let error = refused("wpkh(@0/**)", &[&listed]);
        assert!(matches!(error, E::Key(_)), "{bad}: {error:?}");
    }
    let error = refused("wsh(multi(2,@0/**,@1/**))", &[A, bare_of(A)]);
    assert!(matches!(error, E::SameKey(_)), "{error:?}");
    let error = refused("wpkh(@0/**)", &[A, B]);
    assert!(matches!(
        error,
        E::Count {
            placeholders: 1,
            keys: 2
        }
    ));
    assert!(matches!(refused("wsh(1)", &[]), E::Count { .. }));
    assert!(matches!(refused("wpkh(@0/**)\n", &[A]), E::Letter));
    assert!(matches!(refused("wpkh(@0/**)#aaaaaaaa", &[A]), E::Letter));
    let long = "x".repeat(MAX_TEMPLATE + 1);
    assert!(matches!(refused(&long, &[A]), E::TooLong { .. }));
    for name in ["", " a", "a ", "tab\t", "naïve", &"a".repeat(65)] {
        let error = WalletPolicy::parse(name, "wpkh(@0/**)", &[A]).expect_err(name);
        assert!(matches!(error, E::Name(_)), "{name}");
    }
    let policy = WalletPolicy::parse("-x", "wpkh(@0/**)", &[A]).expect("a name");
    assert_eq!(policy.named("y").expect("a name").name(), "y");
}

fn quoted(key: &str) -> String {
    let (origin, rest) = key.split_once(']').expect("an origin");
    format!("{}]{rest}", origin.replace('h', "'"))
}

#[test]
fn vaults_of_every_kind_go_to_a_wallet_policy_and_back_with_the_same_scripts() {
    let [a, b, c, v] = samples::NAMES.map(ranged);
    let other = a.replace("<0;1>", "<2;3>");
    for text in [
        samples::compiled(ScriptKind::Wsh),
        samples::compiled(ScriptKind::Tr),
        with_checksum(&format!("wsh(sortedmulti(2,{a},{b},{c}))")),
        with_checksum(&format!("wpkh({a})")),
        with_checksum(&format!(
            "wsh(or_d(multi(2,{a},{b}),and_v(v:pkh({other}),older(9))))"
        )),
        with_checksum(&format!(
            "tr({a},{{pk({b}),{{pk({c}),multi_a(1,{v},{other})}}}})"
        )),
        // Marks of hardened steps as other wallets write them.
        with_checksum(&format!("wsh(multi(2,{},{b}))", quoted(&a))),
    ] {
        let descriptor = samples::vault(&text);
        let policy = WalletPolicy::from_descriptor("v", &descriptor).expect("a wallet policy");
        assert!(!policy.template().contains("pub"), "{}", policy.template());
        let back = samples::vault(&policy.to_descriptor());
        assert!(back.gives_same_scripts(&descriptor), "{text}");
        assert_eq!(back.key_positions(), descriptor.key_positions());
    }
}

#[test]
fn the_key_that_nobody_can_spend_with_stands_without_an_origin() {
    let descriptor = samples::vault(&samples::compiled(ScriptKind::Tr));
    let policy = WalletPolicy::from_descriptor("v", &descriptor).expect("a wallet policy");
    assert!(policy.template().starts_with("tr(@0/**,"));
    assert!(policy.keys()[0].starts_with("tpub"));
    assert!(
        policy.keys()[1..]
            .iter()
            .all(|key| key.starts_with('[') && key.contains("/48'/1'"))
    );
}

#[test]
fn descriptors_that_no_template_can_say_are_refused_by_name() {
    let [a, b, _, _] = samples::NAMES.map(ranged);
    let deeper = a.replace("<0;1>", "7/<0;1>");
    let overlapping = a.replace("<0;1>", "<1;2>");
    let refused = |body: String| {
        let descriptor = samples::vault(&with_checksum(&body));
        WalletPolicy::from_descriptor("v", &descriptor).expect_err("refused")
    };
    let error = refused(format!("wsh(multi(2,{deeper},{b}))"));
    assert!(matches!(error, WalletPolicyError::Branches(_)), "{error:?}");
    let error = refused(format!(
        "wsh(or_d(multi(2,{a},{b}),and_v(v:pk({overlapping}),older(9))))"
    ));
    assert!(
        matches!(error, WalletPolicyError::Overlap { .. }),
        "{error:?}"
    );
}
