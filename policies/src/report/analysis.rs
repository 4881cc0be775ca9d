//! The words of the analysis.

use super::layout::wrap;
use super::text::{field, sat, title};
use crate::analysis::{
    Analysis, Automatic, Exposure, PageApprovals, PageKey, PageRule, SpendingPath, WindowBound,
};
use crate::devices::DeviceFinding;
use crate::document::format_duration;
use crate::words::thousands;

/// Sets and paths beyond this many are counted instead of listed.
const LISTED: usize = 40;

/// Blocks of a day.
const BLOCKS_A_DAY: u16 = 144;

pub(super) fn spending(out: &mut String, analysis: &Analysis) {
    field(
        out,
        "input",
        &format!(
            "{} weight units on the heaviest ordinary path",
            analysis.input_weight
        ),
    );
    field(
        out,
        "output",
        &format!("{} weight units", analysis.output_weight),
    );
    for cost in &analysis.input_costs {
        field(
            out,
            "cost of input",
            &format!(
                "{} sat at {} sat/vB",
                cost.amount.to_sat(),
                cost.feerate_sat_vb
            ),
        );
    }
    field(
        out,
        "malleability",
        "none: only signers can alter a witness",
    );
    let resources: Vec<String> = analysis
        .resources
        .iter()
        .map(|resource| format!("{} of {} {}", resource.used, resource.most, resource.name))
        .collect();
    if !resources.is_empty() {
        field(out, "resources", &resources.join(", "));
    }
    field(
        out,
        "double payment",
        &tolerance_words(analysis.double_payment_tolerance),
    );
    for warning in &analysis.warnings {
        *out += &wrap(&format!("Warning: {warning}."), "  ", "    ");
    }
    paths(out, "Ordinary paths", analysis.ordinary());
    paths(out, "Recovery paths", analysis.recovery());
    rests(out, analysis);
    sets(
        out,
        "Loss: nobody can spend if all of one line are lost",
        analysis,
        |exposure| exposure.loss.as_ref(),
    );
    sets(
        out,
        "Theft: all of one line together take every coin",
        analysis,
        |exposure| exposure.theft.as_ref(),
    );
}

/// What is to be known of the devices; nothing where nothing is.
pub(super) fn devices(out: &mut String, analysis: &Analysis) {
    if analysis.devices.is_empty() {
        return;
    }
    title(out, "Devices");
    *out += &device_lines(&analysis.devices);
}

/// What is to be known of devices, with what to do and where it is written.
pub fn device_lines(findings: &[DeviceFinding]) -> String {
    let mut out = String::new();
    for finding in findings {
        let label = if finding.is_grave() { "Warning: " } else { "" };
        out += &wrap(&format!("{label}{finding}."), "  ", "    ");
        out += &wrap(&format!("To do: {}.", finding.hint()), "    ", "      ");
        if let Some(source) = finding.source() {
            out += &wrap(&format!("Source: {source}."), "    ", "      ");
        }
    }
    out
}

/// What theft of requesters moves, and what windows bound.
pub(super) fn bounds(out: &mut String, analysis: &Analysis) {
    title(out, "Theft of a requester's key moves, asking no human");
    for theft in &analysis.requester_thefts {
        if theft.moves.is_empty() {
            *out += &wrap(&format!("{}: nothing", theft.requester), "  ", "    ");
        }
        for automatic in &theft.moves {
            *out += &wrap(
                &format!("{}: {}", theft.requester, automatic_words(automatic)),
                "  ",
                "    ",
            );
        }
    }
    pages(out, &analysis.page_approvals);
    if analysis.windows.is_empty() {
        return;
    }
    title(
        out,
        "What windows bound, by the number of dishonest signers",
    );
    for window in &analysis.windows {
        window_words(out, window);
    }
}

/// Which approvals trust the coordinator's page; nothing where there are none.
fn pages(out: &mut String, approvals: &PageApprovals) {
    if approvals.keys.is_empty() && approvals.rules.is_empty() {
        return;
    }
    title(out, "Approvals that trust the coordinator's page");
    for PageKey {
        approver,
        person,
        key,
        rp_id,
        synced,
    } in &approvals.keys
    {
        let synced = if *synced {
            ", may be copied by its maker's service"
        } else {
            ""
        };
        let words = format!("{approver} (person {person}) at {rp_id}{synced}: {key}");
        *out += &wrap(&words, "  ", "    ");
    }
    for PageRule { rule, own, page } in &approvals.rules {
        *out += &wrap(&page_rule_words(rule, *own, *page), "  ", "    ");
    }
}

/// What a rule asks for by keys of persons' own, and in the page.
fn page_rule_words(rule: &str, own: u32, page: u32) -> String {
    format!(
        "rule {rule} asks for {own} by keys of their own, and for {page} more who may touch a key in the page"
    )
}

/// Which rules count approvals that are given in the coordinator's page, one sentence each.
pub fn page_words(approvals: &PageApprovals) -> Vec<String> {
    let rules = approvals.rules.iter();
    rules
        .map(|rule| page_rule_words(&rule.rule, rule.own, rule.page))
        .collect()
}

/// What one rule moves that asks nobody, in one sentence.
pub fn automatic_words(automatic: &Automatic) -> String {
    let to = automatic
        .to
        .as_ref()
        .map_or("to anybody".to_owned(), |lists| {
            format!("to {}", lists.join(" or "))
        });
    let each = automatic
        .amount_max_sat
        .map(|max| format!(", each up to {} sat", thousands(max)))
        .unwrap_or_default();
    let kind = automatic
        .kind
        .map(|kind| format!("{kind}s "))
        .unwrap_or_default();
    let bound = automatic
        .window
        .map_or("WITHOUT BOUND".to_owned(), |window| {
            format!(
                "up to {} in {}",
                sat(window.amount),
                format_duration(window.per_s)
            )
        });
    format!("{kind}{to}, {bound}{each} (rule {})", automatic.rule)
}

fn window_words(out: &mut String, window: &WindowBound) {
    *out += &wrap(
        &format!(
            "{}: {} in {}; each journal born anew adds {} sat once",
            window.of,
            sat(window.amount),
            format_duration(window.per_s),
            thousands(window.reborn_sat)
        ),
        "  ",
        "    ",
    );
    for (dishonest, bound) in window.bounds_sat.iter().enumerate() {
        *out += &wrap(
            &format!("{dishonest} dishonest: at most {} sat", thousands(*bound)),
            "    ",
            "      ",
        );
    }
}

/// A double-payment tolerance in one sentence.
pub fn tolerance_words(tolerance: i32) -> String {
    match tolerance {
        ..0 => "TRUSTS THE COORDINATOR: two sets of signers may share nobody".to_owned(),
        0 => "every two sets of signers share a signer; none of them may be dishonest".to_owned(),
        some => format!("up to {some} dishonest persons cannot pay a withdrawal twice"),
    }
}

fn paths<'a>(out: &mut String, label: &str, paths: impl Iterator<Item = &'a SpendingPath>) {
    let lines: Vec<String> = paths
        .map(|path| {
            let weight = path.satisfaction_weight.to_wu();
            let cost = path
                .costs
                .first()
                .map(|cost| {
                    format!(
                        ", an input {} sat at {} sat/vB",
                        cost.amount.to_sat(),
                        cost.feerate_sat_vb
                    )
                })
                .unwrap_or_default();
            format!("{} ({weight} weight units{cost})", path.name)
        })
        .collect();
    if !lines.is_empty() {
        title(out, label);
        listed(out, &lines, "  ");
    }
}

/// On whom coins rest once a timelock is over.
fn rests(out: &mut String, analysis: &Analysis) {
    for exposure in &analysis.exposures {
        let (Some(blocks), Some(newly)) = (exposure.older, &exposure.newly) else {
            continue;
        };
        if newly.is_empty() {
            continue;
        }
        let sets: Vec<String> = newly.iter().map(|set| set.join(" + ")).collect();
        let more = sets.len().saturating_sub(LISTED);
        let mut listed = sets
            .into_iter()
            .take(LISTED)
            .collect::<Vec<_>>()
            .join("; or ");
        if more > 0 {
            listed += &format!("; and {more} more");
        }
        *out += &wrap(
            &format!(
                "Coins {blocks} blocks old (about {}) rest also on the honesty of: {listed}",
                days(blocks)
            ),
            "  ",
            "    ",
        );
    }
}

/// About how long so many blocks take, in whole days.
pub fn days(blocks: u16) -> String {
    let days = blocks.div_ceil(BLOCKS_A_DAY);
    let plural = if days == 1 { "" } else { "s" };
    format!("{days} day{plural}")
}

fn sets<'a>(
    out: &mut String,
    label: &str,
    analysis: &'a Analysis,
    of: impl Fn(&'a Exposure) -> Option<&'a Vec<Vec<String>>>,
) {
    title(out, label);
    for exposure in &analysis.exposures {
        let when = exposure.older.map_or("now".to_owned(), |blocks| {
            format!("coins {blocks} blocks old")
        });
        *out += &wrap(&format!("{when}:"), "  ", "  ");
        match of(exposure) {
            None => *out += &wrap("too many sets to list", "    ", "    "),
            Some(sets) => {
                let lines: Vec<String> = sets.iter().map(|set| set.join(" + ")).collect();
                listed(out, &lines, "    ");
            }
        }
    }
}

fn listed(out: &mut String, lines: &[String], indent: &str) {
    for line in lines.iter().take(LISTED) {
        *out += &wrap(line, indent, &format!("{indent}  "));
    }
    if let Some(more) = lines.len().checked_sub(LISTED).filter(|more| *more > 0) {
        *out += &wrap(&format!("and {more} more"), indent, indent);
    }
}
