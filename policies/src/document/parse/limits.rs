//! Reading `[limits]`.

use bitcoin::{Amount, CompactTarget, FeeRate, Network, Target};

use super::super::reader::{Mistakes, Table};
use super::super::{
    FeeBudget, FeeRateError, Inclusion, Limits, SelfSpendBudget, name_of_network, parse_duration,
    parse_sat_per_vb,
};
use super::span;
use crate::inclusion::{MAX_HEADERS, target_of};

/// Ten minutes, unless the document says otherwise.
const DEFAULT_CLOCK_SKEW: u64 = 600;
const DAY: u64 = 86_400;
/// The dust bound of the largest outputs that vaults have (P2WSH, P2TR).
const DUST: u64 = 330;
/// All bitcoin there will be, in satoshi.
const MAX_MONEY: u64 = 2_100_000_000_000_000;

pub(super) fn limits(
    root: &Table<'_>,
    network: Option<Network>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Limits> {
    let table = root.required("limits", mistakes)?.table(
        &[
            "feerate_max_sat_vb",
            "fee_max_sat",
            "fee_share_max_percent",
            "change",
            "transaction",
            "confirmations",
            "clock_skew",
            "fee_budget",
            "self_spend_budget",
            "inclusion",
        ],
        &[],
        mistakes,
    )?;
    let feerate_max = table
        .required("feerate_max_sat_vb", mistakes)
        .and_then(|field| {
            field.decimal(mistakes, |text| {
                parse_sat_per_vb(text).and_then(|feerate| {
                    if feerate == FeeRate::ZERO {
                        Err(FeeRateError::Zero)
                    } else {
                        Ok(feerate)
                    }
                })
            })
        });
    let fee_max = integer(&table, "fee_max_sat", 1..=MAX_MONEY, mistakes);
    let fee_share_max_percent = integer(&table, "fee_share_max_percent", 1..=100, mistakes);
    let change = sub(&table, "change", &["max_outputs", "min_sat"], mistakes);
    let change_max_outputs: Option<u32> =
        change
            .as_ref()
            .and_then(|change| match change.optional("max_outputs") {
                Some(field) => field.integer(1..=20, mistakes),
                None => Some(1),
            });
    let change_min = change
        .as_ref()
        .and_then(|change| integer(change, "min_sat", DUST..=MAX_MONEY, mistakes));
    let sizes = sub(
        &table,
        "transaction",
        &["max_inputs", "max_outputs"],
        mistakes,
    );
    let max_inputs = sizes
        .as_ref()
        .and_then(|sizes| integer(sizes, "max_inputs", 1..=500, mistakes));
    let max_outputs = sizes
        .as_ref()
        .and_then(|sizes| integer(sizes, "max_outputs", 1..=1_000, mistakes));
    let depths = sub(&table, "confirmations", &["deposit", "change"], mistakes);
    let confirmations_deposit = depths
        .as_ref()
        .and_then(|depths| integer(depths, "deposit", 1..=1_000, mistakes));
    let confirmations_change = depths
        .as_ref()
        .and_then(|depths| integer(depths, "change", 0..=1_000, mistakes));
    let clock_skew = match table.optional("clock_skew") {
        Some(field) => field.parse(mistakes, |text| match parse_duration(text) {
            Ok(secs) if (1..=DAY).contains(&secs) => Ok(secs),
            Ok(_) => Err("between 1s and 24h".to_owned()),
            Err(error) => Err(error.to_string()),
        }),
        None => Some(DEFAULT_CLOCK_SKEW),
    };
    let fee_budget = match table.optional("fee_budget") {
        Some(field) => field
            .table(&["sat", "window"], &[], mistakes)
            .and_then(|table| fee_budget(&table, mistakes))
            .map(Some),
        None => Some(None),
    };
    let self_spend_budget = match table.optional("self_spend_budget") {
        Some(field) => field
            .table(&["sat", "count", "window"], &[], mistakes)
            .and_then(|table| self_spend_budget(&table, mistakes))
            .map(Some),
        None => Some(None),
    };
    let inclusion = match table.optional("inclusion") {
        Some(field) => field
            .table(&["bits", "confirmations"], &[], mistakes)
            .and_then(|table| inclusion(&table, network, mistakes))
            .map(Some),
        None => Some(None),
    };
    Some(Limits {
        feerate_max: feerate_max?,
        fee_max: Amount::from_sat(fee_max?),
        fee_share_max_percent: fee_share_max_percent?,
        change_max_outputs: change_max_outputs?,
        change_min: Amount::from_sat(change_min?),
        max_inputs: max_inputs?,
        max_outputs: max_outputs?,
        confirmations_deposit: confirmations_deposit?,
        confirmations_change: confirmations_change?,
        clock_skew: clock_skew?,
        fee_budget: fee_budget?,
        self_spend_budget: self_spend_budget?,
        inclusion: inclusion?,
    })
}

fn inclusion(
    table: &Table<'_>,
    network: Option<Network>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Inclusion> {
    let most = u64::try_from(MAX_HEADERS).unwrap_or(u64::MAX);
    let confirmations = integer(table, "confirmations", 1..=most, mistakes);
    let bits = table.required("bits", mistakes).and_then(|field| {
        field.parse(mistakes, |text| {
            let (bits, target) = compact_target(text).ok_or(
                "a compact target of eight lower hex digits, as block headers have it".to_owned(),
            )?;
            let easiest = network.map(|network| (network, network.params().max_attainable_target));
            match easiest.filter(|(_, easiest)| target > *easiest) {
                None => Ok(bits),
                Some((network, easiest)) => Err(format!(
                    "no less work than {:08x}, the least that {} has",
                    easiest.to_compact_lossy(),
                    name_of_network(network)
                )),
            }
        })
    });
    Some(Inclusion {
        bits: bits?,
        confirmations: confirmations?,
    })
}

fn compact_target(text: &str) -> Option<(CompactTarget, Target)> {
    let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let whole = text.len() == 8 && text.bytes().all(digits);
    let bits = u32::from_str_radix(text, 16).ok().filter(|_| whole)?;
    let bits = CompactTarget::from_consensus(bits);
    Some((bits, target_of(bits)?))
}

fn fee_budget(table: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<FeeBudget> {
    let sat = integer(table, "sat", 1..=MAX_MONEY, mistakes);
    let window = span(table, "window", mistakes);
    Some(FeeBudget {
        amount: Amount::from_sat(sat?),
        window: window?,
    })
}

fn self_spend_budget(table: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<SelfSpendBudget> {
    let sat = integer(table, "sat", 1..=MAX_MONEY, mistakes);
    let count = integer(table, "count", 1..=1_000_000, mistakes);
    let window = span(table, "window", mistakes);
    Some(SelfSpendBudget {
        amount: Amount::from_sat(sat?),
        count: count?,
        window: window?,
    })
}

fn sub<'a>(
    table: &Table<'a>,
    key: &str,
    known: &[&'static str],
    mistakes: &mut Mistakes<'_>,
) -> Option<Table<'a>> {
    table.required(key, mistakes)?.table(known, &[], mistakes)
}

fn integer<T: TryFrom<u64>>(
    table: &Table<'_>,
    key: &str,
    bounds: std::ops::RangeInclusive<u64>,
    mistakes: &mut Mistakes<'_>,
) -> Option<T> {
    table.required(key, mistakes)?.integer(bounds, mistakes)
}
