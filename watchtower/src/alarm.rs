//! What may be wrong with the chain, the node or the books: kinds of alarm, what each means and what to do. Pure.
//!
//! Invariant: each kind says what to do; one that ends by itself says when, and is ended by nobody's word.

/// A kind of alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlarmKind {
    /// A coin of a vault is spent by a transaction that was never handed over here. Subject: its txid.
    UnknownSpend,
    /// A transaction of ours that was given up, or whose place another one took, is on its way. Subject: its txid.
    OldVariant,
    /// Others hang so much on a transaction of ours that it can hardly be replaced or helped. Subject: its txid.
    Pinned,
    /// A transaction of ours waits for its depth for too long. Subject: its txid.
    Unsettled,
    /// A transaction of ours is stuck, and nothing may be done about it by itself. Subject: its txid.
    BumpHeld,
    /// There is no feerate to pay: batches wait. Subject: the vault.
    FeesUnknown,
    /// The recovery path of coins opens soon. Subject: the vault and the timelock.
    RecoveryNear,
    /// A reversal took a customer's balance below zero. Subject: the vault and the reference.
    CustomerNegative,
    /// Ledger, tracker and node do not agree. Subject: the vault.
    BooksDiffer,
    /// A node cannot be relied on. Subject: its name.
    NodeTrouble,
    /// Nobody looks at a node any more: no watchtower runs. Subject: its name.
    WatchtowerSilent,
    /// A node that is only compared with cannot be relied on. Subject: its name.
    WitnessTrouble,
    /// Blocks cannot be read again as was asked, and what was found so far is not spent. Subject: the scan.
    ScanFailed,
    /// Very many small deposits came. Subject: the vault.
    DustFlood,
    /// A destination that is asked for looks like a known one and is another. Subject: the withdrawal or the entry.
    AddressPoisoning,
    /// Somebody pays an address again that was spent from, or one that is for change. Subject: the vault.
    AddressReused,
}

/// How an alarm ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, once this is so.
    ByItself(&'static str),
    /// By somebody's word that it was looked into, or by itself where the cause went away.
    ByHand,
}

impl AlarmKind {
    /// All kinds, the gravest first.
    pub const ALL: [Self; 16] = [
        Self::UnknownSpend,
        Self::BooksDiffer,
        Self::NodeTrouble,
        Self::WatchtowerSilent,
        Self::OldVariant,
        Self::CustomerNegative,
        Self::BumpHeld,
        Self::FeesUnknown,
        Self::RecoveryNear,
        Self::Unsettled,
        Self::Pinned,
        Self::ScanFailed,
        Self::WitnessTrouble,
        Self::DustFlood,
        Self::AddressPoisoning,
        Self::AddressReused,
    ];

    /// Its stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownSpend => "UNKNOWN_SPEND",
            Self::OldVariant => "OLD_VARIANT",
            Self::Pinned => "PINNED",
            Self::Unsettled => "UNSETTLED",
            Self::BumpHeld => "BUMP_HELD",
            Self::FeesUnknown => "FEES_UNKNOWN",
            Self::RecoveryNear => "RECOVERY_NEAR",
            Self::CustomerNegative => "CUSTOMER_NEGATIVE",
            Self::BooksDiffer => "BOOKS_DIFFER",
            Self::NodeTrouble => "NODE_TROUBLE",
            Self::WatchtowerSilent => "WATCHTOWER_SILENT",
            Self::WitnessTrouble => "WITNESS_TROUBLE",
            Self::ScanFailed => "SCAN_FAILED",
            Self::DustFlood => "DUST_FLOOD",
            Self::AddressPoisoning => "ADDRESS_POISONING",
            Self::AddressReused => "ADDRESS_REUSED",
        }
    }

    /// The kind of a stable name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// What it says, in a few words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::UnknownSpend => "A coin was spent outside of this pipeline",
            Self::OldVariant => "A transaction that was given up is on its way",
            Self::Pinned => "A transaction of ours is pinned by what others hang on it",
            Self::Unsettled => "A transaction of ours is not settled in time",
            Self::BumpHeld => "A transaction is stuck, and raising its fee is held",
            Self::FeesUnknown => "There is no feerate to go by",
            Self::RecoveryNear => "The recovery path of coins opens soon",
            Self::CustomerNegative => "A reversal took a customer's balance below zero",
            Self::BooksDiffer => "The books differ from what the node sees",
            Self::NodeTrouble => "The node has trouble",
            Self::WatchtowerSilent => "No watchtower looks at the node any more",
            Self::WitnessTrouble => "A witness has trouble",
            Self::ScanFailed => "Blocks could not be read again",
            Self::DustFlood => "Very many small deposits came",
            Self::AddressPoisoning => "An address looks like a known one and is another",
            Self::AddressReused => "An address that was spent from is paid again",
        }
    }

    /// What to do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::UnknownSpend => {
                "ask every signer at once whether they signed this; if nobody did, keys are stolen: give a stop, and \
                 move what is left to new keys"
            }
            Self::OldVariant => {
                "pay nothing by hand: at most one of the variants confirms, and the withdrawals follow it; find out \
                 who broadcast it"
            }
            Self::Pinned => {
                "replace it at a fee that also pays for what hangs on it, or wait: it still confirms at its own feerate"
            }
            Self::Unsettled => {
                "look at the attempt: replace it at a higher feerate, or let its change pay for it"
            }
            Self::BumpHeld => {
                "raise the vault's budget or cap of fees, or replace the attempt by hand"
            }
            Self::FeesUnknown => {
                "see to the node and its estimates, or give batches a feerate of your own"
            }
            Self::RecoveryNear => {
                "spend these coins to ourselves in time: `self-spend create --purpose refresh` makes them young again"
            }
            Self::CustomerNegative => {
                "settle it with the customer; further withdrawals in their name wait"
            }
            Self::BooksDiffer => {
                "pay nothing by hand; compare again, and if they still differ keep the database and ask for help"
            }
            Self::NodeTrouble => {
                "see to the node; until then no deposit is credited and no batch is made"
            }
            Self::WatchtowerSilent => {
                "start the watchtower, and look at its log; until then nothing is seen of the chain: no deposit, no theft"
            }
            Self::WitnessTrouble => {
                "see to that node; by itself it holds up nothing, and until then it confirms nothing that the other says"
            }
            Self::ScanFailed => {
                "see `chain scans` for the reason, and ask again from the same height: the coins that it found are \
                 not spent until a scan from there has come to the tip"
            }
            Self::DustFlood => {
                "nothing at once: such coins are never selected where they cost more than they bring; the coordinator's \
                 `deposits set --deposit-min-sat` says from which amount deposits are credited"
            }
            Self::AddressPoisoning => {
                "compare the whole address before anybody pays it, and copy none from a list of transactions"
            }
            Self::AddressReused => {
                "give whoever pays a new address, and freeze such coins where spending them would tell too much: the \
                 coordinator's `deposits set --freeze-reuse` has it done by itself"
            }
        }
    }

    /// Whether money may be in danger, or does not move.
    pub const fn is_grave(self) -> bool {
        match self {
            Self::UnknownSpend
            | Self::OldVariant
            | Self::BumpHeld
            | Self::FeesUnknown
            | Self::RecoveryNear
            | Self::CustomerNegative
            | Self::BooksDiffer
            | Self::NodeTrouble
            | Self::WatchtowerSilent => true,
            Self::Pinned
            | Self::Unsettled
            | Self::WitnessTrouble
            | Self::ScanFailed
            | Self::DustFlood
            | Self::AddressPoisoning
            | Self::AddressReused => false,
        }
    }

    /// How it ends.
    pub const fn ending(self) -> Ending {
        match self {
            Self::UnknownSpend
            | Self::OldVariant
            | Self::ScanFailed
            | Self::DustFlood
            | Self::AddressPoisoning
            | Self::AddressReused => Ending::ByHand,
            Self::Pinned => Ending::ByItself("it confirms, or nothing hangs on it any more"),
            Self::Unsettled => Ending::ByItself("it is settled, or another takes its place"),
            Self::BumpHeld => Ending::ByItself("it confirms, or its fee may be raised"),
            Self::FeesUnknown => Ending::ByItself("the node has an estimate again"),
            Self::RecoveryNear => Ending::ByItself("the coins are spent"),
            Self::CustomerNegative => Ending::ByItself("the balance is not below zero any more"),
            Self::BooksDiffer => Ending::ByItself("they agree again"),
            Self::WatchtowerSilent => Ending::ByItself("a watchtower looks again"),
            Self::NodeTrouble | Self::WitnessTrouble => Ending::ByItself("the node is well again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_name_of_its_own_and_says_what_to_do() {
        let mut names: Vec<&str> = AlarmKind::ALL.map(AlarmKind::code).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), AlarmKind::ALL.len());
        for kind in AlarmKind::ALL {
            assert_eq!(AlarmKind::from_code(kind.code()), Some(kind));
            assert!(
                !kind.title().is_empty() && !kind.hint().is_empty(),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn the_grave_ones_stand_before_the_others() {
        assert!(AlarmKind::ALL.is_sorted_by_key(|kind| !kind.is_grave()));
    }
}
