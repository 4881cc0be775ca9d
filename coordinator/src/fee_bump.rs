//! Replacing an attempt by one of a higher fee. Pure. Reserved: nothing here is built yet.

/// What this version does not do yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotYet {
    /// BIP 125 replacement of an attempt that was issued.
    #[error("replacing an attempt by one of a higher fee is not built yet")]
    Replacement,
    /// Cancelling an attempt by spending one of its inputs back to the vault.
    #[error("cancelling an attempt on the chain is not built yet")]
    Cancellation,
}
