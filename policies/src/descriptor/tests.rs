//! What the vault descriptor promises.
