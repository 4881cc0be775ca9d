//! A 2-of-3 vault with a recovery path, coins in it, and plain keys to sign with.

use std::collections::BTreeMap;

use bitcoin::{
    Amount, Network, NetworkKind, OutPoint, PublicKey, ScriptBuf, Sequence, TapLeafHash,
    TapSighashType, Transaction, TxIn, TxOut, Txid, Witness,
    absolute::LockTime,
    bip32::{DerivationPath, Xpriv, Xpub},
    ecdsa,
    hashes::Hash as _,
    key::{Keypair, Secp256k1},
    secp256k1::All,
    sighash::{EcdsaSighashType, Prevouts, SighashCache},
    taproot,
    transaction::Version,
};
use miniscript::Descriptor;
use policies::{
    descriptor::{KeyPosition, VaultDescriptor, nums_xpub},
    document::Signer,
    ids::Keychain,
    psbt::{OfferedSignature, OfferedSlot, SignatureKey},
};

use super::{
    SECP,
    creator::{Created, create},
    issued::{IssuedTransaction, SpentCoin},
};

/// Script kinds that every test runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Wsh,
    SortedMulti,
    Tr,
    Wpkh,
}

/// A vault whose private keys are known.
pub(crate) struct Vault {
    pub(crate) descriptor: VaultDescriptor,
    accounts: Vec<Xpriv>,
    secp: Secp256k1<All>,
    /// Whether signers look for signatures with a short R, as most do.
    pub(crate) grinding: bool,
}

/// The signers, in the order of their keys; the last one recovers.
pub(crate) const NAMES: [&str; 4] = ["alice", "bob", "carol", "vault-key"];

impl Vault {
    pub(crate) fn new(kind: Kind) -> Self {
        Self::from_seed(kind, 1)
    }

    /// The same with keys from four seeds beginning with this one.
    pub(crate) fn from_seed(kind: Kind, first: u8) -> Self {
        let secp = Secp256k1::new();
        let path: DerivationPath = "48h/1h/0h/2h".parse().expect("a path");
        let mut accounts = Vec::new();
        let mut keys = Vec::new();
        let mut points = Vec::new();
        for seed in first..first + 4 {
            let master = Xpriv::new_master(NetworkKind::Test, &[seed; 32]).expect("a seed");
            let account = master.derive_priv(&secp, &path).expect("derives");
            let xpub = Xpub::from_priv(&secp, &account);
            points.push(xpub.public_key);
            keys.push(format!(
                "[{}/{path}]{xpub}/<0;1>/*",
                master.fingerprint(&secp)
            ));
            accounts.push(account);
        }
        let [a, b, c, r] = &keys[..] else {
            unreachable!("four keys")
        };
        let text = match kind {
            Kind::Wsh => format!("wsh(or_d(multi(2,{a},{b},{c}),and_v(v:pkh({r}),older(12960))))"),
            Kind::SortedMulti => format!("wsh(sortedmulti(2,{a},{b},{c}))"),
            Kind::Tr => {
                let nums = nums_xpub(&points, NetworkKind::Test);
                format!(
                    "tr({nums}/<0;1>/*,{{and_v(v:pk({r}),older(12960)),multi_a(2,{a},{b},{c})}})"
                )
            }
            Kind::Wpkh => format!("wpkh({a})"),
        };
        let checked: Descriptor<miniscript::DescriptorPublicKey> =
            text.parse().expect("a descriptor");
        let descriptor = VaultDescriptor::parse(&checked.to_string(), Network::Regtest)
            .expect("a vault's descriptor");
        Self {
            descriptor,
            accounts,
            secp,
            grinding: true,
        }
    }

    /// The extended key of the account of one of [`NAMES`].
    pub(crate) fn xpub(&self, signer: usize) -> Xpub {
        Xpub::from_priv(&self.secp, &self.accounts[signer])
    }

    /// The signers as a policy names them.
    pub(crate) fn signers(&self) -> Vec<Signer> {
        let journal = "ed25519:3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29";
        let signer = |(name, position): (&str, &KeyPosition)| Signer {
            name: name.to_owned(),
            person: name.to_owned(),
            device: None,
            key: position
                .to_string()
                .parse()
                .expect("an extended key with origin"),
            journal: journal.parse().expect("a key"),
        };
        let keys: BTreeMap<Xpub, &KeyPosition> = self
            .descriptor
            .key_positions()
            .iter()
            .map(|position| (position.xpub, position))
            .collect();
        let held = NAMES
            .into_iter()
            .enumerate()
            .filter_map(|(number, name)| Some((name, *keys.get(&self.xpub(number))?)));
        held.map(signer).collect()
    }

    /// A deposit and the transaction that made it.
    pub(crate) fn coin(&self, index: u32, sat: u64) -> (SpentCoin, Transaction) {
        let derived = self.descriptor.at(Keychain::External, index);
        let prevout = TxOut {
            value: Amount::from_sat(sat),
            script_pubkey: derived.script_pubkey.clone(),
        };
        let funding = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output: OutPoint {
                    txid: Txid::from_byte_array([7; 32]),
                    vout: index,
                },
                script_sig: ScriptBuf::new(),
                sequence: Sequence::MAX,
                witness: Witness::new(),
            }],
            output: vec![
                TxOut {
                    value: Amount::from_sat(999),
                    script_pubkey: ScriptBuf::new(),
                },
                prevout.clone(),
            ],
        };
        (
            SpentCoin {
                outpoint: OutPoint {
                    txid: funding.compute_txid(),
                    vout: 1,
                },
                prevout,
                derived,
            },
            funding,
        )
    }

    /// Signs every input with one signer's key, over its own account of what is to be signed.
    pub(crate) fn sign(&self, signer: usize, issued: &IssuedTransaction) -> Vec<OfferedSignature> {
        let prevouts = issued.previous_outputs();
        let mut cache = SighashCache::new(issued.unsigned());
        let mut signatures = Vec::new();
        for (input, (derived, prevout)) in issued.scripts().iter().zip(prevouts).enumerate() {
            let path: DerivationPath = format!("{}/{}", derived.keychain.branch(), derived.index)
                .parse()
                .expect("a path");
            let secret = self.accounts[signer]
                .derive_priv(&self.secp, &path)
                .expect("derives")
                .private_key;
            let pair = Keypair::from_secret_key(&self.secp, &secret);
            let key = PublicKey::new(pair.public_key());
            match derived.definite.derived_descriptor(&*SECP) {
                Descriptor::Tr(tr) => {
                    let (x_only, _) = pair.x_only_public_key();
                    for leaf in tr.spend_info().leaves() {
                        if !leaf
                            .miniscript()
                            .iter_pk()
                            .any(|own| own.inner.x_only_public_key().0 == x_only)
                        {
                            continue;
                        }
                        let leaf: TapLeafHash = leaf.leaf_hash();
                        let sighash = cache
                            .taproot_script_spend_signature_hash(
                                input,
                                &Prevouts::All(prevouts),
                                leaf,
                                TapSighashType::Default,
                            )
                            .expect("an input");
                        let signature = self.secp.sign_schnorr_no_aux_rand(&sighash.into(), &pair);
                        let signature = taproot::Signature {
                            signature,
                            sighash_type: TapSighashType::Default,
                        };
                        signatures.push(OfferedSignature {
                            input,
                            slot: OfferedSlot::Place(SignatureKey::TapLeaf(x_only, leaf)),
                            bytes: signature.to_vec(),
                        });
                    }
                }
                script @ (Descriptor::Wsh(_)
                | Descriptor::Wpkh(_)
                | Descriptor::Bare(_)
                | Descriptor::Pkh(_)
                | Descriptor::Sh(_)) => {
                    let sighash_type = EcdsaSighashType::All;
                    let value = prevout.value;
                    let script_pubkey = &prevout.script_pubkey;
                    let sighash = if script_pubkey.is_p2wpkh() {
                        cache
                            .p2wpkh_signature_hash(input, script_pubkey, value, sighash_type)
                            .expect("an input")
                    } else {
                        let code = script.script_code().expect("a script code");
                        cache
                            .p2wsh_signature_hash(input, &code, value, sighash_type)
                            .expect("an input")
                    };
                    let signature = if self.grinding {
                        self.secp.sign_ecdsa_low_r(&sighash.into(), &secret)
                    } else {
                        self.secp.sign_ecdsa(&sighash.into(), &secret)
                    };
                    let signature = ecdsa::Signature {
                        signature,
                        sighash_type,
                    };
                    signatures.push(OfferedSignature {
                        input,
                        slot: OfferedSlot::Place(SignatureKey::Ecdsa(key)),
                        bytes: signature.to_vec(),
                    });
                }
            }
        }
        signatures
    }

    /// An attempt that spends `count` coins to two payments and change; coins in the order of its inputs.
    pub(crate) fn attempt(&self, count: u32) -> Attempt {
        let made: Vec<(SpentCoin, Transaction)> = (0..count)
            .map(|index| self.coin(index, 1_000_000 + u64::from(index)))
            .collect();
        let payment = |number: u8, sat: u64| TxOut {
            value: Amount::from_sat(sat),
            script_pubkey: ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::from_byte_array(
                [number; 32],
            )),
        };
        let change = self.descriptor.at(Keychain::Internal, 3);
        let change_output = TxOut {
            value: Amount::from_sat(200_000),
            script_pubkey: change.script_pubkey.clone(),
        };
        let outpoints: Vec<OutPoint> = made.iter().map(|(coin, _)| coin.outpoint).collect();
        let payments = [payment(1, 100_000), payment(2, 50_000)];
        let created =
            create(&outpoints, &payments, Some(change_output), 321, [5; 32]).expect("an attempt");
        let (coins, fundings): (Vec<SpentCoin>, Vec<Transaction>) = made.into_iter().unzip();
        Attempt {
            issued: IssuedTransaction::new(created.transaction.clone(), &coins)
                .expect("their coins"),
            fundings: fundings
                .into_iter()
                .map(|funding| (funding.compute_txid(), funding))
                .collect(),
            created,
            coins,
            change,
        }
    }
}

/// An unsigned transaction and everything around it.
pub(crate) struct Attempt {
    pub(crate) created: Created,
    pub(crate) coins: Vec<SpentCoin>,
    pub(crate) issued: IssuedTransaction,
    pub(crate) fundings: BTreeMap<Txid, Transaction>,
    pub(crate) change: policies::descriptor::DerivedScript,
}
