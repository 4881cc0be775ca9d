//! What is looked at: pictures on several screens, and what keeps people from using a page.

use std::path::Path;

use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::Browser;
use crate::{Failure, environment};

/// How wide a person's screen is, and whether they prefer the dark.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// The preferred colour scheme.
    pub dark: bool,
}

impl Screen {
    /// What people sit at and hold, in light and in dark.
    pub const ALL: [(&'static str, Self); 4] = [
        ("desktop-light", Self::new(1280, 900, false)),
        ("desktop-dark", Self::new(1280, 900, true)),
        ("phone-light", Self::new(390, 844, false)),
        ("phone-dark", Self::new(390, 844, true)),
    ];

    const fn new(width: u32, height: u32, dark: bool) -> Self {
        Self {
            width,
            height,
            dark,
        }
    }
}

impl Browser {
    /// Shows the page on another screen, checks that nothing sticks out of it, and keeps a picture.
    #[track_caller]
    pub fn picture(&self, screen: Screen, file: &Path) -> Result<(), Failure> {
        let Screen {
            width,
            height,
            dark,
        } = screen;
        let scheme = if dark { "dark" } else { "light" };
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
        )?;
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            // Nothing is caught halfway.
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": features }),
        )?;
        let png = self.runtime.block_on(self.client.screenshot())?;
        std::fs::write(file, png)?;
        let wide =
            self.script("return document.documentElement.scrollWidth - window.innerWidth")?;
        if wide.as_i64().is_some_and(|excess| excess <= 0) {
            return Ok(());
        }
        Err(Failure::new(format!(
            "the page is {wide} pixels wider than a screen of {width}"
        )))
    }

    /// A picture of what is on the screen now, as PNG.
    pub fn screenshot(&self) -> Result<Vec<u8>, Failure> {
        Ok(self.runtime.block_on(self.client.screenshot())?)
    }

    /// The same of the whole page, however long it is.
    #[track_caller]
    pub fn whole_picture(&self, screen: Screen, file: &Path) -> Result<(), Failure> {
        self.picture(screen, file)?;
        let taken = self.devtools(
            "Page.captureScreenshot",
            &json!({ "format": "png", "captureBeyondViewport": true,
                "clip": { "x": 0, "y": 0, "width": screen.width, "height": self.height()?, "scale": 1 } }),
        )?;
        let data = taken["data"]
            .as_str()
            .ok_or_else(|| Failure::new("the browser gives no picture"))?;
        std::fs::write(file, BASE64_STANDARD.decode(data)?)?;
        Ok(())
    }

    fn height(&self) -> Result<u64, Failure> {
        let height = self.script("return document.documentElement.scrollHeight")?;
        Ok(height.as_u64().unwrap_or(900).clamp(1, 16_000))
    }

    /// What keeps people from using the page, as axe-core finds it: each serious or critical fault with the
    /// elements that have it.
    pub fn faults(&self) -> Result<Vec<String>, Failure> {
        let axe = std::fs::read_to_string(environment::axe()?)?;
        // As a debugger does it: the page's own policy lets no script in.
        self.devtools("Runtime.evaluate", &json!({ "expression": axe }))?;
        let run = "axe.run(document, { resultTypes: ['violations'] }).then(r => JSON.stringify(r.violations))";
        let found = self.devtools(
            "Runtime.evaluate",
            &json!({ "expression": run, "awaitPromise": true, "returnByValue": true }),
        )?;
        let text = found["result"]["value"]
            .as_str()
            .ok_or_else(|| Failure::new(format!("axe-core does not answer: {found}")))?;
        let violations: Vec<Value> = serde_json::from_str(text)?;
        let serious = violations
            .iter()
            .filter(|each| matches!(each["impact"].as_str(), Some("serious" | "critical")));
        Ok(serious
            .map(|each| {
                let nodes = each["nodes"].as_array().into_iter().flatten();
                let at: Vec<String> = nodes.map(|node| node["html"].to_string()).collect();
                format!("{}: {} at {}", each["id"], each["help"], at.join(", "))
            })
            .collect())
    }
}
