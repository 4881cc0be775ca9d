//! Answers of the node as values. Amounts are read from their decimal text, never through floats.

use std::collections::BTreeMap;

use bitcoin::{Amount, BlockHash, Denomination, FeeRate, OutPoint, ScriptBuf, Txid};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::reconciling::Unspent;
use crate::tracker::{BlockRef, Pooled};

/// `getblockchaininfo`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChainInfo {
    /// `main`, `test`, `testnet4`, `signet` or `regtest`.
    pub chain: String,
    /// The height of the tip.
    pub blocks: u32,
    /// The height of the best header.
    pub headers: u32,
    /// The tip.
    #[serde(rename = "bestblockhash")]
    pub tip: BlockHash,
    /// Whether the node is still downloading the chain.
    #[serde(rename = "initialblockdownload")]
    pub initial_download: bool,
    /// The time that the tip's header says.
    #[serde(default, rename = "time")]
    pub tip_time: u64,
    /// On a signet: the script that its blocks satisfy.
    #[serde(default)]
    pub signet_challenge: Option<ScriptBuf>,
}

/// `testmempoolaccept` for one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TestAccept {
    /// Whether the mempool would take it.
    #[serde(default)]
    pub allowed: bool,
    /// Why not.
    #[serde(default, rename = "reject-reason")]
    pub reason: String,
}

/// `gettxout`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnspentOutput {
    /// Its amount.
    pub amount: Amount,
    /// Its script.
    pub script_pubkey: ScriptBuf,
    /// The tip at which this was found.
    pub tip: BlockHash,
}

#[derive(Deserialize)]
pub(super) struct TxOutAnswer {
    bestblock: BlockHash,
    value: Box<RawValue>,
    #[serde(rename = "scriptPubKey")]
    script: ScriptAnswer,
}

#[derive(Deserialize)]
struct ScriptAnswer {
    hex: ScriptBuf,
}

impl TxOutAnswer {
    pub(super) fn read(self) -> Result<UnspentOutput, String> {
        Ok(UnspentOutput {
            amount: bitcoins(&self.value)?,
            script_pubkey: self.script.hex,
            tip: self.bestblock,
        })
    }
}

/// What `scantxoutset` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// The tip at which it looked.
    pub tip: BlockRef,
    /// The unspent outputs.
    pub coins: BTreeMap<OutPoint, Unspent>,
}

#[derive(Deserialize)]
pub(super) struct ScanAnswer {
    success: bool,
    height: u32,
    bestblock: BlockHash,
    unspents: Vec<ScannedAnswer>,
}

#[derive(Deserialize)]
struct ScannedAnswer {
    txid: Txid,
    vout: u32,
    #[serde(rename = "scriptPubKey")]
    script_pubkey: ScriptBuf,
    amount: Box<RawValue>,
    height: u32,
}

/// `scantxoutset status`.
#[derive(Deserialize)]
pub(super) struct ScanStatus {
    pub(super) progress: u8,
}

impl ScanAnswer {
    /// A scan that was called off has no result.
    pub(super) fn read(self) -> Result<Scanned, String> {
        if !self.success {
            return Err("the scan was not completed".to_owned());
        }
        let mut coins = BTreeMap::new();
        for one in self.unspents {
            let outpoint = OutPoint::new(one.txid, one.vout);
            let unspent = Unspent {
                amount: bitcoins(&one.amount)?,
                script_pubkey: one.script_pubkey,
                height: one.height,
            };
            if coins.insert(outpoint, unspent).is_some() {
                return Err(format!("{outpoint} twice"));
            }
        }
        Ok(Scanned {
            tip: BlockRef {
                height: self.height,
                hash: self.bestblock,
            },
            coins,
        })
    }
}

/// An entry of `getmempooldescendants`, and `getmempoolentry`.
#[derive(Deserialize)]
pub(super) struct PoolEntry {
    vsize: u64,
    fees: PoolFees,
}

#[derive(Deserialize)]
struct PoolFees {
    base: Box<RawValue>,
}

impl PoolEntry {
    pub(super) fn read(self, txid: Txid) -> Result<Pooled, String> {
        Ok(Pooled {
            txid,
            fee: bitcoins(&self.fees.base)?,
            size: self.vsize,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct FeeAnswer {
    feerate: Option<Box<RawValue>>,
}

impl FeeAnswer {
    /// From bitcoin per 1000 vB to sat/kwu, rounded up.
    pub(super) fn feerate(self) -> Result<Option<FeeRate>, String> {
        let Some(text) = self.feerate else {
            return Ok(None);
        };
        let per_kvb = bitcoins(&text)?.to_sat();
        Ok((per_kvb > 0).then(|| FeeRate::from_sat_per_kwu(per_kvb.div_ceil(4))))
    }
}

/// `getmempoolinfo`, as far as it says what a transaction must pay.
#[derive(Deserialize)]
pub(super) struct MempoolInfo {
    mempoolminfee: Box<RawValue>,
    minrelaytxfee: Box<RawValue>,
    /// Nodes before version 24 do not say.
    #[serde(default)]
    incrementalrelayfee: Option<Box<RawValue>>,
}

/// What a mempool asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MempoolFees {
    /// The least feerate that it takes now: its own minimum, or that of relaying where it is higher; none where
    /// everything is taken.
    pub least: Option<FeeRate>,
    /// The least that a replacement must pay for its own size (BIP 125, rule 4); none where nothing, or not said.
    pub incremental: Option<FeeRate>,
}

impl MempoolInfo {
    /// From bitcoin per 1000 vB to sat/kwu, rounded up.
    pub(super) fn read(self) -> Result<MempoolFees, String> {
        let own = bitcoins(&self.mempoolminfee)?;
        let relay = bitcoins(&self.minrelaytxfee)?;
        let increment = self.incrementalrelayfee.as_deref().map(bitcoins);
        Ok(MempoolFees {
            least: feerate(own.max(relay)),
            incremental: increment.transpose()?.and_then(feerate),
        })
    }
}

/// From an amount for each 1000 vB, rounded up; none where that is nothing.
fn feerate(per_kvb: Amount) -> Option<FeeRate> {
    let sat = per_kvb.to_sat();
    (sat > 0).then(|| FeeRate::from_sat_per_kwu(sat.div_ceil(4)))
}

/// A decimal number of bitcoins, exactly.
fn bitcoins(text: &RawValue) -> Result<Amount, String> {
    Amount::from_str_in(text.get(), Denomination::Bitcoin)
        .map_err(|error| format!("{}: {error}", text.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_from_their_text() {
        let text = r#"{"bestblock":"0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
            "confirmations":1,"value":20999999.97690000,"scriptPubKey":{"hex":"51"},"coinbase":false}"#;
        let answer: TxOutAnswer = serde_json::from_str(text).expect("an answer");
        assert_eq!(
            answer.read().expect("reads").amount.to_sat(),
            2_099_999_997_690_000
        );
    }

    #[test]
    fn a_scan_that_was_called_off_has_no_result_and_amounts_are_exact() {
        let text = |success: bool| {
            let (hash, txid) = ("0f".repeat(32), "ab".repeat(32));
            format!(
                r#"{{"success":{success},"txouts":9,"height":7,"bestblock":"{hash}","unspents":[{{"txid":"{txid}",
                "vout":1,"scriptPubKey":"51","desc":"raw(51)","amount":20999999.97690000,"coinbase":false,"height":5}}],
                "total_amount":20999999.97690000}}"#
            )
        };
        let read = |text: &str| {
            serde_json::from_str::<ScanAnswer>(text)
                .expect("an answer")
                .read()
        };
        let found = read(&text(true)).expect("a result");
        let amounts: Vec<u64> = found
            .coins
            .values()
            .map(|coin| coin.amount.to_sat())
            .collect();
        assert_eq!(
            (found.tip.height, amounts),
            (7, vec![2_099_999_997_690_000])
        );
        read(&text(false)).expect_err("half a scan");
    }

    #[test]
    fn a_mempool_takes_the_higher_of_its_two_minima() {
        let read = |own, relay| {
            let text = format!(r#"{{"mempoolminfee":{own},"minrelaytxfee":{relay}}}"#);
            serde_json::from_str::<MempoolInfo>(&text)
                .expect("an answer")
                .read()
                .map(|fees| fees.least)
        };
        let feerate = |kwu| Ok(Some(FeeRate::from_sat_per_kwu(kwu)));
        assert_eq!(read("0.00005001", "0.00001000"), feerate(1_251));
        assert_eq!(read("0.00000100", "0.00001000"), feerate(250));
        assert_eq!(read("0.00000000", "0.00000000"), Ok(None));
    }

    #[test]
    fn what_a_replacement_must_pay_more_is_the_nodes_own_figure_or_unknown() {
        let read = |more: &str| {
            let text = format!(r#"{{"mempoolminfee":0.00001,"minrelaytxfee":0.00001{more}}}"#);
            let info = serde_json::from_str::<MempoolInfo>(&text).expect("an answer");
            info.read().map(|fees| fees.incremental)
        };
        let feerate = Some(FeeRate::from_sat_per_kwu(1_251));
        assert_eq!(read(r#","incrementalrelayfee":0.00005001"#), Ok(feerate));
        assert_eq!(read(r#","incrementalrelayfee":0.00000000"#), Ok(None));
        assert_eq!(read(""), Ok(None));
    }

    #[test]
    fn a_feerate_is_rounded_up_and_none_stays_none() {
        let read = |text| {
            serde_json::from_str::<FeeAnswer>(text)
                .expect("an answer")
                .feerate()
        };
        let feerate = |kwu| Ok(Some(FeeRate::from_sat_per_kwu(kwu)));
        assert_eq!(read(r#"{"feerate":0.00012345,"blocks":2}"#), feerate(3087));
        assert_eq!(read(r#"{"feerate":0.00001000,"blocks":2}"#), feerate(250));
        assert_eq!(
            read(r#"{"errors":["Insufficient data"],"blocks":0}"#),
            Ok(None)
        );
        read(r#"{"feerate":1e-5}"#).expect_err("an exponent is no amount");
    }
}
