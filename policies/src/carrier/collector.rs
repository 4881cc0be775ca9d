//! Collecting frames in any order until the whole is there, with loss, duplicates and foreign frames.

use super::bbqr::{self, Parts};
use super::ur::{self, Begun, Fragments};
use super::{CarrierError, MAX_FRAME, Payload, PayloadKind};

/// How far a transfer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Parts that are there.
    pub have: usize,
    /// Parts in all.
    pub of: usize,
    /// The parts that are missing, from 1, where the carrier says it: a fountain does not.
    pub missing: Option<Vec<usize>>,
}

/// What became of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Collected {
    /// More are needed.
    Partly(Progress),
    /// All is there and holds together.
    Whole(Payload),
}

/// Collects the frames of one transfer.
#[derive(Debug, Default)]
pub struct Collector {
    session: Session,
}

#[derive(Debug, Default)]
enum Session {
    #[default]
    Empty,
    Bbqr(Parts),
    Ur(Fragments),
}

impl Collector {
    /// A collector that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// How far the transfer is; nothing before the first frame.
    pub fn progress(&self) -> Option<Progress> {
        match &self.session {
            Session::Empty => None,
            Session::Bbqr(parts) => Some(parts.progress()),
            Session::Ur(fragments) => Some(fragments.progress()),
        }
    }

    /// Takes the text of one QR code. A frame that is refused changes nothing, but where the error ends
    /// the transfer ([`CarrierError::ends_the_transfer`]): then the next frame begins anew.
    ///
    /// # Errors
    /// [`CarrierError`] says what the frame is instead.
    pub fn take(&mut self, frame: &str) -> Result<Collected, CarrierError> {
        let answer = self.take_frame(frame.trim());
        let ended = match &answer {
            Ok(Collected::Whole(_)) => true,
            Ok(Collected::Partly(_)) => false,
            Err(error) => error.ends_the_transfer(),
        };
        if ended {
            self.session = Session::Empty;
        }
        answer
    }

    fn take_frame(&mut self, frame: &str) -> Result<Collected, CarrierError> {
        if frame.len() > MAX_FRAME {
            let found = frame.len();
            return Err(CarrierError::FrameTooLong { found });
        }
        let shape = Shape::of(frame)?;
        match (&mut self.session, shape) {
            (Session::Empty, Shape::Bbqr) => self.session = Session::Bbqr(Parts::begin(frame)?),
            (Session::Empty, Shape::Ur) => match Fragments::begin(frame)? {
                Begun::Whole(payload) => return Ok(Collected::Whole(payload)),
                Begun::Part(fragments) => self.session = Session::Ur(fragments),
            },
            (Session::Empty, Shape::Plain(payload)) => return Ok(Collected::Whole(payload)),
            (Session::Bbqr(parts), Shape::Bbqr) => parts.take(frame)?,
            (Session::Ur(fragments), Shape::Ur) => fragments.take(frame)?,
            (Session::Bbqr(_), Shape::Ur | Shape::Plain(_))
            | (Session::Ur(_), Shape::Bbqr | Shape::Plain(_)) => {
                return Err(CarrierError::OtherTransfer);
            }
        }
        let (whole, progress) = match &self.session {
            Session::Bbqr(parts) => (parts.whole()?, parts.progress()),
            Session::Ur(fragments) => (fragments.whole()?, fragments.progress()),
            Session::Empty => unreachable!("a frame that was taken began a transfer"),
        };
        Ok(whole.map_or(Collected::Partly(progress), Collected::Whole))
    }
}

/// What a frame's beginning says.
enum Shape {
    Bbqr,
    Ur,
    /// A PSBT or transaction in base64 or hex, in one code.
    Plain(Payload),
}

impl Shape {
    fn of(frame: &str) -> Result<Self, CarrierError> {
        let scheme = frame.get(..ur::SCHEME.len());
        if frame.starts_with(bbqr::MAGIC) {
            return Ok(Self::Bbqr);
        }
        if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(ur::SCHEME)) {
            return Ok(Self::Ur);
        }
        let payload = Payload::sniff(frame.as_bytes())?;
        match payload.kind() {
            PayloadKind::Psbt | PayloadKind::Transaction => Ok(Self::Plain(payload)),
            PayloadKind::Json | PayloadKind::Text | PayloadKind::Binary => {
                Err(CarrierError::NotAFrame)
            }
        }
    }
}
