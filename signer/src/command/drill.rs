//! `drill`: proves that a key is there, by a signature that can move no money.

mod answering;
mod handing;
mod verifying;
#[cfg(feature = "devices")]
mod wired;

use super::Context;
#[cfg(feature = "devices")]
use super::device::WireArgs;
#[cfg(feature = "devices")]
use crate::device::Wanted;
use crate::drilling::{Answered, ask, day, sign_here, write};
use crate::failure::Failure;
use crate::home::{Home, HomeError};
use crate::outputs;
use crate::pin::Pinned;
use bitcoin::bip32::Xpub;
use bitcoin::psbt::Psbt;
use policies::Keychain;
use policies::document::SignerKey;
use policies::proof::{Challenge, Day, Place, Proof};
use policies::words::count;
use std::path::{Path, PathBuf};

/// Prove this signer's key without spending, or verify such proofs
///
/// Signs a message that the tool itself makes, over an address of the vault (BIP 322). What is signed
/// spends an output that can stand in no block: no money moves, and nothing is journalled. All who drill
/// on one day with one challenge sign the same, and a quorum of them proves the address.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(override_usage = "\
countersign-signer drill [OPTIONS]\n       \
countersign-signer drill --device [WHICH]\n       \
countersign-signer drill --hand-to <OUT>\n       \
countersign-signer drill --answer <REPLY>...\n       \
countersign-signer drill verify [OPTIONS] <FILE>...")]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home alice drill --challenge audit-7 -o alice.json\n\
\x20 countersign-signer --home carol drill --challenge audit-7 --device\n\
\x20 countersign-signer --home bob drill --challenge audit-7 --hand-to /media/card\n\
\x20 countersign-signer --home bob drill --answer /media/card -o bob.json\n\
\x20 countersign-signer --home alice drill verify alice.json bob.json")]
pub(super) struct Drill {
    #[command(subcommand)]
    what: Option<What>,
    /// What the auditor wants to have signed along: 1 to 200 printable
    /// characters, so that nobody can have signed it before
    #[arg(long, value_name = "TEXT", conflicts_with = "answer")]
    challenge: Option<Challenge>,
    /// Which address
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "answer")]
    index: u32,
    /// An address for change, not one for deposits
    #[arg(long, conflicts_with = "answer")]
    change: bool,
    /// Join a drill that others began on this day [default: today, in UTC]
    #[arg(long, value_name = "DAY", conflicts_with = "answer")]
    day: Option<Day>,
    /// Write it for the device that holds the key: to this file, into this
    /// folder, or to standard output with -
    #[arg(long, value_name = "OUT", conflicts_with_all = ["answer", "output"])]
    hand_to: Option<PathBuf>,
    /// Have the device sign that is plugged in: of a kind, with a fingerprint, or
    /// auto for the one with this home's key
    #[cfg(feature = "devices")]
    #[arg(long, value_name = "WHICH", num_args = 0..=1, default_missing_value = "auto", conflicts_with_all = ["answer", "hand_to"])]
    device: Option<Wanted>,
    /// Take over what the device signed: files, folders, or - for standard
    /// input
    #[arg(long, value_name = "REPLY", num_args = 1..)]
    answer: Vec<PathBuf>,
    /// Write the drill to this file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[cfg(feature = "devices")]
    #[command(flatten)]
    wire: WireArgs,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Verify(verifying::Verify),
}

/// Who drills, by this home.
struct Drilling {
    home: Home,
    pinned: Pinned,
    name: String,
    account: Xpub,
}

impl Drill {
    /// Whether it works in a home that was begun before; who verifies may have none.
    pub(super) fn needs_a_home(&self) -> bool {
        match &self.what {
            Some(What::Verify(verify)) => verify.needs_a_home(),
            None => true,
        }
    }

    pub(super) fn run(mut self, context: &mut Context) -> Result<(), Failure> {
        if let Some(What::Verify(verify)) = self.what.take() {
            return verify.run(context);
        }
        let drilling = Drilling::open(context)?;
        if let Some(output) = &self.output {
            outputs::expect_writable(Some(&drilling.home), output)?;
        }
        if !self.answer.is_empty() {
            return self.take_answers(context, &drilling);
        }
        let proof = self.proof(context, &drilling)?;
        #[cfg(feature = "devices")]
        if let Some(wanted) = &self.device {
            return self.sign_on_device(context, &drilling, &proof, wanted);
        }
        match &self.hand_to {
            Some(out) => handing::hand_over(context, &drilling, &proof, out),
            None => self.sign(context, &drilling, &proof),
        }
    }

    fn proof<'a>(
        &self,
        context: &mut Context,
        drilling: &'a Drilling,
    ) -> Result<Proof<'a>, Failure> {
        let place = Place {
            keychain: if self.change {
                Keychain::Internal
            } else {
                Keychain::External
            },
            index: self.index,
        };
        let day = day(self.day, context.now()?)?;
        let policy = drilling.pinned.policy();
        let challenge = self.challenge.clone();
        Ok(ask(policy, &drilling.account, place, day, challenge)?)
    }

    fn sign(
        &self,
        context: &mut Context,
        drilling: &Drilling,
        proof: &Proof<'_>,
    ) -> Result<(), Failure> {
        if let Some(key) = drilling.home.device_key()? {
            let device = key.kind().clone();
            return Err(HomeError::KeyElsewhere { device }.into());
        }
        context.terminal.talk(&told(proof));
        if !self.yes {
            context.terminal.confirm("Sign it, to prove the key?")?;
        }
        let passphrase = context.passphrase()?;
        let key = drilling.home.open_vault_key(&passphrase)?;
        let psbt = sign_here(proof, &key)?;
        self.give(context, drilling, proof, &psbt)
    }

    /// Gives what a device signed, and says what of it was not taken.
    fn give_answered(
        &self,
        context: &mut Context,
        drilling: &Drilling,
        proof: &Proof<'_>,
        answered: &Answered,
    ) -> Result<(), Failure> {
        for bad in &answered.refused {
            context.terminal.talk(&format!("refused: {bad}"));
        }
        if answered.others > 0 {
            let others = count(answered.others, "signature");
            context
                .terminal
                .talk(&format!("left out: {others} of others"));
        }
        self.give(context, drilling, proof, &answered.psbt)
    }

    /// Gives the drill: in the file, or on standard output.
    fn give(
        &self,
        context: &mut Context,
        drilling: &Drilling,
        proof: &Proof<'_>,
        psbt: &Psbt,
    ) -> Result<(), Failure> {
        let drill = write(proof, &drilling.name, psbt);
        let mut value = json(proof);
        value["signer"] = serde_json::json!(drilling.name);
        value["output"] = serde_json::json!(self.output);
        value["drill"] = serde_json::from_slice(&drill).expect("a drill is JSON");
        let Some(output) = &self.output else {
            if context.terminal.is_json() {
                return context.terminal.answer("", &value);
            }
            return context.terminal.data(&drill);
        };
        outputs::write(Some(&drilling.home), output, &drill)?;
        let text = format!("Proved: {} in {}", drilling.name, output.display());
        context.terminal.talk(&format!(
            "Give {} to whoever asked; they check it with\n  \
             countersign-signer drill verify {} --policy policy.toml{}",
            output.display(),
            output.display(),
            proof
                .challenge()
                .map(|challenge| {
                    let quoted = challenge.as_str().replace('\'', r#"'"'"'"#);
                    format!(" \\\n    --challenge '{quoted}'")
                })
                .unwrap_or_default()
        ));
        context.terminal.answer(&text, &value)
    }
}

impl Drilling {
    fn open(context: &Context) -> Result<Self, Failure> {
        let home = context.home()?;
        super::sign::expect_signer(&home)?;
        let pinned = Pinned::load(&home)?;
        let name = pinned.signer().unwrap_or_default().to_owned();
        let account = home.vault_public()?.parse::<SignerKey>();
        let account = account
            .map_err(|_| HomeError::NoKey(crate::keystore::Kind::Vault))?
            .xpub;
        Ok(Self {
            home,
            pinned,
            name,
            account,
        })
    }
}

/// What a person reads before it is signed.
fn told(proof: &Proof<'_>) -> String {
    format!(
        "A drill: no money moves. What it spends can stand in no block, and it pays\nnobody. Signed is the message\n{}",
        folded(proof.message())
    )
}

/// A message in lines that fit a terminal.
fn folded(message: &str) -> String {
    let letters: Vec<char> = message.chars().collect();
    let lines = letters.chunks(76);
    let lines = lines.map(|line| format!("  {}", line.iter().collect::<String>()));
    lines.collect::<Vec<_>>().join("\n")
}

/// What the screen of a device must be like.
const ON_SCREEN: &str = "\
The device shows 1 input of 0 BTC, 1 output of 0 BTC (OP_RETURN) and no fee, or
the message itself. Should it show an amount or an address of others, do not
sign.";

/// What is proved, for programs.
fn json(proof: &Proof<'_>) -> serde_json::Value {
    serde_json::json!({
        "txid": proof.txid(),
        "vault": proof.policy().vault,
        "policy": proof.policy().id,
        "version": proof.policy().version,
        "keychain": proof.place().keychain.name(),
        "index": proof.place().index,
        "address": proof.address().to_string(),
        "day": proof.day().to_string(),
        "challenge": proof.challenge().map(Challenge::as_str),
        "message": proof.message(),
    })
}

/// A folder's file, or the file itself.
fn place(out: &Path, proof: &Proof<'_>, drilling: &Drilling, bytes: &[u8]) -> PathBuf {
    if out.is_dir() {
        let stage = policies::carrier::Stage::ForDevice;
        super::sign::place_in(out, &proof.txid(), stage, &drilling.name, bytes)
    } else {
        out.to_owned()
    }
}
