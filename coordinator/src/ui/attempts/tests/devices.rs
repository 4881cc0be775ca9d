//! The signers' devices, on the page of an attempt.

use policies::document::DeviceDraft;

use super::*;

#[tokio::test]
async fn devices_without_a_known_limit_are_named_in_one_line() {
    let world = World::funded_on(Kind::Wsh, 2, 1_000_000, |draft| {
        let kinds = ["ledger", "trezor", "bitbox02"];
        for (signer, kind) in draft.signers.iter_mut().zip(kinds) {
            signer.device = Some(DeviceDraft {
                kind: kind.to_owned(),
            });
        }
    })
    .await;
    world.submit("w-1", 300_000).await;
    let txid = world.batch().await;
    let looking = Looking::at(world);
    let (state, visitor) = looking.asks();
    let (_, page) = html(detail::show(state, visitor, attempt(txid)).await).await;
    assert_eq!(page.matches("no limit is known").count(), 1, "{page}");
    for words in [
        "<dt>Devices</dt>",
        "trezor of bob, bitbox02 of carol: no limit is known here",
        "ledger of alice: it fits; about 6 s",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
}
