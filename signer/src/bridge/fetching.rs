//! The bytes that an ask is about, fetched from the coordinator with the bridge's own token, and hashed again.
//!
//! Invariant: what is given back hashes to what was asked for; nothing else of an answer is believed.

use super::error::BridgeError;
use crate::approving::{ApprovingError, Candidate, read};
use crate::countersign::CountersignError;
use crate::failure::Failure;
use crate::listing::SignedStatement;
use crate::online::http::MAX_ANSWER;
use crate::online::{Attempts, CoordinatorError, HttpCoordinator};
use crate::requesting::SignedRequest;
use bitcoin::Txid;
use policies::psbt::read_strict;
use policies::succession::SuccessionFile;
use policies::{Intent, IntentHash, KeyId, Policy, PolicyId, Statement, Subject, VaultId};
use serde::Deserialize;

/// What is read of a withdrawal.
#[derive(Deserialize)]
struct Shown {
    intent: String,
    request_key: Option<KeyId>,
    request_signature: String,
}

/// The withdrawal of an intent, with its requester's signature verified.
pub(super) fn intent(
    coordinator: &HttpCoordinator,
    policy: &Policy,
    hash: IntentHash,
) -> Result<Candidate, Failure> {
    let path = format!("vaults/{}/intents/{hash}", policy.vault);
    let shown: Shown = get(coordinator, &path, "intent", &hash.to_string())?;
    same(
        &hash.to_string(),
        &Intent::hash_bytes(shown.intent.as_bytes()).to_string(),
    )?;
    let read_as = |bytes: &[u8]| read(bytes, policy).map(|brought| brought.candidates);
    let bare = read_as(shown.intent.as_bytes())?;
    let (Some(key), Ok(signature)) = (shown.request_key, shown.request_signature.parse()) else {
        return Err(unrequested(bare));
    };
    let request = SignedRequest {
        intent: shown.intent,
        key,
        signature,
    };
    let bytes = serde_json::to_vec(&request).expect("texts are plain JSON");
    let verified = read_as(&bytes)?;
    let found = verified.into_iter().next();
    found
        .filter(|one| one.hash == hash && one.request_verified)
        .ok_or_else(|| unrequested(bare))
}

fn unrequested(candidates: Vec<Candidate>) -> Failure {
    match candidates.into_iter().next() {
        None => ApprovingError::NoIntents.into(),
        Some(one) => ApprovingError::NotRequested {
            id: one.intent.id,
            requester: one.intent.requester,
        }
        .into(),
    }
}

/// A statement with the signatures under it, whatever they are worth.
pub(super) fn statement(
    coordinator: &HttpCoordinator,
    vault: VaultId,
    subject: Subject,
) -> Result<(Statement, SignedStatement), Failure> {
    let path = format!("vaults/{vault}/statements/{subject}");
    let signed: SignedStatement = get(coordinator, &path, "statement", &subject.to_string())?;
    let statement = Statement::decode(signed.statement.as_bytes())
        .map_err(crate::listing::ListingError::Statement)?;
    same(&subject.to_string(), &statement.subject().to_string())?;
    Ok((statement, signed))
}

/// The file of a next version.
pub(super) fn version(
    coordinator: &HttpCoordinator,
    vault: VaultId,
    id: PolicyId,
) -> Result<SuccessionFile, Failure> {
    let files = coordinator.successions(vault)?;
    let found = files.into_iter().find(|file| file.version() == id);
    found.ok_or_else(|| {
        BridgeError::UnknownHash {
            what: "next version",
            hash: id.to_string(),
        }
        .into()
    })
}

/// The PSBT of a transfer that is out for signing.
pub(super) fn transfer(coordinator: &HttpCoordinator, txid: Txid) -> Result<Vec<u8>, Failure> {
    let bytes = match coordinator.psbt(txid) {
        Err(CoordinatorError::Refused { status: 404, .. }) => {
            let (what, hash) = ("transfer", txid.to_string());
            return Err(BridgeError::UnknownHash { what, hash }.into());
        }
        answer => answer?,
    };
    let found = read_strict(&bytes).map_err(CountersignError::Psbt)?.txid();
    same(&txid.to_string(), &found.to_string())?;
    Ok(bytes)
}

fn same(asked: &str, found: &str) -> Result<(), BridgeError> {
    if asked == found {
        return Ok(());
    }
    Err(BridgeError::OtherBytes {
        asked: asked.to_owned(),
        found: found.to_owned(),
    })
}

fn get<T: for<'de> Deserialize<'de>>(
    coordinator: &HttpCoordinator,
    path: &str,
    what: &'static str,
    hash: &str,
) -> Result<T, Failure> {
    let bytes = match coordinator.get(path, "application/json", MAX_ANSWER) {
        Err(CoordinatorError::Refused { status: 404, .. }) => {
            let hash = hash.to_owned();
            return Err(BridgeError::UnknownHash { what, hash }.into());
        }
        answer => answer?,
    };
    Ok(serde_json::from_slice(&bytes).map_err(|_| CoordinatorError::Foreign { status: 200 })?)
}
