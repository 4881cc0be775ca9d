//! What vaults say of deposits: written by coordinators, followed by the tracker.

use std::collections::BTreeMap;

use bitcoin::Script;
use policies::VaultId;

use super::database::{DatabaseError, Row, Transaction, Value};
use super::said::Said;
use crate::tracker::DepositRule;

/// What a vault says of deposits, and who said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepositRuleRow {
    /// The vault.
    pub vault: VaultId,
    /// What it says.
    pub rule: DepositRule,
    /// Who said so, and when.
    pub said: Said,
}

/// Sets what a vault says, in place of what it said before.
///
/// # Errors
///
/// On a failed statement.
pub async fn set(tx: &mut Transaction, row: &DepositRuleRow) -> Result<(), DatabaseError> {
    let [set_at, set_by] = row.said.values()?;
    tx.execute_one(
        "INSERT INTO deposit_rule (vault, minimum_sat, flood, freeze_reuse, standing, set_at, set_by)
         VALUES ($1, $2, $3, $4, 1, $5, $6)
         ON CONFLICT (vault) DO UPDATE SET minimum_sat = excluded.minimum_sat, flood = excluded.flood,
             freeze_reuse = excluded.freeze_reuse, standing = 1, set_at = excluded.set_at,
             set_by = excluded.set_by",
        &[
            row.vault.to_bytes().into(),
            Value::from_u64(row.rule.minimum.to_sat())?,
            row.rule.flood.into(),
            row.rule.freeze_reuse.into(),
            set_at,
            set_by,
        ],
    )
    .await
}

/// Takes away what a vault says; says whether it said anything.
///
/// # Errors
///
/// On a failed statement.
pub async fn clear(tx: &mut Transaction, vault: VaultId) -> Result<bool, DatabaseError> {
    let gone = tx
        .execute(
            "UPDATE deposit_rule SET standing = 0 WHERE vault = $1 AND standing = 1",
            &[vault.to_bytes().into()],
        )
        .await?;
    Ok(gone > 0)
}

/// What a vault says, if it says anything.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn lookup(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Option<DepositRuleRow>, DatabaseError> {
    tx.optional_row(
        "SELECT vault, minimum_sat, flood, freeze_reuse, set_at, set_by
         FROM deposit_rule WHERE vault = $1 AND standing = 1",
        &[vault.to_bytes().into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// What all vaults say, as far as they say anything.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn standing(
    tx: &mut Transaction,
) -> Result<BTreeMap<VaultId, DepositRule>, DatabaseError> {
    tx.rows(
        "SELECT vault, minimum_sat, flood, freeze_reuse, set_at, set_by
         FROM deposit_rule WHERE standing = 1 ORDER BY vault",
        &[],
    )
    .await?
    .iter()
    .map(|row| read(row).map(|row| (row.vault, row.rule)))
    .collect()
}

/// The height of the first block that spent from a script, if one did.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub(crate) async fn first_spent(
    tx: &mut Transaction,
    script: &Script,
) -> Result<Option<u32>, DatabaseError> {
    tx.one_row(
        "SELECT MIN(spent_height) AS height FROM coin WHERE script = $1",
        &[script.as_bytes().into()],
    )
    .await?
    .optional_u32("height")
}

fn read(row: &Row) -> Result<DepositRuleRow, DatabaseError> {
    Ok(DepositRuleRow {
        vault: VaultId::from_bytes(row.array("vault")?),
        rule: DepositRule {
            minimum: row.amount("minimum_sat")?,
            flood: row.u32("flood")?,
            freeze_reuse: row.bool("freeze_reuse")?,
        },
        said: Said::read(row)?,
    })
}
