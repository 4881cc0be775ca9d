//! What the pages of withdrawals ask: lists in pages, and previews.

use bitcoin::{Address, Amount, Network};
use policies::document::{PinnedKeyDraft, PolicyDraft, RequesterDraft};
use policies::{Intent, RequestSignature};
use watchtower::store::fees::{self, FeeEstimate};

use super::world::{NOW, World, foreign, secret};
use crate::roles::fixture::Kind;
use crate::service::previews::{Draft, Likeness, Odd, preview};
use crate::service::withdrawal_list::{Wanted, find_withdrawals};
use crate::service::withdrawals::{SubmitWithdrawal, submit_withdrawal};

async fn ids(world: &World, wanted: &Wanted) -> Vec<String> {
    find_withdrawals(
        &world.service,
        &world.operator,
        Some(world.vault),
        wanted,
        None,
        100,
    )
    .await
    .expect("is found")
    .items
    .iter()
    .map(|line| line.id.to_string())
    .collect()
}

#[tokio::test]
async fn no_withdrawal_comes_twice_or_is_lost_while_others_are_added() {
    let world = World::funded(Kind::Wsh, 3, 50_000_000).await;
    // Several came in at the same second.
    for number in 0..12_u32 {
        world
            .submit(&format!("w{number:02}"), 10_000 + u64::from(number))
            .await;
        world.pass(u64::from(number % 3 == 0));
    }
    let (mut seen, mut after) = (Vec::new(), None);
    for page in 0..6_u32 {
        let anywhere = (page % 2 == 0).then_some(world.vault);
        let found = find_withdrawals(
            &world.service,
            &world.operator,
            anywhere,
            &Wanted::default(),
            after.as_ref(),
            3,
        )
        .await
        .expect("is found");
        seen.extend(found.items.iter().map(|line| line.id.to_string()));
        // More come in while somebody pages.
        world.pass(1);
        world
            .submit(&format!("x{page:02}"), 20_000 + u64::from(page))
            .await;
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(after, None, "the end is reached");
    let mut expected: Vec<String> = (0..12).map(|number| format!("w{number:02}")).collect();
    seen.sort_unstable();
    expected.sort_unstable();
    assert_eq!(seen, expected, "each once");
}

#[tokio::test]
async fn withdrawals_are_found_by_what_is_asked_for() {
    let world = World::funded(Kind::Wsh, 3, 50_000_000).await;
    world.submit("alpha-1", 400_000).await;
    world.pass(100);
    let mut intent = world.intent("beta-2", 6_000_000);
    intent.reference = "Invoice \"50%\" of_May \\ done".to_owned();
    world.try_submit(&intent).await.expect("is taken");
    world.pass(100);
    world.submit("gamma-3", 20_000_000).await;
    let wanted = |change: fn(&mut Wanted)| {
        let mut wanted = Wanted::default();
        change(&mut wanted);
        wanted
    };
    assert_eq!(
        ids(&world, &Wanted::default()).await,
        ["gamma-3", "beta-2", "alpha-1"]
    );
    for text in ["BETA", "invoice \"50%\"", "of_may", "may \\ d"] {
        let found = ids(
            &world,
            &Wanted {
                text: text.to_owned(),
                ..Wanted::default()
            },
        )
        .await;
        assert_eq!(found, ["beta-2"], "{text}");
    }
    for text in [
        "of-May", "%", "repeats", "payout%1", "regtest", "bcrt1", "payment",
    ] {
        let found = ids(
            &world,
            &Wanted {
                text: text.to_owned(),
                ..Wanted::default()
            },
        )
        .await;
        let percent = if text == "%" {
            vec!["beta-2".to_owned()]
        } else {
            Vec::new()
        };
        assert_eq!(found, percent, "{text}");
    }
    let address = Address::from_script(&foreign(b'3'), Network::Regtest)
        .expect("an address")
        .to_string();
    let grouped = format!("{} {}", &address[..9], &address[9..]);
    assert_eq!(
        ids(
            &world,
            &Wanted {
                text: grouped,
                ..Wanted::default()
            }
        )
        .await,
        ["gamma-3"]
    );
    assert_eq!(
        ids(
            &world,
            &wanted(|wanted| wanted.states = vec!["approved".to_owned(), "settled".to_owned()])
        )
        .await,
        ["alpha-1"]
    );
    assert_eq!(
        ids(
            &world,
            &wanted(|wanted| wanted.from = Some(Amount::from_sat(6_000_000)))
        )
        .await,
        ["gamma-3", "beta-2"]
    );
    assert_eq!(
        ids(
            &world,
            &wanted(|wanted| wanted.to = Some(Amount::from_sat(6_000_000)))
        )
        .await,
        ["beta-2", "alpha-1"]
    );
    assert_eq!(
        ids(
            &world,
            &wanted(|wanted| wanted.requester = "nobody".to_owned())
        )
        .await,
        [""; 0]
    );
    let since = policies::UnixTime::from_secs(NOW + 1);
    assert_eq!(
        ids(
            &world,
            &Wanted {
                since: Some(since),
                ..Wanted::default()
            }
        )
        .await,
        ["gamma-3", "beta-2"]
    );
    assert_eq!(
        ids(
            &world,
            &Wanted {
                until: Some(since),
                ..Wanted::default()
            }
        )
        .await,
        ["alpha-1"]
    );
    assert_eq!(
        ids(
            &world,
            &wanted(|wanted| wanted.waits_for = Some("dana".to_owned()))
        )
        .await,
        ["gamma-3", "beta-2"]
    );
    assert_eq!(
        ids(
            &world,
            &wanted(|wanted| wanted.waits_for = Some("erin".to_owned()))
        )
        .await,
        [""; 0]
    );
    let lost = wanted(|wanted| wanted.states = vec!["lost".to_owned()]);
    let unknown = find_withdrawals(&world.service, &world.operator, None, &lost, None, 10);
    assert_eq!(
        unknown.await.expect_err("no such state").code(),
        "unknown_state"
    );
}

fn desk(draft: &mut PolicyDraft) {
    draft.requesters.push(RequesterDraft {
        name: "desk".to_owned(),
        person: Some("erin".to_owned()),
        keys: vec![PinnedKeyDraft::own(&secret("desk").public())],
    });
}

fn draft_to(to: &str, amount: &str) -> Draft {
    Draft {
        to: to.to_owned(),
        amount: amount.to_owned(),
        id: "typed-1".to_owned(),
        ..Draft::default()
    }
}

fn address_of(seed: u8) -> String {
    Address::from_script(&foreign(seed), Network::Regtest)
        .expect("an address")
        .to_string()
}

#[tokio::test]
async fn a_preview_says_who_decides_who_may_approve_and_what_it_costs() {
    let world = World::funded_on(Kind::Wsh, 3, 50_000_000, desk).await;
    let mut tx = world.write().await;
    let estimate = |target, kwu| FeeEstimate {
        target,
        feerate: bitcoin::FeeRate::from_sat_per_kwu(kwu),
        height: 103,
        at: world.service.now(),
    };
    fees::replace(
        &mut tx,
        &[estimate(2, 5_000), estimate(6, 2_500), estimate(144, 500)],
    )
    .await
    .expect("stores");
    tx.commit().await.expect("commits");

    let draft = draft_to(&format!(" {} ", address_of(1)), "0.05 000 000");
    let found = preview(&world.service, &world.operator, "erin", world.vault, &draft)
        .await
        .expect("a preview");
    assert_eq!(found.wrong, []);
    assert_eq!(found.requesters, ["desk"]);
    let needed = found.needed.as_ref().expect("a rule decides");
    assert_eq!((needed.rule.as_str(), needed.missing), ("large", 1));
    assert_eq!(needed.may_approve, ["dana"]);
    assert_eq!(
        found
            .misses
            .first()
            .map(|miss| (miss.rule.as_str(), miss.code.as_str())),
        Some(("small", "amount"))
    );
    assert!(
        found
            .warnings
            .iter()
            .any(|warning| warning.odd == Odd::First)
    );
    let costs = found.costs.as_ref().expect("costs");
    assert!(costs.estimated);
    // An output to a witness key hash weighs 124.
    let output: Vec<u64> = costs.at.iter().map(|cost| cost.output.to_sat()).collect();
    assert_eq!(output, [620, 310, 62]);
    let kwu: Vec<u64> = costs
        .at
        .iter()
        .map(|cost| cost.feerate.to_sat_per_kwu())
        .collect();
    assert_eq!(kwu, [5_000, 2_500, 500]);
    let timing = found.timing.as_ref().expect("a time");
    assert_eq!((timing.blocks, timing.automatic), (6, false));

    // What it shows without a fault is taken in, once it is signed.
    let ready = found.intent.expect("can be signed");
    assert_eq!(
        Intent::decode(ready.text.as_bytes()).expect("canonical"),
        ready.intent
    );
    let signed = RequestSignature::sign(&secret("desk"), world.vault, ready.hash);
    let request = SubmitWithdrawal {
        intent: ready.text,
        key: signed.key,
        signature: signed.signature.to_string(),
        speed: None,
        latest: None,
    };
    let (view, new) = submit_withdrawal(&world.service, &world.operator, world.vault, &request)
        .await
        .expect("is taken");
    assert!(new && view.state == "requested");
    // Somebody else sees the same and signs nothing.
    let other = Draft {
        requester: "desk".to_owned(),
        id: "typed-2".to_owned(),
        amount: "0.06".to_owned(),
        ..draft
    };
    let found = preview(&world.service, &world.operator, "dana", world.vault, &other)
        .await
        .expect("a preview");
    assert!(found.intent.is_none() && found.wrong.is_empty());
}

#[tokio::test]
async fn what_is_typed_wrong_is_told_beside_its_field() {
    let world = World::funded_on(Kind::Wsh, 1, 50_000_000, desk).await;
    let own = world.address().await.address;
    let good = address_of(1);
    let mainnet = Address::from_script(&foreign(1), Network::Bitcoin)
        .expect("an address")
        .to_string();
    let cases: [(&str, Draft); 12] = [
        ("to", draft_to("hello", "0.05")),
        ("to", draft_to(&mainnet, "0.05")),
        ("to", draft_to(&own, "0.05")),
        ("to", draft_to(&good.replacen('q', "\u{51b}", 1), "0.05")),
        ("to", draft_to("6a0474657374", "0.05")),
        ("amount", draft_to(&good, "five")),
        ("amount", draft_to(&good, "200 sat")),
        ("amount", draft_to(&good, "0.6")),
        (
            "min",
            Draft {
                kind: "sweep".to_owned(),
                ..draft_to(&good, "0.05")
            },
        ),
        (
            "id",
            Draft {
                id: "a b".to_owned(),
                ..draft_to(&good, "0.05")
            },
        ),
        (
            "reference",
            Draft {
                reference: "caf\u{e9}".to_owned(),
                ..draft_to(&good, "0.05")
            },
        ),
        (
            "expires",
            Draft {
                expires: "0s".to_owned(),
                ..draft_to(&good, "0.05")
            },
        ),
    ];
    for (field, draft) in cases {
        let found = preview(&world.service, &world.operator, "erin", world.vault, &draft)
            .await
            .expect("no error");
        assert!(
            found.wrong_with(field).is_some(),
            "{field}: {draft:?}: {:?}",
            found.wrong
        );
        assert!(found.intent.is_none(), "{draft:?}");
    }
    let empty = preview(
        &world.service,
        &world.operator,
        "erin",
        world.vault,
        &Draft::default(),
    )
    .await
    .expect("no error");
    assert!(empty.wrong.is_empty() && empty.intent.is_none());
    // The same payment twice would be paid once.
    let mut intent = world.intent("first-1", 5_000_000);
    intent.script_pubkey = foreign(1);
    world.try_submit(&intent).await.expect("is taken");
    let same = preview(
        &world.service,
        &world.operator,
        "erin",
        world.vault,
        &draft_to(&good, "0.05"),
    )
    .await
    .expect("no error");
    assert!(
        same.wrong_with("amount")
            .is_some_and(|says| says.contains("one satoshi")),
        "{:?}",
        same.wrong
    );
}

#[tokio::test]
async fn an_address_that_resembles_one_paid_before_is_told() {
    let world = World::funded_on(Kind::Wsh, 3, 5_000_000, desk).await;
    world.submit("small-1", 400_000).await;
    let txid = world.batch().await;
    world.broadcast(txid).await;
    let paid = address_of(b'1');
    let found = preview(
        &world.service,
        &world.operator,
        "erin",
        world.vault,
        &draft_to(&paid, "0.001"),
    )
    .await
    .expect("a preview");
    let known = found
        .warnings
        .iter()
        .find(|warning| warning.odd == Odd::Known)
        .expect("is known");
    assert_eq!(known.known.as_ref().map(|known| known.times), Some(1));
    let slip = paid.replacen("bcrt1qx", "bcrt1qy", 1).replacen('3', "4", 1);
    for (typed, likeness) in [
        (slip, Likeness::Slip),
        (paid.replacen('q', "\u{51b}", 1), Likeness::Lookalike),
    ] {
        let found = preview(
            &world.service,
            &world.operator,
            "erin",
            world.vault,
            &draft_to(&typed, "0.001"),
        )
        .await
        .expect("a preview");
        let odd: Vec<Odd> = found.warnings.iter().map(|warning| warning.odd).collect();
        assert_eq!(odd, [Odd::Resembles(likeness)], "{typed}");
    }
}
