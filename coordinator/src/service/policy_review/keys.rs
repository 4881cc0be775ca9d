//! The people and machines of a version, and the keys that they hold.

use policies::document::{PinnedKey, Policy};

/// Everybody whom a version names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleView {
    /// The holders of the descriptor's keys.
    pub signers: Vec<SignerView>,
    /// Who may request withdrawals.
    pub requesters: Vec<RequesterView>,
    /// Who may approve.
    pub approvers: Vec<ApproverView>,
}

/// A holder of one of the descriptor's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerView {
    /// The name.
    pub name: String,
    /// The person.
    pub person: String,
    /// What holds the key, such as `ledger`; none where the document does not say.
    pub device: Option<String>,
    /// The firmware that was reviewed.
    pub firmware: Option<String>,
    /// The machine that holds it.
    pub host: Option<String>,
    /// Fingerprint of the master key.
    pub fingerprint: String,
    /// Path from the master key.
    pub path: String,
    /// The extended key.
    pub xpub: String,
    /// The extended key with its origin, as the document writes it.
    pub key: String,
    /// The key of its journal.
    pub journal: String,
}

/// Who may request withdrawals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequesterView {
    /// The name that intents carry.
    pub name: String,
    /// The person, whose approvals never count on its requests.
    pub person: String,
    /// Its keys.
    pub keys: Vec<KeyView>,
}

/// Who may approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApproverView {
    /// The entry.
    pub name: String,
    /// The person.
    pub person: String,
    /// The groups.
    pub groups: Vec<String>,
    /// The keys.
    pub keys: Vec<KeyView>,
}

/// A key that a version pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyView {
    /// The key.
    pub key: String,
    /// `own` or `page`.
    pub tool: &'static str,
    /// Where it is used, if it is a passkey.
    pub at: Option<String>,
    /// Whether its maker's service may copy it to other devices.
    pub is_synced: bool,
}

impl PeopleView {
    /// Everybody whom a version names, in the document's order.
    pub(super) fn of(policy: &Policy) -> Self {
        let signers = policy.signers.iter().map(|signer| {
            let device = signer.device.as_ref();
            SignerView {
                name: signer.name.clone(),
                person: signer.person.clone(),
                device: device.map(|device| device.kind.clone()),
                firmware: device.and_then(|device| device.firmware.clone()),
                host: device.and_then(|device| device.host.clone()),
                fingerprint: signer.key.fingerprint.to_string(),
                path: signer.key.path.to_string(),
                xpub: signer.key.xpub.to_string(),
                key: signer.key.text.clone(),
                journal: signer.journal.to_string(),
            }
        });
        let requesters = policy.requesters.iter().map(|requester| RequesterView {
            name: requester.name.clone(),
            person: requester.person.clone(),
            keys: keys(&requester.keys),
        });
        let approvers = policy.approvers.iter().map(|approver| ApproverView {
            name: approver.name.clone(),
            person: approver.person.clone(),
            groups: approver.groups.clone(),
            keys: keys(&approver.keys),
        });
        Self {
            signers: signers.collect(),
            requesters: requesters.collect(),
            approvers: approvers.collect(),
        }
    }
}

fn keys(pinned: &[PinnedKey]) -> Vec<KeyView> {
    let view = |pinned: &PinnedKey| KeyView {
        key: pinned.key.to_string(),
        tool: pinned.tool.name(),
        at: pinned.passkey.as_ref().map(|party| party.rp_id.clone()),
        is_synced: pinned.passkey.as_ref().is_some_and(|party| party.synced),
    };
    pinned.iter().map(view).collect()
}
