//! A vault whose policy changed loses its database, and comes back under its newest version.

use std::path::Path;

use bitcoin::{Amount, Txid};
use harness::{Engine, Failure, Outcome, Purse, ScriptKind, SignerHome, Treasury, field, items};
use serde_json::{Value, json};

use super::five::Five;
use super::{COIN, payments, version as version_in_force};

/// Copies what a vault's people keep into a folder: the journals of all who signed or sign, and the version as a signer
/// took it in.
fn keep(five: &Five, papers: &Path) -> Outcome {
    for (name, homes) in [("crew", &five.crew), ("left", &five.left)] {
        let folder = papers.join(name);
        std::fs::create_dir(&folder)?;
        for home in homes {
            Treasury::export_journal(home, &folder)?;
        }
    }
    let newest = five.treasury.people.policy.id;
    let file = format!("proposals/{newest}.json");
    std::fs::copy(five.crew[1].home().join(file), papers.join("version.json"))?;
    Ok(())
}

/// 1. A signer of a vault is replaced while a withdrawal is in flight. Under the new keys one withdrawal is settled,
///    one is signed by a single signer, one is approved.
/// 2. The database is lost. Without the version in the folder the journals that follow it are refused by name. With it
///    the vault comes back under the new keys: with `--pay-open` what was open is paid, what one signer began is
///    replaced by an attempt that this signer signs, too, and a withdrawal of the former keyset stays failed.
/// 3. A deposit comes to an address of the former keys, and is brought home by those who left.
/// 4. Every payee was paid once, and books and node agree.
fn what_changed_is_rebuilt(kind: ScriptKind, engine: Engine) -> Outcome {
    let mut five = Five::start(kind, engine)?;
    let first = five.versions[0].bytes.clone();
    let old_address = five.treasury.new_address("old")?;
    for _ in 0..3 {
        five.treasury.deposit(COIN)?;
    }
    let cut = five.batched("cut", &Purse::stranger(1), 1_000_000)?;
    five.sign(five.crew.iter().take(1), cut)?;
    let papers = tempfile::tempdir()?;
    std::fs::write(papers.path().join("cut.psbt"), five.treasury.psbt(cut)?)?;
    five.replace(0)?;
    let former: Vec<&SignerHome> = five.three_without(0).collect();
    five.come_home(&former)?;
    five.treasury.withdrawal_becomes("cut", "failed")?;

    let paid = five.batched("paid", &Purse::stranger(2), 1_000_000)?;
    five.sign(five.three_without(1), paid)?;
    five.treasury.settle(paid, &["paid"])?;
    let begun = five.batched("begun", &Purse::stranger(3), 1_000_000)?;
    five.sign(five.crew.iter().take(1), begun)?;
    let open =
        (five.treasury).withdraw("open", &Purse::stranger(4), Amount::from_sat(1_000_000))?;
    for id in ["cut", "paid", "begun", "open"] {
        let shown = five.treasury.withdrawal(id)?;
        std::fs::write(papers.path().join(format!("{id}.json")), shown.to_string())?;
    }
    assert_eq!(open.keyset, five.treasury.people.policy.keyset);
    keep(&five, papers.path())?;
    let balance = |five: &Five| -> Result<Value, Failure> {
        let treasury = &five.treasury;
        treasury.auditor().get(&treasury.path("/balance"))?.done()
    };
    let total = balance(&five)?["total_sat"].clone();
    five.treasury.lose_database()?;

    let version = papers.path().join("version.json");
    let aside = tempfile::tempdir()?;
    std::fs::rename(&version, aside.path().join("version.json"))?;
    let said = five.treasury.rebuild_from(&first, papers.path(), &[])?;
    let said = said.ended_with(1)?.json()?;
    let mut refused = items(&said["papers"])?.iter();
    assert!(
        refused.any(|one| one["code"] == "paper_of_other_version"),
        "{said}"
    );
    std::fs::copy(aside.path().join("version.json"), &version)?;
    let rebuilt = five
        .treasury
        .rebuild_from(&first, papers.path(), &["--pay-open"])?;
    let rebuilt = rebuilt.done()?.json()?;
    assert_eq!(
        items(&rebuilt["vaults"][0]["doubted"])?.len(),
        0,
        "{rebuilt}"
    );
    assert_eq!(
        items(&rebuilt["vaults"][0]["unexplained"])?.len(),
        0,
        "{rebuilt}"
    );
    five.treasury.serve_again()?;
    assert_eq!(version_in_force(&five.treasury)?, 2);
    assert_eq!(balance(&five)?["total_sat"], total);
    for (id, state) in [("cut", "failed"), ("paid", "settled"), ("begun", "signing")] {
        five.treasury.withdrawal_becomes(id, state)?;
    }

    let open = five.treasury.batch()?;
    five.sign(five.three_without(0), open)?;
    five.treasury.settle(open, &["open"])?;
    let replace = format!("/attempts/{begun}/replacement");
    let wanted = json!({ "feerate_sat_vb": "9" });
    five.treasury.operator().post(&replace, &wanted)?.done()?;
    let anew: Txid = field(&five.treasury.withdrawal("begun")?, "txid")?.parse()?;
    assert_ne!(anew, begun);
    five.sign(five.three_without(1), anew)?;
    five.treasury.settle(anew, &["begun"])?;
    five.treasury.pay_in(&old_address, COIN)?;
    five.treasury.node.mine(3)?;
    let left: Vec<&SignerHome> = five.crew.iter().skip(1).take(2).chain(&five.left).collect();
    five.come_home(&left)?;
    for (stranger, times) in [(1, 0), (2, 1), (3, 1), (4, 1)] {
        assert_eq!(payments(&five.treasury, &Purse::stranger(stranger))?, times);
    }
    five.treasury.reconcile()?;
    five.treasury.must_be_well()
}

#[test]
fn a_vault_whose_policy_changed_is_rebuilt_under_its_newest_version() -> Outcome {
    what_changed_is_rebuilt(ScriptKind::Tr, Engine::Postgres)
}
