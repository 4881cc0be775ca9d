//! Transactions of ours that were given up, or whose place another one took, and that the network has after all.
//!
//! Nothing is paid twice by them, since they exclude what took their place; but somebody broadcast them, and whoever
//! relied on the other one should know. A spend that was unknown is known once it is an attempt of ours.

use watchtower::alarm::AlarmKind;
use watchtower::store::alarms::{self, NewAlarm};
use watchtower::store::database::Transaction;

use crate::service::ServiceError;
use crate::service::record::Cause;
use crate::session::attempt::AttemptState;
use crate::store::attempts::{self, AttemptRow};

/// Looks at an attempt of ours that the chain or a mempool shows, before it follows.
pub(super) async fn look(
    tx: &mut Transaction,
    row: &AttemptRow,
    kind: &str,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let subject = row.txid.to_string();
    let mut end = async |alarm: AlarmKind, why: &str| {
        let about = (alarm, subject.as_str());
        alarms::end(tx, about, cause.actor, why, cause.at).await
    };
    match kind {
        "spend.seen" | "spend.confirmed" => {
            end(AlarmKind::UnknownSpend, "it is an attempt of this pipeline").await?;
        }
        "spend.dropped" => {
            end(
                AlarmKind::OldVariant,
                "it left the mempool without a confirmation",
            )
            .await?;
        }
        _ => {}
    }
    if !matches!(kind, "spend.seen" | "spend.confirmed") {
        return Ok(());
    }
    let Some(detail) = old(tx, row).await? else {
        return Ok(());
    };
    let alarm = NewAlarm {
        kind: AlarmKind::OldVariant,
        subject: &subject,
        vault: Some(row.vault),
        detail: &detail,
        actor: cause.actor,
        at: cause.at,
    };
    alarms::raise(tx, &alarm).await?;
    Ok(())
}

/// Why an attempt is not the one that is expected now; nothing where it is.
async fn old(tx: &mut Transaction, row: &AttemptRow) -> Result<Option<String>, ServiceError> {
    let txid = row.txid;
    match &row.state {
        AttemptState::Dropped => {
            return Ok(Some(format!(
                "{txid} was dropped, since signers promised never to sign it"
            )));
        }
        AttemptState::Dead { by, .. } => {
            return Ok(Some(format!("{txid} was dead, excluded by {by}")));
        }
        AttemptState::Draft
        | AttemptState::Issued
        | AttemptState::Signed
        | AttemptState::Broadcasting
        | AttemptState::InMempool
        | AttemptState::Confirmed { .. }
        | AttemptState::Settled { .. } => {}
    }
    let others = attempts::of_batch(tx, row.batch).await?;
    let mut newer = others.iter().filter(|other| other.number > row.number);
    let sent = |other: &&AttemptRow| {
        matches!(
            other.state,
            AttemptState::Broadcasting | AttemptState::InMempool
        )
    };
    // One that is on its way already when its replacement is handed over is no news.
    let is_news = !matches!(
        row.state,
        AttemptState::InMempool | AttemptState::Confirmed { .. } | AttemptState::Settled { .. }
    );
    let newest = newer.rfind(sent);
    Ok(newest
        .filter(|_| is_news)
        .map(|newest| format!("{txid} came although {} takes its place", newest.txid)))
}
