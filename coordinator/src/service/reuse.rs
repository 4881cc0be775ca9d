//! Coins that pay a script which should be paid no more: each is called so, and frozen where the vault says so.
//!
//! Invariant: what a person said of the coin stays, also what was taken away again. The deposit's own event and the
//! vault's alarm tell of it; nothing more is told for each coin, of which there may be thousands.

use bitcoin::OutPoint;
use policies::{UnixTime, VaultId};
use serde_json::Value;
use watchtower::store::database::Transaction;
use watchtower::store::deposit_rules;
use watchtower::store::events::Event;
use watchtower::store::said::Said;
use watchtower::tracker::Reuse;

use super::{ServiceError, lock_vault};
use crate::store::coin_marks::{self, CoinMark, CoinMarkRow};

/// Who is named in marks.
const ACTOR: &str = "coordinator";

/// Marks the coin of an event that says so.
///
/// # Errors
/// On a database failure.
pub(crate) async fn mark(
    tx: &mut Transaction,
    vault: VaultId,
    event: &Event,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let Some((coin, reuse)) = read(event) else {
        return Ok(());
    };
    lock_vault(tx, vault).await?;
    let rule = deposit_rules::lookup(tx, vault).await?;
    let freeze = rule.is_some_and(|row| row.rule.freeze_reuse);
    for (mark, is_wanted) in [(CoinMark::Label, true), (CoinMark::Frozen, freeze)] {
        if is_wanted && !coin_marks::ever_bore(tx, vault, coin, mark).await? {
            let row = CoinMarkRow {
                coin,
                mark,
                text: reuse.says().to_owned(),
                said: Said::by(ACTOR, now),
            };
            coin_marks::set(tx, vault, &row).await?;
        }
    }
    Ok(())
}

/// The coin that a deposit's event is about, and why it should not have gone where it went.
fn read(event: &Event) -> Option<(OutPoint, Reuse)> {
    if event.object_kind != "deposit" {
        return None;
    }
    let code = event.body.get("reused").and_then(Value::as_str)?;
    Some((event.object_id.parse().ok()?, Reuse::from_code(code)?))
}
