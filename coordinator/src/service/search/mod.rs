//! One box for everything that has a name: transactions, addresses, references, amounts, withdrawals, batches,
//! persons, signers, lists.
//!
//! Invariant: nothing of a vault is found that the actor may not read, and no more than fifty things are.

mod books;
mod names;
mod reading;
mod withdrawals;

use std::collections::BTreeSet;
use std::sync::Arc;

use bitcoin::Amount;
use policies::document::Policy;
use watchtower::store::database::Transaction;

use self::reading::Sought;
use super::{Actor, Right, Service, ServiceError};
use crate::store::vaults::{self, VaultRow};

/// The most things that are found.
pub const MAX_HITS: usize = 50;
/// The most of one kind in one vault.
const MOST_OF_A_KIND: u32 = 20;
/// The most characters that are looked for.
const MAX_TEXT: usize = 200;

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What it is: `withdrawal`, `deposit`, `coin`, `address`, `attempt`, `batch`, `signer`, `approver`,
    /// `requester`, `list`, `policy` or `vault`.
    pub kind: &'static str,
    /// Its name. It may be a stranger's text.
    pub title: String,
    /// What tells it from others. It may be a stranger's text.
    pub detail: String,
    /// What it holds or pays, where it is about an amount.
    pub amount: Option<Amount>,
    /// The page that shows it.
    pub href: String,
    /// Whether the text names it, and is not only a part of something.
    pub exact: bool,
}

/// The one thing that a text names, if it is but one: its page can be shown at once.
pub fn only_exact(hits: &[Hit]) -> Option<&Hit> {
    let mut exact = hits.iter().filter(|hit| hit.exact);
    exact.next().filter(|_| exact.next().is_none())
}

/// Looks for a text in all vaults of the actor; the exact hits come first.
///
/// # Errors
/// [`ServiceError::Forbidden`], or on a database failure.
pub async fn search(
    service: &Service,
    actor: &Actor,
    text: &str,
) -> Result<Vec<Hit>, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let text: String = text.trim().chars().take(MAX_TEXT).collect();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let sought = Sought::read(service, &text);
    let mut tx = service.database().begin_read().await?;
    let mut hits = Vec::new();
    for row in vaults::list(&mut tx).await? {
        if actor.vault.is_some_and(|own| own != row.id) {
            continue;
        }
        let policy = service.policy(&mut tx, row.policy).await?;
        let mut place = Place {
            tx: &mut tx,
            service,
            vault: row,
            policy,
            sought: &sought,
            hits: &mut hits,
        };
        place.search().await?;
    }
    // The sort is stable: within each kind the newest stay first.
    hits.sort_by_key(|hit| !hit.exact);
    let mut seen = BTreeSet::new();
    hits.retain(|hit| seen.insert((hit.kind, hit.title.clone(), hit.href.clone())));
    hits.truncate(MAX_HITS);
    Ok(hits)
}

/// Where is looked, for what, and what was found so far.
struct Place<'a> {
    tx: &'a mut Transaction,
    service: &'a Service,
    vault: VaultRow,
    policy: Arc<Policy>,
    sought: &'a Sought,
    hits: &'a mut Vec<Hit>,
}

impl Place<'_> {
    async fn search(&mut self) -> Result<(), ServiceError> {
        self.attempts().await?;
        self.withdrawals().await?;
        self.coins().await?;
        self.addresses().await?;
        self.labels().await?;
        self.names();
        Ok(())
    }

    fn found(&mut self, hit: Hit) {
        self.hits.push(hit);
    }

    /// The address of a page of this vault.
    fn page(&self, tail: &str) -> String {
        format!("/vaults/{}{tail}", self.vault.id)
    }

    /// A detail that begins with the vault's name.
    fn of_vault(&self, detail: &str) -> String {
        format!("{}: {detail}", self.vault.name)
    }
}
