//! A policy document begun from a wallet of others: descriptor and signers are there, and what only people can
//! decide is left out, for `policy check` to name.

use bitcoin::{Network, NetworkKind};

use super::{ImportError, Imported};
use crate::UnixTime;
use crate::document::{DeviceDraft, HeadDraft, PolicyDraft, SignerDraft};

/// What a wallet's file does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DraftFacts<'a> {
    /// The vault's name, where the wallet's is not to be kept.
    pub name: Option<&'a str>,
    /// The chain.
    pub network: Option<Network>,
    /// A recent block: its height and time.
    pub head: Option<(u32, UnixTime)>,
}

/// The longest name of a policy.
const MAX_NAME: usize = 32;

impl Imported {
    /// The text of a document of this wallet. It lacks, and says so, journal keys, requesters, approvers and
    /// rules, and the recent block where none is given.
    ///
    /// # Errors
    /// When the network is not told by the file or by the facts, or they contradict each other.
    pub fn draft(&self, facts: DraftFacts<'_>) -> Result<String, ImportError> {
        let network = self.network_with(facts.network)?;
        let (height, time) = facts.head.unwrap_or((0, UnixTime::from_secs(0)));
        let name = facts.name.map(str::to_owned).or_else(|| {
            let name = self.name.as_deref()?;
            named(name)
        });
        let name = name.unwrap_or_else(|| "vault".to_owned());
        let mut draft = PolicyDraft::first_version(&name, network, HeadDraft { height, time });
        self.descriptor
            .text()
            .clone_into(&mut draft.spending.descriptor);
        draft.signers = self.signers();
        let text = without_guesses(&draft.to_toml(), facts.head.is_some());
        Ok(format!("{}{text}", self.preface(facts)))
    }

    /// The chain of the wallet, from what the file and the person say.
    ///
    /// # Errors
    /// When neither tells it, or they contradict each other.
    pub fn network_with(&self, given: Option<Network>) -> Result<Network, ImportError> {
        let keys = NetworkKind::from(self.descriptor.network());
        match (self.network, given) {
            (Some(file), Some(given)) if file != given => {
                Err(ImportError::OtherNetwork { file, given })
            }
            (None, Some(given)) if NetworkKind::from(given) != keys => {
                Err(ImportError::NetworkDiffers { said: given, keys })
            }
            (_, Some(network)) | (Some(network), None) => Ok(network),
            (None, None) => Err(ImportError::NetworkNeeded),
        }
    }

    fn signers(&self) -> Vec<SignerDraft> {
        let mut names: Vec<String> = Vec::new();
        let positions = self.descriptor.key_positions().iter();
        positions
            .zip(&self.holders)
            .enumerate()
            .map(|(place, (position, holder))| {
                let label = holder.label.as_deref().and_then(named);
                let name = unused(label, place, &names);
                names.push(name.clone());
                SignerDraft {
                    person: name.clone(),
                    name,
                    device: holder.device.clone().map(|kind| DeviceDraft { kind }),
                    key: position.to_string(),
                    journal: String::new(),
                }
            })
            .collect()
    }

    /// What still is to be written, as comments before the document.
    fn preface(&self, facts: DraftFacts<'_>) -> String {
        let mut out = format!("# Begun from a file of {}.\n", self.format.title());
        for note in &self.notes {
            out += &format!("# Note: {note}.\n");
        }
        out += "#\n# Still to be written; countersign-signer policy check names what is missing:\n";
        if facts.head.is_none() {
            out += "# - head = { height = H, time = T } of a recent block, and valid_until\n";
        }
        out += "# - journal = \"ed25519:…\" of each of [[signers]]: countersign-signer xpub --json\n#   prints it\n";
        out += "# - person of each of [[signers]], and device where it is missing\n";
        out += "# - [[requesters]], [[approvers]] and [[rules]]\n";
        out += "# - [change], which no check asks for: without it no next version can ever be approved\n";
        out += "# The limits below, and valid_until, are proposals of this tool: no file says any. Read each.\n";
        out += "# An existing wallet's coins may also be spent outside of this policy, by whoever has enough keys.\n\n";
        out
    }
}

/// The document without what nobody has said yet: a check then names it as missing.
fn without_guesses(document: &str, has_head: bool) -> String {
    let mut table = "";
    let mut out = String::with_capacity(document.len());
    for line in document.lines() {
        if line.starts_with('[') {
            table = line;
        }
        let guessed = !has_head && (table == "[head]" || line.starts_with("valid_until = "));
        if !guessed && !["requesters = []", "rules = []", "journal = \"\""].contains(&line) {
            out += line;
            out.push('\n');
        }
    }
    out
}

/// A label as a name of policies: a-z, 0-9 and -, at most 32; none where nothing of it is left.
fn named(label: &str) -> Option<String> {
    let mut name = String::new();
    for letter in label.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            name.push(letter);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        if name.len() == MAX_NAME {
            break;
        }
    }
    name.truncate(name.trim_end_matches('-').len());
    (!name.is_empty()).then_some(name)
}

/// The label, or `key-1` and so on, such that no earlier signer has it.
fn unused(label: Option<String>, place: usize, taken: &[String]) -> String {
    let number = place + 1;
    let label = label.unwrap_or_else(|| format!("key-{number}"));
    if !taken.contains(&label) {
        return label;
    }
    let room = MAX_NAME - 4;
    let short = label.get(..room).unwrap_or(&label);
    let mut next = number;
    loop {
        let name = format!("{short}-{next}");
        if !taken.contains(&name) {
            return name;
        }
        next += 1;
    }
}
