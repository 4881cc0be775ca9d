//! `qr`: shows a file as QR codes, and reads one from them.

mod scan;
mod show;

use super::Context;
use crate::failure::{Class, Explained, Failure};
use crate::qr::SourceError;
use clap::{Subcommand, ValueEnum};
use policies::carrier::{Carrier, CarrierError, PayloadKind};
use policies::psbt::PsbtRefusal;

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

impl Explained for CarrierError {
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

impl Explained for PsbtRefusal {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn code(&self) -> &'static str {
        Self::code(self)
    }

    fn hint(&self) -> String {
        "name the transfer as the coordinator gave it".to_owned()
    }
}

impl Explained for SourceError {
    fn class(&self) -> Class {
        match self {
            Self::Io(_) => Class::Device,
            Self::Picture(_) | Self::NeitherPictureNorLines => Class::Refused,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "UNREADABLE",
            Self::Picture(_) | Self::NeitherPictureNorLines => "NOT_A_PICTURE",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Io(_) => "see that it is there and whole, and that this user may read it",
            Self::Picture(_) | Self::NeitherPictureNorLines => {
                "give PNG, JPEG, PGM or PPM pictures, or the texts of codes, one a line"
            }
        }
        .to_owned()
    }
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
