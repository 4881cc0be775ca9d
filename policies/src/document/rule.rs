//! Rules, the lists of destinations they name, and the approvals they demand.

use std::collections::BTreeSet;

use bitcoin::{Address, Amount, Script, ScriptBuf};

use crate::IntentKind;

/// How many persons of a group must approve.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Approvals {
    /// The group; any approver when none is named.
    pub group: Option<String>,
    /// Persons, 0 for automatic approval. Only `own` keys count.
    pub count: u32,
    /// Further persons, who may use `own` keys or the coordinator's page; in rules only.
    #[serde(skip_serializing_if = "is_zero")]
    pub page: u32,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The most that a rule allows in any stretch of time of a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The sum of the amounts.
    pub amount: Amount,
    /// The length in seconds.
    pub per: u64,
}

/// One rule: what it matches, and the approvals that it then demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name in reviews and refusals.
    pub name: String,
    /// The kind it matches; any when none is written.
    pub kind: Option<IntentKind>,
    /// The requesters it matches; any when none is written.
    pub requesters: Option<Vec<String>>,
    /// The lists whose destinations it matches; any destination when none is written.
    pub to: Option<Vec<String>>,
    /// The highest amount it matches; any when none is written.
    pub amount_max: Option<Amount>,
    /// What it matches in a stretch of time; without bound when none is written.
    pub window: Option<Window>,
    /// What it demands.
    pub approvals: Approvals,
}

/// A list of destinations: those in the document, and where it is open those that its quorum adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Its name in rules.
    pub name: String,
    /// The addresses as written.
    pub entries: Vec<Address>,
    /// Their scripts: what is compared.
    pub scripts: BTreeSet<ScriptBuf>,
    /// How further entries come onto it; closed when none is written.
    pub open: Option<Open>,
}

/// How entries come onto an open list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Who adds one. One person of the group removes it.
    pub approvals: Approvals,
    /// Seconds between the first sight of an entry and its use.
    pub delay: u64,
    /// Whether the first payment to an entry is a small one.
    pub test_first: Option<TestFirst>,
}

/// The first payment to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestFirst {
    /// The most that it may pay.
    pub amount: Amount,
    /// The group of whom one person must confirm it before more is paid.
    pub group: String,
}

impl List {
    /// Whether a destination is on the list as the document has it.
    pub fn contains(&self, script: &Script) -> bool {
        self.scripts.contains(script)
    }
}
