//! Signers who are gone: marked by an operator, with what that means at once.
//!
//! A mark is a fact for people. It changes nothing that signers obey: they are stopped by a stop, and replaced by
//! a version of the policy.

use std::sync::Arc;

use policies::analysis::{Gone, standing};
use policies::document::Policy;
use policies::{UnixTime, VaultId, report};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::acks::{ReachView, reach_in_force};
use super::said_of_vault::{MAX_REASON, Saying, is_line};
use super::{Actor, Right, Service, ServiceError, VersionError};
use crate::store::signer_marks::{self, SignerMarkRow};

/// In which way a signer is gone, or that it is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignerMark {
    /// Nobody has the key any more.
    Lost,
    /// A thief may have the key.
    Stolen,
    /// Cannot sign now, and comes back.
    Away,
    /// Can sign now, and soon no more.
    Leaving,
    /// Signs as before.
    Present,
}

impl SignerMark {
    /// In which way it is gone, if it is.
    pub(super) const fn gone(self) -> Option<Gone> {
        match self {
            Self::Lost => Some(Gone::Lost),
            Self::Stolen => Some(Gone::Stolen),
            Self::Away => Some(Gone::Away),
            Self::Leaving => Some(Gone::Leaving),
            Self::Present => None,
        }
    }
}

/// Marks a signer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkSigner {
    /// In which way it is gone, or that it is present again.
    pub mark: SignerMark,
    /// Why, at most 200 characters.
    #[serde(default)]
    pub reason: String,
}

/// Where a vault stands with its signers as they are marked.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StandingView {
    /// The vault.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// The signers of the version in force, each with its mark.
    pub signers: Vec<MarkedSignerView>,
    /// Who can spend, how many more may go, what thieves can do, and what to do first.
    #[schema(value_type = Object)]
    pub standing: Value,
    /// How far the version in force reaches; none for the first one, which ends nothing.
    pub reach: Option<ReachView>,
    /// All of it in words.
    pub says: String,
}

/// A signer, and in which way it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MarkedSignerView {
    /// Its name.
    pub signer: String,
    /// Whose it is.
    pub person: String,
    /// In which way it is gone; none if it is present.
    pub mark: Option<String>,
    /// Why.
    pub reason: String,
    /// Since when (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub marked_at: Option<UnixTime>,
    /// Who said so.
    pub marked_by: String,
}

/// Marks a signer as gone or present, and says where the vault stands then.
///
/// # Errors
/// [`VersionError::UnknownSigner`]; [`ServiceError::Malformed`] for a reason that is too long.
pub async fn mark_signer(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    signer: &str,
    request: &MarkSigner,
) -> Result<StandingView, ServiceError> {
    actor.require(Right::ChangePolicy, vault)?;
    if !is_line(&request.reason, MAX_REASON) {
        return Err(ServiceError::Malformed {
            field: "reason",
            expected: "one line of at most 200 characters",
        });
    }
    let mut saying = Saying::begin(service, actor, vault).await?;
    let (policy, now) = (Arc::clone(&saying.policy), saying.now);
    if policy.signer(signer).is_none() {
        let signer = signer.to_owned();
        return Err(VersionError::UnknownSigner { signer }.into());
    }
    let kind = match request.mark.gone() {
        None => {
            if !signer_marks::end(&mut saying.tx, vault, signer, now, &actor.name).await? {
                return view(service, &mut saying.tx, vault, &policy).await;
            }
            "signer.present"
        }
        Some(gone) => {
            let row = SignerMarkRow {
                signer: signer.to_owned(),
                mark: gone.name().to_owned(),
                reason: request.reason.clone(),
                marked_at: now,
                marked_by: actor.name.clone(),
            };
            signer_marks::set(&mut saying.tx, vault, &row).await?;
            "signer.gone"
        }
    };
    let mut body = Map::new();
    body.insert("mark".to_owned(), json!(request.mark));
    body.insert("signer".to_owned(), json!(signer));
    let id = format!("{vault}/{signer}");
    let told = saying.tell_of(("signer", &id), kind, body, &request.reason);
    told.await?;
    let answer = view(service, &mut saying.tx, vault, &policy).await?;
    saying.tx.commit().await?;
    Ok(answer)
}

/// Where a vault stands.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn show_standing(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<StandingView, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    view(service, &mut tx, vault, &policy).await
}

/// In which way each signer of a version is gone, of those who are marked.
pub(super) fn gone_of(policy: &Policy, marks: &[SignerMarkRow]) -> Vec<(String, Gone)> {
    let ways = [Gone::Lost, Gone::Stolen, Gone::Away, Gone::Leaving];
    let mut gone = Vec::new();
    for signer in &policy.signers {
        let mark = marks.iter().find(|mark| mark.signer == signer.name);
        let way = ways
            .into_iter()
            .find(|way| mark.is_some_and(|mark| mark.mark == way.name()));
        gone.extend(way.map(|way| (signer.name.clone(), way)));
    }
    gone
}

async fn view(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    policy: &Policy,
) -> Result<StandingView, ServiceError> {
    let marks = signer_marks::list(tx, vault).await?;
    let gone = gone_of(policy, &marks);
    let mut signers = Vec::new();
    for signer in &policy.signers {
        let mark = marks.iter().find(|mark| mark.signer == signer.name);
        signers.push(MarkedSignerView {
            signer: signer.name.clone(),
            person: signer.person.clone(),
            mark: mark.map(|mark| mark.mark.clone()),
            reason: mark.map(|mark| mark.reason.clone()).unwrap_or_default(),
            marked_at: mark.map(|mark| mark.marked_at),
            marked_by: mark.map(|mark| mark.marked_by.clone()).unwrap_or_default(),
        });
    }
    let found = standing(policy, &gone).map_err(|unknown| VersionError::UnknownSigner {
        signer: unknown.name,
    })?;
    let reach = reach_in_force(service, tx, vault, policy).await?;
    let mut says = report::standing(&found);
    if let Some(reach) = &reach {
        says += &format!("\nWhat version {} ends\n{}", policy.version, reach.says);
    }
    Ok(StandingView {
        vault,
        signers,
        reach,
        says,
        standing: report::standing_json(&found),
    })
}
