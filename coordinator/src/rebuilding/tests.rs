//! Tests of what papers say together: in any order, as often as one likes, and no further than they are signed.

use bitcoin::hashes::{Hash, sha256};
use bitcoin::{Amount, Network, OutPoint, ScriptBuf, Txid};
use policies::document::{
    ApprovalsDraft, HeadDraft, PinnedKeyDraft, Policy, PolicyDraft, RequesterDraft, RuleDraft,
    SignerDraft,
};
use policies::intent::SecretKey;
use policies::journal::{Entry, ExportStatement, SignedTransaction, SpendMode};
use policies::{Intent, IntentKind, Journal, RequestSignature, UnixTime};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::roles::fixture::{Kind, NAMES, Vault};

const NOW: u64 = 1_795_400_000;

fn secret(name: &str) -> SecretKey {
    SecretKey::from_bytes(&sha256::Hash::hash(name.as_bytes()).to_byte_array())
}

fn policy() -> Policy {
    let keys = Vault::new(Kind::Wsh);
    let head = HeadDraft {
        height: 100,
        time: UnixTime::from_secs(NOW - 1000),
    };
    let mut draft = PolicyDraft::first_version("treasury", Network::Regtest, head);
    keys.descriptor
        .text()
        .clone_into(&mut draft.spending.descriptor);
    let signers = keys.signers().into_iter();
    draft.signers = signers
        .map(|signer| SignerDraft {
            journal: secret(&signer.name).public().to_string(),
            person: signer.name.clone(),
            name: signer.name,
            device: None,
            key: signer.key.text,
        })
        .collect();
    draft.requesters = vec![RequesterDraft {
        name: "exchange".to_owned(),
        person: None,
        keys: vec![PinnedKeyDraft::own(&secret("exchange").public())],
    }];
    draft.rules = vec![RuleDraft {
        name: "small".to_owned(),
        kind: None,
        requester: None,
        to: None,
        amount_max_sat: Some(1_000_000),
        window: None,
        approvals: ApprovalsDraft {
            group: None,
            count: 0,
            page: None,
        },
    }];
    Policy::parse(draft.to_toml().as_bytes()).expect("a policy")
}

fn intent(policy: &Policy, number: u8) -> Intent {
    let amount = Amount::from_sat(50_000);
    Intent {
        vault: policy.vault,
        keyset: policy.keyset,
        requester: "exchange".parse().expect("a name"),
        id: format!("w-{number}").parse().expect("an id"),
        kind: IntentKind::Payment,
        script_pubkey: ScriptBuf::from_bytes([vec![0x00, 0x14], vec![number; 20]].concat()),
        amount,
        min: amount,
        created: UnixTime::from_secs(NOW),
        expires: UnixTime::from_secs(NOW + 1000),
        replaces: None,
        repeats: None,
        reference: String::new(),
    }
}

fn request(policy: &Policy, number: u8) -> Vec<u8> {
    let bytes = intent(policy, number).encode();
    let hash = Intent::hash_bytes(&bytes);
    let signed = RequestSignature::sign(&secret("exchange"), policy.vault, hash);
    let body = json!({
        "intent": String::from_utf8_lossy(&bytes),
        "key": signed.key,
        "signature": signed.signature,
    });
    body.to_string().into_bytes()
}

/// A transaction that pays some withdrawals with coins of these numbers.
fn paying(policy: &Policy, txid: u8, coins: &[u8], paid: &[u8], at: u64) -> SignedTransaction {
    SignedTransaction {
        txid: Txid::from_byte_array([txid; 32]),
        mode: SpendMode::Pay,
        inputs: coins
            .iter()
            .map(|coin| OutPoint::new(Txid::from_byte_array([*coin; 32]), 0))
            .collect(),
        ancestors: Vec::new(),
        intents: paid.iter().map(|number| intent(policy, *number)).collect(),
        rules: vec!["small".to_owned(); paid.len()],
        replaced: Vec::new(),
        change_indexes: vec![u32::from(txid)],
        fee: Amount::from_sat(1_000),
        at: UnixTime::from_secs(NOW + at),
        given: None,
    }
}

fn journal(policy: &Policy, signer: &str, signed: &[SignedTransaction]) -> Vec<u8> {
    let key = secret(signer);
    let (mut journal, birth) =
        Journal::begin(policy.vault, key.public(), UnixTime::ZERO).expect("begins");
    let mut lines = birth.as_bytes().to_vec();
    for one in signed {
        let line = journal.append(Entry::Signed(one.clone())).expect("appends");
        lines.extend_from_slice(line.as_bytes());
    }
    ExportStatement::of(&journal, UnixTime::ZERO).export(&lines, &key, policy.vault)
}

/// What three signers keep: alice signed two attempts of one line, bob the second and another, carol none.
fn papers(policy: &Policy) -> Vec<Vec<u8>> {
    let first = paying(policy, 1, &[1], &[1], 1);
    let second = paying(policy, 2, &[1, 2], &[1, 2], 2);
    let third = paying(policy, 3, &[3], &[3], 3);
    let names: Vec<&str> = NAMES.to_vec();
    let of = |place: usize| names.get(place).copied().unwrap_or_default();
    vec![
        request(policy, 1),
        request(policy, 2),
        request(policy, 4),
        journal(policy, of(0), &[first, second.clone()]),
        journal(policy, of(1), &[second, third]),
        journal(policy, of(2), &[]),
    ]
}

fn line(policy: &Policy) -> Line {
    Line::of(policy.clone()).expect("a first version")
}

fn gather(policy: &Policy, papers: &[Vec<u8>]) -> Gathered {
    let mut gathered = Gathered::new(line(policy));
    for bytes in papers {
        for paper in read(bytes).expect("reads") {
            gathered.take(paper).expect("is taken");
        }
    }
    gathered
}

fn refused(policy: &Policy, before: &[Vec<u8>], bytes: &[u8]) -> &'static str {
    let mut gathered = gather(policy, before);
    let mut last = None;
    for paper in read(bytes).expect("reads") {
        last = gathered.take(paper).err();
    }
    last.map_or("", |mistake| mistake.code())
}

#[test]
fn journals_and_requests_tell_every_attempt_and_withdrawal() {
    let policy = policy();
    let gathered = gather(&policy, &papers(&policy));
    assert_eq!(gathered.attempts.len(), 3);
    let signed: Vec<usize> = gathered
        .in_order()
        .iter()
        .map(|attempt| attempt.signed_by.len())
        .collect();
    assert_eq!(signed, [1, 2, 1]);
    let unsigned: Vec<String> = gathered
        .requests
        .values()
        .filter(|one| one.request.is_none())
        .map(|one| one.intent.id.to_string())
        .collect();
    assert_eq!(unsigned, ["w-3"]);
    assert_eq!(gathered.change_to_watch(None), 103);
    assert_eq!(gathered.unseen_quorum(), None);
}

#[test]
fn lost_journals_are_told_where_they_are_enough_for_a_payment() {
    let policy = policy();
    let papers = papers(&policy);
    let fewer = gather(&policy, papers.get(..5).expect("papers"));
    assert_eq!(fewer.without_journal().len(), 1);
    assert_eq!(fewer.unseen_quorum(), None);
    let fewest = gather(&policy, papers.get(..4).expect("papers"));
    assert_eq!(fewest.unseen_quorum().map(|keys| keys.len()), Some(2));
}

#[test]
fn a_journal_is_believed_only_under_its_signers_key() {
    let policy = policy();
    let stranger = journal(&policy, "stranger", &[paying(&policy, 9, &[9], &[9], 1)]);
    assert_eq!(refused(&policy, &[], &stranger), "paper_foreign_journal");
    let signer = NAMES.first().copied().unwrap_or_default();
    let mut other = policy.clone();
    other.vault = policies::VaultId::from_bytes([7; 32]);
    let elsewhere = journal(&other, signer, &[]);
    assert_eq!(refused(&policy, &[], &elsewhere), "paper_of_other_vault");
    let known = journal(&policy, signer, &[paying(&policy, 1, &[1], &[1], 1)]);
    let forked = journal(&policy, signer, &[paying(&policy, 2, &[2], &[2], 1)]);
    assert_eq!(refused(&policy, &[known], &forked), "paper_journal_forked");
}

#[test]
fn journals_that_contradict_one_another_are_refused() {
    let policy = policy();
    let names: Vec<&str> = NAMES.to_vec();
    let of = |place: usize| names.get(place).copied().unwrap_or_default();
    let one = journal(&policy, of(0), &[paying(&policy, 1, &[1], &[1], 1)]);
    let other = journal(&policy, of(1), &[paying(&policy, 1, &[2], &[1], 1)]);
    assert_eq!(refused(&policy, &[one], &other), "paper_contradicts");
}

#[test]
fn an_altered_request_and_a_second_body_are_refused() {
    let policy = policy();
    let text = String::from_utf8(request(&policy, 1)).expect("text");
    let altered = text.replace("50000", "60000");
    let code = refused(&policy, &[], altered.as_bytes());
    assert_eq!(code, "paper_not_signed");
    let mut second = intent(&policy, 1);
    second.reference = "another".to_owned();
    let bytes = second.encode();
    let hash = Intent::hash_bytes(&bytes);
    let signed = RequestSignature::sign(&secret("exchange"), policy.vault, hash);
    let body = json!({
        "intent": String::from_utf8_lossy(&bytes),
        "key": signed.key,
        "signature": signed.signature,
    });
    let known = [request(&policy, 1)];
    let code = refused(&policy, &known, body.to_string().as_bytes());
    assert_eq!(code, "paper_id_reused");
}

/// A journal that follows another version of the policy.
fn following(policy: &Policy, signer: &str, version: policies::PolicyId) -> Vec<u8> {
    let key = secret(signer);
    let (mut journal, birth) =
        Journal::begin(policy.vault, key.public(), UnixTime::ZERO).expect("begins");
    let (at, previous) = (UnixTime::from_secs(NOW), policy.id);
    let proposed = Entry::Proposed(policies::journal::Proposed {
        policy: version,
        previous,
        at,
    });
    let adopted = Entry::Adopted(policies::journal::Adopted {
        policy: version,
        previous,
        at,
    });
    let mut lines = birth.as_bytes().to_vec();
    for entry in [proposed, adopted] {
        let line = journal.append(entry).expect("appends");
        lines.extend_from_slice(line.as_bytes());
    }
    ExportStatement::of(&journal, UnixTime::ZERO).export(&lines, &key, policy.vault)
}

#[test]
fn a_journal_that_follows_another_version_is_refused() {
    let policy = policy();
    let signer = NAMES.first().copied().unwrap_or_default();
    let version = policies::PolicyId::from_bytes([9; 32]);
    let journal = following(&policy, signer, version);
    assert_eq!(refused(&policy, &[], &journal), "paper_of_other_version");
}

fn signer(place: usize) -> &'static str {
    NAMES.get(place).copied().unwrap_or_default()
}

/// The request as the API shows it in a state.
fn shown(policy: &Policy, number: u8, state: &str) -> Vec<u8> {
    let signed: serde_json::Value = serde_json::from_slice(&request(policy, number)).expect("JSON");
    let body = json!({
        "intent": signed["intent"],
        "request_key": signed["key"],
        "request_signature": signed["signature"],
        "state": state,
        "approvals": [],
    });
    body.to_string().into_bytes()
}

#[test]
fn a_withdrawal_that_was_over_stays_over_whatever_else_was_kept() {
    let policy = policy();
    let papers = [
        request(&policy, 1),
        shown(&policy, 1, "cancelled"),
        shown(&policy, 1, "approved"),
        journal(&policy, signer(0), &[paying(&policy, 1, &[1], &[1], 1)]),
    ];
    for turn in 0..papers.len() {
        let mut papers = papers.to_vec();
        papers.rotate_left(turn);
        let gathered = gather(&policy, &papers);
        let closed: Vec<_> = gathered.requests.values().map(|one| one.closed).collect();
        assert_eq!(closed, [Some(Closed::Cancelled)], "{turn}");
    }
    read(&shown(&policy, 1, "rejected")).expect_err("who refused it is not told");
}

#[test]
fn one_source_alone_moves_change_no_further_than_signers_accept() {
    let policy = policy();
    let at = |index: u32| {
        let mut signed = paying(&policy, 1, &[1], &[1], 1);
        signed.change_indexes = vec![index];
        signed
    };
    let far = journal(&policy, signer(0), &[at(0x7fff_0000)]);
    let near = journal(&policy, signer(1), &[at(500)]);
    let alone = gather(&policy, std::slice::from_ref(&far));
    assert_eq!(alone.change_to_watch(None), 1_000);
    assert_eq!(alone.change_to_watch(Some(70)), 1_070);
    let both = gather(&policy, &[far, near.clone()]);
    assert_eq!(both.change_to_watch(None), 1_500);
    assert_eq!(gather(&policy, &[near]).change_to_watch(None), 600);
}

#[test]
fn a_fee_that_one_journal_overstates_is_not_heard() {
    let policy = policy();
    let honest = paying(&policy, 1, &[1], &[1], 1);
    let mut dear = honest.clone();
    dear.fee = Amount::from_sat(900_000);
    let papers = [
        journal(&policy, signer(0), &[dear]),
        journal(&policy, signer(1), &[honest]),
    ];
    let gathered = gather(&policy, &papers);
    let fees: Vec<Amount> = gathered
        .attempts
        .values()
        .map(|one| one.record.fee)
        .collect();
    assert_eq!(fees, [Amount::from_sat(1_000)]);
}

#[test]
fn what_is_no_paper_is_refused() {
    for bytes in [
        &b""[..],
        b"holiday",
        b"{}",
        b"[1]",
        b"{\"counter\":0}\n",
        b"psbt\xff\x00",
    ] {
        read(bytes).expect_err("is refused");
    }
}

proptest! {
    #[test]
    fn papers_say_the_same_in_any_order_and_however_often(
        order in proptest::collection::vec(0..6_usize, 0..12).prop_shuffle()
    ) {
        let policy = policy();
        let papers = papers(&policy);
        let all: Vec<Vec<u8>> = order
            .iter()
            .chain(&[5, 3, 1, 4, 2, 0])
            .filter_map(|place| papers.get(*place).cloned())
            .collect();
        let (one, other) = (gather(&policy, &papers), gather(&policy, &all));
        prop_assert_eq!(&one.requests, &other.requests);
        prop_assert_eq!(&one.attempts, &other.attempts);
        prop_assert_eq!(&one.journals, &other.journals);
    }
}
