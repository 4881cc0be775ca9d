//! Who has a part in the treasury, each with a home of their own and the policy pinned in it.

use bitcoin::BlockHash;
use policies::descriptor::ScriptKind;
use policies::document::PinnedKeyDraft;
use policies::intent::SecretKey;
use policies::{Policy, UnixTime};
use serde::Deserialize;
use serde_json::json;

use super::document;
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
        #[derive(Deserialize)]
        struct Header {
            time: u64,
        }
        let best: BlockHash = node.best_block()?;
        let header: Header = node.call("getblockheader", json!([best]))?;
        let [alice, bob, machine, recovery, dana] =
            ["alice", "bob", "machine", "recovery", "dana"].map(SignerHome::new);
        let (alice, bob, machine, recovery, dana) = (alice?, bob?, machine?, recovery?, dana?);
        let signers = [&alice, &bob, &machine, &recovery].map(SignerHome::make_signer);
        let signers = signers.into_iter().collect::<Result<Vec<_>, _>>()?;
        let requester = PinnedKeyDraft {
            key: requester_key().public().to_string(),
            tool: "own".to_owned(),
        };
        let time = UnixTime::from_secs(header.time);
        let draft = document::draft(
            signers,
            requester,
            dana.make_approver()?,
            kind,
            node.height()?,
            time,
        )?;
        let text = draft.to_toml();
        let policy = Policy::parse(text.as_bytes()).map_err(|mistakes| {
            let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            Failure::new(format!("{}\nin:\n{text}", mistakes.join("\n")))
        })?;
        for home in [&alice, &bob, &machine, &recovery, &dana] {
            home.pin(&policy.bytes, policy.id)?;
        }
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
