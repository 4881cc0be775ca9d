//! What happened last: a few events in words, each with the page of what it is about.

use policies::UnixTime;
use watchtower::store::pages::log::EventFilter;

use crate::service::browsing::log::list_log;
use crate::service::events::EventView;
use crate::service::{Actor, Service, ServiceError};
use crate::ui::show::{Ago, Outside};

/// How many are shown.
const SHOWN: u32 = 12;

/// An event.
pub(super) struct HappenedRow {
    pub(super) words: String,
    pub(super) href: Option<String>,
    pub(super) by: Outside,
    pub(super) at: Ago,
}

/// The last events that the actor sees, newest first.
pub(super) async fn happened(
    service: &Service,
    actor: &Actor,
    now: UnixTime,
) -> Result<Vec<HappenedRow>, ServiceError> {
    let page = list_log(service, actor, &EventFilter::default(), None, SHOWN).await?;
    Ok(page.items.iter().map(|event| row(event, now)).collect())
}

fn row(event: &EventView, now: UnixTime) -> HappenedRow {
    HappenedRow {
        words: words(event),
        href: href(event),
        by: Outside::new(&event.actor),
        at: Ago::new(event.at, now),
    }
}

/// `withdrawal.approved` of one is `Withdrawal w-1 approved`.
pub(super) fn words(event: &EventView) -> String {
    let (object, happened) = event.kind.split_once('.').unwrap_or(("", &event.kind));
    let name = match event.object_kind.as_str() {
        "withdrawal" => event.object_id.rsplit('/').next().unwrap_or_default(),
        "attempt" | "session" | "transaction" | "batch" => {
            event.object_id.get(..8).unwrap_or(&event.object_id)
        }
        "signer" => event.object_id.rsplit('/').next().unwrap_or_default(),
        "node" | "person" => &event.object_id,
        _ => "",
    };
    let plain = |text: &str| text.replace(['-', '_'], " ");
    let said = format!("{} {name} {}", plain(object), plain(happened));
    let mut letters = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(first) = letters.get(..1).map(str::to_uppercase) {
        letters.replace_range(..1, &first);
    }
    letters
}

/// The page of what it is about.
pub(super) fn href(event: &EventView) -> Option<String> {
    let id = &event.object_id;
    let vault = event.vault.map(|vault| format!("/vaults/{vault}"));
    match event.object_kind.as_str() {
        "withdrawal" => {
            let mut parts = id.splitn(3, '/');
            let (vault, requester, id) = (parts.next()?, parts.next()?, parts.next()?);
            Some(format!("/vaults/{vault}/withdrawals/{requester}/{id}"))
        }
        "attempt" | "session" => Some(format!("/attempts/{id}")),
        "batch" => Some(format!("/batches/{id}")),
        "policy" => vault.map(|vault| format!("{vault}/policy")),
        "queue" => vault.map(|vault| format!("{vault}/queue")),
        "signer" | "journal" => vault.map(|vault| format!("{vault}/signers")),
        "statement" => vault.map(|vault| format!("{vault}/address-book")),
        "address" => vault.map(|vault| format!("{vault}/addresses")),
        "deposit" => vault.map(|vault| format!("{vault}/deposits")),
        "coin" | "change" => vault.map(|vault| format!("{vault}/coins")),
        "vault" => vault,
        "node" => Some("/health".to_owned()),
        "person" => Some("/people".to_owned()),
        _ => None,
    }
}
