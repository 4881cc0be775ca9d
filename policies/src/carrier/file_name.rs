//! Names of files that travel on cards: plain ASCII, short, a hint for people and never believed.

use bitcoin::Txid;

/// What a file holds, as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// A PSBT to be signed.
    ToSign,
    /// A PSBT to be signed by a device that takes no manifest.
    ForDevice,
    /// Signatures that came back.
    Signed,
}

/// The name of a transfer's file: eight digits of its txid, and what it is.
///
/// Devices put their own endings to it (`-part`, `-signed`, `-final`), which are not read: replies are
/// matched by the transaction that they sign.
pub fn file_name(txid: &Txid, stage: Stage) -> String {
    named(txid, 8, stage)
}

/// The same with 32 digits, which nobody makes two transactions share: where another's file has the short name.
pub fn long_file_name(txid: &Txid, stage: Stage) -> String {
    named(txid, 32, stage)
}

fn named(txid: &Txid, digits: usize, stage: Stage) -> String {
    let digits: String = txid.to_string().chars().take(digits).collect();
    let ending = match stage {
        Stage::ToSign => "",
        Stage::ForDevice => "-dev",
        Stage::Signed => "-signed",
    };
    format!("{digits}{ending}.psbt")
}
