//! What exports promise: the same scripts read back, or a refusal by name.

mod hostile;
mod imports;
mod shapes;

use bitcoin::Network;

use super::*;
use crate::Policy;
use crate::descriptor::samples::{self, ranged, with_checksum};
use crate::descriptor::{ScriptKind, VaultDescriptor};
use crate::document::samples as documents;

/// A policy of one template, its signers those of the descriptor.
pub(super) fn policy_of(descriptor: &str) -> Policy {
    let mut draft = documents::draft(ScriptKind::Wsh);
    let parsed = samples::vault(descriptor);
    draft.spending.descriptor = descriptor.to_owned();
    draft.spending.policy = None;
    draft.spending.double_payment = Some("trust-coordinator".to_owned());
    draft.signers.retain(|signer| {
        parsed
            .key_positions()
            .iter()
            .any(|key| key.to_string() == signer.key)
    });
    Policy::parse(draft.to_toml().as_bytes()).expect("a policy without mistakes")
}

/// Every kind of script that a vault has.
pub(super) fn templates() -> Vec<(&'static str, String)> {
    let [a, b, c, v] = samples::NAMES.map(ranged);
    let other = a.replace("<0;1>", "<2;3>");
    vec![
        ("wsh miniscript", samples::compiled(ScriptKind::Wsh)),
        ("tr script path", samples::compiled(ScriptKind::Tr)),
        (
            "sorted multisig",
            with_checksum(&format!("wsh(sortedmulti(2,{a},{b},{c}))")),
        ),
        (
            "multisig in order",
            with_checksum(&format!("wsh(multi(2,{a},{b},{c}))")),
        ),
        ("one key", with_checksum(&format!("wpkh({a})"))),
        ("one taproot key", with_checksum(&format!("tr({a})"))),
        (
            "a tree with a key path",
            with_checksum(&format!("tr({a},{{pk({b}),and_v(v:pk({v}),older(144))}})")),
        ),
        (
            "one key in two branches",
            with_checksum(&format!(
                "wsh(or_d(multi(2,{a},{b}),and_v(v:pkh({other}),older(52560))))"
            )),
        ),
    ]
}

/// Formats that carry the wallet and are read back.
const READ: [Format; 11] = [
    Format::Descriptor,
    Format::Branches,
    Format::WalletPolicy,
    Format::Bsms,
    Format::Core,
    Format::Coldcard,
    Format::ColdcardEdge,
    Format::Sparrow,
    Format::Specter,
    Format::Nunchuk,
    Format::Caravan,
];

fn same(ours: &VaultDescriptor, read: &VaultDescriptor) -> bool {
    read.gives_same_scripts(ours) && read.key_positions() == ours.key_positions()
}

#[test]
fn what_is_exported_reads_back_with_the_same_scripts_keys_and_paths_or_is_refused() {
    for (name, descriptor) in templates() {
        let policy = policy_of(&descriptor);
        for format in READ {
            let text = match export(&policy, format) {
                Ok(text) => text,
                Err(error) => {
                    assert!(!error.code().is_empty() && !error.hint().is_empty());
                    assert!(
                        may_refuse(format, name),
                        "{name} is not written as {format}: {error}"
                    );
                    continue;
                }
            };
            let read = import(text.as_bytes());
            let read = read.unwrap_or_else(|error| panic!("{name} as {format}: {error}\n{text}"));
            assert!(
                same(&policy.descriptor, &read.descriptor),
                "{name} as {format}"
            );
            let own = if format == Format::Nunchuk {
                Format::Bsms
            } else {
                format
            };
            assert_eq!(read.format, own, "{name}");
        }
        for format in [Format::Sheet, Format::SheetHtml] {
            export(&policy, format).expect("every vault has a sheet");
        }
    }
}

/// What a format is known not to hold.
fn may_refuse(format: Format, template: &str) -> bool {
    match format {
        Format::Descriptor
        | Format::Branches
        | Format::WalletPolicy
        | Format::Bsms
        | Format::Core
        | Format::ColdcardEdge
        | Format::Sheet
        | Format::SheetHtml => false,
        Format::Sparrow | Format::Specter | Format::Nunchuk => {
            !["sorted multisig", "one key", "one taproot key"].contains(&template)
        }
        Format::Coldcard | Format::Caravan => template != "sorted multisig",
    }
}

#[test]
fn a_wallet_that_sorts_keys_is_never_given_a_script_in_another_order() {
    let (_, in_order) = templates().swap_remove(3);
    let policy = policy_of(&in_order);
    for format in [
        Format::Coldcard,
        Format::Sparrow,
        Format::Specter,
        Format::Nunchuk,
        Format::Caravan,
    ] {
        let error = export(&policy, format).expect_err("refused");
        assert!(
            matches!(error, ExportError::Script { .. }),
            "{format}: {error}"
        );
        assert_eq!(error.code(), "EXPORT_SCRIPT");
    }
}

#[test]
fn a_wallet_with_fixed_branches_is_never_given_others() {
    let [a, b, c, _] = samples::NAMES.map(ranged);
    let other = c.replace("<0;1>", "<2;3>");
    let policy = policy_of(&with_checksum(&format!(
        "wsh(sortedmulti(2,{a},{b},{other}))"
    )));
    for format in [
        Format::Coldcard,
        Format::Sparrow,
        Format::Specter,
        Format::Nunchuk,
        Format::Caravan,
    ] {
        let error = export(&policy, format).expect_err("refused");
        assert_eq!(error, ExportError::Branches(format));
    }
    // BSMS has no template for it, and says the descriptor instead.
    let record = export(&policy, Format::Bsms).expect("a record");
    assert!(record.contains("/<2;3>/*") && record.contains("\nNo path restrictions\n"));
}

#[test]
fn coldcard_takes_fifteen_keys_of_as_many_seeds() {
    let list = |names: &[String]| -> String {
        let keys: Vec<String> = names.iter().map(|name| ranged(name)).collect();
        keys.join(",")
    };
    let many: Vec<String> = (0..16).map(|i| format!("signer-{i}")).collect();
    let of = |keys: &[String], descriptor: &str| {
        let mut policy = documents::policy(ScriptKind::Wsh);
        policy.descriptor = samples::vault(descriptor);
        assert!(!keys.is_empty());
        export(&policy, Format::Coldcard)
    };
    let fifteen = with_checksum(&format!("wsh(sortedmulti(1,{}))", list(&many[..15])));
    assert!(of(&many[..15], &fifteen).is_ok());
    let sixteen = with_checksum(&format!("wsh(sortedmulti(1,{}))", list(&many)));
    let error = of(&many, &sixteen).expect_err("refused");
    assert!(matches!(
        error,
        ExportError::Keys {
            found: 16,
            most: 15,
            ..
        }
    ));
    let (a, b) = (ranged("alice"), ranged("bob"));
    let fingerprint = a.get(1..9).expect("a fingerprint");
    let twin = format!("[{fingerprint}{}", b.get(9..).expect("the rest"));
    let twins = with_checksum(&format!("wsh(sortedmulti(1,{a},{twin}))"));
    let error = of(&many, &twins).expect_err("refused");
    assert_eq!(error.code(), "EXPORT_SAME_FINGERPRINT");
}

#[test]
fn caravan_does_not_take_a_network_that_it_does_not_know() {
    let (_, sorted) = templates().swap_remove(2);
    let mut policy = policy_of(&sorted);
    policy.network = Network::Testnet4;
    let error = export(&policy, Format::Caravan).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "Caravan does not know the network testnet4"
    );
    assert_eq!(error.code(), "EXPORT_NETWORK");
}

#[test]
fn formats_have_names_titles_and_files_of_their_own() {
    let policy = documents::policy(ScriptKind::Wsh);
    let mut files = std::collections::BTreeSet::new();
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
        assert!(files.insert(format.file_name(&policy)));
        assert!(!format.title().is_empty() && format.media_type().contains('/'));
    }
    assert!("pdf".parse::<Format>().is_err());
    assert!(files.contains("treasury-v1-core.json"));
}
