//! The judge that shares no validation code: what was really approved is known here from the start, and
//! what came out of a signer is read with plain rust-bitcoin and miniscript.
//!
//! *Wrong* is a signature that is valid on the real chain for a key of ours, over anything that is not
//! exactly an approved transaction.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::{Message, Secp256k1, VerifyOnly};
use bitcoin::sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::TapLeafHash;
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, TxOut, XOnlyPublicKey};
use miniscript::{Descriptor, DescriptorPublicKey};

static SECP: LazyLock<Secp256k1<VerifyOnly>> = LazyLock::new(Secp256k1::verification_only);

/// The most that a transaction of these vaults may pay in fees.
const FEE_MAX: Amount = Amount::from_sat(500_000);
/// Fees may be this part of what is paid: one in fifty.
const FEE_SHARE: u64 = 50;

/// How an output is spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spend {
    /// By a witness script.
    Wsh(ScriptBuf),
    /// By the output key or one of the leaves.
    Tr {
        /// The output key.
        key: XOnlyPublicKey,
        /// The leaves.
        leaves: Vec<TapLeafHash>,
    },
}

/// What is true in one case, whatever the PSBT says.
#[derive(Debug, Clone)]
pub struct Truth {
    /// Every output that exists on the chain and could matter.
    pub coins: BTreeMap<OutPoint, (TxOut, Spend)>,
    /// Outpoints of the vault: only they may be spent.
    pub own: HashSet<OutPoint>,
    /// What may be paid, each at most once.
    pub approved: Vec<TxOut>,
    /// The script of the change.
    pub change: ScriptBuf,
}

/// What a signer's answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Signatures over exactly an approved transaction.
    Right,
    /// No signature is valid on the chain: a lie made them worthless.
    Worthless,
    /// A valid signature over something else.
    Wrong(&'static str),
}

/// A script of a descriptor, and how it is spent.
pub fn own_script(
    descriptor: &Descriptor<DescriptorPublicKey>,
    branch: usize,
    index: u32,
) -> (ScriptBuf, Spend) {
    let singles = descriptor
        .clone()
        .into_single_descriptors()
        .expect("it has two branches");
    let derived = singles[branch]
        .at_derivation_index(index)
        .expect("an unhardened index")
        .derived_descriptor(&*SECP);
    let spend = match &derived {
        Descriptor::Tr(tr) => Spend::Tr {
            key: tr.spend_info().output_key().to_x_only_public_key(),
            leaves: tr
                .leaves()
                .map(|leaf| leaf.compute_tap_leaf_hash())
                .collect(),
        },
        Descriptor::Wsh(wsh) => Spend::Wsh(wsh.inner_script()),
        Descriptor::Bare(_) | Descriptor::Pkh(_) | Descriptor::Wpkh(_) | Descriptor::Sh(_) => {
            unreachable!("the vaults are wsh and tr")
        }
    };
    (derived.script_pubkey(), spend)
}

/// Judges what came out.
pub fn judge(signed: &Psbt, truth: &Truth) -> Verdict {
    let transaction = &signed.unsigned_tx;
    let prevouts: Option<Vec<&TxOut>> = transaction
        .input
        .iter()
        .map(|input| truth.coins.get(&input.previous_output).map(|(out, _)| out))
        .collect();
    let mut cache = SighashCache::new(transaction);
    let mut valid = false;
    for (index, fields) in signed.inputs.iter().enumerate() {
        let Some((output, spend)) = transaction
            .input
            .get(index)
            .and_then(|input| truth.coins.get(&input.previous_output))
        else {
            continue;
        };
        match spend {
            Spend::Wsh(script) => {
                for (key, signature) in &fields.partial_sigs {
                    let kind = signature.sighash_type;
                    let Ok(hash) = cache.p2wsh_signature_hash(index, script, output.value, kind)
                    else {
                        continue;
                    };
                    let holds = SECP
                        .verify_ecdsa(&Message::from(hash), &signature.signature, &key.inner)
                        .is_ok();
                    if holds && kind != EcdsaSighashType::All {
                        return Verdict::Wrong("a sighash type that leaves something open");
                    }
                    valid |= holds;
                }
            }
            Spend::Tr { key, leaves } => {
                let key_path = fields
                    .tap_key_sig
                    .iter()
                    .map(|signature| (key, None, signature));
                let leaf_path = fields
                    .tap_script_sigs
                    .iter()
                    .filter(|((_, leaf), _)| leaves.contains(leaf))
                    .map(|((key, leaf), signature)| (key, Some(*leaf), signature));
                let Some(prevouts) = &prevouts else { continue };
                for (key, leaf, signature) in key_path.chain(leaf_path) {
                    let kind = signature.sighash_type;
                    let leaf = leaf.map(|leaf| (leaf, 0xffff_ffff));
                    let Ok(hash) = cache.taproot_signature_hash(
                        index,
                        &Prevouts::All(prevouts),
                        None,
                        leaf,
                        kind,
                    ) else {
                        continue;
                    };
                    let holds = SECP
                        .verify_schnorr(&signature.signature, &Message::from(hash), key)
                        .is_ok();
                    let whole = matches!(kind, TapSighashType::Default | TapSighashType::All);
                    if holds && !whole {
                        return Verdict::Wrong("a sighash type that leaves something open");
                    }
                    valid |= holds;
                }
            }
        }
    }
    if !valid {
        return Verdict::Worthless;
    }
    exactly_approved(transaction, truth).map_or_else(Verdict::Wrong, |()| Verdict::Right)
}

fn exactly_approved(transaction: &Transaction, truth: &Truth) -> Result<(), &'static str> {
    if transaction.version.0 != 2 {
        return Err("another version");
    }
    if !transaction.lock_time.is_block_height() {
        return Err("a locktime in seconds");
    }
    if transaction
        .input
        .iter()
        .any(|input| input.sequence.0 != 0xffff_fffd)
    {
        return Err("another sequence");
    }
    let mut spent = HashSet::new();
    let mut total_in = Amount::ZERO;
    for input in &transaction.input {
        let outpoint = input.previous_output;
        if !truth.own.contains(&outpoint) || !spent.insert(outpoint) {
            return Err("an input that is none of the vault's, or twice");
        }
        total_in += truth.coins[&outpoint].0.value;
    }
    let mut left = truth.approved.clone();
    let mut paid = Amount::ZERO;
    let mut change = 0;
    let mut total_out = Amount::ZERO;
    for output in &transaction.output {
        total_out = total_out
            .checked_add(output.value)
            .ok_or("amounts that overflow")?;
        if let Some(place) = left.iter().position(|approved| approved == output) {
            left.swap_remove(place);
            paid += output.value;
        } else if output.script_pubkey == truth.change {
            change += 1;
        } else {
            return Err("an output that nobody approved");
        }
    }
    if change > 1 {
        return Err("change twice");
    }
    if paid == Amount::ZERO {
        return Err("a transaction that pays nothing approved");
    }
    let fee = total_in.checked_sub(total_out).ok_or("more out than in")?;
    if fee > FEE_MAX || fee.to_sat().saturating_mul(FEE_SHARE) > paid.to_sat() {
        return Err("a fee above its bounds");
    }
    Ok(())
}
