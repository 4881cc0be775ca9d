//! What every page has around it: title, places to go, the person, and what the page before wants said.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use policies::VaultId;

use super::assets::VERSION;
use super::fault::Fault;
use super::posted::percent_decoded;
use super::show::{StopBanner, Unit, stop_banner};
use super::visitor::Visitor;
use crate::service::Right;

/// What the page before wants said, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flash(pub(crate) String);

/// Where a page is among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// What waits, over all vaults.
    Overview,
    /// A vault, at one of its tabs.
    Vault(VaultId, Tab),
    /// The persons.
    People,
    /// The events.
    Events,
    /// Webhooks.
    Webhooks,
    /// Ceremonies.
    Ceremonies,
    /// Tokens.
    Tokens,
    /// Health.
    Health,
    /// The person's own account.
    Account,
    /// None of these.
    Elsewhere,
}

/// A tab of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    /// What it holds.
    Balance,
    /// Withdrawals.
    Withdrawals,
    /// The queue.
    Queue,
    /// Batches.
    Batches,
    /// Attempts.
    Attempts,
    /// Policy.
    Policy,
    /// Lists of destinations.
    AddressBook,
    /// Deposits.
    Deposits,
    /// Addresses.
    Addresses,
    /// Coins.
    Coins,
    /// Signers.
    Signers,
    /// Stops.
    Stops,
}

impl Tab {
    /// All, as they stand.
    const ALL: [Self; 12] = [
        Self::Balance,
        Self::Withdrawals,
        Self::Queue,
        Self::Batches,
        Self::Attempts,
        Self::Deposits,
        Self::Addresses,
        Self::Coins,
        Self::AddressBook,
        Self::Signers,
        Self::Policy,
        Self::Stops,
    ];

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Balance => ("Balance", ""),
            Self::Withdrawals => ("Withdrawals", "/withdrawals"),
            Self::Queue => ("Queue", "/queue"),
            Self::Batches => ("Batches", "/batches"),
            Self::Attempts => ("Attempts", "/attempts"),
            Self::Policy => ("Policy", "/policy"),
            Self::AddressBook => ("Address book", "/address-book"),
            Self::Deposits => ("Deposits", "/deposits"),
            Self::Addresses => ("Addresses", "/addresses"),
            Self::Coins => ("Coins", "/coins"),
            Self::Signers => ("Signers", "/signers"),
            Self::Stops => ("Stops", "/stops"),
        }
    }
}

/// A place to go.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) words: String,
    pub(crate) here: bool,
}

/// A vault and its tabs, where it is the one looked at.
#[derive(Debug, Clone)]
pub(crate) struct VaultLinks {
    pub(crate) link: Link,
    pub(crate) tabs: Vec<Link>,
}

/// The frame of a page.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) csrf: String,
    pub(crate) person: Option<(String, &'static str)>,
    pub(crate) vaults: Vec<VaultLinks>,
    pub(crate) links: Vec<Link>,
    pub(crate) account: bool,
    pub(crate) flash: Option<String>,
    pub(crate) stopped: Option<StopBanner>,
    pub(crate) network: Option<&'static str>,
    pub(crate) unit: Unit,
    pub(crate) here: String,
}

impl Frame {
    /// The address of something that browsers load beside the page.
    #[expect(
        clippy::unused_self,
        reason = "templates have a frame at hand, and no paths"
    )]
    pub(crate) fn asset(&self, name: &str) -> String {
        format!("/assets/{}/{name}", *VERSION)
    }

    /// The frame of a page that nobody is signed in on.
    pub(crate) fn without_visitor(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            csrf: String::new(),
            person: None,
            vaults: Vec::new(),
            links: Vec::new(),
            account: false,
            flash: None,
            stopped: None,
            network: None,
            unit: Unit::Bitcoin,
            here: String::new(),
        }
    }
}

impl Visitor {
    /// The frame of a page for this person.
    pub(crate) fn frame(&self, title: &str, place: Place) -> Frame {
        let vaults = self.vaults.iter().map(|(id, name)| {
            let root = format!("/vaults/{id}");
            let tab = match place {
                Place::Vault(vault, tab) if vault == *id => Some(tab),
                Place::Vault(..)
                | Place::Overview
                | Place::People
                | Place::Events
                | Place::Webhooks
                | Place::Ceremonies
                | Place::Tokens
                | Place::Health
                | Place::Account
                | Place::Elsewhere => None,
            };
            let tabs = Tab::ALL.map(|each| {
                let (words, tail) = each.words();
                Link {
                    href: format!("{root}{tail}"),
                    words: words.to_owned(),
                    here: tab == Some(each),
                }
            });
            VaultLinks {
                link: Link {
                    href: root,
                    words: name.clone(),
                    here: tab.is_some(),
                },
                tabs: if tab.is_some() {
                    tabs.to_vec()
                } else {
                    Vec::new()
                },
            }
        });
        let mut links = vec![
            (Place::Events, "/events", "Events"),
            (Place::Health, "/health", "Health"),
            (Place::People, "/people", "People"),
            (Place::Webhooks, "/webhooks", "Webhooks"),
        ];
        if self.may(Right::AddVault) {
            links.push((Place::Ceremonies, "/ceremonies", "Ceremonies"));
        }
        if self.may(Right::Tokens) {
            links.push((Place::Tokens, "/tokens", "Tokens"));
        }
        Frame {
            title: title.to_owned(),
            csrf: self.csrf.clone(),
            person: Some((self.person.clone(), self.role.name())),
            vaults: vaults.collect(),
            links: [(Place::Overview, "/", "Overview")]
                .into_iter()
                .chain(links)
                .map(|(each, href, words)| Link {
                    href: href.to_owned(),
                    words: words.to_owned(),
                    here: each == place,
                })
                .collect(),
            account: place == Place::Account,
            flash: self.flash.clone().map(|flash| flash.0),
            stopped: match place {
                Place::Vault(vault, _) => Some(stop_banner(vault, self.stops_of(vault))),
                Place::Overview
                | Place::People
                | Place::Events
                | Place::Webhooks
                | Place::Ceremonies
                | Place::Tokens
                | Place::Health
                | Place::Account
                | Place::Elsewhere => None,
            },
            network: Some(self.network),
            unit: self.unit,
            here: self.here.clone(),
        }
    }
}

impl Flash {
    /// What the cookie of this name says.
    pub(super) fn of(jar: &CookieJar, cookie: &str) -> Option<Self> {
        let said = percent_decoded(jar.get(cookie)?.value());
        (!said.is_empty()).then_some(Self(said))
    }
}

/// Answers with a page.
pub(crate) fn page(template: &impl Template) -> Result<Response, Fault> {
    page_with(StatusCode::OK, template)
}

/// Answers with a page under a status.
pub(crate) fn page_with(status: StatusCode, template: &impl Template) -> Result<Response, Fault> {
    Ok((status, Html(template.render()?)).into_response())
}

/// Answers a form by the page to look at next.
pub(crate) fn see_other(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// The same, which says something there once: the guard gives it to the browser.
pub(crate) fn see_other_saying(path: &str, words: &str) -> Response {
    let mut response = see_other(path);
    let short: String = words.chars().take(300).collect();
    response.extensions_mut().insert(Flash(short));
    response
}

/// A page that loads itself again, so that the browser sends what belongs to this site alone.
pub(super) fn again() -> Response {
    let html = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
                <meta http-equiv=\"refresh\" content=\"0\"><title>Countersign</title>\
                <p>One moment…</p></html>";
    Html(html).into_response()
}
