//! What differs between two versions, in the words of review and as JSON.

use serde_json::{Value, json as object};

use super::analysis::device_lines;
use super::layout::wrap;
use super::text::title;
use crate::devices::{DeviceFinding, findings};
use crate::document::Policy;
use crate::succession::{Change, Step, diff, follows};

/// Every difference between two versions, part by part.
pub fn difference(previous: &Policy, next: &Policy) -> String {
    let changes = diff(previous, next);
    let mut out = wrap(
        &format!(
            "From version {} to version {} of {:?}",
            previous.version, next.version, next.name
        ),
        "",
        "",
    );
    out += &wrap(&previous.id.to_string(), "  from  ", "        ");
    out += &wrap(&next.id.to_string(), "  to    ", "        ");
    out += &wrap(&step_words(previous, next), "  ", "  ");
    if changes.is_empty() {
        out += &wrap("Nothing differs.", "  ", "  ");
    }
    let mut part = None;
    for change in &changes {
        if part != Some(change.part) {
            title(&mut out, change.part.title());
            part = Some(change.part);
        }
        out += &wrap(
            &change_words(change),
            &format!("  {:<10} ", change.direction.name()),
            &" ".repeat(13),
        );
    }
    let devices = new_findings(previous, next);
    if !devices.is_empty() {
        title(&mut out, "Devices");
        out += &device_lines(&devices);
    }
    out
}

/// What is to be known of the devices of a version that was not to be known of the one before it.
pub fn new_findings(previous: &Policy, next: &Policy) -> Vec<DeviceFinding> {
    let known = findings(&previous.descriptor, &previous.signers);
    let mut found = findings(&next.descriptor, &next.signers);
    found.retain(|finding| !known.contains(finding));
    found
}

/// The same as JSON.
pub fn difference_json(previous: &Policy, next: &Policy) -> Value {
    let followed = follows(previous, next);
    let mistakes = followed.as_ref().err().map(|mistakes| {
        mistakes
            .iter()
            .map(|mistake| {
                object!({
                    "code": mistake.code(),
                    "detail": mistake.to_string(),
                    "hint": mistake.hint(),
                })
            })
            .collect::<Vec<_>>()
    });
    object!({
        "from": previous.id,
        "to": next.id,
        "step": followed.ok(),
        "mistakes": mistakes.unwrap_or_default(),
        "changes": diff(previous, next),
        "devices": new_findings(previous, next),
    })
}

/// Whether a version follows another, and what kind of step it is, in one sentence.
pub fn step_words(previous: &Policy, next: &Policy) -> String {
    match follows(previous, next) {
        Ok(Step::Rules) => "A step of rules: signers may follow it by themselves.".to_owned(),
        Ok(Step::Keyset) => {
            "A step that introduces a keyset: at each signer a human pins it.".to_owned()
        }
        Err(_) if previous.id == next.id => "The same version.".to_owned(),
        Err(mistakes) => {
            let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            format!("It does NOT follow: {}.", mistakes.join("; "))
        }
    }
}

/// One difference in one sentence.
pub fn change_words(change: &Change) -> String {
    let about = &change.about;
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("{about}: was {before}; is {after}"),
        (None, Some(after)) => format!("{about}: NEW, {after}"),
        (Some(before), None) => format!("{about}: GONE, was {before}"),
        (None, None) => about.clone(),
    }
}
