//! Withdrawals, batches and attempts.

use bitcoin::Amount;
use coordinator::service::attempt_lines::{Filter, page_of_attempts, signers_of};
use coordinator::service::attempt_page::attempt_page;
use coordinator::service::batch_lines::page_of_batches;
use coordinator::service::batch_page::batch_page;
use coordinator::service::withdrawal_history::withdrawal_history;
use coordinator::service::withdrawal_list::{Wanted, find_withdrawals};
use coordinator::store::withdrawals::WithdrawalKey;
use harness::showcase::Traces;
use harness::{Failure, Outcome};
use policies::UnixTime;

use super::Both;

pub(super) async fn withdrawals(both: &Both, traces: &Traces) -> Outcome {
    let list = async |what: &str, wanted: Wanted, least| {
        let wanted = &wanted;
        let rows = both
            .pages(what, (3, least), async |service, after, most| {
                let vault = Some(both.vault);
                find_withdrawals(service, &both.operator, vault, wanted, after, most).await
            })
            .await?;
        Ok::<usize, Failure>(rows.len())
    };
    let all = list("withdrawals", Wanted::default(), 6).await?;
    assert_eq!(all, 18);
    let text = |text: &str| Wanted {
        text: text.to_owned(),
        ..Wanted::default()
    };
    let of_states = |states: &[&str]| Wanted {
        states: states.iter().map(|state| (*state).to_owned()).collect(),
        ..Wanted::default()
    };
    list("by id", text("PAYOUT-"), 2).await?;
    list("by reference", text("Okonkwo-LINDQVIST"), 1).await?;
    list("by states", of_states(&["settled", "requested"]), 2).await?;
    list("cancelled", of_states(&["cancelled"]), 1).await?;
    let requester = Wanted {
        requester: "exchange".to_owned(),
        from: Some(Amount::from_sat(5_000_000)),
        to: Some(Amount::from_sat(20_000_000)),
        since: Some(UnixTime::from_secs(1)),
        until: Some(both.now.saturating_add(86_400 * 60)),
        ..Wanted::default()
    };
    list("by requester, amount and time", requester, 2).await?;
    let waits = Wanted {
        waits_for: Some("dana".to_owned()),
        ..Wanted::default()
    };
    list("waiting for dana", waits, 1).await?;
    let key = WithdrawalKey {
        vault: both.vault,
        requester: "exchange".parse()?,
        id: traces.requested.parse()?,
    };
    both.same("a history", async |service| {
        withdrawal_history(service, &both.operator, &key).await
    })
    .await?;
    Ok(())
}

pub(super) async fn batches_and_attempts(both: &Both, traces: &Traces) -> Outcome {
    let (vault, actor) = (both.vault, &both.operator);
    let short: String = traces.settled.to_string().chars().take(12).collect();
    let filters = [
        (Filter::default(), 2),
        (
            Filter {
                state: "settled".to_owned(),
                text: short.to_uppercase(),
                since: Some(UnixTime::from_secs(1)),
                until: Some(both.now.saturating_add(86_400 * 60)),
                ..Filter::default()
            },
            1,
        ),
        (
            Filter {
                signer: "bob".to_owned(),
                purpose: "pay".to_owned(),
                ..Filter::default()
            },
            1,
        ),
    ];
    let mut batch = None;
    for (filter, least) in &filters {
        let what = format!("batches by {filter:?}");
        let rows = both
            .pages(&what, (1, *least), async |service, after, most| {
                page_of_batches(service, actor, vault, filter, after, most).await
            })
            .await?;
        batch = rows.first().map(|row| row.batch);
        let what = format!("attempts by {filter:?}");
        both.pages(&what, (1, *least), async |service, after, most| {
            page_of_attempts(service, actor, vault, filter, after, most).await
        })
        .await?;
    }
    both.same("the signers", async |service| {
        signers_of(service, actor, vault).await
    })
    .await?;
    for txid in [traces.settled, traces.waiting] {
        both.same("an attempt", async |service| {
            attempt_page(service, actor, txid).await
        })
        .await?;
    }
    let batch = batch.ok_or_else(|| Failure::new("no batch"))?;
    both.same("a batch", async |service| {
        batch_page(service, actor, batch).await
    })
    .await?;
    Ok(())
}
