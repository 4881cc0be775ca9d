//! Open lists: entries that are too new, too few signed, removed, ended, or paid too much at first.

use bitcoin::Amount;
use policies::{Approval, ListAdd, Statement};

use super::super::attempt::{Attempt, Plan, build};
use super::super::vault::{Vault, secret, stranger};
use super::fees::under_rules;
use super::stage::{Attack, DAY, Signer, Stage, attack, pay};
use crate::Failure;

pub(super) const ATTACKS: &[Attack] = &[
    attack("a list's entry before it cooled off", "DENIED", too_new),
    attack(
        "a list's entry that too few signed",
        "DENIED",
        too_few_signed,
    ),
    attack("a list's entry that was removed", "DENIED", removed),
    attack("a list's entry past its end", "DENIED", past_its_end),
    attack(
        "a large first payment to a list's entry",
        "DENIED",
        large_first_payment,
    ),
    attack(
        "a second payment before the first is confirmed",
        "DENIED",
        second_before_confirmed,
    ),
];

/// The destination of the entry.
const TO: u8 = 31;

/// Only an open list is paid: two of board and a day before; first 2,000,000, until one of ops confirms.
fn with_list(vault: &Vault) -> Result<Vault, Failure> {
    under_rules(
        vault,
        "[[lists]]\nname = \"open\"\nopen = { approvals = { group = \"board\", count = 2 }, \
         delay = \"24h\", test_first = { sat = 2000000, group = \"ops\" } }\n\
         [[rules]]\nname = \"open\"\nto = [\"open\"]\namount_max_sat = 50000000\n\
         approvals = { count = 0 }\n",
    )
}

fn added(vault: &Vault) -> ListAdd {
    ListAdd {
        list: "open".to_owned(),
        script_pubkey: stranger(TO),
        label: "Acme Ltd".to_owned(),
        not_before: vault.now.saturating_sub(10 * DAY),
        expires: vault.now.saturating_add(10 * DAY),
    }
}

/// A statement in a file, signed by these persons.
pub(super) fn state(vault: &Vault, attempt: &mut Attempt, statement: &Statement, by: &[&str]) {
    for person in by {
        let approval = Approval::sign(
            &secret(person),
            statement.purpose(),
            vault.policy.vault,
            statement.subject(),
            vault.now.saturating_add(DAY),
        );
        attempt.manifest.add_approval(approval);
    }
    attempt.manifest.add_statement(statement.clone());
}

/// A payment to the entry, whose statement these persons signed.
fn paying(vault: &Vault, id: &str, sat: u64, statement: &Statement, by: &[&str]) -> Attempt {
    let mut plan: Plan = pay(vault, id, TO, sat, &[0]);
    plan.asked[0].approved_by.clear();
    if id != "w-1" {
        plan.coins = vec![1];
    }
    plan.fee = Amount::from_sat(3_000);
    let mut attempt = build(vault, &plan);
    state(vault, &mut attempt, statement, by);
    attempt
}

const QUORUM: &[&str] = &["dana", "frank"];

/// A signer that saw the statement two days ago.
fn who_saw<'v>(vault: &'v Vault, statement: &Statement) -> Result<Signer<'v>, Failure> {
    let before = vault.now.saturating_sub(2 * DAY);
    Signer::having_seen(vault, "alice", &[statement], before)
}

fn too_new(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_list(stage.vault)?;
    let entry = Statement::ListAdd(added(&vault));
    let attempt = paying(&vault, "w-1", 2_000_000, &entry, QUORUM);
    stage.refuses_for(&mut Signer::new(&vault, "alice"), &attempt, "cooling_off")?;
    let yesterday = vault.now.saturating_sub(DAY - 1);
    let mut early = Signer::having_seen(&vault, "alice", &[&entry], yesterday)?;
    stage.refuses_for(&mut early, &attempt, "cooling_off")?;
    stage.signs(&mut who_saw(&vault, &entry)?, &attempt)?;
    Ok(())
}

fn too_few_signed(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_list(stage.vault)?;
    let entry = Statement::ListAdd(added(&vault));
    for by in [&["dana"][..], &["dana", "erin"]] {
        let attempt = paying(&vault, "w-1", 2_000_000, &entry, by);
        stage.refuses_for(&mut who_saw(&vault, &entry)?, &attempt, "entry_quorum")?;
    }
    let attempt = paying(&vault, "w-1", 2_000_000, &entry, QUORUM);
    stage.signs(&mut who_saw(&vault, &entry)?, &attempt)?;
    Ok(())
}

fn removed(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_list(stage.vault)?;
    let entry = Statement::ListAdd(added(&vault));
    let removal = Statement::ListRemove {
        entry: entry.subject(),
    };
    let attempt = paying(&vault, "w-1", 2_000_000, &entry, QUORUM);
    stage.signs(&mut who_saw(&vault, &entry)?, &attempt)?;
    // A journal that once saw the removal remembers it, whether or not the file still has it.
    let before = vault.now.saturating_sub(2 * DAY);
    let mut alice = Signer::having_seen(&vault, "alice", &[&entry, &removal], before)?;
    stage.refuses_for(&mut alice, &attempt, "entry_removed")?;
    let mut told = attempt;
    state(&vault, &mut told, &removal, &["frank"]);
    stage.refuses_for(&mut who_saw(&vault, &entry)?, &told, "entry_removed")
}

fn past_its_end(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_list(stage.vault)?;
    for (end, signed) in [(vault.now, false), (vault.now.saturating_add(1), true)] {
        let mut add = added(&vault);
        add.expires = end;
        let entry = Statement::ListAdd(add);
        let attempt = paying(&vault, "w-1", 2_000_000, &entry, QUORUM);
        let mut alice = who_saw(&vault, &entry)?;
        if signed {
            stage.signs(&mut alice, &attempt)?;
        } else {
            stage.refuses_for(&mut alice, &attempt, "entry_expired")?;
        }
    }
    Ok(())
}

fn large_first_payment(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_list(stage.vault)?;
    let entry = Statement::ListAdd(added(&vault));
    let mut alice = who_saw(&vault, &entry)?;
    let large = paying(&vault, "w-1", 2_000_001, &entry, QUORUM);
    stage.refuses_for(&mut alice, &large, "test_amount")?;
    let mut confirmed = large;
    let confirmation = Statement::ListConfirm {
        entry: entry.subject(),
    };
    state(&vault, &mut confirmed, &confirmation, &["erin"]);
    stage.signs(&mut alice, &confirmed)?;
    Ok(())
}

fn second_before_confirmed(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_list(stage.vault)?;
    let entry = Statement::ListAdd(added(&vault));
    let mut alice = who_saw(&vault, &entry)?;
    let first = paying(&vault, "w-1", 2_000_000, &entry, QUORUM);
    stage.signs(&mut alice, &first)?;
    let mut second = paying(&vault, "w-2", 1_500_000, &entry, QUORUM);
    stage.refuses_for(&mut alice, &second, "awaiting_confirmation")?;
    let confirmation = Statement::ListConfirm {
        entry: entry.subject(),
    };
    state(&vault, &mut second, &confirmation, &["dana"]);
    stage.signs(&mut alice, &second)?;
    Ok(())
}
