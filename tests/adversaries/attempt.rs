//! Honest attempts, built by the coordinator's own roles, and the case that a mutation makes of one.

use std::collections::{BTreeMap, HashSet};

use bitcoin::psbt::Psbt;
use bitcoin::{Amount, OutPoint, ScriptBuf, TxOut};
use coordinator::roles::creator::create;
use coordinator::roles::issued::{IssuedTransaction, SpentCoin};
use coordinator::roles::updater::update;
use policies::intent::MerkleTree;
use policies::psbt::{AttemptPurpose, Manifest};
use policies::{Approval, Intent, IntentHash, IntentKind, Keychain, RequestSignature, UnixTime};

use super::draw::Draw;
use super::oracle::Truth;
use super::raw::{Maps, Version};
use super::vault::{CHANGE, Kind, SIGNERS, Vault, listed, secret, stranger};

/// A withdrawal, and who signed for it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What is asked for.
    pub intent: Intent,
    /// Whose key signed the request.
    pub by: &'static str,
    /// Whose keys approved it.
    pub approved_by: Vec<&'static str>,
}

/// What an attempt is built from.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Positions of the vault's coins.
    pub coins: Vec<usize>,
    /// What is paid.
    pub asked: Vec<Asked>,
    /// What is carried because a paid one replaces it.
    pub carried: Vec<Asked>,
    /// The change's index.
    pub change: u32,
    /// What the miners get.
    pub fee: Amount,
    /// The end of every approval.
    pub approvals_expire: UnixTime,
    /// The seed of its places.
    pub seed: [u8; 32],
}

/// An attempt as a coordinator issues it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The PSBT without the manifest.
    pub psbt: Psbt,
    /// The manifest.
    pub manifest: Manifest,
    /// Where each of the asked is paid.
    pub payments: Vec<usize>,
    /// Where the change is.
    pub change: usize,
    /// The transaction as the coordinator keeps it.
    pub issued: IssuedTransaction,
}

/// One case: a signer, its clock and journal, what it is handed, and what is true.
#[derive(Debug)]
pub struct Case<'world> {
    /// The vault.
    pub vault: &'world Vault,
    /// The case's choices.
    pub draw: Draw,
    /// What the attempt is built from; rebuild it after a change.
    pub plan: Plan,
    /// The attempt, to lie in.
    pub attempt: Attempt,
    /// What is true.
    pub truth: Truth,
    /// Who is asked to sign.
    pub who: &'static str,
    /// When that signer's journal was born.
    pub birth: UnixTime,
    /// That signer's clock.
    pub now: UnixTime,
    /// What was signed before.
    pub before: Vec<Vec<u8>>,
    /// Which PSBT is handed over.
    pub version: Version,
    records: Option<Maps>,
    bytes: Option<Vec<u8>>,
}

impl<'world> Case<'world> {
    /// An honest case.
    pub fn new(vault: &'world Vault, version: Version, mut draw: Draw) -> Self {
        let plan = plan(vault, &mut draw);
        let attempt = build(vault, &plan);
        let own: HashSet<_> = vault.coins.iter().map(|coin| coin.outpoint).collect();
        let truth = Truth {
            coins: vault
                .coins
                .iter()
                .map(|coin| (coin.outpoint, (coin.output.clone(), coin.spend.clone())))
                .collect(),
            own,
            approved: plan.asked.iter().map(Asked::output).collect(),
            change: vault.own(Keychain::Internal, plan.change).0,
        };
        let signers = match vault.kind {
            Kind::Wsh => 2,
            // By the key path, or by the leaf of the two others.
            Kind::TrKeyLeaf | Kind::WshRecovery | Kind::TrMultiA | Kind::WshFour => 3,
        };
        let who = SIGNERS[draw.place(signers)];
        Self {
            vault,
            draw,
            plan,
            attempt,
            truth,
            who,
            birth: UnixTime::ZERO,
            now: vault.now,
            before: Vec::new(),
            version,
            records: None,
            bytes: None,
        }
    }

    /// Builds the attempt again from the altered plan. What was approved stays what it was.
    pub fn rebuild(&mut self) {
        self.attempt = build(self.vault, &self.plan);
    }

    /// Nothing was approved after all: every signature is a wrong one.
    pub fn forbid(&mut self) {
        self.truth.approved.clear();
    }

    /// One payment was not approved after all.
    pub fn disapprove(&mut self, asked: usize) {
        let output = self.plan.asked[asked].output();
        self.truth.approved.retain(|approved| *approved != output);
    }

    /// The output that pays one of the asked.
    pub fn payment(&mut self, asked: usize) -> &mut TxOut {
        let place = self.attempt.payments[asked];
        &mut self.attempt.psbt.unsigned_tx.output[place]
    }

    /// The change.
    pub fn change(&mut self) -> &mut TxOut {
        let place = self.attempt.change;
        &mut self.attempt.psbt.unsigned_tx.output[place]
    }

    /// One of the asked.
    pub fn any_asked(&mut self) -> usize {
        self.draw.place(self.plan.asked.len())
    }

    /// One of the inputs.
    pub fn any_input(&mut self) -> usize {
        self.draw.place(self.plan.coins.len())
    }

    /// The hash of one of the asked.
    pub fn hash(&self, asked: usize) -> IntentHash {
        self.plan.asked[asked].intent.hash()
    }

    /// The records, to lie in; what is altered in the attempt afterwards does not count.
    pub fn records(&mut self) -> &mut Maps {
        let (attempt, version) = (&self.attempt, self.version);
        self.records
            .get_or_insert_with(|| Maps::of(&attempt.whole(), version))
    }

    /// Hands over these bytes instead.
    pub fn hand_over(&mut self, bytes: Vec<u8>) {
        self.bytes = Some(bytes);
    }

    /// What is handed over.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.clone().unwrap_or_else(|| {
            self.records
                .as_ref()
                .map_or_else(|| self.attempt.bytes(self.version), Maps::encode)
        })
    }

    /// The same as version 0, for libraries that read no other.
    pub fn bytes_for_naive(&self) -> Option<Vec<u8>> {
        match self.version {
            Version::V0 => Some(self.bytes()),
            Version::V2 if self.records.is_none() && self.bytes.is_none() => {
                Some(self.attempt.bytes(Version::V0))
            }
            Version::V2 => None,
        }
    }
}

impl Asked {
    /// What pays it.
    pub fn output(&self) -> TxOut {
        TxOut {
            value: self.intent.amount,
            script_pubkey: self.intent.script_pubkey.clone(),
        }
    }
}

impl Attempt {
    /// The PSBT with the manifest in it.
    pub fn whole(&self) -> Psbt {
        let mut psbt = self.psbt.clone();
        self.manifest.write_into(&mut psbt);
        psbt
    }

    /// Its bytes in a version.
    pub fn bytes(&self, version: Version) -> Vec<u8> {
        match version {
            Version::V0 => self.whole().serialize(),
            Version::V2 => Maps::of(&self.whole(), version).encode(),
        }
    }

    /// Adds an output without fields, of which the manifest does not speak.
    pub fn add_output(&mut self, output: TxOut) -> u32 {
        self.psbt.unsigned_tx.output.push(output);
        self.psbt.outputs.push(bitcoin::psbt::Output::default());
        u32::try_from(self.psbt.outputs.len() - 1).expect("few outputs")
    }
}

/// An intent of this vault.
pub fn intent(vault: &Vault, id: &str, script_pubkey: ScriptBuf, sat: u64) -> Intent {
    Intent {
        vault: vault.policy.vault,
        keyset: vault.policy.keyset,
        requester: "exchange".parse().expect("a name"),
        id: id.parse().expect("an id"),
        kind: IntentKind::Payment,
        script_pubkey,
        amount: Amount::from_sat(sat),
        min: Amount::from_sat(sat),
        created: vault.now.saturating_sub(1_800),
        expires: vault.now.saturating_add(86_400),
        replaces: None,
        repeats: None,
        reference: "invoice 7".to_owned(),
    }
}

/// Two or three coins; a payment that needs two approvals, one to the list, and up to two small ones.
fn plan(vault: &Vault, draw: &mut Draw) -> Plan {
    let mut coins: Vec<usize> = (0..vault.coins.len()).collect();
    for last in (1..coins.len()).rev() {
        coins.swap(last, draw.place(last + 1));
    }
    coins.truncate(if draw.coin() { 2 } else { 3 });
    let mut asked = vec![
        Asked {
            intent: intent(
                vault,
                "w-1",
                stranger(11),
                draw.from_to(20_000_000, 60_000_000),
            ),
            by: "exchange",
            approved_by: vec!["dana", "erin"],
        },
        Asked {
            intent: intent(
                vault,
                "w-2",
                listed().script_pubkey(),
                draw.from_to(6_000_000, 30_000_000),
            ),
            by: "exchange",
            approved_by: vec![if draw.coin() { "dana" } else { "erin" }],
        },
    ];
    for (id, seed) in [("w-3", 13), ("w-4", 14)] {
        if draw.coin() {
            let sat = draw.from_to(10_000, 4_000_000);
            asked.push(Asked {
                intent: intent(vault, id, stranger(seed), sat),
                by: "exchange",
                approved_by: Vec::new(),
            });
        }
    }
    let fee = draw.from_to(2_000, 20_000);
    Plan {
        coins,
        asked,
        carried: Vec::new(),
        change: CHANGE + u32::try_from(draw.below(20)).expect("below 20"),
        fee: Amount::from_sat(fee),
        approvals_expire: vault.now.saturating_add(7_200),
        seed: draw.bytes(),
    }
}

/// Builds an attempt as the coordinator does.
pub fn build(vault: &Vault, plan: &Plan) -> Attempt {
    let descriptor = &vault.policy.descriptor;
    let (coins, outpoints) = spent_coins(vault, &plan.coins);
    let payments: Vec<TxOut> = plan.asked.iter().map(Asked::output).collect();
    let paid: Amount = payments.iter().map(|output| output.value).sum();
    let spent: Amount = coins.iter().map(|coin| coin.prevout.value).sum();
    let change = descriptor.at(Keychain::Internal, plan.change);
    let change_output = TxOut {
        value: spent
            .checked_sub(paid)
            .and_then(|rest| rest.checked_sub(plan.fee))
            .expect("the plan pays less than its coins"),
        script_pubkey: change.script_pubkey.clone(),
    };
    let created = create(
        &outpoints,
        &payments,
        Some(change_output),
        vault.tip,
        plan.seed,
    )
    .expect("a plan that the Creator takes");
    let issued = IssuedTransaction::new(created.transaction.clone(), &coins)
        .expect("the coins are the vault's");
    let place = created.change.expect("there is change");
    let psbt = update(
        &issued,
        descriptor,
        &vault.fundings(),
        Some((place, &change)),
    )
    .expect("the fundings are known");
    Attempt {
        psbt,
        manifest: manifest(vault, plan, &created.payments, Some(place)),
        payments: created.payments.iter().map(|place| size(*place)).collect(),
        change: size(place),
        issued,
    }
}

/// Builds a spend of coins back to the vault, as the coordinator does.
pub fn build_own(vault: &Vault, coins: &[usize], change: u32, fee: Amount) -> Attempt {
    let descriptor = &vault.policy.descriptor;
    let (coins, outpoints) = spent_coins(vault, coins);
    let own = descriptor.at(Keychain::Internal, change);
    let spent: Amount = coins.iter().map(|coin| coin.prevout.value).sum();
    let output = TxOut {
        value: spent.checked_sub(fee).expect("the coins pay the fee"),
        script_pubkey: own.script_pubkey.clone(),
    };
    let created = create(&outpoints, &[output], None, vault.tip, [7; 32])
        .expect("a plan that the Creator takes");
    let issued = IssuedTransaction::new(created.transaction.clone(), &coins)
        .expect("the coins are the vault's");
    let place = created.payments[0];
    let psbt = update(&issued, descriptor, &vault.fundings(), Some((place, &own)))
        .expect("the fundings are known");
    let mut manifest = Manifest::new(vault.policy.id, AttemptPurpose::Consolidate, 1);
    manifest.changes.insert(place, (vault.policy.id, change));
    Attempt {
        psbt,
        manifest,
        payments: Vec::new(),
        change: size(place),
        issued,
    }
}

/// Builds a sweep of the plan's coins by its only intent, which pays what the fee leaves.
pub fn build_sweep(vault: &Vault, plan: &Plan) -> Attempt {
    let descriptor = &vault.policy.descriptor;
    let (coins, outpoints) = spent_coins(vault, &plan.coins);
    let spent: Amount = coins.iter().map(|coin| coin.prevout.value).sum();
    let mut output = plan.asked[0].output();
    output.value = spent.checked_sub(plan.fee).expect("the coins pay the fee");
    let created = create(&outpoints, &[output], None, vault.tip, plan.seed)
        .expect("a plan that the Creator takes");
    let issued = IssuedTransaction::new(created.transaction.clone(), &coins)
        .expect("the coins are the vault's");
    let psbt = update(&issued, descriptor, &vault.fundings(), None).expect("they are known");
    Attempt {
        psbt,
        manifest: manifest(vault, plan, &created.payments, None),
        payments: vec![0],
        change: 0,
        issued,
    }
}

fn spent_coins(vault: &Vault, places: &[usize]) -> (Vec<SpentCoin>, Vec<OutPoint>) {
    let coins: Vec<SpentCoin> = places
        .iter()
        .map(|place| &vault.coins[*place])
        .map(|coin| SpentCoin {
            outpoint: coin.outpoint,
            prevout: coin.output.clone(),
            derived: vault.policy.descriptor.at(coin.keychain, coin.index),
        })
        .collect();
    let outpoints = coins.iter().map(|coin| coin.outpoint).collect();
    (coins, outpoints)
}

fn size(place: u32) -> usize {
    usize::try_from(place).expect("few outputs")
}

fn manifest(vault: &Vault, plan: &Plan, payments: &[u32], change: Option<u32>) -> Manifest {
    let policy = &vault.policy;
    let mut manifest = Manifest::new(policy.id, AttemptPurpose::Pay, 1);
    for asked in plan.asked.iter().chain(&plan.carried) {
        carry(&mut manifest, asked);
    }
    for (asked, output) in plan.asked.iter().zip(payments) {
        manifest.payments.insert(*output, asked.intent.hash());
    }
    // Each approver signs one root over all that they approve.
    let mut approved: BTreeMap<&str, Vec<[u8; 32]>> = BTreeMap::new();
    for asked in &plan.asked {
        for by in &asked.approved_by {
            let hash = asked.intent.hash().to_bytes();
            approved.entry(by).or_default().push(hash);
        }
    }
    for (by, hashes) in approved {
        let tree = MerkleTree::new(&hashes).expect("distinct intents");
        let expires = plan.approvals_expire;
        manifest.add_approval(Approval::approve(
            &secret(by),
            policy.vault,
            tree.root(),
            expires,
        ));
        for hash in hashes {
            let proof = tree.proof(&hash).expect("it is in the tree");
            let key = (tree.root(), IntentHash::from_bytes(hash));
            manifest.proofs.insert(key, proof);
        }
    }
    if let Some(change) = change {
        manifest.changes.insert(change, (policy.id, plan.change));
    }
    manifest
}

/// Carries an intent with its request.
pub fn carry(manifest: &mut Manifest, asked: &Asked) -> IntentHash {
    let hash = asked.intent.hash();
    let request = RequestSignature::sign(&secret(asked.by), asked.intent.vault, hash);
    manifest.intents.insert(hash, asked.intent.encode());
    manifest.add_request_signature(hash, &request);
    hash
}
