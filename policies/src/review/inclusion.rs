//! Inclusion: the first attempt of a withdrawal shows that a coin of it is in the chain, where the policy asks.
//!
//! What is signed for a withdrawal first must be excluded by all that is signed for it later, for ever. So one
//! outpoint that it spends, itself or by a carried ancestor, must be an output of this vault's own in a
//! transaction that stands in a block: then the vault can always spend that outpoint otherwise. An output of a
//! stranger's would not do, however deep it lies in the chain, nor one that only the coordinator tells of.
//! Whether the coin was spent since, no proof can say. Then what spent it excludes the attempt, but a coin of
//! the vault shows that only where it descends from the spender: a withdrawal whose attempt spent what was paid
//! out whole long ago is payable by a new intent that `repeats` it, and never twice.

use std::collections::BTreeMap;

use bitcoin::{BlockHash, OutPoint, Transaction, Txid};

use super::refusal::InclusionRefusal;
use super::structure::Structure;
use super::{Refusal, ReviewedInclusion};
use crate::descriptor::OwnScripts;
use crate::document::{Inclusion, Policy};
use crate::inclusion::{INNER_BYTES, InclusionProof};
use crate::journal::{History, SignedTransaction, SpendMode};
use crate::planted::{Bug, planted};
use crate::psbt::StrictPsbt;

/// Examines every proof carried, and whether one is needed. Returns what is shown.
pub(super) fn examine(
    psbt: &StrictPsbt,
    policy: &Policy,
    structure: &Structure,
    signed: &SignedTransaction,
    history: &History,
    refusals: &mut Vec<Refusal>,
) -> Vec<ReviewedInclusion> {
    let proofs = &psbt.manifest().inclusions;
    let Some(demanded) = policy.limits.inclusion else {
        let unasked = proofs
            .keys()
            .map(|txid| InclusionRefusal::Unasked { txid: *txid });
        refusals.extend(unasked.map(Refusal::Inclusion));
        return Vec::new();
    };
    let mut shown = Vec::new();
    if !proofs.is_empty() {
        let chain = Chain::of(psbt, policy, structure, history);
        for (txid, proof) in proofs {
            match chain.examine(*txid, proof, demanded) {
                Ok((outpoint, block)) => shown.push(ReviewedInclusion {
                    outpoint,
                    block,
                    confirmations: proof.confirmations(),
                }),
                Err(refusal) => refusals.push(Refusal::Inclusion(refusal)),
            }
        }
    }
    // Of proofs that are carried and show nothing was said why.
    if signed.mode == SpendMode::Pay
        && proofs.is_empty()
        && let Some((requester, id)) = history.first_attempt(signed)
        && !planted(Bug::InclusionMissing)
    {
        refusals.push(Refusal::Inclusion(InclusionRefusal::Missing {
            requester,
            id,
            confirmations: demanded.confirmations,
        }));
    }
    shown
}

/// The transactions that the file carries whole, and the outpoints of this vault that they or it spend.
struct Chain<'a> {
    carried: BTreeMap<Txid, &'a Transaction>,
    spent: Vec<OutPoint>,
    own: OwnScripts<'a>,
    structure: &'a Structure,
    psbt: &'a StrictPsbt,
}

impl<'a> Chain<'a> {
    fn of(
        psbt: &'a StrictPsbt,
        policy: &'a Policy,
        structure: &'a Structure,
        history: &History,
    ) -> Self {
        let inputs = psbt.psbt().inputs.iter().zip(&psbt.transaction().input);
        let previous = inputs.filter_map(|(field, txin)| {
            let previous = field.non_witness_utxo.as_ref()?;
            Some((txin.previous_output.txid, previous))
        });
        let ancestors = &psbt.manifest().ancestors;
        let spending = std::iter::once(psbt.transaction()).chain(ancestors.values());
        Self {
            carried: previous
                .chain(ancestors.iter().map(|(txid, ancestor)| (*txid, ancestor)))
                .collect(),
            spent: spending
                .flat_map(|transaction| &transaction.input)
                .map(|txin| txin.previous_output)
                .collect(),
            own: OwnScripts::new(&policy.descriptor, history.index_bound()),
            structure,
            psbt,
        }
    }

    /// The outpoint of this vault that a proof shows in the chain, and the block.
    fn examine(
        &self,
        txid: Txid,
        proof: &InclusionProof,
        demanded: Inclusion,
    ) -> Result<(OutPoint, BlockHash), InclusionRefusal> {
        let Some(transaction) = self.carried.get(&txid) else {
            return Err(InclusionRefusal::TransactionMissing { txid });
        };
        if transaction.base_size() == INNER_BYTES && !planted(Bug::InclusionInner) {
            return Err(InclusionRefusal::Ambiguous { txid });
        }
        let block = proof
            .verify(txid, &demanded)
            .map_err(|fault| InclusionRefusal::Wrong { txid, fault })?;
        let mut spent = self.spent.iter().filter(|outpoint| outpoint.txid == txid);
        let own = spent
            .find(|outpoint| self.is_own(outpoint, transaction) || planted(Bug::InclusionForeign));
        let outpoint = own.ok_or(InclusionRefusal::Unrelated { txid })?;
        Ok((*outpoint, block))
    }

    /// Whether the output that stands in this very transaction is the vault's to spend. What an input says of
    /// the output that it spends is worth nothing here: of taproot nobody but this transaction proves it.
    fn is_own(&self, outpoint: &OutPoint, transaction: &Transaction) -> bool {
        let place = usize::try_from(outpoint.vout).ok();
        let Some(output) = place.and_then(|place| transaction.output.get(place)) else {
            return false;
        };
        let reviewed = (self.structure.inputs.iter())
            .any(|input| input.derived.script_pubkey == output.script_pubkey);
        let said = (self.psbt.transaction().input.iter())
            .zip(self.psbt.previous_outputs())
            .find(|(txin, _)| txin.previous_output == *outpoint);
        // An input whose amount is said otherwise has no valid signature, and shows nothing.
        said.is_none_or(|(_, said)| said == output)
            && (reviewed || self.own.contains(&output.script_pubkey))
    }
}
