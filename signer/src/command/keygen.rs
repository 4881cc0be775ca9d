//! `keygen`: fresh keys, and the record that names them in a policy.

use super::Context;
use crate::failure::{Class, Failure};
use crate::home::{Home, KeyName};
use crate::keystore::{
    Cost, DeviceKey, Kind, Made, Passphrase, PersonKey, VaultKey, durable, vault_key,
};
use bitcoin::Network;
use bitcoin::bip32::DerivationPath;
use bitcoin::secp256k1::Secp256k1;
use policies::document::network_of_name;
use std::path::PathBuf;

/// Make a signer's key with its journal key, or an approver's or requester's key or passkey
///
/// A signer's key comes from 24 fresh words, shown once: write them down. Prints the record to put
/// into the policy.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home alice keygen --network regtest --name alice\n\
\x20 countersign-signer --home dana keygen --approval dana\n\
\x20 countersign-signer --home exchange keygen --request exchange")]
pub(super) struct Keygen {
    /// Make an approver's key of this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["request", "network", "path", "words_file"])]
    approval: Option<KeyName>,
    /// Make a requester's key of this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["network", "path", "words_file"])]
    request: Option<KeyName>,
    /// Register an approver's passkey of this name, on this computer's own page
    #[cfg(feature = "online")]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["approval", "request", "network", "path", "words_file"])]
    passkey: Option<KeyName>,
    /// The port of the page at which the passkey will be used
    #[cfg(feature = "online")]
    #[arg(long, value_name = "PORT", requires = "passkey", default_value_t = crate::passkey::DEFAULT_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    #[command(flatten)]
    account: Account,
    /// Write the words to this new file instead of showing them
    #[arg(long, value_name = "FILE")]
    words_file: Option<PathBuf>,
}

/// Which account, and how the policy shall name it.
#[derive(Debug, clap::Args)]
pub(super) struct Account {
    /// The network: mainnet, testnet4, signet or regtest
    #[arg(long, value_parser = network)]
    network: Option<Network>,
    /// The account's derivation path [default: m/48h/COINh/0h/2h]
    #[arg(long)]
    path: Option<DerivationPath>,
    /// The signer's name in the policy record [default: that of the home folder]
    #[arg(long, value_name = "NAME")]
    name: Option<KeyName>,
    /// The person who holds it in the policy record [default: the name]
    #[arg(long, value_name = "NAME")]
    person: Option<KeyName>,
}

impl Keygen {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        #[cfg(feature = "online")]
        if let Some(name) = &self.passkey {
            return super::on_page::register(context, &home, name, self.port);
        }
        match (&self.approval, &self.request) {
            (Some(name), _) => person_key(context, &home, Kind::Approval, name),
            (None, Some(name)) => person_key(context, &home, Kind::Request, name),
            (None, None) => self.signer_key(context, &home),
        }
    }

    fn signer_key(&self, context: &mut Context, home: &Home) -> Result<(), Failure> {
        refuse_existing(home)?;
        let name = self.account.name_in(home)?;
        let (network, path) = self.account.network_and_path()?;
        let passphrase = context.new_passphrase()?;
        let words = vault_key::fresh_words()?;
        let key = VaultKey::from_words(&words, network, &path)?;
        // The words come first: a key whose words nobody has must never receive money.
        if let Some(file) = &self.words_file {
            durable::write_new(file, format!("{}\n", words.as_str()).as_bytes())?;
        } else {
            let terminal = &mut context.terminal;
            terminal.talk("Write these words down; they are shown once:");
            terminal.talk(&numbered(&words));
        }
        store_signer(
            context,
            home,
            SignerKeys::Sealed(&key, Made::Generated),
            &passphrase,
            self.account.record(&name),
        )
    }
}

/// The names of a signer in the policy record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    name: &'a KeyName,
    person: &'a KeyName,
}

impl Account {
    /// The network, if one is named.
    pub(super) fn network(&self) -> Option<Network> {
        self.network
    }

    /// The signer's name: the one given, or that of the home folder.
    pub(super) fn name_in(&self, home: &Home) -> Result<KeyName, Failure> {
        let folder = || home.folder().file_name()?.to_str()?.parse().ok();
        self.name.clone().or_else(folder).ok_or_else(|| {
            let message = "no name for the policy record, and the home folder's is none";
            Failure::because(Class::Usage, "NO_NAME", message)
                .hinted("give --name NAME, of 1 to 32 of a-z, 0-9 and -")
        })
    }

    /// What the record says of a signer of this name.
    pub(super) fn record<'a>(&'a self, name: &'a KeyName) -> Names<'a> {
        let person = self.person.as_ref().unwrap_or(name);
        Names { name, person }
    }

    pub(super) fn network_and_path(&self) -> Result<(Network, DerivationPath), Failure> {
        let network = self.network.ok_or_else(|| {
            Failure::because(Class::Usage, "NO_NETWORK", "no network named")
                .hinted("give --network mainnet, testnet4, signet or regtest")
        })?;
        let path = self.path.clone();
        let path = path.unwrap_or_else(|| vault_key::default_path(network));
        Ok((network, path))
    }
}

/// The network of a policy's name for it.
pub(super) fn network(name: &str) -> Result<Network, UnknownNetwork> {
    network_of_name(name).ok_or(UnknownNetwork)
}

/// A name is no network's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not mainnet, testnet4, signet or regtest")]
pub(super) struct UnknownNetwork;

/// Refuses before anything is written when the home has a signer's key.
pub(super) fn refuse_existing(home: &Home) -> Result<(), Failure> {
    for kind in [Kind::Vault, Kind::Journal] {
        if home.holds(kind, None) {
            let message = format!("this home holds a {kind} key already");
            return Err(Failure::because(Class::Usage, "KEY_EXISTS", message)
                .hinted("a key is never overwritten; use another home folder"));
        }
    }
    Ok(())
}

/// What is stored of a signer's key.
#[derive(Debug, Clone, Copy)]
pub(super) enum SignerKeys<'a> {
    /// All of it, sealed.
    Sealed(&'a VaultKey, Made),
    /// The public half: a device holds the rest.
    Public(&'a DeviceKey),
}

/// Stores a signer's key with a fresh journal key, and answers with its record.
pub(super) fn store_signer(
    context: &mut Context,
    home: &Home,
    keys: SignerKeys<'_>,
    passphrase: &Passphrase,
    names: Names<'_>,
) -> Result<(), Failure> {
    let (journal, journal_file) =
        PersonKey::generate(Kind::Journal, passphrase, Cost::RECOMMENDED)?;
    let (public, device) = match keys {
        SignerKeys::Sealed(key, made) => {
            let key_file = key.seal(made, passphrase, Cost::RECOMMENDED)?;
            home.store(&journal_file, None)?;
            home.store(&key_file, None)?;
            (key.public(&Secp256k1::new()).to_string(), "software")
        }
        SignerKeys::Public(key) => {
            home.store(&journal_file, None)?;
            home.store_device_key(key)?;
            (key.text().to_owned(), key.kind().name())
        }
    };
    let journal = journal.public();
    let Names { name, person } = names;
    let record = format!(
        "[[signers]]\nname = \"{name}\"\nperson = \"{person}\"\n\
         device = {{ kind = \"{device}\" }}\nkey = \"{public}\"\njournal = \"{journal}\"\n"
    );
    let value = serde_json::json!({
        "kind": "signer",
        "name": name.to_string(),
        "device": device,
        "key": public,
        "journal": journal,
        "record": record,
    });
    context.terminal.answer(&record, &value)
}

fn person_key(
    context: &mut Context,
    home: &Home,
    kind: Kind,
    name: &KeyName,
) -> Result<(), Failure> {
    let passphrase = context.new_passphrase()?;
    let (key, sealed) = PersonKey::generate(kind, &passphrase, Cost::RECOMMENDED)?;
    home.store(&sealed, Some(name))?;
    let public = key.public();
    let keys = format!("keys = [{{ key = \"{public}\", tool = \"own\" }}]\n");
    let (word, record) = if kind == Kind::Approval {
        let head = format!("[[approvers]]\nname = \"{name}\"\nperson = \"{name}\"\ngroups = []\n");
        ("approver", head + &keys)
    } else {
        (
            "requester",
            format!("[[requesters]]\nname = \"{name}\"\n") + &keys,
        )
    };
    let value = serde_json::json!({
        "kind": word,
        "name": name.to_string(),
        "key": public,
        "key_id": public.id(),
        "record": record,
    });
    context.terminal.answer(&record, &value)
}

/// The words in rows of four, each with its number.
fn numbered(words: &str) -> String {
    let numbered: Vec<String> = (1_usize..)
        .zip(words.split(' '))
        .map(|(number, word)| format!("{number:>2} {word:<9}"))
        .collect();
    let rows = numbered.chunks(4).map(|row| row.join(" "));
    rows.map(|row| row.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_numbered_in_rows_of_four() {
        let shown = numbered("abandon ability able about above");
        assert_eq!(
            shown,
            " 1 abandon    2 ability    3 able       4 about\n 5 above"
        );
    }
}
