//! Signers as pages show them, and what a mark would mean before it is set.

use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::signer_view::{preview_mark, show_signers};
use crate::service::signers::{MarkSigner, SignerMark, mark_signer};

#[tokio::test]
async fn a_mark_is_told_in_words_before_it_is_set_and_sets_nothing() {
    let world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    let (service, operator) = (&world.service, &world.operator);
    let preview = async |signer: &str, mark| {
        preview_mark(service, operator, world.vault, signer, mark)
            .await
            .expect("a signer")
    };
    let first = show_signers(service, operator, world.vault)
        .await
        .expect("signers");
    assert!(first.signers.iter().all(|signer| signer.mark.is_none()));
    assert!(first.standing.stages[0].spendable);
    let [one, two] = [0, 1].map(|number: usize| first.signers[number].name.clone());
    let lost = preview(&one, SignerMark::Lost).await;
    assert!(!lost.then.can_sign.contains(&one) && lost.now.can_sign.contains(&one));
    assert_eq!(
        lost.next[0],
        format!("countersign-coordinator policy replace-signer policy.toml {one} \\")
    );
    let same = show_signers(service, operator, world.vault)
        .await
        .expect("signers");
    assert_eq!(same, first, "nothing is stored");

    let marked = MarkSigner {
        mark: SignerMark::Lost,
        reason: "fell into the lake".to_owned(),
    };
    mark_signer(service, operator, world.vault, &one, &marked)
        .await
        .expect("marked");
    let shown = show_signers(service, operator, world.vault)
        .await
        .expect("signers");
    let mark = shown.signers[0].mark.clone().expect("a mark");
    assert_eq!(
        (mark.mark.as_str(), mark.reason.as_str()),
        ("lost", "fell into the lake")
    );
    assert_eq!((mark.at, mark.by), (service.now(), operator.name.clone()));
    assert_eq!(shown.standing, lost.then, "as the preview said");
    let worse = preview(&two, SignerMark::Lost).await;
    assert!(
        worse
            .changes
            .iter()
            .any(|said| said == "Coins of any age CANNOT BE SPENT any more."),
        "{:?}",
        worse.changes
    );
    let back = preview(&one, SignerMark::Present).await;
    assert_eq!(back.then, first.standing);
    let nobody = preview_mark(service, operator, world.vault, "nobody", SignerMark::Lost).await;
    assert_eq!(nobody.expect_err("no signer").code(), "unknown_signer");
}
