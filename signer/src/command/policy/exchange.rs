//! `policy export` and `policy import`: a vault in the files of other wallets and devices, and theirs as the
//! beginning of a policy.

use super::super::Context;
use super::{MAX_BYTES, read_policy};
use crate::failure::{Class, Explained, Failure};
use crate::outputs;
use crate::terminal::read_input;
use bitcoin::Network;
use policies::UnixTime;
use policies::document::{name_of_network, network_of_name};
use policies::exchange::{DraftFacts, ExportError, Format, ImportError, Imported, export, import};
use std::path::PathBuf;

/// Write a vault for another wallet, for a device, or on a sheet to print
///
/// FORMAT is one of: descriptor, branches, bip388, bsms, core, coldcard, coldcard-edge, sparrow, specter,
/// nunchuk, caravan, sheet, sheet-html. A wallet that would make other scripts of the keys is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer policy export bsms policy.toml --output treasury.bsms\n\
\x20 countersign-signer policy export core policy.toml\n\
\x20 countersign-signer policy export sheet-html policy.toml --output sheet.html")]
pub(super) struct Export {
    /// The format
    format: Format,
    /// The policy document, or - for standard input
    file: PathBuf,
    /// Write it to this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Begin a policy document from the file of another wallet
///
/// Read are descriptors, BSMS records, wallet policies (BIP 388), and the files of Bitcoin Core, Coldcard,
/// Sparrow, Specter, Nunchuk and Caravan. Keys and paths are kept. What only people can say is left out:
/// `policy check` then names it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer policy import wallet.json --output draft.toml\n\
\x20 countersign-signer policy import wallet.txt --network signet --name treasury \\\n\
\x20   --height 250000 --time 2026-11-27T00:00:00Z --output draft.toml")]
pub(super) struct Import {
    /// The wallet's file, or - for standard input
    file: PathBuf,
    /// The network, where the file does not say it
    #[arg(long, value_parser = network)]
    network: Option<Network>,
    /// The vault's name [default: the wallet's]
    #[arg(long)]
    name: Option<String>,
    /// The height of a recent block
    #[arg(long, requires = "time")]
    height: Option<u32>,
    /// The time of that block, such as 2026-11-23T00:00:00Z
    #[arg(long, requires = "height")]
    time: Option<UnixTime>,
    /// Write the document to this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn network(name: &str) -> Result<Network, &'static str> {
    network_of_name(name).ok_or("not mainnet, testnet4, signet or regtest")
}

impl Export {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let policy = read_policy(&self.file)?;
        let text = export(&policy, self.format)?;
        let value = serde_json::json!({
            "format": self.format.name(),
            "file_name": self.format.file_name(&policy),
            "text": text,
            "output": self.output,
        });
        match self.output {
            Some(output) => {
                outputs::write(context.home().ok().as_ref(), &output, text.as_bytes())?;
                let said = format!("Written to {}", output.display());
                context.terminal.answer(&said, &value)
            }
            None if context.terminal.is_json() => context.terminal.answer("", &value),
            // Byte for byte: some readers count lines.
            None if !context.terminal.shows_data_to_a_human() => {
                context.terminal.data(text.as_bytes())
            }
            None => context.terminal.answer(&text, &value),
        }
    }
}

impl Import {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let imported = import(&read_input(&self.file, MAX_BYTES)?)?;
        let facts = DraftFacts {
            name: self.name.as_deref(),
            network: self.network,
            head: self.height.zip(self.time),
        };
        let draft = imported.draft(facts)?;
        let mut value = told(&imported, facts);
        value["draft"] = serde_json::json!(draft);
        value["output"] = serde_json::json!(self.output);
        if !context.terminal.is_json() {
            let title = imported.format.title();
            context
                .terminal
                .talk(&format!("Read as a file of: {title}"));
            for note in &imported.notes {
                context.terminal.talk(&format!("Note: {note}"));
            }
        }
        let Some(output) = self.output else {
            return context.terminal.answer(&draft, &value);
        };
        outputs::write(context.home().ok().as_ref(), &output, draft.as_bytes())?;
        let said = format!(
            "Written to {0}\n  next  countersign-signer policy check {0}",
            output.display()
        );
        context.terminal.answer(&said, &value)
    }
}

/// What was read, for programs.
fn told(imported: &Imported, facts: DraftFacts<'_>) -> serde_json::Value {
    let network = imported.network_with(facts.network).ok();
    let keys = imported.descriptor.key_positions().iter();
    let keys: Vec<serde_json::Value> = keys
        .zip(&imported.holders)
        .map(|(key, holder)| {
            serde_json::json!({
                "key": key.to_string(), "label": holder.label, "device": holder.device,
            })
        })
        .collect();
    let notes: Vec<serde_json::Value> = imported
        .notes
        .iter()
        .map(|note| serde_json::json!({ "code": note.code(), "message": note.to_string() }))
        .collect();
    serde_json::json!({
        "format": imported.format.name(),
        "name": imported.name,
        "network": network.map(name_of_network),
        "descriptor": imported.descriptor.text(),
        "keys": keys,
        "notes": notes,
    })
}

impl Explained for ExportError {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn code(&self) -> &'static str {
        Self::code(self)
    }

    fn hint(&self) -> String {
        Self::hint(self).to_owned()
    }
}

impl Explained for ImportError {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn code(&self) -> &'static str {
        Self::code(self)
    }

    fn hint(&self) -> String {
        Self::hint(self)
    }
}
