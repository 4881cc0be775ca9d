//! The reference client of a service: it trusts the coordinator with nothing.
//!
//! The policy is pinned by an id that the caller got elsewhere. Every deposit address is derived
//! again from the pinned descriptor, every withdrawal is signed with the service's own key, and the
//! event log is chained again. The client reads no clock: times come in as arguments.

mod error;
mod events;
mod node;
mod order;
mod proof;
mod transport;
mod wire;

#[cfg(test)]
mod proof_tests;
#[cfg(test)]
mod tests;

use std::fmt;

use bitcoin::{Address, address::NetworkUnchecked};
use policies::{
    Intent, Keychain, Policy, PolicyId, RequestSignature, RequesterName, UnixTime, WithdrawalId,
    descriptor::MAX_INDEX, intent::SecretKey,
};

pub use self::{
    error::{ClientError, Problem},
    events::{ChainError, EventChain},
    node::{Core, NodeError},
    order::{Built, Lowered, Order},
    proof::{ActiveChain, ConfirmError, Depth, Excluded, Proof, ProofError, Shown, ShownDeposit},
    wire::{Event, Haste, NewAddress, VerifiedAddress, Withdrawal},
};
use self::{
    transport::Transport,
    wire::{AddressAnswer, EventPage, Submission},
};

/// A connection of one requester to one vault.
pub struct Client {
    transport: Transport,
    policy: Policy,
    requester: RequesterName,
    key: SecretKey,
}

impl Client {
    /// Connects to the coordinator at `url` with a bearer token, for the requester whose key this is.
    ///
    /// `pinned` is the policy's id as another person read it out, never taken from the file.
    ///
    /// # Errors
    /// [`ClientError::OtherPolicy`] when the policy is not the pinned one, [`ClientError::NotARequester`]
    /// when it does not name the key.
    pub fn new(
        url: &str,
        token: &str,
        policy: Policy,
        pinned: PolicyId,
        key: SecretKey,
    ) -> Result<Self, ClientError> {
        if policy.id != pinned {
            return Err(ClientError::OtherPolicy {
                pinned,
                found: policy.id,
            });
        }
        let public = key.public();
        let not_named = || ClientError::NotARequester { key: public };
        let (named, _) = policy.requester_of_key(public.id()).ok_or_else(not_named)?;
        let requester = named.name.parse().map_err(|_| not_named())?;
        Ok(Self {
            transport: Transport::new(url, token),
            requester,
            policy,
            key,
        })
    }

    /// The pinned policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The requester's name in the policy.
    pub fn requester(&self) -> &RequesterName {
        &self.requester
    }

    /// Asks for a new deposit address and derives it again.
    ///
    /// # Errors
    /// Refuses by name an address that the pinned descriptor does not give at the index answered.
    pub fn new_address(&self, reference: &str) -> Result<VerifiedAddress, ClientError> {
        let request = NewAddress {
            reference: reference.to_owned(),
        };
        let answer: AddressAnswer = self
            .transport
            .post(&self.path("addresses"), Some(&request))?;
        if answer.reference != reference {
            return Err(ClientError::OtherAnswer { field: "reference" });
        }
        self.verify_address(&answer)
    }

    /// Makes the intent of an order; what is signed is what this returns.
    ///
    /// # Errors
    /// Returns what an intent cannot say.
    pub fn build_intent(&self, order: &Order, now: UnixTime) -> Result<Built, ClientError> {
        order::build(&self.policy, &self.requester, order, now)
    }

    /// Builds, signs and submits a withdrawal.
    ///
    /// Submitting the same intent again is harmless: its id is taken by the same bytes.
    ///
    /// # Errors
    /// Returns the refusal with its code, or that the connection failed: then submit the same order
    /// with the same `now` again.
    pub fn submit_withdrawal(
        &self,
        order: &Order,
        now: UnixTime,
    ) -> Result<(Built, Withdrawal), ClientError> {
        let built = self.build_intent(order, now)?;
        let withdrawal = self.submit(&built.intent)?;
        Ok((built, withdrawal))
    }

    /// Signs and submits an intent.
    ///
    /// # Errors
    /// Returns the refusal with its code, or that the connection failed.
    pub fn submit(&self, intent: &Intent) -> Result<Withdrawal, ClientError> {
        self.submit_with(intent, Haste::default())
    }

    /// Signs and submits an intent, and says how fast it is to be paid. Submitted again, it is as fast as said first.
    ///
    /// # Errors
    /// Returns the refusal with its code, or that the connection failed.
    pub fn submit_with(&self, intent: &Intent, haste: Haste) -> Result<Withdrawal, ClientError> {
        let bytes = intent.encode();
        Intent::decode(&bytes)?;
        let signed = RequestSignature::sign(&self.key, self.policy.vault, intent.hash());
        let submission = Submission::new(&bytes, &signed, haste)?;
        let withdrawal: Withdrawal = self
            .transport
            .post(&self.path("withdrawals"), Some(&submission))?;
        self.check_withdrawal(&withdrawal, &intent.id)?;
        Ok(withdrawal)
    }

    /// Shows one withdrawal of this requester.
    ///
    /// # Errors
    /// Returns the refusal with its code, or that the connection failed.
    pub fn withdrawal(&self, id: &WithdrawalId) -> Result<Withdrawal, ClientError> {
        let withdrawal: Withdrawal = self.transport.get(&self.withdrawal_path(id))?;
        self.check_withdrawal(&withdrawal, id)?;
        Ok(withdrawal)
    }

    /// Lists the vault's withdrawals, newest first.
    ///
    /// # Errors
    /// Returns the refusal with its code, or that the connection failed.
    pub fn withdrawals(&self) -> Result<Vec<Withdrawal>, ClientError> {
        self.transport.get(&self.path("withdrawals"))
    }

    /// Cancels a withdrawal for which no attempt was issued.
    ///
    /// # Errors
    /// Returns the refusal with its code, or that the connection failed.
    pub fn cancel(&self, id: &WithdrawalId) -> Result<Withdrawal, ClientError> {
        let path = format!("{}/cancel", self.withdrawal_path(id));
        let withdrawal: Withdrawal = self.transport.post(&path, None::<&NewAddress>)?;
        self.check_withdrawal(&withdrawal, id)?;
        Ok(withdrawal)
    }

    /// Reads the events after a number, oldest first; [`EventChain`] verifies them.
    ///
    /// # Errors
    /// Returns the refusal with its code, or that the connection failed.
    pub fn events(&self, after: u64, limit: u32) -> Result<Vec<Event>, ClientError> {
        let page: EventPage = self
            .transport
            .get(&format!("events?after={after}&limit={limit}"))?;
        Ok(page.events)
    }

    /// Waits for events after a number, at most so many seconds (of which the coordinator takes 25): oldest first, each
    /// with what shows it in the chain. Nothing where none came.
    ///
    /// # Errors
    /// Returns the refusal with its code, or that the connection failed.
    pub fn wait_for_events(&self, after: u64, seconds: u32) -> Result<Vec<Event>, ClientError> {
        let path = format!("events?after={after}&wait={seconds}&proofs=true");
        let page: EventPage = self.transport.get(&path)?;
        Ok(page.events)
    }

    /// Asks what shows an event in the chain; nothing where its block left it.
    ///
    /// # Errors
    /// Returns the refusal with its code, or that the connection failed.
    pub fn proof(&self, number: u64) -> Result<Option<Proof>, ClientError> {
        self.transport.get(&format!("events/{number}/proof"))
    }

    fn path(&self, rest: &str) -> String {
        format!("vaults/{}/{rest}", self.policy.vault)
    }

    fn withdrawal_path(&self, id: &WithdrawalId) -> String {
        self.path(&format!("withdrawals/{}/{id}", self.requester))
    }

    fn check_withdrawal(&self, answer: &Withdrawal, id: &WithdrawalId) -> Result<(), ClientError> {
        if answer.requester != self.requester {
            return Err(ClientError::OtherAnswer { field: "requester" });
        }
        if answer.id != *id {
            return Err(ClientError::OtherAnswer { field: "id" });
        }
        Ok(())
    }

    fn verify_address(&self, answer: &AddressAnswer) -> Result<VerifiedAddress, ClientError> {
        let policy = &self.policy;
        let facts = [
            ("vault", answer.vault == policy.vault),
            ("policy", answer.policy == policy.id),
            ("keyset", answer.keyset == policy.keyset),
            ("descriptor", answer.descriptor == policy.descriptor.text()),
            ("keychain", answer.keychain == Keychain::External),
            ("index", answer.index <= MAX_INDEX),
        ];
        if let Some((field, _)) = facts.into_iter().find(|(_, agrees)| !agrees) {
            return Err(ClientError::OtherAnswer { field });
        }
        let script_pubkey = policy
            .descriptor
            .script_pubkey(answer.keychain, answer.index);
        let derived = Address::from_script(&script_pubkey, policy.network)
            .map_err(|_| ClientError::OtherAnswer { field: "address" })?;
        let answered: Option<Address<NetworkUnchecked>> = answer.address.parse().ok();
        if answered.as_ref() != Some(derived.as_unchecked())
            || answer.address != derived.to_string()
        {
            return Err(ClientError::AddressMismatch {
                keychain: answer.keychain,
                index: answer.index,
                derived: Box::new(derived),
                answered: answer.address.clone(),
            });
        }
        Ok(VerifiedAddress {
            address: derived,
            script_pubkey,
            keychain: answer.keychain,
            index: answer.index,
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("policy", &self.policy.id)
            .field("requester", &self.requester)
            .finish_non_exhaustive()
    }
}
