//! A device after a step of keys: asked for coins of the former keys by what it keeps of those.

use super::{By, RIPE, adopt, approved, hear, with_new_machine};
use crate::device::Device;
use crate::treasury::{NOW, Treasury};
use policies::ScriptKind;
use policies::exchange::WalletPolicy;
use signer::device::{Owner, Registration, Registrations};

/// What is too large for a device is refused before anything is journalled for it.
#[test]
fn a_device_takes_as_much_as_its_row_of_the_table_says() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    Device::of(&treasury, "alice");
    let home = treasury.home("alice");
    let file = home.folder().join("keys/vault.public");
    let text = std::fs::read_to_string(&file).expect("reads");
    std::fs::write(&file, text.replace("coldcard", "coldcard-edge")).expect("writes");
    let limits = Owner::of(&home).expect("has a device").limits();
    assert_eq!(limits.expect("is known").inputs, Some(250));
}

#[test]
fn coins_of_former_keys_are_signed_by_what_the_device_keeps_of_those() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    Device::of(&treasury, "alice");
    let home = treasury.home("alice");
    let owner = Owner::of(&home).expect("has a device");
    let wallet = WalletPolicy::of(&treasury.policy).expect("has the form");
    let (kind, fingerprint) = (owner.key.kind().clone(), owner.key.fingerprint());
    let kept = Registration::new(kind, fingerprint, &treasury.policy, &wallet, NOW);
    Registrations(&home)
        .keep(&treasury.policy, &kept)
        .expect("keeps");

    let next = with_new_machine(&treasury, ScriptKind::Wsh);
    let mut alice = treasury.countersigner("alice");
    let file = approved(&treasury, &next);
    assert_eq!(hear(&mut alice, &file, NOW), "heard");
    let pinned = adopt(&mut alice, next.id, By::pin(next.id), RIPE);
    assert_eq!(pinned, "adopted");
    drop(alice);

    let newest = Owner::of(&home).expect("has a device");
    assert_eq!(newest.policy.id, next.id);
    assert_eq!(
        newest.registration, None,
        "it keeps nothing of these keys yet"
    );
    let former = Owner::of_coins(&home, Some(treasury.policy.keyset)).expect("has a device");
    assert_eq!(former.policy.id, treasury.policy.id);
    assert_eq!(former.registration, Some(kept));
    let own = Owner::of_coins(&home, Some(next.keyset)).expect("has a device");
    assert_eq!(own.policy.id, next.id);
}
