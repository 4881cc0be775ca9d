//! Extended keys whose version bytes say a script kind (SLIP 132), as the keys that they are.

use bitcoin::base58;

/// Version bytes of BIP 32 public keys.
const XPUB: [u8; 4] = [0x04, 0x88, 0xb2, 0x1e];
const TPUB: [u8; 4] = [0x04, 0x35, 0x87, 0xcf];

/// The same key with the version bytes of BIP 32; any other text as it is.
pub fn plain_version(key: &str) -> String {
    let version = match key.get(..4) {
        Some("ypub" | "zpub" | "Ypub" | "Zpub") => XPUB,
        Some("upub" | "vpub" | "Upub" | "Vpub") => TPUB,
        _ => return key.to_owned(),
    };
    match base58::decode_check(key) {
        Ok(mut bytes) if bytes.len() == 78 => {
            bytes[..4].copy_from_slice(&version);
            base58::encode_check(&bytes)
        }
        Ok(_) | Err(_) => key.to_owned(),
    }
}
