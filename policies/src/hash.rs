//! Tagged hashes and signing messages.
