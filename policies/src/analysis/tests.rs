//! What the analysis promises.
