//! Which versions follow, who approves them, and what their files say.

use super::samples::{approval, first, next, replace_machine, with_new_machine};
use super::*;
use crate::descriptor::ScriptKind;
use crate::document::samples::{HEAD_TIME, quorum};
use crate::document::{PinnedKeyDraft, Policy, PolicyDraft};
use crate::hash::Purpose;
use crate::ids::Subject;
use crate::intent::Approval;
use crate::review::world::{NOW, secret};
use crate::time::UnixTime;

const LATER: UnixTime = NOW.saturating_add(86_400);

/// The codes for which a version does not follow the first one.
fn refused(alter: impl FnOnce(&mut PolicyDraft)) -> Vec<&'static str> {
    let previous = first(ScriptKind::Wsh);
    let next = next(&previous, alter);
    let mistakes = follows(&previous, &next).expect_err("does not follow");
    for mistake in &mistakes {
        assert!(!mistake.to_string().is_empty() && !mistake.hint().is_empty());
    }
    mistakes.iter().map(SuccessionMistake::code).collect()
}

#[test]
fn a_version_that_alters_only_rules_and_people_is_a_step_of_rules() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let previous = first(kind);
        let next = next(&previous, |draft| {
            draft.rules.truncate(1);
            draft.approvers[0].keys = vec![PinnedKeyDraft::own(&secret("dana's new").public())];
            draft.signers[0].device = None;
            draft.limits.fee_max_sat = 1_000;
        });
        assert_eq!(follows(&previous, &next), Ok(Step::Rules));
        assert_eq!(next.keyset, previous.keyset);
    }
}

#[test]
fn a_version_that_alters_signers_descriptor_or_recovery_introduces_a_keyset() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let previous = first(kind);
        let step = |alter: &dyn Fn(&mut PolicyDraft)| {
            let next = next(&previous, |draft| {
                draft.keyset = None;
                alter(draft);
            });
            assert_ne!(next.keyset, previous.keyset);
            follows(&previous, &next)
        };
        let journal = secret("a new journal").public().to_string();
        assert_eq!(
            step(&|draft| replace_machine(draft, kind, "zelda")),
            Ok(Step::Keyset)
        );
        assert_eq!(
            step(&|draft| draft.signers[1].journal.clone_from(&journal)),
            Ok(Step::Keyset)
        );
        assert_eq!(
            step(&|draft| "someone".clone_into(&mut draft.signers[1].person)),
            Ok(Step::Keyset)
        );
        let address = crate::document::samples::address(7).to_string();
        assert_eq!(
            step(&|draft| draft.recovery.to.clone_from(&address)),
            Ok(Step::Keyset)
        );
    }
}

#[test]
fn a_change_of_keys_cannot_pass_for_a_change_of_rules() {
    let claimed = |alter: &dyn Fn(&mut PolicyDraft)| {
        refused(|draft| {
            let keyset = draft.keyset.clone();
            alter(draft);
            draft.keyset = keyset;
        })
    };
    assert_eq!(
        claimed(&|draft| replace_machine(draft, ScriptKind::Wsh, "zelda")),
        ["KEYSET_CLAIMED"]
    );
    let journal = secret("a thief's journal").public().to_string();
    assert_eq!(
        claimed(&|draft| draft.signers[0].journal.clone_from(&journal)),
        ["KEYSET_CLAIMED"]
    );
    let address = crate::document::samples::address(7).to_string();
    assert_eq!(
        claimed(&|draft| draft.recovery.to.clone_from(&address)),
        ["KEYSET_CLAIMED"]
    );
}

#[test]
fn a_keyset_that_lies_is_refused() {
    assert_eq!(refused(|draft| draft.keyset = None), ["KEYSET_NOT_KEPT"]);
    let other = Some("ab".repeat(32));
    assert_eq!(
        refused(|draft| draft.keyset.clone_from(&other)),
        ["KEYSET_NOT_KEPT"]
    );
    assert_eq!(
        refused(|draft| {
            replace_machine(draft, ScriptKind::Wsh, "zelda");
            draft.keyset.clone_from(&other);
        }),
        ["KEYSET_CLAIMED"]
    );
}

#[test]
fn a_version_of_another_line_or_number_or_chain_does_not_follow() {
    assert_eq!(
        refused(|draft| draft.vault = "ab".repeat(32)),
        ["SUCCESSOR_OTHER_VAULT"]
    );
    assert_eq!(
        refused(|draft| draft.previous = "ab".repeat(32)),
        ["SUCCESSOR_OTHER_PREVIOUS"]
    );
    assert_eq!(refused(|draft| draft.version = 3), ["SUCCESSOR_VERSION"]);
    let previous = first(ScriptKind::Wsh);
    let mut elsewhere = next(&previous, |_| {});
    elsewhere.signet_challenge = Some(bitcoin::ScriptBuf::new());
    let mistakes = follows(&previous, &elsewhere).expect_err("does not follow");
    assert_eq!(mistakes, [SuccessionMistake::OtherNetwork]);
    // A version never follows itself, nor a first one anything.
    let itself = follows(&previous, &previous).expect_err("does not follow");
    assert_eq!(itself.len(), 2);
}

fn met(previous: &Policy, next: &Policy, approvals: &[Approval]) -> bool {
    approved(previous, next.id, approvals, NOW)
        .expect("the version lets one follow")
        .is_met()
}

#[test]
fn the_quorum_of_the_version_before_approves_by_its_own_keys() {
    let previous = first(ScriptKind::Wsh);
    let next = next(&previous, |draft| {
        draft.approvers.truncate(2);
        draft.change = None;
    });
    let by = |name| approval(&previous, next.id, name, LATER);
    assert!(met(&previous, &next, &[by("dana"), by("frank")]));
    assert!(!met(&previous, &next, &[by("dana"), by("dana")]));
    // Erin is not of the board.
    assert!(!met(&previous, &next, &[by("dana"), by("erin")]));
    let counted = approved(&previous, next.id, &[by("dana")], NOW).expect("counts");
    assert_eq!(
        (counted.missing(), counted.persons),
        (1, vec!["dana".to_owned()])
    );
    // What lets none follow is approved by nobody.
    assert_eq!(approved(&next, previous.id, &[], NOW), None);
    assert_eq!(ripe_at(&next, NOW), None);
}

#[test]
fn signatures_of_others_and_about_others_do_not_count() {
    let previous = first(ScriptKind::Wsh);
    let next = next(&previous, |draft| draft.rules.truncate(1));
    let dana = approval(&previous, next.id, "dana", LATER);
    let fault = |second: Approval| {
        let both = [dana.clone(), second];
        let counted = approved(&previous, next.id, &both, NOW).expect("counts");
        assert!(!counted.is_met());
        assert!(!counted.faults[0].to_string().is_empty());
        counted.faults[0].clone()
    };
    let stranger = approval(&previous, next.id, "grace", LATER);
    assert!(matches!(fault(stranger), ApprovalFault::Foreign { .. }));
    let other = approval(&previous, previous.id, "frank", LATER);
    assert!(matches!(fault(other), ApprovalFault::OtherSubject { .. }));
    let expired = approval(&previous, next.id, "frank", NOW);
    assert!(matches!(fault(expired), ApprovalFault::Expired { .. }));
    let mut forged = approval(&previous, next.id, "frank", LATER);
    forged.signature = dana.signature.clone();
    assert!(matches!(fault(forged), ApprovalFault::Wrong { .. }));
    let subject = Subject::from_bytes(next.id.to_bytes());
    let another_purpose = Approval::sign(
        &secret("frank"),
        Purpose::Approve,
        previous.vault,
        subject,
        LATER,
    );
    assert!(matches!(
        fault(another_purpose),
        ApprovalFault::OtherSubject { .. }
    ));
    let mut another_vault = previous.clone();
    another_vault.vault = crate::VaultId::from_bytes([9; 32]);
    let elsewhere = approval(&another_vault, next.id, "frank", LATER);
    assert!(matches!(fault(elsewhere), ApprovalFault::Wrong { .. }));
}

#[test]
fn people_whom_only_the_next_version_names_do_not_approve_it() {
    let previous = first(ScriptKind::Wsh);
    let usurped = next(&previous, |draft| {
        for (approver, thief) in draft
            .approvers
            .iter_mut()
            .zip(["mallory", "mallet", "malik"])
        {
            approver.keys = vec![PinnedKeyDraft::own(&secret(thief).public())];
        }
        if let Some(change) = &mut draft.change {
            change.approvals = quorum(None, 1);
        }
    });
    assert_eq!(follows(&previous, &usurped), Ok(Step::Rules));
    let by = |name| approval(&previous, usurped.id, name, LATER);
    assert!(!met(
        &previous,
        &usurped,
        &[by("mallory"), by("mallet"), by("malik")]
    ));
}

#[test]
fn the_delay_runs_from_the_proposal() {
    let previous = first(ScriptKind::Wsh);
    assert_eq!(
        ripe_at(&previous, HEAD_TIME),
        Some(HEAD_TIME.saturating_add(48 * 3_600))
    );
}

#[test]
fn a_succession_file_reads_back_to_the_same_bytes() {
    let previous = first(ScriptKind::Tr);
    let next = next(&previous, |draft| draft.rules.truncate(1));
    let mut file = SuccessionFile::of(&next.bytes).expect("a document");
    assert!(SuccessionFile::of(b"nothing\n").is_err());
    for name in ["frank", "dana"] {
        file.approve(approval(&previous, next.id, name, LATER));
    }
    let bytes = file.write();
    let canonical = serde_json_canonicalizer::to_vec(
        &serde_json::from_slice::<serde_json::Value>(&bytes).expect("JSON"),
    );
    assert_eq!(bytes, canonical.expect("canonical"));
    let mut with_feed = bytes.clone();
    with_feed.push(b'\n');
    for bytes in [&bytes, &with_feed] {
        let read = SuccessionFile::read(bytes).expect("a file");
        assert_eq!(read, file);
        assert_eq!(read.version(), next.id);
        assert_eq!(read.policy().expect("a policy"), next);
        let counted = approved(&previous, read.version(), read.approvals().values(), NOW);
        assert!(counted.expect("counts").is_met());
    }
    let mut one = SuccessionFile::of(&next.bytes).expect("a document");
    assert!(one.join(&file, &previous));
    assert_eq!(one, file);
    let other = SuccessionFile::of(&previous.bytes).expect("a document");
    assert!(!one.join(&other, &previous));
}

/// Whoever carries a file may add to it what he likes: what is genuine in it stays, and room for more.
#[test]
fn joining_files_neither_drops_a_good_signature_nor_takes_a_bad_one() {
    let previous = first(ScriptKind::Tr);
    let next = next(&previous, |draft| draft.rules.truncate(1));
    let file = |approvals: &[Approval]| {
        let mut file = SuccessionFile::of(&next.bytes).expect("a document");
        for approval in approvals {
            file.approve(approval.clone());
        }
        file
    };
    let joined = |ours: &[Approval], theirs: &[Approval]| {
        let mut joined = file(ours);
        assert!(joined.join(&file(theirs), &previous));
        joined
    };
    let by = |name: &str, after: u64| approval(&previous, next.id, name, NOW.saturating_add(after));
    let (dana, frank) = (by("dana", 100), by("frank", 100));
    let mut forged = dana.clone();
    forged.expires = NOW.saturating_add(900);
    let stranger = by("grace", 900);
    // A bad one neither replaces a good one nor comes in.
    let bad = [forged.clone(), stranger.clone()];
    assert_eq!(
        joined(std::slice::from_ref(&dana), &bad),
        file(std::slice::from_ref(&dana))
    );
    // A good one replaces a bad one, and one that ends sooner, also one that ended.
    assert_eq!(
        joined(&[forged], &[dana.clone(), frank.clone()]),
        file(&[dana.clone(), frank.clone()])
    );
    let (shorter, longer) = (by("dana", 1), by("dana", 200));
    for (ours, theirs, holds) in [
        (&shorter, &longer, &longer),
        (&longer, &shorter, &longer),
        (&by("erin", 5), &longer, &longer),
    ] {
        let both = joined(std::slice::from_ref(ours), std::slice::from_ref(theirs));
        assert_eq!(both.approvals().get(&longer.key), Some(holds));
    }
    // A file that is full of strangers' signatures takes the good ones all the same, and can be read.
    let strangers: Vec<Approval> = (0..MAX_APPROVALS)
        .map(|number| by(&format!("stranger {number}"), 900))
        .collect();
    let full = joined(&strangers, &[dana, frank]);
    assert_eq!(full.approvals().len(), 2);
    assert!(met(
        &previous,
        &next,
        &full.approvals().values().cloned().collect::<Vec<_>>()
    ));
    assert_eq!(SuccessionFile::read(&full.write()).expect("reads"), full);
}

#[test]
fn approvals_that_ended_count_for_a_human_who_pins_and_for_nobody_else() {
    let previous = first(ScriptKind::Wsh);
    let next = next(&previous, |draft| draft.rules.truncate(1));
    let ended = [
        approval(&previous, next.id, "dana", NOW),
        approval(&previous, next.id, "frank", NOW),
    ];
    assert!(!met(&previous, &next, &ended));
    let once = approved_once(&previous, next.id, &ended).expect("counts");
    assert!(once.is_met() && once.faults.is_empty());
    // Everything else about them is asked all the same.
    let stranger = [ended[0].clone(), approval(&previous, next.id, "grace", NOW)];
    let once = approved_once(&previous, next.id, &stranger).expect("counts");
    assert!(!once.is_met());
}

#[test]
fn bytes_that_are_no_succession_file_are_refused_by_name() {
    let previous = first(ScriptKind::Wsh);
    let mut file = SuccessionFile::of(&previous.bytes).expect("a document");
    file.approve(approval(&previous, previous.id, "dana", LATER));
    let text = String::from_utf8(file.write()).expect("text");
    for (bytes, code) in [
        ("{}".to_owned(), "NOT_A_SUCCESSION"),
        (
            text.replace("succession/1", "succession/2"),
            "NOT_A_SUCCESSION",
        ),
        (text.replacen('{', "{ ", 1), "SUCCESSION_NOT_CANONICAL"),
        (
            text.replacen("\"approvals\":[", "\"more\":1,\"approvals\":[", 1),
            "NOT_A_SUCCESSION",
        ),
        ("x".repeat(MAX_FILE_BYTES + 1), "SUCCESSION_TOO_LARGE"),
        (
            text.replace(
                "\"document\":\"",
                &format!("\"document\":\"{}", "x".repeat(65_536)),
            ),
            "SUCCESSION_TOO_LARGE",
        ),
    ] {
        let error = SuccessionFile::read(bytes.as_bytes()).expect_err("no file");
        assert_eq!(error.code(), code, "{error}");
        assert!(!error.hint().is_empty());
    }
    // One key signs once.
    let doubled = {
        let from = text.find("{\"expires\"").expect("an approval");
        let to = text.find("],\"document\"").expect("the end");
        let one = &text[from..to];
        text.replacen(one, &format!("{one},{one}"), 1)
    };
    let error = SuccessionFile::read(doubled.as_bytes()).expect_err("no file");
    assert_eq!(error.code(), "SUCCESSION_NOT_CANONICAL");
}

#[test]
fn a_line_gives_the_newest_version_with_its_former_keysets() {
    let one = first(ScriptKind::Wsh);
    let two = next(&one, |draft| draft.rules.truncate(1));
    let three = with_new_machine(&two, "zelda");
    let four = next(&three, |draft| draft.rules.truncate(2));
    let all = vec![one.clone(), two.clone(), three.clone(), four.clone()];
    let newest = line(all).expect("a line");
    assert_eq!(newest.id, four.id);
    assert_eq!(newest.earlier, [three.id]);
    assert_eq!(newest.former.len(), 1);
    assert_eq!(newest.former[0].keyset, one.keyset);
    assert_eq!(newest.former[0].descriptor, one.descriptor);
    assert!(newest.goes_on_from(four.id) && newest.goes_on_from(three.id));
    assert!(!newest.goes_on_from(two.id) && !newest.goes_on_from(one.id));

    let steps = one.succeeded_by(two.clone()).expect("follows");
    assert_eq!(steps.earlier, [one.id]);
    assert!(steps.former.is_empty());
    let steps = steps.succeeded_by(three.clone()).expect("follows");
    assert_eq!(steps.succeeded_by(four.clone()), Ok(newest));

    assert_eq!(line(Vec::new()), Err(LineMistake::Empty));
    assert_eq!(
        line(vec![two.clone()]),
        Err(LineMistake::NotFirst { version: 2 })
    );
    assert!(matches!(
        line(vec![one.clone(), three]),
        Err(LineMistake::DoesNotFollow { .. })
    ));
    assert!(matches!(
        line(vec![one, two, four]),
        Err(LineMistake::DoesNotFollow { .. })
    ));
}

#[test]
fn a_line_remembers_the_longest_skew_that_a_version_allowed() {
    let skewed = |previous: &Policy, skew: &str| {
        next(previous, |draft| {
            skew.clone_into(&mut draft.limits.clock_skew);
        })
    };
    let one = first(ScriptKind::Wsh);
    let two = skewed(&one, "3h");
    let three = skewed(&two, "1s");
    assert_eq!((one.longest_skew, three.longest_skew), (600, 1));
    let newest = line(vec![one, two, three]).expect("a line");
    assert_eq!((newest.longest_skew, newest.limits.clock_skew), (10_800, 1));
}

#[test]
fn a_descriptor_that_is_used_again_is_no_former_one() {
    let one = first(ScriptKind::Tr);
    let two = with_new_machine(&one, "zelda");
    let back = next(&two, |draft| {
        let first = crate::review::world::signing_draft(ScriptKind::Tr);
        draft.spending.descriptor = first.spending.descriptor;
        draft.signers = first.signers;
        draft.keyset = None;
    });
    let newest = line(vec![one, two.clone(), back]).expect("a line");
    let former: Vec<_> = newest.former.iter().map(|former| former.keyset).collect();
    assert_eq!(former, [two.keyset]);
}

/// Plants each bug of succession, and sees the test fail that is there for it.
#[cfg(feature = "planted")]
#[test]
fn a_bug_planted_in_succession_fails_its_test() {
    use crate::planted::Bug;
    let notices: [(Bug, fn()); 4] = [
        (
            Bug::KeysetSmuggled,
            a_change_of_keys_cannot_pass_for_a_change_of_rules,
        ),
        (Bug::VersionDelay, the_delay_runs_from_the_proposal),
        (
            Bug::VersionQuorum,
            the_quorum_of_the_version_before_approves_by_its_own_keys,
        ),
        (
            Bug::VersionSignature,
            signatures_of_others_and_about_others_do_not_count,
        ),
    ];
    for (bug, test) in notices {
        assert!(super::samples::fails_with(bug, test), "{bug:?}");
    }
}
