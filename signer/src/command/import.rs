//! `import`: a signer's key from BIP 39 words or an extended private key.

use super::Context;
use super::keygen::{Account, refuse_existing, store_signer};
use crate::failure::Failure;
use crate::keystore::vault_key::Origin;
use crate::keystore::{Made, VaultKey};
use crate::terminal::read_input;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Bring a signer's key from words or an extended private key; its journal key is always fresh
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home alice import words.txt --network regtest\n\
\x20 countersign-signer --home alice import - --network mainnet --origin \\\n\
\x20   [f5acc2fd/48h/0h/0h/2h]")]
pub(super) struct Import {
    /// The file that holds the words or the key, or - for standard input
    file: PathBuf,
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
            &key,
            Made::Imported,
            &passphrase,
            self.account.record(&name),
        )
    }
}
