//! What operators said of the vaults' fees.

use bitcoin::FeeRate;
use policies::VaultId;
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};
use watchtower::store::said::Said;

use crate::fees::FeePolicy;

/// A vault's fee policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeePolicyRow {
    /// The vault.
    pub vault: VaultId,
    /// What was said.
    pub policy: FeePolicy,
    /// Who said so, and when.
    pub said: Said,
}

/// Sets a vault's fee policy in place of the one before.
///
/// # Errors
/// On a failed statement.
pub async fn set(tx: &mut Transaction, row: &FeePolicyRow) -> Result<(), DatabaseError> {
    let policy = &row.policy;
    let rungs: Vec<String> = (policy.rungs.iter())
        .map(|rung| rung.to_sat_per_kwu().to_string())
        .collect();
    let below = match policy.consolidate_below {
        Some(below) => Value::from_u64(below.to_sat_per_kwu())?,
        None => Value::Null,
    };
    let [set_at, set_by] = row.said.values()?;
    tx.execute_one(
        "INSERT INTO vault_fee_policy (vault, target_blocks, deadline_blocks, budget, bump, cpfp,
             consolidate_below_sat_kwu, rungs, standing, set_at, set_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10)
         ON CONFLICT (vault) DO UPDATE SET target_blocks = excluded.target_blocks,
             deadline_blocks = excluded.deadline_blocks, budget = excluded.budget, bump = excluded.bump,
             cpfp = excluded.cpfp, consolidate_below_sat_kwu = excluded.consolidate_below_sat_kwu,
             rungs = excluded.rungs, standing = 1, set_at = excluded.set_at, set_by = excluded.set_by",
        &[
            row.vault.to_bytes().into(),
            policy.target.into(),
            policy.deadline.into(),
            Value::from_u64(policy.budget.to_sat())?,
            policy.bump.name().into(),
            policy.cpfp.into(),
            below,
            rungs.join(",").into(),
            set_at,
            set_by,
        ],
    )
    .await
}

/// Takes a vault's fee policy away; says whether it had one.
///
/// # Errors
/// On a failed statement.
pub async fn clear(tx: &mut Transaction, vault: VaultId) -> Result<bool, DatabaseError> {
    let gone = tx
        .execute(
            "UPDATE vault_fee_policy SET standing = 0 WHERE vault = $1 AND standing = 1",
            &[vault.to_bytes().into()],
        )
        .await?;
    Ok(gone > 0)
}

/// The fee policy of a vault, if it has one.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Option<FeePolicyRow>, DatabaseError> {
    tx.optional_row(
        "SELECT vault, target_blocks, deadline_blocks, budget, bump, cpfp, consolidate_below_sat_kwu, rungs,
             set_at, set_by
         FROM vault_fee_policy WHERE vault = $1 AND standing = 1",
        &[vault.to_bytes().into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

fn read(row: &Row) -> Result<FeePolicyRow, DatabaseError> {
    let text = row.text("rungs")?;
    let rungs = text.split(',').filter(|rung| !rung.is_empty());
    let rungs: Vec<FeeRate> = rungs
        .map(|rung| rung.parse().map(FeeRate::from_sat_per_kwu))
        .collect::<Result<_, _>>()
        .map_err(|_| row.corrupt("rungs", "feerates with commas between", text))?;
    Ok(FeePolicyRow {
        vault: VaultId::from_bytes(row.array("vault")?),
        policy: FeePolicy {
            target: row.u32("target_blocks")?,
            deadline: row.u32("deadline_blocks")?,
            budget: row.amount("budget")?,
            bump: row.parse("bump", "off, propose or automatic")?,
            cpfp: row.bool("cpfp")?,
            consolidate_below: row
                .optional_u64("consolidate_below_sat_kwu")?
                .map(FeeRate::from_sat_per_kwu),
            rungs,
        },
        said: Said::read(row)?,
    })
}
