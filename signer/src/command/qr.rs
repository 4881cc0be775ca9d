//! `qr`: shows a file as QR codes, and reads one from them.

mod scan;
mod show;

use super::Context;
use crate::failure::Failure;
use clap::{Subcommand, ValueEnum};
use policies::carrier::{Carrier, PayloadKind};
use std::sync::mpsc::{Receiver, channel};

/// Show a file as QR codes, or read one from them
///
/// For machines that no wire joins: a PSBT, a policy, approvals, requests, voids, or any other file goes
/// from screen to camera, as BBQr or UR.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer qr show w1.psbt\n\
\x20 countersign-signer qr scan photo1.jpg photo2.jpg --output w1.psbt")]
pub(super) struct QrVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Show(show::Show),
    Scan(scan::Scan),
}

impl QrVerb {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self.verb {
            Verb::Show(verb) => verb.run(context),
            Verb::Scan(verb) => verb.run(context),
        }
    }
}

/// What frames are written as.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum CarrierName {
    /// Coldcard Q, Sparrow, Nunchuk, and this program
    Bbqr,
    /// Keystone, Passport, Jade, SeedSigner, Krux, Sparrow
    Ur,
}

impl CarrierName {
    const fn carrier(self) -> Carrier {
        match self {
            Self::Bbqr => Carrier::Bbqr,
            Self::Ur => Carrier::Ur,
        }
    }
}

/// Says when Enter was pressed; ends without a word where standard input does.
fn enter() -> Receiver<()> {
    let (pressed, heard) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        if std::io::stdin()
            .read_line(&mut line)
            .is_ok_and(|length| length > 0)
        {
            // Whoever listened may have gone, and then nobody needs to hear it.
            pressed.send(()).unwrap_or_default();
        }
    });
    heard
}

/// A kind as programs read it.
const fn kind_name(kind: PayloadKind) -> &'static str {
    match kind {
        PayloadKind::Psbt => "psbt",
        PayloadKind::Transaction => "transaction",
        PayloadKind::Json => "json",
        PayloadKind::Text => "text",
        PayloadKind::Binary => "bytes",
    }
}

/// Numbers as people write them: 3, 9–11.
fn ranges(numbers: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            Some(_) | None => ranges.push((*number, *number)),
        }
    }
    let words: Vec<String> = ranges
        .into_iter()
        .map(|(first, last)| match last.saturating_sub(first) {
            0 => first.to_string(),
            _ => format!("{first}-{last}"),
        })
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn numbers_that_follow_each_other_are_one_range() {
        assert_eq!(ranges(&[]), "");
        assert_eq!(ranges(&[3]), "3");
        assert_eq!(ranges(&[1, 2, 4, 9, 10, 11]), "1-2, 4, 9-11");
    }
}
