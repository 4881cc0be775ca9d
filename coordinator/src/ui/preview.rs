//! What would be done, shown before it is: what it takes the place of, what it costs, what becomes of each withdrawal,
//! who must sign.
//!
//! Invariant: a form without the mark of a preview only shows; one with it does what that preview said, or nothing.

use bitcoin::Amount;
use policies::VaultId;

use super::attempts::{carrying, counted, grouped, short};
use super::sets::needs;
use super::show::{Money, TxidText, Unit, duration};
use crate::service::batch_preview::PlannedBatch;
use crate::service::carrying::{CarryingFacts, Round};
use crate::service::devices::DeviceTimeView;
use crate::service::renewals::{FateView, PlanView};
use crate::service::self_spends::{BudgetView, MaintenanceNeedsView, OwnSpendView};

/// A preview, and the form that does it.
pub(super) struct Previewed {
    pub(super) parts: Vec<Part>,
    /// Where the form goes.
    pub(super) action: String,
    /// What it carries.
    pub(super) hidden: Vec<(&'static str, String)>,
    /// The mark of this preview.
    pub(super) agreed: String,
    /// What its button says.
    pub(super) confirm: String,
    /// Whether something else was agreed to before.
    pub(super) changed: bool,
    /// Approved withdrawals that are left to wait: their name, and why.
    pub(super) waiting: Vec<(String, String)>,
}

/// A transaction that would be issued.
pub(super) struct Part {
    pub(super) title: String,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) warnings: Vec<String>,
    pub(super) replaces: Vec<(String, String)>,
    pub(super) fates: Vec<Fate>,
    pub(super) excludes: Vec<(TxidText, TxidText)>,
    pub(super) coins: Vec<TxidText>,
    pub(super) words: String,
}

/// What becomes of a withdrawal.
pub(super) struct Fate {
    pub(super) href: String,
    pub(super) name: String,
    pub(super) amount: Option<Money>,
    pub(super) becomes: &'static str,
    pub(super) chip: &'static str,
}

/// The most inputs that are signed in a stride.
const MANY_INPUTS: usize = 50;

impl Part {
    /// A plan that takes the place of others.
    pub(super) fn of_plan(plan: &PlanView, vault: VaultId, unit: Unit) -> Self {
        let money = |sat| amount(sat, unit);
        let mut facts = Vec::new();
        if plan.fee_before_sat > 0 {
            facts.push((
                "Fee",
                format!(
                    "{}, {} more than the {} that may be paid otherwise",
                    money(plan.fee_sat),
                    money(plan.more_sat),
                    money(plan.fee_before_sat)
                ),
            ));
        } else {
            facts.push(("Fee", money(plan.fee_sat)));
        }
        facts.push(("Feerate", format!("{} sat/vB", plan.feerate_sat_vb)));
        facts.push(("Spends", counted(plan.coins.len(), "coin")));
        facts.push(("Who must sign", needs(&plan.signers)));
        facts.extend(carried(plan.carrying.as_ref()));
        facts.extend(device_times(&plan.devices));
        if !plan.excludes.is_empty() {
            let count = usize::try_from(plan.ancestors).unwrap_or(usize::MAX);
            let proof = match count {
                0 => "both spend the same coin".to_owned(),
                count => format!("{} as proof", counted(count, "ancestor")),
            };
            facts.push((
                "Pays only once",
                format!(
                    "it excludes {} issued before: {proof}",
                    counted(plan.excludes.len(), "attempt")
                ),
            ));
        }
        facts.extend(own_facts(
            plan.budget.as_ref(),
            plan.maintenance.as_ref(),
            unit,
        ));
        let replaces = plan.replaces.iter();
        Self {
            title: match plan.purpose.as_str() {
                "cancel" => "Spends back to the vault what would pay".to_owned(),
                "bump" => "Pays again what was issued before".to_owned(),
                _ => "A new attempt".to_owned(),
            },
            warnings: large(plan.coins.len(), plan.carrying.as_ref()),
            replaces: replaces
                .map(|txid| (format!("/attempts/{txid}"), short(txid)))
                .collect(),
            fates: plan
                .withdrawals
                .iter()
                .map(|fate| fate_of(fate, vault))
                .collect(),
            excludes: plan
                .excludes
                .iter()
                .map(|one| (TxidText::of(&one.earlier), TxidText::of(&one.by)))
                .collect(),
            coins: plan.coins.iter().map(|coin| TxidText::of(coin)).collect(),
            words: plan.words.join("\n"),
            facts,
        }
    }

    /// A batch that is made anew.
    pub(super) fn of_batch(planned: &PlannedBatch, vault: VaultId, unit: Unit) -> Self {
        let money = |sat| Money::new(Amount::from_sat(sat), unit);
        let mut part = Self::of_plan(&planned.plan, vault, unit);
        part.title = format!("Pays {}", counted(planned.pays.len(), "withdrawal"));
        part.facts
            .push(("Spends in all", amount(planned.spent_sat, unit)));
        part.facts.push((
            "Returns as change",
            if planned.change_sat == 0 {
                "nothing".to_owned()
            } else {
                amount(planned.change_sat, unit)
            },
        ));
        part.facts
            .push(("Weight", format!("{} WU", planned.weight_wu)));
        for (fate, paid) in part.fates.iter_mut().zip(&planned.pays) {
            fate.amount = Some(money(paid.amount_sat));
        }
        part
    }

    /// A spend to ourselves, or a recovery.
    pub(super) fn of_own(own: &OwnSpendView, unit: Unit) -> Self {
        let money = |sat| amount(sat, unit);
        let mut facts = vec![
            (
                "Spends",
                format!(
                    "{} of {}",
                    counted(own.coins.len(), "coin"),
                    money(own.spent_sat)
                ),
            ),
            ("Fee", money(own.fee_sat)),
            ("Feerate", format!("{} sat/vB", own.feerate_sat_vb)),
            ("Weight", format!("{} WU", own.weight_wu)),
            ("Who must sign", needs(&own.signers)),
        ];
        facts.extend(carried(own.carrying.as_ref()));
        facts.extend(device_times(&own.devices));
        if let Some(to) = &own.to {
            let address = to
                .address
                .as_deref()
                .unwrap_or("a script without an address");
            let whose = to.index.map_or_else(
                || "where the policy says recoveries go".to_owned(),
                |index| format!("change, internal {index}"),
            );
            facts.push((
                "Goes to",
                format!("{address} ({whose}): {}", money(to.amount_sat)),
            ));
        }
        if let Some(older) = own.older {
            facts.push(("Path", format!("the one that opens after {older} blocks")));
        }
        facts.extend(own_facts(
            own.budget.as_ref(),
            own.maintenance.as_ref(),
            unit,
        ));
        let next = own.waiting.iter().map(|coin| coin.from_height).min();
        if let Some(next) = next {
            facts.push((
                "Too young",
                format!(
                    "{}; the first is old enough for block {next}",
                    counted(own.waiting.len(), "coin")
                ),
            ));
        }
        Self {
            title: match own.purpose.as_str() {
                "consolidate" => "Joins coins into one".to_owned(),
                "refresh" => "Renews the age of coins".to_owned(),
                "drain" => "Brings coins of a former keyset home".to_owned(),
                _ => "Recovers coins".to_owned(),
            },
            warnings: large(own.coins.len(), own.carrying.as_ref()),
            replaces: Vec::new(),
            fates: Vec::new(),
            excludes: Vec::new(),
            coins: own
                .coins
                .iter()
                .map(|coin| TxidText::of(&coin.outpoint))
                .collect(),
            words: String::new(),
            facts,
        }
    }
}

/// An amount that no line breaks.
fn amount(sat: u64, unit: Unit) -> String {
    let text = Money::new(Amount::from_sat(sat), unit).text();
    text.replace(' ', "\u{a0}")
}

fn large(inputs: usize, carrying: Option<&CarryingFacts>) -> Vec<String> {
    let words = format!(
        "This is a large transaction with {}. Hand devices take about a second for each, and some cannot take it.",
        counted(inputs, "input")
    );
    let mut warnings: Vec<String> = (inputs > MANY_INPUTS)
        .then_some(words)
        .into_iter()
        .collect();
    let slow = carrying.map(carrying::warnings).unwrap_or_default();
    if !slow.is_empty() {
        warnings.extend(slow);
        warnings.push("Make smaller batches, join coins first, or carry it as a file.".to_owned());
    }
    warnings
}

/// How long devices take that were measured.
fn device_times(devices: &[DeviceTimeView]) -> Option<(&'static str, String)> {
    let words: Vec<&str> = devices.iter().map(|time| time.words.as_str()).collect();
    (!words.is_empty()).then(|| ("Devices take", words.join("; ")))
}

/// How long it takes to show.
fn carried(carrying: Option<&CarryingFacts>) -> Option<(&'static str, String)> {
    let round = |name: &str, round: Option<Round>| match round {
        Some(round) => format!(
            "{} in {}\u{a0}s as {name}",
            counted(round.codes, "code"),
            round.seconds
        ),
        None => format!("too large for {name}"),
    };
    let carrying = carrying?;
    let rounds = [round("BBQr", carrying.bbqr), round("UR", carrying.ur)];
    Some((
        "To carry",
        format!(
            "{} bytes: {}",
            grouped(u64::try_from(carrying.psbt_bytes).unwrap_or(u64::MAX)),
            rounds.join(", ")
        ),
    ))
}

fn own_facts(
    budget: Option<&BudgetView>,
    maintenance: Option<&MaintenanceNeedsView>,
    unit: Unit,
) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(budget) = budget {
        facts.push((
            "Own spends' budget",
            format!(
                "{} and {} left in {}; {}",
                amount(budget.left_sat, unit),
                counted(
                    usize::try_from(budget.left_count).unwrap_or(usize::MAX),
                    "spend"
                ),
                duration(budget.window_s),
                if budget.within {
                    "this one is within it"
                } else {
                    "this one is beyond it"
                }
            ),
        ));
    }
    if let Some(needs) = maintenance {
        let count = usize::try_from(needs.count).unwrap_or(usize::MAX);
        let whose = needs
            .group
            .as_ref()
            .map_or_else(String::new, |group| format!(" of {group}"));
        facts.push((
            "Approvals",
            format!(
                "signers will demand {} of maintenance{whose}",
                counted(count, "approval")
            ),
        ));
    }
    facts
}

fn fate_of(fate: &FateView, vault: VaultId) -> Fate {
    use crate::exclusion::Fate as Becomes;
    let (becomes, chip) = match fate.fate {
        Becomes::Paid => ("is paid by it", "chip chip-good"),
        Becomes::LeftOut => (
            "is left out: it fails once this is settled, and can then be paid from its change",
            "chip chip-warn",
        ),
        Becomes::Fails => (
            "fails once this is settled, and can then be paid again or cancelled",
            "chip chip-bad",
        ),
    };
    Fate {
        href: format!("/vaults/{vault}/withdrawals/{}/{}", fate.requester, fate.id),
        name: format!("{}/{}", fate.requester, fate.id),
        amount: None,
        becomes,
        chip,
    }
}
