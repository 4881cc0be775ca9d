//! Shows one of an attempt's coins in the chain, where the policy asks for it. Pure but for what it reads.
//!
//! The proof is of the coin whose transaction is the smallest to carry. Segwit v0 carries every funding
//! transaction already; of taproot, that one is carried as an ancestor (record 20), which no device ever sees:
//! devices were tried with taproot inputs that have no previous transaction, and with none else.

use std::collections::BTreeMap;

use bitcoin::{Transaction, Txid};
use policies::descriptor::ScriptKind;
use policies::document::Policy;
use policies::inclusion::InclusionProof;
use policies::psbt::Manifest;
use watchtower::store::database::{DatabaseError, Transaction as Database};
use watchtower::store::inclusion;

use crate::coin_selection::Candidate;
use crate::exclusion::bare;
use crate::store::vaults::VaultRow;

/// The most inputs of a transaction that is carried as an ancestor: signers remember each of them for ever.
const MAX_INPUTS: usize = 200;

/// Proofs by the txids of the transactions that they are about.
pub(super) type Proofs = BTreeMap<Txid, InclusionProof>;

/// The proofs of all spendable coins as the policy demands them; none if it demands none.
pub(super) async fn proofs(
    tx: &mut Database,
    vault: &VaultRow,
    policy: &Policy,
) -> Result<Proofs, DatabaseError> {
    match policy.limits.inclusion {
        None => Ok(Proofs::new()),
        Some(demanded) => {
            inclusion::proofs(tx, vault.id, vault.keychain, demanded.confirmations).await
        }
    }
}

/// The coins of which one could be shown.
pub(super) fn provable(
    candidates: &[Candidate],
    proofs: &Proofs,
    fundings: &BTreeMap<Txid, Transaction>,
    kind: ScriptKind,
) -> Vec<Candidate> {
    let is_small =
        |funding: &Transaction| kind != ScriptKind::Tr || funding.input.len() <= MAX_INPUTS;
    let can = |coin: &&Candidate| {
        let txid = coin.outpoint.txid;
        proofs.contains_key(&txid) && fundings.get(&txid).is_some_and(is_small)
    };
    candidates.iter().filter(can).cloned().collect()
}

/// Puts the proof of the cheapest of these coins into the manifest, with its transaction where inputs do not
/// carry it. Nothing if none can be shown.
pub(super) fn show(
    manifest: &mut Manifest,
    coins: &[Candidate],
    proofs: &Proofs,
    fundings: &BTreeMap<Txid, Transaction>,
    kind: ScriptKind,
) {
    let coins = provable(coins, proofs, fundings, kind);
    let shown = coins.iter().filter_map(|coin| {
        let txid = coin.outpoint.txid;
        let (proof, funding) = proofs.get(&txid).zip(fundings.get(&txid))?;
        Some((funding.base_size(), coin.height, txid, proof, funding))
    });
    let cheapest = shown.min_by_key(|(size, height, txid, ..)| (*size, *height, *txid));
    let Some((_, _, txid, proof, funding)) = cheapest else {
        return;
    };
    manifest.inclusions.insert(txid, proof.clone());
    if kind == ScriptKind::Tr {
        manifest.ancestors.insert(txid, bare(funding));
    }
}
