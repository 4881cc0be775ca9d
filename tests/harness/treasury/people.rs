//! Who has a part in the treasury, each with a home of their own and the policy pinned in it.

use bitcoin::BlockHash;
use policies::descriptor::ScriptKind;
use policies::document::{PinnedKeyDraft, PolicyDraft, SignerDraft};
use policies::intent::SecretKey;
use policies::{Policy, UnixTime};
use serde::Deserialize;
use serde_json::json;

use super::document::{self, Terms};
use crate::{Bitcoind, Failure, SignerHome};

/// The requester's key lies in the service's own program.
const REQUESTER_SEED: [u8; 32] = [0x0e; 32];

/// Everyone named in the policy.
#[derive(Debug)]
pub struct People {
    /// A person who signs offline, from files.
    pub alice: SignerHome,
    /// Another one.
    pub bob: SignerHome,
    /// The automatic co-signer.
    pub machine: SignerHome,
    /// The key in the vault, for when the others are lost.
    pub recovery: SignerHome,
    /// The approver of the group `ops`.
    pub dana: SignerHome,
    /// The policy that all of them have pinned.
    pub policy: Policy,
}

impl People {
    /// Makes every key, writes the policy and pins it everywhere.
    pub fn agree(kind: ScriptKind, node: &Bitcoind) -> Result<Self, Failure> {
        Self::agree_with(kind, node, &Terms::default(), SignerHome::make_approver)
    }

    /// The same with a policy of other terms.
    pub fn agree_on(kind: ScriptKind, node: &Bitcoind, terms: &Terms) -> Result<Self, Failure> {
        Self::agree_with(kind, node, terms, SignerHome::make_approver)
    }

    /// The same with a policy that was edited before anybody pinned it.
    pub fn agree_edited(
        kind: ScriptKind,
        node: &Bitcoind,
        edit: impl FnOnce(&mut PolicyDraft),
    ) -> Result<Self, Failure> {
        let terms = Terms::default();
        let make = (SignerHome::make_signer, SignerHome::make_approver);
        Self::agree_between(kind, node, &terms, make, edit)
    }

    /// The same with keys that are sealed as cheaply as can be.
    pub fn agree_cheaply(
        kind: ScriptKind,
        node: &Bitcoind,
        edit: impl FnOnce(&mut PolicyDraft),
    ) -> Result<Self, Failure> {
        let make = (
            SignerHome::make_cheap_signer,
            SignerHome::make_cheap_approver,
        );
        Self::agree_between(kind, node, &Terms::default(), make, edit)
    }

    /// The same with an approver who makes the key in another way.
    pub fn agree_with(
        kind: ScriptKind,
        node: &Bitcoind,
        terms: &Terms,
        make_approver: impl FnOnce(&SignerHome) -> Result<PinnedKeyDraft, Failure>,
    ) -> Result<Self, Failure> {
        let make = (SignerHome::make_signer, make_approver);
        Self::agree_between(kind, node, terms, make, |_| {})
    }

    /// The same with a home of Alice's that is somewhere else.
    pub fn agree_with_alice(
        alice: SignerHome,
        kind: ScriptKind,
        node: &Bitcoind,
    ) -> Result<Self, Failure> {
        let make = (SignerHome::make_signer, SignerHome::make_approver);
        Self::agree_among(alice, kind, node, &Terms::default(), make, |_| {})
    }

    /// The same with signers who make their keys in another way.
    pub fn agree_made(
        kind: ScriptKind,
        node: &Bitcoind,
        make_signer: impl Fn(&SignerHome) -> Result<SignerDraft, Failure>,
        edit: impl FnOnce(&mut PolicyDraft),
    ) -> Result<Self, Failure> {
        let make = (make_signer, SignerHome::make_approver);
        Self::agree_between(kind, node, &Terms::default(), make, edit)
    }

    fn agree_between(
        kind: ScriptKind,
        node: &Bitcoind,
        terms: &Terms,
        make: (
            impl Fn(&SignerHome) -> Result<SignerDraft, Failure>,
            impl FnOnce(&SignerHome) -> Result<PinnedKeyDraft, Failure>,
        ),
        edit: impl FnOnce(&mut PolicyDraft),
    ) -> Result<Self, Failure> {
        let alice = SignerHome::new("alice")?;
        Self::agree_among(alice, kind, node, terms, make, edit)
    }

    fn agree_among(
        alice: SignerHome,
        kind: ScriptKind,
        node: &Bitcoind,
        terms: &Terms,
        (make_signer, make_approver): (
            impl Fn(&SignerHome) -> Result<SignerDraft, Failure>,
            impl FnOnce(&SignerHome) -> Result<PinnedKeyDraft, Failure>,
        ),
        edit: impl FnOnce(&mut PolicyDraft),
    ) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Header {
            time: u64,
        }
        let best: BlockHash = node.best_block()?;
        let header: Header = node.call("getblockheader", json!([best]))?;
        let [bob, machine, recovery, dana] =
            ["bob", "machine", "recovery", "dana"].map(SignerHome::new);
        let (bob, machine, recovery, dana) = (bob?, machine?, recovery?, dana?);
        let signers = [&alice, &bob, &machine, &recovery].map(make_signer);
        let signers = signers.into_iter().collect::<Result<Vec<_>, _>>()?;
        let requester = PinnedKeyDraft::own(&requester_key().public());
        let time = UnixTime::from_secs(header.time);
        let mut draft = document::draft(
            signers,
            requester,
            make_approver(&dana)?,
            kind,
            terms,
            (node.height()?, time),
        )?;
        edit(&mut draft);
        let text = draft.to_toml();
        let policy = Policy::parse(text.as_bytes()).map_err(|mistakes| {
            let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            Failure::new(format!("{}\nin:\n{text}", mistakes.join("\n")))
        })?;
        // An edited policy may leave out signers; their homes have nothing to pin.
        for (name, home) in [
            ("alice", &alice),
            ("bob", &bob),
            ("machine", &machine),
            ("recovery", &recovery),
        ] {
            if policy.signer(name).is_some() {
                home.pin(&policy.bytes, policy.id)?;
            }
        }
        dana.pin(&policy.bytes, policy.id)?;
        Ok(Self {
            alice,
            bob,
            machine,
            recovery,
            dana,
            policy,
        })
    }
}

/// The key with which the service `exchange` signs its requests.
pub fn requester_key() -> SecretKey {
    SecretKey::from_bytes(&REQUESTER_SEED)
}
