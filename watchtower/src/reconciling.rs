//! What a scan of the node's whole UTXO set shows beside the books' coins. Pure.
//!
//! Invariant: both sides are of one block, so that nothing on its way makes a difference, and every coin that stands on
//! one side only, or with another amount or script, is counted.

use std::collections::BTreeMap;

use bitcoin::{Amount, OutPoint, ScriptBuf};

/// The most differences that are told one by one; all are counted.
pub const MOST_TOLD: usize = 100;

/// An unspent output, as one side has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unspent {
    /// Its amount.
    pub amount: Amount,
    /// Its script.
    pub script_pubkey: ScriptBuf,
    /// The height of its block.
    pub height: u32,
}

/// A coin about which node and books say different things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The coin.
    pub outpoint: OutPoint,
    /// How they differ.
    pub kind: DifferenceKind,
    /// The amount by the node, if it has the coin.
    pub node: Option<Amount>,
    /// The amount by the books, if they have the coin.
    pub books: Option<Amount>,
    /// The height of its block, by the node where it has the coin.
    pub height: u32,
}

/// How node and books differ about a coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// The node has it, and the books do not: a deposit was missed, or a spend booked that is none.
    NodeOnly,
    /// The books have it, and the node does not: a spend was missed, or the coin never was.
    BooksOnly,
    /// Both have it, with another amount, script or height.
    Other,
}

impl DifferenceKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NodeOnly, Self::BooksOnly, Self::Other];

    /// As it is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NodeOnly => "node_only",
            Self::BooksOnly => "books_only",
            Self::Other => "other",
        }
    }

    /// What each side says.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NodeOnly => "the node has it unspent, the books do not",
            Self::BooksOnly => "the books have it unspent, the node does not",
            Self::Other => "node and books have it with different amounts, scripts or heights",
        }
    }

    /// What to do about it.
    pub const fn todo(self) -> &'static str {
        match self {
            Self::NodeOnly => {
                "its block was not read whole: `chain scan --from` its height reads the blocks again; credit nothing by hand"
            }
            Self::BooksOnly => {
                "its spend was not read: `chain scan --from` its height reads the blocks again; pay nothing out until then"
            }
            Self::Other => {
                "somebody altered the database, or the node lies: pay nothing out, and compare with a backup and another node"
            }
        }
    }

    /// The kind of a stored name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// All differences, in the order of their outpoints.
pub fn differences(
    books: &BTreeMap<OutPoint, Unspent>,
    node: &BTreeMap<OutPoint, Unspent>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    for (outpoint, ours) in books {
        let theirs = node.get(outpoint);
        let kind = match theirs {
            None => DifferenceKind::BooksOnly,
            Some(theirs) if theirs != ours => DifferenceKind::Other,
            Some(_) => continue,
        };
        found.push(Difference {
            outpoint: *outpoint,
            kind,
            node: theirs.map(|theirs| theirs.amount),
            books: Some(ours.amount),
            height: theirs.map_or(ours.height, |theirs| theirs.height),
        });
    }
    for (outpoint, theirs) in node.iter().filter(|(one, _)| !books.contains_key(one)) {
        found.push(Difference {
            outpoint: *outpoint,
            kind: DifferenceKind::NodeOnly,
            node: Some(theirs.amount),
            books: None,
            height: theirs.height,
        });
    }
    found.sort_by_key(|difference| difference.outpoint);
    found
}

#[cfg(test)]
mod tests {
    use bitcoin::Txid;
    use bitcoin::hashes::Hash as _;
    use proptest::prelude::*;

    use super::*;

    fn coin(number: u8, sat: u64) -> (OutPoint, Unspent) {
        let outpoint = OutPoint::new(Txid::from_byte_array([number; 32]), 0);
        let unspent = Unspent {
            amount: Amount::from_sat(sat),
            script_pubkey: ScriptBuf::from_bytes(vec![number]),
            height: u32::from(number),
        };
        (outpoint, unspent)
    }

    #[test]
    fn what_one_side_alone_has_and_what_differs_is_found_on_either_side() {
        let books = BTreeMap::from([coin(1, 10), coin(2, 20), coin(4, 40)]);
        let node = BTreeMap::from([coin(2, 21), coin(3, 30), coin(4, 40)]);
        let found: Vec<_> = differences(&books, &node)
            .into_iter()
            .map(|one| (one.height, one.kind, one.node, one.books))
            .collect();
        let sat = |sat| Some(Amount::from_sat(sat));
        assert_eq!(
            found,
            [
                (1, DifferenceKind::BooksOnly, None, sat(10)),
                (2, DifferenceKind::Other, sat(21), sat(20)),
                (3, DifferenceKind::NodeOnly, sat(30), None),
            ]
        );
    }

    #[test]
    fn another_script_of_the_same_amount_is_a_difference() {
        let (outpoint, ours) = coin(1, 10);
        let mut theirs = ours.clone();
        theirs.script_pubkey = ScriptBuf::new();
        let (books, node) = (
            BTreeMap::from([(outpoint, ours)]),
            BTreeMap::from([(outpoint, theirs)]),
        );
        assert_eq!(
            differences(&books, &node).first().map(|one| one.kind),
            Some(DifferenceKind::Other)
        );
    }

    proptest! {
        #[test]
        fn two_sides_agree_exactly_where_they_are_equal(
            ours in proptest::collection::btree_map(0_u8..8, 1_u64..4, 0..8),
            theirs in proptest::collection::btree_map(0_u8..8, 1_u64..4, 0..8),
        ) {
            let side = |side: &BTreeMap<u8, u64>| -> BTreeMap<OutPoint, Unspent> {
                side.iter().map(|(number, sat)| coin(*number, *sat)).collect()
            };
            let found = differences(&side(&ours), &side(&theirs));
            prop_assert_eq!(found.is_empty(), ours == theirs);
            let apart = (0_u8..8).filter(|number| ours.get(number) != theirs.get(number)).count();
            prop_assert_eq!(found.len(), apart);
        }
    }
}
