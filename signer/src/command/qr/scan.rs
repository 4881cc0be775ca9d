//! `qr scan`: a file from the codes in pictures, in a camera's stream, or in lines of text.

use super::super::Context;
use super::{kind_name, ranges};
use crate::failure::{Class, Failure};
use crate::keystore::durable;
use crate::outputs;
#[cfg(all(feature = "camera", target_os = "linux"))]
use crate::qr::camera::{self, Camera, CameraError};
use crate::qr::{Seen, Source, SourceError};
use crate::terminal::Terminal;
use policies::carrier::{
    Collected, Collector, MAX_FRAME, MAX_UR_FRAGMENTS, Payload, PayloadKind, Progress,
};
use policies::psbt::{Encoding, read_intake};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

/// The most files of a folder that are looked at.
const MAX_FILES: usize = 10_000;

/// Read a file from QR codes: pictures, a camera's stream, or lines of text
///
/// Codes may come in any order, more than once, and among others; what is missing is told. With
/// --keep, the next scan goes on where this one ended. Nothing is written before all is there.
///
/// A camera's program can write its pictures to standard input, and a scanner its lines.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer qr scan photos/ --output w1.psbt\n\
\x20 countersign-signer qr scan photo3.jpg --keep w1.scan --output w1.psbt\n\
\x20 countersign-signer qr scan - --output w1.psbt")]
pub(super) struct Scan {
    /// Pictures (PNG, JPEG, PGM, PPM), files of lines, folders of them, or -
    /// for standard input
    #[cfg_attr(
        all(feature = "camera", target_os = "linux"),
        arg(required_unless_present = "camera")
    )]
    #[cfg_attr(
        not(all(feature = "camera", target_os = "linux")),
        arg(required = true)
    )]
    sources: Vec<PathBuf>,
    /// Look through a camera of this machine until all is there or Enter is
    /// pressed
    #[cfg(all(feature = "camera", target_os = "linux"))]
    #[arg(
        long,
        value_name = "DEVICE",
        num_args = 0..=1,
        default_missing_value = camera::FIRST,
        conflicts_with = "sources"
    )]
    camera: Option<PathBuf>,
    /// Write what was read to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Keep what was read so far in this file, and go on from it
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
}

/// A scan under way.
struct Scanning<'a> {
    collector: Collector,
    /// The frames taken, for the next scan.
    taken: BTreeSet<String>,
    pictures: u32,
    codes: u32,
    terminal: &'a mut Terminal,
}

impl Scan {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let mut scanning = Scanning {
            collector: Collector::new(),
            taken: BTreeSet::new(),
            pictures: 0,
            codes: 0,
            terminal: &mut context.terminal,
        };
        let kept = self.keep.as_deref().filter(|file| file.exists());
        if let Some(file) = kept {
            expect_kept(file)?;
        }
        let mut whole = match kept {
            Some(file) => scanning.read(file, open(file)?)?,
            None => None,
        };
        #[cfg(all(feature = "camera", target_os = "linux"))]
        if let (Some(device), None) = (&self.camera, &whole) {
            whole = scanning.watch(device)?;
        }
        for source in files(&self.sources)? {
            if whole.is_none() {
                let reader: Box<dyn BufRead> = if source == Path::new("-") {
                    Box::new(io::stdin().lock())
                } else {
                    open(&source)?
                };
                whole = scanning.read(&source, reader)?;
            }
        }
        match whole {
            Some(payload) => {
                // What holds the whole in one line is a file of the person's, and not what was kept of a scan.
                let frames = kept.filter(|_| !scanning.taken.is_empty());
                self.give(context, payload)?;
                if let Some(file) = frames {
                    fs::remove_file(file).map_err(|error| unreadable(file, &error))?;
                }
                Ok(())
            }
            None => Err(self.incomplete(&scanning)?),
        }
    }

    /// Says what is missing, and keeps what is there if that is wanted.
    fn incomplete(&self, scanning: &Scanning<'_>) -> Result<Failure, Failure> {
        let Some(progress) = scanning.collector.progress() else {
            let message = format!(
                "no frame in {} pictures and {} codes or lines",
                scanning.pictures, scanning.codes
            );
            return Ok(
                Failure::because(Class::Refused, "QR_NOTHING_SEEN", message).hinted(
                    "see that each code is sharp, whole and lit evenly, with its white border",
                ),
            );
        };
        if let Some(file) = &self.keep {
            let lines: Vec<&str> = scanning.taken.iter().map(String::as_str).collect();
            durable::replace(file, format!("{}\n", lines.join("\n")).as_bytes())?;
        }
        let hint = match &self.keep {
            Some(file) => format!(
                "show the rest and scan again with --keep {}; what was read is there",
                file.display()
            ),
            None => "scan again, with --keep FILE to go on from what was read".to_owned(),
        };
        Ok(Failure::because(Class::Refused, "QR_INCOMPLETE", told(&progress)).hinted(hint))
    }

    fn give(&self, context: &mut Context, payload: Payload) -> Result<(), Failure> {
        let kind = payload.kind();
        let length = payload.bytes().len();
        let txid = match kind {
            PayloadKind::Psbt | PayloadKind::Transaction => {
                let intake = read_intake(payload.bytes()).ok();
                intake.map(|intake| intake.txid.to_string())
            }
            PayloadKind::Json | PayloadKind::Text | PayloadKind::Binary => None,
        };
        let named = txid
            .as_ref()
            .map_or_else(String::new, |txid| format!(", transaction {txid}"));
        let what = format!("{kind} of {length} bytes{named}");
        let value = serde_json::json!({
            "kind": kind_name(kind),
            "bytes": length,
            "txid": txid,
            "output": self.output,
        });
        if let Some(output) = &self.output {
            let home = context.home().ok();
            outputs::write(home.as_ref(), output, payload.bytes())?;
            let text = format!("Read {what}, in {}", output.display());
            return context.terminal.answer(&text, &value);
        }
        let text = match kind {
            PayloadKind::Psbt | PayloadKind::Transaction => {
                Encoding::Base64.encode(payload.bytes())
            }
            PayloadKind::Json | PayloadKind::Text => payload.into_bytes(),
            PayloadKind::Binary => {
                let message = format!("read {what}, which no terminal shows");
                return Err(Failure::because(Class::Usage, "NO_OUTPUT", message)
                    .hinted("give --output FILE and scan again"));
            }
        };
        context.terminal.talk(&format!("Read {what}"));
        let mut value = value;
        value["content"] = serde_json::Value::from(String::from_utf8_lossy(&text).into_owned());
        context
            .terminal
            .answer(&String::from_utf8_lossy(&text), &value)
    }
}

impl Scanning<'_> {
    /// Reads one source to its end, or until the whole is there.
    fn read(&mut self, name: &Path, reader: Box<dyn BufRead>) -> Result<Option<Payload>, Failure> {
        let mut source = Source::of(reader);
        self.follow(name, || source.look())
    }

    /// Looks through a camera until the whole is there, or somebody presses Enter.
    #[cfg(all(feature = "camera", target_os = "linux"))]
    fn watch(&mut self, device: &Path) -> Result<Option<Payload>, Failure> {
        let mut pictures = Camera::open(device).map_err(|error| no_camera(&error))?;
        let enter = super::enter();
        self.terminal
            .talk("Hold the codes before the camera. Enter ends.");
        self.follow(device, || match enter.try_recv() {
            Ok(()) => Ok(None),
            Err(_) => camera::look(&mut pictures),
        })
    }

    /// Takes what is seen, one after another.
    fn follow(
        &mut self,
        name: &Path,
        mut look: impl FnMut() -> Result<Option<Seen>, SourceError>,
    ) -> Result<Option<Payload>, Failure> {
        loop {
            let seen = match look() {
                Ok(Some(seen)) => seen,
                Ok(None) => return Ok(None),
                // One bad picture among many is passed over; a stream ends with it.
                Err(error @ (SourceError::Picture(_) | SourceError::NeitherPictureNorLines)) => {
                    self.terminal.talk(&format!("{}: {error}", name.display()));
                    return Ok(None);
                }
                Err(SourceError::Io(error)) => return Err(unreadable(name, &error)),
            };
            let texts = match seen {
                Seen::Picture(texts) => {
                    self.pictures = self.pictures.saturating_add(1);
                    texts
                }
                Seen::Line(line) if line.is_empty() => Vec::new(),
                Seen::Line(line) => vec![line],
            };
            for text in texts {
                if let Some(payload) = self.take(&text)? {
                    return Ok(Some(payload));
                }
            }
        }
    }

    /// Takes one code; what is no frame of this transfer is told and passed over.
    fn take(&mut self, text: &str) -> Result<Option<Payload>, Failure> {
        self.codes = self.codes.saturating_add(1);
        let before = self.collector.progress();
        match self.collector.take(text) {
            Ok(Collected::Whole(payload)) => Ok(Some(payload)),
            Ok(Collected::Partly(progress)) => {
                let room = MAX_UR_FRAGMENTS.saturating_mul(4);
                if self.taken.len() < room && text.len() <= MAX_FRAME {
                    self.taken.insert(text.trim().to_owned());
                }
                if before.as_ref() != Some(&progress) {
                    self.terminal.talk(&told(&progress));
                }
                Ok(None)
            }
            Err(error) if error.ends_the_transfer() => Err(error.into()),
            Err(error) => {
                self.terminal.talk(&format!("passed over: {error}"));
                Ok(None)
            }
        }
    }
}

/// Refuses to go on from, and later to remove or replace, a file that no scan kept.
fn expect_kept(file: &Path) -> Result<(), Failure> {
    let mut first = String::new();
    let line = open(file)?.take(MAX_FRAME as u64 + 1).read_line(&mut first);
    let is_frame = line.is_ok()
        && Collector::new()
            .take(&first)
            .is_ok_and(|taken| matches!(taken, Collected::Partly(_)));
    if is_frame {
        return Ok(());
    }
    let message = format!("{} holds no codes that a scan kept", file.display());
    Err(Failure::because(Class::Usage, "NOT_KEPT", message)
        .hinted("name another file after --keep: it is made when codes are missing"))
}

fn told(progress: &Progress) -> String {
    let Progress { have, of, missing } = progress;
    match missing {
        Some(missing) => format!("{have} of {of} codes; missing {}", ranges(missing)),
        None => format!("{have} of {of} fragments"),
    }
}

/// The files named, and those of folders in the order of their names.
fn files(sources: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for source in sources {
        if !source.is_dir() {
            files.push(source.clone());
            continue;
        }
        let unreadable = |error: io::Error| unreadable(source, &error);
        let mut inside = BTreeSet::new();
        for entry in fs::read_dir(source).map_err(unreadable)?.take(MAX_FILES) {
            let path = entry.map_err(unreadable)?.path();
            if path.is_file() {
                inside.insert(path);
            }
        }
        files.extend(inside);
    }
    Ok(files)
}

#[cfg(all(feature = "camera", target_os = "linux"))]
fn no_camera(error: &CameraError) -> Failure {
    Failure::because(Class::Device, "NO_CAMERA", error.to_string()).hinted(
        "connect it and see that this user may use it (group video), name another with --camera DEVICE, \
         or let a camera's program write its pictures to qr scan -",
    )
}

fn open(file: &Path) -> Result<Box<dyn BufRead>, Failure> {
    let opened = File::open(file).map_err(|error| unreadable(file, &error))?;
    Ok(Box::new(BufReader::new(opened)))
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot read {}: {error}", file.display());
    Failure::because(Class::Usage, "UNREADABLE", message)
        .hinted("name a file that is there and that this user may read, or - for standard input")
}
