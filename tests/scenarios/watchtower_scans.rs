//! Blocks that are read again for scripts that were watched only later, and history.

use bitcoin::{Address, Amount, Network, OutPoint, Transaction};
use harness::{Bitcoind, Engine, Failure, LONG, Outcome, Purse, ScriptKind, Treasury, wait_until};
use policies::Keychain;
use watchtower::ledger::Account;
use watchtower::store::scans::{self, Scan};
use watchtower::store::{alarms, chain, coins, ledger, reconciliation};

use crate::watchtower_tower::{DEPTH, KEYSET, NOW, Tower, VAULT, spend, unwatched};

const AMOUNT: Amount = Amount::from_sat(1_000_000);
const PAID: Amount = Amount::from_sat(600_000);
/// What is left of a deposit that was spent with change.
const LEFT: u64 = 399_000;

/// Asks for blocks to be read again, and waits for the end.
fn scan(tower: &Tower, from: u32, to: Option<u32>) -> Result<Scan, Failure> {
    let id = tower.ask(async |tx| Ok(scans::request(tx, (from, to), "olga", NOW).await?))?;
    wait_until("the scan to end", LONG, || {
        let scan = tower.ask(async |tx| Ok(scans::scan(tx, id).await?))?;
        Ok(scan.filter(|scan| scan.ended_at.is_some()))
    })
}

fn net(tower: &Tower, account: &Account) -> Result<i64, Failure> {
    let balances = tower.ask(async |tx| Ok(ledger::balances(tx, VAULT).await?))?;
    let found = balances.iter().find(|balance| balance.account == *account);
    Ok(found.map_or(0, |balance| balance.net().to_sat()))
}

fn agrees(tower: &Tower) -> Outcome {
    let request = tower.ask(async |tx| Ok(reconciliation::request(tx, VAULT, NOW).await?))?;
    let result = wait_until("the reconciliation", LONG, || {
        tower.ask(async |tx| Ok(reconciliation::result(tx, request).await?))
    })?;
    assert!(result.agrees, "{result:?}");
    Ok(())
}

/// A deposit to an address that nobody watches, spent with change some blocks later.
fn before_anyone_watched(tower: &Tower) -> Result<(OutPoint, Transaction), Failure> {
    let (deposit, change) = (
        unwatched(Keychain::External, 0)?,
        unwatched(Keychain::Internal, 0)?,
    );
    let coin = OutPoint::new(tower.node.fund(&deposit, AMOUNT)?, 0);
    tower.node.mine(DEPTH)?;
    let to = (Purse::stranger(0).script_pubkey(), PAID);
    let from = (coin, AMOUNT, Keychain::External, 0);
    let payment = spend(from, to, Some(change.script_pubkey()));
    tower.node.broadcast(&payment)?;
    tower.node.mine(DEPTH)?;
    Ok((coin, payment))
}

/// 1. A deposit comes and is spent with change, before anyone watches the vault's addresses.
/// 2. They are watched, and the block of the deposit alone is asked to be read again.
/// 3. What was found is looked for further up: deposit and spend come in their order, settled, once each, and the
///    change can be spent. Books, coins and node agree.
/// 4. Reading again finds nothing; a deep reorg takes everything back and brings it again.
fn scripts_watched_later_get_what_they_had(engine: Engine) -> Outcome {
    let tower = Tower::start(engine)?;
    let height = tower.node.height()?;
    let (coin, payment) = before_anyone_watched(&tower)?;
    tower.node.mine(3)?;
    tower.catches_up()?;
    tower.watch(Keychain::External, 0, None)?;
    tower.watch(Keychain::Internal, 0, None)?;
    let found = scan(&tower, height, Some(height + 2))?;
    assert_eq!(found.failure, None);
    assert_eq!((found.found, found.to), (2, Some(tower.node.height()?)));
    let settled = ["deposit.confirmed", "deposit.settled"];
    tower.expect("deposit", &coin.to_string(), &settled)?;
    let spent = ["spend.unknown", "spend.confirmed", "spend.settled"];
    let id = payment.compute_txid().to_string();
    tower.expect("transaction", &id, &spent)?;
    let spendable = tower.ask(async |tx| Ok(coins::spendable_coins(tx, VAULT, KEYSET).await?))?;
    let amounts: Vec<u64> = spendable
        .iter()
        .map(|spendable| spendable.coin.amount.to_sat())
        .collect();
    assert_eq!(amounts, [LEFT]);
    agrees(&tower)?;

    let again = scan(&tower, height, None)?;
    assert_eq!((again.found, again.failure), (0, None));
    tower.expect("transaction", &id, &spent)?;
    tower.node.reorg(8)?;
    tower.catches_up()?;
    agrees(&tower)?;
    tower.node.broadcast(&payment).ok();
    tower.node.mine(3)?;
    tower.catches_up()?;
    agrees(&tower)
}

#[test]
fn scripts_watched_later_get_what_they_had_on_sqlite() -> Outcome {
    scripts_watched_later_get_what_they_had(Engine::Sqlite)
}

#[test]
fn scripts_watched_later_get_what_they_had_on_postgres() -> Outcome {
    scripts_watched_later_get_what_they_had(Engine::Postgres)
}

/// 1. A coin of a wallet that is moved in comes and is spent with change, long before the watchtower began.
/// 2. Its scripts are watched with all that as history, and it is read, below the first block that was known.
/// 3. It is opening balance: no customer's deposit, no alarm. What comes afterwards is a deposit as ever.
/// 4. A reorg deeper than where the watchtower began walks back over it, and it comes again.
#[test]
fn history_below_the_first_block_is_opening_balance_and_survives_a_deep_reorg() -> Outcome {
    let mut tower = Tower::prepare(Engine::Sqlite)?;
    let height = tower.node.height()?;
    let (coin, payment) = before_anyone_watched(&tower)?;
    tower.node.mine(200)?;
    tower.run();
    tower.catches_up()?;
    let until = tower.node.height()?;
    let lowest = tower.ask(async |tx| Ok(chain::lowest(tx).await?))?;
    assert!(lowest.is_some_and(|lowest| lowest.height > height + 10));
    tower.watch(Keychain::External, 0, Some(until))?;
    tower.watch(Keychain::Internal, 0, Some(until))?;
    let found = scan(&tower, height, None)?;
    assert_eq!((found.found, found.failure), (2, None));
    let opening = ["opening.confirmed", "opening.settled"];
    tower.expect("deposit", &coin.to_string(), &opening)?;
    let id = payment.compute_txid().to_string();
    tower.expect("transaction", &id, &["spend.confirmed", "spend.settled"])?;
    let left = i64::try_from(LEFT)?;
    assert_eq!(net(&tower, &Account::Opening)?, -left);
    assert_eq!(net(&tower, &Account::Clearing)?, 0);
    agrees(&tower)?;

    let later = unwatched(Keychain::External, 0)?;
    let late = OutPoint::new(tower.node.fund(&later, AMOUNT)?, 0);
    let kinds = ["deposit.seen", "deposit.confirmed", "deposit.settled"];
    tower.expect("deposit", &late.to_string(), &kinds[..1])?;
    tower.node.mine(DEPTH)?;
    tower.expect("deposit", &late.to_string(), &kinds)?;
    let depth = tower.node.height()? - height;
    tower.node.reorg(depth)?;
    tower.catches_up()?;
    assert_eq!(net(&tower, &Account::Opening)?, 0);
    let first = tower.ask(async |tx| Ok(chain::lowest(tx).await?))?;
    assert_eq!(first.map(|first| first.height), Some(height));
    agrees(&tower)
}

/// 1. A node that prunes has no early blocks any more.
/// 2. A scan that needs them ends and says what to do, which is an alarm; the watchtower goes on.
/// 3. A later scan from there that comes to the tip is not to be had: from where blocks are, it ends no alarm.
#[test]
fn scan_on_a_pruned_node_ends_with_what_to_do() -> Outcome {
    let node = Bitcoind::start_with(&["-fastprune", "-prune=1"])?;
    node.mine(900)?;
    node.call::<u32>("pruneblockchain", serde_json::json!([500]))?;
    let mut tower = Tower::prepare_on(Engine::Sqlite, node)?;
    tower.run();
    tower.catches_up()?;
    let failed = scan(&tower, 1, None)?;
    let failure = failed.failure.unwrap_or_default();
    assert!(failure.contains("block 1 any more: it prunes"), "{failure}");
    let told = |tower: &Tower| -> Result<Vec<String>, Failure> {
        let open = tower.ask(async |tx| Ok(alarms::open(tx).await?))?;
        Ok(open
            .iter()
            .map(|one| format!("{} {}", one.kind.code(), one.subject))
            .collect())
    };
    let alarm = format!("SCAN_FAILED {}", failed.id);
    assert_eq!(told(&tower)?, std::slice::from_ref(&alarm));
    tower.node.mine(1)?;
    tower.catches_up()?;
    let later = scan(&tower, 890, None)?;
    assert_eq!(later.failure, None);
    assert_eq!(told(&tower)?, [alarm]);
    Ok(())
}

/// 1. An operator asks for blocks to be read again by the command line, and waits for the end.
/// 2. It is listed; the API shows its progress; a height that is not there yet is refused, and a service's token.
#[test]
fn operator_has_blocks_read_again_and_sees_how_far_it_is() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(AMOUNT)?;
    let file = treasury.coordinator.token_file();
    let access = [
        "--url",
        treasury.coordinator.url(),
        "--token-file",
        file.to_str().ok_or_else(|| Failure::new("no UTF-8"))?,
    ];
    let program = treasury.coordinator.program();
    let cli = |arguments: &[&str]| program.run(&[arguments, &access].concat());
    let said = cli(&["chain", "scan", "--from", "1", "--wait"])?.done()?;
    assert!(said.text().contains("nothing was found"), "{said:?}");
    assert!(said.stderr.contains("scanning ["), "{said:?}");
    let listed = cli(&["chain", "scans", "--json"])?.done()?.json()?;
    let height = u64::from(treasury.node.height()?);
    let progress = &listed[0]["progress"];
    assert_eq!(progress["done"], progress["of"], "{listed}");
    assert!(progress["of"].as_u64() >= Some(height - 1), "{listed}");
    assert_eq!(listed[0]["state"], "done");
    let above = (height + 1_000).to_string();
    cli(&["chain", "scan", "--from", &above])?.ended_with(1)?;
    let status = treasury.auditor().get("/status")?.done()?;
    assert!(status["progress"].is_null(), "{status}");
    treasury.must_be_well()
}

/// 1. Money came to addresses of the vault that were given out elsewhere, one of them the next to be given out here.
/// 2. A list with a stranger's address is refused, by its number, and nothing of it is watched.
/// 3. The list is watched from the height of the money on, as opening balance; the books agree with the node.
/// 4. The next address given out here is none of them.
#[test]
fn addresses_given_out_elsewhere_are_watched_and_their_past_is_opening_balance() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let descriptor = &treasury.people.policy.descriptor;
    let elsewhere = |index| -> Result<Address, Failure> {
        let script = descriptor.script_pubkey(Keychain::External, index);
        Ok(Address::from_script(&script, Network::Regtest)?)
    };
    let (near, far) = (elsewhere(0)?, elsewhere(700)?);
    let height = treasury.node.height()?;
    treasury
        .node
        .fund_all(&[(near.clone(), AMOUNT), (far.clone(), AMOUNT)])?;
    treasury.node.mine(6)?;
    treasury.all_is_taken_in()?;
    let token_file = treasury.coordinator.token_file();
    let access = [
        "--url",
        treasury.coordinator.url(),
        "--token-file",
        token_file
            .to_str()
            .ok_or_else(|| Failure::new("no UTF-8"))?,
        "--json",
    ];
    let program = treasury.coordinator.program();
    let cli = |arguments: &[&str]| program.run(&[arguments, &access].concat());
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("old.txt");
    let path = file.to_str().ok_or_else(|| Failure::new("no UTF-8"))?;
    let (first, stranger) = (height.to_string(), Purse::stranger(0));
    let verb = ["chain", "watch-addresses", path, "--from", &first];
    std::fs::write(&file, format!("{near}\n{stranger}\n"))?;
    let refused = cli(&verb)?.refused("not_of_the_vault")?;
    assert!(refused.stderr.contains("entry 2 "), "{refused:?}");

    std::fs::write(&file, format!("# an old wallet\n{near}\n{far}\n"))?;
    let told = cli(&[&verb[..], &["--opening", "--wait"]].concat())?
        .done()?
        .json()?;
    assert_eq!(told["watched"]["watched"], 2, "{told}");
    assert_eq!(told["scan"]["found"], 2, "{told}");
    let balance = cli(&["balance"])?.done()?.json()?;
    assert_eq!(balance["total_sat"], 2 * AMOUNT.to_sat(), "{balance}");
    let accounts = balance["accounts"].to_string();
    assert!(accounts.contains("\"opening\""), "{accounts}");
    assert!(!accounts.contains("deposits_"), "{accounts}");
    cli(&["reconcile"])?.done()?;
    let next = cli(&["address", "new"])?.done()?.json()?;
    assert_ne!(next["address"], near.to_string(), "{next}");
    treasury.must_be_well()
}
