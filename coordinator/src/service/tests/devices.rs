//! What devices cannot sign is refused of what is new, and of nothing that signers may follow.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use policies::document::{DeviceDraft, PolicyDraft};

use super::versions::{file, hand_in, next, signed, world};
use super::world::{NOW, World, draft, empty, secret};
use crate::roles::fixture::{Kind, Vault};
use crate::service::devices::OfDevices;
use crate::service::self_spends::{CreateSelfSpend, SelfSpendPurpose, create_self_spend};
use crate::service::vaults::create_vault;
use crate::service::versions::{SubmitSuccession, list_versions, submit_succession};
use crate::service::{Actor, ServiceError, VaultError};

/// The second signer's device is of this kind.
fn second(kind: &'static str) -> impl FnOnce(&mut PolicyDraft) {
    move |draft| {
        draft.signers[1].device = Some(DeviceDraft {
            kind: kind.to_owned(),
        });
    }
}

fn words(error: ServiceError) -> String {
    let ServiceError::Vault(VaultError::DeviceCannotSign { findings }) = error else {
        panic!("refused for something else: {error:?}")
    };
    findings[0].to_string()
}

#[tokio::test]
async fn a_vault_whose_device_cannot_sign_is_added_only_despite_that() {
    let (_folder, service) = empty(&Arc::new(AtomicU64::new(NOW))).await;
    let operator = Actor::local();
    let keys = Vault::new(Kind::Wsh);
    let mut document = draft(&keys, &secret("exchange"), &secret("dana"));
    second("trezor")(&mut document);
    let document = document.to_toml();
    let add =
        async |of_devices| create_vault(&service, &operator, document.as_bytes(), of_devices).await;
    let refused = words(add(OfDevices::Refuse).await.expect_err("bob cannot sign"));
    assert!(
        refused.ends_with(
            "'s trezor cannot sign this policy: no miniscript in its firmware; with sortedmulti it could"
        ),
        "{refused}"
    );
    let added = add(OfDevices::Pass).await.expect("it was tried");
    // What is there is answered as ever.
    let again = add(OfDevices::Refuse).await.expect("it is there");
    assert_eq!(again.vault, added.vault);
}

#[tokio::test]
async fn a_next_version_is_refused_for_a_new_device_unless_enough_approved_it() {
    let world = world(Kind::Wsh, 1).await;
    let keys = Vault::new(Kind::Wsh);
    let document = next(&world, &keys, second("trezor")).await;
    let refused = hand_in(&world, &file(&document)).await;
    words(refused.expect_err("nobody approved it"));
    let list = list_versions(&world.service, &world.operator, world.vault);
    assert!(list.await.expect("a list").proposals.is_empty());
    // Signers may follow what enough persons approved.
    hand_in(&world, &signed(&world, &document))
        .await
        .expect("a quorum stands in the file");

    let world = self::world(Kind::Wsh, 1).await;
    let document = next(&world, &keys, second("trezor")).await;
    let request = SubmitSuccession {
        file: String::from_utf8(file(&document).write()).expect("text"),
        despite_devices: true,
    };
    submit_succession(&world.service, &world.operator, world.vault, &request)
        .await
        .expect("it was tried");
}

#[tokio::test]
async fn previews_tell_how_long_a_measured_device_takes() {
    let edit = |draft: &mut PolicyDraft| {
        draft.signers[0].device = Some(DeviceDraft {
            kind: "ledger".to_owned(),
        });
    };
    let world = World::funded_on(Kind::Wsh, 4, 100_000, edit).await;
    let wanted = CreateSelfSpend {
        purpose: SelfSpendPurpose::Consolidate,
        keyset: None,
        coins: None,
        max_inputs: None,
        feerate_sat_vb: Some("2".to_owned()),
        dry_run: true,
        agreed: None,
    };
    let view = create_self_spend(&world.service, &world.operator, world.vault, &wanted).await;
    let devices = view.expect("a preview").devices;
    assert_eq!(devices.len(), 1, "{devices:?}");
    assert_eq!((devices[0].inputs, devices[0].seconds), (4, 9));
    assert_eq!(devices[0].words, "alice's ledger: about 9 s for 4 inputs");
}
