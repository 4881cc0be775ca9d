//! What papers say of withdrawals: who asked for them, who approved or rejected them, and how they ended.

use policies::intent::MerkleProof;
use policies::{Approval, Intent, IntentHash, RequestSignature};

use super::{Gathered, Requested, Taken, Verdict};
use crate::rebuilding::{Closed, Mistake};

impl Gathered {
    pub(super) fn verify_request(
        &self,
        intent: &Intent,
        bytes: &[u8],
        request: &RequestSignature,
    ) -> Result<(), Mistake> {
        self.expect_ours(intent)?;
        let unknown = || Mistake::RequestKey {
            key: request.key,
            requester: intent.requester.clone(),
        };
        let (owner, public) = (self.line)
            .requester_of_key(request.key)
            .ok_or_else(unknown)?;
        if owner.name != intent.requester.as_str() {
            return Err(unknown());
        }
        request
            .verify(public, self.policy().vault, Intent::hash_bytes(bytes))
            .map_err(Mistake::Signature)
    }

    pub(super) fn expect_ours(&self, intent: &Intent) -> Result<(), Mistake> {
        if intent.vault != self.policy().vault {
            let found = intent.vault;
            return Err(Mistake::OtherVault { found });
        }
        if self.line.of_keyset(intent.keyset).is_none() {
            return Err(Mistake::OtherKeyset);
        }
        Ok(())
    }

    pub(super) fn take_request(
        &mut self,
        bytes: Vec<u8>,
        intent: Intent,
        request: Option<(RequestSignature, Option<Closed>)>,
    ) -> Result<Taken, Mistake> {
        let (request, closed) = request.unzip();
        let name = (intent.requester.clone(), intent.id.clone());
        match self.requests.get_mut(&name) {
            None => {
                let requested = Requested {
                    bytes,
                    intent,
                    request,
                    closed: closed.flatten(),
                };
                self.requests.insert(name, requested);
                Ok(Taken::New)
            }
            Some(known) if known.bytes != bytes => {
                let (requester, id) = name;
                Err(Mistake::TwoBodies { requester, id })
            }
            Some(known) => match (&known.request, request) {
                (_, None) => Ok(Taken::Known),
                (None, Some(request)) => {
                    known.request = Some(request);
                    Ok(Taken::New)
                }
                // Two keys of one requester: the same one is kept whichever came first.
                (Some(first), Some(second)) => {
                    let order = |one: &RequestSignature| (one.key, one.signature.encode());
                    if order(&second) < order(first) {
                        known.request = Some(second);
                    }
                    Ok(Taken::Known)
                }
            },
        }
    }

    /// Keeps how a known withdrawal ended; says whether that is new. Papers are of different times: what ended it
    /// stays, whatever others say.
    pub(super) fn take_closed(
        &mut self,
        intent: &Intent,
        bytes: &[u8],
        closed: Option<Closed>,
    ) -> bool {
        let name = (intent.requester.clone(), intent.id.clone());
        let known = self.requests.get_mut(&name);
        let known = known.filter(|known| known.bytes == bytes && closed > known.closed);
        match known {
            Some(known) => {
                known.closed = closed;
                true
            }
            None => false,
        }
    }

    pub(super) fn take_verdict(
        &mut self,
        approval: &Approval,
        proofs: Vec<(IntentHash, MerkleProof)>,
    ) -> Result<Taken, Mistake> {
        let key = approval.key;
        let (approver, public) = (self.line)
            .approver_of_key(key)
            .ok_or(Mistake::ApprovalKey { key })?;
        approval
            .verify(public, self.policy().vault)
            .map_err(Mistake::Signature)?;
        for (intent, proof) in &proofs {
            let intent = *intent;
            proof
                .verify(intent.as_bytes(), approval.subject.to_root())
                .map_err(|reason| Mistake::Proof { intent, reason })?;
        }
        let mut taken = Taken::Known;
        for (intent, proof) in proofs {
            let verdict = Verdict {
                approval: approval.clone(),
                proof,
                approver: approver.name.clone(),
            };
            let known = self.verdicts.entry(intent).or_default();
            if !known.contains(&verdict) {
                known.push(verdict);
                let order = |one: &Verdict| {
                    let Approval {
                        expires,
                        key,
                        subject,
                        ..
                    } = one.approval;
                    (expires, key, subject)
                };
                known.sort_by_key(order);
                taken = Taken::New;
            }
        }
        Ok(taken)
    }

    /// Takes in intents whose requests are not at hand; all of them or none.
    pub(super) fn take_known_intents(&mut self, intents: Vec<Intent>) -> Result<(), Mistake> {
        for intent in &intents {
            self.expect_ours(intent)?;
            let name = (intent.requester.clone(), intent.id.clone());
            if (self.requests.get(&name)).is_some_and(|known| known.bytes != intent.encode()) {
                let (requester, id) = name;
                return Err(Mistake::TwoBodies { requester, id });
            }
        }
        for intent in intents {
            self.take_request(intent.encode(), intent, None)?;
        }
        Ok(())
    }
}
