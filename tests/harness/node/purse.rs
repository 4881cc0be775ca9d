//! The money of a test chain: one key, whose coins the node is asked for and which signs itself.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash as _;
use bitcoin::key::Secp256k1;
use bitcoin::secp256k1::{All, Message, SecretKey};
use bitcoin::sighash::{EcdsaSighashType, SighashCache};
use bitcoin::transaction::Version;
use bitcoin::{
    Address, Amount, CompressedPublicKey, OutPoint, PubkeyHash, Script, ScriptBuf, Sequence,
    Transaction, TxIn, TxOut, Txid, WPubkeyHash, Witness, ecdsa,
};
use serde::Deserialize;
use serde_json::json;

use super::Bitcoind;
use crate::Failure;

/// What every transaction of the purse pays: far above the least that a node relays.
const FEE: Amount = Amount::from_sat(20_000);
/// What half of all signatures take in DER.
const SIGNATURE_BYTES: usize = 70;
/// Change below this goes to the miner.
const LEAST_CHANGE: Amount = Amount::from_sat(1_000);
/// Blocks until a coinbase may be spent.
const MATURITY: u32 = 100;

/// The key that mining rewards go to, and that pays for everything in a test.
#[derive(Debug)]
pub struct Purse {
    secp: Secp256k1<All>,
    secret: SecretKey,
    public: CompressedPublicKey,
    script: ScriptBuf,
    /// Every coin that it ever signed for.
    spent: RefCell<BTreeMap<OutPoint, Amount>>,
}

/// One coin of the purse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coin {
    pub(super) outpoint: OutPoint,
    pub(super) amount: Amount,
}

impl Purse {
    pub(super) fn new() -> Result<Self, Failure> {
        let secp = Secp256k1::new();
        let secret = SecretKey::from_slice(&[0x51; 32])?;
        let public = CompressedPublicKey(secret.public_key(&secp));
        let script = ScriptBuf::new_p2wpkh(&public.wpubkey_hash());
        Ok(Self {
            secp,
            secret,
            public,
            script,
            spent: RefCell::default(),
        })
    }

    /// The script of its coins (P2WPKH).
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// Other scripts of regtest that nobody in the test spends from, told apart by `n`.
    pub fn stranger(n: u8) -> Address {
        let script = match n % 2 {
            0 => ScriptBuf::new_p2wpkh(&WPubkeyHash::hash(&[n])),
            _ => ScriptBuf::new_p2pkh(&PubkeyHash::hash(&[n])),
        };
        Address::from_script(&script, bitcoin::Network::Regtest)
            .unwrap_or_else(|_| unreachable!("both scripts have an address"))
    }

    pub(super) fn pay(
        &self,
        coins: &[Coin],
        mut outputs: Vec<TxOut>,
        fee: Amount,
    ) -> Result<Transaction, Failure> {
        let total: Amount = coins.iter().map(|coin| coin.amount).sum();
        let paid: Amount = outputs.iter().map(|output| output.value).sum();
        let change = total
            .checked_sub(paid)
            .and_then(|rest| rest.checked_sub(fee))
            .ok_or_else(|| Failure::new(format!("the purse has {total} for {paid} and a fee")))?;
        if change >= LEAST_CHANGE {
            outputs.push(TxOut {
                value: change,
                script_pubkey: self.script.clone(),
            });
        }
        let input = |coin: &Coin| TxIn {
            previous_output: coin.outpoint,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        };
        let mut transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: coins.iter().map(input).collect(),
            output: outputs,
        };
        let mut witnesses = Vec::with_capacity(coins.len());
        let mut cache = SighashCache::new(&transaction);
        for (index, coin) in coins.iter().enumerate() {
            let sighash_type = EcdsaSighashType::All;
            let hash =
                cache.p2wpkh_signature_hash(index, &self.script, coin.amount, sighash_type)?;
            let message = Message::from_digest(hash.to_byte_array());
            // All of one size, so that a fee can be worked out before it is signed.
            let signature = (0..=u8::MAX)
                .map(|nonce| {
                    let nonce = [nonce; 32];
                    (self.secp).sign_ecdsa_with_noncedata(&message, &self.secret, &nonce)
                })
                .find(|signature| signature.serialize_der().len() == SIGNATURE_BYTES)
                .ok_or_else(|| Failure::new("no signature has the usual size"))?;
            let signature = ecdsa::Signature {
                signature,
                sighash_type,
            };
            witnesses.push(Witness::p2wpkh(&signature, &self.public.0));
        }
        for (input, witness) in transaction.input.iter_mut().zip(witnesses) {
            input.witness = witness;
        }
        self.spent
            .borrow_mut()
            .extend(coins.iter().map(|coin| (coin.outpoint, coin.amount)));
        Ok(transaction)
    }
}

impl Bitcoind {
    /// Sends an amount to an address; the transaction waits in the mempool.
    pub fn fund(&self, address: &Address, amount: Amount) -> Result<Txid, Failure> {
        self.fund_all(&[(address.clone(), amount)])
    }

    /// Sends several amounts in one transaction, in the order given, change last.
    pub fn fund_all(&self, payments: &[(Address, Amount)]) -> Result<Txid, Failure> {
        let transaction = self.funding(payments)?;
        self.broadcast(&transaction)
    }

    /// A signed transaction that pays these amounts, not yet sent anywhere.
    pub fn funding(&self, payments: &[(Address, Amount)]) -> Result<Transaction, Failure> {
        let outputs = outputs_of(payments);
        let wanted = outputs.iter().map(|output| output.value).sum::<Amount>() + FEE;
        let mut chosen = Vec::new();
        let mut total = Amount::ZERO;
        for coin in self.coins()? {
            if total >= wanted {
                break;
            }
            total += coin.amount;
            chosen.push(coin);
        }
        self.purse().pay(&chosen, outputs, FEE)
    }

    /// A transaction that spends the same coins as `other`, one of the purse's own, back to the
    /// purse at ten times its fee: in a block, it undoes the other for good.
    pub fn conflicting(&self, other: &Transaction) -> Result<Transaction, Failure> {
        self.rival(other, &[], FEE * 10)
    }

    /// A transaction that spends the same coins as `other`, one of the purse's own, to these payments at a fee.
    pub fn rival(
        &self,
        other: &Transaction,
        payments: &[(Address, Amount)],
        fee: Amount,
    ) -> Result<Transaction, Failure> {
        let spent = self.purse().spent.borrow();
        let coins = other
            .input
            .iter()
            .map(|input| {
                let outpoint = input.previous_output;
                let amount = *spent
                    .get(&outpoint)
                    .ok_or_else(|| Failure::new(format!("{outpoint} was no coin of the purse")))?;
                Ok(Coin { outpoint, amount })
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        drop(spent);
        self.purse().pay(&coins, outputs_of(payments), fee)
    }

    /// A transaction that spends the change of `parent`, one of the purse's own, at a fee.
    pub fn child(&self, parent: &Transaction, fee: Amount) -> Result<Transaction, Failure> {
        let change = parent.output.len().saturating_sub(1);
        let coin = Coin {
            outpoint: OutPoint::new(parent.compute_txid(), u32::try_from(change)?),
            amount: parent.output[change].value,
        };
        self.purse().pay(&[coin], Vec::new(), fee)
    }

    /// The purse's coins that may be spent now, the largest first.
    fn coins(&self) -> Result<Vec<Coin>, Failure> {
        let script = format!("raw({})", self.purse().script().to_hex_string());
        let scanned: Scan = self.call("scantxoutset", json!(["start", [script]]))?;
        let mature =
            |found: &Unspent| !found.coinbase || scanned.height + 1 >= found.height + MATURITY;
        let found: Vec<&Unspent> = scanned
            .unspents
            .iter()
            .filter(|found| mature(found))
            .collect();
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<_> = found
            .iter()
            .map(|found| json!({ "txid": found.txid, "vout": found.vout }))
            .collect();
        let spending: Vec<Spending> = self.call("gettxspendingprevout", json!([asked]))?;
        let mut coins: Vec<Coin> = found
            .iter()
            .zip(spending)
            .filter(|(_, spending)| spending.spendingtxid.is_none())
            .map(|(found, _)| Coin {
                outpoint: OutPoint::new(found.txid, found.vout),
                amount: found.amount,
            })
            .collect();
        coins.sort_by_key(|coin| (std::cmp::Reverse(coin.amount), coin.outpoint));
        Ok(coins)
    }
}

pub(super) fn outputs_of(payments: &[(Address, Amount)]) -> Vec<TxOut> {
    payments
        .iter()
        .map(|(address, amount)| TxOut {
            value: *amount,
            script_pubkey: address.script_pubkey(),
        })
        .collect()
}

#[derive(Deserialize)]
struct Scan {
    height: u32,
    unspents: Vec<Unspent>,
}

#[derive(Deserialize)]
struct Unspent {
    txid: Txid,
    vout: u32,
    #[serde(with = "bitcoin::amount::serde::as_btc")]
    amount: Amount,
    height: u32,
    coinbase: bool,
}

#[derive(Deserialize)]
struct Spending {
    spendingtxid: Option<Txid>,
}
