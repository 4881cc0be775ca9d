//! A sheet to print and lay beside the seeds: everything but the keys that it takes to get the coins back with
//! other wallets.
//!
//! Invariant: nothing secret stands on it, and it needs nothing of ours to be used: text or one HTML file
//! without scripts, styles or pictures from elsewhere.

mod html;

use crate::analysis::Analysis;
use crate::document::name_of_network;
use crate::report::{days, wrap};
use crate::words::thousands;
use crate::{Keychain, Policy};
use bitcoin::Address;

/// Addresses of each keychain that are printed, for comparing with what another wallet shows.
const ADDRESSES: u32 = 5;

/// One part of the sheet.
struct Part {
    title: &'static str,
    lines: Vec<Line>,
}

/// One line of a part.
enum Line {
    /// A sentence.
    Said(String),
    /// A step of a list.
    Step(String),
    /// What is copied letter by letter, under its name.
    Copied { name: String, text: String },
}

/// The sheet as text of at most 80 columns.
pub(super) fn text(policy: &Policy) -> String {
    let mut out = format!("{}\n", heading(policy));
    for part in parts(policy) {
        out += &format!("\n{}\n", part.title.to_uppercase());
        let mut step = 0_u32;
        for line in part.lines {
            match line {
                Line::Said(text) => out += &wrap(&text, "  ", "  "),
                Line::Step(text) => {
                    step += 1;
                    out += &wrap(&text, &format!("  {step}. "), "     ");
                }
                Line::Copied { name, text } => {
                    out += &wrap(&name, "  ", "  ");
                    out += &wrap(&text, "    ", "    ");
                }
            }
        }
    }
    out
}

/// The sheet as one HTML file.
pub(super) fn html(policy: &Policy) -> String {
    html::page(&heading(policy), &parts(policy))
}

fn heading(policy: &Policy) -> String {
    format!("Recovery sheet of the vault {}", policy.name)
}

fn parts(policy: &Policy) -> Vec<Part> {
    vec![
        about(policy),
        words(policy),
        Part {
            title: "Descriptor",
            lines: vec![
                Line::Said(
                    "Deposits stand at branch 0 of each key, or as it says, change at 1. The eight letters after # \
                     are its checksum: a wallet refuses a mistyped one."
                        .to_owned(),
                ),
                copied("deposits and change", policy.descriptor.text()),
            ],
        },
        keys(policy),
        paths(policy),
        addresses(policy),
        recovering(policy),
    ]
}

fn copied(name: &str, text: &str) -> Line {
    Line::Copied {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn about(policy: &Policy) -> Part {
    let network = name_of_network(policy.network);
    Part {
        title: "What this is",
        lines: vec![
            Line::Said(format!(
                "Version {} of the policy of the vault {}, on {network}. Nobody can spend with this sheet; whoever \
                 reads it sees every coin of the vault. Keep it where the seeds are not.",
                policy.version, policy.name
            )),
            copied("vault", &policy.vault.to_string()),
            copied("policy", &policy.id.to_string()),
        ],
    }
}

fn words(policy: &Policy) -> Part {
    let words = policy.words();
    let lines = words.chunks(6).enumerate().map(|(row, words)| {
        let (first, last) = (row * 6 + 1, row * 6 + words.len());
        copied(&format!("words {first} to {last}"), &words.join(" "))
    });
    Part {
        title: "The policy's id as words, for reading out",
        lines: lines.collect(),
    }
}

fn keys(policy: &Policy) -> Part {
    let lines = policy.signers.iter().map(|signer| {
        let device = signer.device.as_ref();
        let device = device.map_or("no device named", |device| &device.kind);
        copied(
            &format!("{}, held by {} ({device})", signer.name, signer.person),
            &signer.key.position().to_string(),
        )
    });
    Part {
        title: "Keys, each as [fingerprint/path]key",
        lines: lines.collect(),
    }
}

fn paths(policy: &Policy) -> Part {
    let lines = Analysis::of(policy).paths.into_iter().map(|path| {
        let who = path.keys.join(" and ");
        Line::Said(match path.older {
            None => format!("- {who}, at any time"),
            Some(blocks) => format!(
                "- {who}, once a coin is {} blocks old (about {})",
                thousands(u64::from(blocks)),
                days(blocks)
            ),
        })
    });
    Part {
        title: "Who can spend: each line alone is enough",
        lines: lines.collect(),
    }
}

fn addresses(policy: &Policy) -> Part {
    let mut lines = Vec::new();
    for keychain in Keychain::BOTH {
        for index in 0..ADDRESSES {
            let script = policy.descriptor.script_pubkey(keychain, index);
            let address = Address::from_script(&script, policy.network)
                .expect("the scripts of every kind of vault have addresses");
            let what = match keychain {
                Keychain::External => "deposits",
                Keychain::Internal => "change",
            };
            lines.push(copied(&format!("{what}, {index}"), &address.to_string()));
        }
    }
    Part {
        title: "First addresses",
        lines,
    }
}

fn recovering(policy: &Policy) -> Part {
    let network = name_of_network(policy.network);
    let steps = [
        "Get the keys of one line of \"Who can spend\": their devices, or their seeds in new ones. A device \
         given a seed shows the fingerprint that stands above."
            .to_owned(),
        format!(
            "On a computer with Bitcoin Core on {network}, make a wallet that only watches: \
             bitcoin-cli createwallet recovery true true"
        ),
        "Import the descriptor above with importdescriptors, timestamp 0. Core 29 and newer take it as it stands; \
         for older ones write it twice, with 0 and with 1 where it has <0;1>, and getdescriptorinfo gives the \
         checksums. The chain is read again, for hours."
            .to_owned(),
        "Compare the first addresses with those above. If one differs, stop: the descriptor is not this one."
            .to_owned(),
        "Make the transaction in that wallet (walletcreatefundedpsbt), sign it on each device, and combine, \
         finalize and send it (combinepsbt, finalizepsbt, sendrawtransaction)."
            .to_owned(),
        "A line with an age needs the input's sequence set to that number of blocks.".to_owned(),
    ];
    Part {
        title: "Getting the coins back without Countersign",
        lines: steps.into_iter().map(Line::Step).collect(),
    }
}
