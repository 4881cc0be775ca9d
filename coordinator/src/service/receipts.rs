//! The receipt of a withdrawal that was broadcast: all that shows who asked, who approved, and what paid it.
//!
//! Invariant: a receipt is made of stored bytes alone, exactly as they were signed, approved and sent; whoever has
//! the policy can check each part without this program, and each part says how.

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hashes::Hash as _;
use bitcoin::hex::DisplayHex;
use bitcoin::{Address, Txid};
use policies::document::Policy;
use policies::inclusion::InclusionProof;
use policies::{
    Intent, IntentHash, IntentKind, KeyId, PolicyId, RequestSignature, RequesterName, Subject,
    UnixTime, VaultId, WithdrawalId,
};
use serde::Serialize;
use watchtower::store::database::Transaction;
use watchtower::store::{chain, inclusion};

use super::withdrawal_history::height;
use super::withdrawals::existing;
use super::{Actor, Right, Service, ServiceError};
use crate::store::approvals::{self, ApprovalRow};
use crate::store::attempts;
use crate::store::withdrawals::{WithdrawalKey, WithdrawalRow};

/// The format that every receipt names.
pub const RECEIPT_FORMAT: &str = "countersign/withdrawal-receipt/1";
/// Headers that a receipt carries at most, its block's own included.
const HEADERS: u32 = 6;

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// [`RECEIPT_FORMAT`].
    pub format: &'static str,
    /// When it was made (unix seconds).
    pub made_at: UnixTime,
    /// The vault.
    pub vault: VaultId,
    /// The vault's name.
    pub vault_name: String,
    /// The network.
    pub network: String,
    /// The policy version in force when the receipt was made.
    pub policy: PolicyId,
    /// Who asked.
    pub requester: RequesterName,
    /// The withdrawal's id.
    pub id: WithdrawalId,
    /// The requester's own words.
    pub reference: String,
    /// The withdrawal's state.
    pub state: &'static str,
    /// What paid it.
    pub payment: PaymentPart,
    /// What was asked for.
    pub intent: IntentPart,
    /// Who signed the request; none where only a signer's journal knows it.
    pub request: Option<RequestPart>,
    /// Who approved, and how each approval is tied to the intent.
    pub approvals: ApprovalsPart,
    /// The final transaction.
    pub transaction: TransactionPart,
    /// The transaction in its block, where the watchtower can show it.
    pub inclusion: Option<InclusionPart>,
}

/// The output that pays it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaymentPart {
    /// The transaction.
    pub txid: Txid,
    /// The output.
    pub output: u32,
    /// What it pays.
    pub amount_sat: u64,
    /// To this address.
    pub address: Option<String>,
    /// Which is this script.
    pub script_pubkey: String,
    /// The height of its block.
    pub height: Option<u32>,
    /// Confirmations by the watchtower's tip.
    pub confirmations: u32,
    /// How to check it.
    pub check: String,
}

/// The intent as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntentPart {
    /// Its canonical text, byte for byte.
    pub text: String,
    /// Its hash.
    pub hash: IntentHash,
    /// How to check it.
    pub check: String,
}

/// The requester's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestPart {
    /// The id of the key.
    pub key: KeyId,
    /// The key, where the policy in force still names it.
    pub public_key: Option<String>,
    /// The signature record in hex.
    pub signature: String,
    /// The 32 bytes that it signs, in hex.
    pub message: String,
    /// How to check it.
    pub check: String,
}

/// The approvals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalsPart {
    /// Each of them.
    pub signed: Vec<ApprovalPart>,
    /// How to check them.
    pub check: String,
}

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalPart {
    /// `approve` or `reject`.
    pub purpose: String,
    /// The approver's name in the policy.
    pub approver: String,
    /// `own` or `page`, where the policy in force still names the key.
    pub tool: Option<&'static str>,
    /// The id of the key.
    pub key: KeyId,
    /// The key, where the policy in force still names it.
    pub public_key: Option<String>,
    /// The Merkle root that was signed.
    pub root: Subject,
    /// When it ends (unix seconds).
    pub expires: UnixTime,
    /// The signature record in hex.
    pub signature: String,
    /// The proof, in hex, that the intent stands under the root.
    pub proof: String,
    /// When it came in (unix seconds).
    pub received_at: UnixTime,
}

/// The final transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransactionPart {
    /// Its bytes in hex.
    pub hex: String,
    /// How to check it.
    pub check: String,
}

/// The transaction in its block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InclusionPart {
    /// The block.
    pub block: String,
    /// Its height.
    pub height: u32,
    /// Its header in hex.
    pub header: String,
    /// The headers of the blocks after it, in hex.
    pub further: Vec<String>,
    /// The transaction's position in the block.
    pub position: u32,
    /// The siblings on the way up to the header's Merkle root, each in hex as it is hashed.
    pub siblings: Vec<String>,
    /// How to check it.
    pub check: String,
}

impl Receipt {
    /// The file's bytes.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("texts and integers serialize");
        text.push('\n');
        text
    }
}

/// The receipt of a withdrawal; none before its final transaction is there.
///
/// # Errors
/// `WithdrawalError::UnknownWithdrawal`.
pub async fn receipt(
    service: &Service,
    actor: &Actor,
    key: &WithdrawalKey,
) -> Result<Option<Receipt>, ServiceError> {
    actor.require(Right::Read, key.vault)?;
    let mut tx = service.database().begin_read().await?;
    let (vault, policy) = service.vault(&mut tx, key.vault).await?;
    let row = existing(&mut tx, key).await?;
    let Some(paid) = paid_by(&mut tx, &row).await? else {
        return Ok(None);
    };
    let txid = paid.compute_txid();
    let Some((output, amount)) = output_of(&paid, &row.intent) else {
        return Ok(None);
    };
    let shown = match height(&row) {
        Some(_) => inclusion::proof_of(&mut tx, txid, HEADERS).await?,
        None => None,
    };
    let said = approvals::of_intent(&mut tx, row.hash).await?;
    Ok(Some(Receipt {
        format: RECEIPT_FORMAT,
        made_at: service.now(),
        vault: key.vault,
        vault_name: vault.name,
        network: policies::document::name_of_network(policy.network).to_owned(),
        policy: policy.id,
        requester: key.requester.clone(),
        id: key.id.clone(),
        reference: row.intent.reference.clone(),
        state: row.state.name(),
        payment: PaymentPart {
            confirmations: confirmations(&mut tx, &row).await?,
            ..payment(&policy, &row, (txid, output, amount))
        },
        intent: IntentPart {
            text: String::from_utf8_lossy(&row.bytes).into_owned(),
            hash: row.hash,
            check: "The hash is that of these very bytes, tagged countersign/v1/intent as BIP 340 tags (docs/formats.md \
                    F1, F2). The script in it is the script paid; the amount in it is the amount paid, or the most that a \
                    sweep may pay."
                .to_owned(),
        },
        request: row.request.as_ref().map(|request| request_part(&policy, &row, request)),
        approvals: ApprovalsPart {
            signed: said.iter().map(|row| approval_part(&policy, row)).collect(),
            check: "Each proof leads from the intent's hash to the root (docs/formats.md F3); each signature is over the \
                    message of F1 with its purpose, this vault, the root and the moment it ends; each key stands under \
                    [[approvers]] in the policy that you pinned. Persons count, and never the requester's own. Keys \
                    marked page prove that somebody touched the coordinator's page, not what they read."
                .to_owned(),
        },
        transaction: TransactionPart {
            hex: serialize_hex(&paid),
            check: format!(
                "bitcoin-cli decoderawtransaction HEX shows the txid {txid}, and output {output} with this amount and \
                 script."
            ),
        },
        inclusion: shown.map(|(height, proof)| inclusion_part(height, &proof)),
    }))
}

/// The final transaction that pays it, once it was handed over.
async fn paid_by(
    tx: &mut Transaction,
    row: &WithdrawalRow,
) -> Result<Option<bitcoin::Transaction>, ServiceError> {
    if !matches!(row.state.name(), "broadcast" | "confirmed" | "settled") {
        return Ok(None);
    }
    let Some(txid) = row.state.attempt() else {
        return Ok(None);
    };
    let attempt = attempts::lookup(tx, txid).await?;
    Ok(attempt.and_then(|attempt| attempt.final_transaction))
}

/// The output that satisfies an intent; signers allow one.
fn output_of(
    transaction: &bitcoin::Transaction,
    intent: &Intent,
) -> Option<(u32, bitcoin::Amount)> {
    let outputs = (0_u32..).zip(&transaction.output);
    let mut fitting = outputs.filter(|(_, output)| {
        let amount = match intent.kind {
            IntentKind::Payment | IntentKind::Transfer => output.value == intent.amount,
            IntentKind::Sweep => output.value <= intent.amount && output.value >= intent.min,
        };
        amount && output.script_pubkey == intent.script_pubkey
    });
    fitting
        .next()
        .map(|(number, output)| (number, output.value))
}

async fn confirmations(tx: &mut Transaction, row: &WithdrawalRow) -> Result<u32, ServiceError> {
    let tip = chain::tip(tx).await?.map(|tip| tip.height);
    Ok(height(row).zip(tip).map_or(0, |(height, tip)| {
        tip.saturating_add(1).saturating_sub(height)
    }))
}

fn payment(
    policy: &Policy,
    row: &WithdrawalRow,
    (txid, output, amount): (Txid, u32, bitcoin::Amount),
) -> PaymentPart {
    let script = &row.intent.script_pubkey;
    PaymentPart {
        txid,
        output,
        amount_sat: amount.to_sat(),
        address: Address::from_script(script, policy.network)
            .ok()
            .map(|address| address.to_string()),
        script_pubkey: script.to_hex_string(),
        height: height(row),
        confirmations: 0,
        check: format!(
            "Ask a node of your own: bitcoin-cli getrawtransaction {txid} 1 (with the block's hash at the end where the \
             node keeps no index). Whoever is paid sees it in a wallet of their own."
        ),
    }
}

fn request_part(policy: &Policy, row: &WithdrawalRow, request: &RequestSignature) -> RequestPart {
    let known = policy.requester_of_key(request.key);
    RequestPart {
        key: request.key,
        public_key: known.map(|(_, pinned)| pinned.key.to_string()),
        signature: request.signature.encode().to_lower_hex_string(),
        message: RequestSignature::message(row.key.vault, row.hash).to_lower_hex_string(),
        check: "The signature is over the message of docs/formats.md F1: purpose request, this vault, the intent's hash, \
                expiry 0. The key stands under [[requesters]] in the policy that you pinned."
            .to_owned(),
    }
}

fn approval_part(policy: &Policy, row: &ApprovalRow) -> ApprovalPart {
    let known = policy.approver_of_key(row.approval.key);
    ApprovalPart {
        purpose: row.approval.purpose.to_string(),
        approver: row.approver.clone(),
        tool: known.map(|(_, pinned)| pinned.tool.name()),
        key: row.approval.key,
        public_key: known.map(|(_, pinned)| pinned.key.to_string()),
        root: row.approval.subject,
        expires: row.approval.expires,
        signature: row.approval.signature.encode().to_lower_hex_string(),
        proof: row.proof.encode().to_lower_hex_string(),
        received_at: row.received_at,
    }
}

fn inclusion_part(height: u32, proof: &InclusionProof) -> InclusionPart {
    let block = proof.header.block_hash();
    InclusionPart {
        block: block.to_string(),
        height,
        header: serialize_hex(&proof.header),
        further: proof.further.iter().map(serialize_hex).collect(),
        position: proof.position,
        siblings: (proof.siblings.iter())
            .map(|sibling| sibling.to_byte_array().to_lower_hex_string())
            .collect(),
        check: format!(
            "bitcoin-cli getblockheader {block} false gives this header on a node of your own. Hashing the txid with the \
             siblings, left or right by the bits of the position, gives the Merkle root in it."
        ),
    }
}
