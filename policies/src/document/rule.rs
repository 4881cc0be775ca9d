//! Rules, the lists of destinations they name, and the approvals they demand.

use std::collections::BTreeSet;

use bitcoin::{Address, Amount, Script, ScriptBuf};

use crate::IntentKind;

/// How many persons of a group must approve.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Approvals {
    /// The group; any approver when none is named.
    pub group: Option<String>,
    /// Persons, 0 for automatic approval.
    pub count: u32,
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
    /// What it demands.
    pub approvals: Approvals,
}

/// A closed list of destinations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Its name in rules.
    pub name: String,
    /// The addresses as written.
    pub entries: Vec<Address>,
    /// Their scripts: what is compared.
    pub scripts: BTreeSet<ScriptBuf>,
}

impl List {
    /// Whether a destination is on the list.
    pub fn contains(&self, script: &Script) -> bool {
        self.scripts.contains(script)
    }
}
