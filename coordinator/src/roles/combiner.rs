//! The Combiner: the union of verified signatures (BIP 174).
//!
//! Combining is commutative, associative and idempotent: signatures may come in any order, any
//! number of times and by any way. What does not verify is handed back and changes nothing.

use std::collections::BTreeMap;

use policies::planted::{Bug, planted};
use policies::psbt::{
    BadSignature, Intake, OtherTransaction, SignatureSet, VerifiedSignature, take_signatures,
};

use super::issued::IssuedTransaction;

/// What an intake added.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Combined {
    /// All signatures, those from before included.
    pub signatures: SignatureSet,
    /// Those that changed the set, to be stored.
    pub new: Vec<VerifiedSignature>,
    /// Those that do not count, and why.
    pub refused: Vec<BadSignature>,
}

/// Verifies what `intake` offers for `issued`, each alone, and unites it with `collected`.
///
/// # Errors
/// [`OtherTransaction`] when what was signed is not what was issued; then nothing is taken.
pub fn combine(
    issued: &IssuedTransaction,
    mut collected: SignatureSet,
    intake: &Intake,
) -> Result<Combined, OtherTransaction> {
    let mut refused = Vec::new();
    let mut added = SignatureSet::new();
    for taken in take_signatures(&issued.issued(), intake)? {
        match taken {
            Ok(verified) => added.insert(verified),
            Err(_) if planted(Bug::Culprit) => {}
            Err(bad) => refused.push(bad),
        }
    }
    let before: BTreeMap<_, _> = collected
        .iter()
        .map(|kept| ((kept.input(), kept.key()), kept))
        .collect();
    collected.union(&added);
    let changed = |kept: &VerifiedSignature| before.get(&(kept.input(), kept.key())) != Some(kept);
    let new = collected.iter().filter(changed).collect();
    Ok(Combined {
        signatures: collected,
        new,
        refused,
    })
}
