//! Why a paper is not taken although it can be read.

use bitcoin::Txid;
use policies::intent::{ProofError, SignatureError};
use policies::journal::ExportError;
use policies::{IntentHash, KeyId, PolicyId, PublicKey, RequesterName, VaultId, WithdrawalId};

use super::Paper;
use crate::exclusion::EarlierError;

/// Why a paper is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// It is another vault's.
    #[error("it is of vault {found}, and none of the policies is that vault's")]
    OtherVault {
        /// The vault found.
        found: VaultId,
    },
    /// Its coins are another keyset's.
    #[error("it is of a keyset that no version in the folder brings")]
    OtherKeyset,
    /// No requester of the policy has the key, or another one has it.
    #[error("the key {key} is not of the requester {requester}")]
    RequestKey {
        /// The key.
        key: KeyId,
        /// The requester that the intent names.
        requester: RequesterName,
    },
    /// No approver of the policy has the key.
    #[error("no approver of the policy has the key {key}")]
    ApprovalKey {
        /// The key.
        key: KeyId,
    },
    /// A signature does not hold.
    #[error("a signature does not hold: {0}")]
    Signature(SignatureError),
    /// An intent is not under the root that was signed.
    #[error("the intent {intent} is not under the root: {reason}")]
    Proof {
        /// The intent.
        intent: IntentHash,
        /// Why.
        reason: ProofError,
    },
    /// Two intents have one id.
    #[error("{requester}/{id} has two bodies")]
    TwoBodies {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
    },
    /// The journal is no signer's of the policy.
    #[error("{0}")]
    Journal(ExportError),
    /// The journal follows a later version of the policy than the one that is given.
    #[error(
        "the journal {journal} follows version {newest} of the policy, which is not in the folder with its approvals"
    )]
    OtherVersion {
        /// The journal's key.
        journal: PublicKey,
        /// The newest version that it adopted.
        newest: PolicyId,
    },
    /// A next version that follows none of the line.
    #[error("version {version} follows none that is in force, or not by what its document says")]
    OtherLine {
        /// The version.
        version: PolicyId,
    },
    /// Journals went two ways.
    #[error("journals follow different successors of one version: {}", listed(.versions))]
    TwoSuccessors {
        /// The successors.
        versions: Vec<PolicyId>,
    },
    /// Two exports of one signer's journal are not one the beginning of the other.
    #[error("two journals of {signer} are not one the beginning of the other")]
    Forked {
        /// The signer.
        signer: String,
    },
    /// Two papers do not say the same of one transaction.
    #[error("two papers do not agree what {txid} spends and pays")]
    Disagree {
        /// The transaction.
        txid: Txid,
    },
    /// The transfer cannot be read as one that was issued.
    #[error("{0}")]
    Transfer(EarlierError),
    /// The address is not what the policy derives at that index.
    #[error("the policy derives another address at index {index}")]
    Address {
        /// The index.
        index: u32,
    },
    /// One index has two references.
    #[error("the address at index {index} has two references")]
    TwoReferences {
        /// The index.
        index: u32,
    },
    /// The policy has no such open list, or the statement is about another addition.
    #[error("it is about no open list of the policy, and only such statements are taken in here")]
    NoSuchList,
}

impl Mistake {
    /// Why a paper is taken for none of the vaults.
    pub fn of_no_vault(paper: &Paper) -> Self {
        match paper {
            Paper::Request { intent, .. } => Self::OtherVault {
                found: intent.vault,
            },
            Paper::Journal(export) => Self::OtherVault {
                found: export.journal.vault(),
            },
            Paper::Address { vault, .. } => Self::OtherVault { found: *vault },
            Paper::Verdict { approval, .. } => Self::ApprovalKey { key: approval.key },
            Paper::SaidOfList { .. } | Paper::Reply => Self::NoSuchList,
            Paper::Transfer { .. } => Self::OtherKeyset,
            Paper::Version { policy, .. } => Self::OtherVault {
                found: policy.vault,
            },
        }
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherVault { .. } => "paper_of_other_vault",
            Self::RequestKey { .. } | Self::ApprovalKey { .. } => "paper_of_unknown_key",
            Self::Signature(_) | Self::Proof { .. } => "paper_not_signed",
            Self::TwoBodies { .. } => "paper_id_reused",
            Self::Journal(_) => "paper_foreign_journal",
            Self::OtherKeyset | Self::OtherVersion { .. } => "paper_of_other_version",
            Self::OtherLine { .. } => "paper_version_elsewhere",
            Self::TwoSuccessors { .. } => "paper_versions_disputed",
            Self::Forked { .. } => "paper_journal_forked",
            Self::Disagree { .. } => "paper_contradicts",
            Self::Transfer(_) => "paper_unreadable",
            Self::Address { .. } | Self::TwoReferences { .. } => "paper_wrong_address",
            Self::NoSuchList => "paper_of_no_list",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::OtherVault { .. } => {
                "give that vault's policy too, or move the file out of the folder"
            }
            Self::RequestKey { .. } | Self::ApprovalKey { .. } => {
                "move the file out of the folder: it has no effect under this policy"
            }
            Self::NoSuchList => {
                "move the file out of the folder; a stop, its release, a go or an acknowledgement is handed in with `statement submit` once the coordinator runs"
            }
            Self::Signature(_) | Self::Proof { .. } => {
                "bring it as its author wrote it, and find out who altered it"
            }
            Self::TwoBodies { .. } => {
                "ask the requester which one was submitted, and move the other file out"
            }
            Self::Journal(_) => "export the journals of this policy's signers, and no others",
            Self::OtherKeyset | Self::OtherVersion { .. } => {
                "put that version with its approvals into the folder, and each one before it: `proposals/ID.json` in the home of a signer who follows it"
            }
            Self::OtherLine { .. } => {
                "bring the versions between, each as `proposals/ID.json` of a signer's home has it, or move the file out of the folder"
            }
            Self::TwoSuccessors { .. } => {
                "people decide which one stands: nothing is rebuilt before the signers of the other one changed over"
            }
            Self::Forked { .. } => {
                "the signer's journal was cloned or rolled back: find out which one signed last before anybody signs"
            }
            Self::Disagree { .. } => {
                "one of them lies: bring the transfer's PSBT, or leave out the journal that the chain contradicts"
            }
            Self::Transfer(_) => "bring the PSBT as `attempt psbt` wrote it",
            Self::Address { .. } | Self::TwoReferences { .. } => {
                "bring addresses as the coordinator gave them"
            }
        }
    }
}

fn listed(versions: &[PolicyId]) -> String {
    let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
    versions.join(", ")
}
