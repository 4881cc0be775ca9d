//! Four vaults with all their keys, whose coins are real on a node's chain.

use std::collections::BTreeMap;

use bitcoin::bip32::{DerivationPath, Xpriv, Xpub};
use bitcoin::hashes::{Hash as _, sha256};
use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Address, Amount, Network, NetworkKind, OutPoint, ScriptBuf, Transaction, TxOut};
use miniscript::{Descriptor, DescriptorPublicKey};
use policies::descriptor::{KeyPosition, nums_xpub};
use policies::document::name_of_network;
use policies::intent::SecretKey;
use policies::{Keychain, Policy, UnixTime};
use serde_json::json;

use super::oracle::{Spend, own_script};
use crate::{Bitcoind, Failure, Purse};

/// The blocks after which the recovery paths open.
pub const OLDER: u16 = 12_960;

/// Where every account key comes from.
pub const PATH: &str = "48h/1h/0h/2h";
/// Who holds keys; the last one recovers.
pub const SIGNERS: [&str; 4] = ["alice", "bob", "machine", "trustee"];
/// The index of the first change that attempts make.
pub const CHANGE: u32 = 40;
/// What each coin holds.
const COIN: Amount = Amount::from_sat(100_000_000);
/// External coins, then internal ones.
const COINS: [(Keychain, u32); 8] = [
    (Keychain::External, 0),
    (Keychain::External, 1),
    (Keychain::External, 2),
    (Keychain::External, 3),
    (Keychain::External, 4),
    (Keychain::Internal, 0),
    (Keychain::Internal, 1),
    (Keychain::Internal, 2),
];

/// The descriptors that campaigns run over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `wsh`, two of three.
    Wsh,
    /// `wsh`, two of three, and another key after a while.
    WshRecovery,
    /// `tr`: a key path of one, leaves of two others together and of another key after a while. The two
    /// ordinary ways share no key, so that its policy trusts the coordinator not to pay twice.
    TrKeyLeaf,
    /// `tr`: `multi_a`, and another key after a while.
    TrMultiA,
    /// `wsh`, three of four, so that one may be dishonest. In no campaign but G2b.
    WshFour,
}

impl Kind {
    /// All that campaigns share.
    pub const ALL: [Self; 4] = [
        Self::Wsh,
        Self::WshRecovery,
        Self::TrKeyLeaf,
        Self::TrMultiA,
    ];

    /// Whether it is taproot.
    pub const fn is_tr(self) -> bool {
        match self {
            Self::Wsh | Self::WshRecovery | Self::WshFour => false,
            Self::TrKeyLeaf | Self::TrMultiA => true,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wsh => "wsh 2-of-3",
            Self::WshRecovery => "wsh with recovery",
            Self::TrKeyLeaf => "tr key and leaf",
            Self::TrMultiA => "tr multi_a",
            Self::WshFour => "wsh 3-of-4",
        }
    }

    /// The descriptor over four keys, each written as it stands there.
    pub fn descriptor(self, keys: &[String; 4], nums: &str) -> String {
        let [a, b, m, r] = keys;
        match self {
            Self::Wsh => format!("wsh(sortedmulti(2,{a},{b},{m}))"),
            Self::WshFour => format!("wsh(sortedmulti(3,{a},{b},{m},{r}))"),
            Self::WshRecovery => {
                format!("wsh(or_d(multi(2,{a},{b},{m}),and_v(v:pkh({r}),older(12960))))")
            }
            Self::TrKeyLeaf => {
                format!("tr({a},{{and_v(v:pk({b}),pk({m})),and_v(v:pk({r}),older(12960))}})")
            }
            Self::TrMultiA => {
                format!("tr({nums},{{and_v(v:pk({r}),older(12960)),multi_a(2,{a},{b},{m})}})")
            }
        }
    }
}

/// A coin of a vault, as it really is.
#[derive(Debug, Clone)]
pub struct Coin {
    /// Its keychain.
    pub keychain: Keychain,
    /// Its index.
    pub index: u32,
    /// Where it is.
    pub outpoint: OutPoint,
    /// What it is.
    pub output: TxOut,
    /// How it is spent.
    pub spend: Spend,
    /// The transaction that made it.
    pub funding: Transaction,
}

/// One vault.
#[derive(Debug, Clone)]
pub struct Vault {
    /// Which.
    pub kind: Kind,
    /// Its policy.
    pub policy: Policy,
    /// Its descriptor, read without this project's code.
    pub descriptor: Descriptor<DescriptorPublicKey>,
    /// Its coins.
    pub coins: Vec<Coin>,
    /// The signer's clock.
    pub now: UnixTime,
    /// The height at which attempts are made.
    pub tip: u32,
}

/// A secret of a person or service, the same in every run.
pub fn secret(name: &str) -> SecretKey {
    SecretKey::from_bytes(&seed(name))
}

/// A seed of a name.
pub fn seed(name: &str) -> [u8; 32] {
    sha256::Hash::hash(name.as_bytes()).to_byte_array()
}

/// The master key of a signer.
pub fn master(name: &str) -> Xpriv {
    Xpriv::new_master(NetworkKind::Test, &seed(name)).expect("a hash is a seed")
}

/// The account path.
pub fn account_path() -> DerivationPath {
    PATH.parse().expect("a path")
}

/// A signer's account key as policies name it.
pub fn position(name: &str, secp: &Secp256k1<All>) -> KeyPosition {
    let master = master(name);
    let account = master
        .derive_priv(secp, &account_path())
        .expect("hardened steps derive");
    KeyPosition {
        fingerprint: master.fingerprint(secp),
        path: account_path(),
        xpub: Xpub::from_priv(secp, &account),
    }
}

/// A script that is nobody's here.
pub fn stranger(seed: u8) -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&bitcoin::WPubkeyHash::from_byte_array([seed; 20]))
}

/// A destination of the policy's list.
pub fn listed() -> Address {
    listed_on(Network::Regtest)
}

/// The same as another network writes it.
fn listed_on(network: Network) -> Address {
    let script = ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::from_byte_array([1; 32]));
    Address::from_script(&script, network).expect("p2wsh has an address")
}

impl Vault {
    /// One of each kind, with coins on the node's chain.
    pub fn all(node: &Bitcoind, kinds: &[Kind]) -> Result<Vec<Self>, Failure> {
        let head = node.height()?;
        let best = node.best_block()?;
        let header: serde_json::Value = node.call("getblockheader", json!([best]))?;
        let time = header["time"]
            .as_u64()
            .ok_or_else(|| Failure::new("a block without a time"))?;
        let time = UnixTime::from_secs(time);
        let mut vaults = Vec::new();
        for kind in kinds.iter().copied() {
            let mut vault = Self::without_coins(kind, Network::Regtest, head, time)?;
            vault.fund(node)?;
            vaults.push(vault);
        }
        node.mine(1)?;
        let tip = node.height()?;
        for vault in &mut vaults {
            vault.tip = tip;
        }
        Ok(vaults)
    }

    fn without_coins(
        kind: Kind,
        network: Network,
        height: u32,
        time: UnixTime,
    ) -> Result<Self, Failure> {
        let secp = Secp256k1::new();
        let mut positions = SIGNERS.map(|name| position(name, &secp));
        for position in &mut positions {
            position.xpub.network = network.into();
        }
        let points: Vec<_> = positions.iter().map(|key| key.xpub.public_key).collect();
        let keys = positions.clone().map(|key| format!("{key}/<0;1>/*"));
        let nums = format!("{}/<0;1>/*", nums_xpub(&points, network.into()));
        let descriptor: Descriptor<DescriptorPublicKey> = kind.descriptor(&keys, &nums).parse()?;
        let text = document(
            kind,
            network,
            &descriptor.to_string(),
            &positions,
            (height, time),
        );
        let policy = read(&text)?;
        Ok(Self {
            kind,
            policy,
            descriptor,
            coins: Vec::new(),
            now: time.saturating_add(3_600),
            tip: height,
        })
    }

    /// Two transactions with four coins each, whose first output is somebody else's.
    fn fund(&mut self, node: &Bitcoind) -> Result<(), Failure> {
        for (part, coins) in COINS.chunks(4).enumerate() {
            let made: Vec<(TxOut, Spend)> = coins
                .iter()
                .map(|(keychain, index)| {
                    let (script_pubkey, spend) = self.own(*keychain, *index);
                    let value = COIN;
                    (
                        TxOut {
                            value,
                            script_pubkey,
                        },
                        spend,
                    )
                })
                .collect();
            let mut payments = vec![(Purse::stranger(0), Amount::from_sat(10_000))];
            for (output, _) in &made {
                let address = Address::from_script(&output.script_pubkey, Network::Regtest)?;
                payments.push((address, output.value));
            }
            let funding = node.funding(&payments)?;
            let txid = node.broadcast(&funding)?;
            for (vout, ((keychain, index), (output, spend))) in (1..).zip(coins.iter().zip(made)) {
                self.coins.push(Coin {
                    keychain: *keychain,
                    index: *index,
                    outpoint: OutPoint::new(txid, vout),
                    output,
                    spend,
                    funding: funding.clone(),
                });
            }
            node.mine(u32::from(part == 0))?;
        }
        Ok(())
    }

    /// A script of the vault and how it is spent, by miniscript alone.
    pub fn own(&self, keychain: Keychain, index: u32) -> (ScriptBuf, Spend) {
        own_script(&self.descriptor, usize::from(keychain.branch()), index)
    }

    /// The same keys and coins under another document, which is this one's with something altered.
    pub fn under(&self, alter: impl FnOnce(String) -> String) -> Result<Self, Failure> {
        let text = alter(String::from_utf8(self.policy.bytes.clone())?);
        let policy = read(&text)?;
        Ok(Self {
            policy,
            ..self.clone()
        })
    }

    /// The same keys, people and coins in a vault on another network.
    pub fn on(&self, network: Network) -> Result<Self, Failure> {
        let head = self.policy.head;
        let other = Self::without_coins(self.kind, network, head.height, head.time)?;
        Ok(Self {
            coins: self.coins.clone(),
            now: self.now,
            tip: self.tip,
            ..other
        })
    }

    /// The funding transactions of coins.
    pub fn fundings(&self) -> BTreeMap<bitcoin::Txid, Transaction> {
        self.coins
            .iter()
            .map(|coin| (coin.outpoint.txid, coin.funding.clone()))
            .collect()
    }
}

fn read(text: &str) -> Result<Policy, Failure> {
    Policy::parse(text.as_bytes()).map_err(|mistakes| {
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        Failure::new(format!("{}\nin:\n{text}", mistakes.join("\n")))
    })
}

/// The policy's document, as a person writes it.
fn document(
    kind: Kind,
    network: Network,
    descriptor: &str,
    positions: &[KeyPosition; 4],
    (height, time): (u32, UnixTime),
) -> String {
    let own = |name: &str| format!("{{ key = \"{}\", tool = \"own\" }}", secret(name).public());
    let until = time.saturating_add(365 * 86_400);
    let genesis = bitcoin::constants::genesis_block(network).block_hash();
    let destination = listed_on(network);
    let network = name_of_network(network);
    let double_payment = match kind {
        Kind::TrKeyLeaf => "double_payment = \"trust-coordinator\"\n",
        Kind::Wsh | Kind::WshRecovery | Kind::TrMultiA | Kind::WshFour => "",
    };
    let mut text = format!(
        "format = \"countersign/policy/1\"\nname = \"treasury\"\nvault = \"\"\nversion = 1\n\
         previous = \"\"\nnetwork = \"{network}\"\ngenesis = \"{genesis}\"\n\
         head = {{ height = {height}, time = {time} }}\nvalid_until = {until}\n\
         [spending]\ndescriptor = \"{descriptor}\"\n{double_payment}[recovery]\nto = \"newest\"\n"
    );
    let without_recovery = kind == Kind::Wsh;
    for (name, position) in SIGNERS.iter().zip(positions) {
        if *name == "trustee" && without_recovery {
            continue;
        }
        let journal = secret(&format!("journal of {name}")).public();
        text += &format!(
            "[[signers]]\nname = \"{name}\"\nperson = \"{name}\"\nkey = \"{position}\"\n\
             journal = \"{journal}\"\n"
        );
    }
    text += &format!(
        "[[requesters]]\nname = \"exchange\"\nkeys = [{}]\n\
         [[requesters]]\nname = \"desk\"\nperson = \"dana\"\nkeys = [{}]\n",
        own("exchange"),
        own("desk")
    );
    for (name, keys, groups) in [
        ("dana", &["dana"][..], "\"ops\", \"board\""),
        ("erin", &["erin", "erin's second"], "\"ops\""),
        ("frank", &["frank"], "\"board\""),
    ] {
        let keys: Vec<String> = keys.iter().map(|name| own(name)).collect();
        text += &format!(
            "[[approvers]]\nname = \"{name}\"\nperson = \"{name}\"\ngroups = [{groups}]\n\
             keys = [{}]\n",
            keys.join(", ")
        );
    }
    text += &format!(
        "[limits]\nfeerate_max_sat_vb = \"200\"\nfee_max_sat = 500000\n\
         fee_share_max_percent = 2\nchange = {{ max_outputs = 1, min_sat = 100000 }}\n\
         transaction = {{ max_inputs = 4, max_outputs = 8 }}\n\
         confirmations = {{ deposit = 3, change = 1 }}\nclock_skew = \"10m\"\n\
         [[lists]]\nname = \"counterparties\"\nentries = [\"{destination}\"]\n\
         [[rules]]\nname = \"small\"\nkind = \"payment\"\nrequester = [\"exchange\"]\n\
         amount_max_sat = 5000000\napprovals = {{ count = 0 }}\n\
         [[rules]]\nname = \"counterparties\"\nto = [\"counterparties\"]\n\
         amount_max_sat = 5000000000\napprovals = {{ group = \"ops\", count = 1 }}\n\
         [[rules]]\nname = \"the rest\"\namount_max_sat = 100000000\n\
         approvals = {{ group = \"ops\", count = 2 }}\n"
    );
    text
}
