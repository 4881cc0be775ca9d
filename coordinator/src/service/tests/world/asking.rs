//! Withdrawals: asked for, approved, shown.

use bitcoin::Amount;
use bitcoin::hex::DisplayHex;
use policies::intent::{MerkleTree, SecretKey};
use policies::{Approval, Intent, IntentHash, IntentKind, RequestSignature};

use super::{World, foreign};
use crate::service::ServiceError;
use crate::service::approvals::{ProvenIntent, RecordApprovals};
use crate::service::withdrawals::{
    SubmitWithdrawal, WithdrawalView, show_withdrawal, submit_withdrawal,
};
use crate::store::withdrawals::WithdrawalKey;

impl World {
    pub(crate) fn intent(&self, id: &str, sat: u64) -> Intent {
        Intent {
            vault: self.vault,
            keyset: self.keyset,
            requester: "exchange".parse().expect("a name"),
            id: id.parse().expect("an id"),
            kind: IntentKind::Payment,
            script_pubkey: foreign(id.bytes().last().unwrap_or_default()),
            amount: Amount::from_sat(sat),
            min: Amount::from_sat(sat),
            created: self.service.now(),
            expires: self.service.now().saturating_add(86_400),
            replaces: None,
            repeats: None,
            reference: format!("payout {id}"),
        }
    }

    pub(crate) fn signed(&self, intent: &Intent) -> SubmitWithdrawal {
        let text = String::from_utf8(intent.encode()).expect("ASCII");
        self.signed_text(&text)
    }

    pub(crate) fn signed_text(&self, text: &str) -> SubmitWithdrawal {
        let hash = Intent::hash_bytes(text.as_bytes());
        let request = RequestSignature::sign(&self.requester, self.vault, hash);
        SubmitWithdrawal {
            intent: text.to_owned(),
            key: request.key,
            signature: request.signature.encode().to_lower_hex_string(),
            speed: None,
            latest: None,
        }
    }

    pub(crate) async fn try_submit(
        &self,
        intent: &Intent,
    ) -> Result<(WithdrawalView, bool), ServiceError> {
        submit_withdrawal(
            &self.service,
            &self.operator,
            self.vault,
            &self.signed(intent),
        )
        .await
    }

    pub(crate) async fn submit(&self, id: &str, sat: u64) -> WithdrawalView {
        self.try_submit(&self.intent(id, sat))
            .await
            .expect("is taken")
            .0
    }

    /// The same asked for with another requester's key.
    pub(crate) async fn submit_as(&self, requester: &SecretKey, intent: &Intent) -> WithdrawalView {
        let signed = RequestSignature::sign(requester, self.vault, intent.hash());
        let request = SubmitWithdrawal {
            key: signed.key,
            signature: signed.signature.encode().to_lower_hex_string(),
            ..self.signed(intent)
        };
        submit_withdrawal(&self.service, &self.operator, self.vault, &request)
            .await
            .expect("is taken")
            .0
    }

    /// An approver's signature over these intents together.
    pub(crate) fn approval(&self, hashes: &[IntentHash], reject: bool) -> RecordApprovals {
        let subjects: Vec<[u8; 32]> = hashes.iter().map(|hash| hash.to_bytes()).collect();
        let tree = MerkleTree::new(&subjects).expect("a tree");
        let expires = self.service.now().saturating_add(3600);
        let sign = if reject {
            Approval::reject
        } else {
            Approval::approve
        };
        let approval = sign(&self.approver, self.vault, tree.root(), expires);
        RecordApprovals {
            purpose: approval.purpose.to_string(),
            root: approval.subject.to_root(),
            expires,
            key: approval.key,
            signature: approval.signature.encode().to_lower_hex_string(),
            intents: hashes
                .iter()
                .map(|hash| ProvenIntent {
                    intent: *hash,
                    proof: tree
                        .proof(hash.as_bytes())
                        .expect("a leaf")
                        .encode()
                        .to_lower_hex_string(),
                })
                .collect(),
        }
    }

    pub(crate) async fn show(&self, id: &str) -> WithdrawalView {
        self.show_of("exchange", id).await
    }

    pub(crate) async fn show_of(&self, requester: &str, id: &str) -> WithdrawalView {
        let key = WithdrawalKey {
            vault: self.vault,
            requester: requester.parse().expect("a name"),
            id: id.parse().expect("an id"),
        };
        show_withdrawal(&self.service, &self.operator, &key)
            .await
            .expect("is there")
    }
}
