//! One version of a policy with all that its pages show.

use policies::analysis::Analysis;
use policies::document::{Head, Policy, name_of_network};
use policies::exchange::{ExportError, Format, export};
use policies::{Keyset, PolicyId, UnixTime, VaultId, report};
use serde_json::Value;

use super::devices::DeviceView;
use super::found::Found;
use super::keys::PeopleView;
use super::rulebook::RulebookView;
use super::spending::SpendingView;
use crate::service::{Actor, Right, Service, ServiceError, node_fees};

/// A version of a policy, reviewed.
#[derive(Debug, Clone)]
pub struct PolicyReview {
    /// The vault.
    pub vault: VaultId,
    /// The vault's name in the document.
    pub name: String,
    /// The version.
    pub id: PolicyId,
    /// Its id as words that one person reads out to another.
    pub words: [&'static str; 24],
    /// Its number.
    pub version: u32,
    /// Its keyset.
    pub keyset: Keyset,
    /// The version before.
    pub previous: Option<PolicyId>,
    /// The version in force.
    pub in_force: PolicyId,
    /// Where it stands.
    pub standing: StandingOf,
    /// The chain.
    pub network: &'static str,
    /// A recent block of when it was written.
    pub head: Head,
    /// After this a signer signs only spends to ourselves and replacements.
    pub valid_until: UnixTime,
    /// The document, byte for byte: documents are UTF-8.
    pub document: String,
    /// Who can spend, when, and at what cost.
    pub spending: SpendingView,
    /// Who holds keys.
    pub people: PeopleView,
    /// Rules, limits, lists.
    pub rulebook: RulebookView,
    /// What is to be known of the devices.
    pub devices: Vec<DeviceView>,
    /// What a reader should not overlook.
    pub warnings: Vec<WarningView>,
    /// The formats of other wallets, and why one cannot hold the vault.
    pub exports: Vec<ExportView>,
}

/// A format in which the vault leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportView {
    /// The format.
    pub format: Format,
    /// The file's name.
    pub file_name: String,
    /// Why the wallet that reads it cannot hold the vault.
    pub refused: Option<String>,
}

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandingOf {
    /// It rules the vault.
    InForce,
    /// A later one rules the vault.
    Former,
    /// It is proposed, and not in force.
    Proposed,
}

impl StandingOf {
    /// Its words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::Former => "replaced",
            Self::Proposed => "proposed",
        }
    }
}

/// Something that a reader should not overlook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarningView {
    /// The stable code.
    pub code: &'static str,
    /// In words.
    pub says: String,
}

/// Reviews a version, or the one in force where none is named.
///
/// # Errors
/// `VaultError::UnknownVault`, `VersionError::UnknownVersion`.
pub async fn review(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    version: Option<PolicyId>,
) -> Result<PolicyReview, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let found = Found::of(service, &mut tx, vault, version).await?;
    let estimates = node_fees::estimates(service, &mut tx).await?;
    let analysis = Analysis::of(&found.policy);
    let targets = service.batch_settings().rules().targets;
    let spending = SpendingView::of(&found.policy, &analysis, targets, estimates.of_targets());
    Ok(view(&found, &analysis, spending))
}

fn view(found: &Found, analysis: &Analysis, spending: SpendingView) -> PolicyReview {
    let policy: &Policy = &found.policy;
    let adopted = (found.judged.as_ref()).is_none_or(|judged| judged.row.adopted.is_some());
    let standing = if policy.id == found.in_force.id {
        StandingOf::InForce
    } else if adopted {
        StandingOf::Former
    } else {
        StandingOf::Proposed
    };
    PolicyReview {
        vault: found.vault.id,
        name: policy.name.clone(),
        id: policy.id,
        words: policy.words(),
        version: policy.version,
        keyset: policy.keyset,
        previous: policy.previous,
        in_force: found.in_force.id,
        standing,
        network: name_of_network(policy.network),
        head: policy.head,
        valid_until: policy.valid_until,
        document: String::from_utf8_lossy(&policy.bytes).into_owned(),
        spending,
        people: PeopleView::of(policy),
        rulebook: RulebookView::of(policy, analysis),
        devices: analysis.devices.iter().map(DeviceView::of).collect(),
        warnings: (analysis.warnings.iter())
            .map(|warning| WarningView {
                code: warning.code(),
                says: warning.to_string(),
            })
            .collect(),
        exports: exports(policy),
    }
}

/// The formats besides the descriptor and the sheet for a browser, which have places of their own.
fn exports(policy: &Policy) -> Vec<ExportView> {
    let shown = |format: &Format| ![Format::Descriptor, Format::SheetHtml].contains(format);
    let offered = Format::ALL.into_iter().filter(shown);
    offered
        .map(|format| ExportView {
            format,
            file_name: format.file_name(policy),
            refused: export(policy, format).err().map(|error| error.to_string()),
        })
        .collect()
}

/// A version in a format of other wallets: the file's name and its text.
///
/// # Errors
/// As [`review`]; inside, why the format cannot hold the vault.
pub async fn exported(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    version: Option<PolicyId>,
    format: Format,
) -> Result<Result<(String, String), ExportError>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let found = Found::of(service, &mut tx, vault, version).await?;
    let policy = &found.policy;
    Ok(export(policy, format).map(|text| (format.file_name(policy), text)))
}

/// The document of a version, byte for byte.
///
/// # Errors
/// As [`review`].
pub async fn document(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    version: Option<PolicyId>,
) -> Result<Vec<u8>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let found = Found::of(service, &mut tx, vault, version).await?;
    Ok(found.policy.bytes.clone())
}

/// A version with its analysis, as `policy show --json` gives it.
///
/// # Errors
/// As [`review`].
pub async fn review_json(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    version: Option<PolicyId>,
) -> Result<Value, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let found = Found::of(service, &mut tx, vault, version).await?;
    Ok(report::json(&found.policy))
}
