//! Batches and their attempts: made, signed, sent on their way.

use bitcoin::{Psbt, Transaction, Txid};
use policies::psbt::{SignatureSet, take_signatures};

use super::World;
use crate::roles::fixture::NAMES;
use crate::service::ServiceError;
use crate::service::attempts::{SubmittedSignatures, submit_signatures};
use crate::service::batches::{BatchView, CreateBatch, WithdrawalName, create_batch};
use crate::service::opened::Session;
use crate::store::attempts;

impl World {
    pub(crate) async fn try_batch(&self) -> Result<BatchView, ServiceError> {
        let request = CreateBatch {
            feerate_sat_vb: Some("2".to_owned()),
            ..CreateBatch::default()
        };
        create_batch(&self.service, &self.operator, self.vault, &request).await
    }

    /// A batch of one named withdrawal.
    pub(crate) async fn try_batch_of(&self, id: &str) -> Result<BatchView, ServiceError> {
        let request = CreateBatch {
            withdrawals: Some(vec![WithdrawalName {
                requester: "exchange".parse().expect("a name"),
                id: id.parse().expect("an id"),
            }]),
            feerate_sat_vb: Some("2".to_owned()),
            ..CreateBatch::default()
        };
        create_batch(&self.service, &self.operator, self.vault, &request).await
    }

    pub(crate) async fn batch(&self) -> Txid {
        self.try_batch()
            .await
            .expect("a batch")
            .attempts
            .first()
            .expect("an attempt")
            .txid
    }

    /// What one signer returns for an attempt: the PSBT with its signatures.
    pub(crate) async fn signatures_of(&self, signer: usize, txid: Txid) -> Psbt {
        let mut tx = self.read().await;
        let row = attempts::lookup(&mut tx, txid)
            .await
            .expect("reads")
            .expect("is there");
        let session = Session::open(&self.service, &mut tx, &row)
            .await
            .expect("opens");
        let offered = session
            .issued
            .offer(self.keys.sign(signer, &session.issued));
        let taken = take_signatures(&session.issued.issued(), &offered).expect("its transaction");
        let mut set = SignatureSet::new();
        for verified in taken {
            set.insert(verified.expect("a good signature"));
        }
        let mut psbt = Psbt::deserialize(&row.psbt).expect("a PSBT");
        set.write_into(&mut psbt);
        psbt
    }

    pub(crate) async fn hand_in(&self, txid: Txid, psbt: &Psbt) -> SubmittedSignatures {
        submit_signatures(&self.service, &self.operator, txid, &psbt.serialize())
            .await
            .expect("is taken")
    }

    pub(crate) async fn sign(&self, signer: usize, txid: Txid) -> SubmittedSignatures {
        let psbt = self.signatures_of(signer, txid).await;
        let answer = self.hand_in(txid, &psbt).await;
        assert!(answer.refused.is_empty(), "{:?}", answer.refused);
        assert!(
            answer
                .accepted
                .iter()
                .all(|accepted| accepted.signer == NAMES[signer])
        );
        answer
    }

    /// Signs by two, finalizes, hands over; gives the final transaction.
    pub(crate) async fn broadcast(&self, txid: Txid) -> Transaction {
        self.sign(0, txid).await;
        self.sign(2, txid).await;
        self.work().await;
        self.answer_mempool_tests().await;
        self.pass(1);
        self.work().await;
        self.stored(txid).await.final_transaction.expect("is final")
    }

    pub(crate) async fn stored(&self, txid: Txid) -> attempts::AttemptRow {
        let mut tx = self.read().await;
        attempts::lookup(&mut tx, txid)
            .await
            .expect("reads")
            .expect("is there")
    }
}
