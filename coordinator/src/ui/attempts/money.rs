//! What an attempt costs and how large it is, as facts that a page shows one under the other.

use bitcoin::Amount;

use super::counted;
use crate::service::attempt_page::{AttemptPage, FeeFacts, Left, SizeFacts};
use crate::ui::show::{Money, Unit, duration};

/// A fact: its name, what it is, and what bounds it.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) is: String,
    pub(super) bound: String,
    pub(super) exceeds: bool,
}

impl Fact {
    pub(super) fn new(name: &'static str, is: String, bound: String) -> Self {
        Self {
            name,
            is,
            bound,
            exceeds: false,
        }
    }
}

/// The fee against its bounds.
pub(super) fn fee(fee: &FeeFacts, unit: Unit) -> Vec<Fact> {
    let money = |sat| whole(&Money::new(Amount::from_sat(sat), unit).text());
    let mut facts = vec![
        Fact {
            exceeds: fee.fee_sat > fee.fee_max_sat,
            ..Fact::new(
                "Fee",
                money(fee.fee_sat),
                format!("the policy allows {}", money(fee.fee_max_sat)),
            )
        },
        Fact::new(
            "Feerate",
            format!("{} sat/vB", fee.feerate_sat_vb),
            format!("the policy allows {} sat/vB", fee.feerate_max_sat_vb),
        ),
    ];
    if let Some(share) = fee.share_bp {
        let most = u64::from(fee.share_max_percent);
        facts.push(Fact {
            exceeds: share > most.saturating_mul(100),
            ..Fact::new(
                "Share",
                format!("{} of what is paid", percent(share)),
                format!("the policy allows {most} %"),
            )
        });
    }
    let left = |left: &Left| {
        let (rest, most) = (money(left.left_sat), money(left.most_sat));
        (
            rest,
            format!("of {most} in {}, this one counted", duration(left.window_s)),
        )
    };
    if let Some((rest, bound)) = fee.budget.as_ref().map(left) {
        facts.push(Fact::new("Fee budget left", rest, bound));
    }
    if let Some((rest, bound)) = fee.own_budget.as_ref().map(left) {
        facts.push(Fact::new("Own spends' budget left", rest, bound));
    }
    facts
}

/// A text that no line breaks.
fn whole(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// Hundredths of a percent, as a percentage.
fn percent(share: u64) -> String {
    if share == 0 {
        "less than 0.01 %".to_owned()
    } else {
        format!("{}.{:02} %", share / 100, share % 100)
    }
}

/// A number with its digits in threes.
pub(in crate::ui) fn grouped(number: u64) -> String {
    let text = Money::new(Amount::from_sat(number), Unit::Satoshi).text();
    text.trim_end_matches(" sat").to_owned()
}

/// The size against its bounds.
pub(super) fn size(size: &SizeFacts) -> Vec<Fact> {
    let most = |most: u32| format!("the policy allows {most}");
    let mut facts = vec![
        Fact::new(
            "Weight",
            format!("{} WU", grouped(size.weight_wu)),
            format!("{} vB, with the heaviest witnesses", size.vbytes),
        ),
        Fact::new(
            "PSBT",
            format!(
                "{} bytes",
                grouped(u64::try_from(size.psbt_bytes).unwrap_or(u64::MAX))
            ),
            "as signers get it".to_owned(),
        ),
        Fact::new("Inputs", size.inputs.to_string(), most(size.inputs_max)),
        Fact::new("Outputs", size.outputs.to_string(), most(size.outputs_max)),
    ];
    let mut unknown = Vec::new();
    for fit in &size.devices {
        let whose = format!("{} of {}", fit.device, fit.signer);
        let Some(limit) = fit.limit else {
            unknown.push(whose);
            continue;
        };
        let is = match fit.exceeds.as_slice() {
            [] => "it fits".to_owned(),
            exceeds => exceeds.join("; "),
        };
        let is = match &fit.time {
            Some(time) => format!("{is}; about {}", time.takes()),
            None => is,
        };
        facts.push(Fact {
            exceeds: !fit.exceeds.is_empty(),
            ..Fact::new("Device", format!("{whose}: {is}"), limit.source.to_owned())
        });
    }
    facts.extend(without_limit(&unknown));
    facts
}

/// The devices of which no limit is known, in one line.
fn without_limit(devices: &[String]) -> Option<Fact> {
    let name = match devices {
        [] => return None,
        [_] => "Device",
        [_, _, ..] => "Devices",
    };
    let is = format!("{}: no limit is known here", devices.join(", "));
    Some(Fact::new(name, is, String::new()))
}

/// What everybody should know before anything else of the page.
pub(super) fn warnings(page: &AttemptPage) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(size) = page.size.as_ref().filter(|size| size.is_large) {
        warnings.push(format!(
            "This is a large transaction: {}, {} bytes of PSBT. Hand devices take long for it, and some cannot take it.",
            counted(size.inputs, "input"),
            size.psbt_bytes
        ));
    }
    let funding = page.inputs.iter().filter_map(|input| input.coin.as_ref());
    let largest = funding.map(|coin| coin.funding_bytes).max().unwrap_or(0);
    if largest > 100_000 {
        warnings.push(format!(
            "A coin comes from a transaction of {largest} bytes, which devices are given whole. Joining such coins first helps."
        ));
    }
    if !page.policy_in_force {
        warnings.push(
            "It was made under another version of the policy than the one in force.".to_owned(),
        );
    }
    if !page.attempt.psbt {
        warnings.push(
            "Nobody kept its PSBT. Journals or the chain alone know of it, and it takes no signatures."
                .to_owned(),
        );
    }
    warnings
}
