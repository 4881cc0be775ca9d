//! What a void promises, and whose voids are enough.

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash as _;
use bitcoin::transaction::Version;
use bitcoin::{Sequence, TxIn};

use super::*;
use crate::descriptor::ScriptKind;
use crate::journal::history::tests::signed;
use crate::journal::{Entry, Journal, JournalError};
use crate::review::world::World;
use crate::succession::samples;

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32])
}

fn txid(byte: u8) -> Txid {
    Txid::from_byte_array([byte; 32])
}

const VAULT: VaultId = VaultId::from_bytes([0x11; 32]);

#[test]
fn a_void_reads_back_and_counts_for_its_own_transaction_vault_and_journal_alone() {
    let void = Void::sign(&key(1), VAULT, txid(7));
    assert_eq!(Void::decode(&void.encode()), Ok(void.clone()));
    assert_eq!(void.verify(VAULT), Ok(()));
    assert!(void.verify(VaultId::from_bytes([0x12; 32])).is_err());
    let mut other = void.clone();
    other.txid = txid(8);
    assert!(other.verify(VAULT).is_err());
    let mut other = void.clone();
    other.journal = key(2).public();
    assert!(other.verify(VAULT).is_err());
    let text = String::from_utf8(void.encode()).expect("ASCII");
    assert_eq!(
        Void::decode(text.replace("void/1", "void/2").as_bytes()),
        Err(VoidError::Format)
    );
    assert!(Void::decode(text.replace('{', "{ ").as_bytes()).is_err());
}

#[test]
fn a_journal_voids_only_what_neither_it_nor_a_forgotten_one_can_have_signed() {
    let mut history = History::begin(UnixTime::ZERO);
    let transaction = signed(1, &[1], &[]);
    assert_eq!(may_void(&history, transaction.txid), Ok(()));
    let txid = transaction.txid;
    history.record(transaction);
    assert_eq!(
        may_void(&history, txid),
        Err(CannotVoid::AlreadySigned { txid })
    );
    let birth = UnixTime::from_secs(5);
    assert_eq!(
        may_void(&History::begin(birth), txid),
        Err(CannotVoid::BornLater { birth })
    );
}

#[test]
fn a_journal_takes_a_void_of_nothing_that_it_signed_and_signs_nothing_that_it_voided() {
    let (mut journal, birth) =
        Journal::begin(VAULT, key(1).public(), UnixTime::ZERO).expect("begins");
    let mut lines = vec![birth.as_bytes().to_vec()];
    let first = signed(1, &[1], &[]);
    let second = signed(2, &[2], &[]);
    let at = first.at;
    let mut append = |journal: &mut Journal, entry| {
        let line = journal.append(entry)?;
        lines.push(line.as_bytes().to_vec());
        Ok::<(), JournalError>(())
    };
    append(&mut journal, Entry::Signed(first.clone())).expect("signs");
    let void = |txid| Entry::Voided(Voided { txid, at });
    assert_eq!(
        append(&mut journal, void(first.txid)),
        Err(JournalError::VoidsAnswered {
            line: 2,
            txid: first.txid
        })
    );
    append(&mut journal, void(second.txid)).expect("voids");
    assert!(append(&mut journal, void(second.txid)).is_err());
    assert!(matches!(
        append(&mut journal, Entry::Signed(second)),
        Err(JournalError::NotAdmitted { .. })
    ));
    assert_eq!(Journal::read(&lines.concat()), Ok(journal));
}

#[test]
fn signers_void_together_only_where_no_path_is_left_without_them() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let policy = World::with(kind, |_| {}).policy;
        let block = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            block_every_path(policy.newest_keyset(), &names, true)
        };
        let block_a_payment = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            block_every_path(policy.newest_keyset(), &names, false)
        };
        let all: Vec<&str> = policy.signers.iter().map(|one| one.name.as_str()).collect();
        assert!(block(&all), "{all:?}");
        assert!(!block(&[]));
        assert!(!block(&["nobody"]));
        for one in &all {
            assert!(!block(&[one]), "{one}");
        }
        let recovering = policy
            .descriptor
            .paths()
            .iter()
            .any(|path| path.older.is_some());
        let ordinary: Vec<&str> = all
            .iter()
            .copied()
            .filter(|name| *name != "vault-key")
            .collect();
        assert_eq!(block(&ordinary), !recovering || ordinary.len() == all.len());
        // Whoever recovers can never make a payment complete: its sequence says no age.
        assert!(block_a_payment(&ordinary));
        assert!(!block_a_payment(&["vault-key"]));
        assert!(!block_a_payment(&[]));
        for one in &ordinary {
            assert!(!block_a_payment(&[one]), "{one}");
        }
    }
}

#[test]
fn signers_of_a_later_keyset_block_nothing_of_a_former_one() {
    let before = samples::first(ScriptKind::Wsh);
    let after = samples::with_new_machine(&before, "carol");
    let line = before.succeeded_by(after).expect("follows");
    let names: BTreeSet<String> = ["alice", "machine", "vault-key"]
        .map(str::to_owned)
        .into_iter()
        .collect();
    let mut keysets = line.keysets();
    let newest = keysets.next().expect("the newest");
    let former = keysets.next().expect("the former");
    assert!(former.is_former && former.keyset == before.keyset);
    assert!(block_every_path(newest, &names, true));
    assert!(block_every_path(former, &names, true));
    // The new machine has no key of the former coins, whatever it is called.
    let mixed = KeysetView {
        signers: newest.signers,
        ..former
    };
    assert!(!block_every_path(mixed, &names, true));
}

#[test]
fn only_a_sequence_that_is_an_age_lets_a_transaction_recover() {
    let with = |version, sequence| Transaction {
        version: Version(version),
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            sequence,
            ..TxIn::default()
        }],
        output: Vec::new(),
    };
    assert!(may_recover(&with(2, Sequence::from_height(12_960))));
    assert!(!may_recover(&with(2, Sequence::ENABLE_RBF_NO_LOCKTIME)));
    assert!(!may_recover(&with(2, Sequence::MAX)));
    // Consensus does not look at ages in version 1, and no path that asks for one is satisfied there.
    assert!(!may_recover(&with(1, Sequence::from_height(12_960))));
}
