//! Identities and times as types of their own.
