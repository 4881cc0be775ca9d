//! What a person hands to a page otherwise than by typing: files that are dropped, text that is pasted, days.

use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::Browser;
use crate::Failure;

/// Drops files on the middle of the page, as a person's hand does: first over it, then let go. Whether the page said
/// that it would take them.
const DROP: &str = r#"
    const carried = new DataTransfer();
    for (const [name, data] of arguments[0])
        carried.items.add(new File([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], name));
    const over = document.querySelector("main");
    const tell = (what) => over.dispatchEvent(
        new DragEvent(what, { dataTransfer: carried, bubbles: true, cancelable: true }));
    // A page that takes what is carried keeps the browser from opening it.
    return !tell("dragover") && !tell("drop");
"#;

/// Pastes text where nobody types.
const PASTE: &str = r#"
    const carried = new DataTransfer();
    carried.setData("text/plain", arguments[0]);
    document.activeElement?.blur();
    return !document.body.dispatchEvent(
        new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true }));
"#;

/// Puts a value into a field that is not typed letter by letter.
const PUT: &str = r#"
    const field = document.querySelector(arguments[0]);
    field.value = arguments[1];
    field.dispatchEvent(new Event("change", { bubbles: true }));
    return field.value === arguments[1];
"#;

impl Browser {
    /// Drops files, by name, onto the page, which must take them.
    #[track_caller]
    pub fn drop_files(&self, files: &[(&str, &[u8])]) -> Result<(), Failure> {
        let files: Vec<Value> = files
            .iter()
            .map(|(name, bytes)| json!([name, BASE64_STANDARD.encode(bytes)]))
            .collect();
        self.must("files dropped", DROP, vec![json!(files)])
    }

    /// Pastes text onto the page, which must take it.
    #[track_caller]
    pub fn paste(&self, text: &str) -> Result<(), Failure> {
        self.must("text pasted", PASTE, vec![json!(text)])
    }

    /// Chooses a day, written as `2026-11-26`.
    #[track_caller]
    pub fn choose_day(&self, css: &str, day: &str) -> Result<(), Failure> {
        self.must("a day", PUT, vec![json!(css), json!(day)])
    }

    /// What a field holds.
    pub fn value(&self, css: &str) -> Result<String, Failure> {
        let script = "return document.querySelector(arguments[0]).value";
        let value = self.script_with(script, vec![json!(css)])?;
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| Failure::new(format!("{css} holds no text: {value}")))
    }

    #[track_caller]
    fn must(&self, what: &str, script: &str, arguments: Vec<Value>) -> Result<(), Failure> {
        if self.script_with(script, arguments)? == json!(true) {
            return Ok(());
        }
        let address = self.address()?;
        Err(Failure::new(format!("{address} does not take {what}")))
    }
}
