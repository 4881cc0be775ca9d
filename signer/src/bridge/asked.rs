//! What a page asks for: hashes, drafts and where to go back to; nothing in it is believed.

use super::error::BridgeError;
use super::form::Form;
use super::origin::Origin;
use policies::{Subject, VaultId};
use std::collections::BTreeSet;

/// The most of a form that is read.
pub(super) const MAX_FORM: usize = 256 * 1024;
/// The most hashes at once.
const MAX_HASHES: usize = 100;
/// The longest draft: an intent or a statement.
const MAX_DRAFT: usize = 8 * 1024;
/// The longest reason of a stop.
const MAX_REASON: usize = 200;
/// The longest address to go back to.
const MAX_BACK: usize = 2_000;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Approve withdrawals.
    Approve,
    /// Reject withdrawals.
    Reject,
    /// Request a withdrawal.
    Request,
    /// Propose a destination of an open list.
    ListPropose,
    /// Sign what another person said of an open list.
    ListApprove,
    /// Remove a destination.
    ListRemove,
    /// Confirm a first payment.
    ListConfirm,
    /// Approve the next version of the policy.
    PolicyApprove,
    /// Stop the vault.
    Stop,
    /// Release a stop.
    Release,
    /// Approve a self-spend.
    Maintain,
    /// Let automatic co-signers go.
    Go,
    /// Countersign a transfer.
    Countersign,
}

impl What {
    /// All that a page may ask for.
    const ALL: [Self; 13] = [
        Self::Approve,
        Self::Reject,
        Self::Request,
        Self::ListPropose,
        Self::ListApprove,
        Self::ListRemove,
        Self::ListConfirm,
        Self::PolicyApprove,
        Self::Stop,
        Self::Release,
        Self::Maintain,
        Self::Go,
        Self::Countersign,
    ];

    /// Its name in the form.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Request => "request",
            Self::ListPropose => "list-propose",
            Self::ListApprove => "list-approve",
            Self::ListRemove => "list-remove",
            Self::ListConfirm => "list-confirm",
            Self::PolicyApprove => "policy-approve",
            Self::Stop => "stop",
            Self::Release => "release",
            Self::Maintain => "maintain",
            Self::Go => "go",
            Self::Countersign => "countersign",
        }
    }

    /// The verb of the terminal that does the same.
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Request => "request",
            Self::ListPropose => "list add",
            Self::ListApprove => "list approve",
            Self::ListRemove => "list remove",
            Self::ListConfirm => "list confirm",
            Self::PolicyApprove => "policy approve",
            Self::Stop => "stop",
            Self::Release => "stop release",
            Self::Maintain => "maintain",
            Self::Go => "go",
            Self::Countersign => "sign",
        }
    }

    /// Whether it is about several at once.
    const fn takes_several(self) -> bool {
        matches!(self, Self::Approve | Self::Reject | Self::ListPropose)
    }

    /// Whether it begins something that has no hash yet.
    const fn begins(self) -> bool {
        matches!(
            self,
            Self::Request | Self::ListPropose | Self::Stop | Self::Go
        )
    }
}

/// One ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The vault.
    pub vault: VaultId,
    /// What is to be done.
    pub what: What,
    /// Over what; empty where something is begun.
    pub hashes: Vec<Subject>,
    /// The texts of the intent or the statements that are begun.
    pub drafts: Vec<String>,
    /// Why a vault is stopped.
    pub reason: String,
    /// The page to go back to, if it is one of the origin that asks.
    pub back: Option<String>,
}

impl Asked {
    /// Reads the form of a page of this origin.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(body: &[u8], origin: &Origin) -> Result<Self, BridgeError> {
        let form = Form::read(body)?;
        let what = form.only("what", 20)?.ok_or(BridgeError::UnknownAsk)?;
        let what = What::ALL.into_iter().find(|known| known.name() == what);
        let what = what.ok_or(BridgeError::UnknownAsk)?;
        let vault = form.only("vault", 64)?.and_then(|text| text.parse().ok());
        let vault = vault.ok_or(BridgeError::Field {
            field: "vault",
            expected: "64 hex digits",
        })?;
        let drafts = match what {
            What::Request => form.only("intent", MAX_DRAFT)?.into_iter().collect(),
            What::ListPropose => statements(&form)?,
            What::Approve
            | What::Reject
            | What::ListApprove
            | What::ListRemove
            | What::ListConfirm
            | What::PolicyApprove
            | What::Stop
            | What::Release
            | What::Maintain
            | What::Go
            | What::Countersign => Vec::new(),
        };
        Ok(Self {
            vault,
            what,
            hashes: hashes(&form, what)?,
            drafts: drafts.into_iter().map(str::to_owned).collect(),
            reason: form
                .only("reason", MAX_REASON)?
                .unwrap_or_default()
                .to_owned(),
            back: back(&form, origin)?,
        })
    }

    /// The one thing that it is about.
    ///
    /// # Errors
    /// [`BridgeError::Field`] where there is none.
    pub(super) fn hash(&self) -> Result<Subject, BridgeError> {
        self.hashes.first().copied().ok_or(BridgeError::Field {
            field: "hash",
            expected: "there",
        })
    }

    /// Refuses drafts that are not those whose hashes the page named, if it named any.
    ///
    /// # Errors
    /// [`BridgeError::OtherBytes`].
    pub(super) fn names(&self, found: Subject) -> Result<(), BridgeError> {
        match self.hashes.first() {
            Some(asked) if !self.hashes.contains(&found) => Err(BridgeError::OtherBytes {
                asked: asked.to_string(),
                found: found.to_string(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// The one intent that it drafts.
    ///
    /// # Errors
    /// [`BridgeError::Field`] where there is none.
    pub(super) fn intent(&self) -> Result<&str, BridgeError> {
        let first = self.drafts.first().map(String::as_str);
        first.ok_or(BridgeError::Field {
            field: "intent",
            expected: "the text that is to be signed",
        })
    }
}

fn statements(form: &Form) -> Result<Vec<&str>, BridgeError> {
    let all: Vec<&str> = form.all("statement").collect();
    let fits = |text: &&str| !text.is_empty() && text.len() <= MAX_DRAFT;
    if (1..=MAX_HASHES).contains(&all.len()) && all.iter().all(fits) {
        return Ok(all);
    }
    Err(BridgeError::Field {
        field: "statement",
        expected: "1 to 100 texts that are to be signed",
    })
}

/// Where a form wants to go back to; an address of anybody else is left out.
pub(super) fn back(form: &Form, origin: &Origin) -> Result<Option<String>, BridgeError> {
    let back = form.only("back", MAX_BACK)?;
    Ok(back.filter(|back| origin.holds(back)).map(str::to_owned))
}

fn hashes(form: &Form, what: What) -> Result<Vec<Subject>, BridgeError> {
    let field = |expected| BridgeError::Field {
        field: "hash",
        expected,
    };
    let mut seen = BTreeSet::new();
    let mut hashes = Vec::new();
    for text in form.all("hash") {
        let hash: Subject = text.parse().map_err(|_| field("64 hex digits"))?;
        if hashes.len() == MAX_HASHES || !seen.insert(hash) {
            return Err(field("at most 100 of them, each once"));
        }
        hashes.push(hash);
    }
    match hashes.len() {
        0 if what.begins() => Ok(hashes),
        0 => Err(field("at least one")),
        1 => Ok(hashes),
        _ if what.takes_several() => Ok(hashes),
        _ => Err(field("one alone")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        "https://treasury.example".parse().expect("an origin")
    }

    fn form(what: &str, hashes: &[String], more: &str) -> Vec<u8> {
        let mut text = format!("vault={}&what={what}{more}", "11".repeat(32));
        for hash in hashes {
            text += &format!("&hash={hash}");
        }
        text.into_bytes()
    }

    fn hash(n: usize) -> String {
        format!("{n:064x}")
    }

    #[test]
    fn an_ask_names_what_and_at_most_a_hundred_hashes_each_once() {
        let many: Vec<String> = (0..100).map(hash).collect();
        let asked = Asked::read(&form("approve", &many, ""), &origin()).expect("is an ask");
        assert_eq!(asked.hashes.len(), 100);
        assert_eq!(asked.what, What::Approve);
        let more: Vec<String> = (0..101).map(hash).collect();
        for (what, hashes) in [
            ("approve", more),
            ("approve", vec![hash(1), hash(1)]),
            ("approve", vec![]),
            ("approve", vec!["11".to_owned()]),
            ("approve", vec!["AA".repeat(32)]),
            ("release", vec![hash(1), hash(2)]),
            ("policy-approve", vec![]),
            ("sign", vec![hash(1)]),
        ] {
            assert!(
                Asked::read(&form(what, &hashes, ""), &origin()).is_err(),
                "{what} {hashes:?}"
            );
        }
    }

    #[test]
    fn fields_are_bounded_and_a_foreign_way_back_is_left_out() {
        let one = [hash(1)];
        let own = "&back=https%3A%2F%2Ftreasury.example%2Faccount";
        let asked = Asked::read(&form("approve", &one, own), &origin()).expect("is an ask");
        assert_eq!(
            asked.back.as_deref(),
            Some("https://treasury.example/account")
        );
        let foreign = "&back=https%3A%2F%2Fevil.example%2F";
        let asked = Asked::read(&form("approve", &one, foreign), &origin()).expect("is an ask");
        assert_eq!(asked.back, None);
        for (field, length) in [("back", 2_001), ("reason", 201)] {
            let more = format!("&{field}={}", "x".repeat(length));
            assert!(
                Asked::read(&form("stop", &one, &more), &origin()).is_err(),
                "{field}"
            );
        }
        let more = format!("&intent={}", "x".repeat(MAX_DRAFT + 1));
        assert!(Asked::read(&form("request", &[], &more), &origin()).is_err());
        let twice = form("approve", &one, "&vault=1");
        assert!(Asked::read(&twice, &origin()).is_err());
    }

    #[test]
    fn every_ask_has_its_own_name() {
        let names: BTreeSet<&str> = What::ALL.into_iter().map(What::name).collect();
        assert_eq!(names.len(), What::ALL.len());
    }
}
