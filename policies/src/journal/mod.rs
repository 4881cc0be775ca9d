//! The logic of a signer's journal.
