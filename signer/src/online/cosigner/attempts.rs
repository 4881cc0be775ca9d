//! What a co-signer needs of a coordinator, whoever answers.

use super::super::http::CoordinatorError;
use bitcoin::Txid;
use policies::VaultId;
use policies::rules::Said;
use policies::succession::SuccessionFile;

/// What a co-signer needs of a coordinator.
pub trait Attempts {
    /// The issued attempts of a vault that miss a signer's signatures.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn missing(&self, vault: VaultId, signer: &str) -> Result<Vec<Txid>, CoordinatorError>;

    /// The PSBT of an attempt.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn psbt(&self, txid: Txid) -> Result<Vec<u8>, CoordinatorError>;

    /// The statements about open lists that the coordinator keeps, as JSON; nothing where it keeps none.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn statements(&self, vault: VaultId) -> Result<Vec<u8>, CoordinatorError>;

    /// The files of next versions that the coordinator keeps; none where it keeps none.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn successions(&self, vault: VaultId) -> Result<Vec<SuccessionFile>, CoordinatorError>;

    /// The transactions that a signer is wished to void, and did not yet; none where the coordinator wishes none.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn wished_voids(&self, vault: VaultId, signer: &str) -> Result<Vec<Txid>, CoordinatorError>;

    /// Hands in a void.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn submit_void(&self, txid: Txid, void: &[u8]) -> Result<(), CoordinatorError>;

    /// Hands in the acknowledgement of a version; the same again is harmless.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn submit_ack(&self, vault: VaultId, ack: &Said) -> Result<(), CoordinatorError>;

    /// The head of the coordinator's event chain.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn event_head(&self) -> Result<Option<[u8; 32]>, CoordinatorError>;

    /// Hands in signatures.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn submit(&self, txid: Txid, signatures: &[u8]) -> Result<(), CoordinatorError>;
}
