//! How far a revocation reaches, in words and as JSON.

use serde_json::{Value, json as object};

use super::layout::wrap;
use super::standing::listed;
use super::text::field;
use crate::analysis::{Force, Reach};

/// Whether what a next version ends is over, and whose word is missing.
pub fn reach(reach: &Reach) -> String {
    let mut out = wrap(&reach_summary(reach), "", "");
    let names = |names: &[String]| match names {
        [] => "nobody".to_owned(),
        names => names.join(", "),
    };
    field(&mut out, "acknowledged", &names(&reach.acknowledged));
    field(&mut out, "not yet", &names(&reach.waits_for));
    field(&mut out, "payments", &force_words(&reach.payments));
    field(&mut out, "everything", &force_words(&reach.everything));
    out
}

/// The same as JSON.
pub fn reach_json(reach: &Reach) -> Value {
    let mut value = object!(reach);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("summary".to_owned(), object!(reach_summary(reach)));
    }
    value
}

/// How far a version reaches, in one sentence.
pub fn reach_summary(reach: &Reach) -> String {
    if reach.everything.is_in_force() {
        "IN FORCE for everything: no set of the other signers can spend.".to_owned()
    } else if reach.payments.is_in_force() {
        "IN FORCE for payments: what remains possible without those who acknowledged are recoveries of old coins, \
         which pay nobody."
            .to_owned()
    } else {
        "ANNOUNCED: signers who have not acknowledged could still sign a payment as the version before allows it."
            .to_owned()
    }
}

/// Whether what a version ends is over, and whose word would bring that, in one sentence.
pub fn force_words(force: &Force) -> String {
    match force {
        Force::InForce => "in force".to_owned(),
        Force::Announced { once } => {
            format!("in force once these acknowledge: {}", listed(once.as_ref()))
        }
    }
}
