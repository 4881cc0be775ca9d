//! What a node's answer to one of our transactions means, and what is done about it. Pure.
//!
//! Invariant (M5): nothing but an acceptance says that a transaction stands anywhere, and nothing at all says that
//! it never will. Every other answer is *unknown* until the chain shows the transaction or one that excludes it.
//!
//! The codes are those of Bitcoin Core's `rpc/protocol.h`, the words those of its `validation.cpp`,
//! `policy/rbf.cpp`, `policy/policy.cpp` and `consensus/tx_verify.cpp` (31.99).

/// RPC_TRANSACTION_ERROR: inputs are missing, or a limit of the call itself.
const TRANSACTION_ERROR: i64 = -25;
/// RPC_TRANSACTION_REJECTED: the mempool's own rules.
const TRANSACTION_REJECTED: i64 = -26;
/// RPC_TRANSACTION_ALREADY_IN_UTXO_SET.
const ALREADY_IN_UTXO_SET: i64 = -27;
/// RPC_DESERIALIZATION_ERROR.
const DESERIALIZATION_ERROR: i64 = -22;
/// RPC_CLIENT_NOT_CONNECTED, RPC_CLIENT_IN_INITIAL_DOWNLOAD, RPC_IN_WARMUP.
const NOT_READY: [i64; 3] = [-9, -10, -28];

/// The longest pause between two attempts, in seconds.
const LONGEST_PAUSE: u64 = 600;
/// The longest pause where the node, and not the transaction, is at fault.
const LONGEST_PAUSE_OF_NODE: u64 = 60;
/// The longest pause where no node will ever take the transaction: a block still has it sent again.
const LONGEST_PAUSE_OF_INVALID: u64 = 3600;

/// What the answer to a transaction that was sent means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendAnswer {
    /// The node took it into its mempool.
    Accepted,
    /// It is in the mempool already, perhaps with another witness.
    InMempool,
    /// It is in a block already.
    InChain,
    /// An input is spent by a block, or nobody knows its transaction.
    InputsGone,
    /// Another transaction in the mempool spends an input, and is not to be replaced.
    Conflict,
    /// Another transaction in the mempool spends an input, and this one pays too little to replace it.
    ReplacementTooCheap,
    /// It pays less than the mempool asks for at the moment, or than the node relays at all.
    BelowMinimum,
    /// It hangs on too many unconfirmed transactions.
    ChainTooLong,
    /// Its lock time, or the age of an input, is not reached.
    NotFinal,
    /// It is valid, but no node relays its form.
    NotRelayed,
    /// It breaks a rule of consensus.
    Invalid,
    /// The node starts up, downloads the chain, or has no time.
    NodeBusy,
    /// No answer came, or none that makes sense: it may have been taken.
    NoAnswer,
    /// The node refused it in words that are not known here.
    Refused,
}

impl SendAnswer {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Accepted,
        Self::InMempool,
        Self::InChain,
        Self::InputsGone,
        Self::Conflict,
        Self::ReplacementTooCheap,
        Self::BelowMinimum,
        Self::ChainTooLong,
        Self::NotFinal,
        Self::NotRelayed,
        Self::Invalid,
        Self::NodeBusy,
        Self::NoAnswer,
        Self::Refused,
    ];

    /// Its stable name, as stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::InMempool => "in_mempool",
            Self::InChain => "in_chain",
            Self::InputsGone => "inputs_gone",
            Self::Conflict => "conflict",
            Self::ReplacementTooCheap => "replacement_too_cheap",
            Self::BelowMinimum => "below_minimum",
            Self::ChainTooLong => "chain_too_long",
            Self::NotFinal => "not_final",
            Self::NotRelayed => "not_relayed",
            Self::Invalid => "invalid",
            Self::NodeBusy => "node_busy",
            Self::NoAnswer => "no_answer",
            Self::Refused => "refused",
        }
    }

    /// The one of a stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.name() == name)
    }

    /// What it means, in words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Accepted => "the node took it",
            Self::InMempool => "the node's mempool has it",
            Self::InChain => "a block has it",
            Self::InputsGone => "an input is spent by a block, or its transaction is unknown",
            Self::Conflict => "another transaction in the mempool spends an input",
            Self::ReplacementTooCheap => "it pays too little to replace what is in the mempool",
            Self::BelowMinimum => "it pays less than the mempool asks for now",
            Self::ChainTooLong => "it hangs on too many unconfirmed transactions",
            Self::NotFinal => "its lock time, or the age of an input, is not reached",
            Self::NotRelayed => "nodes do not relay a transaction of this form",
            Self::Invalid => "it breaks a rule of consensus",
            Self::NodeBusy => "the node starts up or has no time",
            Self::NoAnswer => "no answer came: the node may have taken it",
            Self::Refused => "the node refused it",
        }
    }

    /// What is done, or to be done, about it.
    pub const fn todo(self) -> &'static str {
        match self {
            Self::Accepted | Self::InMempool | Self::InChain => "nothing",
            Self::InputsGone => {
                "nothing: a block that spends the input decides; it is sent again until then"
            }
            Self::Conflict | Self::ReplacementTooCheap => {
                "replace it at a higher feerate, or wait for a block to decide"
            }
            Self::BelowMinimum => {
                "replace it at a higher feerate; it is sent with a child of ours that pays for it, if one is there"
            }
            Self::ChainTooLong => "wait for a block: it is sent again then",
            Self::NotFinal => "wait: it is sent again at every block",
            Self::NotRelayed | Self::Invalid => {
                "cancel or replace the attempt, and report it: it should not have been built"
            }
            Self::NodeBusy | Self::NoAnswer => "see to the node; it is sent again",
            Self::Refused => "read the node's words; it is sent again",
        }
    }

    /// Whether the node has it.
    pub const fn is_known(self) -> bool {
        matches!(self, Self::Accepted | Self::InMempool | Self::InChain)
    }

    /// Seconds until it is sent again, after so many attempts with no block in between. A block always has it sent
    /// again at once.
    pub fn pause(self, attempts: u32) -> u64 {
        let longest = match self {
            Self::Accepted | Self::InMempool | Self::InChain => return 1,
            Self::NodeBusy | Self::NoAnswer => LONGEST_PAUSE_OF_NODE,
            Self::NotRelayed | Self::Invalid => LONGEST_PAUSE_OF_INVALID,
            Self::InputsGone
            | Self::Conflict
            | Self::ReplacementTooCheap
            | Self::BelowMinimum
            | Self::ChainTooLong
            | Self::NotFinal
            | Self::Refused => LONGEST_PAUSE,
        };
        let doubled = 1_u64.checked_shl(attempts.min(16)).unwrap_or(longest);
        doubled.min(longest)
    }

    /// What a refusal by the node means, by its code and its words.
    pub fn of_refusal(code: i64, words: &str) -> Self {
        match code {
            ALREADY_IN_UTXO_SET => Self::InChain,
            DESERIALIZATION_ERROR => Self::Invalid,
            _ if NOT_READY.contains(&code) => Self::NodeBusy,
            TRANSACTION_ERROR | TRANSACTION_REJECTED => Self::of_words(words),
            _ => Self::Refused,
        }
    }

    /// What the mempool's words for refusing a transaction mean.
    pub fn of_words(words: &str) -> Self {
        // More special ones come first: some contain others.
        const KNOWN: &[(&[&str], SendAnswer)] = &[
            (
                &[
                    "txn-already-in-mempool",
                    "txn-same-nonwitness-data-in-mempool",
                ],
                SendAnswer::InMempool,
            ),
            (
                &["txn-already-known", "already in utxo set"],
                SendAnswer::InChain,
            ),
            (
                &[
                    "bad-txns-inputs-missingorspent",
                    "missing-inputs",
                    "Missing inputs",
                ],
                SendAnswer::InputsGone,
            ),
            (
                &["txn-mempool-conflict", "bad-txns-spends-conflicting-tx"],
                SendAnswer::Conflict,
            ),
            (
                &[
                    "insufficient fee",
                    "rejecting replacement",
                    "replacement-failed",
                    "too many potential replacements",
                    "replacement-adds-unconfirmed",
                ],
                SendAnswer::ReplacementTooCheap,
            ),
            (
                &[
                    "min relay fee not met",
                    "mempool min fee not met",
                    "mempool full",
                ],
                SendAnswer::BelowMinimum,
            ),
            (
                &[
                    "too-long-mempool-chain",
                    "too-large-cluster",
                    "too many unconfirmed transactions in cluster",
                    "package-mempool-limits",
                ],
                SendAnswer::ChainTooLong,
            ),
            (
                &[
                    "non-final",
                    "non-BIP68-final",
                    "bad-txns-nonfinal",
                    "bad-txns-premature-spend-of-coinbase",
                ],
                SendAnswer::NotFinal,
            ),
            (
                &[
                    "bad-txns-nonstandard-inputs",
                    "bad-witness-nonstandard",
                    "mempool-script-verify-flag-failed",
                    "non-mandatory-script-verify-flag",
                    "TRUC-violation",
                    "bad-txns-too-many-sigops",
                    "scriptpubkey",
                    "scriptsig",
                    "datacarrier",
                    "bare-multisig",
                    "tx-size",
                    "dust",
                    "missing-ephemeral-spends",
                    "max-fee-exceeded",
                    "exceeds maximum configured",
                ],
                SendAnswer::NotRelayed,
            ),
            (
                &[
                    "mandatory-script-verify-flag",
                    "block-script-verify-flag",
                    "bad-txns-",
                    "coinbase",
                ],
                SendAnswer::Invalid,
            ),
        ];
        let found = KNOWN
            .iter()
            .find(|(known, _)| known.iter().any(|known| words.contains(known)));
        match found {
            Some((_, answer)) => *answer,
            // The word alone, which others contain.
            None if words == "version" => Self::NotRelayed,
            None => Self::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_of_the_node_has_its_meaning() {
        for (code, words, expected) in [
            (
                -27,
                "Transaction outputs already in utxo set",
                SendAnswer::InChain,
            ),
            (-26, "txn-already-in-mempool", SendAnswer::InMempool),
            (
                -26,
                "txn-same-nonwitness-data-in-mempool",
                SendAnswer::InMempool,
            ),
            (-26, "txn-already-known", SendAnswer::InChain),
            (
                -25,
                "bad-txns-inputs-missingorspent",
                SendAnswer::InputsGone,
            ),
            (-26, "txn-mempool-conflict", SendAnswer::Conflict),
            (
                -26,
                "bad-txns-spends-conflicting-tx, 11 spends conflicting",
                SendAnswer::Conflict,
            ),
            (
                -26,
                "insufficient fee, rejecting replacement 11; new feerate 0.00001 <= old feerate 0.00002",
                SendAnswer::ReplacementTooCheap,
            ),
            (
                -26,
                "replacement-failed, does not improve",
                SendAnswer::ReplacementTooCheap,
            ),
            (
                -26,
                "too many potential replacements, rejecting replacement 11; too many conflicting clusters (101 > 100)",
                SendAnswer::ReplacementTooCheap,
            ),
            (
                -26,
                "min relay fee not met, 10 < 11",
                SendAnswer::BelowMinimum,
            ),
            (
                -26,
                "mempool min fee not met, 141 < 500",
                SendAnswer::BelowMinimum,
            ),
            (-26, "mempool full", SendAnswer::BelowMinimum),
            (-26, "too-large-cluster", SendAnswer::ChainTooLong),
            (-26, "non-final", SendAnswer::NotFinal),
            (-26, "non-BIP68-final", SendAnswer::NotFinal),
            (
                -26,
                "bad-txns-premature-spend-of-coinbase, tried to spend coinbase at depth 5",
                SendAnswer::NotFinal,
            ),
            (
                -26,
                "dust, tx with dust output must be 0-fee",
                SendAnswer::NotRelayed,
            ),
            (-26, "version", SendAnswer::NotRelayed),
            (
                -26,
                "mempool-script-verify-flag-failed (Using OP_CODESEPARATOR in non-witness script)",
                SendAnswer::NotRelayed,
            ),
            (
                -26,
                "mandatory-script-verify-flag-failed (Signature must be zero)",
                SendAnswer::Invalid,
            ),
            (
                -26,
                "bad-txns-in-belowout, value in < value out",
                SendAnswer::Invalid,
            ),
            (
                -22,
                "TX decode failed. Make sure the tx has at least one input.",
                SendAnswer::Invalid,
            ),
            (-28, "Loading block index…", SendAnswer::NodeBusy),
            (-10, "Bitcoin Core is in initial sync", SendAnswer::NodeBusy),
            (-26, "a rule of next year", SendAnswer::Refused),
            (-32603, "Internal error", SendAnswer::Refused),
        ] {
            assert_eq!(
                SendAnswer::of_refusal(code, words),
                expected,
                "{code} {words}"
            );
        }
    }

    #[test]
    fn only_what_the_node_says_that_it_has_is_known() {
        let known: Vec<&str> = SendAnswer::ALL
            .into_iter()
            .filter(|answer| answer.is_known())
            .map(SendAnswer::name)
            .collect();
        assert_eq!(known, ["accepted", "in_mempool", "in_chain"]);
    }

    #[test]
    fn every_answer_reads_back_from_its_name() {
        for answer in SendAnswer::ALL {
            assert_eq!(SendAnswer::from_name(answer.name()), Some(answer));
        }
        assert_eq!(SendAnswer::from_name("fine"), None);
    }

    #[test]
    fn attempts_grow_apart_by_what_is_at_fault_and_never_stop() {
        let pauses = |answer: SendAnswer| [0, 1, 5, 9, 12, 1_000_000].map(|n| answer.pause(n));
        assert_eq!(pauses(SendAnswer::Refused), [1, 2, 32, 512, 600, 600]);
        assert_eq!(pauses(SendAnswer::NoAnswer), [1, 2, 32, 60, 60, 60]);
        assert_eq!(pauses(SendAnswer::Invalid), [1, 2, 32, 512, 3600, 3600]);
        assert_eq!(pauses(SendAnswer::Accepted), [1; 6]);
    }
}
