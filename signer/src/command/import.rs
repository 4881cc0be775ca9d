//! `import`: a signer's key from BIP 39 words or an extended private key, or the public half of a device's.

use super::Context;
#[cfg(feature = "devices")]
use super::device::{WireArgs, read_key};
use super::keygen::{Account, SignerKeys, refuse_existing, store_signer};
#[cfg(feature = "devices")]
use crate::device::Wanted;
use crate::failure::Failure;
use crate::keystore::vault_key::Origin;
use crate::keystore::{DeviceKey, DeviceKind, Made, VaultKey};
use crate::terminal::read_input;
use std::path::{Path, PathBuf};
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
\x20 countersign-signer --home carol import --device ledger --from-device \\\n\
\x20   --network mainnet\n\
\x20 countersign-signer --home alice import - --network mainnet --origin \\\n\
\x20   [f5acc2fd/48h/0h/0h/2h]")]
pub(super) struct Import {
    /// The file that holds the words or the key, or - for standard input
    #[cfg_attr(feature = "devices", arg(required_unless_present = "from_device"))]
    #[cfg_attr(not(feature = "devices"), arg(required = true))]
    file: Option<PathBuf>,
    /// The key lies in a device of this kind, and the file holds its public half:
    /// [fingerprint/path]xpub, a BSMS key record, or the JSON of a Coldcard
    #[arg(long, value_name = "KIND")]
    device: Option<DeviceKind>,
    /// Read that public half from the device itself, which is plugged in
    #[cfg(feature = "devices")]
    #[arg(long, requires = "device", conflicts_with_all = ["file", "origin"])]
    from_device: bool,
    #[command(flatten)]
    account: Account,
    /// Where an account key comes from, as [fingerprint/path]
    #[arg(long, conflicts_with = "path")]
    origin: Option<Origin>,
    #[cfg(feature = "devices")]
    #[command(flatten)]
    wire: WireArgs,
}

/// What protects from a tool, a file or a computer that gives another key than the device has.
const COMPARE: &str = "\
Compare this key with the one that the device itself shows. Once the policy is
pinned, see its first address on the device (`address 0`, or its own menu)
before anything is paid to it: whoever gave another key here would own it.";

impl Import {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        refuse_existing(&home)?;
        let name = self.account.name_in(&home)?;
        if let Some(kind) = self.device.clone() {
            return self.device_key(context, kind);
        }
        let (network, path) = self.account.network_and_path()?;
        let bytes = Zeroizing::new(read_input(self.file(), 4096)?);
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

    /// Required where nothing is read from a device.
    fn file(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new("-"))
    }

    /// What a device exported: read from it, or from a file.
    #[cfg_attr(
        not(feature = "devices"),
        expect(unused_variables, reason = "without a wire nobody asks which device")
    )]
    fn exported(&self, context: &mut Context, kind: &DeviceKind) -> Result<String, Failure> {
        #[cfg(feature = "devices")]
        if self.from_device {
            let (network, path) = self.account.network_and_path()?;
            let wanted = Wanted::Kind(kind.clone());
            return read_key(context, &self.wire, &wanted, network, &path);
        }
        // Larger than any export of one account, and far below a wallet's backup.
        let bytes = read_input(self.file(), 64 * 1024)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Stores the public half of a key that stays in its device.
    fn device_key(&self, context: &mut Context, kind: DeviceKind) -> Result<(), Failure> {
        let home = context.home()?;
        let name = self.account.name_in(&home)?;
        let exported = self.exported(context, &kind)?;
        let network = self.account.network();
        let key = DeviceKey::read(kind, &exported, self.origin.as_ref(), network)?;
        let passphrase = context.new_passphrase()?;
        let names = self.account.record(&name);
        store_signer(context, &home, SignerKeys::Public(&key), &passphrase, names)?;
        context.terminal.talk(COMPARE);
        Ok(())
    }
}
