//! The name under which a device keeps a vault.
//!
//! Invariant: it is the same for all versions with one keyset, so that no device asks to register anew
//! where only rules changed, and tells keysets of one vault apart.

use crate::Policy;

/// The longest name that every device takes whose firmware registers policies, in letters (BitBox02; Ledger
/// takes 64).
pub const MAX_DEVICE_NAME: usize = 30;

/// Hex digits of the keyset in a name.
const DIGITS: usize = 8;

/// A name of at most `longest` letters a-z, 0-9 and -, from the vault's name and its keyset's first eight digits.
///
/// # Panics
/// Where not even one letter of the vault's name fits: below ten letters.
pub fn device_name(policy: &Policy, longest: usize) -> String {
    let letters = longest.checked_sub(DIGITS + 1).filter(|room| *room > 0);
    let letters = letters.expect("every device takes names of ten letters");
    let name = policy.name.get(..letters).unwrap_or(&policy.name);
    let keyset = policy.keyset.to_string();
    let digits = keyset.get(..DIGITS).unwrap_or(&keyset);
    format!("{}-{digits}", name.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::ScriptKind;
    use crate::document::samples;

    #[test]
    fn a_device_knows_a_vault_by_its_name_and_keyset_within_the_devices_length() {
        let mut policy = samples::policy(ScriptKind::Wsh);
        let keyset = policy.keyset.to_string();
        let short = device_name(&policy, MAX_DEVICE_NAME);
        assert_eq!(short, format!("treasury-{}", &keyset[..8]));
        policy.name = "cold-store-of-the-northern-house".to_owned();
        for longest in [10, 15, 20, MAX_DEVICE_NAME] {
            let name = device_name(&policy, longest);
            assert!(name.len() <= longest && name.starts_with('c'), "{name}");
            assert!(!name.contains("--"), "{name}");
            assert!(name.ends_with(&keyset[..8]), "{name}");
        }
    }
}
