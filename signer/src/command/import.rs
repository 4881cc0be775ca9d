//! `import`: a signer's key from BIP 39 words or an extended private key, or the public half of a device's.

use super::Context;
use super::keygen::{Account, SignerKeys, refuse_existing, store_signer};
use crate::failure::Failure;
use crate::keystore::vault_key::Origin;
use crate::keystore::{DeviceKey, DeviceKind, Made, VaultKey};
use crate::terminal::read_input;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Bring a signer's key from words or an extended private key; its journal key is always fresh
///
/// A key that lies in a device which no wire joins (Coldcard, Passport, Keystone, Jade, SeedSigner, Krux,
/// or another wallet) stays there: with --device the file holds its public key as the device exports it,
/// and `sign --hand-to` and `sign --answer` go between. Review and journal are this home's.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home alice import words.txt --network regtest\n\
\x20 countersign-signer --home bob import ccxp-73C5DA0A.json --device coldcard\n\
\x20 countersign-signer --home alice import - --network mainnet --origin \\\n\
\x20   [f5acc2fd/48h/0h/0h/2h]")]
pub(super) struct Import {
    /// The file that holds the words or the key, or - for standard input
    file: PathBuf,
    /// The key lies in a device of this kind, and the file holds its public half:
    /// [fingerprint/path]xpub, a BSMS key record, or the JSON of a Coldcard
    #[arg(long, value_name = "KIND")]
    device: Option<DeviceKind>,
    #[command(flatten)]
    account: Account,
    /// Where an account key comes from, as [fingerprint/path]
    #[arg(long, conflicts_with = "path")]
    origin: Option<Origin>,
}

impl Import {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        refuse_existing(&home)?;
        let name = self.account.name_in(&home)?;
        if let Some(kind) = self.device.clone() {
            return self.device_key(context, kind);
        }
        let (network, path) = self.account.network_and_path()?;
        let bytes = Zeroizing::new(read_input(&self.file, 4096)?);
        let text = Zeroizing::new(String::from_utf8_lossy(&bytes).trim().to_owned());
        let key = if text.contains(char::is_whitespace) {
            VaultKey::from_words(&text, network, &path)?
        } else {
            VaultKey::from_xpriv(&text, network, &path, self.origin)?
        };
        let passphrase = context.new_passphrase()?;
        store_signer(
            context,
            &home,
            SignerKeys::Sealed(&key, Made::Imported),
            &passphrase,
            self.account.record(&name),
        )
    }

    /// Stores the public half of a key that stays in its device.
    fn device_key(&self, context: &mut Context, kind: DeviceKind) -> Result<(), Failure> {
        let home = context.home()?;
        let name = self.account.name_in(&home)?;
        // Larger than any export of one account, and far below a wallet's backup.
        let bytes = read_input(&self.file, 64 * 1024)?;
        let exported = String::from_utf8_lossy(&bytes);
        let network = self.account.network();
        let key = DeviceKey::read(kind, &exported, self.origin.as_ref(), network)?;
        let passphrase = context.new_passphrase()?;
        let names = self.account.record(&name);
        store_signer(context, &home, SignerKeys::Public(&key), &passphrase, names)
    }
}
