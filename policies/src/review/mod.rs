//! The one check of a PSBT against policy and history.
