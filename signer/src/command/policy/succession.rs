//! `policy propose`, `approve`, `follow`, `pin`, `ack` and `status`: the next version, at one home.

use super::refuse_devices;
use crate::command::Context;
use crate::command::approve::duration;
use crate::command::init::MAX_BYTES;
use crate::command::journal::no_signer;
use crate::command::stop::hand_out;
use crate::failure::Failure;
use crate::home::{Home, KeyName};
use crate::journal_file::JournalFile;
use crate::keystore::{Kind, durable};
use crate::pin::{Pinned, Role};
use crate::stopping::Spoken;
use crate::succeeding::{
    By, SucceedingError, Successor, acknowledge, adopt, approve, hear, judge, opened,
    to_acknowledge,
};
use crate::terminal::read_input;
use policies::devices::{findings, refusals};
use policies::document::policy_id_from_text;
use policies::succession::{Step, SuccessionFile, ripe_at};
use policies::{Policy, PolicyId, UnixTime, report};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Write the file of a next version that others approve, after checking that it follows
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:\n\
\x20 countersign-signer --home dana policy propose next.toml --output next.json")]
pub(super) struct Propose {
    /// The document of the next version
    file: PathBuf,
    /// Where its file is written
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Do not refuse it for devices that cannot sign it as far as is known here
    #[arg(long)]
    despite_devices: bool,
}

/// Approve a next version, after reading it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:\n\
\x20 countersign-signer --home dana policy approve next.json")]
pub(super) struct ApproveVersion {
    /// The file that `policy propose` wrote; the approval is added to it
    file: PathBuf,
    /// Which approval key, if this home holds several
    #[arg(long, value_name = "NAME")]
    key: Option<KeyName>,
    /// How long signers may take to hear of it; whoever heard in time follows also after that
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration)]
    expires_in: u64,
    /// The id of the successor that this home approved before, if this one takes its place
    #[arg(long, value_name = "ID", value_parser = policy_id_from_text)]
    instead_of: Option<PolicyId>,
    /// Do not ask: it was read before
    #[arg(long)]
    yes: bool,
}

/// Take in an approved next version, and follow it once its delay is over
///
/// The first call takes it in; from then on its delay runs by this signer's
/// clock, and a second call follows it.
///
/// Only versions that leave signers, descriptor and recovery as they are; others need `policy pin`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:\n\
\x20 countersign-signer --home alice policy follow next.json")]
pub(super) struct Follow {
    /// The file with the approvals
    file: PathBuf,
    /// Where the acknowledgement is written [default: beside the file]
    #[arg(long, value_name = "FILE")]
    ack: Option<PathBuf>,
}

/// Acknowledge once more the version that this journal adopted last
///
/// A journal that was begun at a later version acknowledges that one.
///
/// Hand it to the coordinator with `countersign-coordinator statement submit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:\n\
\x20 countersign-signer --home alice policy ack --output ack.json")]
pub(super) struct Acknowledge {
    /// Write it to this file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Pin an approved next version by its id, as another person reads it out
///
/// The first call takes it in; from then on its delay runs by this signer's
/// clock, and a second call adopts it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:\n\
\x20 countersign-signer --home alice policy pin next.json --id \\\n\
\x20   8a4f36a5f1a2f6d4c1e0b9d87766554433221100ffeeddccbbaa998877665544")]
pub(super) struct Pin {
    /// The file with the approvals
    file: PathBuf,
    /// Its id: 64 hex digits, or its 24 words in one argument
    #[arg(long, value_name = "ID", value_parser = policy_id_from_text)]
    id: PolicyId,
    /// This home's signing key is not in it, and that is meant: the signer leaves
    #[arg(long)]
    leaving: bool,
    /// Where the acknowledgement is written [default: beside the file]
    #[arg(long, value_name = "FILE")]
    ack: Option<PathBuf>,
}

/// A home with its pin and, if it signs, its journal.
struct Here {
    home: Home,
    pinned: Pinned,
    journal: Option<JournalFile<File>>,
}

impl Here {
    fn open(context: &Context) -> Result<Self, Failure> {
        let home = context.home()?;
        let (pinned, journal) = opened(&home)?;
        Ok(Self {
            home,
            pinned,
            journal,
        })
    }

    /// Takes a file in, and adopts it if its time has come.
    fn succeed(
        mut self,
        context: &mut Context,
        path: &Path,
        ack: Option<PathBuf>,
        by: By,
    ) -> Result<(), Failure> {
        let file = read_succession(path)?;
        let version = file.version();
        if let By::Pin { typed, .. } = by
            && typed != version
        {
            let found = version;
            return Err(SucceedingError::IdMismatch { typed, found }.into());
        }
        if self.adopted(version).is_some() {
            return self.answer_adopted(context, version);
        }
        let now = context.now()?;
        let journal = self.journal.as_mut();
        let successor = hear(&self.home, self.pinned.policy(), &file, journal, by, now)?;
        context.terminal.talk(&told(&successor));
        let journal = self.journal.as_mut();
        let adopted = adopt(&self.home, &self.pinned, journal, version, by, now)?;
        let roles: Vec<String> = adopted.roles().iter().map(Role::to_string).collect();
        let policy = adopted.policy();
        let mut text = format!(
            "Adopted policy {} version {}\n  id     {}\n  here   {}",
            policy.name,
            policy.version,
            policy.id,
            roles.join(", ")
        );
        if adopted.is_leaving() {
            text +=
                "\n  LEAVING: this home signs only what brings coins of its former keysets home";
        }
        let mut written = None;
        if let (Some(journal), Some(name)) = (&self.journal, adopted.signer()) {
            let ack = ack.unwrap_or_else(|| beside(path, name));
            match write_ack(context, journal, policy, &ack) {
                Ok(()) => {
                    text += &format!("\n  ack    {}", ack.display());
                    written = Some(ack);
                }
                // It is adopted all the same.
                Err(failure) => context.terminal.talk(&format!(
                    "NOT ACKNOWLEDGED: give it with `policy ack --output FILE`.\n{}",
                    failure.text()
                )),
            }
        }
        let value = serde_json::json!({
            "policy": policy.id,
            "version": policy.version,
            "keyset": policy.keyset,
            "roles": roles,
            "leaving": adopted.is_leaving(),
            "ack": written,
            "already_adopted": false,
        });
        context.terminal.answer(&text, &value)
    }

    /// The version of this id, if this home was led to it before.
    fn adopted(&self, version: PolicyId) -> Option<&Policy> {
        let mut versions = self.pinned.versions().iter();
        versions.find(|policy| policy.id == version && policy.previous.is_some())
    }

    /// Says that there is nothing left to do.
    fn answer_adopted(&self, context: &mut Context, version: PolicyId) -> Result<(), Failure> {
        let newest = self.pinned.policy();
        let policy = self.adopted(version).unwrap_or(newest);
        let mut text = format!(
            "Already adopted policy {} version {}\n  id     {}",
            policy.name, policy.version, policy.id
        );
        if policy.id != newest.id {
            text += &format!("\n  since  version {} is pinned here", newest.version);
        } else if self.journal.is_some() {
            text += "\n  ack    `policy ack --output FILE` gives it again";
        }
        let roles: Vec<String> = self.pinned.roles().iter().map(Role::to_string).collect();
        let value = serde_json::json!({
            "policy": policy.id,
            "version": policy.version,
            "keyset": policy.keyset,
            "roles": roles,
            "leaving": self.pinned.is_leaving(),
            "ack": null,
            "already_adopted": true,
        });
        context.terminal.answer(&text, &value)
    }
}

/// Where a signer's acknowledgement lies by default: beside the succession file, under the signer's name.
fn beside(file: &Path, signer: &str) -> PathBuf {
    file.with_extension(format!("{signer}.ack.json"))
}

/// What this home's journal says of the version that it adopted last.
fn acknowledged(
    context: &mut Context,
    journal: &JournalFile<File>,
    policy: &Policy,
) -> Result<Spoken, Failure> {
    // Before anybody is asked for a passphrase.
    if to_acknowledge(journal.history(), policy).is_none() {
        return Err(SucceedingError::NothingAdopted.into());
    }
    let key = context.journal_key()?;
    let said = acknowledge(journal.history(), policy, key.secret())?;
    Ok(Spoken::said(said))
}

fn write_ack(
    context: &mut Context,
    journal: &JournalFile<File>,
    policy: &Policy,
    to: &Path,
) -> Result<(), Failure> {
    let ack = acknowledged(context, journal, policy)?.to_json();
    let text = serde_json::to_string_pretty(&ack).expect("statements are plain JSON");
    durable::replace(to, format!("{text}\n").as_bytes())?;
    Ok(())
}

impl Acknowledge {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let here = Here::open(context)?;
        let journal = here.journal.as_ref().ok_or_else(no_signer)?;
        let ack = acknowledged(context, journal, here.pinned.policy())?;
        hand_out(context, &ack, self.output.as_deref())
    }
}

impl Propose {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let pinned = Pinned::load(&context.home()?)?;
        let document = read_input(&self.file, MAX_BYTES)?;
        let file = SuccessionFile::of(&document).map_err(SucceedingError::Mistakes)?;
        let successor = judge(pinned.policy(), &file, context.now()?)?;
        if !self.despite_devices {
            refuse_devices(&refusals(&successor.policy, Some(pinned.policy())))?;
        }
        let mut bytes = file.write();
        bytes.push(b'\n');
        durable::replace(&self.output, &bytes)?;
        let words = successor.policy.words().join(" ");
        let text = format!(
            "{}\n  words  {words}\nWritten to {}",
            told(&successor),
            self.output.display()
        );
        context.terminal.answer(&text, &value(&successor))
    }
}

impl ApproveVersion {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        let pinned = Pinned::load(&home)?;
        home.expect_person_key(Kind::Approval, self.key.as_ref())?;
        let mut file = read_succession(&self.file)?;
        let now = context.now()?;
        let successor = judge(pinned.policy(), &file, now)?;
        context.terminal.talk(&told(&successor));
        if !self.yes {
            context.terminal.confirm("Approve this version?")?;
        }
        let key = context.person_key(Kind::Approval, self.key.as_ref())?;
        let until = now.saturating_add(self.expires_in);
        let policy = pinned.policy();
        let approved = approve(
            &home,
            policy,
            &mut file,
            &key,
            (now, until),
            self.instead_of,
        )?;
        let mut bytes = file.write();
        bytes.push(b'\n');
        durable::replace(&self.file, &bytes)?;
        context.terminal.answer(&told(&approved), &value(&approved))
    }
}

impl Follow {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        Here::open(context)?.succeed(context, &self.file, self.ack, By::Human)
    }
}

impl Pin {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        Here::open(context)?.succeed(
            context,
            &self.file,
            self.ack,
            By::Pin {
                typed: self.id,
                leaving: self.leaving,
            },
        )
    }
}

/// Shows the line, and what is proposed after it.
pub(super) fn status(context: &mut Context) -> Result<(), Failure> {
    let here = Here::open(context)?;
    let mut text = String::from("Versions of this vault, as this home knows them");
    let mut versions = Vec::new();
    for policy in here.pinned.versions() {
        text += &format!("\n  {:>3}  {}", policy.version, policy.id);
        versions.push(serde_json::json!({
            "version": policy.version,
            "policy": policy.id,
            "keyset": policy.keyset,
        }));
    }
    let newest = here.pinned.policy();
    let held = here.journal.as_ref();
    let proposals = held.map_or_else(Vec::new, |journal| {
        journal.history().versions().proposals_after(newest.id)
    });
    let mut next = Vec::new();
    for proposed in &proposals {
        let ripe = ripe_at(newest, proposed.at);
        let from = ripe.as_ref().map(UnixTime::to_string).unwrap_or_default();
        text += &format!("\n  next {} from {from}", proposed.policy);
        next.push(
            serde_json::json!({ "policy": proposed.policy, "at": proposed.at, "ripe": ripe }),
        );
    }
    if proposals.len() > 1 {
        text += "\n  DISPUTED: two successors were approved; only a human decides between them";
    }
    let roles: Vec<String> = here.pinned.roles().iter().map(Role::to_string).collect();
    text += &format!("\n  here {}", roles.join(", "));
    let value = serde_json::json!({ "versions": versions, "next": next, "roles": roles });
    context.terminal.answer(&text, &value)
}

fn read_succession(file: &Path) -> Result<SuccessionFile, Failure> {
    let bytes = read_input(file, MAX_BYTES.saturating_mul(2))?;
    Ok(SuccessionFile::read(&bytes).map_err(SucceedingError::from)?)
}

/// What a person reads of a next version.
fn told(successor: &Successor) -> String {
    let policy = &successor.policy;
    let step = match successor.step {
        Step::Rules => "alters rules and people, no keys: signers follow it",
        Step::Keyset => "ALTERS KEYS: at each signer a human pins it",
    };
    let approved = &successor.approved;
    let by = match approved.persons.as_slice() {
        [] => "nobody yet".to_owned(),
        persons => persons.join(", "),
    };
    let mut text = format!(
        "Policy {} version {}\n  id     {}\n  {step}\n  needs  {} of {}; approved by {by}",
        policy.name,
        policy.version,
        policy.id,
        approved.needed,
        approved.group.as_deref().unwrap_or("any approvers"),
    );
    for fault in &approved.faults {
        text += &format!("\n  not counted: {fault}");
    }
    let devices = findings(&policy.descriptor, &policy.signers);
    if !devices.is_empty() {
        text += &format!("\n{}", report::device_lines(&devices).trim_end());
    }
    if let Some(ripe) = successor.ripe {
        text += &format!("\n  may be adopted from {ripe}");
    }
    text
}

fn value(successor: &Successor) -> serde_json::Value {
    serde_json::json!({
        "policy": successor.policy.id,
        "version": successor.policy.version,
        "keyset": successor.policy.keyset,
        "step": successor.step,
        "approved": successor.approved,
        "ripe": successor.ripe,
    })
}
