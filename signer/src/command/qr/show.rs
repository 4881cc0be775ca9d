//! `qr show`: a file as QR codes in the terminal, as pictures, or as their texts.

use super::super::Context;
use super::{CarrierName, enter, kind_name, ranges};
use crate::failure::{Class, Failure};
use crate::keystore::durable;
use crate::qr::png_of;
use crate::terminal::{Terminal, read_input};
use clap::ValueEnum;
use policies::carrier::{
    Carrier, Density, Frames, FramesPerSecond, MAX_PAYLOAD, Payload, PayloadKind, QrVersion,
    Symbol, for_device,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// What sets a light letter on dark ground, whatever the terminal's colours are; and what ends it.
const ON_BLACK: (&str, &str) = ("\x1b[97;40m", "\x1b[0m");
/// The place of the first letter, and the erasure of all that was there.
const HOME: &str = "\x1b[H";
const ERASE: &str = "\x1b[2J";

/// Show a file as QR codes in this terminal
///
/// Codes are as large as the terminal takes; a file that needs several goes round and round until
/// Enter is pressed. For a device that is not this program, give --for-device: the PSBT then travels
/// without our records, which only this program reads.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer qr show w1.psbt\n\
\x20 countersign-signer qr show w1.psbt --carrier ur --for-device\n\
\x20 countersign-signer qr show policy.toml --images cards/")]
pub(super) struct Show {
    /// The file to show, or - for standard input
    file: PathBuf,
    /// What the codes are written as
    #[arg(long, value_enum, default_value = "bbqr")]
    carrier: CarrierName,
    /// How much a code holds, where it is not to be what the terminal takes
    #[arg(long, value_enum)]
    density: Option<DensityName>,
    /// The largest QR version of the codes, 5 to 40
    #[arg(long, value_name = "N", conflicts_with = "density", value_parser = version)]
    qr_version: Option<QrVersion>,
    /// Codes a second, 1 to 10
    #[arg(long, value_name = "N", default_value = "4", value_parser = speed)]
    speed: FramesPerSecond,
    /// End after so many rounds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Only these codes, as the reader named what it lacks: 3,9-11
    #[arg(long, value_name = "LIST", value_parser = parts)]
    parts: Option<BTreeSet<usize>>,
    /// Leave our records out: for a device that is not this program
    #[arg(long)]
    for_device: bool,
    /// Write each code as a PNG picture into this folder instead
    #[arg(long, value_name = "DIR", conflicts_with = "texts")]
    images: Option<PathBuf>,
    /// Write the codes' texts instead, one a line
    #[arg(long)]
    texts: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DensityName {
    /// For old and small cameras
    Low,
    /// For current devices
    Normal,
    /// For good cameras
    High,
}

/// One code of a round.
struct Code<'a> {
    number: usize,
    text: &'a str,
    symbol: &'a Symbol,
}

impl Show {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let payload = self.payload()?;
        let carrier = self.carrier.carrier();
        let version = self.version(carrier, &context.terminal)?;
        let frames = Frames::write(&payload, carrier, version)?;
        let symbols = frames.symbols();
        let all = frames.texts().iter().zip(&symbols).zip(1..);
        let codes: Vec<Code<'_>> = all
            .map(|((text, symbol), number)| Code {
                number,
                text,
                symbol,
            })
            .filter(|code| {
                self.parts
                    .as_ref()
                    .is_none_or(|parts| parts.contains(&code.number))
            })
            .collect();
        if codes.is_empty() {
            return Err(no_such_parts(symbols.len()));
        }
        let seconds = self.speed.seconds(codes.len());
        if let Some(folder) = &self.images {
            return write_pictures(context, folder, &codes, symbols.len());
        }
        let terminal = &mut context.terminal;
        if terminal.is_json() || self.texts {
            let texts: Vec<&str> = codes.iter().map(|code| code.text).collect();
            let value = serde_json::json!({
                "kind": kind_name(payload.kind()),
                "bytes": payload.bytes().len(),
                "carrier": carrier.to_string(),
                "qr_version": version.get(),
                "seconds": seconds,
                "frames": texts,
            });
            return terminal.answer(&texts.join("\n"), &value);
        }
        let what = format!("{} of {} bytes", payload.kind(), payload.bytes().len());
        if codes.len() > 1 && terminal.shows_data_to_a_human() {
            return self.play(terminal, &what, &codes, symbols.len());
        }
        for code in &codes {
            let drawn = drawn(code, terminal.shows_data_to_a_human());
            terminal.data(drawn.as_bytes())?;
            if symbols.len() > 1 {
                let caption = format!("code {} of {}\n\n", code.number, symbols.len());
                terminal.data(caption.as_bytes())?;
            }
        }
        terminal.talk(&format!("{carrier}: {what}"));
        Ok(())
    }

    fn payload(&self) -> Result<Payload, Failure> {
        // Hex takes twice the bytes.
        let most = u64::try_from(MAX_PAYLOAD.saturating_mul(3)).unwrap_or(u64::MAX);
        let bytes = read_input(&self.file, most)?;
        let payload = Payload::sniff(&bytes)?;
        if !self.for_device {
            return Ok(payload);
        }
        if payload.kind() != PayloadKind::Psbt {
            return Err(Failure::because(
                Class::Usage,
                "NOT_FOR_A_DEVICE",
                format!(
                    "{} is no PSBT: it is {}",
                    self.file.display(),
                    payload.kind()
                ),
            )
            .hinted("leave --for-device out, or name a PSBT"));
        }
        Ok(Payload::sniff(&for_device(payload.bytes())?)?)
    }

    /// The version asked for, or the largest that the terminal takes.
    fn version(&self, carrier: Carrier, terminal: &Terminal) -> Result<QrVersion, Failure> {
        let asked = self.qr_version.or(self.density.map(|density| {
            match density {
                DensityName::Low => Density::Low,
                DensityName::Normal => Density::Normal,
                DensityName::High => Density::High,
            }
            .version(carrier)
        }));
        let drawn = self.images.is_none() && !self.texts && !terminal.is_json();
        let room = if drawn { terminal.room() } else { None };
        let Some((columns, lines)) = room else {
            let usual = if drawn {
                QrVersion::TERMINAL
            } else {
                Density::Normal.version(carrier)
            };
            return Ok(asked.unwrap_or(usual));
        };
        // Two rows of modules a line, and one line for the words below.
        let modules = columns.min(lines.saturating_sub(1).saturating_mul(2));
        let fits = QrVersion::within(modules);
        match (asked, fits) {
            (Some(asked), Some(fits)) if asked <= fits => Ok(asked),
            (None, Some(fits)) => Ok(fits.min(Density::Normal.version(carrier))),
            (asked, _) => {
                let side = asked.unwrap_or(QrVersion::MIN).side();
                let message = format!(
                    "the terminal has {columns} columns and {lines} lines; these codes need {side} and {}",
                    side.div_ceil(2).saturating_add(1)
                );
                Err(Failure::because(Class::Usage, "TERMINAL_TOO_SMALL", message).hinted(
                    "leave --density and --qr-version out, which takes what fits, make the window larger or its letters smaller, or give --images DIR",
                ))
            }
        }
    }

    /// Shows one code after another, round and round, until Enter or the last round.
    fn play(
        &self,
        terminal: &mut Terminal,
        what: &str,
        codes: &[Code<'_>],
        of: usize,
    ) -> Result<(), Failure> {
        let enter = enter();
        let carrier = self.carrier.carrier();
        let mut rounds = 0_u32;
        terminal.data(ERASE.as_bytes())?;
        loop {
            for code in codes {
                let caption = format!("{carrier} {} of {of}, {what}. Enter ends.", code.number);
                let frame = format!("{HOME}{}{caption}\x1b[K", drawn(code, true));
                terminal.data(frame.as_bytes())?;
                let pause = Duration::from_millis(self.speed.frame_ms());
                match enter.recv_timeout(pause) {
                    Err(RecvTimeoutError::Timeout) => {}
                    // Nobody can press Enter: rounds alone end it.
                    Err(RecvTimeoutError::Disconnected) if self.rounds.is_some() => {
                        stay(pause);
                    }
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                        return terminal.data(b"\n");
                    }
                }
            }
            rounds = rounds.saturating_add(1);
            if self.rounds.is_some_and(|most| rounds >= most) {
                return terminal.data(b"\n");
            }
        }
    }
}

/// Lets a code be seen for its time, where no key can end it.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing is waited for: a camera looks at the code meanwhile"
)]
fn stay(pause: Duration) {
    std::thread::sleep(pause);
}

/// A code in half blocks, one colour on the other where a terminal shows it.
fn drawn(code: &Code<'_>, coloured: bool) -> String {
    let text = code.symbol.half_blocks();
    if !coloured {
        return text;
    }
    let (start, end) = ON_BLACK;
    let mut drawn = String::new();
    for line in text.lines() {
        drawn += &format!("{start}{line}{end}\n");
    }
    drawn
}

fn write_pictures(
    context: &mut Context,
    folder: &Path,
    codes: &[Code<'_>],
    of: usize,
) -> Result<(), Failure> {
    durable::make_folder(folder)?;
    let digits = of.to_string().len();
    let mut names = Vec::with_capacity(codes.len());
    for code in codes {
        let name = folder.join(format!("qr-{:0digits$}-of-{of}.png", code.number));
        durable::replace(&name, &png_of(code.symbol))?;
        names.push(name);
    }
    let numbers: Vec<usize> = codes.iter().map(|code| code.number).collect();
    let text = format!("Codes {} of {of} in {}", ranges(&numbers), folder.display());
    context
        .terminal
        .answer(&text, &serde_json::json!({ "images": names }))
}

fn no_such_parts(of: usize) -> Failure {
    let message = format!("none of these codes: there are {of}");
    Failure::because(Class::Usage, "NO_SUCH_PART", message)
        .hinted("number them from 1; with the carrier and density as they were shown before")
}

fn version(text: &str) -> Result<QrVersion, String> {
    let version = text.parse().ok().and_then(QrVersion::new);
    version.ok_or_else(|| "a QR version from 5 to 40 is needed".to_owned())
}

fn speed(text: &str) -> Result<FramesPerSecond, String> {
    let speed = text.parse().ok().and_then(FramesPerSecond::new);
    speed.ok_or_else(|| "1 to 10 codes a second are shown".to_owned())
}

/// Numbers and ranges of them: 3,9-11.
fn parts(text: &str) -> Result<BTreeSet<usize>, String> {
    let wrong = || "numbers and ranges are needed, as in 3,9-11".to_owned();
    let mut parts = BTreeSet::new();
    for piece in text.split(',').map(str::trim) {
        let (first, last) = piece.split_once('-').unwrap_or((piece, piece));
        let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number > 0);
        let (first, last) = number(first).zip(number(last)).ok_or_else(wrong)?;
        if first > last {
            return Err(wrong());
        }
        parts.extend((first..=last).map(usize::from));
    }
    Ok(parts)
}
