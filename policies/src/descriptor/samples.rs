//! Descriptors and keys that tests share.
