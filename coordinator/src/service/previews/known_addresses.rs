//! Addresses that are known: paid before, or on a list; and what is odd about a new one beside them.

use bitcoin::{Address, Script};
use policies::document::Policy;
use policies::{ListAdd, Statement, UnixTime, VaultId};
use watchtower::store::database::Transaction;

use super::draft::Reading;
use super::resemblance::{Likeness, likeness};
use crate::service::ServiceError;
use crate::store::statements;
use crate::store::withdrawals_found::paid_scripts;

/// The most addresses paid before, and entries of each list, that are compared.
const COMPARED: u32 = 2_000;
/// The most addresses that are told to resemble.
const TOLD: usize = 3;

/// An address that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAddress {
    /// The address.
    pub address: String,
    /// How many withdrawals paid it.
    pub times: u32,
    /// When the last of them came in.
    pub last_at: Option<UnixTime>,
    /// The list that it is on.
    pub list: Option<String>,
    /// What the list's entry calls it, in the words of whoever wrote it.
    pub label: String,
}

/// What is odd about a withdrawal, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What.
    pub odd: Odd,
    /// The address that it is about.
    pub known: Option<KnownAddress>,
}

/// What is odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Odd {
    /// It resembles an address that is known, and is another.
    Resembles(Likeness),
    /// Nothing was paid to it before, and it is on no list.
    First,
    /// It was paid before, or is on a list: nothing is odd.
    Known,
}

impl Odd {
    /// In words.
    pub const fn says(self) -> &'static str {
        match self {
            Self::Resembles(Likeness::Lookalike) => {
                "This address has letters that look like those of an address you know, and are others. Compare them."
            }
            Self::Resembles(Likeness::Slip) => {
                "This address differs from an address you know in a letter or two. Compare them."
            }
            Self::Resembles(Likeness::Ends) => {
                "This address begins and ends like an address you know, and is another. Somebody may want you to mix \
                 them up: compare every group."
            }
            Self::First => {
                "Nothing was paid to this address before. Compare every group with where it was given."
            }
            Self::Known => "This address is known.",
        }
    }

    /// Whether somebody should look twice.
    pub const fn is_alarming(self) -> bool {
        matches!(self, Self::Resembles(_))
    }
}

/// What is odd about a destination beside those that are known.
pub(super) async fn warnings(
    tx: &mut Transaction,
    policy: &Policy,
    vault: VaultId,
    reading: &Reading,
    now: UnixTime,
) -> Result<Vec<Warning>, ServiceError> {
    if reading.typed.is_empty() {
        return Ok(Vec::new());
    }
    let text = reading
        .address
        .as_ref()
        .map_or_else(|| reading.typed.clone(), ToString::to_string);
    let known = known_to(tx, policy, vault, now).await?;
    let is_same = |one: &&KnownAddress| one.address == text;
    let same: Vec<&KnownAddress> = known.iter().filter(is_same).collect();
    let mut warnings: Vec<Warning> = known
        .iter()
        .filter_map(|known| {
            let odd = Odd::Resembles(likeness(&text, &known.address)?);
            let known = Some(known.clone());
            Some(Warning { odd, known })
        })
        .collect();
    warnings.dedup_by_key(|warning| warning.known.as_ref().map(|known| known.address.clone()));
    warnings.truncate(TOLD);
    if !same.is_empty() {
        warnings.extend(same.into_iter().map(|known| Warning {
            odd: Odd::Known,
            known: Some(known.clone()),
        }));
    } else if reading.script.is_some() {
        warnings.push(Warning {
            odd: Odd::First,
            known: None,
        });
    }
    Ok(warnings)
}

/// The first of the known addresses that an address resembles without being it.
pub(in crate::service) fn resembled<'k>(
    address: &str,
    known: &'k [KnownAddress],
) -> Option<(&'k KnownAddress, Likeness)> {
    known
        .iter()
        .find_map(|one| likeness(address, &one.address).map(|likeness| (one, likeness)))
}

/// Every address that is known to a vault, each by how it is.
pub(in crate::service) async fn known_to(
    tx: &mut Transaction,
    policy: &Policy,
    vault: VaultId,
    now: UnixTime,
) -> Result<Vec<KnownAddress>, ServiceError> {
    let text = |script: &Script| {
        Address::from_script(script, policy.network)
            .ok()
            .map(|address| address.to_string())
    };
    let mut known = Vec::new();
    for paid in paid_scripts(tx, vault, COMPARED).await? {
        known.extend(text(&paid.script).map(|address| KnownAddress {
            address,
            times: paid.times,
            last_at: Some(paid.last_at),
            list: None,
            label: String::new(),
        }));
    }
    for list in &policy.lists {
        let on_list = |address: String, label: &str| KnownAddress {
            address,
            times: 0,
            last_at: None,
            list: Some(list.name.clone()),
            label: label.to_owned(),
        };
        known.extend(
            list.entries
                .iter()
                .map(|address| on_list(address.to_string(), "")),
        );
        if list.open.is_none() {
            continue;
        }
        for row in statements::entries_of(tx, vault, &list.name, COMPARED).await? {
            if let Statement::ListAdd(ListAdd {
                script_pubkey,
                label,
                expires,
                ..
            }) = &row.statement
                && *expires > now
            {
                known.extend(text(script_pubkey).map(|address| on_list(address, label)));
            }
        }
    }
    Ok(known)
}
