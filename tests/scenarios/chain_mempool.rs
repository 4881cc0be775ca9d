//! A node whose mempool is full.

use bitcoin::{Address, Amount, Network, OutPoint};
use harness::{Bitcoind, Engine, Failure, Outcome, ScriptKind, Treasury};

/// Outputs that make a payment so large that its fee is next to nothing.
const OUTPUTS: usize = 400;

/// 1. A deposit that pays next to nothing for its size waits in a small mempool, and is seen.
/// 2. The mempool fills with what pays more: the deposit is pushed out, and the node's minimum rises above it.
/// 3. The books do not expect it any more. A miner who has it still confirms it: it settles, credited once.
#[test]
fn a_deposit_that_a_full_mempool_pushes_out_is_gone_until_a_block_has_it() -> Outcome {
    let node = Bitcoind::start_with_small_mempool()?;
    let mut treasury = Treasury::start_on_node(node, ScriptKind::Wsh, Engine::Sqlite, |_| {})?;
    let amount = Amount::from_sat(1_000_000);
    let own = Address::from_script(treasury.node.purse().script(), Network::Regtest)?;
    let mut payments = vec![(treasury.new_address("")?, amount)];
    payments.extend(vec![(own, Amount::from_sat(1_000)); OUTPUTS]);
    let deposit = treasury.node.funding(&payments)?;
    let coin = OutPoint::new(treasury.node.broadcast(&deposit)?, 0);
    treasury.deposit_becomes(coin, "unconfirmed")?;
    let minimum = treasury.node.fill_mempool()?;
    if minimum < 1_000 {
        return Err(Failure::new(format!("the minimum is {minimum} sat a kvB")));
    }
    treasury.deposit_becomes(coin, "gone")?;
    treasury.node.mine_exactly(&[deposit])?;
    treasury.node.mine(2)?;
    treasury.deposit_becomes(coin, "settled")?;
    assert_eq!(treasury.held()?, amount);
    treasury.reconcile()?;
    treasury.must_be_well()
}
