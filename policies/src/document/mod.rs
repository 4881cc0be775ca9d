//! The policy document, parsed strictly.
