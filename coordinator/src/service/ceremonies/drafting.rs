//! The document of a ceremony: set once all keys are in, and judged against them.
//!
//! Invariant: a document that is kept is a policy of this network in which the signers are the seats, each with the
//! key, journal, person and device of its record; setting another one voids every confirmation.

use policies::PolicyId;
use policies::document::{Policy, Signer, read_offered};
use policies::succession::{Step, draft_replacements, follows};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::operating::void_confirmations;
use super::view::{CeremonyView, view};
use super::{Standing, rows};
use crate::service::devices::{OfDevices, refuse_devices};
use crate::service::record::Cause;
use crate::service::vaults::{first_version, refuse_keys_of_others};
use crate::service::{Actor, CeremonyError, Service, ServiceError, VaultError, VersionError};
use crate::store::vault_ceremonies::DraftRow;
use crate::store::vault_seats::SeatRow;

/// Sets the document of a ceremony.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetDraft {
    /// The document, byte for byte. None writes the next version of a vault from the records.
    #[serde(default)]
    pub document: Option<String>,
    /// Whether it passes although devices cannot sign it as far as is known here.
    #[serde(default)]
    pub despite_devices: bool,
}

/// Sets the document. The same one again changes nothing of what was confirmed; another one voids every confirmation.
///
/// # Errors
/// [`CeremonyError::SeatsEmpty`], [`CeremonyError::DraftDiffers`], [`CeremonyError::NotWritten`],
/// [`CeremonyError::NoReplacement`], [`CeremonyError::Stale`]; what [`create_vault`] refuses of a first version, and
/// [`submit_succession`] of a next one.
///
/// [`create_vault`]: crate::service::vaults::create_vault
/// [`submit_succession`]: crate::service::versions::submit_succession
pub async fn set_draft(
    service: &Service,
    actor: &Actor,
    id: &str,
    request: &SetDraft,
) -> Result<CeremonyView, ServiceError> {
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let standing = Standing::open(service, &mut tx, actor, id).await?;
    let seats = standing.empty_seats();
    if !seats.is_empty() {
        return Err(CeremonyError::SeatsEmpty { seats }.into());
    }
    let document = match &request.document {
        Some(document) => document.clone().into_bytes(),
        None => written(&standing)?,
    };
    let of_devices = OfDevices::despite(request.despite_devices);
    let policy = judged(service, &mut tx, &standing, &document, of_devices).await?;
    let (stands, despite) = (standing.draft(), standing.row.despite_devices);
    if stands == Some(policy.id) && despite == request.despite_devices {
        return Ok(view(&standing, now));
    }
    if stands != Some(policy.id) {
        void_confirmations(&mut tx, &standing.seats, "").await?;
    }
    let draft = DraftRow {
        document,
        id: policy.id,
        at: now,
        by: actor.name.clone(),
    };
    rows::set_draft(&mut tx, id, Some(&draft), request.despite_devices).await?;
    let cause = Cause::by(&actor.name, now);
    let mut body = of_policy(policy.id);
    if request.despite_devices {
        body.insert("despite_devices".to_owned(), json!(true));
    }
    standing
        .tell(&mut tx, "ceremony.drafted", body, cause)
        .await?;
    let standing = Standing::read(service, &mut tx, id).await?;
    tx.commit().await?;
    Ok(view(&standing, now))
}

fn of_policy(policy: PolicyId) -> Map<String, serde_json::Value> {
    let mut body = Map::new();
    body.insert("policy".to_owned(), json!(policy));
    body
}

/// The next version of a vault, written from the records of the seats that are filled anew.
fn written(standing: &Standing) -> Result<Vec<u8>, CeremonyError> {
    let before = standing.before.as_ref().ok_or(CeremonyError::NotWritten)?;
    let record = |seat: &SeatRow| {
        let filled = seat.filled.as_ref()?;
        Some((seat.name.clone(), filled.record.clone()))
    };
    let records: Vec<(String, String)> = standing.seats.iter().filter_map(record).collect();
    draft_replacements(before, &records, before.head, before.valid_until)
        .map(String::into_bytes)
        .map_err(CeremonyError::NoReplacement)
}

/// Judges a document: by the rules of every policy, and by the seats.
pub(super) async fn judged(
    service: &Service,
    tx: &mut Transaction,
    standing: &Standing,
    document: &[u8],
    of_devices: OfDevices,
) -> Result<Policy, ServiceError> {
    let policy = match &standing.before {
        None => first_version(service, document)?,
        Some(before) => {
            let (_, in_force) = service.vault(tx, before.vault).await?;
            if in_force.id != before.id {
                return Err(CeremonyError::Stale.into());
            }
            let next = Policy::parse(document)
                .map_err(|mistakes| VaultError::PolicyMistakes { mistakes })?;
            let step = follows(before, &next).map_err(|mistakes| VersionError::DoesNotFollow {
                version: before.version,
                mistakes,
            })?;
            if step != Step::Keyset {
                return Err(differs("", "it replaces no key"));
            }
            next
        }
    };
    for seat in &standing.seats {
        let expected = signer_of(service, standing, seat)?;
        let found = policy
            .signer(&seat.name)
            .ok_or_else(|| differs(&seat.name, "no signer of this name"))?;
        if let Some(part) = difference(&expected, found) {
            return Err(differs(&seat.name, part));
        }
    }
    let has_seat = |signer: &&Signer| standing.seat(&signer.name).is_ok();
    if let Some(stranger) = policy.signers.iter().find(|signer| !has_seat(signer)) {
        return Err(differs(&stranger.name, "this signer has no seat"));
    }
    refuse_keys_of_others(service, tx, &policy).await?;
    refuse_devices(&policy, standing.before.as_deref(), of_devices)?;
    Ok(policy)
}

fn differs(signer: &str, part: &'static str) -> ServiceError {
    let signer = signer.to_owned();
    CeremonyError::DraftDiffers { signer, part }.into()
}

/// The signer that a seat stands for: of its record, or of the version before.
fn signer_of(
    service: &Service,
    standing: &Standing,
    seat: &SeatRow,
) -> Result<Signer, CeremonyError> {
    let kept = || standing.before.as_ref()?.signer(&seat.name).cloned();
    let Some(filled) = &seat.filled else {
        return kept().ok_or_else(|| CeremonyError::SeatsEmpty {
            seats: vec![seat.name.clone()],
        });
    };
    let offered = policies::document::Offered {
        text: &filled.record,
        ..policies::document::Offered::default()
    };
    let own = policies::document::Seat {
        name: &seat.name,
        person: &seat.person,
        network: service.network(),
    };
    Ok(read_offered(&offered, own)?.signer)
}

/// What differs between a seat and its signer in a document.
fn difference(expected: &Signer, found: &Signer) -> Option<&'static str> {
    if expected.key.position() != found.key.position() {
        Some("another key or origin")
    } else if expected.journal != found.journal {
        Some("another journal")
    } else if expected.person != found.person {
        Some("another person")
    } else if expected.device != found.device {
        Some("another device, firmware or seed date")
    } else {
        None
    }
}
