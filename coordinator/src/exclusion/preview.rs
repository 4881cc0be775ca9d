//! What a planned attempt means and costs, before anything is done: a plain value, and its words.

use bitcoin::{Amount, OutPoint, Txid, Weight};
use policies::document::format_sat_per_vb;
use policies::psbt::AttemptPurpose;
use policies::{RequesterName, WithdrawalId};
use serde::Serialize;

use super::{Anchors, Excluded};
use crate::fee_bump::Replacement;

/// The columns that words keep to.
const COLUMNS: usize = 80;

/// What an attempt would mean and cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// What it is for.
    pub purpose: AttemptPurpose,
    /// What it takes the place of in mempools.
    pub replaces: Vec<Txid>,
    /// The highest fee that may be paid if it is not made.
    pub fee_before_sat: u64,
    /// Its fee.
    pub fee_sat: u64,
    /// How much more that is.
    pub more_sat: u64,
    /// Its feerate with the heaviest witnesses, in sat/vB.
    pub feerate_sat_vb: String,
    /// What makes it exclusive with each transaction that was issued before.
    pub excludes: Vec<Excluded>,
    /// How many ancestors its file carries as proof.
    pub ancestors: usize,
    /// The coins that it spends although they are frozen, since nothing else excludes what was issued before.
    pub frozen: Vec<OutPoint>,
    /// What becomes of each withdrawal.
    pub withdrawals: Vec<WithdrawalFate>,
    /// The sets of signers, any one of which must sign it anew.
    pub signers: Vec<Vec<String>>,
}

/// What becomes of a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WithdrawalFate {
    /// Who asked for it.
    pub requester: RequesterName,
    /// Its id.
    pub id: WithdrawalId,
    /// What becomes of it once this attempt is settled.
    pub fate: Fate,
}

/// What becomes of a withdrawal once an attempt is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is paid by it.
    Paid,
    /// It is not paid by it. Once it is settled, it can be paid from its change.
    LeftOut,
    /// It fails, and can then be paid again or cancelled.
    Fails,
}

/// What an attempt is made of, as far as a preview tells.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'a> {
    /// What it is for.
    pub purpose: AttemptPurpose,
    /// What makes it exclusive.
    pub anchors: &'a Anchors,
    /// What it takes the place of.
    pub replacing: Option<&'a Replacement>,
    /// The frozen coins that it spends.
    pub frozen: &'a [OutPoint],
    /// Its fee.
    pub fee: Amount,
    /// Its weight with the heaviest witnesses.
    pub weight: Weight,
}

impl Preview {
    /// The preview of what is planned.
    pub fn of(
        planned: Planned<'_>,
        withdrawals: Vec<WithdrawalFate>,
        signers: Vec<Vec<String>>,
    ) -> Self {
        let before = planned.replacing.map_or(Amount::ZERO, Replacement::fees);
        let more = planned.fee.checked_sub(before).unwrap_or(Amount::ZERO);
        let feerate = planned.fee / planned.weight;
        Self {
            purpose: planned.purpose,
            replaces: (planned.replacing).map_or_else(Vec::new, |one| one.replaces().to_vec()),
            fee_before_sat: before.to_sat(),
            fee_sat: planned.fee.to_sat(),
            more_sat: more.to_sat(),
            feerate_sat_vb: format_sat_per_vb(feerate),
            excludes: planned.anchors.excluded.clone(),
            ancestors: planned.anchors.carried.len(),
            frozen: planned.frozen.to_vec(),
            withdrawals,
            signers,
        }
    }

    /// The same in words, in lines of at most 80 columns.
    pub fn words(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let verb = match self.purpose {
            AttemptPurpose::Cancel => "Cancels: spends back to the vault what would pay",
            AttemptPurpose::Bump => "Pays again, at a higher fee, what was issued before",
            AttemptPurpose::Pay
            | AttemptPurpose::Consolidate
            | AttemptPurpose::Refresh
            | AttemptPurpose::Drain
            | AttemptPurpose::Recover => "A new attempt",
        };
        lines.push(verb.to_owned());
        for txid in &self.replaces {
            lines.push("  takes the place of".to_owned());
            lines.push(format!("    {txid}"));
        }
        lines.push(format!(
            "  fee {} sat ({} sat/vB)",
            self.fee_sat, self.feerate_sat_vb
        ));
        if !self.replaces.is_empty() {
            let (before, more) = (self.fee_before_sat, self.more_sat);
            lines.push(format!(
                "  before {before} sat at most, {more} sat more now"
            ));
        }
        for one in &self.excludes {
            lines.push("  can never be in one chain with".to_owned());
            lines.push(format!("    {}", one.earlier));
            lines.push("  since it spends".to_owned());
            lines.push(format!("    {}", one.by));
        }
        for coin in &self.frozen {
            lines
                .push("  spends a coin that is frozen: what was issued before holds it".to_owned());
            lines.push("  already, and nothing else makes this one exclusive with that".to_owned());
            lines.push(format!("    {coin}"));
        }
        if self.ancestors > 0 {
            let ancestors = self.ancestors;
            lines.push(format!("  its file carries {ancestors} ancestors as proof"));
        }
        for withdrawal in &self.withdrawals {
            let fate = match withdrawal.fate {
                Fate::Paid => "is paid by it",
                Fate::LeftOut => "is left out; once it is settled, it can be paid from its change",
                Fate::Fails => "fails once it is settled; it can be paid again then, or cancelled",
            };
            lines.push(format!("  {}/{}", withdrawal.requester, withdrawal.id));
            lines.push(format!("    {fate}"));
        }
        for (position, signers) in self.signers.iter().enumerate() {
            let whom = if position == 0 { "must sign:" } else { "or" };
            lines.push(format!("  {whom} {}", signers.join(", ")));
        }
        lines.iter().flat_map(|line| wrap(line)).collect()
    }
}

/// Breaks a line at the last blank that fits, or where it must.
fn wrap(line: &str) -> Vec<String> {
    let mut rest = line;
    let mut lines = Vec::new();
    while let Some((end, _)) = rest.char_indices().nth(COLUMNS) {
        let head = rest.get(..end).unwrap_or_default();
        let blank = head.trim_end().rfind(' ').filter(|at| {
            head.get(..*at)
                .is_some_and(|before| !before.trim().is_empty())
        });
        let at = blank.unwrap_or(end);
        lines.push(rest.get(..at).unwrap_or_default().to_owned());
        rest = rest.get(at..).unwrap_or_default().trim_start();
    }
    lines.push(rest.to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::exclusion::anchors;
    use crate::exclusion::world::{coin, earlier, foreign, payment, transaction};
    use crate::fee_bump::{IncrementalFee, Replaceable};

    #[test]
    fn a_preview_says_what_is_replaced_and_what_it_costs_in_eighty_columns() {
        let deposit = transaction(1, &[foreign(1)], 1);
        let shared = coin(&deposit, 0);
        let own = transaction(2, &[shared.outpoint], 2);
        let issued = earlier(&own, &[], &[payment("w1", 1)]);
        let among = [Replaceable::of(&issued, issued.weight)];
        let found = anchors(
            &[issued],
            std::slice::from_ref(&shared),
            &BTreeMap::new(),
            5,
        )
        .expect("found");
        let replacing =
            Replacement::by_spending(&[shared.outpoint], &among, IncrementalFee::CORE_29);
        let names: Vec<String> = (0..12).map(|number| format!("signer-{number}")).collect();
        let preview = Preview::of(
            Planned {
                purpose: AttemptPurpose::Bump,
                anchors: &found,
                replacing: replacing.as_ref(),
                frozen: &[shared.outpoint],
                fee: Amount::from_sat(1_500),
                weight: Weight::from_wu(1_000),
            },
            vec![WithdrawalFate {
                requester: "exchange".parse().expect("a name"),
                id: "w1".parse().expect("an id"),
                fate: Fate::Paid,
            }],
            vec![names.clone(), names],
        );
        assert_eq!(preview.replaces, [own.compute_txid()]);
        assert_eq!((preview.fee_before_sat, preview.more_sat), (1_000, 500));
        assert_eq!(preview.feerate_sat_vb, "6");
        let words = preview.words();
        assert!(words.iter().all(|line| line.chars().count() <= COLUMNS));
        let text = words.join("\n");
        for part in [
            "before 1000 sat at most, 500 sat more now",
            "is paid by it",
            "spends a coin that is frozen",
            "or signer-0",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let written = serde_json::to_value(&preview).expect("JSON");
        assert_eq!(written["purpose"], "bump");
    }
}
