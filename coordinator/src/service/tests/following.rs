//! Rebuilding a vault whose policy changed: which versions count, and what comes back under them.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bitcoin::Psbt;
use policies::document::{Policy, PolicyDraft};
use policies::journal::{Adopted, Entry, Export, ExportStatement, Proposed};
use policies::succession::SuccessionFile;
use policies::{Journal, UnixTime};

use super::versions::{file, next, signed, world};
use super::world::{NOW, World, empty, rule, secret};
use crate::rebuilding::{Gathered, Line, Mistake, Taken, read};
use crate::roles::fixture::{Kind, Vault};
use crate::service::Service;
use crate::service::rebuilds::{Rebuild, RebuiltVault, begin, fill, finish};
use crate::service::vaults::show_vault;
use crate::service::versions::{VersionsView, list_versions};

/// The subtype of the record with the version that a transfer names (docs/formats.md F5).
const POLICY: u8 = 0x01;

/// The journal of whoever has this key, who followed a version.
fn following(world: &World, key: &str, version: &Policy, at: UnixTime) -> Vec<u8> {
    let secret = secret(key);
    let (mut journal, birth) =
        Journal::begin(world.vault, secret.public(), UnixTime::ZERO).expect("begins");
    let mut lines = birth.as_bytes().to_vec();
    let (policy, previous) = (version.id, version.previous.expect("a later version"));
    let entries = [
        Entry::Proposed(Proposed {
            policy,
            previous,
            at,
        }),
        Entry::Adopted(Adopted {
            policy,
            previous,
            at,
        }),
    ];
    for entry in entries {
        let line = journal.append(entry).expect("appends");
        lines.extend_from_slice(line.as_bytes());
    }
    ExportStatement::of(&journal, at).export(&lines, &secret, world.vault)
}

fn export(bytes: &[u8]) -> Export {
    Export::read(bytes).expect("an export")
}

async fn first(world: &World) -> Policy {
    let view = show_vault(&world.service, &world.operator, world.vault).await;
    Policy::parse(view.expect("a vault").document.as_bytes()).expect("a policy")
}

fn stricter(most: u64) -> impl Fn(&mut PolicyDraft) {
    move |draft| draft.rules[0] = rule("small", most, None, 0)
}

/// The line that a first version, files and journals make.
fn line(first: &Policy, files: &[SuccessionFile], journals: &[&Export]) -> Result<Line, Mistake> {
    let mut line = Line::of(first.clone()).expect("a first version");
    line.follow(files, journals)?;
    Ok(line)
}

#[tokio::test]
async fn a_version_is_in_force_only_with_its_quorum_and_a_signer_who_follows_it() {
    let world = world(Kind::Wsh, 1).await;
    let keys = Vault::new(Kind::Wsh);
    let first = first(&world).await;
    let document = next(&world, &keys, stricter(100_000)).await;
    let (bare, signed) = (file(&document), signed(&world, &document));
    let second = bare.policy().expect("a version");
    let follows = |key| export(&following(&world, key, &second, world.service.now()));
    let (signer, stranger) = (follows("journal 0"), follows("mallory"));
    let newest = |files: &[SuccessionFile], journals: &[&Export]| {
        let line = line(&first, files, journals).expect("a line");
        (line.newest().version, line.proposed().len())
    };
    assert_eq!(newest(&[], &[&signer]), (1, 0));
    assert_eq!(newest(std::slice::from_ref(&bare), &[&signer]), (1, 1));
    assert_eq!(newest(std::slice::from_ref(&signed), &[]), (1, 1));
    assert_eq!(newest(std::slice::from_ref(&signed), &[&stranger]), (1, 1));
    assert_eq!(newest(&[bare, signed.clone()], &[&signer]), (2, 0));

    let document = next(&world, &keys, stricter(200_000)).await;
    let rival = super::versions::signed(&world, &document);
    let third = rival.policy().expect("a version");
    let other = export(&following(&world, "journal 1", &third, world.service.now()));
    let both = line(&first, &[signed.clone(), rival.clone()], &[&signer, &other]);
    let code = both.expect_err("two ways").code();
    assert_eq!(code, "paper_versions_disputed");
    // What was approved and not followed stands beside, and is no longer a successor of what is in force.
    let line = line(&first, &[signed, rival], &[&signer]).expect("a line");
    assert_eq!((line.newest().id, line.proposed().len()), (second.id, 0));
}

#[tokio::test]
async fn a_journal_that_follows_what_is_not_at_hand_is_refused_by_name() {
    let world = world(Kind::Wsh, 1).await;
    let document = next(&world, &Vault::new(Kind::Wsh), stricter(100_000)).await;
    let second = file(&document).policy().expect("a version");
    let journal = following(&world, "journal 0", &second, world.service.now());
    let mut gathered = Gathered::new(line(&first(&world).await, &[], &[]).expect("a line"));
    let paper = read(&journal).expect("reads").pop().expect("a paper");
    let refused = gathered.take(paper).expect_err("follows another");
    assert_eq!(refused.code(), "paper_of_other_version");
    let elsewhere = read(&file(&document).write()).expect("reads").pop();
    let refused = gathered.take(elsewhere.expect("a paper"));
    assert_eq!(
        refused.expect_err("nowhere").code(),
        "paper_version_elsewhere"
    );
}

/// Nobody signed which version a transfer names, and whose voids count depends on it.
#[tokio::test]
async fn a_transfer_that_names_another_keyset_s_version_than_it_pays_under_is_refused() {
    let world = world(Kind::Wsh, 1).await;
    let first = first(&world).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let issued = world.stored(txid).await.psbt;
    let document = next(&world, &Vault::from_seed(Kind::Wsh, 21), |_| {}).await;
    let approved = signed(&world, &document);
    let second = approved.policy().expect("a version");
    let journal = export(&following(
        &world,
        "journal 0",
        &second,
        world.service.now(),
    ));
    let line = line(&first, std::slice::from_ref(&approved), &[&journal]).expect("a line");
    let mut psbt = Psbt::deserialize(&issued).expect("a PSBT");
    let named = psbt.proprietary.iter_mut();
    for (_, value) in named.filter(|(key, _)| key.subtype == POLICY) {
        *value = second.id.to_bytes().to_vec();
    }
    let mut gathered = Gathered::new(line);
    let mut take = |bytes: &[u8]| {
        let paper = read(bytes).expect("reads").pop().expect("a paper");
        gathered.take(paper).map_err(|mistake| mistake.code())
    };
    assert_eq!(take(&psbt.serialize()), Err("paper_of_other_version"));
    assert_eq!(take(&issued), Ok(Taken::New));
}

async fn rebuild(service: &Service, plan: &Rebuild) -> RebuiltVault {
    begin(service, plan).await.expect("begins");
    begin(service, plan).await.expect("goes on");
    fill(service, plan).await.expect("fills");
    finish(service, plan).await.expect("finishes").remove(0)
}

async fn versions(service: &Service, world: &World) -> VersionsView {
    let all = list_versions(service, &world.operator, world.vault).await;
    all.expect("a list")
}

/// A step of keys: requests of the former keyset end, its addresses stay watched, and its indexes are not given again.
#[tokio::test]
async fn a_vault_comes_back_under_the_newest_version_that_its_signers_follow() {
    let world = world(Kind::Wsh, 1).await;
    let first = first(&world).await;
    let address = serde_json::to_vec(&world.address().await).expect("JSON");
    let former = world.intent("w-1", 500_000);
    let request = serde_json::to_vec(&world.signed(&former)).expect("JSON");
    let document = next(&world, &Vault::from_seed(Kind::Wsh, 21), |draft| {
        for (number, signer) in draft.signers.iter_mut().enumerate() {
            let journal = secret(&format!("journal {}", number + 10));
            signer.journal = journal.public().to_string();
        }
    })
    .await;
    let approved = signed(&world, &document);
    let second = approved.policy().expect("a version");
    let journals: Vec<Vec<u8>> = (0..3)
        .map(|number| format!("journal {number}"))
        .map(|key| following(&world, &key, &second, world.service.now()))
        .collect();
    let exports: Vec<Export> = journals.iter().map(|bytes| export(bytes)).collect();
    let exports: Vec<&Export> = exports.iter().collect();
    let line = line(&first, std::slice::from_ref(&approved), &exports).expect("a line");
    assert_eq!(line.trees().len(), 2);
    let mut gathered = Gathered::new(line);
    let mut papers = vec![approved.write(), address, request];
    papers.extend(journals);
    for paper in papers.iter().flat_map(|bytes| read(bytes).expect("reads")) {
        gathered.take(paper).expect("is taken");
    }
    // Nobody of the new keyset wrote anything down yet, and of the former one somebody has to.
    assert_eq!(gathered.without_journal().len(), 3);
    assert!(gathered.unseen_quorum().is_some());

    let vault = gathered.policy().vault;
    let mut plan = Rebuild {
        gathered: vec![gathered],
        sources: [1; 32],
        gap: 20,
        held: vec![vault],
        pay_open: true,
    };
    // Former signers whose journals are lost may have paid it: it is not given up.
    let (_folder, service) = empty(&Arc::new(AtomicU64::new(NOW))).await;
    let rebuilt = rebuild(&service, &plan).await;
    assert_eq!(
        rebuilt.withdrawals.get("requested"),
        Some(&1),
        "{rebuilt:?}"
    );
    assert_eq!(rebuilt.held, ["exchange/w-1"]);
    plan.held.clear();
    let (_folder, service) = empty(&Arc::new(AtomicU64::new(NOW))).await;
    let rebuilt = rebuild(&service, &plan).await;
    assert_eq!(
        rebuilt.withdrawals.get("cancelled"),
        Some(&1),
        "{rebuilt:?}"
    );
    assert!(rebuilt.addresses_doubted.is_empty());
    let shown = versions(&service, &world).await;
    let numbers: Vec<u32> = shown.versions.iter().map(|one| one.version).collect();
    assert_eq!(numbers, [1, 2]);
    assert!(shown.proposals.is_empty());
    let vault = show_vault(&service, &world.operator, world.vault).await;
    assert_eq!(vault.expect("a vault").policy, second.id);
    let mut tx = service.database().begin_read().await.expect("begins");
    for keyset in [first.keyset, second.keyset] {
        for keychain in policies::Keychain::BOTH {
            let highest = crate::store::rebuildings::highest_indexes(&mut tx, keyset, keychain);
            let (watched, _) = highest.await.expect("reads");
            assert!(watched.is_some_and(|watched| watched >= 20));
        }
    }
}
