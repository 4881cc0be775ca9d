//! Tests of receipt.
