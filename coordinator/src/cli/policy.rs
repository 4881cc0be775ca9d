//! `policy`: compile, show, check, export and compare policy documents, offline; their versions and what they would have
//! asked of past withdrawals, at a running coordinator.

mod replay;
mod versions;

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use policies::Policy as Document;
use policies::descriptor::{NamedKey, ScriptKind, compile};
use policies::devices::{DeviceFinding, findings, refusals};
use policies::document::{Mistake, SignerKey};
use policies::exchange::{Format, export};
use policies::report;
use serde_json::json;

use super::api::Api;
use super::output::Output;
use super::{CliError, api, version};

#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// Write the descriptor of a policy over named keys.
    ///
    /// Store what it prints: it is never compiled again.
    #[command(
        override_usage = "countersign-coordinator policy compile --key <NAME=KEY>... <POLICY>",
        after_help = "Example:\n  countersign-coordinator policy compile 'and(pk(a),pk(b))' --key a=A --key b=B"
    )]
    Compile {
        /// The policy, such as "or(99@thresh(2,pk(alice),pk(bob)),1@and(pk(vault),older(12960)))".
        policy: String,
        /// A key the policy names, with its origin: NAME=[f5acc2fd/48h/1h/0h/2h]tpub…
        #[arg(long = "key", value_name = "NAME=KEY", required = true)]
        keys: Vec<String>,
        /// The kind of script.
        #[arg(long, value_enum, default_value = "wsh")]
        script: Script,
    },
    /// Show what a policy document means: paths, weights, rules, people.
    #[command(after_help = "Example:\n  countersign-coordinator policy show policy.toml")]
    Show {
        /// The document.
        file: PathBuf,
    },
    /// Check a policy document and name every mistake.
    #[command(after_help = "Example:\n  countersign-coordinator policy check policy.toml")]
    Check {
        /// The document.
        file: PathBuf,
        /// Do not refuse it for devices that cannot sign it as far as is known here.
        #[arg(long)]
        despite_devices: bool,
    },
    /// Write a vault for another wallet, for a device, or on a sheet to print.
    ///
    /// A wallet that would make other scripts of the keys is refused.
    #[command(
        after_help = "Example:\n  countersign-coordinator policy export bsms policy.toml > treasury.bsms"
    )]
    Export {
        /// descriptor, branches, bip388, bsms, core, coldcard, coldcard-edge, sparrow, specter, nunchuk, caravan,
        /// sheet or sheet-html.
        format: Format,
        /// The document.
        file: PathBuf,
    },
    Propose(version::Propose),
    /// List the versions in force and those proposed, with what is missing.
    #[command(after_help = "Example:\n  countersign-coordinator policy versions")]
    Versions,
    File(version::File),
    Adopt(version::Adopt),
    Diff(versions::Diff),
    Replay(replay::Replay),
    Standing(versions::Standing),
    Reach(versions::Reach),
    ReplaceSigner(versions::ReplaceSigner),
}

/// The kinds of script that a policy compiles to.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Script {
    /// P2WSH.
    Wsh,
    /// Taproot.
    Tr,
    /// A single key, for a hot vault.
    Wpkh,
}

pub(super) fn run(
    verb: &Policy,
    api: impl FnOnce() -> Result<Api, CliError>,
    out: &Output,
) -> Result<(), CliError> {
    match verb {
        Policy::Compile {
            policy,
            keys,
            script,
        } => {
            let kind = match script {
                Script::Wsh => ScriptKind::Wsh,
                Script::Tr => ScriptKind::Tr,
                Script::Wpkh => ScriptKind::Wpkh,
            };
            let keys = keys
                .iter()
                .map(|text| named_key(text))
                .collect::<Result<Vec<_>, _>>()?;
            let descriptor = compile(policy, kind, &keys).map_err(|error| CliError::Refused {
                code: "POLICY_NOT_COMPILED".to_owned(),
                detail: error.to_string(),
                problem: None,
                hint: Some("every name in the policy needs a --key NAME=KEY".to_owned()),
            })?;
            if out.json() {
                out.record(&json!({ "descriptor": descriptor }))
            } else {
                out.text(&descriptor)
            }
        }
        Policy::Propose(verb) => verb.run(&api()?, out),
        Policy::Versions => version::versions(&api()?, out),
        Policy::File(verb) => verb.run(&api()?, out),
        Policy::Adopt(verb) => verb.run(&api()?, out),
        Policy::Show { file } => {
            let document = parse(file)?;
            if out.json() {
                out.record(&report::json(&document))
            } else {
                out.text(&report::show(&document))
            }
        }
        Policy::Check {
            file,
            despite_devices,
        } => {
            let document = parse(file)?;
            if !despite_devices {
                refuse_devices(&refusals(&document, None))?;
            }
            let devices = findings(&document.descriptor, &document.signers);
            let words = document.words().join(" ");
            if out.json() {
                return out.record(&json!({
                    "valid": true, "id": document.id, "words": words, "devices": devices,
                }));
            }
            let mut text = format!(
                "{} is valid\nid     {}\nwords  {words}",
                file.display(),
                document.id
            );
            if !devices.is_empty() {
                text += &format!("\nDevices\n{}", report::device_lines(&devices).trim_end());
            }
            out.text(&text)
        }
        Policy::Export { format, file } => exported(*format, &parse(file)?, out),
        Policy::Diff(verb) => verb.run(out),
        Policy::Replay(verb) => verb.run(api, out),
        Policy::Standing(verb) => verb.run(out),
        Policy::Reach(verb) => verb.run(out),
        Policy::ReplaceSigner(verb) => verb.run(out),
    }
}

/// Refuses a new version for devices that cannot sign it.
fn refuse_devices(found: &[DeviceFinding]) -> Result<(), CliError> {
    let Some(first) = found.first() else {
        return Ok(());
    };
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    Err(CliError::Refused {
        code: first.code().to_owned(),
        detail: said.join("; "),
        problem: None,
        hint: Some(format!(
            "{}; if a later firmware signs it after all, --despite-devices",
            first.hint()
        )),
    })
}

fn exported(format: Format, document: &Document, out: &Output) -> Result<(), CliError> {
    let text = export(document, format).map_err(|error| CliError::Refused {
        code: error.code().to_owned(),
        detail: error.to_string(),
        problem: None,
        hint: Some(error.hint().to_owned()),
    })?;
    if out.json() {
        let file_name = format.file_name(document);
        return out
            .record(&json!({ "format": format.name(), "file_name": file_name, "text": text }));
    }
    // Byte for byte: some readers count lines.
    out.bytes(text.as_bytes())
}

pub(super) fn parse(file: &Path) -> Result<Document, CliError> {
    Document::parse(&api::read(file)?).map_err(|mistakes| refusal(file, &mistakes))
}

fn refusal(file: &Path, mistakes: &[Mistake]) -> CliError {
    let listed: Vec<_> = mistakes
        .iter()
        .map(|mistake| {
            json!({
                "code": mistake.problem.code(), "path": mistake.path, "line": mistake.line,
                "detail": mistake.problem.to_string(), "hint": mistake.hint(),
            })
        })
        .collect();
    CliError::Refused {
        code: "POLICY_INVALID".to_owned(),
        detail: format!(
            "{} is no valid policy\n{}",
            file.display(),
            report::mistakes(mistakes).trim_end()
        ),
        problem: Some(json!({ "code": "POLICY_INVALID", "mistakes": listed })),
        hint: None,
    }
}

fn named_key(text: &str) -> Result<NamedKey, CliError> {
    let usage = |message: String| CliError::Usage { message };
    let (name, key) = text
        .split_once('=')
        .ok_or_else(|| usage(format!("--key {text} is not NAME=KEY")))?;
    let key: SignerKey = key
        .parse()
        .map_err(|error| usage(format!("the key of {name}: {error}")))?;
    Ok(NamedKey {
        name: name.to_owned(),
        key: key.position(),
    })
}
