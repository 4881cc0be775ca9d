//! Documents written by programs: the same keys as the format, in the order people read them.

use bitcoin::Network;
use serde::{Serialize, Serializer};

use super::parse::FORMAT;
use super::{Tool, genesis_of, name_of_network};
use crate::UnixTime;
use crate::intent::RelyingParty;

/// A policy document before it is checked; [`PolicyDraft::to_toml`] gives its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyDraft {
    /// `countersign/policy/1`.
    pub format: String,
    /// The vault's name.
    pub name: String,
    /// Empty in the first version.
    pub vault: String,
    /// 1 in the first version.
    pub version: u32,
    /// Empty in the first version.
    pub previous: String,
    /// The version that introduced signers and descriptor, where that is an earlier one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyset: Option<String>,
    /// `mainnet`, `testnet4`, `signet` or `regtest`.
    pub network: String,
    /// The network's genesis hash.
    pub genesis: String,
    /// On a signet of one's own, its challenge in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signet_challenge: Option<String>,
    /// The last moment of new payments.
    #[serde(serialize_with = "as_datetime")]
    pub valid_until: UnixTime,
    /// A recent block.
    pub head: HeadDraft,
    /// The descriptor.
    pub spending: SpendingDraft,
    /// Where a recovery pays.
    pub recovery: RecoveryDraft,
    /// Key holders.
    pub signers: Vec<SignerDraft>,
    /// Who may request.
    pub requesters: Vec<RequesterDraft>,
    /// Who may approve.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<ApproverDraft>,
    /// Bounds.
    pub limits: LimitsDraft,
    /// Self-spends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<MaintenanceDraft>,
    /// Who releases a stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<StopDraft>,
    /// What automatic co-signers need.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go: Option<GoDraft>,
    /// Destinations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<ListDraft>,
    /// The treasury's other vaults.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vaults: Vec<OtherVaultDraft>,
    /// Rules.
    pub rules: Vec<RuleDraft>,
    /// The next version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<SuccessionDraft>,
}

/// `head`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeadDraft {
    /// Height of a recent block.
    pub height: u32,
    /// Its time.
    #[serde(serialize_with = "as_datetime")]
    pub time: UnixTime,
}

/// `[spending]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpendingDraft {
    /// With checksum.
    pub descriptor: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// `trust-coordinator` or nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub double_payment: Option<String>,
}

/// `[recovery]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecoveryDraft {
    /// `newest` or an address.
    pub to: String,
}

/// One of `[[signers]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignerDraft {
    /// Name.
    pub name: String,
    /// Person.
    pub person: String,
    /// Device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceDraft>,
    /// Extended key with origin.
    pub key: String,
    /// Journal key.
    pub journal: String,
}

/// A signer's `device`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceDraft {
    /// Such as `software`.
    pub kind: String,
}

/// One of `[[requesters]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequesterDraft {
    /// Name.
    pub name: String,
    /// Person, the name unless written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Keys.
    pub keys: Vec<PinnedKeyDraft>,
}

/// One of `[[approvers]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApproverDraft {
    /// Name.
    pub name: String,
    /// Person.
    pub person: String,
    /// Groups.
    pub groups: Vec<String>,
    /// Keys.
    pub keys: Vec<PinnedKeyDraft>,
}

/// A pinned key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PinnedKeyDraft {
    /// `ed25519:…`, `webauthn-es256:…` or `webauthn-eddsa:…`.
    pub key: String,
    /// `own` or `page`.
    pub tool: String,
    /// A passkey's domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rp_id: Option<String>,
    /// A passkey's exact origins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origins: Option<Vec<String>>,
    /// Whether a passkey can be copied to other devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synced: Option<bool>,
}

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitsDraft {
    /// In sat/vB, up to three decimals.
    pub feerate_max_sat_vb: String,
    /// In satoshi.
    pub fee_max_sat: u64,
    /// 1 to 100.
    pub fee_share_max_percent: u8,
    /// Change.
    pub change: ChangeLimitsDraft,
    /// Sizes.
    pub transaction: TransactionLimitsDraft,
    /// Depths.
    pub confirmations: ConfirmationsDraft,
    /// Such as `10m`.
    pub clock_skew: String,
    /// Fees in a stretch of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee_budget: Option<FeeBudgetDraft>,
    /// Spends to ourselves in a stretch of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_spend_budget: Option<SelfSpendBudgetDraft>,
    /// Coins shown in the chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inclusion: Option<InclusionDraft>,
}

/// `limits.inclusion`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InclusionDraft {
    /// Eight hex digits, such as `17034219`.
    pub bits: String,
    /// Headers.
    pub confirmations: u32,
}

/// `limits.fee_budget`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeeBudgetDraft {
    /// The sum.
    pub sat: u64,
    /// Such as `24h`.
    pub window: String,
}

/// `limits.self_spend_budget`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SelfSpendBudgetDraft {
    /// The sum of their fees.
    pub sat: u64,
    /// How many.
    pub count: u32,
    /// Such as `24h`.
    pub window: String,
}

/// `limits.change`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeLimitsDraft {
    /// Most change outputs.
    pub max_outputs: u32,
    /// Least change.
    pub min_sat: u64,
}

/// `limits.transaction`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransactionLimitsDraft {
    /// Most inputs.
    pub max_inputs: u32,
    /// Most outputs.
    pub max_outputs: u32,
}

/// `limits.confirmations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfirmationsDraft {
    /// For deposits.
    pub deposit: u32,
    /// For own change.
    pub change: u32,
}

/// `approvals`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalsDraft {
    /// The group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Persons.
    pub count: u32,
    /// Further persons, by the coordinator's page too; in rules only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
}

/// `[maintenance]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MaintenanceDraft {
    /// The quorum.
    pub approvals: ApprovalsDraft,
}

/// `[stop]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StopDraft {
    /// The quorum that releases a stop.
    pub release: ApprovalsDraft,
}

/// `[go]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoDraft {
    /// The quorum.
    pub approvals: ApprovalsDraft,
    /// Such as `12h`.
    pub within: String,
}

/// One of `[[lists]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListDraft {
    /// Name.
    pub name: String,
    /// Addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<String>,
    /// How others come onto it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<OpenDraft>,
}

/// A list's `open`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenDraft {
    /// The quorum that adds.
    pub approvals: ApprovalsDraft,
    /// Such as `24h`.
    pub delay: String,
    /// A small first payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_first: Option<TestFirstDraft>,
}

/// A list's `test_first`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestFirstDraft {
    /// The most that it pays.
    pub sat: u64,
    /// Who confirms it.
    pub group: String,
}

/// One of `[[vaults]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherVaultDraft {
    /// Name.
    pub name: String,
    /// Identity.
    pub vault: String,
    /// With checksum.
    pub descriptor: String,
    /// Scripts of each keychain that count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach: Option<u32>,
}

/// A rule's `window`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WindowDraft {
    /// The sum.
    pub sat: u64,
    /// Such as `24h`.
    pub per: String,
}

/// One of `[[rules]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleDraft {
    /// Name.
    pub name: String,
    /// `payment`, `transfer` or `sweep`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Requesters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester: Option<Vec<String>>,
    /// Lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<String>>,
    /// Highest amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_max_sat: Option<u64>,
    /// The most in a stretch of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowDraft>,
    /// The quorum.
    pub approvals: ApprovalsDraft,
}

/// `[change]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuccessionDraft {
    /// The quorum.
    pub approvals: ApprovalsDraft,
    /// Such as `48h`.
    pub delay: String,
}

impl PolicyDraft {
    /// A first version with everything that can be said without knowing its people.
    pub fn first_version(name: &str, network: Network, head: HeadDraft) -> Self {
        const YEAR: u64 = 365 * 86_400;
        Self {
            format: FORMAT.to_owned(),
            name: name.to_owned(),
            vault: String::new(),
            version: 1,
            previous: String::new(),
            keyset: None,
            network: name_of_network(network).to_owned(),
            genesis: genesis_of(network).to_string(),
            signet_challenge: None,
            valid_until: head.time.saturating_add(YEAR),
            head,
            spending: SpendingDraft {
                descriptor: String::new(),
                policy: None,
                double_payment: None,
            },
            recovery: RecoveryDraft {
                to: "newest".to_owned(),
            },
            signers: Vec::new(),
            requesters: Vec::new(),
            approvers: Vec::new(),
            limits: LimitsDraft::default(),
            maintenance: None,
            stop: None,
            go: None,
            lists: Vec::new(),
            vaults: Vec::new(),
            rules: Vec::new(),
            change: None,
        }
    }

    /// The document's text, ending in one line feed.
    pub fn to_toml(&self) -> String {
        let mut text = toml::to_string(self)
            .expect("tables of strings, numbers and times before the year 10000 are TOML");
        text.truncate(text.trim_end_matches('\n').len());
        text.push('\n');
        text
    }
}

impl PinnedKeyDraft {
    /// A key file's key of tool `own`.
    pub fn own(key: &impl ToString) -> Self {
        Self {
            key: key.to_string(),
            tool: "own".to_owned(),
            rp_id: None,
            origins: None,
            synced: None,
        }
    }

    /// A passkey.
    pub fn passkey(key: &impl ToString, tool: Tool, used: &RelyingParty) -> Self {
        Self {
            key: key.to_string(),
            tool: tool.name().to_owned(),
            rp_id: Some(used.rp_id.clone()),
            origins: Some(used.origins.clone()),
            synced: Some(used.synced),
        }
    }
}

impl Default for LimitsDraft {
    /// Bounds of a mid-sized treasury.
    fn default() -> Self {
        Self {
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
            fee_budget: Some(FeeBudgetDraft {
                sat: 2_000_000,
                window: "24h".to_owned(),
            }),
            self_spend_budget: Some(SelfSpendBudgetDraft {
                sat: 200_000,
                count: 4,
                window: "24h".to_owned(),
            }),
            inclusion: None,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn as_datetime<S: Serializer>(moment: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
    let datetime: toml::value::Datetime = moment
        .to_string()
        .parse()
        .map_err(serde::ser::Error::custom)?;
    datetime.serialize(serializer)
}
