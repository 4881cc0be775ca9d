//! The dialogs that pages open: codes that are shown, and a scan that is on its way.

use std::path::Path;

use policies::carrier::{Carrier, Density, Frames, Payload, Symbol};

use super::{Showcase, Traces};
use crate::{Browser, Camera, Failure, Outcome, film};

/// A dialog, by what opens it and what it says once it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    /// A name for files.
    pub name: &'static str,
    opener: &'static str,
    says: (&'static str, &'static str),
}

impl Dialog {
    /// All of them; each is opened on the page of an attempt.
    pub const ALL: [Self; 2] = [
        Self {
            name: "dialog-show",
            opener: "[data-show$='/attempt.psbt']",
            says: ("dialog [data-count]", "Code "),
        },
        Self {
            name: "dialog-scan",
            opener: "[data-scan=files]",
            says: ("dialog [data-told]", "missing"),
        },
    ];

    /// Opens it.
    pub fn open(&self, showcase: &Showcase, traces: &Traces, browser: &Browser) -> Outcome {
        let page = format!("/attempts/{}", traces.waiting);
        browser.open(&showcase.treasury.page(&page))?;
        browser.click(self.opener)?;
        let (css, part) = self.says;
        browser.says(css, part)
    }
}

impl Showcase {
    /// An operator whose camera sees half of an attempt's codes, in a film that is written to this file.
    pub fn operator_with_camera(&self, traces: &Traces, file: &Path) -> Result<Browser, Failure> {
        let payload = Payload::sniff(&self.treasury.psbt(traces.waiting)?)?;
        let version = Density::Low.version(Carrier::Bbqr);
        let codes = Frames::write(&payload, Carrier::Bbqr, version)?.symbols();
        let seen: Vec<&Symbol> = codes.iter().step_by(2).collect();
        film(file, seen, 6)?;
        let camera = Camera::Sees(file.to_owned());
        self.treasury.visitor_with_camera("dana", &camera)
    }
}
