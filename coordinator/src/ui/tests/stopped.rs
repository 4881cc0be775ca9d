//! A vault that is stopped says so on every page of it: the frame tells it, and no page can forget it.

use std::collections::BTreeMap;

use bitcoin::hex::DisplayHex;
use policies::document::{ApprovalsDraft, ListDraft, OpenDraft, StopDraft};
use policies::intent::{StatementNonce, Stop};
use policies::{Approval, Statement, UnixTime, VaultId};
use tokio::runtime::Runtime;
use ureq::http::Method;

use super::served::{Browser, Seen, Served};
use crate::roles::fixture::{Kind, Vault};
use crate::service::devices::OfDevices;
use crate::service::lists::{
    ApproveStatement, SubmitStatement, approve_statement, submit_statement,
};
use crate::service::people::PersonRole;
use crate::service::tests::world::{World, draft, secret};
use crate::service::vaults::{create_vault, list_vaults};
use crate::ui::{Public, entries};

const BANNER: &str = "This vault is stopped: it pays nobody.";

fn by_ops() -> ApprovalsDraft {
    ApprovalsDraft {
        group: Some("ops".to_owned()),
        count: 1,
        page: None,
    }
}

/// A vault that dana can release, with an open list and a withdrawal on its way.
async fn world() -> World {
    let world = World::funded_on(Kind::Wsh, 3, 1_000_000, |draft| {
        draft.stop = Some(StopDraft { release: by_ops() });
        draft.lists = vec![ListDraft {
            name: "partners".to_owned(),
            entries: Vec::new(),
            open: Some(OpenDraft {
                approvals: by_ops(),
                delay: "24h".to_owned(),
                test_first: None,
            }),
        }];
    });
    let world = world.await;
    world.submit("w-1", 300_000).await;
    let txid = world.batch().await;
    drop(world.broadcast(txid).await);
    world
}

/// A vault of others beside it.
async fn other_vault(world: &World) -> VaultId {
    let keys = Vault::from_seed(Kind::Wsh, 33);
    let mut draft = draft(&keys, &secret("other exchange"), &secret("other dana"));
    for signer in &mut draft.signers {
        let journal = secret(&format!("other journal {}", signer.name));
        signer.journal = journal.public().to_string();
    }
    let document = draft.to_toml();
    let made = create_vault(
        &world.service,
        &world.operator,
        document.as_bytes(),
        OfDevices::Refuse,
    )
    .await;
    made.expect("a vault").vault
}

/// Hands a statement in, signed by dana.
pub(in crate::ui) async fn say(world: &World, statement: &Statement, expires: UnixTime) {
    let (service, operator) = (&world.service, &world.operator);
    let request = SubmitStatement {
        statement: String::from_utf8(statement.encode()).expect("ASCII"),
    };
    submit_statement(service, operator, world.vault, &request)
        .await
        .expect("stored");
    let (purpose, subject) = (statement.purpose(), statement.subject());
    let approval = Approval::sign(&world.approver, purpose, world.vault, subject, expires);
    let request = ApproveStatement {
        purpose: purpose.to_string(),
        expires,
        key: approval.key,
        signature: approval.signature.encode().to_lower_hex_string(),
    };
    approve_statement(service, operator, world.vault, subject, &request)
        .await
        .expect("counts");
}

fn is_page(seen: &Seen) -> bool {
    seen.kind.starts_with("text/html") && seen.status == 200
}

/// Every page that is looked at, with the parts of its path filled in, and what it answered.
fn all_pages(
    served: &Served,
    world: &World,
    parts: &BTreeMap<&str, String>,
    browser: &Browser,
) -> Vec<(&'static str, Seen)> {
    let public = Public::parse("https://treasury.example").expect("an origin");
    let routes = entries(world.service.clone(), public).into_iter();
    let looked_at = routes.filter(|route| route.method == Method::GET && route.path != "/live");
    let answers = looked_at.filter_map(|route| {
        let mut path = route.path.to_owned();
        for (name, value) in parts {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        if route.path.contains("/policy/versions/{id}") {
            path = path.replace("{id}", &parts["version"]);
        }
        path = path.replace("{id}", "w-1");
        (!path.contains('{')).then(|| (route.path, served.get(&path, browser)))
    });
    answers.collect()
}

#[test]
fn a_stop_is_told_on_every_page_of_its_vault_and_on_no_other() {
    let runtime = Runtime::new().expect("a runtime");
    let (world, other) = runtime.block_on(async {
        let world = world().await;
        let other = other_vault(&world).await;
        (world, other)
    });
    let served = Served::over(runtime, world.service.clone(), world.time.clone());
    let (_, olga) = served.person("olga", PersonRole::Operator);
    let parts = served.runtime.block_on(async {
        let service = &world.service;
        let vaults = list_vaults(service, &world.operator).await.expect("a list");
        let own = vaults.iter().find(|one| one.vault == world.vault);
        let paid = world.show("w-1").await.txid.expect("an attempt");
        let row = world.stored(paid).await;
        let address = world.address().await.address;
        let coin = world
            .blocks
            .iter()
            .find_map(|block| block.transactions.first());
        let coin = coin.expect("a deposit").compute_txid();
        BTreeMap::from([
            ("vault", world.vault.to_string()),
            ("version", own.expect("a vault").policy.to_string()),
            ("txid", paid.to_string()),
            ("batch", row.batch.to_string()),
            ("address", address),
            ("outpoint", format!("{coin}:0")),
            ("list", "partners".to_owned()),
            ("signer", "alice".to_owned()),
            ("requester", "exchange".to_owned()),
            ("name", "olga".to_owned()),
        ])
    });
    let of_vault = |path: &str| {
        let roots = ["/vaults/{vault}", "/attempts/{txid}", "/batches/{batch}"];
        roots.iter().any(|root| path.starts_with(root))
    };
    for (path, seen) in all_pages(&served, &world, &parts, &olga) {
        assert!(
            !seen.text.contains(BANNER),
            "{path}: nothing is stopped yet"
        );
    }

    let stop = Statement::Stop(Stop {
        created: world.service.now(),
        nonce: StatementNonce::from_bytes([1; 16]),
        reason: "<script>x</script>".to_owned(),
    });
    served.runtime.block_on(say(&world, &stop, UnixTime::ZERO));
    let (mut told, mut silent) = (0, Vec::new());
    for (path, seen) in all_pages(&served, &world, &parts, &olga) {
        let says = seen.text.contains(BANNER);
        assert!(!seen.text.contains("<script>x"), "{path}");
        match (of_vault(path), is_page(&seen)) {
            (true, true) => {
                assert!(says, "{path} does not tell the stop: {}", seen.text);
                told += 1;
            }
            (true, false) => silent.push((path, seen.status, seen.kind)),
            (false, _) => assert!(!says, "{path} is of no vault"),
        }
    }
    silent.retain(|(_, status, kind)| *status != 200 || kind.starts_with("text/html"));
    // The version in force is not activated again, and nobody chose what to approve.
    let expected = [
        "/vaults/{vault}/policy/versions/{id}/activate",
        "/vaults/{vault}/withdrawals/approve",
    ];
    let unseen: Vec<&str> = silent.iter().map(|(path, ..)| *path).collect();
    assert_eq!(unseen, expected, "pages that nobody looked at: {silent:?}");
    assert!(told > 30, "{told} pages");

    // What a form shows again is a page of the vault too, and another vault has its own stops.
    let wrong = [("reference", "\u{fc}")];
    let path = format!("/vaults/{}/addresses", world.vault);
    let again = served.form(&path, &olga, &wrong);
    assert_eq!(again.status, 422, "{}", again.text);
    assert!(again.text.contains(BANNER) && again.text.contains("value=\"\u{fc}\""));
    let elsewhere = served.get(&format!("/vaults/{other}/coins"), &olga);
    assert!(is_page(&elsewhere) && !elsewhere.text.contains(BANNER));

    let release = Statement::Release {
        stop: stop.subject(),
    };
    let until = world.service.now().saturating_add(1_000);
    served.runtime.block_on(say(&world, &release, until));
    let coins = served.get(&format!("/vaults/{}/coins", world.vault), &olga);
    assert!(is_page(&coins) && !coins.text.contains(BANNER));
}
