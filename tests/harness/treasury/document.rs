//! The policy that most scenarios live under: two of three, a recovery key after three months, small
//! payouts without a human, larger ones with one.

use bitcoin::Network;
use policies::UnixTime;
use policies::descriptor::{NamedKey, ScriptKind, compile};
use policies::document::{
    ApprovalsDraft, ApproverDraft, ChangeLimitsDraft, ConfirmationsDraft, HeadDraft, LimitsDraft,
    MaintenanceDraft, PinnedKeyDraft, PolicyDraft, RecoveryDraft, RequesterDraft, RuleDraft,
    SignerDraft, SignerKey, SpendingDraft, TransactionLimitsDraft, genesis_of, name_of_network,
};

use crate::Failure;

/// What the ordinary path and the recovery path are, in words.
const SPENDING: &str =
    "or(99@thresh(2,pk(alice),pk(bob),pk(machine)),1@and(pk(recovery),older(12960)))";
/// How long the policy holds.
const YEAR: u64 = 365 * 24 * 3600;

/// Withdrawals up to this need no human.
pub const AUTOMATIC_MAX_SAT: u64 = 5_000_000;

/// The document of the first version.
pub(super) fn draft(
    signers: Vec<SignerDraft>,
    requester: PinnedKeyDraft,
    approver: PinnedKeyDraft,
    kind: ScriptKind,
    height: u32,
    time: UnixTime,
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
    let one_of_ops = || ApprovalsDraft {
        group: Some("ops".to_owned()),
        count: 1,
    };
    Ok(PolicyDraft {
        format: "countersign/policy/1".to_owned(),
        name: "treasury".to_owned(),
        vault: String::new(),
        version: 1,
        previous: String::new(),
        network: name_of_network(Network::Regtest).to_owned(),
        genesis: genesis_of(Network::Regtest).to_string(),
        valid_until: time.saturating_add(YEAR).to_string().parse()?,
        head: HeadDraft {
            height,
            time: time.to_string().parse()?,
        },
        spending: SpendingDraft {
            descriptor: compile(SPENDING, kind, &keys)?,
            policy: Some(SPENDING.to_owned()),
            double_payment: None,
        },
        recovery: RecoveryDraft {
            to: "newest".to_owned(),
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
        },
        maintenance: Some(MaintenanceDraft {
            approvals: one_of_ops(),
        }),
        lists: Vec::new(),
        rules: vec![
            RuleDraft {
                name: "small payouts".to_owned(),
                kind: Some("payment".to_owned()),
                requester: Some(vec!["exchange".to_owned()]),
                to: None,
                amount_max_sat: Some(AUTOMATIC_MAX_SAT),
                approvals: ApprovalsDraft {
                    group: None,
                    count: 0,
                },
            },
            RuleDraft {
                name: "larger payouts".to_owned(),
                kind: Some("payment".to_owned()),
                requester: None,
                to: None,
                amount_max_sat: Some(5_000_000_000),
                approvals: one_of_ops(),
            },
        ],
        change: None,
    })
}
