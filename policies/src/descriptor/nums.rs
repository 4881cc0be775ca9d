//! The internal key that nobody can spend with (BIP 341): the point H as an extended key.

use std::collections::BTreeSet;

use bitcoin::NetworkKind;
use bitcoin::bip32::{ChainCode, ChildNumber, Fingerprint, Xpub};
use bitcoin::hashes::{Hash, sha256};
use bitcoin::secp256k1;

/// The point H of BIP 341, lifted with an even y coordinate.
const H: [u8; 33] = [
    0x02, 0x50, 0x92, 0x9b, 0x74, 0xc1, 0xa0, 0x49, 0x54, 0xb7, 0x8b, 0x4b, 0x60, 0x35, 0xe9, 0x7a,
    0x5e, 0x07, 0x8a, 0x5a, 0x0f, 0x28, 0xec, 0x96, 0xd5, 0x47, 0xbf, 0xee, 0x9a, 0xce, 0x80, 0x3a,
    0xc0,
];

/// The extended key over H whose chain code is the SHA-256 of the participants' distinct keys,
/// sorted by their 33 bytes.
pub fn nums_xpub(keys: &[secp256k1::PublicKey], network: NetworkKind) -> Xpub {
    let distinct: BTreeSet<[u8; 33]> = keys.iter().map(secp256k1::PublicKey::serialize).collect();
    let bytes: Vec<u8> = distinct.into_iter().flatten().collect();
    Xpub {
        network,
        depth: 0,
        parent_fingerprint: Fingerprint::default(),
        child_number: ChildNumber::Normal { index: 0 },
        public_key: secp256k1::PublicKey::from_slice(&H).expect("BIP 341's H is on the curve"),
        chain_code: ChainCode::from(sha256::Hash::hash(&bytes).to_byte_array()),
    }
}

/// Whether the extended key lies over H, with any chain code.
pub fn is_nums(xpub: &Xpub) -> bool {
    xpub.public_key.serialize()[1..] == H[1..]
}
