//! What reports promise.
