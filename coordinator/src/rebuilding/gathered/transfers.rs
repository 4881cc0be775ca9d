//! Transfers that were issued, addresses, and how far change is looked for.

use std::collections::BTreeMap;

use bitcoin::{Address, Txid};
use policies::hash::Purpose;
use policies::journal::Entry;
use policies::psbt::StrictPsbt;
use policies::{Keychain, RequestSignature, UnixTime};

use super::{Gathered, Issued, Taken};
use crate::exclusion::Earlier;
use crate::rebuilding::{Mistake, Remembered};

/// Indexes of change beyond the highest known that are watched.
const CHANGE_GAP: u32 = 100;
/// How far one source alone is believed beyond what is known otherwise.
const BELIEVED: u32 = 1_000;

impl Gathered {
    pub(super) fn take_transfer(
        &mut self,
        bytes: Vec<u8>,
        psbt: &StrictPsbt,
    ) -> Result<Taken, Mistake> {
        let manifest = psbt.manifest();
        let earlier = Earlier::read(&bytes, UnixTime::ZERO, bitcoin::Weight::ZERO)
            .map_err(Mistake::Transfer)?;
        let mut record = earlier.record;
        let created = record.intents.iter().map(|intent| intent.created).max();
        record.at = created.unwrap_or(self.policy().head.time);
        for intent in record.intents.iter().chain(&record.replaced) {
            self.expect_ours(intent)?;
        }
        // Nobody signed which version it names, and whose voids count depends on it.
        let version = self
            .line
            .version(manifest.policy)
            .ok_or(Mistake::OtherKeyset)?;
        let mut paid = record.intents.iter();
        if paid.any(|intent| intent.keyset != version.keyset) {
            return Err(Mistake::OtherKeyset);
        }
        for ((hash, key), signature) in &manifest.request_signatures {
            let Some(bytes) = manifest.intents.get(hash) else {
                continue;
            };
            let request = RequestSignature {
                key: *key,
                signature: signature.clone(),
            };
            let intents = record.intents.iter().chain(&record.replaced);
            if let Some(intent) = intents.into_iter().find(|intent| intent.hash() == *hash) {
                self.verify_request(intent, bytes, &request)?;
            }
        }
        let mut taken = Taken::Known;
        let new = Remembered::by_transfer(record, (manifest.purpose, manifest.policy), bytes);
        let mut attempts = self.attempts.clone();
        let before = attempts.get(&new.record.txid).cloned();
        let intents = new.record.intents.clone();
        let txid = new.record.txid;
        put(&mut attempts, new)?;
        if attempts.get(&txid) != before.as_ref() {
            taken = Taken::New;
        }
        for intent in intents {
            let signatures = manifest.request_signatures.iter();
            let of_it = signatures.filter(|((hash, _), _)| *hash == intent.hash());
            for ((_, key), signature) in of_it {
                let request = RequestSignature {
                    key: *key,
                    signature: signature.clone(),
                };
                let request = Some((request, None));
                if self.take_request(intent.encode(), intent.clone(), request)? == Taken::New {
                    taken = Taken::New;
                }
            }
        }
        self.attempts = attempts;
        for ((root, intent), proof) in &manifest.proofs {
            let over = manifest.approvals.values();
            for approval in over.filter(|approval| {
                approval.subject.to_root() == *root && approval.purpose == Purpose::Approve
            }) {
                let proofs = vec![(*intent, proof.clone())];
                if self.take_verdict(approval, proofs)? == Taken::New {
                    taken = Taken::New;
                }
            }
        }
        Ok(taken)
    }

    pub(super) fn take_address(
        &mut self,
        index: u32,
        address: &str,
        issued: Issued,
    ) -> Result<Taken, Mistake> {
        let version = self.line.of_keyset(issued.keyset);
        let version = version.ok_or(Mistake::OtherKeyset)?;
        let script = version.descriptor.script_pubkey(Keychain::External, index);
        let derived = Address::from_script(&script, version.network);
        if derived.map(|derived| derived.to_string()).ok().as_deref() != Some(address) {
            return Err(Mistake::Address { index });
        }
        let keychain = self.line.keychain_of(issued.keyset);
        let place = (keychain.unwrap_or(issued.keyset), index);
        match self.addresses.get(&place) {
            None => {
                self.addresses.insert(place, issued);
                Ok(Taken::New)
            }
            Some(known) if known.reference == issued.reference => Ok(Taken::Known),
            Some(_) => Err(Mistake::TwoReferences { index }),
        }
    }

    /// Up to which index of change scripts are watched, with the highest that the chain pays. One source alone, a
    /// journal or the transfers, is not believed further than a thousand beyond what the chain or another one
    /// knows: as far as signers accept change beyond what they know themselves.
    pub fn change_to_watch(&self, paid: Option<u32>) -> u32 {
        let mut highest: Vec<u32> = (self.journals.values())
            .filter_map(|export| {
                let signed = export
                    .entries
                    .iter()
                    .filter_map(|(_, _, entry)| match entry {
                        Entry::Signed(signed) => signed.change_indexes.iter().max(),
                        Entry::Birth(_)
                        | Entry::Again(_)
                        | Entry::Seen(_)
                        | Entry::Voided(_)
                        | Entry::Proposed(_)
                        | Entry::Adopted(_)
                        | Entry::Moved(_)
                        | Entry::Inherited(_) => None,
                    });
                signed.max().copied()
            })
            .collect();
        let transfers = self.attempts.values().filter(|one| one.psbt.is_some());
        let transfers = transfers.flat_map(|one| one.record.change_indexes.iter().copied());
        highest.extend(transfers.max());
        highest.sort_unstable_by(|one, other| other.cmp(one));
        let proven = highest.get(1).copied().max(paid).unwrap_or_default();
        let claimed = highest.first().copied().unwrap_or_default();
        let most = proven.saturating_add(BELIEVED);
        let claimed = claimed.saturating_add(CHANGE_GAP).min(most);
        proven.saturating_add(CHANGE_GAP).max(claimed)
    }
}

pub(super) fn put(
    attempts: &mut BTreeMap<Txid, Remembered>,
    new: Remembered,
) -> Result<(), Mistake> {
    let txid = new.record.txid;
    let merged = match attempts.get(&txid).cloned() {
        None => new,
        Some(known) => known.with(new)?,
    };
    attempts.insert(txid, merged);
    Ok(())
}
