//! Checks what shows an event in the chain, and asks the service's own node for the block.
//!
//! Invariant: nothing that the coordinator says is believed. The transaction is hashed again, its Merkle path leads to
//! the header that is carried, the outputs are those of the pinned policy or of the service's own intent; whether the
//! header is in the active chain, and how deep, only the service's own node says.

use std::collections::BTreeSet;

use bitcoin::consensus::encode;
use bitcoin::hex::FromHex as _;
use bitcoin::{Amount, BlockHash, OutPoint, Transaction, Txid};
use policies::inclusion::{InclusionError, InclusionFault, InclusionProof, root_above};
use policies::{Intent, IntentKind, Keychain, Policy};
use serde::Deserialize;
use serde_json::Value;

use super::wire::Event;

/// The most transactions of which a failed withdrawal is shown to be excluded.
const MAX_EXCLUDED: usize = 1_000;

/// What shows an event in the chain, as the coordinator answers it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Proof {
    /// The transaction's id.
    pub txid: Txid,
    /// The whole transaction, in hex.
    pub transaction: String,
    /// The height of its block.
    pub height: u32,
    /// Its block.
    pub block: BlockHash,
    /// Header, position and Merkle path, in hex, as record 30 of a manifest has them.
    pub inclusion: String,
    /// For a withdrawal that has failed: all that was issued for it.
    #[serde(default)]
    pub excluded: Vec<Excluded>,
}

/// A transaction that was issued and that another one excludes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Excluded {
    /// The transaction without witnesses, in hex.
    pub transaction: String,
    /// Those that it descends from, in hex.
    #[serde(default)]
    pub ancestors: Vec<String>,
}

/// A transaction in a block that nobody but the coordinator spoke of yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "only the service's own node says whether the block is in the chain"]
pub struct Shown {
    /// The transaction.
    pub transaction: Transaction,
    /// The block whose header carries it.
    pub block: BlockHash,
    /// The height that was said.
    pub height: u32,
}

/// A deposit that a transaction in a block makes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "only the service's own node says whether the block is in the chain"]
pub struct ShownDeposit {
    /// The transaction and its block.
    pub shown: Shown,
    /// The coin: credit each once, whatever numbers and names events of it have.
    pub outpoint: OutPoint,
    /// The index of the address that it pays. The service itself knows to whom it gave that one; the reference that an
    /// event names is the coordinator's word.
    pub index: u32,
    /// The amount.
    pub amount: Amount,
}

/// How deep a block is in the active chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Its height.
    pub height: u32,
    /// 1 where it is the tip.
    pub confirmations: u32,
}

/// The service's own node.
pub trait ActiveChain {
    /// Why it does not answer.
    type Error;

    /// How deep a block is in the active chain; none where it is not in it.
    ///
    /// # Errors
    /// When the node does not answer.
    fn depth(&self, block: BlockHash) -> Result<Option<Depth>, Self::Error>;
}

/// What speaks against a proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The event is of another kind.
    #[error("an event of kind {found} says nothing of a {wanted}")]
    OtherKind {
        /// What was to be shown.
        wanted: &'static str,
        /// The event's kind.
        found: String,
    },
    /// A part cannot be read.
    #[error("the {part} cannot be read: {reason}")]
    Unreadable {
        /// Which part.
        part: &'static str,
        /// Why.
        reason: String,
    },
    /// The transaction is another one.
    #[error("the transaction is {found}, not {expected}")]
    OtherTransaction {
        /// The txid of the event.
        expected: Txid,
        /// The txid of the transaction.
        found: Txid,
    },
    /// The Merkle path does not lead to the header.
    #[error("the path does not lead to the block: {0}")]
    Path(#[from] InclusionFault),
    /// The header is of another block.
    #[error("the header is of {found}, not of {expected}")]
    OtherBlock {
        /// The block said.
        expected: BlockHash,
        /// The block of the header.
        found: BlockHash,
    },
    /// The transaction does not pay what the event says.
    #[error("no output {output} of {txid} pays {amount} to the script of the event")]
    PaysOtherwise {
        /// The transaction.
        txid: Txid,
        /// The output; any where none is named.
        output: u32,
        /// The amount.
        amount: Amount,
    },
    /// The event names another coin than the one that it is about.
    #[error("the event is about {object}, and shows {outpoint}")]
    OtherCoin {
        /// What the event is about.
        object: String,
        /// The coin that it shows.
        outpoint: OutPoint,
    },
    /// The output is to a change address.
    #[error(
        "what pays change address {index} may be the vault's own change, and proves no deposit"
    )]
    Change {
        /// Its index.
        index: u32,
    },
    /// The script is none of the pinned policy.
    #[error("the script paid is not {keychain} {index} of the pinned policy")]
    ForeignScript {
        /// The keychain said.
        keychain: Keychain,
        /// The index said.
        index: u32,
    },
    /// The event is about another intent.
    #[error("the event is about another request than the one given")]
    OtherIntent,
    /// Nothing that was issued is shown.
    #[error("it does not show what was issued for the withdrawal")]
    NothingExcluded,
    /// One that was issued is not shown to be excluded.
    #[error("{txid} can still confirm beside {by}")]
    NotExcluded {
        /// The transaction that was issued.
        txid: Txid,
        /// The transaction in the block.
        by: Txid,
    },
}

/// Why a block does not count.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError<E> {
    /// The service's own node does not have the block in its active chain.
    #[error("the own node does not have block {block} in its active chain")]
    NotInChain {
        /// The block.
        block: BlockHash,
    },
    /// The block is at another height than was said.
    #[error("block {block} is at height {found}, not {said}")]
    OtherHeight {
        /// The block.
        block: BlockHash,
        /// The height said.
        said: u32,
        /// The node's.
        found: u32,
    },
    /// It is not deep enough yet.
    #[error("block {block} has {found} confirmations of {needed}")]
    TooShallow {
        /// The block.
        block: BlockHash,
        /// How many it has.
        found: u32,
        /// How many it needs.
        needed: u32,
    },
    /// The node does not answer.
    #[error("the own node does not answer: {0}")]
    Node(E),
}

impl Proof {
    /// Checks that a deposit of an event is in a block: the output pays the amount to the script that the pinned policy
    /// gives at the place said, which is no change address.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn shows_deposit(
        &self,
        event: &Event,
        policy: &Policy,
    ) -> Result<ShownDeposit, ProofError> {
        expect_kind(event, "deposit", &["deposit.confirmed", "deposit.settled"])?;
        let shown = self.in_block(txid_of(event, "txid")?)?;
        let vout = number(event, "vout")?;
        let index = number(event, "index")?;
        let outpoint = OutPoint::new(self.txid, vout);
        if event.object_id != outpoint.to_string() {
            let object = event.object_id.clone();
            return Err(ProofError::OtherCoin { object, outpoint });
        }
        let keychain = match text(event, "keychain")? {
            "external" => Keychain::External,
            "internal" => return Err(ProofError::Change { index }),
            _ => return Err(unreadable("keychain", "neither external nor internal")),
        };
        let script_pubkey = text(event, "script_pubkey")?;
        let derived = policy
            .keysets()
            .map(|keyset| keyset.descriptor.script_pubkey(keychain, index))
            .find(|script| script.to_hex_string() == script_pubkey)
            .ok_or(ProofError::ForeignScript { keychain, index })?;
        let amount = event.body.get("amount_sat").and_then(Value::as_u64);
        let amount = Amount::from_sat(amount.ok_or_else(|| unreadable("amount", "no number"))?);
        let place = usize::try_from(vout).unwrap_or(usize::MAX);
        let output = shown.transaction.output.get(place);
        if output.is_none_or(|output| output.value != amount || output.script_pubkey != derived) {
            return Err(ProofError::PaysOtherwise {
                txid: self.txid,
                output: vout,
                amount,
            });
        }
        Ok(ShownDeposit {
            shown,
            outpoint,
            index,
            amount,
        })
    }

    /// Checks that a withdrawal is paid in a block: an output pays what the service itself asked for.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn shows_payment(&self, event: &Event, intent: &Intent) -> Result<Shown, ProofError> {
        expect_kind(
            event,
            "payment",
            &["withdrawal.confirmed", "withdrawal.settled"],
        )?;
        expect_intent(event, intent)?;
        let shown = self.in_block(self.txid)?;
        if !pays(&shown.transaction, intent) {
            return Err(ProofError::PaysOtherwise {
                txid: self.txid,
                output: 0,
                amount: intent.amount,
            });
        }
        Ok(shown)
    }

    /// Checks that a withdrawal has failed: a transaction in a block excludes each that is shown to be issued for it.
    ///
    /// What was issued and is not shown can still confirm: ask again only by an intent that `replaces` this one, which
    /// no honest signer signs beside anything that was ever signed for it (M2).
    ///
    /// # Errors
    /// What speaks against it.
    pub fn shows_failure(&self, event: &Event, intent: &Intent) -> Result<Shown, ProofError> {
        expect_kind(event, "failure", &["withdrawal.failed"])?;
        expect_intent(event, intent)?;
        let shown = self.in_block(txid_of(event, "by")?)?;
        if self.excluded.is_empty() || self.excluded.len() > MAX_EXCLUDED {
            return Err(ProofError::NothingExcluded);
        }
        let spent: BTreeSet<OutPoint> = inputs(&shown.transaction).collect();
        for issued in &self.excluded {
            let transaction = transaction(&issued.transaction)?;
            let txid = transaction.compute_txid();
            if !pays(&transaction, intent) {
                return Err(ProofError::NothingExcluded);
            }
            if txid == self.txid || !is_excluded(transaction, &issued.ancestors, &spent)? {
                return Err(ProofError::NotExcluded {
                    txid,
                    by: self.txid,
                });
            }
        }
        Ok(shown)
    }

    /// Checks that the transaction of this id is in the block that is named.
    fn in_block(&self, expected: Txid) -> Result<Shown, ProofError> {
        let transaction = transaction(&self.transaction)?;
        let found = transaction.compute_txid();
        if found != expected {
            return Err(ProofError::OtherTransaction { expected, found });
        }
        let bytes = Vec::from_hex(&self.inclusion)
            .map_err(|error| unreadable("inclusion", &error.to_string()))?;
        let proof = InclusionProof::decode(&bytes)
            .map_err(|error: InclusionError| unreadable("inclusion", &error.to_string()))?;
        let root = root_above(found, proof.position, &proof.siblings)?;
        if root != proof.header.merkle_root {
            return Err(InclusionFault::OtherRoot { found: root }.into());
        }
        let block = proof.header.block_hash();
        if block != self.block {
            return Err(ProofError::OtherBlock {
                expected: self.block,
                found: block,
            });
        }
        Ok(Shown {
            transaction,
            block,
            height: self.height,
        })
    }
}

impl Shown {
    /// Asks the service's own node whether the block is in the active chain, so deep at least.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn confirm<C: ActiveChain>(
        &self,
        chain: &C,
        needed: u32,
    ) -> Result<Depth, ConfirmError<C::Error>> {
        let block = self.block;
        let depth = chain.depth(block).map_err(ConfirmError::Node)?;
        let depth = depth.ok_or(ConfirmError::NotInChain { block })?;
        if depth.height != self.height {
            return Err(ConfirmError::OtherHeight {
                block,
                said: self.height,
                found: depth.height,
            });
        }
        if depth.confirmations < needed {
            return Err(ConfirmError::TooShallow {
                block,
                found: depth.confirmations,
                needed,
            });
        }
        Ok(depth)
    }
}

fn inputs(transaction: &Transaction) -> impl Iterator<Item = OutPoint> {
    transaction.input.iter().map(|input| input.previous_output)
}

/// Whether a transaction, or one that it descends from, spends one of these coins.
fn is_excluded(
    transaction_issued: Transaction,
    ancestors: &[String],
    spent: &BTreeSet<OutPoint>,
) -> Result<bool, ProofError> {
    let mut known = Vec::new();
    for ancestor in ancestors.iter().take(MAX_EXCLUDED) {
        known.push(transaction(ancestor)?);
    }
    let mut open = vec![transaction_issued];
    while let Some(one) = open.pop() {
        if inputs(&one).any(|input| spent.contains(&input)) {
            return Ok(true);
        }
        // Each is looked at once: what is taken is not known any more.
        for parent in inputs(&one).map(|input| input.txid) {
            let place = known
                .iter()
                .position(|other| other.compute_txid() == parent);
            open.extend(place.map(|place| known.swap_remove(place)));
        }
    }
    Ok(false)
}

/// Whether an output pays what an intent asks for.
fn pays(transaction: &Transaction, intent: &Intent) -> bool {
    transaction.output.iter().any(|output| {
        let amount = match intent.kind {
            IntentKind::Sweep => (intent.min..=intent.amount).contains(&output.value),
            IntentKind::Payment | IntentKind::Transfer => output.value == intent.amount,
        };
        amount && output.script_pubkey == intent.script_pubkey
    })
}

fn expect_kind(event: &Event, wanted: &'static str, kinds: &[&str]) -> Result<(), ProofError> {
    if kinds.contains(&event.kind.as_str()) {
        return Ok(());
    }
    Err(ProofError::OtherKind {
        wanted,
        found: event.kind.clone(),
    })
}

fn expect_intent(event: &Event, intent: &Intent) -> Result<(), ProofError> {
    let found = text(event, "intent")?;
    if found == intent.hash().to_string() {
        Ok(())
    } else {
        Err(ProofError::OtherIntent)
    }
}

fn text<'e>(event: &'e Event, field: &'static str) -> Result<&'e str, ProofError> {
    let found = event.body.get(field).and_then(Value::as_str);
    found.ok_or_else(|| unreadable(field, "it is missing"))
}

fn number(event: &Event, field: &'static str) -> Result<u32, ProofError> {
    let found = event.body.get(field).and_then(Value::as_u64);
    let found = found.and_then(|number| u32::try_from(number).ok());
    found.ok_or_else(|| unreadable(field, "it is no number"))
}

fn txid_of(event: &Event, field: &'static str) -> Result<Txid, ProofError> {
    let parsed = text(event, field)?.parse();
    parsed.map_err(|_| unreadable(field, "it is no txid"))
}

fn transaction(hex: &str) -> Result<Transaction, ProofError> {
    encode::deserialize_hex(hex).map_err(|error| unreadable("transaction", &error.to_string()))
}

fn unreadable(part: &'static str, reason: &str) -> ProofError {
    ProofError::Unreadable {
        part,
        reason: reason.to_owned(),
    }
}
