//! Files that nobody honest wrote: bounded, named, and never a panic.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::descriptor::DescriptorError;

fn code(bytes: &[u8]) -> &'static str {
    let error = import(bytes).expect_err("refused");
    assert!(!error.hint().is_empty());
    assert!(error.to_string().len() < 600, "{error}");
    error.code()
}

#[test]
fn each_hostile_file_is_refused_by_name() {
    let deep = "[".repeat(100_000);
    let wide = format!("{{{}\"quorum\":1}}", "\"a\":1,".repeat(20_000));
    let key = samples::ranged("alice");
    let endless = format!("wsh(sortedmulti(2,{}", format!("{key},").repeat(800));
    for (bytes, expected) in [
        (vec![b'a'; MAX_IMPORT + 1], "IMPORT_TOO_LARGE"),
        (vec![0xff, 0xfe], "IMPORT_UNKNOWN"),
        (Vec::new(), "IMPORT_UNKNOWN"),
        (b" \n\t".to_vec(), "IMPORT_UNKNOWN"),
        (b"hello".to_vec(), "IMPORT_UNKNOWN"),
        (b"{".to_vec(), "IMPORT_UNKNOWN"),
        (b"{}".to_vec(), "IMPORT_UNKNOWN"),
        (
            b"{\"quorum\":{\"requiredSigners\":-1}}".to_vec(),
            "IMPORT_MISSING",
        ),
        (b"[1,2]".to_vec(), "IMPORT_UNKNOWN"),
        (b"wsh(".to_vec(), "BAD_DESCRIPTOR"),
        ("wsh(é)".as_bytes().to_vec(), "IMPORT_UNKNOWN"),
        (b"psbt\xff\x01".to_vec(), "IMPORT_UNKNOWN"),
        (b"BSMS 1.0".to_vec(), "IMPORT_MISSING"),
        (
            b"Policy: 99999999999999999999 of 3\nFormat: P2WSH".to_vec(),
            "IMPORT_VALUE",
        ),
        (deep.into_bytes(), "IMPORT_UNKNOWN"),
        (wide.into_bytes(), "IMPORT_MISSING"),
        (endless.into_bytes(), "BAD_DESCRIPTOR"),
    ] {
        let shown: String = String::from_utf8_lossy(&bytes).chars().take(40).collect();
        assert_eq!(code(&bytes), expected, "{shown}");
    }
}

#[test]
fn a_private_key_anywhere_in_a_file_is_refused_and_never_repeated() {
    let private = samples::xpriv("alice", Network::Regtest).to_string();
    for text in [
        format!("wpkh({private}/<0;1>/*)"),
        format!("{{\"label\":\"x\",\"note\":\"{private}\"}}"),
        format!("Name: x\nPolicy: 1 of 1\n{private}"),
    ] {
        let error = import(text.as_bytes()).expect_err("refused");
        assert!(matches!(
            error,
            ImportError::Descriptor(DescriptorError::PrivateKey)
        ));
        assert!(!format!("{error:?}").contains(&private));
    }
}

#[test]
fn a_draft_of_hostile_names_stays_a_document() {
    let (_, descriptor) = templates().swap_remove(2);
    let text = export(&policy_of(&descriptor), Format::Caravan).expect("exports");
    let evil = r#""name": "\"\n[[rules]]\nname=\"all\u202e""#;
    let text = text
        .replace("\"name\": \"bob\"", evil)
        .replace("\"name\": \"treasury\"", evil);
    let text = text.replace("\"uuid\"", r#""x\n[[rules]]": 1, "uuid""#);
    let imported = import(text.as_bytes()).expect("reads");
    let draft = imported.draft(DraftFacts::default()).expect("a draft");
    assert!(!draft.contains("[[rules]]\nname"), "{draft}");
    let table: toml::Table = draft.parse().expect("TOML");
    assert_eq!(table["name"].as_str(), Some("rules-name-all"));
    assert!(table.get("rules").is_none());
}

/// One wallet in every format that is read.
static EXPORTED: LazyLock<(VaultDescriptor, Vec<String>)> = LazyLock::new(|| {
    let (_, descriptor) = templates().swap_remove(2);
    let policy = policy_of(&descriptor);
    let exports = READ.map(|format| export(&policy, format).expect("exports"));
    (policy.descriptor, exports.to_vec())
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(import(&bytes));
    }

    #[test]
    fn no_altered_export_gives_another_wallet_unnoticed_where_it_has_a_checksum(
        format in 0..READ.len(),
        place in any::<prop::sample::Index>(),
        letter in 0x20..0x7f_u8,
    ) {
        let (descriptor, exports) = &*EXPORTED;
        let mut bytes = exports[format].clone().into_bytes();
        let format = READ[format];
        let at = place.index(bytes.len());
        bytes[at] = letter;
        if let Ok(read) = import(&bytes) {
            let guarded = !matches!(
                format,
                Format::Coldcard | Format::Caravan | Format::WalletPolicy
            );
            let unnoticed = !read.notes.contains(&Note::NoChecksum);
            if guarded && unnoticed {
                prop_assert!(read.descriptor.gives_same_scripts(descriptor));
            }
            drop(read.draft(DraftFacts::default()));
        }
    }
}
