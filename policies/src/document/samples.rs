//! Documents that tests share.

use bitcoin::hashes::{Hash, sha256};
use bitcoin::{Address, Network, ScriptBuf};

use super::{
    ApprovalsDraft, ApproverDraft, DeviceDraft, HeadDraft, ListDraft, MaintenanceDraft, OpenDraft,
    PinnedKeyDraft, Policy, PolicyDraft, RequesterDraft, RuleDraft, SignerDraft, SuccessionDraft,
    TestFirstDraft,
};
use crate::descriptor::{ScriptKind, samples};
use crate::{PublicKey, UnixTime};

/// The head's time in [`draft`]: 2026-11-23.
pub(crate) const HEAD_TIME: UnixTime = UnixTime::from_secs(1_795_392_000);

/// A valid Ed25519 key of a name; nobody knows how to sign with it.
pub(crate) fn public_key(name: &str) -> PublicKey {
    let mut bytes = sha256::Hash::hash(name.as_bytes()).to_byte_array();
    loop {
        if let Ok(key) = PublicKey::from_ed25519(bytes) {
            return key;
        }
        bytes = sha256::Hash::hash(&bytes).to_byte_array();
    }
}

/// An address nobody here owns.
pub(crate) fn address(seed: u8) -> Address {
    let script = ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::from_byte_array([seed; 32]));
    Address::from_script(&script, Network::Regtest).expect("a script with an address")
}

pub(crate) fn quorum(group: Option<&str>, count: u32) -> ApprovalsDraft {
    ApprovalsDraft {
        group: group.map(str::to_owned),
        count,
        page: None,
    }
}

pub(crate) fn rule(name: &str, approvals: ApprovalsDraft) -> RuleDraft {
    RuleDraft {
        name: name.to_owned(),
        kind: None,
        requester: None,
        to: None,
        amount_max_sat: None,
        window: None,
        approvals,
    }
}

fn approver(name: &str, groups: &[&str]) -> ApproverDraft {
    ApproverDraft {
        name: name.to_owned(),
        person: name.to_owned(),
        groups: groups.iter().map(ToString::to_string).collect(),
        keys: vec![PinnedKeyDraft::own(&public_key(name))],
    }
}

/// A treasury: 2-of-3 with recovery, one service, three approvers, three rules.
pub(crate) fn draft(kind: ScriptKind) -> PolicyDraft {
    let head = HeadDraft {
        height: 101,
        time: HEAD_TIME,
    };
    let mut draft = PolicyDraft::first_version("treasury", Network::Regtest, head);
    draft.spending.descriptor = samples::compiled(kind);
    draft.spending.policy = Some(samples::POLICY.to_owned());
    draft.signers = samples::all_named()
        .into_iter()
        .map(|named| SignerDraft {
            journal: public_key(&format!("journal of {}", named.name)).to_string(),
            person: named.name.clone(),
            device: Some(DeviceDraft {
                kind: "software".to_owned(),
            }),
            key: named.key.to_string(),
            name: named.name,
        })
        .collect();
    draft.requesters = vec![RequesterDraft {
        name: "exchange".to_owned(),
        person: None,
        keys: vec![PinnedKeyDraft::own(&public_key("exchange"))],
    }];
    draft.approvers = vec![
        approver("dana", &["ops", "board"]),
        approver("erin", &["ops"]),
        approver("frank", &["board"]),
    ];
    draft.maintenance = Some(MaintenanceDraft {
        approvals: quorum(Some("ops"), 1),
    });
    draft.lists = vec![ListDraft {
        name: "counterparties".to_owned(),
        entries: vec![address(1).to_string(), address(2).to_string()],
        open: None,
    }];
    draft.rules = vec![
        RuleDraft {
            kind: Some("payment".to_owned()),
            requester: Some(vec!["exchange".to_owned()]),
            amount_max_sat: Some(5_000_000),
            ..rule("small customer payouts", quorum(None, 0))
        },
        RuleDraft {
            to: Some(vec!["counterparties".to_owned()]),
            amount_max_sat: Some(5_000_000_000),
            ..rule("counterparties", quorum(Some("ops"), 1))
        },
        RuleDraft {
            amount_max_sat: Some(1_000_000_000),
            ..rule("the rest", quorum(Some("ops"), 2))
        },
    ];
    draft.change = Some(SuccessionDraft {
        approvals: quorum(Some("board"), 2),
        delay: "48h".to_owned(),
    });
    draft
}

/// The same with an open list: two of board add to it, a day before, and the first payment is at most 10,000.
pub(crate) fn open_list() -> PolicyDraft {
    let mut draft = draft(ScriptKind::Wsh);
    draft.lists[0].open = Some(OpenDraft {
        approvals: quorum(Some("board"), 2),
        delay: "24h".to_owned(),
        test_first: Some(TestFirstDraft {
            sat: 10_000,
            group: "ops".to_owned(),
        }),
    });
    draft
}

pub(crate) fn policy(kind: ScriptKind) -> Policy {
    Policy::parse(draft(kind).to_toml().as_bytes()).expect("a policy without mistakes")
}
