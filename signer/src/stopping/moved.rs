//! Stops of a journal that moved: the policy pins its first key only, so that the certificates of its moves go with
//! the stop.
//!
//! Invariant: such a stop counts as one of the pinned journal's. Whoever holds that key can make up moves to as many
//! keys as they like, and has no more stops by them.

use super::Spoken;
use bitcoin::hex::{DisplayHex, FromHex};
use policies::hash::Purpose;
use policies::journal::{Heard, MoveCertificate, accept_moves};
use policies::rules::Said;
use policies::{Approval, KeyId, Policy, Statement, UnixTime};

impl Spoken {
    /// The same with the moves that led to the journal that says it; for most homes none.
    #[must_use]
    pub fn after_moves(self, moves: &[MoveCertificate]) -> Self {
        let moves = moves.iter().map(|one| one.encode().to_lower_hex_string());
        Self {
            moves: moves.collect(),
            ..self
        }
    }
}

/// The pinned journal whose successor signed a stop; none where the moves do not lead from a pinned one to that key.
pub(super) fn pinned_before(policy: &Policy, stop: &Approval, moves: &[String]) -> Option<KeyId> {
    let decoded = |hex: &String| MoveCertificate::decode(&Vec::from_hex(hex).ok()?).ok();
    let moves: Vec<MoveCertificate> = moves.iter().map(decoded).collect::<Option<_>>()?;
    let signer = accept_moves(policy, &moves).ok()?;
    let last = moves.last()?.statement.to;
    let says_so = stop.purpose == Purpose::Stop && stop.expires == UnixTime::ZERO;
    let counts = says_so && stop.verify(&last, policy.vault).is_ok();
    counts.then(|| signer.journal.id())
}

/// A stop that counts by the moves in its file.
pub(crate) fn heard_after_moves(policy: &Policy, said: &Said, moves: &[String]) -> Option<Heard> {
    if !matches!(said.statement, Statement::Stop(_)) {
        return None;
    }
    let mut signatures = said.approvals.iter();
    let by = signatures.find_map(|one| pinned_before(policy, one, moves))?;
    Some(Heard {
        statement: said.statement.clone(),
        by: vec![by],
    })
}
