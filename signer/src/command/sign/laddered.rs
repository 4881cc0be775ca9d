//! `sign --ladder`: all rungs of a ladder in one sitting.
//!
//! Invariant: a person confirms once, at the dearest rung, and what is signed are rungs of one ladder only: the same
//! payments from the same coins, so that at most one can ever be in the chain. Every rung is reviewed and journalled
//! like any other transfer; where one is refused, none is signed.

use super::{Sign, base64, hand_in, place_in, signed_json};
use crate::command::Context;
use crate::command::review::{read_transfer, review_json};
use crate::countersign::{CountersignError, Countersigner, Examined};
use crate::failure::{Class, Failure};
use crate::home::{Home, HomeError};
use crate::outputs::{self, OutputError};
use policies::carrier::Stage;
use policies::ladder::{self, Rung};
use policies::psbt::Encoding;
use policies::words::{count, ladder_text, review_text};
use serde_json::json;
use std::path::PathBuf;

impl Sign {
    pub(super) fn sign_ladder(&self, context: &mut Context, home: &Home) -> Result<(), Failure> {
        if let Some(key) = home.device_key()? {
            let device = key.kind().clone();
            return Err(HomeError::KeyElsewhere { device }.into());
        }
        let output = self.output.clone().unwrap_or_default();
        if !output.is_dir() {
            return Err(OutputError::NoFolder(output).into());
        }
        outputs::expect_writable(Some(home), &output.join("psbt"))?;
        let files = super::files(&self.ladder)?;
        if files.len() > ladder::MOST_RUNGS {
            let found = files.len();
            return Err(CountersignError::Ladder(ladder::LadderFault::Count { found }).into());
        }
        let passphrase = context.passphrase()?;
        let mut signer = Countersigner::open(home, &passphrase)?;
        let now = context.now()?;
        let mut transfers: Vec<(PathBuf, Vec<u8>, Examined)> = Vec::new();
        for (file, _) in files {
            let bytes = read_transfer(&file)?;
            let examined = match signer.examine(&bytes, now) {
                Ok(examined) => examined,
                Err(error) => {
                    context.terminal.talk(&format!("{}:", file.display()));
                    if context.may_note(&bytes)? {
                        signer.note_carried(&bytes, now)?;
                    }
                    return Err(error.into());
                }
            };
            transfers.push((file, bytes, examined));
        }
        let rungs: Vec<Rung> = transfers
            .iter()
            .map(|(_, _, examined)| Rung::of(examined.review()))
            .collect();
        let order = ladder::check(&rungs).map_err(CountersignError::Ladder)?;
        transfers = in_order(transfers, &order);
        let reviews: Vec<_> = transfers.iter().map(|(_, _, one)| one.review()).collect();
        let Some(top) = reviews.last() else {
            let found = 0;
            return Err(CountersignError::Ladder(ladder::LadderFault::Count { found }).into());
        };
        context.terminal.talk(&review_text(top, signer.policy()));
        context.terminal.talk(&ladder_text(&reviews));
        let shown = review_json(top);
        let mut dated = context.dated(top, signer.policy())?;
        for rung in &reviews {
            let own = context.dated(rung, signer.policy())?;
            dated = dated.zip(own).map(|(all, own)| all.both(own));
        }
        if let Some(dated) = &dated {
            context.terminal.talk(&dated.text(now));
            context.confirm_date(dated, self.yes)?;
        }
        let number = transfers.len();
        if !self.yes {
            let question = format!("Sign all {number} rungs?");
            context.terminal.confirm(&question)?;
        }
        let mut values = Vec::new();
        for (_, bytes, examined) in transfers {
            let signed = signer.sign(examined, context.now()?)?;
            let txid = signed.psbt.unsigned_tx.compute_txid();
            let written = Encoding::sniff(&bytes).encode(&signed.to_bytes());
            let file = place_in(&output, &txid, Stage::Signed, signer.name(), &written);
            outputs::write(Some(home), &file, &written)?;
            let mut value = signed_json(&signed);
            value["psbt"] = json!(base64(&signed));
            value["output"] = json!(file);
            values.push(value);
        }
        let text = format!("Signed: {} in {}", count(number, "rung"), output.display());
        context.terminal.talk(&hand_in(&output));
        let value = json!({ "rungs": values, "review": shown, "output": output });
        context.terminal.answer(&text, &value)
    }
}

/// What was given, in another order.
fn in_order<T>(given: Vec<T>, order: &[usize]) -> Vec<T> {
    let mut places: Vec<(usize, T)> = given
        .into_iter()
        .enumerate()
        .map(|(place, one)| {
            let rank = order.iter().position(|at| *at == place);
            (rank.unwrap_or(usize::MAX), one)
        })
        .collect();
    places.sort_by_key(|(rank, _)| *rank);
    places.into_iter().map(|(_, one)| one).collect()
}

/// What is missing to sign a ladder.
pub(super) fn no_output() -> Failure {
    Failure::because(
        Class::Usage,
        "LADDER_NEEDS_FOLDER",
        "the signatures of a ladder are several files, and no folder was given for them",
    )
    .hinted("give --output FOLDER")
}
