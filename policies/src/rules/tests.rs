//! What rules promise.
