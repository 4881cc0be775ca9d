//! A coordinator in memory, which may be absent or unwilling, and a co-signer that asks it.

use crate::treasury::Treasury;
use bitcoin::Txid;
use policies::VaultId;
use policies::rules::Said;
use policies::succession::SuccessionFile;
use signer::online::{Attempts, CoordinatorError, Cosigner, Stop};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::rc::Rc;

/// A coordinator in memory.
#[derive(Clone, Default)]
pub(crate) struct Fake(pub(super) Rc<RefCell<State>>);

#[derive(Default)]
pub(super) struct State {
    pub(super) issued: BTreeMap<Txid, Vec<u8>>,
    pub(super) signed: BTreeMap<Txid, Vec<u8>>,
    pub(super) absent: bool,
    pub(super) unwilling: bool,
    pub(super) fetched: usize,
    pub(super) successions: Vec<SuccessionFile>,
    pub(super) wished: Vec<Txid>,
    pub(super) voids: Vec<Vec<u8>>,
    pub(super) acks: Vec<Said>,
    /// What it answers to acknowledgements, if not that it took them.
    pub(super) no_acks: Option<u16>,
    /// A file that is written while it is asked for the head of its events, the last that it is asked for.
    pub(super) meanwhile: Option<(PathBuf, Vec<u8>)>,
}

impl Fake {
    pub(super) fn issue(&self, txid: Txid, bytes: Vec<u8>) {
        self.0.borrow_mut().issued.insert(txid, bytes);
    }

    pub(crate) fn wish_void(&self, txid: Txid) {
        self.0.borrow_mut().wished.push(txid);
    }

    pub(crate) fn meanwhile(&self, path: PathBuf, bytes: Vec<u8>) {
        self.0.borrow_mut().meanwhile = Some((path, bytes));
    }

    pub(crate) fn voids(&self) -> Vec<Vec<u8>> {
        self.0.borrow().voids.clone()
    }

    fn answer(&self) -> Result<(), CoordinatorError> {
        if self.0.borrow().absent {
            return Err(CoordinatorError::Foreign { status: 502 });
        }
        Ok(())
    }
}

impl Attempts for Fake {
    fn missing(&self, _: VaultId, signer: &str) -> Result<Vec<Txid>, CoordinatorError> {
        self.answer()?;
        assert_eq!(signer, "machine");
        let state = self.0.borrow();
        let missing = state
            .issued
            .keys()
            .filter(|txid| !state.signed.contains_key(*txid));
        Ok(missing.copied().collect())
    }

    fn psbt(&self, txid: Txid) -> Result<Vec<u8>, CoordinatorError> {
        self.answer()?;
        self.0.borrow_mut().fetched += 1;
        Ok(self.0.borrow().issued[&txid].clone())
    }

    fn statements(&self, _: VaultId) -> Result<Vec<u8>, CoordinatorError> {
        self.answer()?;
        Ok(Vec::new())
    }

    fn successions(&self, _: VaultId) -> Result<Vec<SuccessionFile>, CoordinatorError> {
        self.answer()?;
        Ok(self.0.borrow().successions.clone())
    }

    fn wished_voids(&self, _: VaultId, _: &str) -> Result<Vec<Txid>, CoordinatorError> {
        self.answer()?;
        Ok(self.0.borrow().wished.clone())
    }

    fn submit_void(&self, txid: Txid, void: &[u8]) -> Result<(), CoordinatorError> {
        self.answer()?;
        let mut state = self.0.borrow_mut();
        state.wished.retain(|wished| *wished != txid);
        state.voids.push(void.to_vec());
        Ok(())
    }

    fn submit_ack(&self, _: VaultId, ack: &Said) -> Result<(), CoordinatorError> {
        self.answer()?;
        let mut state = self.0.borrow_mut();
        if let Some(status) = state.no_acks {
            return Err(CoordinatorError::Refused {
                status,
                code: "version_not_approved".to_owned(),
                detail: String::new(),
            });
        }
        state.acks.push(ack.clone());
        Ok(())
    }

    fn event_head(&self) -> Result<Option<[u8; 32]>, CoordinatorError> {
        self.answer()?;
        if let Some((path, bytes)) = &self.0.borrow().meanwhile {
            std::fs::write(path, bytes).expect("writes");
        }
        Ok(Some([0xee; 32]))
    }

    fn submit(&self, txid: Txid, signatures: &[u8]) -> Result<(), CoordinatorError> {
        self.answer()?;
        if self.0.borrow().unwilling {
            return Err(CoordinatorError::Refused {
                status: 409,
                code: "ATTEMPT_CLOSED".to_owned(),
                detail: String::new(),
            });
        }
        self.0.borrow_mut().signed.insert(txid, signatures.to_vec());
        Ok(())
    }
}

pub(crate) fn cosigner(treasury: &Treasury, fake: &Fake, stop: &Stop) -> Cosigner<File, Fake> {
    Cosigner::new(
        treasury.countersigner("machine"),
        fake.clone(),
        stop.clone(),
    )
}

pub(crate) fn issue(treasury: &Treasury, fake: &Fake, id: &str, coin: u32) -> Txid {
    // Amounts differ, since equal payments to one script are one line of withdrawals.
    let intent = treasury.intent(id, 1_000_000 + u64::from(coin));
    let issued = treasury.transfer(&[intent], &[coin]);
    let txid = issued.unsigned_tx.compute_txid();
    fake.issue(txid, issued.serialize());
    txid
}
