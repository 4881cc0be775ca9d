//! The treasury that the flows share: 2-of-3 with recovery, an approver, a requester, coins.

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash;
use bitcoin::psbt::Psbt;
use bitcoin::transaction::Version;
use bitcoin::{Amount, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid};
use bitcoin::{Witness, secp256k1::Secp256k1};
use policies::descriptor::{NamedKey, compile};
use policies::document::{
    ApprovalsDraft, ApproverDraft, HeadDraft, MaintenanceDraft, PinnedKeyDraft, PolicyDraft,
    RequesterDraft, RuleDraft, SignerDraft, SuccessionDraft, WindowDraft,
};
use policies::intent::{MerkleTree, SecretKey};
use policies::psbt::{AttemptPurpose, Manifest};
use policies::{
    Approval, Intent, IntentKind, Keychain, Policy, RequestSignature, ScriptKind, UnixTime,
};
use signer::countersign::Countersigner;
use signer::enrolment::enrol;
use signer::home::Home;
use signer::keystore::vault_key::{default_path, fresh_words};
use signer::keystore::{Cost, Kind, Made, Passphrase, PersonKey, VaultKey};
use tempfile::TempDir;

/// When the flows play.
pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_795_500_000);
/// The policy's head: a day before.
const HEAD_TIME: UnixTime = UnixTime::from_secs(1_795_413_600);
/// What keys of a test cost to open.
pub(crate) const CHEAP: Cost = Cost::new(16, 1, 1);
/// What a payment above the automatic bound needs.
pub(crate) const LARGE: u64 = 9_000_000;

const POLICY: &str =
    "or(99@thresh(2,pk(alice),pk(bob),pk(machine)),1@and(pk(vault-key),older(12960)))";

pub(crate) struct Treasury {
    pub(crate) folder: TempDir,
    pub(crate) policy: Policy,
    pub(crate) approver: SecretKey,
    pub(crate) requester: SecretKey,
    /// When its requests and approvals are made.
    now: UnixTime,
}

pub(crate) fn passphrase() -> Passphrase {
    Passphrase::new("correct horse".to_owned()).expect("not empty")
}

/// Makes a signer's home as keygen does, and its record.
pub(crate) fn signer_home(folder: &TempDir, name: &str) -> SignerDraft {
    let home = Home::at(folder.path().join(name));
    let words = fresh_words().expect("draws");
    let path = default_path(Network::Regtest);
    let key = VaultKey::from_words(&words, Network::Regtest, &path).expect("words");
    let (journal, sealed) =
        PersonKey::generate(Kind::Journal, &passphrase(), CHEAP).expect("draws");
    home.store(&sealed, None).expect("stores");
    let sealed = key
        .seal(Made::Generated, &passphrase(), CHEAP)
        .expect("seals");
    home.store(&sealed, None).expect("stores");
    SignerDraft {
        name: name.to_owned(),
        person: name.to_owned(),
        device: None,
        key: key.public(&Secp256k1::new()).to_string(),
        journal: journal.public().to_string(),
    }
}

fn person(folder: &TempDir, kind: Kind, name: &str) -> PersonKey {
    let home = Home::at(folder.path().join(name));
    let (key, sealed) = PersonKey::generate(kind, &passphrase(), CHEAP).expect("draws");
    let name = name.parse().expect("a name");
    home.store(&sealed, Some(&name)).expect("stores");
    key
}

fn rule(name: &str, max: u64, approvals: ApprovalsDraft) -> RuleDraft {
    RuleDraft {
        name: name.to_owned(),
        kind: Some("payment".to_owned()),
        requester: None,
        to: None,
        amount_max_sat: Some(max),
        window: None,
        approvals,
    }
}

/// The document over these people.
pub(crate) fn document(
    kind: ScriptKind,
    signers: Vec<SignerDraft>,
    approver: &impl ToString,
    requester: &impl ToString,
) -> PolicyDraft {
    let keys: Vec<NamedKey> = signers
        .iter()
        .map(|signer| {
            let key: policies::document::SignerKey = signer.key.parse().expect("a key");
            NamedKey {
                name: signer.name.clone(),
                key: key.position(),
            }
        })
        .collect();
    let head = HeadDraft {
        height: 101,
        time: HEAD_TIME,
    };
    let mut draft = PolicyDraft::first_version("treasury", Network::Regtest, head);
    draft.spending.descriptor = compile(POLICY, kind, &keys).expect("compiles");
    draft.signers = signers;
    draft.requesters = vec![RequesterDraft {
        name: "exchange".to_owned(),
        person: None,
        keys: vec![PinnedKeyDraft::own(requester)],
    }];
    draft.approvers = vec![ApproverDraft {
        name: "dana".to_owned(),
        person: "dana".to_owned(),
        groups: vec!["ops".to_owned()],
        keys: vec![PinnedKeyDraft::own(approver)],
    }];
    let ops = |count| ApprovalsDraft {
        group: Some("ops".to_owned()),
        count,
        page: None,
    };
    let automatic = ApprovalsDraft {
        group: None,
        count: 0,
        page: None,
    };
    draft.maintenance = Some(MaintenanceDraft { approvals: ops(1) });
    draft.change = Some(SuccessionDraft {
        approvals: ops(1),
        delay: "48h".to_owned(),
    });
    draft.rules = vec![
        rule("small", 5_000_000, automatic),
        RuleDraft {
            window: Some(WindowDraft {
                sat: 2_000_000_000,
                per: "24h".to_owned(),
            }),
            ..rule("large", 1_000_000_000, ops(1))
        },
    ];
    draft
}

impl Treasury {
    /// Everyone has a home and has pinned the policy.
    pub(crate) fn agree(kind: ScriptKind) -> Self {
        Self::agree_at(kind, NOW)
    }

    /// The same by another clock: that of the program itself, where it is run.
    pub(crate) fn agree_at(kind: ScriptKind, now: UnixTime) -> Self {
        Self::agree_with(kind, now, |_| ())
    }

    /// The same under an altered document.
    pub(crate) fn agree_with(
        kind: ScriptKind,
        now: UnixTime,
        alter: impl FnOnce(&mut PolicyDraft),
    ) -> Self {
        let treasury = Self::unpinned_with(kind, now, alter);
        for name in ["alice", "bob", "machine", "vault-key", "dana", "exchange"] {
            let (bytes, id) = (&treasury.policy.bytes, treasury.policy.id);
            enrol(&treasury.home(name), bytes, id, now).expect("pins");
        }
        treasury
    }

    /// Everyone has a home, nobody has pinned anything.
    pub(crate) fn unpinned(kind: ScriptKind) -> Self {
        Self::unpinned_with(kind, NOW, |_| ())
    }

    fn unpinned_with(
        kind: ScriptKind,
        now: UnixTime,
        alter: impl FnOnce(&mut PolicyDraft),
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let signers =
            ["alice", "bob", "machine", "vault-key"].map(|name| signer_home(&folder, name));
        let approver = person(&folder, Kind::Approval, "dana");
        let requester = person(&folder, Kind::Request, "exchange");
        let (approver_key, requester_key) = (approver.public(), requester.public());
        let mut draft = document(kind, signers.into(), &approver_key, &requester_key);
        draft.head.time = now.saturating_sub(86_400);
        draft.valid_until = now.saturating_add(364 * 86_400);
        alter(&mut draft);
        let text = draft.to_toml();
        let policy = Policy::parse(text.as_bytes()).unwrap_or_else(|mistakes| {
            panic!("{mistakes:?} in\n{text}");
        });
        let open = |kind, name: &str| {
            let home = Home::at(folder.path().join(name));
            let sealed = home.sealed(kind, Some(&name.parse().expect("a name")));
            let sealed = sealed.expect("is there");
            let bytes = sealed.open(kind, &passphrase()).expect("opens");
            SecretKey::from_bytes(bytes.as_slice().try_into().expect("32 bytes"))
        };
        Self {
            approver: open(Kind::Approval, "dana"),
            requester: open(Kind::Request, "exchange"),
            policy,
            folder,
            now,
        }
    }

    pub(crate) fn home(&self, name: &str) -> Home {
        Home::at(self.folder.path().join(name))
    }

    pub(crate) fn countersigner(&self, name: &str) -> Countersigner {
        Countersigner::open(&self.home(name), &passphrase()).expect("opens")
    }

    pub(crate) fn intent(&self, id: &str, sat: u64) -> Intent {
        Intent {
            vault: self.policy.vault,
            keyset: self.policy.keyset,
            requester: "exchange".parse().expect("a name"),
            id: id.parse().expect("an id"),
            kind: IntentKind::Payment,
            script_pubkey: ScriptBuf::from_bytes([&[0, 20][..], &[9; 20]].concat()),
            amount: Amount::from_sat(sat),
            min: Amount::from_sat(sat),
            created: self.now,
            expires: self.now.saturating_add(86_400),
            replaces: None,
            repeats: None,
            reference: "invoice 7".to_owned(),
        }
    }

    pub(crate) fn request(&self, intent: &Intent) -> RequestSignature {
        RequestSignature::sign(&self.requester, intent.vault, intent.hash())
    }

    /// A transfer as a coordinator issues it, paying `intents` from the coins at these indexes.
    pub(crate) fn transfer(&self, intents: &[Intent], coins: &[u32]) -> Psbt {
        let funding = self.funding();
        let funded = funding.compute_txid();
        let value = Amount::from_sat(20_000_000);
        let paid: Amount = intents.iter().map(|intent| intent.amount).sum();
        let fee = Amount::from_sat(20_000);
        let spent = value * u64::try_from(coins.len()).expect("few coins");
        let change = self.policy.descriptor.at(Keychain::Internal, coins[0]);
        let mut output: Vec<TxOut> = intents
            .iter()
            .map(|intent| TxOut {
                value: intent.amount,
                script_pubkey: intent.script_pubkey.clone(),
            })
            .collect();
        output.push(TxOut {
            value: spent - paid - fee,
            script_pubkey: change.script_pubkey.clone(),
        });
        let input = coins.iter().map(|coin| TxIn {
            previous_output: OutPoint::new(funded, *coin),
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        });
        let transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::from_height(101).expect("a height"),
            input: input.collect(),
            output,
        };
        let mut psbt = Psbt::from_unsigned_tx(transaction).expect("unsigned");
        for (field, coin) in psbt.inputs.iter_mut().zip(coins) {
            let vout = usize::try_from(*coin).expect("a small index");
            field.witness_utxo = Some(funding.output[vout].clone());
            if self.policy.descriptor.kind() != ScriptKind::Tr {
                field.non_witness_utxo = Some(funding.clone());
            }
            let derived = self.policy.descriptor.at(Keychain::External, *coin);
            derived.update_input(field);
        }
        let last = psbt.outputs.last_mut().expect("there is change");
        change.update_output(last);
        self.manifest(intents, coins[0]).write_into(&mut psbt);
        psbt
    }

    /// A transfer that spends a coin to the vault itself, for this purpose and at this age.
    pub(crate) fn own_spend(&self, purpose: AttemptPurpose, coin: u32, sequence: Sequence) -> Psbt {
        let paying = self.intent("none", 1_000_000);
        let mut psbt = self.transfer(&[paying], &[coin]);
        psbt.unsigned_tx.output.remove(0);
        psbt.outputs.remove(0);
        psbt.unsigned_tx.output[0].value = Amount::from_sat(19_980_000);
        psbt.unsigned_tx.input[0].sequence = sequence;
        let mut manifest = Manifest::new(self.policy.id, purpose, 1);
        manifest.changes.insert(0, (self.policy.id, coin));
        manifest.write_into(&mut psbt);
        psbt
    }

    fn manifest(&self, intents: &[Intent], change_index: u32) -> Manifest {
        let mut manifest = Manifest::new(self.policy.id, AttemptPurpose::Pay, 1);
        let subjects: Vec<[u8; 32]> = intents
            .iter()
            .map(|intent| intent.hash().to_bytes())
            .collect();
        let tree = MerkleTree::new(&subjects).expect("distinct intents");
        let expires = self.now.saturating_add(86_400);
        for (output, intent) in (0_u32..).zip(intents) {
            let hash = intent.hash();
            manifest.intents.insert(hash, intent.encode());
            manifest.add_request_signature(hash, &self.request(intent));
            manifest.payments.insert(output, hash);
            if intent.amount >= Amount::from_sat(LARGE) {
                let proof = tree.proof(hash.as_bytes()).expect("is in it");
                manifest.proofs.insert((tree.root(), hash), proof);
            }
        }
        if !manifest.proofs.is_empty() {
            let vault = self.policy.vault;
            let approval = Approval::approve(&self.approver, vault, tree.root(), expires);
            manifest.add_approval(approval);
        }
        let last = u32::try_from(intents.len()).expect("few outputs");
        manifest
            .changes
            .insert(last, (self.policy.id, change_index));
        manifest
    }

    /// Ten coins, the one at position n paying external address n.
    fn funding(&self) -> Transaction {
        let descriptor = &self.policy.descriptor;
        Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output: OutPoint::new(Txid::from_byte_array([7; 32]), 0),
                ..TxIn::default()
            }],
            output: (0..10)
                .map(|index| TxOut {
                    value: Amount::from_sat(20_000_000),
                    script_pubkey: descriptor.script_pubkey(Keychain::External, index),
                })
                .collect(),
        }
    }
}
