//! Takes in what a signer's exported journal knows and this database does not: after a backup was restored,
//! or where an attempt went from hand to hand.

use std::collections::BTreeSet;

use bitcoin::Txid;
use policies::journal::{Entry, Export, accept_export_of};
use policies::{UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;

use super::record::{Cause, append_event};
use super::remembering::{Books, Memory, remember, said_by_journal};
use super::{Actor, JournalError, Right, Service, ServiceError, lock_vault};
use crate::jobs::CATCH_UP;
use crate::rebuilding::Remembered;
use crate::store::{jobs, journals, withdrawals};

/// Hands in an exported journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportJournal {
    /// The file that `countersign-signer journal export` wrote, byte for byte.
    pub journal: String,
}

/// What an exported journal told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportedJournal {
    /// The signer.
    pub signer: String,
    /// The journal.
    pub journal: String,
    /// The number of its last entry.
    pub counter: u64,
    /// When it was exported, by its own time (unix seconds).
    #[schema(value_type = u64)]
    pub exported_at: UnixTime,
    /// Transactions that it signed and that were known.
    pub known: usize,
    /// Attempts that were forgotten and are earlier attempts of their lines from now on.
    #[schema(value_type = Vec<String>)]
    pub learnt: Vec<Txid>,
    /// Transactions that were not taken in: they spend what is no known coin of the vault and no known output of
    /// an attempt, or more than their coins are worth. Import it again once the chain shows more.
    #[schema(value_type = Vec<String>)]
    pub unseen: Vec<Txid>,
    /// Transactions of which another journal says something else: one of the two lies. They stay as they were known,
    /// and no withdrawal that they may pay is given up.
    #[schema(value_type = Vec<String>)]
    pub contradicted: Vec<Txid>,
    /// Withdrawals that only the journal knows: their requests are to be submitted again.
    pub without_request: Vec<String>,
}

/// Takes an exported journal in: whatever it signed counts from then on as issued here. The same again
/// answers that all is known.
///
/// # Errors
/// Whatever is wrong with the export; [`JournalError::ExportTooOld`] and [`JournalError::ExportForked`]
/// where its receipts show more. Nothing is taken then.
pub async fn import_journal(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &ImportJournal,
) -> Result<ImportedJournal, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let export = Export::read(request.journal.as_bytes())?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    lock_vault(&mut tx, vault).await?;
    let (row, _) = service.vault(&mut tx, vault).await?;
    let versions = service.versions(&mut tx, row.policy).await?;
    let signer = accept_export_of(versions.iter().map(AsRef::as_ref), &export)?;
    let signer = signer.name.clone();
    let key = export.journal.key();
    if let Some(known) = journals::lookup(&mut tx, vault, &key).await? {
        refuse_less(&export, &signer, &known)?;
    }
    let books = Books {
        vault: &row,
        versions: &versions,
        actor,
        cause: Cause {
            actor: &actor.name,
            reason: "a signer's journal holds it",
            at: now,
        },
    };
    let mut imported = ImportedJournal {
        signer: signer.clone(),
        journal: key.to_string(),
        counter: export.journal.counter(),
        exported_at: export.statement.at,
        known: 0,
        learnt: Vec::new(),
        unseen: Vec::new(),
        contradicted: Vec::new(),
        without_request: Vec::new(),
    };
    let mut looked_at = BTreeSet::new();
    for (_, _, entry) in &export.entries {
        let Entry::Signed(signed) = entry else {
            continue;
        };
        if !looked_at.insert(signed.txid) {
            continue;
        }
        let Some(said) = said_by_journal(&export, &signer, signed.txid, now) else {
            continue;
        };
        let remembered = Remembered::by_journal(said.record.clone(), &signer);
        let txid = signed.txid;
        let memory = match remember(&mut tx, books, &remembered, &[said]).await {
            Err(ServiceError::Journal(JournalError::Disagrees { .. })) => {
                imported.contradicted.push(txid);
                continue;
            }
            memory => memory?,
        };
        match memory {
            Memory::Known => imported.known = imported.known.saturating_add(1),
            Memory::Doubted(_) => imported.unseen.push(txid),
            Memory::New => {
                imported.learnt.push(txid);
                jobs::enqueue(&mut tx, CATCH_UP, &txid.to_string(), now).await?;
            }
        }
    }
    for withdrawal in withdrawals::without_request(&mut tx, vault).await? {
        let (requester, id) = (withdrawal.key.requester, withdrawal.key.id);
        imported.without_request.push(format!("{requester}/{id}"));
    }
    append(&mut tx, vault, &imported, actor, now).await?;
    tx.commit().await?;
    Ok(imported)
}

/// Refuses an export that shows less than a receipt of its journal, or something else.
fn refuse_less(
    export: &Export,
    signer: &str,
    known: &journals::JournalRow,
) -> Result<(), ServiceError> {
    let signer = signer.to_owned();
    let found = export.journal.counter();
    if found < known.counter {
        let known = known.counter;
        return Err(JournalError::ExportTooOld {
            signer,
            found,
            known,
        }
        .into());
    }
    let history = export.journal.history();
    if history.rolled_back(&known.receipt.body).is_some() {
        let counter = known.counter;
        return Err(JournalError::ExportForked { signer, counter }.into());
    }
    Ok(())
}

async fn append(
    tx: &mut watchtower::store::database::Transaction,
    vault: VaultId,
    imported: &ImportedJournal,
    actor: &Actor,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let mut body = Map::new();
    body.insert("contradicted".to_owned(), json!(imported.contradicted));
    body.insert("counter".to_owned(), json!(imported.counter));
    body.insert("known".to_owned(), json!(imported.known));
    body.insert("learnt".to_owned(), json!(imported.learnt));
    body.insert("signer".to_owned(), json!(imported.signer));
    append_event(
        tx,
        vault,
        ("journal", &imported.journal),
        "journal.imported",
        body,
        Cause::by(&actor.name, now),
    )
    .await
}
