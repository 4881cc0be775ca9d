//! `drill verify`: who is proven by drills, how old they are, and whether together they prove the address.
//!
//! Offline, by the policy that is pinned or given. A file that proves nobody fails the whole: whoever audits is told
//! of it first.

use super::{folded, json};
use crate::command::Context;
use crate::drilling::{Demands, MAX_BYTES, check, read, write_whole};
use crate::failure::{Class, Explained, Failure, Reason};
use crate::outputs;
use crate::pin::{PinError, Pinned};
use crate::terminal::read_input;
use bitcoin::Txid;
use policies::Policy;
use policies::proof::{Challenge, Day, Proof, Proven};
use policies::psbt::SignatureSet;
use policies::words::count;
use serde_json::{Value, json as value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Verify drills, and make the whole proof of the address of a quorum of them
///
/// Every signature is checked offline, over the message and the transaction that the policy gives: the one
/// pinned in the home, or the one named. The whole proof is a signature of BIP 322: anybody can verify it
/// with the address and the message, without this tool.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home alice drill verify alice.json bob.json\n\
\x20 countersign-signer drill verify alice.json bob.json --policy policy.toml \\\n\
\x20   --challenge audit-7 --since 2026-11-20 --proof proof.json")]
pub(super) struct Verify {
    /// What `drill` wrote, or a whole proof
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The policy document; compare its id [default: the home's versions]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Refuse what is older than this day
    #[arg(long, value_name = "DAY")]
    since: Option<Day>,
    /// Refuse what does not answer this challenge
    #[arg(long, value_name = "TEXT")]
    challenge: Option<Challenge>,
    /// Write the whole proof to this file
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
}

/// One proof and all that was said to prove it.
struct Found<'a> {
    proof: Proof<'a>,
    signatures: SignatureSet,
    signers: BTreeSet<String>,
    notes: Vec<String>,
}

impl Verify {
    pub(super) fn needs_a_home(&self) -> bool {
        self.policy.is_none()
    }

    pub(super) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let versions = self.versions(context)?;
        if let Some(file) = &self.proof {
            outputs::expect_writable(context.home().ok().as_ref(), file)?;
        }
        let found = self.found(context, &versions)?;
        let today = Day::of(context.now()?);
        let texts: Vec<String> = found.values().map(|one| one.text(today)).collect();
        let values: Vec<Value> = found.values().map(Found::value).collect();
        if let Some(file) = &self.proof {
            write_proof(context, &found, file)?;
        }
        let value = value!({ "proofs": values, "proof": self.proof });
        context.terminal.answer(&texts.join("\n"), &value)
    }

    fn versions(&self, context: &Context) -> Result<Vec<Policy>, Failure> {
        let Some(file) = &self.policy else {
            return Ok(Pinned::load(&context.home()?)?.versions().to_vec());
        };
        let bytes = read_input(file, crate::command::init::MAX_BYTES)?;
        Ok(vec![Policy::parse(&bytes).map_err(PinError::Mistakes)?])
    }

    /// Reads and checks all files; those of one message come together.
    fn found<'a>(
        &self,
        context: &mut Context,
        versions: &'a [Policy],
    ) -> Result<BTreeMap<Txid, Found<'a>>, Failure> {
        let now = context.now()?;
        let demands = Demands {
            since: self.since,
            challenge: self.challenge.clone(),
        };
        let mut found: BTreeMap<Txid, Found<'a>> = BTreeMap::new();
        let mut reasons: Vec<Reason> = Vec::new();
        for file in &self.files {
            let bytes = read_input(file, MAX_BYTES)?;
            let checked = read(&bytes, versions).and_then(|read| {
                let proven = check(&read, &demands, now)?;
                Ok((read.proof, proven))
            });
            match checked {
                Ok((proof, proven)) => {
                    let one = found
                        .entry(proof.txid())
                        .or_insert_with(|| Found::of(proof));
                    one.add(file, proven);
                }
                Err(error) => {
                    let named = |reason: Reason| Reason {
                        message: format!("{}: {}", file.display(), reason.message),
                        ..reason
                    };
                    reasons.extend(error.reasons().into_iter().map(named));
                }
            }
        }
        if reasons.is_empty() {
            return Ok(found);
        }
        let proven = found.values().flat_map(|one| &one.signers);
        let proven: BTreeSet<&str> = proven.map(String::as_str).collect();
        if !proven.is_empty() {
            let names: Vec<&str> = proven.into_iter().collect();
            context
                .terminal
                .talk(&format!("The other files prove: {}", names.join(", ")));
        }
        Err(Failure::of(Class::Refused, reasons))
    }
}

impl<'a> Found<'a> {
    fn of(proof: Proof<'a>) -> Self {
        Self {
            proof,
            signatures: SignatureSet::new(),
            signers: BTreeSet::new(),
            notes: Vec::new(),
        }
    }

    fn add(&mut self, file: &Path, proven: Proven) {
        self.signatures.union(&proven.signatures);
        self.signers.extend(proven.signers);
        let refused = proven.refused.iter();
        let notes = refused.map(|bad| format!("{}: refused {bad}", file.display()));
        self.notes.extend(notes);
    }

    /// The signers of the version who are not proven.
    fn unproven(&self) -> Vec<&str> {
        let signers = self.proof.policy().signers.iter();
        let names = signers.map(|signer| signer.name.as_str());
        names.filter(|name| !self.signers.contains(*name)).collect()
    }

    /// Who is still to sign for the whole proof.
    fn missing(&self) -> Vec<String> {
        let sets = self.proof.missing(&self.signers);
        let joined = |set: &BTreeSet<String>| {
            let names: Vec<&str> = set.iter().map(String::as_str).collect();
            names.join(" and ")
        };
        sets.iter().map(joined).collect()
    }

    fn text(&self, today: Day) -> String {
        let policy = self.proof.policy();
        let place = self.proof.place();
        let age = match today.days_since(self.proof.day()) {
            0 => "today".to_owned(),
            days => format!(
                "{} ago",
                count(usize::try_from(days).unwrap_or(usize::MAX), "day")
            ),
        };
        let challenge = self.proof.challenge().map_or("none", Challenge::as_str);
        let proven: Vec<&str> = self.signers.iter().map(String::as_str).collect();
        let mut lines = vec![
            format!("policy      version {} of {}", policy.version, policy.name),
            format!("            {}", policy.id),
            format!("address     {} {}", place.keychain, place.index),
            format!("            {}", self.proof.address()),
            format!("day         {}, {age}", self.proof.day()),
            "challenge".to_owned(),
            folded(challenge),
            format!("proven      {}", proven.join(", ")),
        ];
        let unproven = self.unproven();
        if !unproven.is_empty() {
            lines.push(format!("not proven  {}", unproven.join(", ")));
        }
        match self.proof.full(&self.signatures) {
            Some(full) => {
                lines.push("whole       a quorum proves the address, by BIP 322".to_owned());
                lines.push("message".to_owned());
                lines.push(folded(self.proof.message()));
                lines.push("signature".to_owned());
                lines.push(full.to_string());
            }
            None => lines.push(format!(
                "whole       missing: {}",
                self.missing().join(", or ")
            )),
        }
        lines.extend(self.notes.iter().cloned());
        lines.push(String::new());
        lines.join("\n")
    }

    fn value(&self) -> Value {
        let mut value = json(&self.proof);
        value["proven"] = value!(self.signers);
        value["not_proven"] = value!(self.unproven());
        value["missing"] = value!(self.proof.missing(&self.signers));
        let full = self.proof.full(&self.signatures);
        value["signature"] = value!(full.map(|full| full.to_string()));
        value["refused"] = value!(self.notes);
        value
    }
}

/// Writes the whole proof, of the one message that all files are of.
fn write_proof(
    context: &mut Context,
    found: &BTreeMap<Txid, Found<'_>>,
    file: &Path,
) -> Result<(), Failure> {
    let mut all = found.values();
    let (Some(one), None) = (all.next(), all.next()) else {
        let message = format!("the files are of {}", count(found.len(), "message"));
        return Err(
            Failure::because(Class::Refused, "DRILLS_DIFFER", message).hinted(
                "have all drill for one address, on one day (`drill --day`) and with one challenge",
            ),
        );
    };
    let Some(full) = one.proof.full(&one.signatures) else {
        let message = format!("no quorum; missing: {}", one.missing().join(", or "));
        return Err(
            Failure::because(Class::Refused, "DRILL_NO_QUORUM", message).hinted(format!(
                "have them drill with `--day {}` and the same challenge and index",
                one.proof.day()
            )),
        );
    };
    let bytes = write_whole(&one.proof, &full);
    outputs::write(context.home().ok().as_ref(), file, &bytes)?;
    context.terminal.talk(&format!(
        "Written to {}: address, message and signature are all that a verifier of\nBIP 322 needs.",
        file.display()
    ));
    Ok(())
}
