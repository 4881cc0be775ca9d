//! What is told of a file besides what was read of it.

use std::fmt;

/// What a file lacked, or what of it was not taken over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// Nothing protects the text against a mistyped letter.
    NoChecksum,
    /// It said only where deposits go; change was taken to stand where wallets put it.
    ChangeAssumed,
    /// It said where change goes, and deposits were taken to stand where wallets put them.
    DepositsAssumed,
    /// Its keys have no branches at all, and were given those that wallets use.
    BranchesAssumed,
    /// Keys in the notation of SLIP 132 were written in that of BIP 32.
    PlainVersions,
    /// The wallet names no device, or one that policies have no name for.
    UnknownDevice(String),
    /// A field was not taken over.
    Ignored(String),
}

impl Note {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoChecksum => "NO_CHECKSUM",
            Self::ChangeAssumed => "CHANGE_ASSUMED",
            Self::DepositsAssumed => "DEPOSITS_ASSUMED",
            Self::BranchesAssumed => "BRANCHES_ASSUMED",
            Self::PlainVersions => "PLAIN_VERSIONS",
            Self::UnknownDevice(_) => "UNKNOWN_DEVICE",
            Self::Ignored(_) => "IGNORED",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChecksum => f.write_str(
                "the file has no checksum: compare the first addresses with those that the wallet shows",
            ),
            Self::ChangeAssumed => f.write_str(
                "the file says only where deposits go: change is taken to stand at branch 1, as wallets do it",
            ),
            Self::DepositsAssumed => f.write_str(
                "the file says only where change goes: deposits are taken to stand at branch 0, as wallets do it",
            ),
            Self::BranchesAssumed => f.write_str(
                "its keys say no branches: deposits are taken to stand at 0 and change at 1, as wallets do it; compare addresses",
            ),
            Self::PlainVersions => f.write_str(
                "keys in the notation of SLIP 132 (Zpub, Vpub and others) are written as xpub or tpub: the same keys",
            ),
            Self::UnknownDevice(kind) => {
                write!(f, "policies have no name for the device {kind:?}: write the kind in by hand")
            }
            Self::Ignored(field) => write!(f, "{field:?} was not taken over"),
        }
    }
}
