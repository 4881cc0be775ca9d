//! Requests of Bitcoin Core's `importdescriptors` (its `doc/descriptors.md`, and the call's help).

use serde::Serialize;

use super::pretty;
use crate::Keychain;
use crate::descriptor::VaultDescriptor;

/// Addresses of each branch that the wallet watches from the start.
const WATCHED: u32 = 1_000;

/// One request.
#[derive(Serialize)]
struct Request {
    desc: String,
    active: bool,
    internal: bool,
    range: [u32; 2],
    next_index: u32,
    /// From where blocks are read again, in unix seconds: 0, for coins of a wallet brought in can be older than
    /// any version of its policy.
    timestamp: u64,
}

/// Both branches, each as one request: releases before multipath descriptors read them too.
pub(super) fn requests(descriptor: &VaultDescriptor) -> String {
    let requests = Keychain::BOTH.map(|keychain| Request {
        desc: descriptor.branch(keychain).to_string(),
        active: true,
        internal: keychain == Keychain::Internal,
        range: [0, WATCHED - 1],
        next_index: 0,
        timestamp: 0,
    });
    pretty(&requests)
}
