//! The words around what a page asks a person to sign besides verdicts: titles, sentences and buttons.

use crate::document::Policy;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matter {
    /// A withdrawal, by its requester.
    Request,
    /// The addition of a destination to an open list.
    ListAdd,
    /// The removal of a destination.
    ListRemove,
    /// That a first payment arrived.
    ListConfirm,
    /// The next version of the policy.
    Version,
    /// A stop of the vault.
    Stop,
    /// The release of a stop.
    Release,
    /// A transfer, by a signer's key.
    Transfer,
    /// A transfer, by a signer's device.
    TransferOnDevice,
}

/// What it is called.
pub const fn matter_title(matter: Matter) -> &'static str {
    match matter {
        Matter::Request => "Request a withdrawal",
        Matter::ListAdd => "Add a destination to a list",
        Matter::ListRemove => "Remove a destination from its list",
        Matter::ListConfirm => "Confirm a first payment",
        Matter::Version => "Approve the next version of the policy",
        Matter::Stop => "Stop the vault",
        Matter::Release => "Release a stop",
        Matter::Transfer => "Countersign a transfer",
        Matter::TransferOnDevice => "Countersign a transfer on your device",
    }
}

/// What signing it means, in one or two sentences.
pub fn matter_summary(matter: Matter, policy: &Policy) -> String {
    let vault = &policy.name;
    match matter {
        Matter::Request => format!("Sign this request to {vault} with your key."),
        Matter::ListAdd => {
            format!("Sign that {vault} may pay this destination, once enough persons have.")
        }
        Matter::ListRemove => {
            format!("Sign that {vault} never pays this destination by its list again.")
        }
        Matter::ListConfirm => {
            format!("Sign that the first, small payment of {vault} arrived with the right owner.")
        }
        Matter::Version => format!(
            "Sign that {vault} is to follow this version. Read its document before: you approve all of it."
        ),
        Matter::Stop => {
            format!(
                "Sign that {vault} pays nobody until a quorum releases it. One signature suffices."
            )
        }
        Matter::Release => format!("Sign that {vault} may pay again, once enough persons have."),
        Matter::Transfer => {
            format!("Sign that {vault} makes this transfer, once enough signers have.")
        }
        Matter::TransferOnDevice => format!(
            "Have your device sign that {vault} makes this transfer, once enough signers have. Compare on its screen."
        ),
    }
}

/// What the button says.
pub const fn matter_button(matter: Matter) -> &'static str {
    match matter {
        Matter::Request => "Request it",
        Matter::ListAdd | Matter::ListConfirm | Matter::Version | Matter::Transfer => "Sign it",
        Matter::TransferOnDevice => "Sign on the device",
        Matter::ListRemove => "Remove it",
        Matter::Stop => "Stop the vault",
        Matter::Release => "Release it",
    }
}
