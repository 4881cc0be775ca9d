//! `policy`: writes, checks, shows, compares, exports and imports policy documents without a home, and leads a home
//! to the next version.

mod exchange;
mod succession;

use super::Context;
use crate::failure::{Class, Failure, Reason, facts_of};
use crate::pin::mistake_reason;
use crate::terminal::read_input;
use policies::descriptor::{NamedKey, compile};
use policies::devices::{DeviceFinding, findings, refusals};
use policies::document::SignerKey;
use policies::{Policy, ScriptKind, report};
use std::path::{Path, PathBuf};

const MAX_BYTES: u64 = 1024 * 1024;

/// What is said before all differences between two vaults.
const OTHER_VAULT: &str = "The second is of another vault: use the home of that vault\n";

/// Compile, check, show, export or import a policy; propose, approve, follow or pin the next version
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer policy check policy.toml\n\
\x20 countersign-signer policy show policy.toml")]
pub(super) struct PolicyVerb {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show a document: its id and words, spending paths, people, limits, rules
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer policy show policy.toml")]
    Show {
        /// The document, or - for standard input
        file: PathBuf,
    },
    /// Check a document and name every mistake
    #[command(after_help = "\
Examples:\n\
\x20 countersign-signer policy check policy.toml\n\
\x20 countersign-signer policy check policy.toml --json")]
    Check {
        /// The document, or - for standard input
        file: PathBuf,
        /// Do not refuse it for devices that cannot sign it as far as is known here
        #[arg(long)]
        despite_devices: bool,
    },
    /// Show every difference between two versions, part by part
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer policy diff policy.toml next.toml")]
    Diff {
        /// The document of the version before, or - for standard input
        before: PathBuf,
        /// The document of the version after
        after: PathBuf,
    },
    Export(exchange::Export),
    Import(exchange::Import),
    Propose(succession::Propose),
    Approve(succession::ApproveVersion),
    Follow(succession::Follow),
    Pin(succession::Pin),
    Ack(succession::Acknowledge),
    /// Show the versions that this home knows, and what is proposed next
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer --home alice policy status")]
    Status,
    /// Write the descriptor of a policy text over named keys
    #[command(override_usage = "\
countersign-signer policy compile [OPTIONS] --script <SCRIPT>\n       --key <NAME=KEY> <POLICY>")]
    #[command(after_help = "\
Example, with the keys that keygen printed:\n\
\x20 countersign-signer policy compile 'thresh(2,pk(alice),pk(bob))' \\\n\
\x20   --script wsh --key \"alice=$ALICE_KEY\" --key \"bob=$BOB_KEY\"")]
    Compile {
        /// The policy, such as thresh(2,pk(alice),pk(bob),pk(machine))
        policy: String,
        /// The kind of script: wsh, tr or wpkh
        #[arg(long, value_parser = script_kind)]
        script: ScriptKind,
        /// A key of the policy, as name=[fingerprint/path]xpub; once for each
        #[arg(long = "key", value_name = "NAME=KEY", value_parser = named_key, required = true)]
        keys: Vec<NamedKey>,
    },
}

fn script_kind(name: &str) -> Result<ScriptKind, &'static str> {
    [ScriptKind::Wsh, ScriptKind::Tr, ScriptKind::Wpkh]
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or("not wsh, tr or wpkh")
}

fn named_key(text: &str) -> Result<NamedKey, String> {
    let (name, key) = text.split_once('=').ok_or("not name=[origin]xpub")?;
    let key: SignerKey = key.parse().map_err(|error| format!("{name}: {error}"))?;
    Ok(NamedKey {
        name: name.to_owned(),
        key: key.position(),
    })
}

impl PolicyVerb {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self.what {
            What::Show { file } => {
                let policy = read_policy(&file)?;
                let (text, value) = (report::show(&policy), report::json(&policy));
                context.terminal.answer(&text, &value)
            }
            What::Check {
                file,
                despite_devices,
            } => {
                let policy = read_policy(&file)?;
                if !despite_devices {
                    refuse_devices(&refusals(&policy, None))?;
                }
                let words = policy.words();
                let rows: Vec<String> = words.chunks(6).map(|six| six.join(" ")).collect();
                let words = rows.join("\n         ");
                let devices = findings(&policy.descriptor, &policy.signers);
                let first_address = policy.first_address();
                let mut text = format!(
                    "No mistakes\n  id     {}\n  words  {words}\n  first address\n         {first_address}",
                    policy.id
                );
                if !devices.is_empty() {
                    text += &format!("\nDevices\n{}", report::device_lines(&devices));
                }
                let value = serde_json::json!({
                    "id": policy.id, "words": policy.words(), "first_address": first_address,
                    "devices": devices,
                });
                context.terminal.answer(text.trim_end(), &value)
            }
            What::Diff { before, after } => {
                let (before, after) = (read_policy(&before)?, read_policy(&after)?);
                let mut text = report::difference(&before, &after);
                if before.vault != after.vault {
                    text.insert_str(0, OTHER_VAULT);
                }
                let value = report::difference_json(&before, &after);
                context.terminal.answer(text.trim_end(), &value)
            }
            What::Export(verb) => verb.run(context),
            What::Import(verb) => verb.run(context),
            What::Propose(verb) => verb.run(context),
            What::Approve(verb) => verb.run(context),
            What::Follow(verb) => verb.run(context),
            What::Pin(verb) => verb.run(context),
            What::Ack(verb) => verb.run(context),
            What::Status => succession::status(context),
            What::Compile {
                policy,
                script,
                keys,
            } => {
                let descriptor = compile(&policy, script, &keys).map_err(|error| {
                    Failure::because(Class::Refused, "CANNOT_COMPILE", error.to_string())
                        .hinted("change the policy's expression or its keys as the message says")
                })?;
                let value = serde_json::json!({ "descriptor": descriptor });
                context.terminal.answer(&descriptor, &value)
            }
        }
    }
}

/// Refuses a new version for devices that cannot sign it, each with a reason of its own.
fn refuse_devices(found: &[DeviceFinding]) -> Result<(), Failure> {
    let reasons: Vec<Reason> = found
        .iter()
        .map(|finding| Reason {
            code: finding.code(),
            message: finding.to_string(),
            hint: format!(
                "{}; if a later firmware signs it after all, --despite-devices",
                finding.hint()
            ),
            facts: facts_of(serde_json::json!({
                "signer": finding.signer, "device": finding.kind, "source": finding.source(),
            })),
        })
        .collect();
    if reasons.is_empty() {
        return Ok(());
    }
    Err(Failure::of(Class::Refused, reasons))
}

fn read_policy(file: &Path) -> Result<Policy, Failure> {
    let document = read_input(file, MAX_BYTES)?;
    Policy::parse(&document).map_err(|mistakes| {
        let reasons = mistakes.iter().map(mistake_reason).collect();
        Failure::of(Class::Refused, reasons)
    })
}
