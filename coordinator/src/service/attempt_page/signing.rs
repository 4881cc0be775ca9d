//! Who signed which input of an attempt, who is awaited, and what their journals said with it.

use policies::UnixTime;
use policies::journal::Receipt;
use watchtower::store::database::Transaction;

use crate::service::ServiceError;
use crate::service::attempt_lines::awaited;
use crate::service::journals::signer_of_journal;
use crate::service::opened::Session;
use crate::service::own_spend_view::signer_sets;
use crate::store::attempts::{self, AttemptRow};
use crate::store::inputs;

/// The signatures of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// The signers of its keyset, each with what they signed.
    pub signers: Vec<SignerFacts>,
    /// How many signatures each input needs, where all sets of signers are of one size.
    pub needs: Option<usize>,
    /// The sets of signers, any one of which suffices.
    pub sets: Vec<Vec<String>>,
    /// Signers who are awaited.
    pub awaited: Vec<String>,
    /// What their journals said.
    pub receipts: Vec<ReceiptFacts>,
}

/// A signer, and what it signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerFacts {
    /// Its name.
    pub name: String,
    /// The person who holds the key.
    pub person: String,
    /// What holds the key.
    pub device: Option<String>,
    /// Whether a path that this attempt is made for has the key.
    pub expected: bool,
    /// Of each input, whether its signature is there.
    pub signed: Vec<bool>,
    /// When its last signature came in.
    pub last_at: Option<UnixTime>,
}

/// What a journal said when a signature left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptFacts {
    /// The signer; none for a journal that is none of theirs by now.
    pub signer: Option<String>,
    /// The journal's key.
    pub journal: String,
    /// The number of its entry.
    pub counter: u64,
    /// The journal's time.
    pub at: UnixTime,
    /// Whether the manifest that was reviewed is the one that was issued first.
    pub same_manifest: bool,
}

pub(super) async fn signing(
    tx: &mut Transaction,
    row: &AttemptRow,
    session: &Session,
) -> Result<Signing, ServiceError> {
    let keyset = session.keyset();
    let status = session.collection.status();
    let rows = attempts::signatures(tx, row.txid).await?;
    let signers = keyset.signers.iter().map(|signer| {
        let own = rows.iter().filter(|stored| stored.signer == signer.name);
        SignerFacts {
            name: signer.name.clone(),
            person: signer.person.clone(),
            device: signer.device.as_ref().map(|device| device.kind.clone()),
            expected: status.iter().any(|input| {
                input.signed.contains(&signer.name) || input.missing.contains(&signer.name)
            }),
            signed: status
                .iter()
                .map(|input| input.signed.contains(&signer.name))
                .collect(),
            last_at: own.map(|stored| stored.received_at).max(),
        }
    });
    let signers: Vec<SignerFacts> = signers.collect();
    let sets = sets(session);
    let sizes = sets.iter().map(Vec::len);
    let (least, most) = (sizes.clone().min(), sizes.max());
    let awaited = if inputs::cancelled_by(tx, row.txid).await?.is_some() {
        Vec::new()
    } else {
        awaited(session)
    };
    Ok(Signing {
        needs: least.filter(|_| least == most),
        receipts: receipts(tx, row, session).await?,
        signers,
        sets,
        awaited,
    })
}

/// The sets of signers who can satisfy it: of the ordinary paths, or of the recovery path that its sequences ask for.
fn sets(session: &Session) -> Vec<Vec<String>> {
    let transaction = session.strict.transaction();
    let ages = transaction
        .input
        .iter()
        .filter_map(|input| input.sequence.to_relative_lock_time());
    let older = ages
        .filter_map(|age| match age {
            bitcoin::relative::LockTime::Blocks(blocks) => Some(blocks.value()),
            bitcoin::relative::LockTime::Time(_) => None,
        })
        .max();
    let is_recovery = session.strict.manifest().purpose == policies::psbt::AttemptPurpose::Recover;
    signer_sets(session.keyset(), older.filter(|_| is_recovery))
}

async fn receipts(
    tx: &mut Transaction,
    row: &AttemptRow,
    session: &Session,
) -> Result<Vec<ReceiptFacts>, ServiceError> {
    let mut facts = Vec::new();
    for (_, bytes) in attempts::receipts(tx, row.txid).await? {
        let Ok(receipt) = Receipt::decode(&bytes) else {
            continue;
        };
        let body = receipt.body;
        let signer = signer_of_journal(tx, row.vault, &session.policy, &body.journal).await?;
        facts.push(ReceiptFacts {
            signer,
            journal: body.journal.to_string(),
            counter: body.counter,
            at: body.now,
            same_manifest: body.manifest == session.strict.manifest_hash(),
        });
    }
    Ok(facts)
}
