//! The policy that most scenarios live under: two of three, a recovery key after three months, small
//! payouts without a human, larger ones with one.

use bitcoin::{Address, Network};
use miniscript::{Descriptor, DescriptorPublicKey};
use policies::descriptor::{NamedKey, ScriptKind, compile};
use policies::document::{
    ApprovalsDraft, ApproverDraft, ChangeLimitsDraft, ConfirmationsDraft, HeadDraft, LimitsDraft,
    MaintenanceDraft, PinnedKeyDraft, PolicyDraft, RecoveryDraft, RequesterDraft, RuleDraft,
    SelfSpendBudgetDraft, SignerDraft, SignerKey, SpendingDraft, TransactionLimitsDraft,
    genesis_of, name_of_network,
};
use policies::{IntentKind, UnixTime};

use crate::Failure;

/// How long the policy holds.
const YEAR: u64 = 365 * 24 * 3600;

/// What a scenario wants otherwise than most.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The blocks after which the recovery key spends alone.
    pub older: u16,
    /// Where a recovery pays; the newest descriptor if nowhere else.
    pub recovery: Option<Address>,
    /// The budget of spends to ourselves.
    pub self_spends: Option<SelfSpendBudgetDraft>,
    /// Kinds of withdrawal beside payments, which one of `ops` approves.
    pub kinds: Vec<IntentKind>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            older: 12_960,
            recovery: None,
            self_spends: None,
            kinds: Vec::new(),
        }
    }
}

impl Terms {
    /// What the ordinary path and the recovery path are, in words.
    fn spending(&self) -> String {
        format!(
            "or(99@thresh(2,pk(alice),pk(bob),pk(machine)),1@and(pk(recovery),older({})))",
            self.older
        )
    }

    fn rules(&self) -> impl Iterator<Item = RuleDraft> {
        self.kinds.iter().map(|kind| RuleDraft {
            name: format!("every {kind}"),
            kind: Some(kind.to_string()),
            requester: None,
            to: None,
            amount_max_sat: None,
            window: None,
            approvals: one_of_ops(),
        })
    }
}

fn one_of_ops() -> ApprovalsDraft {
    ApprovalsDraft {
        group: Some("ops".to_owned()),
        count: 1,
        page: None,
    }
}

/// Withdrawals up to this need no human.
pub const AUTOMATIC_MAX_SAT: u64 = 5_000_000;

/// The document of the first version.
pub(super) fn draft(
    signers: Vec<SignerDraft>,
    requester: PinnedKeyDraft,
    approver: PinnedKeyDraft,
    kind: ScriptKind,
    terms: &Terms,
    (height, time): (u32, UnixTime),
) -> Result<PolicyDraft, Failure> {
    let keys = signers
        .iter()
        .map(|signer| {
            Ok(NamedKey {
                name: signer.name.clone(),
                key: signer.key.parse::<SignerKey>()?.position(),
            })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let spending = terms.spending();
    Ok(PolicyDraft {
        format: "countersign/policy/1".to_owned(),
        name: "treasury".to_owned(),
        vault: String::new(),
        keyset: None,
        version: 1,
        previous: String::new(),
        network: name_of_network(Network::Regtest).to_owned(),
        genesis: genesis_of(Network::Regtest).to_string(),
        signet_challenge: None,
        valid_until: time.saturating_add(YEAR).to_string().parse()?,
        head: HeadDraft {
            height,
            time: time.to_string().parse()?,
        },
        spending: SpendingDraft {
            descriptor: compile(&spending, kind, &keys)?,
            policy: Some(spending),
            double_payment: None,
        },
        recovery: RecoveryDraft {
            to: terms
                .recovery
                .as_ref()
                .map_or_else(|| "newest".to_owned(), ToString::to_string),
        },
        signers,
        requesters: vec![RequesterDraft {
            name: "exchange".to_owned(),
            person: None,
            keys: vec![requester],
        }],
        approvers: vec![ApproverDraft {
            name: "dana".to_owned(),
            person: "dana".to_owned(),
            groups: vec!["ops".to_owned()],
            keys: vec![approver],
        }],
        limits: LimitsDraft {
            feerate_max_sat_vb: "200".to_owned(),
            fee_max_sat: 500_000,
            fee_share_max_percent: 2,
            change: ChangeLimitsDraft {
                max_outputs: 1,
                min_sat: 100_000,
            },
            transaction: TransactionLimitsDraft {
                max_inputs: 50,
                max_outputs: 100,
            },
            confirmations: ConfirmationsDraft {
                deposit: 3,
                change: 1,
            },
            clock_skew: "10m".to_owned(),
            fee_budget: None,
            self_spend_budget: terms.self_spends.clone(),
            inclusion: None,
        },
        maintenance: Some(MaintenanceDraft {
            approvals: one_of_ops(),
        }),
        stop: None,
        go: None,
        lists: Vec::new(),
        vaults: Vec::new(),
        rules: [
            RuleDraft {
                name: "small payouts".to_owned(),
                kind: Some("payment".to_owned()),
                requester: Some(vec!["exchange".to_owned()]),
                to: None,
                amount_max_sat: Some(AUTOMATIC_MAX_SAT),
                window: None,
                approvals: ApprovalsDraft {
                    group: None,
                    count: 0,
                    page: None,
                },
            },
            RuleDraft {
                name: "larger payouts".to_owned(),
                kind: Some("payment".to_owned()),
                requester: None,
                to: None,
                amount_max_sat: Some(5_000_000_000),
                window: None,
                approvals: one_of_ops(),
            },
        ]
        .into_iter()
        .chain(terms.rules())
        .collect(),
        change: None,
    })
}

/// Edits the policy to the descriptor of a wallet that was there before: one key at its own path, of which the
/// machine has the only copy.
pub fn hot_wallet(draft: &mut PolicyDraft) {
    draft.signers.retain(|signer| signer.name == "machine");
    let key = draft.signers[0].key.replace("h/", "'/").replace("h]", "']");
    let text = format!("wpkh({key}/<0;1>/*)");
    let descriptor: Descriptor<DescriptorPublicKey> = text.parse().expect("a descriptor");
    draft.spending.descriptor = descriptor.to_string();
    draft.spending.policy = None;
}
