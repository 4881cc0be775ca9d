//! What is refused about vaults and their policies.

use policies::VaultId;
use policies::devices::DeviceFinding;
use policies::document::Mistake;
use policies::words::count;
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class, internal};

/// A refusal about vaults and their policies.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// No such vault.
    #[error("no vault {vault}")]
    UnknownVault {
        /// The vault asked for.
        vault: VaultId,
    },
    /// The policy document has mistakes.
    #[error("the policy document has {}; the first: {}", count(.mistakes.len(), "mistake"), .mistakes.first().map_or_else(String::new, ToString::to_string))]
    PolicyMistakes {
        /// All of them.
        mistakes: Vec<Mistake>,
    },
    /// The policy is for another network than this coordinator.
    #[error("the policy is for {found}, this coordinator serves {expected}")]
    WrongNetwork {
        /// The coordinator's network.
        expected: bitcoin::Network,
        /// The policy's.
        found: bitcoin::Network,
    },
    /// The policy is for another signet than this coordinator.
    #[error("the policy is for another signet than this coordinator serves")]
    WrongSignet,
    /// A signer's key is another vault's already: its journal for one knows nothing of the other.
    #[error("the key of {signer} signs for vault {vault} already")]
    KeyInOtherVault {
        /// The signer's name in the new policy.
        signer: String,
        /// The vault that has the key.
        vault: VaultId,
    },
    /// Two marks that leave nothing between them.
    #[error("the low mark {low} is above the high mark {high}")]
    MarksCross {
        /// The low mark.
        low: bitcoin::Amount,
        /// The high mark.
        high: bitcoin::Amount,
    },
    /// A vault that would balance with itself.
    #[error("a vault cannot be refilled from itself or drained to itself")]
    BalancesItself,
    /// The paying vault's policy names no such vault, so that every signer refuses.
    #[error("the policy of vault {from} does not name vault {to} under [[vaults]]")]
    NotPinned {
        /// The paying vault.
        from: VaultId,
        /// The vault to be paid.
        to: VaultId,
    },
    /// The paid vault's next address lies beyond what signers of the paying one look at.
    #[error("address {index} of vault {to} is beyond the reach of {reach} that the policy writes")]
    BeyondReach {
        /// The vault to be paid.
        to: VaultId,
        /// The index of its next address.
        index: u32,
        /// The scripts that count.
        reach: u32,
    },
    /// Devices that cannot sign what the policy asks of them.
    #[error("{}", .findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    DeviceCannotSign {
        /// Each with its reason.
        findings: Vec<DeviceFinding>,
    },
    /// A stored policy document cannot be read any more.
    #[error("the stored policy {policy} cannot be read")]
    StoredPolicy {
        /// Which one.
        policy: policies::PolicyId,
    },
}

impl VaultError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::UnknownVault { .. } => (
                "unknown_vault",
                Class::NotFound,
                "`vault list` names the vaults that the token may see",
            ),
            Self::PolicyMistakes { .. } => (
                "policy_mistakes",
                Class::Refused,
                "mend the mistakes named; `policy check` finds them offline",
            ),
            Self::WrongNetwork { .. } => (
                "wrong_network",
                Class::Refused,
                "add the policy to the coordinator of its network",
            ),
            Self::WrongSignet => (
                "wrong_signet",
                Class::Refused,
                "`signet_challenge` must be the same in the policy and in the coordinator's configuration",
            ),
            Self::KeyInOtherVault { .. } => (
                "key_in_other_vault",
                Class::Refused,
                "make a key for this vault alone: `countersign-signer keygen` in a new home, or a device's \
                 next account",
            ),
            Self::MarksCross { .. } => (
                "marks_cross",
                Class::Refused,
                "give a low mark that is not above the high one",
            ),
            Self::BalancesItself => (
                "balances_itself",
                Class::Refused,
                "name another vault; `vault list` lists them",
            ),
            Self::NotPinned { .. } => (
                "vault_not_pinned",
                Class::Refused,
                "a new version of the paying vault's policy must name the other one under [[vaults]]",
            ),
            Self::BeyondReach { .. } => (
                "beyond_reach",
                Class::Refused,
                "a new version of the paying vault's policy must write a higher `reach` for the other one",
            ),
            Self::DeviceCannotSign { .. } => (
                "device_cannot_sign",
                Class::Refused,
                "give the key to another device, or write the policy with what it signs; if a later firmware signs \
                 it after all, say `--despite-devices`",
            ),
            Self::StoredPolicy { .. } => internal(),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::PolicyMistakes { mistakes } => json!({ "mistakes": mistakes }),
            Self::WrongNetwork { expected, found } => {
                json!({ "expected": expected.to_string(), "found": found.to_string() })
            }
            Self::KeyInOtherVault { signer, vault } => json!({ "signer": signer, "vault": vault }),
            Self::MarksCross { low, high } => {
                json!({ "low_sat": low.to_sat(), "high_sat": high.to_sat() })
            }
            Self::NotPinned { from, to } => json!({ "from": from, "to": to }),
            Self::BeyondReach { to, index, reach } => {
                json!({ "to": to, "index": index, "reach": reach })
            }
            Self::DeviceCannotSign { findings } => json!({ "devices": findings }),
            Self::UnknownVault { .. }
            | Self::WrongSignet
            | Self::BalancesItself
            | Self::StoredPolicy { .. } => Value::Null,
        }
    }
}
