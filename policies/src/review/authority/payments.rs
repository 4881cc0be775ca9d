//! Payments: each output is what one intent asks for, and goes where intents of its kind may go.

use std::collections::BTreeMap;

use bitcoin::{Address, Amount, Transaction, TxOut};

use super::granting::Grant;
use crate::descriptor::OwnScripts;
use crate::destination::is_payable;
use crate::document::Policy;
use crate::ids::IntentHash;
use crate::intent::{Intent, IntentKind};
use crate::journal::{CreatedRefusal, History};
use crate::planted::{Bug, planted};
use crate::psbt::StrictPsbt;
use crate::review::{Refusal, ReviewedPayment};
use crate::time::UnixTime;

/// An output and the intent that it is for.
#[derive(Debug, Clone)]
pub(super) struct Paid {
    pub(super) output: u32,
    pub(super) txout: TxOut,
    pub(super) intent: Intent,
    pub(super) hash: IntentHash,
}

/// Pairs outputs with intents, one to one.
pub(super) fn read(
    psbt: &StrictPsbt,
    intents: &BTreeMap<IntentHash, Intent>,
    refusals: &mut Vec<Refusal>,
) -> Vec<Paid> {
    let manifest = psbt.manifest();
    let mut paid = Vec::new();
    let mut paid_by: BTreeMap<IntentHash, u32> = BTreeMap::new();
    for (output, hash) in &manifest.payments {
        if let Some(first) = paid_by.insert(*hash, *output)
            && !planted(Bug::IntentTwice)
        {
            refusals.push(Refusal::IntentTwice {
                intent: *hash,
                first,
                second: *output,
            });
        }
        let Some(intent) = intents.get(hash) else {
            if !manifest.intents.contains_key(hash) {
                refusals.push(Refusal::IntentMissing {
                    output: *output,
                    intent: *hash,
                });
            }
            continue;
        };
        let position = usize::try_from(*output).unwrap_or(usize::MAX);
        // An output that does not exist was refused by the structure part.
        if let Some(txout) = psbt.transaction().output.get(position) {
            paid.push(Paid {
                output: *output,
                txout: txout.clone(),
                intent: intent.clone(),
                hash: *hash,
            });
        }
    }
    paid
}

/// Whether an earlier transaction pays all of it: then nothing new is granted. A sweep that pays more than
/// the earlier one would be granted the difference.
pub(super) fn are_paid_by(paid: &[Paid], earlier: &Transaction) -> bool {
    // Two outputs of one transaction are never equal, so that no output serves for two of them.
    !paid.is_empty()
        && paid.iter().all(|payment| match payment.intent.kind {
            IntentKind::Payment | IntentKind::Transfer => earlier.output.contains(&payment.txout),
            IntentKind::Sweep => {
                earlier.output.len() == 1
                    && earlier.output.iter().all(|output| {
                        output.script_pubkey == payment.intent.script_pubkey
                            && sweeps(&payment.intent, output.value)
                            && (payment.txout.value <= output.value || planted(Bug::SweepGrows))
                    })
            }
        })
}

fn sweeps(intent: &Intent, amount: Amount) -> bool {
    (intent.min..=intent.amount).contains(&amount)
}

/// Examines script, amount and destination.
pub(super) fn examine(
    payment: &Paid,
    psbt: &StrictPsbt,
    policy: &Policy,
    history: &History,
    refusals: &mut Vec<Refusal>,
) {
    let Paid {
        output,
        txout,
        intent,
        hash,
    } = payment;
    if txout.script_pubkey != intent.script_pubkey && !planted(Bug::PaymentScript) {
        refusals.push(Refusal::PaymentScript {
            output: *output,
            intent: *hash,
        });
    }
    match intent.kind {
        IntentKind::Payment | IntentKind::Transfer => {
            if txout.value != intent.amount && !planted(Bug::PaymentAmount) {
                refusals.push(Refusal::PaymentAmount {
                    output: *output,
                    intent: *hash,
                    expected: intent.amount,
                    found: txout.value,
                });
            }
        }
        IntentKind::Sweep => {
            if !sweeps(intent, txout.value) && !planted(Bug::SweepAmount) {
                refusals.push(Refusal::SweepAmount {
                    output: *output,
                    intent: *hash,
                    min: intent.min,
                    max: intent.amount,
                    found: txout.value,
                });
            }
            if psbt.transaction().output.len() != 1 {
                refusals.push(Refusal::SweepNotAlone { intent: *hash });
            }
        }
    }
    examine_destination(*hash, intent, policy, psbt, history, refusals);
}

/// Examines when the intent was made and when it ends; what grants nothing new may be past its end.
pub(super) fn examine_fresh(
    payment: &Paid,
    policy: &Policy,
    granted: bool,
    history: &History,
    now: UnixTime,
    refusals: &mut Vec<Refusal>,
) {
    let intent = &payment.intent;
    if now >= intent.expires && !granted && !planted(Bug::IntentExpiry) {
        refusals.push(Refusal::IntentExpired {
            intent: payment.hash,
            expires: intent.expires,
            now,
        });
    }
    examine_created(payment.hash, intent, policy, history, now, refusals);
}

/// Examines that the journal can know of every transaction that was signed for the intent: what was made
/// before its birth may have been signed by the journal before it. This holds for what is replaced, too.
pub(super) fn examine_created(
    hash: IntentHash,
    intent: &Intent,
    policy: &Policy,
    history: &History,
    now: UnixTime,
    refusals: &mut Vec<Refusal>,
) {
    let skew = policy.limits.clock_skew;
    let created: Result<(), CreatedRefusal> =
        history.check_created(intent.created, now, policy.longest_skew.max(skew), skew);
    if let Err(refusal) = created {
        refusals.push(Refusal::IntentCreated {
            intent: hash,
            refusal,
        });
    }
}

/// Examines that only transfers pay the treasury's vaults, and that transfers pay nobody else: a transfer to a
/// stranger would be a payment under the rules for transfers.
fn examine_destination(
    hash: IntentHash,
    intent: &Intent,
    policy: &Policy,
    psbt: &StrictPsbt,
    history: &History,
    refusals: &mut Vec<Refusal>,
) {
    let script = &intent.script_pubkey;
    // Deposits may lie beyond the index bound; where one is spent here, it is known all the same.
    let ours = OwnScripts::new(&policy.descriptor, history.index_bound()).contains(script)
        || (psbt.previous_outputs().iter()).any(|previous| previous.script_pubkey == *script)
        || policy.other_vault_of(script).is_some();
    // What goes to a former keyset's script would come back to people who may have left.
    let former = policy
        .former
        .iter()
        .any(|keyset| OwnScripts::new(&keyset.descriptor, history.index_bound()).contains(script));
    if former && !ours && intent.kind != IntentKind::Transfer && !planted(Bug::FormerOwnScript) {
        refusals.push(Refusal::PaysOwnScript { intent: hash });
    }
    match (ours, intent.kind == IntentKind::Transfer) {
        (true, true) | (false, false) => {}
        (true, false) if planted(Bug::OwnScript) => {}
        (true, false) => refusals.push(Refusal::PaysOwnScript { intent: hash }),
        (false, true) => refusals.push(Refusal::TransferToStranger { intent: hash }),
    }
    if !is_payable(script, policy.network) && !planted(Bug::ScriptKind) {
        refusals.push(Refusal::ScriptKind { intent: hash });
    }
}

/// The payment as people and signers see it.
pub(super) fn reviewed(payment: Paid, grant: Grant, policy: &Policy) -> ReviewedPayment {
    ReviewedPayment {
        output: payment.output,
        amount: payment.txout.value,
        address: Address::from_script(&payment.txout.script_pubkey, policy.network).ok(),
        script_pubkey: payment.txout.script_pubkey,
        intent: payment.intent,
        hash: payment.hash,
        rule: grant.rule,
        approved_by: grant.approved_by,
        page_approved_by: grant.page_approved_by,
        entry: grant.entry,
        window: grant.window,
    }
}
