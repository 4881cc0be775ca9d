//! Reading golden files: hex, ids and secret keys as serde types, and whether a refusal is the named one.

use std::fmt::{Debug, Display};
use std::path::Path;

use policies::intent::SecretKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, de};

/// Bytes in lower hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl Hex {
    /// The bytes as an array.
    pub(crate) fn array<const N: usize>(&self) -> [u8; N] {
        self.0
            .as_slice()
            .try_into()
            .expect("the golden file has the right length")
    }

    /// The bytes as the seed of a key.
    pub(crate) fn key(&self) -> SecretKey {
        SecretKey::from_bytes(&self.array())
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        bitcoin::hex::FromHex::from_hex(&text)
            .map(Self)
            .map_err(de::Error::custom)
    }
}

/// Reads a golden file of JSON that stands beside this one.
pub(crate) fn read<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&text(name)).expect("the golden file is read")
}

/// The text of a golden file that stands beside this one.
pub(crate) fn text(name: &str) -> String {
    source(&format!("tests/vectors/{name}"))
}

/// The text of a file of the project.
pub(crate) fn source(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The texts of all Rust files under a folder of the project.
pub(crate) fn sources(folder: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("the folder is read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                texts.push(std::fs::read_to_string(path).expect("a source file is text"));
            }
        }
    }
    texts
}

/// Proves that a made page is as it would be made now.
pub(crate) fn compare_made(path: &str, text: &str) {
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("made.md");
    let there = std::fs::read_to_string(root().join(path)).unwrap_or_default();
    if there != text {
        std::fs::write(&made, text).expect("the target folder can be written to");
        panic!(
            "{path} is not what the sources say: copy {} over it",
            made.display()
        );
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package lies in the project's folder")
}

/// Proves that something is refused, and for the reason that the file gives.
pub(crate) fn refused<T: Debug, E: Display>(result: Result<T, E>, why: &str) {
    match result {
        Ok(value) => panic!("accepted although {why}: {value:?}"),
        Err(error) => assert!(error.to_string().contains(why), "{error}: expected {why}"),
    }
}
