//! Looks up exactly what a block or a mempool touches.

use std::collections::BTreeSet;

use bitcoin::hashes::Hash as _;
use bitcoin::{OutPoint, Txid};

use crate::store::coins;
use crate::store::database::{DatabaseError, Row, Transaction, Value};
use crate::store::{deposit_rules, scripts};
use crate::tracker::{Needs, OutgoingTerms, TrackedTransaction, View};

/// For the next block: what it names, and what is due to settle at its height.
pub(super) async fn for_block(
    tx: &mut Transaction,
    needs: &Needs,
    height: u32,
) -> Result<View, DatabaseError> {
    let due = tx
        .rows(
            "SELECT txid FROM chain_transaction WHERE settled = 0 AND settle_height <= $1
             UNION SELECT txid FROM coin WHERE settled = 0 AND settle_height <= $1",
            &[height.into()],
        )
        .await?;
    load(tx, needs, txids(&due, "txid")?).await
}

/// For the tip that is taken back: what was confirmed in it.
pub(super) async fn at_height(tx: &mut Transaction, height: u32) -> Result<View, DatabaseError> {
    let lost = tx
        .rows(
            "SELECT txid FROM chain_transaction WHERE block_height = $1",
            &[height.into()],
        )
        .await?;
    load(tx, &Needs::default(), txids(&lost, "txid")?).await
}

/// For a mempool: what the new transactions name, and everything unconfirmed.
pub(super) async fn for_mempool(tx: &mut Transaction, needs: Needs) -> Result<View, DatabaseError> {
    let unconfirmed = tx
        .rows(
            "SELECT txid FROM chain_transaction WHERE placement = 'unconfirmed'",
            &[],
        )
        .await?;
    load(tx, &needs, txids(&unconfirmed, "txid")?).await
}

async fn load(
    tx: &mut Transaction,
    needs: &Needs,
    mut wanted: BTreeSet<Txid>,
) -> Result<View, DatabaseError> {
    let mut view = View::default();
    for script in scripts::watched_among(tx, &needs.scripts).await? {
        view.add_script(script);
    }
    for (vault, rule) in deposit_rules::standing(tx).await? {
        view.set_minimum(vault, rule.minimum);
    }
    wanted.extend(&needs.txids);
    let claimants = claimants(tx, &needs.spent).await?;
    wanted.extend(descendants(tx, claimants.difference(&needs.txids)).await?);
    wanted.extend(claimants);
    let mut with_coins: BTreeSet<Txid> = wanted.clone();
    with_coins.extend(needs.spent.iter().map(|outpoint| outpoint.txid));
    for (txid, tracked) in transactions(tx, &wanted).await? {
        with_coins.extend(
            tracked
                .transaction
                .input
                .iter()
                .map(|input| input.previous_output.txid),
        );
        view.add_transaction(txid, tracked);
    }
    for row in in_list(
        tx,
        "SELECT c.txid, c.vout, c.amount_sat, c.coinbase, c.is_change, c.placement, c.block_height,
             c.block_hash, c.settled, c.spent_by, c.spent_height, c.spent_hash, c.times_confirmed,
             c.times_spent, s.script, s.vault, s.keyset, s.keychain, s.derivation_index,
             s.settle_depth, s.reference, s.history_until, c.below_minimum
         FROM coin c JOIN watched_script s ON s.script = c.script
         WHERE c.txid IN (SELECT unhex(value) FROM json_each($1))",
        "SELECT c.txid, c.vout, c.amount_sat, c.coinbase, c.is_change, c.placement, c.block_height,
             c.block_hash, c.settled, c.spent_by, c.spent_height, c.spent_hash, c.times_confirmed,
             c.times_spent, s.script, s.vault, s.keyset, s.keychain, s.derivation_index,
             s.settle_depth, s.reference, s.history_until, c.below_minimum
         FROM coin c JOIN watched_script s ON s.script = c.script
         WHERE c.txid IN (SELECT decode(value, 'hex') FROM json_array_elements_text($1::json))",
        &with_coins,
    )
    .await?
    {
        let coin = coins::read(&row)?;
        view.add_coin(coin);
    }
    for row in in_list(
        tx,
        "SELECT txid, settle_depth FROM outgoing
         WHERE txid IN (SELECT unhex(value) FROM json_each($1))",
        "SELECT txid, settle_depth FROM outgoing
         WHERE txid IN (SELECT decode(value, 'hex') FROM json_array_elements_text($1::json))",
        &wanted,
    )
    .await?
    {
        let txid = Txid::from_byte_array(row.array("txid")?);
        view.add_outgoing(
            txid,
            OutgoingTerms {
                settle_depth: row.u32("settle_depth")?,
            },
        );
    }
    for row in in_list(
        tx,
        "SELECT txid FROM expected_transaction
         WHERE txid IN (SELECT unhex(value) FROM json_each($1))",
        "SELECT txid FROM expected_transaction
         WHERE txid IN (SELECT decode(value, 'hex') FROM json_array_elements_text($1::json))",
        &wanted,
    )
    .await?
    {
        view.add_expected(Txid::from_byte_array(row.array("txid")?));
    }
    Ok(view)
}

/// The tracked transactions that spend one of these outpoints.
async fn claimants(
    tx: &mut Transaction,
    spent: &BTreeSet<OutPoint>,
) -> Result<BTreeSet<Txid>, DatabaseError> {
    let parents: BTreeSet<Txid> = spent.iter().map(|outpoint| outpoint.txid).collect();
    let rows = in_list(
        tx,
        "SELECT txid, previous_txid, previous_vout FROM chain_input
         WHERE previous_txid IN (SELECT unhex(value) FROM json_each($1))",
        "SELECT txid, previous_txid, previous_vout FROM chain_input
         WHERE previous_txid IN
             (SELECT decode(value, 'hex') FROM json_array_elements_text($1::json))",
        &parents,
    )
    .await?;
    let mut claimants = BTreeSet::new();
    for row in rows {
        let outpoint = OutPoint {
            txid: Txid::from_byte_array(row.array("previous_txid")?),
            vout: row.u32("previous_vout")?,
        };
        if spent.contains(&outpoint) {
            claimants.insert(Txid::from_byte_array(row.array("txid")?));
        }
    }
    Ok(claimants)
}

/// The unconfirmed transactions that spend outputs of these, and so on: what replaces their parent takes them along.
async fn descendants(
    tx: &mut Transaction,
    of: impl IntoIterator<Item = &Txid>,
) -> Result<BTreeSet<Txid>, DatabaseError> {
    let mut open: BTreeSet<Txid> = of.into_iter().copied().collect();
    let mut found = BTreeSet::new();
    while !open.is_empty() {
        let rows = in_list(
            tx,
            "SELECT i.txid FROM chain_input i JOIN chain_transaction t ON t.txid = i.txid
             WHERE t.placement = 'unconfirmed'
                 AND i.previous_txid IN (SELECT unhex(value) FROM json_each($1))",
            "SELECT i.txid FROM chain_input i JOIN chain_transaction t ON t.txid = i.txid
             WHERE t.placement = 'unconfirmed' AND i.previous_txid IN
                 (SELECT decode(value, 'hex') FROM json_array_elements_text($1::json))",
            &open,
        )
        .await?;
        open = txids(&rows, "txid")?.difference(&found).copied().collect();
        found.extend(&open);
    }
    Ok(found)
}

async fn transactions(
    tx: &mut Transaction,
    wanted: &BTreeSet<Txid>,
) -> Result<Vec<(Txid, TrackedTransaction)>, DatabaseError> {
    in_list(
        tx,
        "SELECT txid, raw, placement, block_height, block_hash, settle_depth, settled
         FROM chain_transaction WHERE txid IN (SELECT unhex(value) FROM json_each($1))",
        "SELECT txid, raw, placement, block_height, block_hash, settle_depth, settled
         FROM chain_transaction
         WHERE txid IN (SELECT decode(value, 'hex') FROM json_array_elements_text($1::json))",
        wanted,
    )
    .await?
    .iter()
    .map(|row| {
        let tracked = TrackedTransaction {
            transaction: coins::read_transaction(row, "raw")?,
            placement: coins::read_placement(row)?,
            settle_depth: row.optional_u32("settle_depth")?,
            settled: row.bool("settled")?,
        };
        Ok((Txid::from_byte_array(row.array("txid")?), tracked))
    })
    .collect()
}

/// Runs a query over a list of txids; none for an empty list.
async fn in_list(
    tx: &mut Transaction,
    sqlite: &'static str,
    postgres: &'static str,
    list: &BTreeSet<Txid>,
) -> Result<Vec<Row>, DatabaseError> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let sql = tx.pick(sqlite, postgres);
    tx.rows(
        sql,
        &[Value::bytes_list(
            list.iter().map(|txid| txid.to_byte_array()),
        )],
    )
    .await
}

fn txids(rows: &[Row], column: &'static str) -> Result<BTreeSet<Txid>, DatabaseError> {
    rows.iter()
        .map(|row| row.array(column).map(Txid::from_byte_array))
        .collect()
}
