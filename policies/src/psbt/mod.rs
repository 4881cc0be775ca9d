//! Strict reading of PSBTs and the manifest they carry.
