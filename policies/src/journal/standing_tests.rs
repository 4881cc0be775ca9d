//! Tests of what intake makes of receipts.

use bitcoin::Txid;
use bitcoin::hashes::Hash;

use super::*;
use crate::ids::VaultId;
use crate::intent::SecretKey;
use crate::journal::MoveStatement;
use crate::time::UnixTime;

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32])
}

const fn head(number: u8) -> JournalHead {
    JournalHead::from_bytes([number; 32])
}

fn receipt(seed: u8, counter: u64, number: u8) -> ReceiptBody {
    ReceiptBody {
        counter,
        head: head(number),
        journal: key(seed).public(),
        txid: Txid::from_byte_array([7; 32]),
        manifest: [0; 32],
        nonce: None,
        event_head: None,
        now: UnixTime::ZERO,
    }
}

fn moved(from: u8, to: u8, counter: u64) -> MoveCertificate {
    let statement = MoveStatement {
        from: key(from).public(),
        to: key(to).public(),
        birth: UnixTime::ZERO,
        counter,
        head: head(1),
    };
    statement.sign(&key(from), VaultId::from_bytes([1; 32]))
}

fn code(result: Result<Standing, StandingError>) -> &'static str {
    let error = result.expect_err("is refused");
    assert!(!error.hint().is_empty());
    error.code()
}

#[test]
fn a_journal_that_goes_on_is_newer_and_one_that_stands_is_the_same() {
    let pinned = key(1).public();
    let known = LastKnown {
        counter: 5,
        head: head(5),
    };
    let of = |receipt, known| standing(&receipt, pinned, &[], known);
    assert_eq!(of(receipt(1, 1, 1), None), Ok(Standing::First));
    assert_eq!(of(receipt(1, 6, 6), Some(known)), Ok(Standing::Newer));
    assert_eq!(of(receipt(1, 5, 5), Some(known)), Ok(Standing::Same));
    assert_eq!(code(of(receipt(1, 4, 4), Some(known))), "JOURNAL_STALE");
    assert_eq!(code(of(receipt(1, 5, 6), Some(known))), "JOURNAL_FORKED");
    assert_eq!(code(of(receipt(2, 6, 6), Some(known))), "JOURNAL_FOREIGN");
}

#[test]
fn after_a_move_only_the_new_journal_counts() {
    let pinned = key(1).public();
    let moves = [moved(1, 2, 10), moved(2, 3, 4)];
    let of = |receipt| standing(&receipt, pinned, &moves, None);
    assert_eq!(of(receipt(3, 2, 2)), Ok(Standing::First));
    assert_eq!(code(of(receipt(1, 9, 9))), "JOURNAL_MOVED");
    assert_eq!(code(of(receipt(2, 3, 3))), "JOURNAL_MOVED");
    // The entry of the move is the last one; a receipt at or after it was made by a journal kept in use.
    assert_eq!(code(of(receipt(1, 10, 9))), "JOURNAL_SIGNED_AFTER_MOVE");
    assert_eq!(code(of(receipt(2, 5, 3))), "JOURNAL_SIGNED_AFTER_MOVE");
    assert_eq!(code(of(receipt(4, 1, 1))), "JOURNAL_FOREIGN");
}
