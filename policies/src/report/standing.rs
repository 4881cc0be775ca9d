//! Where a vault stands without some signers, in words and as JSON.

use serde_json::{Value, json as object};

use super::analysis::days;
use super::layout::wrap;
use super::text::{field, title};
use crate::analysis::{Advice, Gone, Stage, Standing};

/// The most sets that are listed.
const LISTED: usize = 12;

/// Who can still sign, how many more may go, what thieves can do, and what to do first.
pub fn standing(standing: &Standing) -> String {
    let mut out = String::new();
    let gone: Vec<String> = standing
        .gone
        .iter()
        .map(|(name, way)| format!("{name} {}", way.name()))
        .collect();
    let gone = if gone.is_empty() {
        "nobody is gone".to_owned()
    } else {
        gone.join(", ")
    };
    out += &wrap(&format!("Where the vault stands: {gone}"), "", "");
    field(&mut out, "policy", &standing.policy.to_string());
    let signers = standing.can_sign.join(", ");
    let signers = if signers.is_empty() {
        "nobody"
    } else {
        &signers
    };
    field(&mut out, "can sign", signers);
    let open = standing.open_paths.len();
    let possible = match standing.open_paths.first() {
        None => "NOT POSSIBLE now".to_owned(),
        Some(path) if open == 1 => format!("possible now, one way: {path}"),
        Some(path) => format!("possible now, {open} ways, such as {path}"),
    };
    field(&mut out, "ordinary spend", &possible);
    title(&mut out, "What to do first");
    for (number, advice) in (1_usize..).zip(&standing.advice) {
        out += &wrap(&advice_words(advice), &format!("  {number}. "), "     ");
    }
    let next = next_steps(standing);
    if !next.is_empty() {
        title(&mut out, "Begin with");
        for command in &next {
            out += &format!("  {command}\n");
        }
    }
    let stolen = standing.gone.values().any(|way| *way == Gone::Stolen);
    for stage in &standing.stages {
        let when = stage.older.map_or("Coins of any age".to_owned(), |older| {
            format!("Coins {older} blocks old (about {})", days(older))
        });
        title(&mut out, &when);
        stage_words(&mut out, stage, stolen);
    }
    out
}

/// The same as JSON, with the words of each advice and the commands that begin it.
pub fn standing_json(standing: &Standing) -> Value {
    let mut value = object!(standing);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("first".to_owned(), object!(first_steps(standing)));
        fields.insert("begin_with".to_owned(), object!(next_steps(standing)));
    }
    value
}

/// What to do in words, the most urgent first.
pub fn first_steps(standing: &Standing) -> Vec<String> {
    standing.advice.iter().map(advice_words).collect()
}

/// The command that begins the replacement of those who are replaced, all in one version; `policy.toml` is the newest
/// version's document, and each record what `keygen` printed in the signer's new home.
pub fn next_steps(standing: &Standing) -> Vec<String> {
    let replaced = standing.advice.iter().flat_map(|advice| match advice {
        Advice::Replace { signers, .. } => signers.as_slice(),
        Advice::MoveNow
        | Advice::Stop { .. }
        | Advice::RefreshBefore { .. }
        | Advice::FindKeys { .. }
        | Advice::RecoverAfter { .. }
        | Advice::CallBack { .. }
        | Advice::NoMargin { .. }
        | Advice::Nothing => &[],
    });
    let mut lines = Vec::new();
    for (number, name) in replaced.enumerate() {
        lines.push(if number == 0 {
            format!("countersign-coordinator policy replace-signer policy.toml {name} \\")
        } else {
            format!("    --and {name}={name}.toml \\")
        });
        if number == 0 {
            lines.push(format!("    --record {name}.toml \\"));
        }
    }
    if !lines.is_empty() {
        lines.push("    > next.toml".to_owned());
    }
    lines
}

fn stage_words(out: &mut String, stage: &Stage, stolen: bool) {
    let spend = if stage.spendable {
        "possible now"
    } else if stage.spendable_with_away {
        "possible once those who are away are back"
    } else {
        "NOT POSSIBLE"
    };
    field(out, "spend", spend);
    if stage.is_frozen() {
        let who = if stage.spendable {
            "FROZEN once those who leave have left"
        } else {
            "FROZEN: nobody can spend them at this age"
        };
        field(out, "further losses", who);
    } else {
        field(out, "further losses", &listed(stage.freezing.as_ref()));
    }
    if stage.thieves_can {
        field(out, "thieves", "CAN SPEND them with the stolen keys alone");
    } else if stolen {
        let lacking = stage.fewest_lacking().map_or_else(
            || "more keys than can be listed".to_owned(),
            |lacking| format!("{lacking} more"),
        );
        let words = format!("lack {lacking}: {}", listed(stage.thieves_lack.as_ref()));
        field(out, "thieves", &words);
    }
}

pub(super) fn listed(sets: Option<&Vec<Vec<String>>>) -> String {
    let Some(sets) = sets else {
        return "too many sets to list".to_owned();
    };
    let words: Vec<String> = sets
        .iter()
        .take(LISTED)
        .map(|set| set.join(" + "))
        .collect();
    let more = sets.len().saturating_sub(LISTED);
    let rest = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    format!("{}{rest}", words.join("; or "))
}

fn advice_words(advice: &Advice) -> String {
    match advice {
        Advice::MoveNow => {
            "The thieves can spend every coin NOW. Move all coins to a keyset without the stolen keys before anything else; whoever is first has them.".to_owned()
        }
        Advice::Stop { lacking } => format!(
            "Give a stop, so that no signer pays while it is looked into: the thieves lack {lacking} more."
        ),
        Advice::RefreshBefore { older } => format!(
            "Move or refresh every coin before it is {older} blocks old (about {}): from then on the stolen keys can spend it.",
            days(*older)
        ),
        Advice::FindKeys { signers } => format!(
            "Nobody can spend, at any age. Look for copies (written words, backups) of the keys of {}.",
            signers.join(", ")
        ),
        Advice::RecoverAfter { older } => format!(
            "Ordinary spends are over. Recover the coins once they are {older} blocks old (about {}), and send none to this descriptor any more.",
            days(*older)
        ),
        Advice::CallBack { signers } => format!(
            "Call back {}: nobody can spend without them now.",
            signers.join(", ")
        ),
        Advice::Replace {
            signers,
            while_they_sign: true,
        } => format!(
            "Replace {} before they leave, and move every coin to the new keyset while they still sign: without them no ordinary spend is possible.",
            signers.join(", ")
        ),
        Advice::Replace {
            signers,
            while_they_sign: false,
        } => format!(
            "Replace {} in the next version, and move every coin to the new keyset.",
            signers.join(", ")
        ),
        Advice::NoMargin { holders } => format!(
            "There is no margin: the loss of {} alone stops every ordinary spend.",
            holders.join(" or of ")
        ),
        Advice::Nothing => "Nothing: ordinary spends go on.".to_owned(),
    }
}
