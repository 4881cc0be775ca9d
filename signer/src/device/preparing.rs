//! What a tool is given of a transfer: version 0, without our records, with each cosigner's extended key.

use bitcoin::psbt::Psbt;
use policies::descriptor::VaultDescriptor;

/// The PSBT for a tool, always of version 0: into one of version 2, HWI 3.2.0 writes another transaction version.
///
/// HWI tells a Ledger who the cosigners are from the global extended keys alone (BIP 174, `PSBT_GLOBAL_XPUB`), and
/// signs nothing, in silence, where they are missing.
pub fn for_wire(handed: &[u8], descriptor: &VaultDescriptor) -> Vec<u8> {
    let mut psbt = Psbt::deserialize(handed).expect("what is handed over was written as a PSBT");
    // Those of the coordinator may be fewer, or of other keys too, and HWI composes what it registers from them.
    let keys = descriptor.key_positions().iter();
    psbt.xpub = keys
        .map(|key| (key.xpub, (key.fingerprint, key.path.clone())))
        .collect();
    psbt.serialize()
}

/// How a kind of device words what is compared, as a text to follow the comparison; empty where nobody wrote it
/// down.
pub fn screens(kind: &str) -> &'static str {
    match kind {
        "ledger" => {
            "A Ledger asks to review the transaction, names the registered policy,\n\
             then shows each payment as \"Amount\" and \"To\", then \"Fees\". Change back\n\
             to the registered policy is not shown; an output too many is none.\n"
        }
        "trezor" | "keepkey" => {
            "It shows each payment as \"Recipient\" or \"Confirm sending\" with its amount,\n\
             then the total and the fee. Change of the same multisig is not shown.\n"
        }
        "bitbox02" => {
            "A BitBox02 names the registered account, shows each \"Recipient\" with its\n\
             amount, then \"Total\" and \"Fee\". Change is not shown.\n"
        }
        "jade" => {
            "A Jade shows each output with its address and amount, and the fee last.\n\
             Change of a registered wallet is not shown.\n"
        }
        "specter-diy" => {
            "A Specter-DIY names the wallet, lists the outputs with their amounts, marks\n\
             change, and shows the fee.\n"
        }
        _ if kind.starts_with("coldcard") => {
            "A Coldcard asks \"OK TO SEND?\", lists each output with its address, then\n\
             \"Network fee\", and change as going back.\n"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_screens_fits_a_terminal() {
        for kind in [
            "ledger",
            "trezor",
            "bitbox02",
            "jade",
            "specter-diy",
            "coldcard-q",
        ] {
            let text = screens(kind);
            assert!(text.ends_with('\n'), "{kind}");
            assert!(text.lines().all(|line| line.len() <= 80), "{kind}");
        }
        assert_eq!(screens("krux"), "");
    }
}
