//! An intent for tests.

use bitcoin::{Amount, ScriptBuf};

use super::{Intent, IntentKind};
use crate::ids::{Keyset, VaultId};
use crate::time::UnixTime;

/// A payment of 50,000 satoshi, of withdrawal `id`, to a script made from `script`.
pub(crate) fn payment(id: &str, script: u8) -> Intent {
    let amount = Amount::from_sat(50_000);
    Intent {
        vault: VaultId::from_bytes([0x11; 32]),
        keyset: Keyset::from_bytes([0x11; 32]),
        requester: "exchange".parse().expect("a name"),
        id: id.parse().expect("an id"),
        kind: IntentKind::Payment,
        script_pubkey: ScriptBuf::from_bytes([vec![0x00, 0x14], vec![script; 20]].concat()),
        amount,
        min: amount,
        created: UnixTime::from_secs(1_795_478_400),
        expires: UnixTime::from_secs(1_795_564_800),
        replaces: None,
        repeats: None,
        reference: String::new(),
    }
}
