//! The way of the money through a treasury, step by step.

use bitcoin::{Address, Amount, Denomination, OutPoint, Txid};
use policies::Intent;
use serde_json::{Value, json};

use super::Treasury;
use crate::api::items;
use crate::signer_home::field;
use crate::{Answer, Failure, LONG, SHORT, SignerHome, wait_until};

/// What the test policy's deposits need to settle.
const DEPOSIT_DEPTH: u32 = 3;

impl Treasury {
    /// Deposits an amount and waits until it is settled.
    #[track_caller]
    pub fn deposit(&self, amount: Amount) -> Result<OutPoint, Failure> {
        let address = self.new_address("deposit")?;
        let outpoint = self.pay_in(&address, amount)?;
        self.node.mine(DEPOSIT_DEPTH)?;
        self.deposit_becomes(outpoint, "settled")?;
        Ok(outpoint)
    }

    /// Pays an amount to an address of the vault; the payment waits in the mempool.
    pub fn pay_in(&self, address: &Address, amount: Amount) -> Result<OutPoint, Failure> {
        let txid = self.node.fund(address, amount)?;
        Ok(OutPoint::new(txid, 0))
    }

    /// All deposits.
    #[track_caller]
    pub fn deposits(&self) -> Result<Vec<Value>, Failure> {
        let answer = self.auditor().get(&self.path("/deposits"))?.done()?;
        Ok(items(&answer)?.to_vec())
    }

    /// The state of a deposit, if the coordinator shows it.
    #[track_caller]
    pub fn deposit_state(&self, outpoint: OutPoint) -> Result<Option<String>, Failure> {
        let text = outpoint.to_string();
        self.deposits()?
            .iter()
            .find(|deposit| deposit["outpoint"] == text)
            .map(|deposit| field(deposit, "state"))
            .transpose()
    }

    /// Waits until a deposit is in a state.
    #[track_caller]
    pub fn deposit_becomes(&self, outpoint: OutPoint, state: &str) -> Result<(), Failure> {
        let mut last = None;
        wait_until(&format!("deposit {outpoint} to be {state}"), SHORT, || {
            last = self.deposit_state(outpoint)?;
            Ok((last.as_deref() == Some(state)).then_some(()))
        })
    }

    /// Waits until a withdrawal is in a state.
    #[track_caller]
    pub fn withdrawal_becomes(&self, id: &str, state: &str) -> Result<Value, Failure> {
        wait_until(&format!("withdrawal {id} to be {state}"), LONG, || {
            let withdrawal = self.withdrawal(id)?;
            Ok((withdrawal["state"] == state).then_some(withdrawal))
        })
    }

    /// Waits until an attempt is in a state.
    #[track_caller]
    pub fn attempt_becomes(&self, txid: Txid, state: &str) -> Result<Value, Failure> {
        wait_until(&format!("attempt {txid} to be {state}"), LONG, || {
            let attempt = self.auditor().get(&format!("/attempts/{txid}"))?.done()?;
            Ok((attempt["state"] == state).then_some(attempt))
        })
    }

    /// Asks for a spend to ourselves.
    pub fn spend_to_ourselves(&self, wanted: &Value) -> Result<Answer, Failure> {
        self.operator().post(&self.path("/self-spends"), wanted)
    }

    /// Asks for a recovery.
    pub fn recover(&self, wanted: &Value) -> Result<Answer, Failure> {
        self.operator().post(&self.path("/recoveries"), wanted)
    }

    /// What an address received and still holds, by the node's own account of its unspent outputs.
    pub fn received(&self, address: &Address) -> Result<Amount, Failure> {
        let script = format!("raw({})", address.script_pubkey().to_hex_string());
        let found: Value = self.node.call("scantxoutset", json!(["start", [script]]))?;
        let text = found["total_amount"].to_string();
        Ok(Amount::from_str_in(&text, Denomination::Bitcoin)?)
    }

    /// What the vault holds, by its books.
    pub fn held(&self) -> Result<Amount, Failure> {
        let balance = self.auditor().get(&self.path("/balance"))?.done()?;
        let sat = balance["total_sat"]
            .as_u64()
            .ok_or_else(|| Failure::new(format!("no total: {balance}")))?;
        Ok(Amount::from_sat(sat))
    }

    /// Makes a batch of everything approved; the txid of its attempt.
    #[track_caller]
    pub fn batch(&self) -> Result<Txid, Failure> {
        let answer = self
            .operator()
            .post(&self.path("/batches"), &json!({}))?
            .done()?;
        let txid = answer["txid"]
            .as_str()
            .or_else(|| answer["attempts"][0]["txid"].as_str())
            .ok_or_else(|| Failure::new(format!("no txid: {answer}")))?;
        Ok(txid.parse()?)
    }

    /// Makes a batch of everything approved at a feerate; its id and the txid of its attempt.
    #[track_caller]
    pub fn batch_at(&self, feerate: &str) -> Result<(String, Txid), Failure> {
        let asked = json!({ "feerate_sat_vb": feerate });
        let made = self.operator().post(&self.path("/batches"), &asked)?;
        let made = made.done()?;
        let txid = field(&made["attempts"][0], "txid")?.parse()?;
        Ok((field(&made, "batch")?, txid))
    }

    /// Requests a payment, and has it batched at a feerate; the batch's id and the txid of its attempt.
    #[track_caller]
    pub fn pay_out(
        &self,
        id: &str,
        to: &Address,
        amount: Amount,
        feerate: &str,
    ) -> Result<(String, Txid), Failure> {
        self.withdraw(id, to, amount)?;
        self.batch_at(feerate)
    }

    /// The attempts of a batch, the first first.
    #[track_caller]
    pub fn attempts(&self, batch: &str) -> Result<Vec<Value>, Failure> {
        let path = format!("/batches/{batch}");
        let shown = self.operator().get(&path)?.done()?;
        Ok(items(&shown["attempts"])?.to_vec())
    }

    /// Mines a block that holds nothing of the mempool, and waits until it is taken in.
    #[track_caller]
    pub fn empty_block(&self) -> Result<(), Failure> {
        self.node.mine_nothing()?;
        self.all_is_taken_in()
    }

    /// The PSBT of an attempt.
    #[track_caller]
    pub fn psbt(&self, txid: Txid) -> Result<Vec<u8>, Failure> {
        let path = format!("/attempts/{txid}/psbt");
        let answer = self.signer().get_as(&path, "application/octet-stream")?;
        if answer.status == 200 {
            Ok(answer.bytes)
        } else {
            Err(Failure::new(format!("no PSBT: {}", answer.text())))
        }
    }

    /// A signer reviews and signs an attempt at home, and the operator hands the result in.
    #[track_caller]
    pub fn countersign(&self, signer: &SignerHome, txid: Txid) -> Result<Value, Failure> {
        let signed = signer.sign(&self.psbt(txid)?)?.done()?.stdout;
        self.hand_in(txid, &signed)
    }

    /// Hands in what a signer returned.
    #[track_caller]
    pub fn hand_in(&self, txid: Txid, signed: &[u8]) -> Result<Value, Failure> {
        self.signer()
            .post_bytes(&format!("/attempts/{txid}/signatures"), signed)?
            .done()
    }

    /// The approver reads requests with the own tool and approves them with one signature, which the
    /// operator hands in.
    #[track_caller]
    pub fn approve(&self, intents: &[&Intent]) -> Result<(), Failure> {
        let requests: Vec<Value> = intents
            .iter()
            .map(|intent| self.signed_bytes(&intent.encode()))
            .collect();
        let approval = self.people.dana.approve(&requests)?;
        self.operator()
            .post(&self.path("/approvals"), &approval)?
            .done()?;
        Ok(())
    }

    /// Waits until the node has a transaction in its mempool.
    #[track_caller]
    pub fn reaches_mempool(&self, txid: Txid) -> Result<(), Failure> {
        wait_until(&format!("{txid} to be in the mempool"), LONG, || {
            Ok(self.node.mempool()?.contains(&txid).then_some(()))
        })
    }

    /// Waits until the coordinator has taken in all that the watchtower saw up to the node's tip.
    #[track_caller]
    pub fn all_is_taken_in(&self) -> Result<(), Failure> {
        let tip = self.node.best_block()?.to_string();
        wait_until("everything seen to be taken in", LONG, || {
            if self.auditor().get("/status")?.done()?["tip"] != tip.as_str() {
                return Ok(None);
            }
            if self.store.number("SELECT COUNT(*) FROM event_queue")? > 0 {
                return Ok(None);
            }
            let last = (self.store)
                .number("SELECT COALESCE(MAX(number), 0) AS last FROM event_sequence")?;
            let taken = self.store.number(
                "SELECT COALESCE(MAX(number), 0) AS taken FROM consumer_cursor
                 WHERE consumer = 'coordinator'",
            )?;
            Ok((taken >= last).then_some(()))
        })
    }

    /// Waits until the node has a signed transaction in its mempool and the coordinator knows.
    #[track_caller]
    pub fn waits_in_mempool(&self, txid: Txid) -> Result<(), Failure> {
        self.reaches_mempool(txid)?;
        self.attempt_becomes(txid, "in_mempool")?;
        self.all_is_taken_in()
    }

    /// Mines until a signed transaction, and the withdrawals it pays, are settled.
    #[track_caller]
    pub fn settle(&self, txid: Txid, ids: &[&str]) -> Result<(), Failure> {
        self.reaches_mempool(txid)?;
        self.node.mine(DEPOSIT_DEPTH)?;
        for id in ids {
            self.withdrawal_becomes(id, "settled")?;
        }
        Ok(())
    }

    /// Compares the ledger with the node's coins; what was found, which must balance.
    #[track_caller]
    pub fn reconcile(&self) -> Result<Value, Failure> {
        let found = self.reconciliation()?;
        if found["agrees"] == true {
            Ok(found)
        } else {
            Err(Failure::new(format!(
                "ledger and node do not agree: {found}"
            )))
        }
    }

    /// Compares the ledger with the node's coins; what was found.
    #[track_caller]
    pub fn reconciliation(&self) -> Result<Value, Failure> {
        let path = self.path("/reconciliation");
        let asked = self.operator().post(&path, &json!({}))?.done()?;
        let path = format!("{path}/{}", asked["request"]);
        wait_until("the reconciliation", LONG, || {
            let found = self.operator().get(&path)?.done()?["result"].take();
            Ok((!found.is_null()).then_some(found))
        })
    }

    /// Verifies the whole chain of events; how many there are.
    #[track_caller]
    pub fn verify_events(&self) -> Result<Value, Failure> {
        self.auditor().get("/events/verification")?.done()
    }
}
