//! One line of the agenda: something that waits, in words and in names.

use bitcoin::Amount;
use policies::{UnixTime, VaultId};

use super::asking::Spread;

/// What kind of thing waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgendaKind {
    /// A withdrawal that waits for approvals, or that nobody can pay as it is.
    Withdrawal,
    /// Approved withdrawals in the queue.
    Queue,
    /// An attempt that waits for signatures.
    Signatures,
    /// An attempt that is signed and not in a block.
    Broadcast,
    /// An attempt that signers are asked to void.
    Void,
    /// A version of the policy.
    Version,
    /// An entry of an open list.
    Entry,
    /// A stop in force.
    Stop,
    /// A signer's journal in trouble.
    Journal,
    /// A change of a person's role that a second operator must confirm.
    Role,
    /// The node or a job.
    Health,
}

impl AgendaKind {
    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Withdrawal => "withdrawal",
            Self::Queue => "queue",
            Self::Signatures => "signatures",
            Self::Broadcast => "broadcast",
            Self::Void => "void",
            Self::Version => "version",
            Self::Entry => "entry",
            Self::Stop => "stop",
            Self::Journal => "journal",
            Self::Role => "role",
            Self::Health => "health",
        }
    }
}

/// Something that waits: for what, on whom, who else could act, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgendaLine {
    /// What kind of thing it is.
    pub kind: AgendaKind,
    /// Whose it is; none where it concerns no single vault.
    pub vault: Option<VaultId>,
    /// What it is called. It may hold words of strangers.
    pub title: String,
    /// The page that shows it.
    pub href: String,
    /// The money that waits with it.
    pub amount: Option<Amount>,
    /// What it waits for, in whole sentences.
    pub what: String,
    /// Whether the one who looks can act.
    pub mine: bool,
    /// Persons or signers whom it waits on; nobody where time or the chain moves it.
    pub on: Vec<String>,
    /// Who else could act.
    pub others: Vec<String>,
    /// Since when it waits.
    pub since: UnixTime,
    /// What to do, in one sentence.
    pub todo: String,
}

impl AgendaLine {
    /// Whether it moves by itself: nobody is asked to do anything.
    pub const fn is_by_itself(&self) -> bool {
        self.on.is_empty()
    }
}

/// Those whom it waits on first, the oldest first among them.
pub(super) fn sort(lines: &mut [AgendaLine]) {
    lines.sort_by(|one, other| {
        let key = |line: &AgendaLine| (!line.mine, line.is_by_itself(), line.since, line.kind);
        (key(one), &one.title).cmp(&(key(other), &other.title))
    });
}

/// A line of a vault, of what is no money by itself.
pub(super) fn made(
    kind: AgendaKind,
    (vault, href): (VaultId, String),
    title: String,
    (spread, what, todo): (Spread, String, String),
    since: UnixTime,
) -> AgendaLine {
    AgendaLine {
        kind,
        vault: Some(vault),
        title,
        href,
        amount: None,
        what,
        mine: spread.mine,
        on: spread.on,
        others: spread.others,
        since,
        todo,
    }
}
