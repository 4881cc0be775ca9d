//! Money that leaves without being paid to anyone, or in more pieces than anyone looks at.

use bitcoin::psbt::Output;
use bitcoin::{Amount, Sequence};
use policies::hash::{Purpose, transaction_subject};
use policies::psbt::AttemptPurpose;
use policies::{Approval, IntentKind, Subject};

use super::super::attempt::{Attempt, Plan, build, build_own, build_sweep};
use super::super::vault::{CHANGE, OLDER, Vault, secret, stranger};
use super::stage::{Attack, DAY, Signer, Stage, attack, later, pay};
use crate::Failure;

pub(super) const ATTACKS: &[Attack] = &[
    attack(
        "fees burned by many spends to ourselves",
        "SELF_SPEND_BUDGET",
        many_self_spends,
    ),
    attack(
        "fees burned by large spends to ourselves",
        "SELF_SPEND_BUDGET",
        large_self_spends,
    ),
    attack(
        "maintenance approved by nobody entitled",
        "SELF_SPEND_BUDGET",
        maintenance_by_others,
    ),
    attack("fees burned by many payments", "FEE_BUDGET", many_payments),
    attack(
        "fees burned by a chain of replacements",
        "FEE_BUDGET",
        chain_of_replacements,
    ),
    attack(
        "fees shown too low at first",
        "FEE_BUDGET",
        fee_shown_too_low,
    ),
    attack("a window filled twice", "DENIED", window_filled_twice),
    attack(
        "a window passed by one transaction",
        "DENIED",
        window_passed_within,
    ),
    attack(
        "a sweep that leaves almost all to the miners",
        "FEE_ABOVE_CAP",
        sweep_for_the_miners,
    ),
    attack("a sweep below its least", "SWEEP_AMOUNT", sweep_below),
    attack(
        "a sweep that nobody approved",
        "DENIED",
        sweep_approved_by_nobody,
    ),
    attack(
        "a recovery path under an ordinary payment",
        "SEQUENCE",
        recovery_path_in_a_payment,
    ),
    attack(
        "a recovery before its time",
        "RECOVERY_SEQUENCE",
        recovery_before_its_time,
    ),
    attack(
        "a recovery that pays elsewhere",
        "RECOVERY_DESTINATION",
        recovery_elsewhere,
    ),
];

/// 60,000 sat of fees a day; three spends to ourselves for 20,000 of them, more if one of ops says so.
fn with_budgets(vault: &Vault) -> Result<Vault, Failure> {
    vault.under(|text| {
        text.replace(
            "confirmations = ",
            "fee_budget = { sat = 60000, window = \"24h\" }\n\
             self_spend_budget = { sat = 20000, count = 3, window = \"24h\" }\nconfirmations = ",
        )
        .replacen(
            "[[lists]]",
            "[maintenance]\napprovals = { group = \"ops\", count = 1 }\n[[lists]]",
            1,
        )
    })
}

fn own(vault: &Vault, coin: usize, fee: u64) -> Attempt {
    build_own(vault, &[coin], CHANGE, Amount::from_sat(fee))
}

fn maintain(vault: &Vault, attempt: &mut Attempt, by: &str) {
    let txid = attempt.psbt.unsigned_tx.compute_txid();
    let subject = Subject::from_bytes(transaction_subject(txid));
    let expires = vault.now.saturating_add(DAY);
    let approval = Approval::sign(
        &secret(by),
        Purpose::Maintain,
        vault.policy.vault,
        subject,
        expires,
    );
    attempt.manifest.add_approval(approval);
}

fn many_self_spends(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_budgets(stage.vault)?;
    let mut alice = Signer::new(&vault, "alice");
    for coin in 0..3 {
        stage.signs(&mut alice, &own(&vault, coin, 1_000))?;
    }
    stage.refuses(&mut alice, &own(&vault, 3, 1_000))?;
    alice.now = vault.now.saturating_add(DAY);
    stage.signs(&mut alice, &own(&vault, 3, 1_000))?;
    Ok(())
}

fn large_self_spends(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_budgets(stage.vault)?;
    let mut alice = Signer::new(&vault, "alice");
    stage.signs(&mut alice, &own(&vault, 0, 15_000))?;
    stage.refuses(&mut alice, &own(&vault, 1, 5_001))?;
    stage.signs(&mut alice, &own(&vault, 1, 5_000))?;
    Ok(())
}

fn maintenance_by_others(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_budgets(stage.vault)?;
    let mut alice = Signer::new(&vault, "alice");
    let mut attempt = own(&vault, 0, 20_001);
    maintain(&vault, &mut attempt, "frank");
    stage.refuses(&mut alice, &attempt)?;
    maintain(&vault, &mut attempt, "erin");
    stage.signs(&mut alice, &attempt)?;
    Ok(())
}

fn dear(vault: &Vault, id: &str, coins: &[usize]) -> Attempt {
    let to = id.as_bytes().last().copied().unwrap_or_default();
    let mut plan = pay(vault, id, to, 20_000_000, coins);
    plan.fee = Amount::from_sat(25_000);
    build(vault, &plan)
}

fn many_payments(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_budgets(stage.vault)?;
    let mut alice = Signer::new(&vault, "alice");
    stage.signs(&mut alice, &dear(&vault, "w-1", &[0]))?;
    stage.signs(&mut alice, &dear(&vault, "w-2", &[1]))?;
    stage.refuses(&mut alice, &dear(&vault, "w-3", &[2]))?;
    // In the place of another one it costs nothing more.
    stage.signs(&mut alice, &dear(&vault, "w-3", &[1]))?;
    Ok(())
}

/// Amounts of taproot coins are claimed: a signature over a false one is worth nothing, and the true one
/// asked for afterwards counts in full. Segwit version 0 carries the proof, so that nothing is claimed.
fn fee_shown_too_low(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_budgets(stage.vault)?;
    let mut alice = Signer::new(&vault, "alice");
    for (id, coin) in [("w-1", 0), ("w-2", 1)] {
        let truly = dear(&vault, id, &[coin]);
        if vault.kind.is_tr() {
            let mut low = truly.clone();
            if let Some(claimed) = low.psbt.inputs[0].witness_utxo.as_mut() {
                claimed.value -= Amount::from_sat(20_000);
            }
            stage.signs_worthless(&mut alice, &low)?;
        }
        stage.signs(&mut alice, &truly)?;
    }
    stage.refuses(&mut alice, &dear(&vault, "w-3", &[2]))
}

fn chain_of_replacements(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_budgets(stage.vault)?;
    let mut alice = Signer::new(&vault, "alice");
    // Each shares a coin with the one before, so that every other one can be mined.
    stage.signs(&mut alice, &dear(&vault, "w-1", &[0, 1]))?;
    stage.signs(&mut alice, &dear(&vault, "w-2", &[1, 2]))?;
    stage.signs(&mut alice, &dear(&vault, "w-3", &[2, 3]))?;
    stage.signs(&mut alice, &dear(&vault, "w-4", &[3, 4]))?;
    stage.refuses(&mut alice, &dear(&vault, "w-5", &[4, 5]))?;
    // One that three others replace, each in a part of it: all three can be mined.
    let mut alice = Signer::new(&vault, "alice");
    stage.signs(&mut alice, &dear(&vault, "w-1", &[0, 1, 2]))?;
    stage.signs(&mut alice, &dear(&vault, "w-2", &[0]))?;
    stage.signs(&mut alice, &dear(&vault, "w-3", &[1]))?;
    stage.refuses(&mut alice, &dear(&vault, "w-4", &[2]))
}

/// Payments of 5,000,000 are automatic, 8,000,000 a day.
fn with_window(vault: &Vault) -> Result<Vault, Failure> {
    under_rules(
        vault,
        "[[rules]]\nname = \"small\"\namount_max_sat = 5000000\n\
         window = { sat = 8000000, per = \"24h\" }\napprovals = { count = 0 }\n",
    )
}

/// The vault with these rules and no lists.
pub(super) fn under_rules(vault: &Vault, rules: &str) -> Result<Vault, Failure> {
    vault.under(|text| {
        let head = text.split("[[lists]]").next().unwrap_or_default();
        format!("{head}{rules}")
    })
}

fn window_filled_twice(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_window(stage.vault)?;
    let mut alice = Signer::new(&vault, "alice");
    stage.signs(
        &mut alice,
        &build(&vault, &pay(&vault, "w-1", 21, 5_000_000, &[0])),
    )?;
    let second = pay(&vault, "w-2", 22, 3_000_001, &[1]);
    stage.refuses_for(&mut alice, &build(&vault, &second), "window")?;
    alice.now = vault.now.saturating_add(DAY);
    let tomorrow = later(pay(&vault, "w-3", 22, 3_000_001, &[1]), DAY);
    stage.signs(&mut alice, &build(&vault, &tomorrow))?;
    Ok(())
}

fn window_passed_within(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_window(stage.vault)?;
    let both = |second: u64| -> Plan {
        let mut plan = pay(&vault, "w-1", 21, 5_000_000, &[0]);
        let more = pay(&vault, "w-2", 22, second, &[0]);
        plan.asked.extend(more.asked);
        plan
    };
    stage.refuses_for(
        &mut Signer::new(&vault, "alice"),
        &build(&vault, &both(3_000_001)),
        "window",
    )?;
    stage.signs(
        &mut Signer::new(&vault, "alice"),
        &build(&vault, &both(3_000_000)),
    )?;
    Ok(())
}

/// A sweep of one coin for at least so much.
fn sweep(vault: &Vault, min: u64, fee: u64) -> Attempt {
    let mut plan = pay(vault, "w-1", 21, 100_000_000, &[0]);
    plan.asked[0].intent.kind = IntentKind::Sweep;
    plan.asked[0].intent.min = Amount::from_sat(min);
    plan.fee = Amount::from_sat(fee);
    build_sweep(vault, &plan)
}

fn sweep_for_the_miners(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let mut alice = Signer::new(vault, "alice");
    stage.refuses(&mut alice, &sweep(vault, 1, 99_999_999))?;
    stage.refuses(&mut alice, &sweep(vault, 1, 500_001))?;
    stage.signs(&mut alice, &sweep(vault, 1, 10_000))?;
    Ok(())
}

fn sweep_below(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let mut alice = Signer::new(vault, "alice");
    stage.refuses(&mut alice, &sweep(vault, 99_990_001, 10_000))?;
    stage.signs(&mut alice, &sweep(vault, 99_990_000, 10_000))?;
    Ok(())
}

fn sweep_approved_by_nobody(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = under_rules(
        stage.vault,
        "[[rules]]\nname = \"all\"\namount_max_sat = 100000000\napprovals = { count = 0 }\n",
    )?;
    let mut alice = Signer::new(&vault, "alice");
    stage.refuses_for(
        &mut alice,
        &sweep(&vault, 99_990_000, 10_000),
        "never_automatic",
    )?;
    stage.signs(
        &mut alice,
        &build(&vault, &pay(&vault, "w-1", 21, 90_000_000, &[0])),
    )?;
    Ok(())
}

fn recovery_path_in_a_payment(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let mut attempt = build(vault, &pay(vault, "w-1", 21, 20_000_000, &[0]));
    stage.signs(&mut Signer::new(vault, "alice"), &attempt)?;
    for txin in &mut attempt.psbt.unsigned_tx.input {
        txin.sequence = Sequence::from_height(OLDER);
    }
    stage.refuses(&mut Signer::new(vault, "alice"), &attempt)?;
    stage.refuses(&mut Signer::new(vault, "trustee"), &attempt)
}

fn recovery(vault: &Vault, older: u16) -> Attempt {
    let mut attempt = own(vault, 0, 1_000);
    attempt.manifest.purpose = AttemptPurpose::Recover;
    for txin in &mut attempt.psbt.unsigned_tx.input {
        txin.sequence = Sequence::from_height(older);
    }
    attempt
}

fn recovery_before_its_time(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let mut trustee = Signer::new(vault, "trustee");
    stage.refuses(&mut trustee, &recovery(vault, OLDER - 1))?;
    stage.refuses(&mut trustee, &recovery(vault, 0))?;
    stage.signs(&mut trustee, &recovery(vault, OLDER))?;
    Ok(())
}

fn recovery_elsewhere(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let mut trustee = Signer::new(vault, "trustee");
    let mut attempt = recovery(vault, OLDER);
    attempt.psbt.unsigned_tx.output[0].script_pubkey = stranger(66);
    attempt.psbt.outputs[0] = Output::default();
    attempt.manifest.changes.clear();
    stage.refuses(&mut trustee, &attempt)?;
    stage.signs(&mut trustee, &recovery(vault, OLDER))?;
    Ok(())
}
