//! The form that asks a person's own tool to review and approve a version.
//!
//! The page passes the vault, the version's id and where to come back to, and nothing else: the tool fetches the bytes,
//! checks that they hash to that id, shows what it read, and signs with the person's own key.

use policies::{PolicyId, VaultId};

use crate::ui::Ui;
use crate::ui::visitor::Visitor;

/// The form, where the person's tool is paired.
#[derive(Debug, Clone)]
pub(super) struct AskForm {
    /// Where it is sent.
    pub(super) action: String,
    /// The vault.
    pub(super) vault: String,
    /// The id of the version.
    pub(super) hash: String,
    /// The page to come back to.
    pub(super) back: String,
}

impl AskForm {
    /// The form that asks to approve a version; none while no tool is paired.
    pub(super) fn to_approve(
        ui: &Ui,
        visitor: &Visitor,
        vault: VaultId,
        version: PolicyId,
    ) -> Option<Self> {
        let port = visitor.bridge?;
        let origin = ui.public.origin();
        Some(Self {
            action: format!("http://localhost:{port}/ask"),
            vault: vault.to_string(),
            hash: version.to_string(),
            back: format!("{origin}/vaults/{vault}/policy/versions/{version}"),
        })
    }
}
