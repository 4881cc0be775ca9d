//! Persons, their passkeys, sessions, invitations, roles and absences.

mod absences;
mod hands;
mod inviting;
mod keys;
mod listing;
mod roles;
mod sessions;
mod trying;

use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::people::invitations::{NewInvitation, invite_locally};
use crate::service::people::joining::{begin_joining, finish_joining};
use crate::service::people::signing_in::{begin_sign_in, finish_sign_in};
use crate::service::people::soft_passkey::SoftPasskey;
use crate::service::people::{NewSession, PersonRole, Site, Visit, visit};
use crate::service::{Actor, ServiceError};

/// Where the tests' browsers come from.
const FROM: &str = "192.0.2.7";

fn site() -> Site {
    Site {
        rp_id: "treasury.example".to_owned(),
        origin: "https://treasury.example".to_owned(),
    }
}

/// A treasury with persons in it.
pub(super) struct House {
    pub(super) world: World,
}

impl House {
    async fn new() -> Self {
        let world = World::new(Kind::Wsh).await;
        Self { world }
    }

    /// A link for somebody, made at the coordinator's own machine.
    async fn link(&self, name: &str, role: PersonRole) -> String {
        let request = NewInvitation {
            name: name.to_owned(),
            role,
            vault: None,
        };
        let created = invite_locally(&self.world.service, &request).await;
        created.expect("an invitation").secret
    }

    async fn join(&self, secret: &str, passkey: &SoftPasskey) -> Result<NewSession, ServiceError> {
        let service = &self.world.service;
        let asked = begin_joining(service, FROM, &site(), secret).await?;
        let answer = passkey.create(&site(), &asked);
        finish_joining(service, &site(), (secret, &answer), (None, "Firefox")).await
    }

    /// Somebody who joined and is signed in.
    pub(super) async fn person(&self, name: &str, role: PersonRole) -> (SoftPasskey, NewSession) {
        let passkey = SoftPasskey::new(name);
        let secret = self.link(name, role).await;
        let session = self.join(&secret, &passkey).await.expect("joins");
        (passkey, session)
    }

    async fn sign_in(&self, passkey: &SoftPasskey) -> Result<NewSession, ServiceError> {
        self.sign_in_with(passkey, None).await
    }

    async fn sign_in_with(
        &self,
        passkey: &SoftPasskey,
        former: Option<&str>,
    ) -> Result<NewSession, ServiceError> {
        let service = &self.world.service;
        let asked = begin_sign_in(service, FROM, &site(), None).await?;
        let answer = passkey.get(&site(), &asked);
        finish_sign_in(service, &site(), &answer, (former, "Firefox")).await
    }

    async fn visit(&self, session: &NewSession) -> Option<Visit> {
        visit(&self.world.service, &session.secret)
            .await
            .expect("reads")
    }

    async fn actor(&self, session: &NewSession) -> Actor {
        self.visit(session).await.expect("is signed in").actor
    }

    /// Every byte of the database's files.
    fn stored(&self) -> Vec<u8> {
        let folder = std::fs::read_dir(self.world.folder.path()).expect("a folder");
        let mut bytes = Vec::new();
        for file in folder {
            bytes.extend(std::fs::read(file.expect("a file").path()).expect("reads"));
        }
        bytes
    }
}

fn code<T: std::fmt::Debug>(refused: Result<T, ServiceError>) -> &'static str {
    refused.expect_err("is refused").code()
}
