//! The signatures collected for one attempt.
