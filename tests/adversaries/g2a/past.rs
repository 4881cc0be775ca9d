//! The past: what was signed before, by whom, from which coins, and what a journal still knows of it.

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash as _;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness};
use policies::Keychain;

use super::super::attempt::{Attempt, Plan, build};
use super::super::vault::{Coin, Vault};
use super::stage::{Attack, DAY, Signer, Stage, attack, later, pay};
use crate::Failure;

pub(super) const ATTACKS: &[Attack] = &[
    attack(
        "the same withdrawal at a journal that was lost",
        "INTENT_BEFORE_BIRTH",
        born_again,
    ),
    attack(
        "the replacement of a withdrawal at a journal that was lost",
        "INTENT_BEFORE_BIRTH",
        replaced_after_rebirth,
    ),
    attack(
        "a journal rolled back behind its receipt",
        "JOURNAL_ROLLED_BACK",
        rolled_back,
    ),
    attack("a clock set back", "INTENT_EXPIRED", clock_set_back),
    attack(
        "equal withdrawals shared among the signers",
        "NOT_EXCLUSIVE",
        shared_among_signers,
    ),
    attack(
        "two coinbases as one coin spent twice",
        "NOT_EXCLUSIVE",
        coinbases_as_rivals,
    ),
    attack(
        "one ancestor as two that exclude each other",
        "NOT_EXCLUSIVE",
        one_ancestor,
    ),
    attack(
        "a stranger's transaction as an ancestor",
        "ANCESTOR_UNRELATED",
        unrelated_ancestor,
    ),
    attack(
        "a change index one beyond reach",
        "CHANGE_INDEX_TOO_FAR",
        change_one_beyond,
    ),
    attack(
        "a change index that creeps upwards",
        "CHANGE_INDEX_TOO_FAR",
        change_creeping,
    ),
];

fn born_again(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let mut alice = Signer::new(vault, "alice");
    let first = build(vault, &pay(vault, "w-1", 21, 20_000_000, &[0]));
    stage.signs(&mut alice, &first)?;
    // The disk is lost; the journal that follows knows nothing, so it takes only what is asked from now on.
    let mut alice = Signer::born(vault, "alice", vault.now);
    let again = build(vault, &pay(vault, "w-1", 21, 20_000_000, &[1]));
    stage.refuses(&mut alice, &again)?;
    alice.now = vault.now.saturating_add(4_000);
    let fresh = later(pay(vault, "w-2", 22, 20_000_000, &[1]), 3_000);
    stage.signs(&mut alice, &build(vault, &fresh))?;
    Ok(())
}

/// What pays one withdrawal in the place of another one, from other coins.
fn replacing(vault: &Vault, first: Plan, coin: usize) -> Attempt {
    let mut plan = pay(vault, "w-1b", 22, 20_000_000, &[coin]);
    plan.asked[0].intent.replaces = Some(first.asked[0].intent.id.clone());
    plan.carried = first.asked;
    build(vault, &later(plan, 3_000))
}

fn replaced_after_rebirth(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let old = pay(vault, "w-1", 21, 20_000_000, &[0]);
    stage.signs(&mut Signer::new(vault, "alice"), &build(vault, &old))?;
    // The new intent is younger than the new journal; what it replaces, and was signed, is not.
    let mut alice = Signer::born(vault, "alice", vault.now);
    alice.now = vault.now.saturating_add(4_000);
    stage.refuses(&mut alice, &replacing(vault, old, 1))?;
    let young = later(pay(vault, "w-1", 21, 20_000_000, &[0]), 3_000);
    stage.signs(&mut alice, &replacing(vault, young, 1))?;
    Ok(())
}

fn rolled_back(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let mut alice = Signer::new(vault, "alice");
    let first = build(vault, &pay(vault, "w-1", 21, 20_000_000, &[0]));
    let receipt = stage.signs(&mut alice, &first)?.receipt;
    let mut next = build(vault, &pay(vault, "w-2", 22, 20_000_000, &[1]));
    next.manifest.receipts.insert(receipt.body.journal, receipt);
    // The machine is set back to before the first one; the receipt knows more than its journal.
    stage.refuses(&mut Signer::new(vault, "alice"), &next)?;
    stage.signs(&mut alice, &next)?;
    Ok(())
}

fn clock_set_back(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let mut alice = Signer::new(vault, "alice");
    alice.now = vault.now.saturating_add(3 * DAY);
    let first = later(pay(vault, "w-1", 21, 20_000_000, &[0]), 3 * DAY);
    stage.signs(&mut alice, &build(vault, &first))?;
    alice.now = vault.now;
    let expired = build(vault, &pay(vault, "w-2", 22, 4_000_000, &[1]));
    stage.refuses(&mut alice, &expired)
}

fn shared_among_signers(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let one = build(vault, &pay(vault, "w-1", 21, 20_000_000, &[0]));
    let equal = build(vault, &pay(vault, "w-2", 21, 20_000_000, &[1]));
    let (mut alice, mut bob) = (Signer::new(vault, "alice"), Signer::new(vault, "bob"));
    stage.signs(&mut alice, &one)?;
    stage.signs(&mut bob, &equal)?;
    // Whoever brings one of the two to a quorum has signed both: they are of one line.
    stage.refuses(&mut alice, &equal)?;
    stage.refuses(&mut bob, &one)?;
    let rival = build(vault, &pay(vault, "w-2", 21, 20_000_000, &[0, 1]));
    stage.signs(&mut alice, &rival)?;
    Ok(())
}

/// The vault with two more coins, each made by a transaction that spends the outpoint given.
pub(super) fn with_coins_from(vault: &Vault, spent: [OutPoint; 2]) -> Vault {
    let mut vault = vault.clone();
    for (index, previous_output) in (100..).zip(spent) {
        let (script_pubkey, spend) = vault.own(Keychain::External, index);
        let output = TxOut {
            value: Amount::ONE_BTC,
            script_pubkey,
        };
        let funding = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output,
                script_sig: ScriptBuf::from(index.to_le_bytes().to_vec()),
                sequence: Sequence::MAX,
                witness: Witness::new(),
            }],
            output: vec![output.clone()],
        };
        vault.coins.push(Coin {
            keychain: Keychain::External,
            index,
            outpoint: OutPoint::new(funding.compute_txid(), 0),
            output,
            spend,
            funding,
        });
    }
    vault
}

/// Carries the transactions that made the plan's coins.
pub(super) fn with_fundings(vault: &Vault, plan: &Plan) -> Attempt {
    let mut attempt = build(vault, plan);
    for place in &plan.coins {
        let mut funding = vault.coins[*place].funding.clone();
        for txin in &mut funding.input {
            txin.witness = Witness::new();
        }
        let txid = funding.compute_txid();
        attempt.manifest.ancestors.insert(txid, funding);
    }
    attempt
}

fn coinbases_as_rivals(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let coins = stage.vault.coins.len();
    let pay_from = |vault: &Vault, more: usize| {
        with_fundings(vault, &pay(vault, "w-1", 21, 20_000_000, &[coins + more]))
    };
    // Two deposits that spend one outpoint: only one of them can ever be there.
    let contested = OutPoint::new(Txid::from_byte_array([5; 32]), 1);
    let rivals = with_coins_from(stage.vault, [contested; 2]);
    let mut alice = Signer::new(&rivals, "alice");
    stage.signs(&mut alice, &pay_from(&rivals, 0))?;
    stage.signs(&mut alice, &pay_from(&rivals, 1))?;
    // Two coinbases spend nobody's coin, and both can be there.
    let coinbases = with_coins_from(stage.vault, [OutPoint::null(); 2]);
    let mut alice = Signer::new(&coinbases, "alice");
    stage.signs(&mut alice, &pay_from(&coinbases, 0))?;
    stage.refuses(&mut alice, &pay_from(&coinbases, 1))
}

fn one_ancestor(stage: &mut Stage<'_>) -> Result<(), Failure> {
    // The first four coins are of one transaction.
    let vault = stage.vault;
    let mut alice = Signer::new(vault, "alice");
    let first = with_fundings(vault, &pay(vault, "w-1", 21, 20_000_000, &[0]));
    stage.signs(&mut alice, &first)?;
    let beside = with_fundings(vault, &pay(vault, "w-1", 21, 20_000_000, &[1]));
    stage.refuses(&mut alice, &beside)
}

fn unrelated_ancestor(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let mut alice = Signer::new(vault, "alice");
    let first = build(vault, &pay(vault, "w-1", 21, 20_000_000, &[0]));
    stage.signs(&mut alice, &first)?;
    // It spends the first one's coin, and nothing of it is spent here.
    let mut beside = build(vault, &pay(vault, "w-1", 21, 20_000_000, &[1]));
    let mut stranger = first.psbt.unsigned_tx.clone();
    stranger.output.truncate(1);
    let txid = stranger.compute_txid();
    beside.manifest.ancestors.insert(txid, stranger);
    stage.refuses(&mut alice, &beside)
}

fn changing(vault: &Vault, id: &str, coin: usize, index: u32) -> Attempt {
    let to = id.as_bytes().last().copied().unwrap_or_default();
    let mut plan = pay(vault, id, to, 20_000_000, &[coin]);
    plan.change = index;
    build(vault, &plan)
}

fn change_one_beyond(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    stage.refuses(
        &mut Signer::new(vault, "alice"),
        &changing(vault, "w-1", 0, 1_001),
    )?;
    stage.signs(
        &mut Signer::new(vault, "alice"),
        &changing(vault, "w-1", 0, 1_000),
    )?;
    Ok(())
}

fn change_creeping(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let mut alice = Signer::new(vault, "alice");
    stage.signs(&mut alice, &changing(vault, "w-1", 0, 700))?;
    stage.refuses(&mut alice, &changing(vault, "w-2", 1, 1_701))?;
    stage.signs(&mut alice, &changing(vault, "w-2", 1, 1_700))?;
    // What was refused moved nothing.
    stage.refuses(&mut alice, &changing(vault, "w-3", 2, 2_701))
}
