//! The shape of each export, as its readers' sources have it.

use serde_json::Value;

use super::*;
use crate::Keychain;

fn sorted() -> Policy {
    let mut draft = documents::draft(ScriptKind::Wsh);
    let (_, descriptor) = templates().swap_remove(2);
    draft.spending.descriptor = descriptor;
    draft.spending.policy = None;
    draft.signers.truncate(3);
    for (signer, kind) in draft
        .signers
        .iter_mut()
        .zip(["ledger", "coldcard-q", "software"])
    {
        signer.device = Some(crate::document::DeviceDraft {
            kind: kind.to_owned(),
        });
    }
    Policy::parse(draft.to_toml().as_bytes()).expect("a policy without mistakes")
}

fn json(policy: &Policy, format: Format) -> Value {
    let text = export(policy, format).expect("exports");
    assert!(text.ends_with("}\n") || text.ends_with("]\n"));
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_bsms_record_is_a_template_its_branches_and_the_first_address() {
    let policy = sorted();
    let record = export(&policy, Format::Bsms).expect("a record");
    let lines: Vec<&str> = record.split('\n').collect();
    let [version, template, restrictions, first] = *lines else {
        panic!("four lines: {record}");
    };
    assert_eq!((version, restrictions), ("BSMS 1.0", "/0/*,/1/*"));
    assert!(template.starts_with("wsh(sortedmulti(2,[") && template.ends_with("/**))"));
    let script = policy.descriptor.script_pubkey(Keychain::External, 0);
    let address = bitcoin::Address::from_script(&script, policy.network).expect("an address");
    assert_eq!(first, address.to_string());
}

#[test]
fn core_gets_one_request_for_each_branch_and_reads_the_chain_from_its_beginning() {
    let policy = documents::policy(ScriptKind::Tr);
    let requests = json(&policy, Format::Core);
    let requests = requests.as_array().expect("an array");
    assert_eq!(requests.len(), 2);
    for (request, keychain) in requests.iter().zip(Keychain::BOTH) {
        assert_eq!(
            request["desc"],
            policy.descriptor.branch(keychain).to_string()
        );
        assert_eq!(request["internal"], keychain == Keychain::Internal);
        assert_eq!(request["timestamp"], 0);
        assert_eq!(request["range"], serde_json::json!([0, 999]));
    }
}

#[test]
fn coldcards_text_says_each_derivation_before_its_keys() {
    let policy = sorted();
    let text = export(&policy, Format::Coldcard).expect("a text");
    let keyset = policy.keyset.to_string();
    assert!(text.contains(&format!("\nName: treasury-{}\n", &keyset[..8])));
    assert!(text.contains("\nPolicy: 2 of 3\nFormat: P2WSH\n"));
    assert_eq!(text.matches("\nDerivation: m/48'/1'/0'/2'\n").count(), 1);
    for key in policy.descriptor.key_positions() {
        let fingerprint = key.fingerprint.to_string().to_uppercase();
        assert!(text.contains(&format!("\n{fingerprint}: {}\n", key.xpub)));
    }
    assert!(
        text.lines()
            .all(|line| line.len() <= 130 && line.is_ascii())
    );
}

#[test]
fn caravan_and_specter_get_names_and_the_devices_that_they_know() {
    let policy = sorted();
    let caravan = json(&policy, Format::Caravan);
    assert_eq!(caravan["addressType"], "P2WSH");
    assert_eq!(
        caravan["quorum"],
        serde_json::json!({"requiredSigners": 2, "totalSigners": 3})
    );
    let methods: Vec<Option<&str>> = (0..3)
        .map(|key| caravan["extendedPublicKeys"][key]["method"].as_str())
        .collect();
    assert_eq!(methods, [Some("ledger"), Some("coldcard"), None]);
    assert_eq!(caravan["extendedPublicKeys"][1]["name"], "bob");
    assert_eq!(
        caravan["extendedPublicKeys"][1]["bip32Path"],
        "m/48'/1'/0'/2'"
    );
    let specter = json(&policy, Format::Specter);
    assert_eq!(specter["label"], "treasury");
    assert_eq!(
        specter["descriptor"],
        policy.descriptor.branch(Keychain::External).to_string()
    );
    let kinds: Vec<&str> = (0..3)
        .filter_map(|key| specter["devices"][key]["type"].as_str())
        .collect();
    assert_eq!(kinds, ["ledger", "coldcard", "other"]);
}

#[test]
fn the_sheet_says_all_that_recovering_takes_in_80_columns_and_nothing_from_elsewhere() {
    let policy = documents::policy(ScriptKind::Wsh);
    let text = export(&policy, Format::Sheet).expect("a sheet");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let joined: String = text.split_whitespace().collect();
    assert!(joined.contains(policy.descriptor.text()));
    for word in policy.words() {
        assert!(text.contains(word));
    }
    assert!(text.contains("alice and bob, at any time"));
    assert!(text.contains("vault-key, once a coin is 12,960 blocks old (about 90 days)"));
    let html = export(&policy, Format::SheetHtml).expect("a sheet");
    assert!(html.contains(&crate::words::escaped(policy.descriptor.text())));
    for foreign in ["<script", "src=", "href=", "url(", "@import"] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    assert_eq!(html.matches("<dl>").count(), html.matches("</dl>").count());
}
