//! Persons, tokens, and what stands over all lists.

use std::collections::BTreeSet;

use coordinator::service::agenda::{Viewer, agenda};
use coordinator::service::figures::{self, all_figures, series};
use coordinator::service::people::listing::{PersonFilter, Standing, page_of_people, show_people};
use coordinator::service::queue::show_queue;
use coordinator::service::search::search;
use coordinator::service::signer_view::show_signers;
use coordinator::service::tokens::{TokenFilter, page_of_tokens};
use harness::Outcome;
use harness::showcase::Traces;

use super::Both;

pub(super) async fn people_and_tokens(both: &Both) -> Outcome {
    let actor = &both.operator;
    let persons = [
        (Standing::Active, "", "", 2),
        (Standing::Active, "approver", "N", 1),
        (Standing::Away, "", "", 1),
        (Standing::Revoked, "auditor", "ADA", 1),
        (Standing::Any, "", "", 3),
    ];
    for (standing, role, text, least) in persons {
        let filter = PersonFilter {
            standing,
            role: role.to_owned(),
            text: text.to_owned(),
        };
        let what = format!("people by {filter:?}");
        both.pages(&what, (2, least), async |service, after, most| {
            page_of_people(service, actor, &filter, after, most).await
        })
        .await?;
        both.same(&what, async |service| {
            show_people(service, actor, &filter, None, 2).await
        })
        .await?;
    }
    let tokens = [
        (None, "", "", 4),
        (Some(true), "", "", 1),
        (Some(false), "auditor", "tOOL", 2),
    ];
    for (revoked, role, text, least) in tokens {
        let filter = TokenFilter {
            revoked,
            role: role.to_owned(),
            text: text.to_owned(),
        };
        both.pages(
            &format!("tokens by {filter:?}"),
            (2, least),
            async |service, after, most| page_of_tokens(service, actor, &filter, after, most).await,
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn overview(both: &Both, traces: &Traces) -> Outcome {
    let (vault, actor) = (both.vault, &both.operator);
    for (person, away) in [("dana", "erin"), ("olga", "nobody")] {
        let absent = BTreeSet::from([away.to_owned()]);
        let viewer = Viewer {
            actor,
            person,
            absent: &absent,
        };
        let lines = both
            .same("the agenda", async |service| {
                agenda(service, &viewer, Vec::new()).await
            })
            .await?;
        assert!(lines.len() > 3, "{lines:?}");
    }
    both.same("the figures", async |service| {
        all_figures(service, actor).await
    })
    .await?;
    for span in figures::Span::ALL {
        both.same("a chart", async |service| {
            series(service, actor, vault, span).await
        })
        .await?;
    }
    let settled = traces.settled.to_string();
    let part: String = settled.chars().take(10).collect();
    for text in [
        settled.as_str(),
        &part,
        &traces.requested,
        "CUSTOMER",
        "invoice",
        "0.08",
        "exchange",
        "dana",
        "%",
        "_",
        "'",
    ] {
        let hits = both
            .same(&format!("the search for {text}"), async |service| {
                search(service, actor, text).await
            })
            .await?;
        let names_something = [settled.as_str(), &traces.requested, "CUSTOMER"].contains(&text);
        assert!(!names_something || !hits.is_empty(), "{text}");
    }
    both.same("the queue", async |service| {
        show_queue(service, actor, vault).await
    })
    .await?;
    both.same("the signers' page", async |service| {
        show_signers(service, actor, vault).await
    })
    .await?;
    Ok(())
}
