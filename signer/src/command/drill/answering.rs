//! `drill --answer`: what a foreign device signed of a drill comes back, and leaves as this signer's own.
//!
//! Answers are known by the transaction that they sign. A transfer's is none: it is passed over, whoever signed it.

use super::{Drill, Drilling};
use crate::command::Context;
use crate::command::sign::{MAX_ANSWERS, files, read_answer, too_many};
use crate::countersign::CountersignError;
use crate::drilling::{DrillError, MAX_BYTES, answer, read};
use crate::failure::{Class, Failure, Reason};
use crate::terminal::read_bounded;
use bitcoin::Txid;
use policies::psbt::Intake;
use policies::words::count;
use std::collections::BTreeMap;

impl Drill {
    pub(super) fn take_answers(
        &self,
        context: &mut Context,
        drilling: &Drilling,
    ) -> Result<(), Failure> {
        let home = &drilling.home;
        home.device_key()?.ok_or(CountersignError::KeyHere)?;
        let mut answers: BTreeMap<Txid, Vec<Intake>> = BTreeMap::new();
        let mut passed: Vec<Reason> = Vec::new();
        for (file, found) in files(&self.answer)? {
            let reason = match read_answer(&file, found)? {
                Ok(intake) if home.drill_file(intake.txid).exists() => {
                    let held = answers.entry(intake.txid).or_default();
                    if held.len() < MAX_ANSWERS {
                        held.push(intake);
                        continue;
                    }
                    too_many()
                }
                Ok(intake) => crate::failure::reason(&DrillError::NotHanded { txid: intake.txid }),
                Err(reason) => reason,
            };
            context.terminal.talk(&format!(
                "passed over {}: {}",
                file.display(),
                reason.message
            ));
            passed.push(reason);
        }
        if answers.len() > 1 {
            let message = format!("{} were answered", count(answers.len(), "drill"));
            return Err(Failure::because(Class::Usage, "SEVERAL_ANSWERED", message)
                .hinted("name the files of one drill"));
        }
        let Some((txid, answers)) = answers.into_iter().next() else {
            if passed.is_empty() {
                let message = "no file is where answers were looked for";
                return Err(Failure::because(Class::Usage, "NO_ANSWER", message)
                    .hinted("name the file that the device wrote, or the folder of its card"));
            }
            return Err(Failure::of(Class::Refused, passed));
        };
        let kept = read_bounded(&home.drill_file(txid), MAX_BYTES)?;
        let read = read(&kept, drilling.pinned.versions())?;
        if read.proof.txid() != txid {
            return Err(DrillError::NotHanded { txid }.into());
        }
        let answered = answer(&read.proof, &drilling.account, &answers)?;
        self.give_answered(context, drilling, &read.proof, &answered)
    }
}
