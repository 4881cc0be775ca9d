//! A policy version that passed every check.

use bitcoin::{Address, BlockHash, Network, Script, ScriptBuf};

use super::{
    Approvals, Approver, Limits, List, Mistake, OtherVault, PinnedKey, Requester, Rule, Signer,
};
use crate::descriptor::VaultDescriptor;
use crate::{KeyId, Keychain, Keyset, PolicyId, PublicKey, UnixTime, VaultId};

/// The largest policy document, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// One version of a vault's policy: keys, descriptor, people and rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// SHA-256 of `bytes`.
    pub id: PolicyId,
    /// The document, exactly as reviewed.
    pub bytes: Vec<u8>,
    /// The vault's name.
    pub name: String,
    /// The vault: the id of its first version.
    pub vault: VaultId,
    /// The version that introduced these signers and this descriptor.
    pub keyset: Keyset,
    /// 1 for the first version.
    pub version: u32,
    /// The version before; none for the first one.
    pub previous: Option<PolicyId>,
    /// The chain.
    pub network: Network,
    /// The chain's first block.
    pub genesis: BlockHash,
    /// On a signet of one's own: the script that its blocks satisfy (BIP 325).
    pub signet_challenge: Option<ScriptBuf>,
    /// A recent block, from which later heights are estimated.
    pub head: Head,
    /// After this a signer signs only self-spends and replacements.
    pub valid_until: UnixTime,
    /// Which scripts are ours and who can spend them.
    pub descriptor: VaultDescriptor,
    /// The policy that people read, proved to mean the same as the descriptor.
    pub policy_text: Option<String>,
    /// Whether the document accepts that two sets of signers may share nobody.
    pub double_payment: DoublePayment,
    /// Where a recovery pays.
    pub recovery: Recovery,
    /// The holders of the descriptor's keys.
    pub signers: Vec<Signer>,
    /// Who may request withdrawals.
    pub requesters: Vec<Requester>,
    /// Who may approve.
    pub approvers: Vec<Approver>,
    /// Bounds that hold for every transaction.
    pub limits: Limits,
    /// Who approves spends to ourselves.
    pub maintenance: Option<Approvals>,
    /// Who releases a stop, where `[stop]` says so; otherwise [`Policy::release_quorum`] tells.
    pub release: Option<Approvals>,
    /// What automatic co-signers need before they sign.
    pub go: Option<GoRule>,
    /// Lists of destinations.
    pub lists: Vec<List>,
    /// The treasury's other vaults, which transfers may pay.
    pub other_vaults: Vec<OtherVault>,
    /// First match decides; nothing matching denies.
    pub rules: Vec<Rule>,
    /// Who approves the next version.
    pub change: Option<Succession>,
    /// The longest clock skew that it or a version before it allowed, in seconds.
    pub longest_skew: u64,
    /// The versions before it with the same keyset, the newest first. Nothing where the document was read alone:
    /// [`crate::succession::line`] fills it and `former`.
    pub earlier: Vec<PolicyId>,
    /// The keysets before this one whose scripts are others, the newest first.
    pub former: Vec<FormerKeyset>,
}

/// A keyset that a later version replaced; coins may still come to its scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerKeyset {
    /// The keyset.
    pub keyset: Keyset,
    /// Its scripts and who can spend them.
    pub descriptor: VaultDescriptor,
    /// The holders of its keys.
    pub signers: Vec<Signer>,
}

/// A block and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Height of the block.
    pub height: u32,
    /// Its time.
    pub time: UnixTime,
}

/// Where a recovery pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// The newest pinned descriptor.
    Newest,
    /// One address.
    Address(Address),
}

/// What stands against paying a withdrawal twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoublePayment {
    /// Every two ordinary sets of signers share someone (the default).
    Signers,
    /// The document says that the coordinator is trusted here.
    TrustCoordinator,
}

/// Who approves the next version, and how long it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    /// The quorum.
    pub approvals: Approvals,
    /// Seconds between proposal and following.
    pub delay: u64,
}

/// Who lets automatic co-signers sign, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoRule {
    /// The quorum.
    pub approvals: Approvals,
    /// Seconds for which a go counts from when it was said.
    pub within: u64,
}

impl Policy {
    /// Who releases a stop: as `[stop]` says, otherwise who approves the next version; nobody where the
    /// document says neither.
    pub fn release_quorum(&self) -> Option<&Approvals> {
        let change = self.change.as_ref().map(|change| &change.approvals);
        self.release.as_ref().or(change)
    }

    /// Parses a document's exact bytes.
    ///
    /// # Errors
    /// Every mistake found, each with its code, path and hint.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Mistake>> {
        super::parse::parse(bytes)
    }

    /// The BIP 39 English words of the id, for reading it out to another person.
    pub fn words(&self) -> [&'static str; 24] {
        super::words_of(self.id)
    }

    /// The vault's first address, which persons compare by voice beside the words.
    pub fn first_address(&self) -> String {
        let script = self.descriptor.script_pubkey(Keychain::External, 0);
        Address::from_script(&script, self.network)
            .expect("scripts of P2WSH, P2TR and P2WPKH have an address")
            .to_string()
    }

    /// Whether a version is this one or one before it with the same keyset: transfers that were made for one of
    /// those are reviewed under this one.
    pub fn goes_on_from(&self, version: PolicyId) -> bool {
        version == self.id || self.earlier.contains(&version)
    }

    /// The requester of this name.
    pub fn requester(&self, name: &str) -> Option<&Requester> {
        self.requesters
            .iter()
            .find(|requester| requester.name == name)
    }

    /// The signer of this name.
    pub fn signer(&self, name: &str) -> Option<&Signer> {
        self.signers.iter().find(|signer| signer.name == name)
    }

    /// The list of this name.
    pub fn list(&self, name: &str) -> Option<&List> {
        self.lists.iter().find(|list| list.name == name)
    }

    /// The treasury's other vault of this name.
    pub fn other_vault(&self, name: &str) -> Option<&OtherVault> {
        self.other_vaults.iter().find(|vault| vault.name == name)
    }

    /// The treasury's other vault that a script belongs to.
    pub fn other_vault_of(&self, script: &Script) -> Option<&OtherVault> {
        self.other_vaults.iter().find(|vault| vault.owns(script))
    }

    /// The requester who holds a key, and the key.
    pub fn requester_of_key(&self, key: KeyId) -> Option<(&Requester, &PinnedKey)> {
        self.requesters
            .iter()
            .find_map(|requester| find_key(&requester.keys, key).map(|pinned| (requester, pinned)))
    }

    /// The approver who holds a key, and the key.
    pub fn approver_of_key(&self, key: KeyId) -> Option<(&Approver, &PinnedKey)> {
        self.approvers
            .iter()
            .find_map(|approver| find_key(&approver.keys, key).map(|pinned| (approver, pinned)))
    }

    /// The signer who keeps a journal.
    pub fn signer_of_journal(&self, journal: &PublicKey) -> Option<&Signer> {
        self.signers
            .iter()
            .find(|signer| signer.journal == *journal)
    }
}

fn find_key(keys: &[PinnedKey], id: KeyId) -> Option<&PinnedKey> {
    keys.iter().find(|pinned| pinned.key.id() == id)
}
