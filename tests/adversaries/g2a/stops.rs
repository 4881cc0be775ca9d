//! Stops that are left out, forged, or released by too few; and promises never to sign.

use bitcoin::Txid;
use policies::intent::{StatementNonce, Stop};
use policies::journal::{Entry, Seen, Voided};
use policies::{Approval, KeyId, Statement, UnixTime, VaultId};

use super::super::attempt::{Attempt, build};
use super::super::vault::{Vault, secret};
use super::lists::state;
use super::stage::{Attack, Signer, Stage, attack, pay};
use crate::Failure;

pub(super) const ATTACKS: &[Attack] = &[
    attack("a payment that leaves a stop out", "STOPPED", stop_left_out),
    attack("a stop forged", "APPROVAL_WRONG", stop_forged),
    attack("a release of another stop", "STOPPED", other_release),
    attack("a release that too few signed", "STOPPED", small_release),
    attack("a transaction that was voided", "VOIDED", voided),
];

/// Two of board release stops.
fn with_release(vault: &Vault) -> Result<Vault, Failure> {
    vault.under(|text| format!("{text}\n[stop]\nrelease = {{ group = \"board\", count = 2 }}\n"))
}

const QUORUM: &[&str] = &["dana", "frank"];

fn stop(vault: &Vault, nonce: u8) -> Stop {
    Stop {
        created: vault.now,
        nonce: StatementNonce::from_bytes([nonce; 16]),
        reason: "a laptop was stolen".to_owned(),
    }
}

fn release(vault: &Vault, nonce: u8) -> Statement {
    let stop = Statement::Stop(stop(vault, nonce)).subject();
    Statement::Release { stop }
}

/// A signer that saw a stop.
fn who_stopped(vault: &Vault) -> Result<Signer<'_>, Failure> {
    let by = KeyId::from_bytes([3; 32]);
    let seen = Seen::stop(&stop(vault, 1), by, vault.now);
    Signer::with_entries(vault, "alice", vec![Entry::Seen(seen)])
}

fn payment(vault: &Vault) -> Attempt {
    build(vault, &pay(vault, "w-1", 21, 2_000_000, &[0]))
}

/// A payment that carries the stop, signed by dana for a vault.
fn carrying(vault: &Vault, of: VaultId) -> Attempt {
    let mut attempt = payment(vault);
    let stop = Statement::Stop(stop(vault, 1));
    attempt.manifest.add_approval(Approval::sign(
        &secret("dana"),
        stop.purpose(),
        of,
        stop.subject(),
        UnixTime::ZERO,
    ));
    attempt.manifest.add_statement(stop);
    attempt
}

fn stop_left_out(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_release(stage.vault)?;
    let attempt = payment(&vault);
    stage.refuses(&mut who_stopped(&vault)?, &attempt)?;
    let told = carrying(&vault, vault.policy.vault);
    stage.refuses(&mut Signer::new(&vault, "alice"), &told)?;
    stage.signs(&mut Signer::new(&vault, "alice"), &attempt)?;
    Ok(())
}

fn stop_forged(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_release(stage.vault)?;
    let forged = carrying(&vault, VaultId::from_bytes([7; 32]));
    stage.refuses(&mut Signer::new(&vault, "alice"), &forged)?;
    stage.signs(&mut Signer::new(&vault, "alice"), &payment(&vault))?;
    Ok(())
}

fn other_release(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_release(stage.vault)?;
    let mut other = payment(&vault);
    state(&vault, &mut other, &release(&vault, 2), QUORUM);
    stage.refuses(&mut who_stopped(&vault)?, &other)?;
    let mut own = payment(&vault);
    state(&vault, &mut own, &release(&vault, 1), QUORUM);
    stage.signs(&mut who_stopped(&vault)?, &own)?;
    Ok(())
}

fn small_release(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = with_release(stage.vault)?;
    for by in [&["frank"][..], &["dana", "erin"]] {
        let mut attempt = payment(&vault);
        state(&vault, &mut attempt, &release(&vault, 1), by);
        stage.refuses(&mut who_stopped(&vault)?, &attempt)?;
    }
    let mut attempt = payment(&vault);
    state(&vault, &mut attempt, &release(&vault, 1), QUORUM);
    stage.signs(&mut who_stopped(&vault)?, &attempt)?;
    Ok(())
}

fn voided(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let attempt = payment(vault);
    let promised = |txid: Txid| {
        let at = vault.now;
        let entries = vec![Entry::Voided(Voided { txid, at })];
        Signer::with_entries(vault, "alice", entries)
    };
    stage.refuses(
        &mut promised(attempt.psbt.unsigned_tx.compute_txid())?,
        &attempt,
    )?;
    let another = build(vault, &pay(vault, "w-2", 22, 2_000_000, &[1]));
    stage.signs(
        &mut promised(another.psbt.unsigned_tx.compute_txid())?,
        &attempt,
    )?;
    Ok(())
}
