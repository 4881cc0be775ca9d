//! What a browser's camera sees: a film of QR codes, written here frame by frame, or nothing at all.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use policies::carrier::Symbol;

use crate::Failure;

/// The points of a side of each module.
const SCALE: usize = 3;
/// The points around a code, where the camera sees a table.
const MARGIN: usize = 20;
/// What a screen's black and white and a table are to a camera.
const GREYS: (u8, u8, u8) = (38, 214, 120);

/// The camera of a browser.
#[derive(Debug, Clone)]
pub enum Camera {
    /// It sees this film again and again, and the person lets the page use it.
    Sees(PathBuf),
    /// There is one, and the person does not let the page use it.
    Refused,
    /// There is none.
    Absent,
}

impl Camera {
    /// What tells Chromium.
    pub(super) fn flags(&self) -> Vec<String> {
        let flags: &[&str] = match self {
            Self::Sees(_) => &[
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
            ],
            Self::Refused => &[
                "--deny-permission-prompts",
                "--use-fake-device-for-media-stream",
            ],
            Self::Absent => &["--use-fake-ui-for-media-stream"],
        };
        let mut flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        if let Self::Sees(film) = self {
            flags.push(format!(
                "--use-file-for-fake-video-capture={}",
                film.display()
            ));
        }
        flags
    }
}

/// Writes a film of codes of one size, so many a second, as Chromium takes it (YUV4MPEG2, 4:2:0).
pub fn film<'a>(
    file: &Path,
    codes: impl IntoIterator<Item = &'a Symbol>,
    per_second: u32,
) -> Result<(), Failure> {
    let mut codes = codes.into_iter().peekable();
    let modules = codes
        .peek()
        .map(|code| code.side())
        .ok_or_else(|| Failure::new("a film of nothing"))?;
    // The colours are of half as many points: both sides are even.
    let side = (modules * SCALE + 2 * MARGIN).next_multiple_of(2);
    let mut film = BufWriter::new(File::create(file)?);
    writeln!(
        film,
        "YUV4MPEG2 W{side} H{side} F{per_second}:1 Ip A1:1 C420"
    )?;
    let colours = vec![128; side * side / 2];
    for code in codes {
        film.write_all(b"FRAME\n")?;
        film.write_all(&greys(code, side))?;
        film.write_all(&colours)?;
    }
    Ok(film.flush()?)
}

fn greys(code: &Symbol, side: usize) -> Vec<u8> {
    let (black, white, table) = GREYS;
    let module = |point: usize| {
        let inner = point.checked_sub(MARGIN)?.div_euclid(SCALE);
        (inner < code.side()).then_some(inner)
    };
    (0..side)
        .flat_map(|y| (0..side).map(move |x| (x, y)))
        .map(|(x, y)| match module(x).zip(module(y)) {
            Some((x, y)) if code.is_dark(x, y) => black,
            Some(_) => white,
            None => table,
        })
        .collect()
}
