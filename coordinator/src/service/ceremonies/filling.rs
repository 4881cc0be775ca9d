//! A key for a seat: read by the rules of policies, and refused where somebody else has it.

use bitcoin::secp256k1::PublicKey;
use policies::UnixTime;
use policies::document::{Offered, Seat, SeatRecord, read_offered};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::{Standing, about, seats};
use crate::service::record::Cause;
use crate::service::vaults::vault_of_key;
use crate::service::{CeremonyError, Service, ServiceError, VaultError};
use crate::store::vault_seats::{FilledRow, SeatRow};

/// Hands in the public key of a seat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandIn {
    /// What `countersign-signer keygen` or `import` printed, a BIP 129 key record, or a key with its origin.
    pub record: String,
    /// The journal key, where the record has none.
    #[serde(default)]
    pub journal: String,
    /// What holds the key, where the record does not say or says it wrong.
    #[serde(default)]
    pub kind: String,
    /// The device's firmware.
    #[serde(default)]
    pub firmware: String,
    /// The day the seed was made, such as `2026-11-27`.
    #[serde(default)]
    pub seed_created: String,
}

/// Puts a key on a seat, in place of one that was handed in before.
pub(super) async fn fill(
    service: &Service,
    tx: &mut Transaction,
    (standing, seat): (&Standing, &SeatRow),
    handed: &HandIn,
    (by, now): (&str, UnixTime),
) -> Result<(), ServiceError> {
    if seat.keeps {
        let seat = seat.name.clone();
        return Err(CeremonyError::SeatKeeps { seat }.into());
    }
    if standing.row.draft.is_some() {
        let seat = seat.name.clone();
        return Err(CeremonyError::DraftStands { seat }.into());
    }
    let read = read(service, seat, handed)?;
    if seat
        .filled
        .as_ref()
        .is_some_and(|one| one.record == read.text)
    {
        return Ok(());
    }
    let key = read.signer.key.xpub.public_key;
    let journal = read.signer.journal.to_string();
    refuse_taken(standing, seat, key, &journal)?;
    if let Some(vault) = vault_of_key(service, tx, key, standing.vault()).await? {
        let signer = seat.name.clone();
        return Err(VaultError::KeyInOtherVault { signer, vault }.into());
    }
    let row = SeatRow {
        filled: Some(FilledRow {
            record: read.text,
            xpub: key.serialize(),
            journal,
            at: now,
            by: by.to_owned(),
        }),
        ..seat.clone()
    };
    seats::update(tx, &row).await?;
    let mut body = about(&row);
    // Never the key itself: events go on to others, and with all keys of a vault one sees all its coins.
    let fingerprint = read.signer.key.fingerprint;
    body.insert("fingerprint".to_owned(), json!(fingerprint));
    if let Some(called) = read.called.filter(|called| *called != row.name) {
        body.insert("called".to_owned(), json!(called));
    }
    body.insert("self_signed".to_owned(), json!(read.is_signed));
    standing
        .tell(tx, "ceremony.filled", body, Cause::by(by, now))
        .await
}

fn read(service: &Service, seat: &SeatRow, handed: &HandIn) -> Result<SeatRecord, CeremonyError> {
    let offered = Offered {
        text: &handed.record,
        journal: &handed.journal,
        kind: &handed.kind,
        firmware: &handed.firmware,
        seed_created: &handed.seed_created,
    };
    let seat = Seat {
        name: &seat.name,
        person: &seat.person,
        network: service.network(),
    };
    Ok(read_offered(&offered, seat)?)
}

/// Refuses a key or a journal that another seat has, or that the vault has or had.
fn refuse_taken(
    standing: &Standing,
    seat: &SeatRow,
    key: PublicKey,
    journal: &str,
) -> Result<(), CeremonyError> {
    for other in standing.seats.iter().filter(|one| one.name != seat.name) {
        let Some(filled) = &other.filled else {
            continue;
        };
        if filled.xpub == key.serialize() {
            let seat = other.name.clone();
            return Err(CeremonyError::KeyTaken { seat });
        }
        if filled.journal == journal {
            let seat = other.name.clone();
            return Err(CeremonyError::JournalTaken { seat });
        }
    }
    let Some(before) = &standing.before else {
        return Ok(());
    };
    let mut ever = before.keysets().flat_map(|keyset| keyset.signers);
    let known = ever
        .any(|signer| signer.key.xpub.public_key == key || signer.journal.to_string() == journal);
    if known {
        return Err(CeremonyError::KeyKnown);
    }
    Ok(())
}
