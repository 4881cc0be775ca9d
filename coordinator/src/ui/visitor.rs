//! Who looks at a page: the person of a session, as the guard found them.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use policies::VaultId;

use super::Ui;
use super::fault::Fault;
use super::frame::Flash;
use super::show::Unit;
use crate::service::agenda::Viewer;
use crate::service::people::{PersonRole, SessionId};
use crate::service::stop_view::StopEntry;
use crate::service::{Actor, Right};

/// A signed-in person. A handler that takes it is reached through the guard only.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    /// The person's name, as policies name persons.
    pub(crate) person: String,
    /// What the person is here.
    pub(crate) role: PersonRole,
    /// As whom the service is asked.
    pub(crate) actor: Actor,
    /// The session.
    pub(crate) session: SessionId,
    /// What every form of the session carries.
    pub(crate) csrf: String,
    /// The port of the person's own tool on their computer, once it is paired.
    pub(crate) bridge: Option<u16>,
    /// In which unit amounts are shown.
    pub(crate) unit: Unit,
    /// The vaults that the person may see: id and name.
    pub(crate) vaults: Vec<(VaultId, String)>,
    /// The stops in force in these vaults.
    pub(crate) stopped: BTreeMap<VaultId, Vec<StopEntry>>,
    /// What the page before wants said, once.
    pub(crate) flash: Option<Flash>,
    /// The path and query of this page.
    pub(crate) here: String,
    /// The name of the network.
    pub(crate) network: &'static str,
}

impl Visitor {
    /// Whether the person has a right somewhere: for showing or leaving out a button, never for a decision.
    pub(crate) fn may(&self, right: Right) -> bool {
        self.actor.require_somewhere(right).is_ok()
    }

    /// The name of a vault.
    pub(crate) fn name_of(&self, vault: VaultId) -> String {
        let known = self.vaults.iter().find(|(id, _)| *id == vault);
        known.map_or_else(|| vault.to_string(), |(_, name)| name.clone())
    }

    /// As whom the person looks at what waits; `absent` are those who are away.
    pub(crate) fn viewer<'a>(&'a self, absent: &'a BTreeSet<String>) -> Viewer<'a> {
        Viewer {
            actor: &self.actor,
            person: &self.person,
            absent,
        }
    }

    /// The stops in force in a vault; none where it pays.
    pub(crate) fn stops_of(&self, vault: VaultId) -> &[StopEntry] {
        self.stopped
            .get(&vault)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }
}

impl FromRequestParts<Ui> for Visitor {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Ui) -> Result<Self, Fault> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| Fault::plain(StatusCode::UNAUTHORIZED, "Nobody is signed in."))
    }
}

#[cfg(test)]
impl Visitor {
    /// Somebody who looks at one vault, for tests that draw pages.
    pub(crate) fn sample(person: &str, role: PersonRole) -> Self {
        let vault = VaultId::from_bytes([7; 32]);
        Self {
            person: person.to_owned(),
            role,
            actor: Actor {
                name: person.to_owned(),
                role: role.role(),
                vault: None,
            },
            session: "session".to_owned(),
            csrf: "token".to_owned(),
            bridge: Some(7543),
            unit: Unit::Bitcoin,
            vaults: vec![(vault, "treasury".to_owned())],
            stopped: BTreeMap::new(),
            flash: None,
            here: "/".to_owned(),
            network: "regtest",
        }
    }
}
