//! The vault's descriptor: scripts, weights, PSBT fields.
