//! What a new destination is compared with: what is listed, what is ours, and where money went.

use std::collections::BTreeSet;

use bitcoin::{Address, Script, ScriptBuf};
use policies::document::Policy;
use policies::{ListAdd, Statement, UnixTime};
use watchtower::store::database::Transaction;

use super::drafting::{EntryFault, EntryWarning};
use super::labels::{look_alike, outline};
use super::view::BookEntry;
use crate::service::ServiceError;
use crate::service::lists::entry_view;
use crate::service::standing::Entry;
use crate::service::terms::is_own;
use crate::store::vaults::VaultRow;
use crate::store::{payments, statements};

/// The most entries and payments that a new one is compared with, each.
const COMPARED: u32 = 10_000;

/// A destination that people know.
#[derive(Debug, Clone)]
struct Destination {
    script: ScriptBuf,
    address: String,
    /// Its label; empty where it has none.
    label: String,
    /// Where it is known from.
    from: String,
}

/// The destinations that people know.
#[derive(Debug, Clone)]
pub(super) struct Known {
    destinations: Vec<Destination>,
}

impl Known {
    pub(super) async fn load(
        tx: &mut Transaction,
        vault: &VaultRow,
        policy: &Policy,
    ) -> Result<Self, ServiceError> {
        let mut destinations = Vec::new();
        let mut seen = BTreeSet::new();
        let rows = statements::entries_after(tx, vault.id, None, None, COMPARED).await?;
        for row in rows {
            if let Statement::ListAdd(add) = row.statement {
                seen.insert(add.script_pubkey.clone());
                let from = format!("the list {}", add.list);
                destinations.push(destination(policy, add.script_pubkey, add.label, from));
            }
        }
        for list in &policy.lists {
            for script in &list.scripts {
                seen.insert(script.clone());
                let from = format!("the list {} of the policy", list.name);
                destinations.push(destination(policy, script.clone(), String::new(), from));
            }
        }
        for script in payments::paid_scripts(tx, vault.id, COMPARED).await? {
            if seen.insert(script.clone()) {
                let from = "an earlier payment".to_owned();
                destinations.push(destination(policy, script, String::new(), from));
            }
        }
        Ok(Self { destinations })
    }

    /// What a person should look at twice before this is signed.
    pub(super) fn warnings(&self, add: &ListAdd, address: &str) -> Vec<EntryWarning> {
        let mut warnings = Vec::new();
        let mine = outline(&add.label);
        for other in &self.destinations {
            if other.script == add.script_pubkey {
                continue;
            }
            if look_alike(address, &other.address) {
                warnings.push(EntryWarning::LooksLike {
                    address: other.address.clone(),
                    label: other.label.clone(),
                    from: other.from.clone(),
                });
            }
            if !mine.is_empty() && outline(&other.label) == mine {
                warnings.push(EntryWarning::LabelLooksLike {
                    label: other.label.clone(),
                    address: other.address.clone(),
                    from: other.from.clone(),
                });
            }
        }
        warnings
    }

    /// The same about an entry that stands.
    pub(super) fn warnings_of(&self, entry: &BookEntry) -> Vec<EntryWarning> {
        match Statement::decode(entry.statement.as_bytes()) {
            Ok(Statement::ListAdd(add)) => {
                self.warnings(&add, entry.entry.address.as_deref().unwrap_or_default())
            }
            Ok(_) | Err(_) => Vec::new(),
        }
    }
}

fn destination(policy: &Policy, script: ScriptBuf, label: String, from: String) -> Destination {
    let address = Address::from_script(&script, policy.network);
    Destination {
        address: address.map_or_else(|_| script.to_hex_string(), |address| address.to_string()),
        script,
        label,
        from,
    }
}

/// What the books say of a destination that is to be added to a list: what forbids it, and what to look at twice.
pub(super) async fn standing_of(
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    (list, script): (&str, &Script),
    now: UnixTime,
) -> Result<(Vec<EntryFault>, Vec<EntryWarning>), ServiceError> {
    let (mut faults, mut warnings) = (Vec::new(), Vec::new());
    if is_own(tx, vault, policy, script).await? {
        faults.push(EntryFault::OwnAddress);
    }
    if let Some(other) = policy.other_vault_of(script) {
        warnings.push(EntryWarning::OtherVault {
            name: other.name.clone(),
        });
    }
    for known in &policy.lists {
        if known.contains(script) && known.name == list {
            faults.push(EntryFault::InDocument);
        }
    }
    for row in statements::adding(tx, vault.id, script).await? {
        let name = row.list.clone();
        let Some(known) = policy.list(&name) else {
            continue;
        };
        let Some(entry) = Entry::read(tx, policy, row, now).await? else {
            continue;
        };
        let view = entry_view(tx, policy, known, &entry, now).await?;
        let over = ["removed", "expired"].contains(&view.state.as_str());
        if over {
            warnings.push(EntryWarning::ListedBefore {
                list: name,
                label: view.label,
                says: view.says,
            });
        } else if name == list {
            faults.push(EntryFault::Listed {
                label: view.label,
                says: view.says,
            });
        } else {
            warnings.push(EntryWarning::OnOtherList {
                list: name,
                label: view.label,
            });
        }
    }
    Ok((faults, warnings))
}
