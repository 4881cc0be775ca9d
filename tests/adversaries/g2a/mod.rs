//! G2a: attacks that need a plan: a past, a second document, a second signer, other coins.
//!
//! Each is told to the real signer library over a real journal. Invariant: an attack is good only when it
//! is refused by its own code with the journal as it was, and when its honest twin is signed.

mod earlier;
mod fees;
mod inclusion;
mod inner;
mod lists;
mod pages;
mod passkeys;
mod past;
mod split;
mod stage;
mod stops;

pub(super) use self::stage::{Attack, Stage, Tried};

use super::vault::Kind;
use super::{Found, World};

/// The vaults that are attacked: one of each kind of script, with all that a vault can have.
const KINDS: [Kind; 2] = [Kind::WshRecovery, Kind::TrMultiA];

/// Every attack.
pub(super) fn attacks() -> Vec<Attack> {
    [
        split::ATTACKS,
        past::ATTACKS,
        fees::ATTACKS,
        inclusion::ATTACKS,
        lists::ATTACKS,
        earlier::ATTACKS,
        passkeys::ATTACKS,
        stops::ATTACKS,
    ]
    .concat()
}

/// Tries an attack on every vault.
pub(super) fn attempt(world: &World, attack: &Attack) -> Tried {
    let mut tried = Tried::default();
    let vaults = world.vaults.iter();
    for vault in vaults.filter(|vault| KINDS.contains(&vault.kind)) {
        let mut stage = Stage::new(world, vault, attack.code);
        if let Err(failure) = (attack.run)(&mut stage) {
            let kind = vault.kind.name();
            tried
                .complaints
                .push(format!("{}, {kind}: {failure}", attack.name));
        }
        tried.add(stage.tried);
    }
    tried
}

pub(super) fn run(world: &World) -> Found {
    let attacks = attacks();
    let mut total = Tried::default();
    let mut refused = 0_usize;
    for attack in &attacks {
        let tried = attempt(world, attack);
        refused += usize::from(tried.complaints.is_empty() && tried.refused > 0);
        total.add(tried);
    }
    Found {
        line: format!(
            "G2a: {} attacks, {refused} refused by name, wrong={}; {} policies, {} honest twins signed",
            attacks.len(),
            total.wrong,
            KINDS.len(),
            total.signed
        ),
        complaints: total.complaints,
        notes: Vec::new(),
    }
}
