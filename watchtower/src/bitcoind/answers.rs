//! Answers of the node as values. Amounts are read from their decimal text, never through floats.

use bitcoin::{Amount, BlockHash, Denomination, FeeRate, ScriptBuf};
use serde::Deserialize;
use serde_json::value::RawValue;

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
}

impl MempoolInfo {
    /// The higher of the two, from bitcoin per 1000 vB to sat/kwu, rounded up; none where everything is taken.
    pub(super) fn least(self) -> Result<Option<FeeRate>, String> {
        let own = bitcoins(&self.mempoolminfee)?.to_sat();
        let relay = bitcoins(&self.minrelaytxfee)?.to_sat();
        let per_kvb = own.max(relay);
        Ok((per_kvb > 0).then(|| FeeRate::from_sat_per_kwu(per_kvb.div_ceil(4))))
    }
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
    fn a_mempool_takes_the_higher_of_its_two_minima() {
        let read = |own, relay| {
            let text = format!(r#"{{"mempoolminfee":{own},"minrelaytxfee":{relay}}}"#);
            serde_json::from_str::<MempoolInfo>(&text)
                .expect("an answer")
                .least()
        };
        let feerate = |kwu| Ok(Some(FeeRate::from_sat_per_kwu(kwu)));
        assert_eq!(read("0.00005001", "0.00001000"), feerate(1_251));
        assert_eq!(read("0.00000100", "0.00001000"), feerate(250));
        assert_eq!(read("0.00000000", "0.00000000"), Ok(None));
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
