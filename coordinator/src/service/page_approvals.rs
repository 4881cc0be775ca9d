//! Approvals and refusals by passkeys that a policy marks `page`: touched in the coordinator's page.
//!
//! Invariant: nothing here counts an approval; it is recorded like any other, and `policies::rules` counts a `page`
//! key only where a rule asks for it. The requester's own person is refused before anything is signed or stored.

use bitcoin::base64::Engine as _;
use bitcoin::base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bitcoin::hex::DisplayHex;
use policies::document::{Approver, PinnedKey, Policy, Tool};
use policies::intent::webauthn::challenge_text;
use policies::intent::{Assertion, MerkleTree, Verdict};
use policies::{Approval, IntentHash, KeyId, MerkleRoot, Signature, UnixTime, VaultId};
use watchtower::store::database::Transaction;

use super::approvals::{ProvenIntent, RecordApprovals, record_approvals};
use super::withdrawal_list::{WithdrawalLine, lines_of};
use super::withdrawals::WithdrawalView;
use super::{Actor, ApprovalError, Right, Service, ServiceError, WithdrawalError};
use crate::store::approvals;
use crate::store::people::page_keys;
use crate::store::withdrawals::{self, WithdrawalRow};

/// Seconds for which a signature made in the page counts.
pub const HOLDS: u64 = 86_400;
/// The most withdrawals that are approved at a time: as many as a person's own tool takes from a page.
pub const MOST: usize = 100;

/// A key of a person, as a policy pins it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonKey {
    /// Its id.
    pub key: KeyId,
    /// The approver's name in the policy.
    pub approver: String,
    /// The key as the policy writes it.
    pub text: String,
    /// The relying party's id, if it is a passkey.
    pub rp_id: Option<String>,
    /// The exact origins that may ask for it.
    pub origins: Vec<String>,
}

/// What a person can say of some withdrawals, and what that means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approving {
    /// The person.
    pub person: String,
    /// The person's keys in tools of their own.
    pub own: Vec<PersonKey>,
    /// The person's keys that are touched in the page.
    pub page: Vec<PersonKey>,
    /// The withdrawals.
    pub subjects: Vec<Subject>,
}

impl Approving {
    /// Those of which the person may say something.
    pub fn open(&self) -> impl Iterator<Item = &Subject> {
        self.subjects
            .iter()
            .filter(|subject| subject.refused.is_none())
    }

    /// The Merkle root over those.
    pub fn root(&self) -> Option<MerkleRoot> {
        let subjects: Vec<[u8; 32]> = self
            .open()
            .map(|subject| subject.line.intent.to_bytes())
            .collect();
        MerkleTree::new(&subjects).ok().map(|tree| tree.root())
    }
}

/// A withdrawal of which a person may say something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The withdrawal.
    pub line: WithdrawalLine,
    /// The canonical text of its intent.
    pub text: String,
    /// Why the person may say nothing of it.
    pub refused: Option<String>,
    /// Whether an approval with the own tool would count now.
    pub own_counts: bool,
    /// Whether an approval in the page would count now.
    pub page_counts: bool,
    /// What the person's approval comes to, in words.
    pub says: String,
    /// Whether the person approved it already.
    pub said: bool,
}

/// What is signed in the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageChallenge {
    /// The Merkle root over the intents.
    pub root: MerkleRoot,
    /// When the signature ends.
    pub expires: UnixTime,
    /// The 32 bytes that the passkey signs.
    pub challenge: [u8; 32],
    /// The same as the page's script takes it.
    pub challenge_text: String,
    /// The relying party's id.
    pub rp_id: String,
    /// The ids of the passkeys that count, in base64url: those of the person that were made here and that the policy
    /// names. A device finds a page key by its id alone, since it keeps no list of them.
    pub credentials: Vec<String>,
}

/// What a browser hands over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageAssertion {
    /// The authenticator's data.
    pub authenticator_data: Vec<u8>,
    /// The client's data.
    pub client_data_json: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// What a person can say of some withdrawals of a vault.
///
/// # Errors
/// [`WithdrawalError::UnknownIntent`]; [`ServiceError::Malformed`] for none or too many.
pub async fn approving(
    service: &Service,
    actor: &Actor,
    person: &str,
    vault: VaultId,
    intents: &[IntentHash],
) -> Result<Approving, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let rows = rows(&mut tx, vault, intents).await?;
    let lines = lines_of(service, &mut tx, &rows).await?;
    let keys = |tool: Tool| {
        person_keys(&policy, person, tool).map(|(approver, pinned)| view(approver, pinned))
    };
    let own: Vec<PersonKey> = keys(Tool::Own).collect();
    let page: Vec<PersonKey> = keys(Tool::Page).collect();
    let mut subjects = Vec::new();
    for (row, line) in rows.iter().zip(lines) {
        let said = approvals::of_intent(&mut tx, row.hash)
            .await?
            .iter()
            .any(|said| {
                let approver = policy.approver_of_key(said.approval.key);
                approver.is_some_and(|(approver, _)| approver.person == person)
                    && said.approval.purpose == policies::hash::Purpose::Approve
                    && !said.approval.has_expired(service.now())
            });
        subjects.push(subject(
            &policy,
            person,
            row,
            line,
            (&own, &page, said),
            service.now(),
        ));
    }
    Ok(Approving {
        person: person.to_owned(),
        own,
        page,
        subjects,
    })
}

fn subject(
    policy: &Policy,
    person: &str,
    row: &WithdrawalRow,
    line: WithdrawalLine,
    (own, page, said): (&[PersonKey], &[PersonKey], bool),
    now: UnixTime,
) -> Subject {
    let refused = if is_own_request(policy, person, row) {
        Some(
            "You asked for it yourself. Somebody else approves it; you can take it back."
                .to_owned(),
        )
    } else if own.is_empty() && page.is_empty() {
        Some("The policy names no key of yours under [[approvers]].".to_owned())
    } else if !matches!(row.state.name(), "requested" | "approved") {
        Some(format!(
            "It is {} and takes no approval or refusal any more.",
            row.state.name()
        ))
    } else if row.intent.expires <= now {
        Some("Its time ran out.".to_owned())
    } else {
        None
    };
    let among = |persons: &[String]| persons.iter().any(|one| one == person);
    let needs = line.needs.as_ref();
    let own_counts = refused.is_none()
        && !own.is_empty()
        && needs.is_some_and(|needs| among(&needs.may_approve));
    let page_counts = refused.is_none()
        && !page.is_empty()
        && needs.is_some_and(|needs| among(&needs.may_on_page));
    let asks_for_page = needs.is_some_and(|needs| needs.page > 0);
    let says = match (needs, line.denied.as_ref()) {
        (None, Some(_)) => "No rule allows it now, so that an approval changes nothing yet.",
        (None, None) => "It needs no more approvals.",
        (Some(needs), _) if needs.missing == 0 => "It needs no more approvals.",
        (Some(_), _) if own_counts && page_counts => {
            "Your approval counts, from your own tool or in the page."
        }
        (Some(_), _) if own_counts => "Your approval counts from your own tool only.",
        (Some(_), _) if page_counts => {
            "Your approval in the page counts, beside those from persons' own tools."
        }
        (Some(_), _) if own.is_empty() && !asks_for_page => {
            "The rule that decides counts no approvals in the page: yours would change nothing."
        }
        (Some(_), _) if said => "You approved it already.",
        (Some(_), _) => "The rule that decides does not count you for it.",
    }
    .to_owned();
    Subject {
        text: String::from_utf8_lossy(&row.bytes).into_owned(),
        line,
        refused,
        own_counts,
        page_counts,
        says,
        said,
    }
}

/// What a person's passkey is to sign in the page, over all of these withdrawals together.
///
/// # Errors
/// [`ApprovalError::OwnRequest`] for the requester's own person, [`ApprovalError::NoPageKey`] where the policy names
/// no such key of the person.
pub async fn page_challenge(
    service: &Service,
    actor: &Actor,
    person: &str,
    vault: VaultId,
    (intents, verdict): (&[IntentHash], Verdict),
    expires: UnixTime,
) -> Result<PageChallenge, ServiceError> {
    actor.require(Right::Approve, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let pinned: Vec<&PinnedKey> = person_keys(&policy, person, Tool::Page)
        .map(|(_, pinned)| pinned)
        .collect();
    let rp_id = pinned
        .iter()
        .find_map(|pinned| pinned.passkey.as_ref())
        .map(|party| party.rp_id.clone())
        .ok_or_else(|| no_page_key(person))?;
    let made = page_keys::list(&mut tx, Some(person)).await?;
    let counts = |record: &String| pinned.iter().any(|one| one.key.to_string() == *record);
    let credentials = made
        .iter()
        .filter(|key| key.rp_id == rp_id && counts(&key.record))
        .map(|key| URL_SAFE_NO_PAD.encode(&key.credential))
        .collect();
    let rows = rows(&mut tx, vault, intents).await?;
    refuse_own_requests(&policy, person, &rows)?;
    let root = tree(intents)?.root();
    let challenge = Approval::message(verdict.purpose(), vault, root, expires);
    Ok(PageChallenge {
        root,
        expires,
        challenge_text: challenge_text(&challenge),
        challenge,
        rp_id,
        credentials,
    })
}

/// Records what a person's passkey signed in the page.
///
/// # Errors
/// As [`page_challenge`] and [`record_approvals`]; [`ServiceError::Malformed`] if it would count for longer than
/// [`HOLDS`].
pub async fn record_page_approval(
    service: &Service,
    actor: &Actor,
    person: &str,
    vault: VaultId,
    (intents, verdict): (&[IntentHash], Verdict),
    expires: UnixTime,
    assertion: PageAssertion,
) -> Result<Vec<WithdrawalView>, ServiceError> {
    actor.require(Right::Approve, vault)?;
    if expires > service.now().saturating_add(HOLDS) {
        return Err(ServiceError::Malformed {
            field: "expires",
            expected: "at most a day away",
        });
    }
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let rows = rows(&mut tx, vault, intents).await?;
    drop(tx);
    refuse_own_requests(&policy, person, &rows)?;
    let tree = tree(intents)?;
    let approval = signed(
        &policy,
        person,
        (vault, tree.root()),
        verdict,
        expires,
        assertion,
    )?;
    let proven = intents.iter().map(|intent| ProvenIntent {
        intent: *intent,
        proof: tree
            .proof(intent.as_bytes())
            .expect("the tree was made of these")
            .encode()
            .to_lower_hex_string(),
    });
    let request = RecordApprovals {
        purpose: approval.purpose.to_string(),
        root: tree.root(),
        expires,
        key: approval.key,
        signature: approval.signature.encode().to_lower_hex_string(),
        intents: proven.collect(),
    };
    record_approvals(service, actor, vault, &request).await
}

/// Records what a tool of a person's own signed, as its file says it. Whoever hands it in is nobody's judge; but it is
/// refused where the signer is the requester's own person, since it could never count.
///
/// # Errors
/// [`ApprovalError::OwnRequest`], and as [`record_approvals`].
pub async fn record_signed_approval(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    file: &[u8],
) -> Result<Vec<WithdrawalView>, ServiceError> {
    actor.require(Right::Approve, vault)?;
    let request: RecordApprovals =
        serde_json::from_slice(file).map_err(|_| ServiceError::Malformed {
            field: "file",
            expected: "what `countersign-signer approve` or `reject` wrote",
        })?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    if let Some((approver, _)) = policy.approver_of_key(request.key) {
        let person = approver.person.clone();
        let intents: Vec<IntentHash> = request.intents.iter().map(|proven| proven.intent).collect();
        let rows = rows(&mut tx, vault, &intents).await?;
        refuse_own_requests(&policy, &person, &rows)?;
    }
    drop(tx);
    record_approvals(service, actor, vault, &request).await
}

/// The signature, by the one key of the person that made it.
fn signed(
    policy: &Policy,
    person: &str,
    (vault, root): (VaultId, MerkleRoot),
    verdict: Verdict,
    expires: UnixTime,
    assertion: PageAssertion,
) -> Result<Approval, ServiceError> {
    let PageAssertion {
        authenticator_data,
        client_data_json,
        signature,
    } = assertion;
    let assertion = Assertion::new(authenticator_data, client_data_json, signature)
        .map_err(ApprovalError::ApprovalSignature)?;
    let mut refusal = no_page_key(person);
    for (_, pinned) in person_keys(policy, person, Tool::Page) {
        let Ok(signature) = Signature::from_assertion(&pinned.key, assertion.clone()) else {
            continue;
        };
        let approval = Approval {
            purpose: verdict.purpose(),
            subject: root.into(),
            expires,
            key: pinned.key.id(),
            signature,
        };
        match approval.verify(pinned, vault) {
            Ok(()) => return Ok(approval),
            Err(error) => refusal = ApprovalError::ApprovalSignature(error).into(),
        }
    }
    Err(refusal)
}

fn tree(intents: &[IntentHash]) -> Result<MerkleTree, ServiceError> {
    let subjects: Vec<[u8; 32]> = intents.iter().map(|intent| intent.to_bytes()).collect();
    MerkleTree::new(&subjects).map_err(|_| ServiceError::Malformed {
        field: "intents",
        expected: "withdrawals, each once",
    })
}

async fn rows(
    tx: &mut Transaction,
    vault: VaultId,
    intents: &[IntentHash],
) -> Result<Vec<WithdrawalRow>, ServiceError> {
    if intents.is_empty() || intents.len() > MOST {
        return Err(ServiceError::Malformed {
            field: "intents",
            expected: "1 to 100 withdrawals",
        });
    }
    let mut rows = Vec::with_capacity(intents.len());
    for intent in intents {
        let row = withdrawals::by_intent(tx, *intent)
            .await?
            .filter(|row| row.key.vault == vault)
            .ok_or(WithdrawalError::UnknownIntent { intent: *intent })?;
        rows.push(row);
    }
    Ok(rows)
}

/// The keys of a person that a policy pins for a tool.
fn person_keys<'p>(
    policy: &'p Policy,
    person: &'p str,
    tool: Tool,
) -> impl Iterator<Item = (&'p Approver, &'p PinnedKey)> {
    policy
        .approvers
        .iter()
        .filter(move |approver| approver.person == person)
        .flat_map(|approver| approver.keys.iter().map(move |pinned| (approver, pinned)))
        .filter(move |(_, pinned)| pinned.tool == tool)
}

fn view(approver: &Approver, pinned: &PinnedKey) -> PersonKey {
    let party = pinned.passkey.as_ref();
    PersonKey {
        key: pinned.key.id(),
        approver: approver.name.clone(),
        text: pinned.key.to_string(),
        rp_id: party.map(|party| party.rp_id.clone()),
        origins: party.map_or_else(Vec::new, |party| party.origins.clone()),
    }
}

/// Whether the person is the requester's own, by name or by a key of theirs.
fn is_own_request(policy: &Policy, person: &str, row: &WithdrawalRow) -> bool {
    let requester = policy.requester(row.intent.requester.as_str());
    requester.is_some_and(|requester| {
        let by_key = policy
            .approvers
            .iter()
            .filter(|approver| approver.person == person)
            .any(|approver| approver.keys.iter().any(|key| requester.keys.contains(key)));
        requester.person == person || by_key
    })
}

fn refuse_own_requests(
    policy: &Policy,
    person: &str,
    rows: &[WithdrawalRow],
) -> Result<(), ServiceError> {
    match rows.iter().find(|row| is_own_request(policy, person, row)) {
        None => Ok(()),
        Some(row) => Err(ApprovalError::OwnRequest {
            requester: row.key.requester.clone(),
            id: row.key.id.clone(),
            person: person.to_owned(),
        }
        .into()),
    }
}

fn no_page_key(person: &str) -> ServiceError {
    ApprovalError::NoPageKey {
        person: person.to_owned(),
    }
    .into()
}
