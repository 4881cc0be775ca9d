//! A signer's memory of all it signed: what is written, how it is read back, what follows from it.
//!
//! Pure: the caller makes each line durable *before* a signature leaves. Invariant: replaying the lines
//! gives the live journal, and no two transactions that were admitted for one line of withdrawals can be
//! in one chain. Follows docs/formats.md F7.

pub mod book;
pub mod entry;
pub mod history;
mod lines;
pub mod receipt;

pub use book::{Journal, JournalError, Line};
pub use entry::{Birth, Entry, EntryError, SignedTransaction};
pub use history::{CreatedRefusal, Fault, History};
pub use receipt::{Receipt, ReceiptBody, ReceiptError};
