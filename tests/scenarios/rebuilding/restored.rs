//! A coordinator that got an old backup back, and learns what it forgot from journals.

use harness::{Engine, Outcome, Purse, ScriptKind, Treasury, items};
use serde_json::json;

use super::{
    AMOUNT, attempts, deposit_at_once, export_all, keep, payments, replace, sign_by_two, states,
};

/// 1. A database is backed up. After that one withdrawal is requested, signed and settled, and one that the
///    backup knows is signed by alice.
/// 2. The backup is put back: the coordinator has forgotten both attempts, and one withdrawal.
/// 3. The journals of alice and bob are imported. It learns both attempts; what settled is settled.
/// 4. What alice had signed is paid by an attempt that she signs, so that it excludes the forgotten one; each
///    payee was paid once. An export older than what a receipt showed is refused.
/// 5. A database rebuilt from journals and requests has the same withdrawals and attempts.
fn a_restored_backup_learns_from_journals(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, engine)?;
    deposit_at_once(&treasury, 3)?;
    let early = treasury.withdraw("w-early", &Purse::stranger(1), AMOUNT)?;
    treasury.coordinator.stop()?;
    let backup = treasury.store.back_up()?;
    treasury.coordinator.resume()?;
    let begun = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, begun)?;
    let old = tempfile::tempdir()?;
    let stale = Treasury::export_journal(&treasury.people.alice, old.path())?;
    let late = treasury.withdraw("w-late", &Purse::stranger(2), AMOUNT)?;
    let paid = treasury.batch()?;
    sign_by_two(&treasury, paid)?;
    treasury.settle(paid, &["w-late"])?;

    treasury.coordinator.stop()?;
    treasury.store.restore(&backup)?;
    treasury.serve_again()?;
    assert_eq!(treasury.withdrawal_state("w-early")?, "approved");
    let papers = tempfile::tempdir()?;
    let mut learnt = Vec::new();
    for signer in [&treasury.people.alice, &treasury.people.bob] {
        let journal = Treasury::export_journal(signer, papers.path())?;
        let body = json!({ "journal": String::from_utf8(journal)? });
        let path = treasury.path("/journals/imports");
        let told = treasury.operator().post(&path, &body)?.done()?;
        for txid in items(&told["learnt"])? {
            learnt.push(txid.as_str().unwrap_or_default().to_owned());
        }
        let again = treasury.operator().post(&path, &body)?.done()?;
        assert_eq!(items(&again["learnt"])?.len(), 0, "{again}");
    }
    learnt.sort();
    let mut expected = vec![begun.to_string(), paid.to_string()];
    expected.sort();
    assert_eq!(learnt, expected);
    treasury.withdrawal_becomes("w-late", "settled")?;
    treasury.withdrawal_becomes("w-early", "signing")?;
    treasury.reconcile()?;

    let anew = replace(&treasury, begun, "w-early", "9")?;
    sign_by_two(&treasury, anew)?;
    treasury.settle(anew, &["w-early"])?;
    treasury.attempt_becomes(begun, "dead")?;
    for stranger in 1..=2 {
        assert_eq!(payments(&treasury, &Purse::stranger(stranger))?, 1);
    }
    let body = json!({ "journal": String::from_utf8(stale)? });
    treasury
        .operator()
        .post(&treasury.path("/journals/imports"), &body)?
        .refused(409, "journal_export_old")?;
    treasury.reconcile()?;
    treasury.must_be_well()?;

    let (states_before, attempts_before) = (states(&treasury)?, attempts(&treasury)?);
    let papers = tempfile::tempdir()?;
    export_all(&treasury, &papers)?;
    for (name, intent) in [("early.json", early), ("late.json", late)] {
        keep(&papers, name, &treasury.signed_bytes(&intent.encode()))?;
    }
    treasury.lose_database()?;
    treasury.rebuild(papers.path(), &[])?.done()?;
    treasury.serve_again()?;
    assert_eq!(states(&treasury)?, states_before);
    let txids = |all: Vec<(String, bool)>| all.into_iter().map(|one| one.0).collect::<Vec<_>>();
    assert_eq!(txids(attempts(&treasury)?), txids(attempts_before));
    treasury.reconcile()?;
    treasury.must_be_well()
}

#[test]
fn a_restored_backup_learns_what_it_forgot_from_journals_on_sqlite() -> Outcome {
    a_restored_backup_learns_from_journals(Engine::Sqlite)
}

#[test]
fn a_restored_backup_learns_what_it_forgot_from_journals_on_postgres() -> Outcome {
    a_restored_backup_learns_from_journals(Engine::Postgres)
}
