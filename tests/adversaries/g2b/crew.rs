//! The signers that are lied to: real processes over real homes, with the keys of a campaign's vault.

use std::collections::BTreeMap;
use std::fs;

use bitcoin::Network;
use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use signer::home::Home;
use signer::keystore::{Cost, Kind, Made, Passphrase, Sealed, VaultKey};

use super::super::vault::{Vault, account_path, master, secret, seed};
use super::coordinator::{Liar, Offer, token_of};
use crate::{Failure, Process, SignerHome};

/// Who keeps the rules; in a vault of four the trustee does not.
pub(super) const HONEST: [&str; 3] = ["alice", "bob", "machine"];

/// A signer and how it works.
#[derive(Debug)]
struct Hand {
    home: SignerHome,
    /// The automatic co-signer; none where every transfer is signed by a program of its own.
    serving: Option<Process>,
}

/// The signers of one vault, and the coordinator that lies to them.
#[derive(Debug)]
pub(super) struct Crew {
    hands: BTreeMap<&'static str, Hand>,
    liar: Liar,
}

impl Crew {
    /// Enrols everybody with journals that begin, and starts those who serve.
    pub(super) fn enrol(vault: &Vault, by_hand: bool) -> Result<Self, Failure> {
        let liar = Liar::open()?;
        let mut hands = BTreeMap::new();
        for name in HONEST {
            let home = SignerHome::new(name)?;
            let keys = Home::at(home.home());
            for sealed in sealed_keys(name)? {
                keys.store(&sealed, None)?;
            }
            home.pin(&vault.policy.bytes, vault.policy.id)?;
            let serves = !(by_hand && name == "machine");
            let serving = serves
                .then(|| home.serve_every(liar.url(), &token_of(name), 10))
                .transpose()?;
            hands.insert(name, Hand { home, serving });
        }
        Ok(Self { hands, liar })
    }

    /// Loses a signer's journal, and enrols it again from its keys alone; if it forgets, it begins as one whose
    /// journal key was just drawn.
    pub(super) fn restore_empty(
        &mut self,
        vault: &Vault,
        name: &str,
        forgets: bool,
    ) -> Result<(), Failure> {
        let hand = self
            .hands
            .get_mut(name)
            .ok_or_else(|| Failure::new("no such signer"))?;
        if let Some(mut serving) = hand.serving.take() {
            serving.stop()?;
        }
        let home = Home::at(hand.home.home());
        for file in [home.journal_file(), home.policy_file(), home.pin_file()] {
            fs::remove_file(file)?;
        }
        if forgets {
            let journal = secret(&format!("journal of {name}")).public();
            fs::write(home.journal_fresh(), format!("{journal}\n"))?;
        }
        hand.home.pin(&vault.policy.bytes, vault.policy.id)?;
        hand.serving = Some(
            hand.home
                .serve_every(self.liar.url(), &token_of(name), 10)?,
        );
        Ok(())
    }

    /// Has each signer look at what it is offered; gives what they returned.
    pub(super) fn ask(
        &mut self,
        offers: BTreeMap<&'static str, Vec<Offer>>,
    ) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let mut served = BTreeMap::new();
        let mut returned = Vec::new();
        for (name, offers) in offers {
            let hand = self
                .hands
                .get_mut(name)
                .ok_or_else(|| Failure::new("no such signer"))?;
            if let Some(serving) = &mut hand.serving {
                serving.must_run()?;
                served.insert(name, offers);
                continue;
            }
            for offer in offers {
                let said = hand.home.sign(&offer.bytes)?;
                if said.stderr.contains("panicked at") {
                    return Err(Failure::new(format!("{name} panicked: {}", said.stderr)));
                }
                if said.code == 0 {
                    returned.push((name.to_owned(), binary(said.stdout)?));
                }
            }
        }
        let served = self.liar.offer(served);
        // Whoever ended meanwhile says why.
        for serving in self
            .hands
            .values_mut()
            .filter_map(|hand| hand.serving.as_mut())
        {
            serving.must_run()?;
        }
        returned.extend(served?);
        Ok(returned)
    }
}

fn binary(bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    if bytes.starts_with(b"psbt\xff") {
        return Ok(bytes);
    }
    Ok(BASE64_STANDARD.decode(bytes.trim_ascii())?)
}

/// A signer's two keys, as its home keeps them.
fn sealed_keys(name: &str) -> Result<[Sealed; 2], Failure> {
    let passphrase = Passphrase::new(format!("correct horse of {name}"))
        .map_err(|error| Failure::new(error.to_string()))?;
    let cost = Cost::new(16, 1, 1);
    let path = account_path();
    let vault = VaultKey::from_xpriv(&master(name).to_string(), Network::Regtest, &path, None)
        .map_err(|error| Failure::new(error.to_string()))?;
    let vault = vault
        .seal(Made::Generated, &passphrase, cost)
        .map_err(|error| Failure::new(error.to_string()))?;
    let journal = format!("journal of {name}");
    let public = secret(&journal).public().to_string();
    let journal = Sealed::seal(
        Kind::Journal,
        Made::Generated,
        public,
        &seed(&journal),
        &passphrase,
        cost,
    )
    .map_err(|error| Failure::new(error.to_string()))?;
    Ok([vault, journal])
}
