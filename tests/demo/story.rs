//! The order of the steps, and what they act in.

use coordinator::client::Client;
use harness::{Outcome, Treasury, requester_key};

use crate::page::Page;
use crate::{afterwards, books, deposits, lie, signing, vault, withdrawals};

/// Tells everything; then serves until Ctrl-C if the reader `stays`.
pub(crate) fn tell(page: &mut Page, stays: bool) -> Outcome {
    page.title("Countersign: the way of the money, on a chain of its own")?;
    let node = vault::a_node_runs(page)?;
    let people = vault::people_agree(page, &node)?;
    vault::everyone_pins(page, &people)?;
    let mut treasury = vault::a_coordinator_serves(page, node, people)?;
    let told = steps(page, &mut treasury, stays);
    if told.is_err() && !page.is_interrupted() {
        Page::logs(&treasury.last_words())?;
    }
    told
}

fn steps(page: &mut Page, treasury: &mut Treasury, stays: bool) -> Outcome {
    let policy = treasury.people.policy.clone();
    let pinned = policy.id;
    let service = Client::new(
        treasury.coordinator.url(),
        treasury.service_token(),
        policy,
        pinned,
        requester_key(),
    )?;
    let address = deposits::an_address_is_derived_again(page, &service)?;
    let last = deposits::deposits_settle(page, treasury, &service, &address)?;
    deposits::a_reorg_takes_one_back(page, treasury, last)?;
    let intents = withdrawals::five_are_requested(page, &service)?;
    withdrawals::the_approver_approves(page, treasury, &intents)?;
    let txid = signing::one_batch_pays_all(page, treasury)?;
    signing::two_of_three_sign(page, treasury, txid)?;
    signing::it_settles(page, treasury, txid, &["w-1", "w-2", "w-3", "w-4", "w-5"])?;
    lie::a_swapped_output_is_refused(page, treasury, &service)?;
    books::all_agree(page, treasury, &service)?;
    treasury.must_be_well()?;
    if stays {
        afterwards::serve(page, treasury)?;
    }
    Ok(())
}
