//! A signer's memory of all it signed: what is written, how it is read back, what follows from it.
//!
//! Pure: the caller makes each line durable *before* a signature leaves. Invariant: replaying the lines
//! gives the live journal, and no two transactions that were admitted for one line of withdrawals can be
//! in one chain. Follows docs/formats.md F7.

pub mod allowance;
pub mod book;
pub mod entry;
pub mod error;
mod exclusive;
pub mod export;
pub mod fault;
pub mod given;
pub mod history;
pub mod line;
mod lines;
pub mod moving;
pub mod receipt;
pub mod seen;
pub mod standing;
pub mod version;
pub mod void;

pub use allowance::SelfSpendAllowance;
pub use book::Journal;
pub use entry::{AncestorInputs, Birth, Entry, EntryError, SignedTransaction, SpendMode};
pub use error::JournalError;
pub use export::{Export, ExportError, ExportStatement, accept_export, accept_export_of};
pub use fault::{CreatedRefusal, Fault, Rollback};
pub use given::{Again, Given, GivenReceipt, receipts_for};
pub use history::History;
pub use line::Line;
pub use moving::{
    Inherited, MoveCertificate, MoveError, MoveStatement, Moved, accept_move, accept_moves,
};
pub use receipt::{Receipt, ReceiptBody, ReceiptError};
pub use seen::{Heard, MAX_STOPS_OF_KEY, Seen, SeenKind};
pub use standing::{LastKnown, Standing, StandingError, standing};
pub use version::{Adopted, Proposed, VersionFault, Versions};
pub use void::{CannotVoid, Void, VoidError, Voided, block_every_path, may_recover, may_void};
