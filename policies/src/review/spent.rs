//! Whose coins are spent: those of the newest keyset, or of one former keyset, which only come back to the newest
//! descriptor.
//!
//! A key path is only a hint where to look; what counts is that the derived script is the one spent. A script that
//! the newest descriptor gives is the newest keyset's, whichever keysets had it before.

use bitcoin::TxOut;
use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint};
use bitcoin::psbt::Input;

use super::Refusal;
use crate::descriptor::{DerivedScript, KeyPosition, VaultDescriptor};
use crate::document::{FormerKeyset, Policy};
use crate::ids::{Keychain, Keyset};
use crate::journal::SpendMode;
use crate::planted::{Bug, planted};
use crate::psbt::StrictPsbt;

/// The keyset whose coins are spent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent<'p> {
    /// Its scripts.
    pub(super) descriptor: &'p VaultDescriptor,
    /// Which one, if it is a former one.
    pub(super) former: Option<Keyset>,
}

/// Finds the keyset of the first input that is ours; the newest where none is.
pub(super) fn find<'p>(psbt: &StrictPsbt, policy: &'p Policy) -> Spent<'p> {
    let inputs = psbt.psbt().inputs.iter().zip(psbt.previous_outputs());
    let mut ours = inputs.filter_map(|(field, previous)| owner(field, previous, policy));
    ours.next().unwrap_or_else(|| newest(policy))
}

/// The keyset whose coin an input is, if it is one of this vault's.
pub(super) fn owner<'p>(field: &Input, previous: &TxOut, policy: &'p Policy) -> Option<Spent<'p>> {
    let former = |keyset: &'p FormerKeyset| Spent {
        descriptor: &keyset.descriptor,
        former: Some(keyset.keyset),
    };
    let candidates = std::iter::once(newest(policy)).chain(policy.former.iter().map(former));
    let own = |spent: &Spent<'_>| {
        hinted(field, spent.descriptor)
            .is_some_and(|derived| derived.script_pubkey == previous.script_pubkey)
    };
    candidates.into_iter().find(own)
}

fn newest(policy: &Policy) -> Spent<'_> {
    Spent {
        descriptor: &policy.descriptor,
        former: None,
    }
}

/// Examines that coins of a former keyset pay nobody.
pub(super) fn examine(spent: Spent<'_>, mode: SpendMode, refusals: &mut Vec<Refusal>) {
    if let Some(keyset) = spent.former
        && mode == SpendMode::Pay
        && !planted(Bug::FormerPays)
    {
        refusals.push(Refusal::FormerKeysetPays { keyset });
    }
}

/// The script to which an input's key paths lead under a descriptor.
pub(super) fn hinted(field: &Input, descriptor: &VaultDescriptor) -> Option<DerivedScript> {
    let plain = field.bip32_derivation.values();
    let taproot = field.tap_key_origins.values().map(|(_, origin)| origin);
    let (keychain, index) = plain.chain(taproot).find_map(|(fingerprint, path)| {
        let mut positions = descriptor.key_positions().iter();
        positions.find_map(|position| below(position, *fingerprint, path))
    })?;
    Some(descriptor.at(keychain, index))
}

fn below(
    position: &KeyPosition,
    fingerprint: Fingerprint,
    path: &DerivationPath,
) -> Option<(Keychain, u32)> {
    if position.fingerprint != fingerprint {
        return None;
    }
    let steps: &[ChildNumber] = path.as_ref();
    let prefix: &[ChildNumber] = position.path.as_ref();
    match steps.strip_prefix(prefix)? {
        [
            ChildNumber::Normal { index: branch },
            ChildNumber::Normal { index },
        ] => Some((Keychain::of_branch(*branch)?, *index)),
        _ => None,
    }
}
