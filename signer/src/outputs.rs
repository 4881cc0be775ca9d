//! Files that a person names for what leaves a home, written so that nothing that they have is lost.
//!
//! Invariant: nothing is written into the home, and what is there is replaced only by the same bytes or by an answer to
//! the same transaction that has all signatures of the one before; a transfer, which no answer gives back, never.

use crate::failure::{Class, Explained};
use crate::home::Home;
use crate::keystore::{WriteError, durable};
use crate::terminal::read_bounded;
use bitcoin::Txid;
use policies::psbt::{MAX_BYTES, OfferedSignature, read_intake, read_strict, to_binary};
use std::path::{Path, PathBuf};

/// Why a file is not written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It would lie in the home, among keys and the journal.
    #[error("{} lies in the home itself", .0.display())]
    InHome(PathBuf),
    /// Its folder is not there.
    #[error("there is no folder {}", .0.display())]
    NoFolder(PathBuf),
    /// Something else has that name.
    #[error("{} holds something else", .0.display())]
    Taken(PathBuf),
    /// The operating system refuses.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Explained for OutputError {
    fn class(&self) -> Class {
        match self {
            Self::InHome(_) | Self::NoFolder(_) | Self::Taken(_) => Class::Usage,
            Self::Write(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::InHome(_) => "OUTPUT_IN_HOME",
            Self::NoFolder(_) => "NO_FOLDER",
            Self::Taken(_) => "OUTPUT_TAKEN",
            Self::Write(error) => error.code(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::InHome(_) => {
                "name a file outside the home: what leaves it is no part of it".to_owned()
            }
            Self::NoFolder(_) => {
                "make the folder first, or put the card in and mount it".to_owned()
            }
            Self::Taken(_) => {
                "nothing is overwritten: name a file that is not there yet".to_owned()
            }
            Self::Write(error) => error.hint(),
        }
    }
}

/// Whether a file can be written once there is something for it: asked before anything is journalled.
///
/// # Errors
/// [`OutputError`], but never for what is there already.
pub fn expect_writable(home: Option<&Home>, file: &Path) -> Result<(), OutputError> {
    let folder = durable::folder_of(file);
    if !folder.is_dir() {
        return Err(OutputError::NoFolder(folder.to_owned()));
    }
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if home.is_some_and(|home| real(folder).starts_with(real(home.folder()))) {
        return Err(OutputError::InHome(file.to_owned()));
    }
    Ok(durable::try_folder(file)?)
}

/// Whether a file is not there, or holds an earlier answer to this transaction: asked before anything is journalled.
///
/// # Errors
/// [`OutputError::Taken`].
pub fn expect_free(file: &Path, txid: &Txid) -> Result<(), OutputError> {
    if file.symlink_metadata().is_err() || is_of(file, txid) {
        return Ok(());
    }
    Err(OutputError::Taken(file.to_owned()))
}

/// Whether a file holds what answers this transaction, or was made of its transfer for a device.
fn is_of(file: &Path, txid: &Txid) -> bool {
    read(file).is_some_and(|there| is_answer(&there, txid))
}

/// A transfer has the same id, and holds what no answer gives back.
fn is_answer(there: &[u8], txid: &Txid) -> bool {
    let is_transfer = to_binary(there).is_ok_and(|binary| read_strict(&binary).is_ok());
    !is_transfer && txid_of(there) == Some(*txid)
}

/// Writes it.
///
/// # Errors
/// [`OutputError`]; then what was there is there still.
pub fn write(home: Option<&Home>, file: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    expect_writable(home, file)?;
    if !is_free_for(file, bytes) {
        return Err(OutputError::Taken(file.to_owned()));
    }
    Ok(durable::replace(file, bytes)?)
}

/// Whether a file is not there, or may be replaced by these bytes.
pub fn is_free_for(file: &Path, bytes: &[u8]) -> bool {
    file.symlink_metadata().is_err() || may_replace(file, bytes)
}

/// Whether a file holds the same, or an earlier answer to the same transaction that these bytes have all of: another
/// signer's answer stays.
fn may_replace(file: &Path, bytes: &[u8]) -> bool {
    read(file).is_some_and(|there| there == bytes || is_in(&there, bytes))
}

fn is_in(there: &[u8], bytes: &[u8]) -> bool {
    let (Ok(earlier), Ok(new)) = (read_intake(there), read_intake(bytes)) else {
        return false;
    };
    let has = |one: &OfferedSignature| new.signatures.contains(one);
    is_answer(there, &new.txid) && earlier.signatures.iter().all(has)
}

fn read(file: &Path) -> Option<Vec<u8>> {
    // Hex takes twice the bytes.
    let most = u64::try_from(MAX_BYTES.saturating_mul(3)).unwrap_or(u64::MAX);
    // A pipe of that name would be waited for.
    let is_file = file.metadata().is_ok_and(|found| found.is_file());
    is_file.then(|| read_bounded(file, most).ok()).flatten()
}

fn txid_of(bytes: &[u8]) -> Option<Txid> {
    read_intake(bytes).ok().map(|intake| intake.txid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::absolute::LockTime;
    use bitcoin::psbt::Psbt;
    use bitcoin::secp256k1::{Message, Secp256k1, SecretKey};
    use bitcoin::transaction::Version;
    use bitcoin::{Amount, PublicKey, ScriptBuf, Transaction, TxIn, TxOut, ecdsa};

    #[cfg(unix)]
    #[test]
    fn a_pipe_with_that_name_is_something_else_and_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("reply");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo starts").success());
        let error = write(None, &pipe, b"reply").expect_err("is taken");
        assert_eq!(error.code(), "OUTPUT_TAKEN");
    }

    /// An answer to one transaction, with a signature of each of these keys.
    fn answer(keys: &[u8]) -> Vec<u8> {
        let transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn::default()],
            output: vec![TxOut {
                value: Amount::from_sat(1_000),
                script_pubkey: ScriptBuf::new(),
            }],
        };
        let mut psbt = Psbt::from_unsigned_tx(transaction).expect("is unsigned");
        let secp = Secp256k1::new();
        for key in keys {
            let secret = SecretKey::from_slice(&[*key; 32]).expect("a key");
            let signature = secp.sign_ecdsa(&Message::from_digest([7; 32]), &secret);
            let signature = ecdsa::Signature::sighash_all(signature);
            let key = PublicKey::new(secret.public_key(&secp));
            psbt.inputs[0].partial_sigs.insert(key, signature);
        }
        psbt.serialize()
    }

    #[test]
    fn an_answer_is_replaced_by_one_that_has_all_of_it_and_another_signers_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("w1-signed.psbt");
        write(None, &file, &answer(&[1])).expect("writes");
        write(None, &file, &answer(&[1, 2])).expect("has all of it");
        for others in [answer(&[1]), answer(&[3]), answer(&[])] {
            let error = write(None, &file, &others).expect_err("would lose one");
            assert_eq!(error.code(), "OUTPUT_TAKEN");
            assert!(!is_free_for(&file, &others));
        }
        assert_eq!(std::fs::read(&file).expect("reads"), answer(&[1, 2]));
    }

    #[test]
    fn nothing_is_written_into_the_home_nor_over_anything_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(folder.path().join("alice"));
        std::fs::create_dir(home.folder()).expect("makes");
        let inside = home.folder().join("journal.jsonl");
        let error = write(Some(&home), &inside, b"reply").expect_err("is in the home");
        assert_eq!(error.code(), "OUTPUT_IN_HOME");
        let around = folder.path().join("alice/../alice/new");
        let error = write(Some(&home), &around, b"reply").expect_err("is in the home");
        assert_eq!(error.code(), "OUTPUT_IN_HOME");
        let out = folder.path().join("reply");
        write(Some(&home), &out, b"reply").expect("writes");
        write(Some(&home), &out, b"reply").expect("writes the same");
        let error = write(Some(&home), &out, b"other").expect_err("is taken");
        assert_eq!(error.code(), "OUTPUT_TAKEN");
        assert_eq!(std::fs::read(&out).expect("reads"), b"reply");
        let nowhere = folder.path().join("card/reply");
        let error = expect_writable(None, &nowhere).expect_err("has no folder");
        assert_eq!(error.code(), "NO_FOLDER");
        assert_eq!(std::fs::read_dir(folder.path()).expect("lists").count(), 2);
    }
}
