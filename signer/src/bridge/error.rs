//! Why the bridge refuses, and what to do about it.

use super::asked::What;
use super::origin::Origin;
use crate::failure::{Class, Explained};
use crate::keystore::{Kind, NoEntropy, WriteError};
use policies::{RequesterName, VaultId, WithdrawalId};
use std::io;
use std::path::PathBuf;

/// Why the bridge refuses.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The body is no form.
    #[error("the page sent no form that can be read")]
    NotAForm,
    /// The body is too large.
    #[error("the page sent more than {most} bytes")]
    TooLarge {
        /// The most that is read.
        most: usize,
    },
    /// A field is not what it must be.
    #[error("the field {field} is not {expected}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The page asks for nothing that the bridge knows.
    #[error("the page asks for something that this version does not know")]
    UnknownAsk,
    /// The origin is hidden.
    #[error("the browser does not say which page sent this")]
    NullOrigin,
    /// The origin is none that may be paired.
    #[error("only pages at https:// or of this computer may be paired")]
    OriginRefused,
    /// The origin was never paired.
    #[error("pages of {0} are not paired with this bridge")]
    NotPaired(Origin),
    /// The browser is not the one that paired, or none was bound by then.
    #[error("this browser is not the one that was paired for pages of {0}")]
    NotThisBrowser(Origin),
    /// A script sent it, or a frame.
    #[error("this was not sent by a form that opens this page")]
    NotNavigated,
    /// No code is open.
    #[error("this bridge shows no code to pair with")]
    NoCode,
    /// The code is wrong.
    #[error("the code is wrong; {left} more {}", if *left == 1 { "try" } else { "tries" })]
    WrongCode {
        /// Tries left.
        left: u8,
    },
    /// It was tried too often.
    #[error("the code was tried too often, and counts no more")]
    CodeTries,
    /// Its time is over.
    #[error("the code is older than {minutes} minutes, and counts no more")]
    CodeOver {
        /// How long it counts.
        minutes: u64,
    },
    /// It was used.
    #[error("the code was used already")]
    CodeUsed,
    /// Too many origins are paired.
    #[error("{most} origins are paired already")]
    TooManyOrigins {
        /// How many may be.
        most: usize,
    },
    /// The origin is not paired.
    #[error("{0} is not paired")]
    NotRemembered(Origin),
    /// The ask is about another vault.
    #[error("the page asks about the vault {asked}; this home is of {pinned}")]
    OtherVault {
        /// The vault asked about.
        asked: VaultId,
        /// The home's own.
        pinned: VaultId,
    },
    /// The coordinator has nothing of that hash.
    #[error("the coordinator has no {what} {hash}")]
    UnknownHash {
        /// What was looked for.
        what: &'static str,
        /// The hash.
        hash: String,
    },
    /// The bytes hash to something else.
    #[error("asked for {asked}, and the coordinator gave bytes that hash to {found}")]
    OtherBytes {
        /// What was asked for.
        asked: String,
        /// What the bytes hash to.
        found: String,
    },
    /// The person asked for the withdrawal.
    #[error("withdrawal {id} was asked for by {requester}, and {person} is the person behind that")]
    OwnRequest {
        /// The withdrawal's id.
        id: WithdrawalId,
        /// Its requester.
        requester: RequesterName,
        /// The person of this home.
        person: String,
    },
    /// No key of the home signs that.
    #[error("this home holds no {0} key of a file that was opened")]
    NoKey(Kind),
    /// The bridge does not do that yet.
    #[error("not by the bridge yet: {}", .0.name())]
    NotYet(What),
    /// A recovery, which a page does not ask for.
    #[error(
        "not by the bridge: this is a recovery, which takes the path with a timelock and pays all of its coins to where \
         the policy says"
    )]
    RecoveryByPage,
    /// The date is a person's word, which a page does not ask for.
    #[error(
        "not by the bridge: the date of this home is a person's word, which the terminal has confirmed each time"
    )]
    DatedByWord,
    /// The home follows another version by now.
    #[error("this home follows another version of the policy than when the page was opened")]
    OtherVersion,
    /// `bridge.json` cannot be read.
    #[error("cannot read {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
    /// `bridge.json` is none of ours.
    #[error("{} does not hold the origins of a bridge", .0.display())]
    OriginsBroken(PathBuf),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

impl Explained for BridgeError {
    fn class(&self) -> Class {
        match self {
            Self::NotAForm
            | Self::TooLarge { .. }
            | Self::Field { .. }
            | Self::UnknownAsk
            | Self::NotRemembered(_)
            | Self::OriginsBroken(_) => Class::Usage,
            Self::NullOrigin
            | Self::OriginRefused
            | Self::NotPaired(_)
            | Self::NotThisBrowser(_)
            | Self::NotNavigated
            | Self::NoCode
            | Self::WrongCode { .. }
            | Self::CodeTries
            | Self::CodeOver { .. }
            | Self::CodeUsed
            | Self::TooManyOrigins { .. }
            | Self::OtherVault { .. }
            | Self::UnknownHash { .. }
            | Self::OtherBytes { .. }
            | Self::OwnRequest { .. }
            | Self::NoKey(_)
            | Self::NotYet(_)
            | Self::RecoveryByPage
            | Self::DatedByWord
            | Self::OtherVersion => Class::Refused,
            Self::Unreadable { .. } | Self::Write(_) => Class::Device,
            Self::Entropy(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotAForm => "NOT_A_FORM",
            Self::TooLarge { .. } => "FORM_TOO_LARGE",
            Self::Field { .. } => "BAD_FIELD",
            Self::UnknownAsk => "UNKNOWN_ASK",
            Self::NullOrigin => "NULL_ORIGIN",
            Self::OriginRefused => "ORIGIN_REFUSED",
            Self::NotPaired(_) => "ORIGIN_NOT_PAIRED",
            Self::NotThisBrowser(_) => "BROWSER_NOT_PAIRED",
            Self::NotNavigated => "NOT_NAVIGATED",
            Self::NoCode => "NO_CODE",
            Self::WrongCode { .. } => "WRONG_CODE",
            Self::CodeTries => "CODE_TRIED_TOO_OFTEN",
            Self::CodeOver { .. } => "CODE_OVER",
            Self::CodeUsed => "CODE_USED",
            Self::TooManyOrigins { .. } => "TOO_MANY_ORIGINS",
            Self::NotRemembered(_) => "ORIGIN_UNKNOWN",
            Self::OtherVault { .. } => "OTHER_VAULT",
            Self::UnknownHash { .. } => "UNKNOWN_HASH",
            Self::OtherBytes { .. } => "OTHER_BYTES",
            Self::OwnRequest { .. } => "OWN_REQUEST",
            Self::NoKey(_) => "NO_KEY_OPEN",
            Self::NotYet(_) | Self::RecoveryByPage | Self::DatedByWord => "NOT_BY_THE_BRIDGE",
            Self::OtherVersion => "OPENED_UNDER_ANOTHER_VERSION",
            Self::Unreadable { .. } => "UNREADABLE",
            Self::OriginsBroken(_) => "NOT_A_BRIDGE",
            Self::Write(_) => "CANNOT_WRITE",
            Self::Entropy(error) => error.code(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotAForm | Self::UnknownAsk => {
                "open it again from the coordinator's page; if it comes again, bring this tool and the coordinator to \
                 the same version"
            }
            Self::TooLarge { .. } | Self::Field { .. } => {
                "nothing was signed: open it again from the coordinator's page, for fewer at once"
            }
            Self::NullOrigin => {
                "open it from the coordinator's own page, in a window that is not private to another site; browsers \
                 hide the origin of sandboxed pages, of files and after a redirect"
            }
            Self::OriginRefused => "serve the coordinator's pages by HTTPS, then pair again",
            Self::NotPaired(_) => {
                "if you know these pages: start the bridge with --pair, and type its code under Account, Bridge"
            }
            Self::NotThisBrowser(_) => {
                "pair this browser again: start the bridge with --pair, and type its code under Account, Bridge"
            }
            Self::NotNavigated => {
                "nothing was signed: press the button of the coordinator's page; if you did, tell its operator"
            }
            Self::CodeTries | Self::CodeOver { .. } => {
                "type the next code: the bridge shows it in its terminal, at most one in a minute"
            }
            Self::NoCode | Self::CodeUsed => {
                "end the bridge and start it again with --pair: it shows a new code"
            }
            Self::WrongCode { .. } => "type the 8 digits that the bridge shows in its terminal",
            Self::TooManyOrigins { .. } => "forget one with `bridge --forget ORIGIN`",
            Self::NotRemembered(_) => "see which are with `bridge --list`",
            Self::OtherVault { .. } => {
                "run the bridge with the home of that vault, at another port, and pair it there"
            }
            Self::UnknownHash { .. } => {
                "look whether the page is of the coordinator that this bridge was started for"
            }
            Self::OtherBytes { .. } => {
                "sign nothing, and tell the others: the coordinator gave other bytes than were asked for"
            }
            Self::OwnRequest { .. } => "have another person approve it: one's own approval never counts",
            Self::NoKey(_) => {
                "start the bridge with the home that holds that key; a passkey signs only verdicts over withdrawals"
            }
            Self::NotYet(what) => {
                return format!(
                    "use `countersign-signer {}` with the file that the page offers",
                    what.verb()
                );
            }
            Self::RecoveryByPage => {
                "ask the other signers; if the vault is to be recovered now, use `countersign-signer sign --recovery` \
                 with the file that the page offers"
            }
            Self::DatedByWord => {
                "use `countersign-signer sign` with the file that the page offers, and --today"
            }
            Self::OtherVersion => {
                "read it again: open it once more from the coordinator's page"
            }
            Self::Unreadable { .. } => "make the file readable for this user, then try again",
            Self::OriginsBroken(_) => {
                "move the file away, and pair the pages again: it holds nothing that cannot be had anew"
            }
            Self::Write(_) => "make room on the disk and the folder writable, then try again",
            Self::Entropy(error) => return error.hint(),
        }
        .to_owned()
    }
}
