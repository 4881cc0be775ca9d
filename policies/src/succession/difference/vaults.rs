//! The treasury's other vaults as things.
//!
//! What a vault's script is, only transfers pay, and transfers pay nothing else: a vault more lets transfers pass that
//! did not, and refuses payments that passed. Neither direction covers the other.

use super::facts::{Fact, Thing};
use super::{Direction, Part};
use crate::document::{OtherVault, Policy};

pub(super) fn things(policy: &Policy) -> Vec<Thing> {
    policy.other_vaults.iter().map(vault).collect()
}

fn vault(vault: &OtherVault) -> Thing {
    let OtherVault {
        name,
        vault,
        descriptor,
        reach,
    } = vault;
    let facts = vec![
        Fact::plain("identity", vault),
        Fact::plain("descriptor", descriptor.text()),
        Fact::plain("scripts of each keychain", &format!("the first {reach}")),
    ];
    let whole: Vec<String> = facts
        .iter()
        .map(|fact| format!("{} {}", fact.about, fact.value))
        .collect();
    Thing {
        part: Part::Vaults,
        title: format!("vault {name}, which transfers may pay"),
        whole: whole.join(", "),
        new: Direction::Changed,
        facts,
    }
}
