//! Files as other wallets write them, and what is told of each.

use super::*;
use crate::UnixTime;
use bitcoin::base58;

const HEAD: (u32, UnixTime) = (101, UnixTime::from_secs(1_795_392_000));

fn keys() -> [String; 3] {
    let [a, b, c, _] =
        samples::NAMES.map(|name| samples::named(name, Network::Regtest).key.to_string());
    [a, b, c]
}

/// `wsh(sortedmulti(2,…))` with each key ending so.
fn sorted(tail: &str) -> String {
    let keys = keys().map(|key| format!("{key}{tail}"));
    format!("wsh(sortedmulti(2,{}))", keys.join(","))
}

fn summed(body: &str) -> String {
    let checksum = crate::descriptor::checksum_of(body).expect("letters of a descriptor");
    format!("{body}#{checksum}")
}

fn ours() -> VaultDescriptor {
    samples::vault(&summed(&sorted("/<0;1>/*")))
}

fn read(text: &str) -> Imported {
    import(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refused(text: &str) -> ImportError {
    let error = import(text.as_bytes()).expect_err("refused");
    assert!(!error.code().is_empty() && !error.hint().is_empty());
    error
}

#[test]
fn descriptors_are_read_with_every_end_that_wallets_write() {
    let vpub = |key: &str| {
        let (origin, xpub) = key.split_once(']').expect("an origin");
        let mut bytes = base58::decode_check(xpub).expect("base 58");
        bytes[..4].copy_from_slice(&[0x02, 0x57, 0x54, 0x83]);
        format!(
            "{}]{}",
            origin.to_uppercase().replace('H', "'"),
            base58::encode_check(&bytes)
        )
    };
    let slip = keys()
        .map(|key| format!("{}/<0;1>/*", vpub(&key)))
        .join(",");
    for (what, text, notes) in [
        ("both", summed(&sorted("/<0;1>/*")), vec![]),
        ("a template", summed(&sorted("/**")), vec![]),
        (
            "no path at all",
            summed(&sorted("")),
            vec![Note::BranchesAssumed],
        ),
        ("Specter-DIY", summed(&sorted("/{0,1}/*")), vec![]),
        (
            "deposits",
            summed(&sorted("/0/*")),
            vec![Note::ChangeAssumed],
        ),
        (
            "change",
            summed(&sorted("/1/*")),
            vec![Note::DepositsAssumed],
        ),
        ("no checksum", sorted("/<0;1>/*"), vec![Note::NoChecksum]),
        (
            "SLIP 132",
            summed(&format!("wsh(sortedmulti(2,{slip}))")),
            vec![Note::PlainVersions],
        ),
        (
            "two lines",
            format!("{}\n{}\n", summed(&sorted("/0/*")), summed(&sorted("/1/*"))),
            vec![],
        ),
        (
            "comments",
            format!("# mine\r\n\r\n{}\r\n", summed(&sorted("/<0;1>/*"))),
            vec![],
        ),
    ] {
        let imported = read(&text);
        assert!(same(&ours(), &imported.descriptor), "{what}");
        assert_eq!(imported.notes, notes, "{what}");
    }
    let others = format!("{}\n{}", summed(&sorted("/2/*")), summed(&sorted("/3/*")));
    assert!(read(&others).descriptor.text().contains("/<2;3>/*"));
}

#[test]
fn a_descriptor_that_contradicts_itself_is_refused() {
    let good = summed(&sorted("/<0;1>/*"));
    let altered = good.replace("sortedmulti(2", "sortedmulti(1");
    assert!(matches!(refused(&altered), ImportError::Checksum));
    let [a, b, c] = keys();
    let other = format!("wsh(sortedmulti(2,{a}/1/*,{c}/1/*,{b}/1/*))");
    for change in [
        other,
        sorted("/0/*"),
        sorted("/1/*").replace("(2,", "(3,"),
        "wpkh(x)".to_owned(),
    ] {
        let pair = format!("{}\n{}", sorted("/0/*"), change);
        assert!(
            matches!(refused(&pair), ImportError::NotOneWallet),
            "{change}"
        );
    }
    assert!(matches!(refused(&sorted("/7/*")), ImportError::Branch(_)));
    assert!(matches!(refused(&sorted("/0/1/*")), ImportError::Branch(_)));
    let ends = ["/0/*", "/1/*", "/<0;1>/*", ""];
    for (one, other) in ends.iter().flat_map(|one| ends.map(|other| (one, other))) {
        let [a, b, c] = keys();
        let mixed = format!("wsh(sortedmulti(2,{a}{one},{b}{other},{c}{one}))");
        if *one != other {
            assert!(
                matches!(refused(&mixed), ImportError::NotOneWallet),
                "{mixed}"
            );
        }
    }
    let four = [&*sorted("/0/*"); 4].join("\n");
    assert!(matches!(refused(&four), ImportError::Several(4)));
    let three = format!(
        "{}\n{}\n{}",
        sorted("/<2;3>/*"),
        sorted("/0/*"),
        sorted("/1/*")
    );
    assert!(matches!(refused(&three), ImportError::NotOneWallet));
    assert_eq!(
        refused(&format!("sh({})", sorted("/<0;1>/*"))).code(),
        "DESCRIPTOR_KIND"
    );
}

#[test]
fn the_descriptor_records_of_bip_129_are_read_and_their_addresses_compared() {
    let record = "BSMS 1.0\nwsh(sortedmulti(2,[1cf0bf7e/48'/0'/0'/2']xpub6FL8FhxNNUVnG64YurPd16AfGyvFLhh7S2uSsDqR3Qfcm6o9jtcMYwh6DvmcBF9qozxNQmTCVvWtxLpKTnhVLN3Pgnu2D3pAoXYFgVyd8Yz/**,[4fc1dd4a/48'/0'/0'/2']xpub6EebMbEps7ZcV3FYEnddRsvrFWDrt2tiPmCeM7pPXQEmphvq9ZfJ1LWFUDjf3vxCeBuPrfyGrMazWUsYsetrnHatQZVLJH7LsgCjtMqdzgj/**))\n/0/*,/1/*\nbc1qrgc6p3kylfztu06ysl752gwwuekhvtfh9vr7zg43jvu60mutamcsv948ej";
    let imported = read(record);
    assert_eq!(imported.format, Format::Bsms);
    assert_eq!(imported.network, Some(Network::Bitcoin));
    assert_eq!(imported.notes, []);
    // What we write of it is the record, but for the marks of hardened steps.
    let again = bsms::record(&imported.descriptor);
    assert_eq!(again, record.replace('\'', "h"));
    let other = record.replace("bc1qrgc6", "bc1qrgc7");
    assert!(matches!(refused(&other), ImportError::Address { .. }));
    assert!(matches!(
        refused(&record.replace("/0/*,", "/7/*,")),
        ImportError::Value { .. }
    ));
    assert!(matches!(
        refused(&record.replace("1.0", "3.0")),
        ImportError::Value { .. }
    ));
    let [first, second, third] = [0, 1, 2].map(|line| record.lines().nth(line).expect("a line"));
    assert!(matches!(
        refused(&format!("{first}\n{second}")),
        ImportError::Missing { .. }
    ));
    assert!(matches!(
        refused(&format!("{first}\n{second}\n{third}")),
        ImportError::Missing { .. }
    ));
    let key = "BSMS 1.0\n00\n[1cf0bf7e/48'/0'/0'/2']xpub6FL8FhxNNUVnG64YurPd16AfGyvFLhh7S2uSsDqR3Qfcm6o9jtcMYwh6DvmcBF9qozxNQmTCVvWtxLpKTnhVLN3Pgnu2D3pAoXYFgVyd8Yz\nSigner 1 key\nIB7v";
    assert!(matches!(refused(key), ImportError::KeyRecord));
    assert!(matches!(
        refused(&"fbdbdb64e6a8231c".repeat(9)),
        ImportError::Encrypted
    ));
}

#[test]
fn coldcards_text_is_read_with_one_derivation_or_many_and_with_sparrows_comments() {
    let parts = keys().map(|key| {
        let (origin, xpub) = key.split_once(']').expect("an origin");
        let (fingerprint, _) = origin[1..].split_once('/').expect("a path");
        (fingerprint.to_uppercase(), xpub.to_owned())
    });
    let line = |(fingerprint, xpub): &(String, String)| format!("{fingerprint}: {xpub}\n");
    let all: String = parts.iter().map(line).collect();
    let head = "# Coldcard Multisig setup file\n#\nName: mine\nPolicy: 2 of 3\n";
    let one = format!("{head}Derivation: m/48'/1'/0'/2'\nFormat: P2WSH\n\n{all}");
    let each = parts
        .each_ref()
        .map(|part| format!("# derivation: m/48'/1'/0'/2'\n{}", line(part)));
    let each = each.join("\n");
    let sparrows = format!("{head}Format: p2wsh\n\n{each}");
    for text in [&one, &sparrows, &one.replace("2 of 3", "2/3")] {
        let imported = read(text);
        assert_eq!(imported.format, Format::Coldcard);
        assert_eq!(imported.name.as_deref(), Some("mine"));
        assert!(same(&ours(), &imported.descriptor), "{text}");
        assert_eq!(imported.notes, [Note::NoChecksum]);
    }
    assert!(matches!(
        refused(&one.replace("of 3", "of 4")),
        ImportError::KeyCount { said: 4, found: 3 }
    ));
    assert!(matches!(
        refused(&one.replace("P2WSH", "P2SH")),
        ImportError::ScriptKind(_)
    ));
    assert!(matches!(
        refused(&one.replace("Format: P2WSH\n", "")),
        ImportError::Missing { .. }
    ));
    assert!(matches!(
        refused(&one.replace("2 of 3", "two")),
        ImportError::Value { .. }
    ));
    assert!(matches!(
        refused(&one.replace("Derivation", "Path")),
        ImportError::Missing { .. }
    ));
    assert!(matches!(
        refused(&one.replace(": tpub", ": tqub")),
        ImportError::Key(_)
    ));
    let odd = format!("{one}Colour: green\n");
    assert!(
        read(&odd)
            .notes
            .contains(&Note::Ignored("colour".to_owned()))
    );
}

#[test]
fn caravans_file_gives_names_devices_network_and_what_was_left() {
    let (_, descriptor) = templates().swap_remove(2);
    let policy = policy_of(&descriptor);
    let text = export(&policy, Format::Caravan).expect("exports");
    let text = text.replace(
        "\"name\": \"bob\"",
        "\"name\": \"Bob's Key\", \"method\": \"trezor\"",
    );
    let text = text.replace(
        "\"startingAddressIndex\": 0",
        "\"startingAddressIndex\": 4, \"extra\": [1]",
    );
    let imported = read(&text);
    assert_eq!(imported.network, Some(Network::Regtest));
    assert_eq!(imported.holders[1].label.as_deref(), Some("Bob's Key"));
    assert_eq!(imported.holders[1].device.as_deref(), Some("trezor"));
    let ignored = |field: &str| Note::Ignored(field.to_owned());
    assert_eq!(
        imported.notes,
        [
            Note::NoChecksum,
            ignored("extra"),
            ignored("startingAddressIndex")
        ]
    );
    assert!(matches!(
        refused(&text.replace("P2WSH", "P2SH-P2WSH")),
        ImportError::ScriptKind(_)
    ));
    assert!(matches!(
        refused(&text.replace("\"regtest\"", "\"mainnet\"")),
        ImportError::NetworkDiffers { .. }
    ));
    assert!(matches!(
        refused(&text.replace("\"regtest\"", "\"moon\"")),
        ImportError::Value { .. }
    ));
    assert!(matches!(
        refused(&text.replace("\"totalSigners\": 3", "\"totalSigners\": 2")),
        ImportError::KeyCount { said: 2, found: 3 }
    ));
    let testnet = read(&text.replace("\"regtest\"", "\"testnet\""));
    assert_eq!(testnet.network, None);
    let unknown = read(&text.replace("trezor", "abacus"));
    assert!(
        unknown
            .notes
            .contains(&Note::UnknownDevice("abacus".to_owned()))
    );
}

#[test]
fn specters_core_edge_and_wallet_policies_are_told_apart() {
    let deposits = summed(&sorted("/0/*"));
    let change = summed(&sorted("/1/*"));
    let both = summed(&sorted("/<0;1>/*"));
    let specter = serde_json::json!({
        "label": "Mine", "blockheight": 0, "descriptor": deposits,
        "devices": [{"type": "coldcard", "label": "Q"}, {"type": "specter", "label": "DIY"}, "third"],
    });
    let imported = read(&specter.to_string());
    assert_eq!(
        (imported.format, imported.name.as_deref()),
        (Format::Specter, Some("Mine"))
    );
    assert_eq!(imported.notes, [Note::ChangeAssumed]);
    let devices: Vec<Option<&str>> = imported
        .holders
        .iter()
        .map(|one| one.device.as_deref())
        .collect();
    assert_eq!(devices, [Some("coldcard"), Some("specter-diy"), None]);
    let backup = serde_json::json!({"name": "Mine", "recv_descriptor": deposits, "change_descriptor": change});
    assert_eq!(read(&backup.to_string()).notes, []);
    let listed = serde_json::json!({"wallet_name": "w", "descriptors": [
        {"desc": change, "internal": true}, {"desc": deposits, "internal": false},
    ]});
    let imported = read(&listed.to_string());
    assert_eq!(imported.format, Format::Core);
    assert!(same(&ours(), &imported.descriptor));
    let twice = serde_json::json!([{"desc": deposits}, {"desc": deposits}]);
    assert!(matches!(
        refused(&twice.to_string()),
        ImportError::Several(2)
    ));
    let edge = serde_json::json!({"name": "ms", "desc": both});
    assert_eq!(read(&edge.to_string()).format, Format::ColdcardEdge);
    for (text, missing) in [
        ("[]", "desc"),
        (r#"[{"descr":1}]"#, "desc"),
        (r#"{"descriptor":1}"#, "descriptor"),
    ] {
        assert!(
            matches!(refused(text), ImportError::Missing { field, .. } if field == missing),
            "{text}"
        );
    }
}

#[test]
fn a_draft_keeps_keys_and_paths_and_a_check_names_what_only_people_can_say() {
    let (_, descriptor) = templates().swap_remove(2);
    let policy = policy_of(&descriptor);
    let text = export(&policy, Format::Caravan).expect("exports");
    let text = text.replace("\"name\": \"bob\"", "\"name\": \"Alice\"");
    let imported = read(&text);
    let draft = imported.draft(DraftFacts::default()).expect("a draft");
    let mistakes = Policy::parse(draft.as_bytes()).expect_err("it lacks what people say");
    let places: Vec<&str> = mistakes.iter().map(|mistake| &*mistake.path).collect();
    for place in [
        "head",
        "valid_until",
        "requesters",
        "rules",
        "signers[0].journal",
    ] {
        assert!(
            places.contains(&place),
            "{place} is not among {places:?}\n{draft}"
        );
    }
    assert!(
        mistakes.iter().all(|mistake| mistake.code() == "MISSING"),
        "{mistakes:?}"
    );
    // With those written, it is a policy of the same wallet.
    let given = DraftFacts {
        name: Some("brought-in"),
        network: Some(Network::Regtest),
        head: Some(HEAD),
    };
    let draft = imported.draft(given).expect("a draft");
    let mut filled = draft;
    for (place, signer) in policy.signers.iter().enumerate() {
        let line = format!("key = \"{}\"\n", signer.key.text);
        let journal = documents::public_key(&format!("journal {place}"));
        assert!(filled.contains(&line), "{filled}");
        filled = filled.replace(&line, &format!("{line}journal = \"{journal}\"\n"));
    }
    let requester = documents::public_key("exchange");
    filled += &format!(
        "\n[[requesters]]\nname = \"exchange\"\nkeys = [{{ key = \"{requester}\", tool = \"own\" }}]\n\
         \n[[rules]]\nname = \"all\"\namount_max_sat = 1000\napprovals = {{ count = 0 }}\n"
    );
    let taken = Policy::parse(filled.as_bytes())
        .unwrap_or_else(|mistakes| panic!("{}\n{filled}", crate::report::mistakes(&mistakes)));
    assert_eq!(taken.name, "brought-in");
    assert!(same(&policy.descriptor, &taken.descriptor));
    let names: Vec<&str> = taken.signers.iter().map(|signer| &*signer.name).collect();
    assert_eq!(names, ["alice", "alice-2", "machine"]);
}

#[test]
fn the_network_of_a_draft_is_the_files_or_is_given_and_never_guessed() {
    let imported = read(&summed(&sorted("/<0;1>/*")));
    let with = |network| {
        imported.draft(DraftFacts {
            network,
            ..DraftFacts::default()
        })
    };
    assert!(matches!(with(None), Err(ImportError::NetworkNeeded)));
    assert!(matches!(
        with(Some(Network::Bitcoin)),
        Err(ImportError::NetworkDiffers { .. })
    ));
    assert!(
        with(Some(Network::Signet))
            .expect("a draft")
            .contains("network = \"signet\"")
    );
    let (_, descriptor) = templates().swap_remove(2);
    let record = export(&policy_of(&descriptor), Format::Bsms).expect("exports");
    let other = DraftFacts {
        network: Some(Network::Signet),
        ..DraftFacts::default()
    };
    assert!(matches!(
        read(&record).draft(other),
        Err(ImportError::OtherNetwork { .. })
    ));
}
