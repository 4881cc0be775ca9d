//! The policy of the vault as a document.

use bitcoin::Network;
use policies::UnixTime;
use policies::document::{
    ApprovalsDraft, ApproverDraft, HeadDraft, MaintenanceDraft, PinnedKeyDraft, PolicyDraft,
    RequesterDraft, RuleDraft, SignerDraft,
};
use policies::intent::SecretKey;

use super::{BASE, NOW, secret};
use crate::roles::fixture::Vault;

pub(crate) fn rule(name: &str, max: u64, group: Option<&str>, count: u32) -> RuleDraft {
    RuleDraft {
        name: name.to_owned(),
        kind: None,
        requester: None,
        to: None,
        amount_max_sat: Some(max),
        window: None,
        approvals: ApprovalsDraft {
            group: group.map(str::to_owned),
            count,
            page: None,
        },
    }
}

/// The document of the vault: up to a million automatic, up to a hundred million by one of ops.
pub(crate) fn document(keys: &Vault, requester: &SecretKey, approver: &SecretKey) -> String {
    draft(keys, requester, approver).to_toml()
}

pub(crate) fn draft(keys: &Vault, requester: &SecretKey, approver: &SecretKey) -> PolicyDraft {
    let head = HeadDraft {
        height: BASE,
        time: UnixTime::from_secs(NOW - 1000),
    };
    let mut draft = PolicyDraft::first_version("treasury", Network::Regtest, head);
    keys.descriptor
        .text()
        .clone_into(&mut draft.spending.descriptor);
    draft.signers = keys
        .signers()
        .into_iter()
        .enumerate()
        .map(|(number, signer)| SignerDraft {
            name: signer.name.clone(),
            person: signer.name,
            device: None,
            key: signer.key.text,
            journal: secret(&format!("journal {number}")).public().to_string(),
        })
        .collect();
    draft.requesters = vec![RequesterDraft {
        name: "exchange".to_owned(),
        person: None,
        keys: vec![PinnedKeyDraft::own(&requester.public())],
    }];
    draft.approvers = vec![ApproverDraft {
        name: "dana".to_owned(),
        person: "dana".to_owned(),
        groups: vec!["ops".to_owned()],
        keys: vec![PinnedKeyDraft::own(&approver.public())],
    }];
    draft.maintenance = Some(MaintenanceDraft {
        approvals: ApprovalsDraft {
            group: Some("ops".to_owned()),
            count: 1,
            page: None,
        },
    });
    draft.rules = vec![
        rule("small", 1_000_000, None, 0),
        rule("large", 100_000_000, Some("ops"), 1),
    ];
    draft
}
