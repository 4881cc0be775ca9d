//! The rows.

use super::super::{Form, Version};
use super::{Bounds, Pace, Paths, Row, Verdict};
use Form::{TrKey, TrMiniscript, TrMulti, Wpkh, WshMiniscript, WshMulti, WshSorted};
use Verdict::{Never, Signs};

/// What the Ledger app 2.4.6 took in its emulator: 1 input 5 s, 10 inputs 16 s, 40 inputs 52 s.
const LEDGER_PACE: Pace = Pace {
    begin_ms: 4_000,
    input_ms: 1_200,
};

const LEDGER: Bounds = Bounds {
    keys: Some(15),
    multi_keys: Some(16),
    template_chars: Some(512),
    name_chars: Some(64),
    script_bytes: Some(3_600),
    inputs: Some(512),
    outputs: Some(512),
    paths: Paths::OfCoin,
    keys_stand_once: true,
    pace: Some(LEDGER_PACE),
    ..Bounds::NONE
};

/// Before 2.1.0 wallets were named with 16 letters and had 5 keys; before 2.0.4 transactions had 64 inputs.
const LEDGER_2_0: Bounds = Bounds {
    keys: Some(5),
    multi_keys: Some(5),
    name_chars: Some(16),
    ..LEDGER
};

const COLDCARD: Bounds = Bounds {
    multi_keys: Some(15),
    inputs: Some(250),
    outputs: Some(2_000),
    psbt_bytes: Some(2 * 1024 * 1024),
    transaction_bytes: Some(100_000),
    paths: Paths::AtMost(12),
    fingerprints_differ: true,
    ..Bounds::NONE
};

const COLDCARD_MK3: Bounds = Bounds {
    inputs: Some(20),
    outputs: None,
    psbt_bytes: Some(384 * 1024),
    ..COLDCARD
};

/// Up to 15 keys, as P2SH has room for.
const MULTISIG: Bounds = Bounds {
    multi_keys: Some(15),
    ..Bounds::NONE
};

const BITBOX02: Bounds = Bounds {
    name_chars: Some(30),
    ..Bounds::NONE
};

const NO_MINISCRIPT: Verdict = Never("no miniscript in its firmware");
const NO_TAPSCRIPT: Verdict = Never("no taproot scripts in its firmware");
const ONLY_EDGE: Verdict =
    Never("neither miniscript nor taproot in its firmware, only in the EDGE one");

const fn row(
    kind: &'static str,
    forms: &'static [Form],
    from: Version,
    verdict: Verdict,
    source: &'static str,
) -> Row {
    Row {
        kind,
        forms,
        from,
        verdict,
        source,
    }
}

/// The table; rows of one kind and form from the earliest firmware to the latest.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row("ledger", &[Wpkh, TrKey, WshSorted, WshMulti], Version::of(2, 0, 0),
        Signs(Bounds { inputs: Some(64), ..LEDGER_2_0 }),
        "app-bitcoin 2.0, doc/wallet.md; CHANGELOG 2.0.4 for the inputs"),
    row("ledger", &[Wpkh, TrKey, WshSorted, WshMulti], Version::of(2, 0, 4), Signs(LEDGER_2_0),
        "app-bitcoin, CHANGELOG 2.0.4; doc/wallet.md"),
    row("ledger", &[Wpkh, TrKey, WshSorted, WshMulti], Version::of(2, 1, 0), Signs(LEDGER),
        "app-bitcoin, CHANGELOG 2.1.0; sortedmulti tried with 2.4.6 in its emulator"),
    row("ledger", &[WshMiniscript], Version::of(2, 1, 2), Signs(LEDGER),
        "app-bitcoin, CHANGELOG 2.1.2 (2.1.0 and 2.1.1 show wrong addresses); tried with 2.4.6 in its emulator"),
    row("ledger", &[TrMulti], Version::of(2, 1, 2),
        Signs(Bounds { leaves: Some(8), ..LEDGER }),
        "app-bitcoin, CHANGELOG 2.1.2: trees of up to 8 leaves of pk and multi_a"),
    row("ledger", &[TrMulti, TrMiniscript], Version::of(2, 2, 0),
        Signs(Bounds { tree_depth: Some(9), ..LEDGER }),
        "app-bitcoin, CHANGELOG 2.2.0; tried with 2.4.6 in its emulator"),
    row("trezor", &[Wpkh, TrKey], Version::ANY, Signs(Bounds::NONE),
        "HWI 3.2.0, hwilib/devices/trezor.py"),
    row("trezor", &[WshSorted, WshMulti], Version::ANY, Signs(MULTISIG),
        "Trezor firmware, core/src/apps/bitcoin/scripts.py: at most 15 keys; HWI 3.2.0, trezor.py"),
    row("trezor", &[WshMiniscript], Version::ANY, NO_MINISCRIPT,
        "HWI 3.2.0, hwilib/devices/trezor.py: multisig alone"),
    row("trezor", &[TrMulti, TrMiniscript], Version::ANY, NO_TAPSCRIPT,
        "HWI 3.2.0, hwilib/devices/trezor.py: taproot by its key path (BIP 86) alone"),
    row("keepkey", &[Wpkh], Version::ANY, Signs(Bounds::NONE),
        "HWI 3.2.0, hwilib/devices/keepkey.py"),
    row("keepkey", &[WshSorted, WshMulti], Version::ANY, Signs(MULTISIG),
        "HWI 3.2.0, hwilib/devices/keepkey.py, on firmware derived from Trezor's"),
    row("keepkey", &[WshMiniscript], Version::ANY, NO_MINISCRIPT,
        "HWI 3.2.0, hwilib/devices/keepkey.py: multisig alone"),
    row("keepkey", &[TrKey, TrMulti, TrMiniscript], Version::ANY, Never("no taproot in its firmware"),
        "HWI 3.2.0, hwilib/devices/keepkey.py"),
    row("bitbox01", &[Wpkh, WshSorted, WshMulti], Version::ANY, Signs(MULTISIG),
        "HWI 3.2.0, hwilib/devices/digitalbitbox.py"),
    row("bitbox01", &[WshMiniscript], Version::ANY, NO_MINISCRIPT,
        "HWI 3.2.0, hwilib/devices/digitalbitbox.py"),
    row("bitbox01", &[TrKey, TrMulti, TrMiniscript], Version::ANY, Never("no taproot in its firmware"),
        "HWI 3.2.0, hwilib/devices/digitalbitbox.py"),
    row("bitbox02", &[Wpkh, TrKey], Version::ANY, Signs(Bounds::NONE),
        "HWI 3.2.0, hwilib/devices/bitbox02.py"),
    row("bitbox02", &[WshSorted], Version::ANY, Signs(Bounds { multi_keys: Some(15), ..BITBOX02 }),
        "HWI 3.2.0, hwilib/devices/bitbox02.py: sortedmulti of at most 15 keys"),
    row("bitbox02", &[WshMulti, WshMiniscript], Version::of(9, 15, 0),
        Signs(Bounds { keys: Some(20), keys_stand_once: true, ..BITBOX02 }),
        "bitbox02-firmware, CHANGELOG 9.15.0: policies of wsh miniscript; at most 20 keys"),
    row("bitbox02", &[TrMulti, TrMiniscript], Version::of(9, 21, 0),
        Signs(Bounds { keys: Some(20), keys_stand_once: true, ..BITBOX02 }),
        "bitbox02-firmware, CHANGELOG 9.21.0: policies of taproot miniscript; at most 20 keys"),
    row("coldcard", &[Wpkh, WshSorted], Version::ANY, Signs(COLDCARD),
        "Coldcard firmware, docs/limitations.md (Mk4)"),
    row("coldcard", &[WshMulti], Version::of(5, 4, 0), Signs(COLDCARD),
        "Coldcard firmware, releases/History-Mk4.md 5.4.0: unsorted multisig, once it is allowed in its settings"),
    row("coldcard", &[WshMiniscript, TrKey, TrMulti, TrMiniscript], Version::ANY, ONLY_EDGE,
        "Coldcard firmware, docs/limitations.md (Mk4)"),
    row("coldcard-q", &[Wpkh, WshSorted], Version::ANY, Signs(COLDCARD),
        "Coldcard firmware, docs/limitations.md (Q)"),
    row("coldcard-q", &[WshMulti], Version::of(1, 3, 0), Signs(COLDCARD),
        "Coldcard firmware, releases/History-Q.md 1.3.0Q: unsorted multisig, once it is allowed in its settings"),
    row("coldcard-q", &[WshMiniscript, TrKey, TrMulti, TrMiniscript], Version::ANY, ONLY_EDGE,
        "Coldcard firmware, docs/limitations.md (Q)"),
    row("coldcard-mk3", &[Wpkh, WshSorted], Version::ANY, Signs(COLDCARD_MK3),
        "Coldcard firmware, docs/limitations.md (Mk3)"),
    row("coldcard-mk3", &[WshMulti], Version::ANY, Never("no unsorted multisig in its firmware"),
        "Coldcard firmware, releases/History-Mk4.md 5.4.0: it came after the last Mk3 firmware"),
    row("coldcard-mk3", &[WshMiniscript, TrKey, TrMulti, TrMiniscript], Version::ANY,
        Never("neither miniscript nor taproot in its firmware"),
        "Coldcard firmware, docs/limitations.md (Mk3)"),
    row("coldcard-edge", &[Wpkh, TrKey, WshSorted, WshMulti], Version::of(6, 2, 1), Signs(COLDCARD),
        "Coldcard EDGE firmware, docs/limitations.md; sortedmulti tried with 6.3.3X in its simulator"),
    row("coldcard-edge", &[WshMiniscript], Version::of(6, 2, 1),
        Signs(Bounds { keys: Some(20), name_chars: Some(30), ..COLDCARD }),
        "Coldcard EDGE firmware, docs/miniscript.md; tried with 6.3.3X in its simulator"),
    row("coldcard-edge", &[TrMulti, TrMiniscript], Version::of(6, 2, 1),
        Signs(Bounds {
            keys: Some(32), tree_depth: Some(4), leaves: Some(8), name_chars: Some(30), ..COLDCARD
        }),
        "Coldcard EDGE firmware, docs/taproot.md; two leaves tried with 6.3.3X in its simulator"),
    row("jade", &[Wpkh, TrKey], Version::ANY, Signs(Bounds::NONE),
        "HWI 3.2.0, hwilib/devices/jade.py; Blockstream/Jade issue 255 for taproot"),
    row("jade", &[WshMulti], Version::of(0, 1, 33), Signs(MULTISIG),
        "Jade, CHANGELOG 0.1.30 (multisig) and 0.1.33 (15 keys)"),
    row("jade", &[WshSorted], Version::of(0, 1, 33), Signs(MULTISIG),
        "Jade, CHANGELOG 0.1.31 (sorted) and 0.1.33 (15 keys)"),
    row("jade", &[WshMiniscript], Version::of(1, 0, 30), Signs(Bounds::NONE),
        "Jade, CHANGELOG 1.0.30: registered descriptors of miniscript"),
    row("jade", &[TrMulti, TrMiniscript], Version::ANY, NO_TAPSCRIPT,
        "Blockstream/Jade issue 255 (open, August 2026)"),
    row("specter-diy", &[Wpkh, WshSorted, WshMulti], Version::ANY, Signs(Bounds::NONE),
        "Specter-DIY, docs/descriptors.md"),
    row("specter-diy", &[WshMiniscript, TrKey, TrMulti, TrMiniscript], Version::of(1, 8, 0), Signs(Bounds::NONE),
        "Specter-DIY 1.8.0 with embit; docs/descriptors.md"),
    row("passport", &[Wpkh, WshSorted], Version::ANY, Signs(MULTISIG),
        "Passport's guide: multisig by Coldcard's text file"),
    row("passport", &[WshMiniscript, TrMiniscript], Version::ANY, NO_MINISCRIPT,
        "Foundation-Devices/passport2 issue 587 (open, April 2026)"),
    row("keystone", &[Wpkh, WshSorted], Version::ANY, Signs(MULTISIG),
        "Keystone's guide to its multisig wallets"),
    row("seedsigner", &[Wpkh, WshSorted], Version::ANY, Signs(Bounds::NONE),
        "SeedSigner's README: multisig coordinated by Sparrow, Specter, Nunchuk"),
    row("seedsigner", &[WshMiniscript], Version::ANY, NO_MINISCRIPT,
        "SeedSigner/seedsigner issue 306 and pull request 1026 (both open, August 2026)"),
    row("seedsigner", &[TrMulti, TrMiniscript], Version::ANY, NO_TAPSCRIPT,
        "SeedSigner/seedsigner pull request 1026 (open, August 2026)"),
    row("krux", &[Wpkh, WshSorted, WshMulti], Version::ANY, Signs(Bounds::NONE),
        "Krux's documents, with embit's multisig"),
    row("krux", &[TrKey], Version::of(24, 7, 0), Signs(Bounds::NONE),
        "Krux, CHANGELOG 24.07.0"),
    row("krux", &[WshMiniscript, TrMulti, TrMiniscript], Version::of(25, 3, 0), Signs(Bounds::NONE),
        "Krux, CHANGELOG 25.03.0"),
    row("sparrow", &[Wpkh, TrKey, WshSorted, WshMulti], Version::ANY, Signs(Bounds::NONE),
        "Sparrow's policy types, single and multi signature"),
    row("sparrow", &[WshMiniscript, TrMiniscript], Version::ANY, Never("Sparrow has no miniscript"),
        "sparrowwallet/sparrow issue 1700 (open)"),
    row("sparrow", &[TrMulti], Version::ANY, Never("Sparrow has no taproot scripts"),
        "sparrowwallet/sparrow issues 1515 and 1700: no custom policies"),
    row("offline", &Form::ALL, Version::ANY, Signs(Bounds::NONE),
        "countersign-signer signs every descriptor that a vault can have"),
    row("software", &Form::ALL, Version::ANY, Signs(Bounds::NONE),
        "countersign-signer signs every descriptor that a vault can have"),
];
