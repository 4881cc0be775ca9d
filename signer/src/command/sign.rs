//! `sign`: reviews, journals and signs one transfer, here or by way of a foreign device.

mod answering;
mod handing;
mod laddered;
#[cfg(feature = "devices")]
mod wired;

pub(super) use answering::{MAX_ANSWERS, files, read_answer, too_many};

use super::Context;
#[cfg(feature = "devices")]
use super::device::WireArgs;
use super::review::{read_transfer, review_json};
use crate::countersign::{CountersignError, Countersigner, Examined, Signed};
use crate::dating::Dated;
#[cfg(feature = "devices")]
use crate::device::Wanted;
use crate::failure::{Class, Failure};
use crate::home::{Home, HomeError};
use crate::outputs::{self, OutputError};
use crate::pin::Pinned;
use bitcoin::Txid;
use policies::carrier::{Stage, file_name, long_file_name};
use policies::journal::SpendMode;
use policies::psbt::{Encoding, MAX_BYTES};
use policies::words::{count, review_text};
use std::path::{Path, PathBuf};

/// The most bytes of a PSBT in a file: hex takes twice its bytes.
const MOST_READ: u64 = MAX_BYTES as u64 * 3;

/// Review a transfer, remember it, and sign it
///
/// Gives back signatures and a receipt only, as a PSBT: on standard output in base64, or in a file
/// written as the transfer was. Nothing is written when it is refused.
///
/// Where the key lies in a device that is plugged in, --device has it sign there, by way of `hwi` or `bhwi`.
///
/// Where the key lies in a device that no wire joins (`import --device`), --hand-to writes the transfer for
/// it once it is reviewed and journalled, and --answer takes what the device signed: files, a card's
/// folder, or - for standard input. What answers to nothing handed over is passed over.
#[derive(Debug, clap::Args)]
#[command(override_usage = "\
countersign-signer sign [OPTIONS] <FILE>\n       \
countersign-signer sign <FILE> --device [WHICH]\n       \
countersign-signer sign <FILE> --hand-to <OUT>\n       \
countersign-signer sign [FILE] --answer <REPLY>...\n       \
countersign-signer sign --ladder <RUNG>... --output <FOLDER>")]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home alice sign w1.psbt --output w1.alice.psbt\n\
\x20 countersign-signer --home alice sign recovery.psbt --recovery\n\
\x20 countersign-signer --home carol sign w1.psbt --device\n\
\x20 countersign-signer --home bob sign w1.psbt --hand-to /media/card\n\
\x20 countersign-signer --home bob sign --answer /media/card -o w1.bob.psbt\n\
\x20 countersign-signer --home alice sign --ladder rungs --output signed")]
pub(super) struct Sign {
    /// The PSBT (binary, base64 or hex), or - for standard input
    #[arg(required_unless_present_any = ["answer", "ladder"])]
    file: Option<PathBuf>,
    /// Write it for the device that holds the key: to this file, into this
    /// folder, or to standard output with -
    #[arg(long, value_name = "OUT", conflicts_with = "answer")]
    hand_to: Option<PathBuf>,
    /// Have the device sign that is plugged in: of a kind, with a fingerprint, or
    /// auto for the one with this home's key
    #[cfg(feature = "devices")]
    #[arg(long, value_name = "WHICH", num_args = 0..=1, default_missing_value = "auto", conflicts_with_all = ["answer", "hand_to", "ladder"])]
    device: Option<Wanted>,
    /// Take over what the device signed: files, folders, or - for standard
    /// input
    #[arg(long, value_name = "REPLY", num_args = 1.., conflicts_with = "recovery")]
    answer: Vec<PathBuf>,
    /// Sign all rungs of a ladder in one sitting: files, or folders of them. They must pay the
    /// same from the same coins, and differ in fee and change alone
    #[arg(long, value_name = "RUNG", num_args = 1.., conflicts_with_all = ["file", "answer", "hand_to", "recovery"])]
    ladder: Vec<PathBuf>,
    /// Write the signatures to this file; of several transfers into this folder
    #[arg(long, short, value_name = "FILE", conflicts_with = "hand_to")]
    output: Option<PathBuf>,
    /// Sign a recovery, which takes the path with a timelock, and nothing but a recovery
    #[arg(long)]
    recovery: bool,
    /// Do not ask: it was reviewed before, or the rules are all that is wanted
    #[arg(long)]
    yes: bool,
    #[cfg(feature = "devices")]
    #[command(flatten)]
    wire: WireArgs,
}

impl Sign {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        expect_signer(&home)?;
        if !self.answer.is_empty() {
            return self.take_answers(context, &home);
        }
        if !self.ladder.is_empty() {
            if self.output.is_none() {
                return Err(laddered::no_output());
            }
            return self.sign_ladder(context, &home);
        }
        // Required where there is no answer.
        let file = self.file.clone().unwrap_or_default();
        #[cfg(feature = "devices")]
        if let Some(wanted) = self.device.clone() {
            return self.sign_on_device(context, &home, &file, &wanted);
        }
        if let Some(out) = self.hand_to.clone() {
            return self.hand_over(context, &home, &file, &out);
        }
        self.sign_here(context, &home, &file)
    }

    fn sign_here(&self, context: &mut Context, home: &Home, file: &Path) -> Result<(), Failure> {
        if let Some(key) = home.device_key()? {
            let device = key.kind().clone();
            return Err(HomeError::KeyElsewhere { device }.into());
        }
        if let Some(output) = &self.output {
            expect_output(home, output, file)?;
        }
        let Open {
            bytes,
            mut signer,
            examined,
            dated,
        } = examined(context, home, file)?;
        let shown = review_json(examined.review());
        self.refuse_another_mode(examined.review().mode)?;
        if let Some(output) = &self.output {
            outputs::expect_free(output, &examined.review().txid)?;
        }
        if let Some(dated) = &dated {
            context.confirm_date(dated, self.yes)?;
        }
        if !self.yes {
            let question = if self.recovery {
                "Sign this RECOVERY?"
            } else {
                "Sign this?"
            };
            context.terminal.confirm(question)?;
        }
        let signed = signer.sign(examined, context.now()?)?;
        let mut value = signed_json(&signed);
        value["review"] = shown;
        value["output"] = serde_json::json!(self.output);
        let Some(output) = &self.output else {
            return context.terminal.answer(&base64(&signed), &value);
        };
        outputs::write(
            Some(home),
            output,
            &Encoding::sniff(&bytes).encode(&signed.to_bytes()),
        )?;
        let text = format!(
            "Signed: signatures for {} in {}",
            count(signed.signatures, "input"),
            output.display()
        );
        context.terminal.talk(&hand_in(output));
        context.terminal.answer(&text, &value)
    }

    /// A recovery is signed only by somebody who says that it is wanted, and then nothing else is.
    fn refuse_another_mode(&self, mode: SpendMode) -> Result<(), Failure> {
        match (mode, self.recovery) {
            (SpendMode::Recovery, true) | (SpendMode::Pay | SpendMode::SelfSpend, false) => Ok(()),
            (SpendMode::Recovery, false) => Err(Failure::because(
                Class::Refused,
                "RECOVERY_NOT_WISHED",
                "this is a recovery: it takes the path with a timelock and pays all of its coins to where \
                 the policy says",
            )
            .hinted("give --recovery if the vault is to be recovered now; ask the other signers first")),
            (SpendMode::Pay | SpendMode::SelfSpend, true) => Err(Failure::because(
                Class::Refused,
                "NOT_A_RECOVERY",
                "--recovery was given, and this is no recovery",
            )
            .hinted("leave --recovery out to sign what the review shows")),
        }
    }
}

/// A transfer that may be signed, and the open signer that may.
struct Open {
    bytes: Vec<u8>,
    signer: Countersigner,
    examined: Examined,
    /// What it says of the time, where that is a person's word.
    dated: Option<Dated>,
}

/// Opens the signer, reviews the transfer, and shows it.
fn examined(context: &mut Context, home: &Home, file: &Path) -> Result<Open, Failure> {
    let bytes = read_transfer(file)?;
    let passphrase = context.passphrase()?;
    let mut signer = Countersigner::open(home, &passphrase)?;
    let now = context.now()?;
    let reviewed = match signer.examine(&bytes, now) {
        Ok(reviewed) => reviewed,
        Err(error) => {
            if context.may_note(&bytes)? {
                signer.note_carried(&bytes, now)?;
            }
            return Err(error.into());
        }
    };
    context
        .terminal
        .talk(&review_text(reviewed.review(), signer.policy()));
    let dated = context.dated(reviewed.review(), signer.policy())?;
    if let Some(dated) = &dated {
        context.terminal.talk(&dated.text(now));
    }
    Ok(Open {
        bytes,
        signer,
        examined: reviewed,
        dated,
    })
}

/// Where a transfer's file goes in a folder: by its short name, or by a longer one where something else has that. A
/// coordinator can make two transactions whose short names are one, and two signers may answer into one folder.
pub(super) fn place_in(
    folder: &Path,
    txid: &Txid,
    stage: Stage,
    signer: &str,
    bytes: &[u8],
) -> PathBuf {
    let (short, long) = (file_name(txid, stage), long_file_name(txid, stage));
    let named = folder.join(format!("{signer}-{long}"));
    let mut names = [short, long].into_iter().map(|name| folder.join(name));
    names
        .find(|file| outputs::is_free_for(file, bytes))
        .unwrap_or(named)
}

/// Refuses, before anything is remembered, what could not be written then, or would take the place of what is read.
fn expect_output(home: &Home, output: &Path, input: &Path) -> Result<(), Failure> {
    let real = |path: &Path| path.canonicalize().ok();
    if real(output).is_some_and(|output| real(input) == Some(output)) {
        return Err(OutputError::Taken(output.to_owned()).into());
    }
    Ok(outputs::expect_writable(Some(home), output)?)
}

/// What a person does with signatures in a file.
fn hand_in(output: &Path) -> String {
    format!(
        "Carry {} to the coordinator: its page takes it,\nand `countersign-coordinator attempt submit`.",
        output.display()
    )
}

/// What was signed, in base64 as text.
fn base64(signed: &Signed) -> String {
    let psbt = signed.to_bytes();
    String::from_utf8_lossy(&Encoding::Base64.encode(&psbt)).into_owned()
}

/// What was signed, for programs.
fn signed_json(signed: &Signed) -> serde_json::Value {
    serde_json::json!({
        "txid": signed.psbt.unsigned_tx.compute_txid().to_string(),
        "signatures": signed.signatures,
        "journal": signed.receipt.body.journal,
        "counter": signed.receipt.body.counter,
        "head": signed.receipt.body.head,
        "psbt": base64(signed),
    })
}

/// Refuses, before anybody is asked for a passphrase, a home that holds no signer's keys.
pub(super) fn expect_signer(home: &Home) -> Result<(), Failure> {
    let pinned = Pinned::load(home)?;
    pinned.journal().ok_or(CountersignError::NotASigner)?;
    Ok(())
}
