//! Documents that are accepted.

use super::samples::{draft, policy};
use super::*;
use crate::descriptor::ScriptKind;

mod mistakes;

#[test]
fn a_written_draft_is_read_as_the_policy_it_says() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let policy = policy(kind);
        assert_eq!(policy.name, "treasury");
        assert_eq!(policy.descriptor.kind(), kind);
        assert_eq!(policy.vault.to_bytes(), policy.id.to_bytes());
        assert_eq!(policy.keyset.to_bytes(), policy.id.to_bytes());
        assert_eq!(policy.signers.len(), 4);
        assert_eq!(policy.limits.feerate_max.to_sat_per_kwu(), 50_000);
        assert_eq!(policy.limits.clock_skew, 600);
        assert_eq!(policy.rules.len(), 3);
        assert_eq!(policy.lists[0].scripts.len(), 2);
        assert_eq!(
            policy.change.as_ref().map(|change| change.delay),
            Some(172_800)
        );
        assert_eq!(policy.requesters[0].person, "exchange");
        assert_eq!(
            policy_id_from_text(&policy.words().join(" ")),
            Ok(policy.id)
        );
    }
}

#[test]
fn the_id_is_the_hash_of_the_exact_bytes() {
    let text = draft(ScriptKind::Wsh).to_toml();
    let commented = format!("# reviewed\n{text}");
    let first = Policy::parse(text.as_bytes()).expect("accepted");
    let second = Policy::parse(commented.as_bytes()).expect("accepted");
    assert_ne!(first.id, second.id);
    assert_eq!(second.bytes, commented.as_bytes());
}

#[test]
fn feerates_are_read_as_strings_and_numbers_alike() {
    for (written, sat_per_kwu) in [("\"12.5\"", 3_125), ("12.5", 3_125), ("12", 3_000)] {
        let text = draft(ScriptKind::Wsh).to_toml().replace(
            "feerate_max_sat_vb = \"200\"",
            &format!("feerate_max_sat_vb = {written}"),
        );
        let policy = Policy::parse(text.as_bytes()).expect("accepted");
        assert_eq!(policy.limits.feerate_max.to_sat_per_kwu(), sat_per_kwu);
    }
}

#[test]
fn people_are_found_by_their_keys() {
    let policy = policy(ScriptKind::Tr);
    let dana = &policy.approvers[0].keys[0].key;
    assert_eq!(
        policy
            .approver_of_key(dana.id())
            .map(|(approver, key)| (approver.name.as_str(), key)),
        Some(("dana", &PinnedKey::own(*dana)))
    );
    assert!(policy.requester_of_key(dana.id()).is_none());
    let journal = policy.signers[2].journal;
    assert_eq!(
        policy
            .signer_of_journal(&journal)
            .map(|signer| signer.name.as_str()),
        Some("machine")
    );
}
